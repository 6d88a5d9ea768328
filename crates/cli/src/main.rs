//! The subrosa binary.
fn main() {}
