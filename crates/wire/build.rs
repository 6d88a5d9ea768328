//! Compiles proto/frames.proto with protox, so that no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["frames.proto"], ["proto"])?;
    // Payloads are shared between a connection's queue and others' without copying.
    prost_build::Config::new().bytes(["."]).compile_fds(files)?;
    Ok(())
}
