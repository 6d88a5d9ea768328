//! A client reads a report on what became of messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_engine::content::StatusReport;

fuzz_target!(|bytes: &[u8]| {
    let Ok(report) = StatusReport::decode(bytes) else {
        return;
    };
    // Statuses of later versions are left out, and a report of nothing is none.
    if !report.entries().is_empty() {
        assert_eq!(StatusReport::decode(&report.encode()).as_ref(), Ok(&report));
    }
});
