//! Where commands print: results to standard output; notes, warnings and failures to standard error. With `--json` each
//! of them is one object on one line. Untrusted text is made [`printable()`] here, or escaped, so that no escape sequence
//! reaches the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write};

use jiff::tz::TimeZone;
use serde::Serialize;
use subrosa_client::{Message, MessageStatus, Notice, printable, revealed};

use crate::{
    exit,
    instant::day_and_minute,
    json,
    people::{self, Names},
    shapes::{FailureShape, NoteShape, WarningShape},
};

/// The two streams, and the format of results.
pub(crate) struct Output {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    json: bool,
    zone: TimeZone,
}

impl Output {
    /// Prints to the process's standard streams.
    pub(crate) fn to_terminal(json: bool) -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            json,
            zone: TimeZone::system(),
        }
    }

    #[cfg(test)]
    pub(crate) fn to_memory(json: bool, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            err,
            json,
            zone: TimeZone::UTC,
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Prints a result: the object with `--json`, the text otherwise. The text is made printable here.
    pub(crate) fn result(&mut self, shape: &impl Serialize, text: &str) -> io::Result<()> {
        if self.json {
            json::write_line(&mut self.out, shape)?;
        } else {
            writeln!(self.out, "{}", printable(text))?;
        }
        self.out.flush()
    }

    /// Prints bytes as they are: help, completions.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// Prints a note that is not part of the result. It is no failure if standard error is closed.
    pub(crate) fn note(&mut self, text: &str) {
        self.aside(&NoteShape { note: text }, text);
    }

    /// Prints a warning that concerns the user's security.
    pub(crate) fn warning(&mut self, warning: &WarningShape) {
        self.aside(warning, &format!("warning: {}", warning.warning));
    }

    fn aside(&mut self, shape: &impl Serialize, text: &str) {
        let _ = if self.json {
            json::write_line(&mut self.err, shape)
        } else {
            writeln!(self.err, "subrosa: {}", revealed(text))
        };
    }

    /// Prints why the command failed.
    pub(crate) fn failure(&mut self, error: &anyhow::Error) {
        let text = format!("{error:#}");
        let shape = FailureShape {
            error: &text,
            exit_code: exit::code(error) as u8,
            code: exit::problem_code(error),
        };
        self.aside(&shape, &text);
    }

    /// Prints why a command line was not understood, which quotes what was typed.
    pub(crate) fn misunderstood(&mut self, error: &clap::Error, exit_code: u8) {
        let rendered = error.render().to_string();
        if !self.json {
            let _ = write!(self.err, "{}", revealed(&rendered));
            return;
        }
        // Usage and hints are for people, not for scripts.
        let reason = rendered.split("\n\n").next().unwrap_or_default();
        let shape = FailureShape {
            error: reason.trim_start_matches("error: ").trim_end(),
            exit_code,
            code: None,
        };
        let _ = json::write_line(&mut self.err, &shape);
    }

    /// A line that is no message, as text.
    pub(crate) fn notice_text(&self, notice: &Notice, names: &Names) -> String {
        let at = day_and_minute(notice.at, &self.zone);
        format!("{at}  * {}", people::notice_text(notice, names))
    }

    /// A message as text. Its further lines are indented, so that none can be mistaken for another message.
    pub(crate) fn message_text(&self, message: &Message, names: &Names) -> String {
        let at = day_and_minute(message.sent_at, &self.zone);
        let who = if message.outgoing {
            "you".to_owned()
        } else {
            names.display(message.sender)
        };
        let text = message.text.trim_end_matches('\n').replace('\n', "\n    ");
        let status = match message.status {
            MessageStatus::Unread => "  (new)".to_owned(),
            status if message.outgoing => format!("  ({})", status.as_str()),
            _ => String::new(),
        };
        format!("{at}  {who}: {text}{status}")
    }
}

/// Asks for a confirmation.
pub(crate) fn is_confirmed() -> io::Result<bool> {
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

/// Whether there is a terminal to ask the user on.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot write to memory has failed")]
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::{exit, shapes::DoneShape};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Memory {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(json: bool) -> (Output, Memory, Memory) {
        let (out, err) = (Memory::default(), Memory::default());
        (
            Output::to_memory(json, Box::new(out.clone()), Box::new(err.clone())),
            out,
            err,
        )
    }

    #[test]
    fn a_result_is_an_object_or_a_text() {
        let (mut output, out, _) = output(true);
        output
            .result(&DoneShape { done: "signed out" }, "unused")
            .unwrap();
        assert_eq!(out.text(), "{\"done\":\"signed out\"}\n");
        let (mut output, out, _) = self::output(false);
        output
            .result(&DoneShape { done: "unused" }, "you are signed out")
            .unwrap();
        assert_eq!(out.text(), "you are signed out\n");
    }

    #[test]
    fn no_escape_sequence_reaches_the_terminal() {
        let (mut output, out, err) = output(false);
        output.result(&(), "a\u{1b}[2Jb\u{9b}c\u{202e}d").unwrap();
        output.note("\u{1b}]0;title\u{7}");
        for text in [out.text(), err.text()] {
            assert!(
                !text.trim_end().chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_failure_in_json_has_its_exit_code() {
        let (mut output, out, err) = output(true);
        output.failure(&exit::usage("no text"));
        assert_eq!(err.text(), "{\"error\":\"no text\",\"exit_code\":2}\n");
        assert_eq!(out.text(), "");
    }

    #[test]
    fn with_json_whatever_is_printed_is_an_object() {
        let (mut output, out, err) = output(true);
        output.note("connected");
        output.warning(&WarningShape {
            warning: "a key\u{1b}[2J has changed".into(),
            kind: "server_misbehaved",
            how: Some("false_keys"),
            device: None,
            conversation: None,
            code: None,
        });
        let error =
            <crate::arguments::Arguments as clap::Parser>::try_parse_from(["subrosa", "send"]).unwrap_err();
        output.misunderstood(&error, 2);
        insta::assert_snapshot!(err.text(), @r#"
        {"note":"connected"}
        {"warning":"a key\u001b[2J has changed","kind":"server_misbehaved","how":"false_keys"}
        {"error":"the following required arguments were not provided:\n  <CHAT>","exit_code":2}
        "#);
        assert_eq!(out.text(), "");
    }
}
