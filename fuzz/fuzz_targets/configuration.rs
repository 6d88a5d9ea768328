//! The operator writes a configuration file: it is taken, or refused with a line that says why.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_server::config::{Config, Overrides};

fuzz_target!(|text: &str| {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("the file can be written");
    let overrides = Overrides {
        file: Some(file.path().to_owned()),
        ..Overrides::default()
    };
    if let Err(error) = Config::load_with(&overrides, []) {
        assert!(!error.to_string().is_empty());
    }
});
