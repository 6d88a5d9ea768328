//! What a browser was seen to do: its requests, and what it complained about.

use std::sync::{Arc, Mutex, PoisonError};

/// What goes wrong in a page and must not: an error on the console, an uncaught exception, a violation of the
/// content security policy, a crash.
#[derive(Debug, Clone)]
pub struct Complaint {
    /// The page or worker.
    pub place: String,
    /// What was said.
    pub text: String,
}

/// A request of a page or worker.
#[derive(Debug, Clone)]
pub struct Request {
    /// The page or worker.
    pub place: String,
    /// Where it went.
    pub url: String,
}

/// All that was seen. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    complaints: Vec<Complaint>,
    requests: Vec<Request>,
    /// Parts of complaints that the test provokes.
    expected: Vec<String>,
}

impl Seen {
    pub(super) fn complaint(&self, place: &str, text: String) {
        let complaint = Complaint {
            place: place.to_owned(),
            text,
        };
        self.notes().complaints.push(complaint);
    }

    pub(super) fn request(&self, place: &str, url: &str) {
        let request = Request {
            place: place.to_owned(),
            url: url.to_owned(),
        };
        self.notes().requests.push(request);
    }

    pub(super) fn expect(&self, part: &str) {
        self.notes().expected.push(part.to_owned());
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.notes().requests.clone()
    }

    /// All complaints, expected or not.
    pub(super) fn complaints(&self) -> Vec<Complaint> {
        self.notes().complaints.clone()
    }

    /// The complaints that nobody expected.
    pub(super) fn surprises(&self) -> Vec<Complaint> {
        let notes = self.notes();
        let is_expected =
            |complaint: &Complaint| notes.expected.iter().any(|part| complaint.text.contains(part));
        notes
            .complaints
            .iter()
            .filter(|complaint| !is_expected(complaint))
            .cloned()
            .collect()
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
