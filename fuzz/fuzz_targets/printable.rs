//! Text of others is shown: nothing steers the terminal, and what is printable stays as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_engine::content::{printable, printable_line};

fuzz_target!(|text: &str| {
    let shown = printable(text);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
    assert_eq!(printable(&shown), shown);
    let line = printable_line(text);
    assert!(!line.chars().any(char::is_control));
    assert_eq!(printable_line(&line), line);
});
