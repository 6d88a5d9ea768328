//! Somebody writes the address of a server: what is taken reads back, and never carries a password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_client::ServerUrl;

fuzz_target!(|text: &str| {
    match text.parse::<ServerUrl>() {
        Ok(url) => {
            let shown = url.to_string();
            let read: ServerUrl = shown.parse().expect("we wrote it");
            assert_eq!(read.to_string(), shown);
            assert_eq!(read.is_exposed(), url.is_exposed());
            assert!(!(url.is_encrypted() && url.is_exposed()));
            assert!(!shown.contains(['?', '#']), "{shown}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
