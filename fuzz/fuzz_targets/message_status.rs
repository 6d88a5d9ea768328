//! A client reads a report on what became of messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_engine::content::StatusReport;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(report) = StatusReport::decode(bytes) {
        assert_eq!(report.encode(), bytes);
    }
});
