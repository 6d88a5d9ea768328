//! JSON for terminals and scripts: one object per line, in which every character that a terminal could act on (control
//! characters, including C1, and direction marks) is escaped. It stays the same JSON value.

use std::io;

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// Writes one object as one line.
pub(crate) fn write_line(out: &mut dyn io::Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, TerminalSafe))?;
    out.write_all(b"\n")
}

struct TerminalSafe;

impl Formatter for TerminalSafe {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut written = 0;
        for (at, character) in fragment
            .char_indices()
            .filter(|(_, character)| is_obeyed(*character))
        {
            writer.write_all(&fragment.as_bytes()[written..at])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = at + character.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

/// Whether a terminal might do anything other than show it. JSON itself escapes C0.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot read its own output has failed"
    )]
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> String {
        let mut out = Vec::new();
        write_line(&mut out, &text).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(line("a\u{1b}[2Jb"), "\"a\\u001b[2Jb\"\n");
        assert_eq!(
            line("\u{9b}31m \u{7f} \u{202e}x"),
            "\"\\u009b31m \\u007f \\u202ex\"\n"
        );
        assert_eq!(line("\u{e0041}"), "\"\\udb40\\udc41\"\n");
        assert_eq!(line("žluťoučký 🌹"), "\"žluťoučký 🌹\"\n");
    }

    proptest! {
        #[test]
        fn any_text_reads_back_and_stays_on_one_line(text in any::<String>()) {
            let line = line(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
            prop_assert!(!line.trim_end_matches('\n').chars().any(is_obeyed));
        }
    }
}
