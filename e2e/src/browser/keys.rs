//! Keys by name, for both protocols.

/// A key, with those held down before it.
pub(super) struct Chord {
    pub(super) held: Vec<Key>,
    pub(super) key: Key,
}

/// A key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// As `KeyboardEvent.key`.
    pub(super) name: String,
    /// As `KeyboardEvent.code`.
    pub(super) code: String,
    /// The number that Chromium wants.
    pub(super) number: u32,
    /// What it writes, if nothing is held down but Shift.
    pub(super) text: String,
    /// How WebDriver names it.
    pub(super) webdriver: char,
    /// Its bit among the modifiers of the DevTools protocol.
    pub(super) modifier: u32,
}

/// The keys that write nothing, or not their own name: name, code, number, text, WebDriver, modifier.
const NAMED: &[(&str, &str, u32, &str, char, u32)] = &[
    ("Enter", "Enter", 13, "\r", '\u{e007}', 0),
    ("Tab", "Tab", 9, "", '\u{e004}', 0),
    ("Escape", "Escape", 27, "", '\u{e00c}', 0),
    ("Backspace", "Backspace", 8, "", '\u{e003}', 0),
    ("Delete", "Delete", 46, "", '\u{e017}', 0),
    ("ArrowLeft", "ArrowLeft", 37, "", '\u{e012}', 0),
    ("ArrowUp", "ArrowUp", 38, "", '\u{e013}', 0),
    ("ArrowRight", "ArrowRight", 39, "", '\u{e014}', 0),
    ("ArrowDown", "ArrowDown", 40, "", '\u{e015}', 0),
    ("PageUp", "PageUp", 33, "", '\u{e00e}', 0),
    ("PageDown", "PageDown", 34, "", '\u{e00f}', 0),
    ("End", "End", 35, "", '\u{e010}', 0),
    ("Home", "Home", 36, "", '\u{e011}', 0),
    ("Space", "Space", 32, " ", ' ', 0),
    ("F10", "F10", 121, "", '\u{e03a}', 0),
    ("Alt", "AltLeft", 18, "", '\u{e00a}', 1),
    ("Control", "ControlLeft", 17, "", '\u{e009}', 2),
    ("Meta", "MetaLeft", 91, "", '\u{e03d}', 4),
    ("Shift", "ShiftLeft", 16, "", '\u{e008}', 8),
];

impl Chord {
    /// Reads `Enter`, `Shift+Enter`, `Control+k`, `a`.
    ///
    /// # Panics
    /// If there is no such key.
    pub(super) fn parse(words: &str) -> Self {
        let (held, key) = match words.rsplit_once('+') {
            Some((held, key)) if !key.is_empty() => (held.split('+').map(Key::named).collect(), key),
            _ => (Vec::new(), words),
        };
        Self {
            held,
            key: Key::named(key),
        }
    }
}

impl Key {
    fn named(name: &str) -> Self {
        let named = NAMED.iter().find(|(known, ..)| *known == name);
        if let Some(&(name, code, number, text, webdriver, modifier)) = named {
            return Self {
                name: if name == "Space" { " " } else { name }.to_owned(),
                code: code.to_owned(),
                number,
                text: text.to_owned(),
                webdriver,
                modifier,
            };
        }
        let mut characters = name.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Self::of(character),
            _ => panic!("there is no key {name}"),
        }
    }

    /// The key that writes this character.
    pub(super) fn of(character: char) -> Self {
        if character == '\n' {
            return Self::named("Enter");
        }
        let upper = character.to_ascii_uppercase();
        let (code, number) = match upper {
            'A'..='Z' => (format!("Key{upper}"), u32::from(upper)),
            '0'..='9' => (format!("Digit{upper}"), u32::from(upper)),
            ' ' => ("Space".to_owned(), 32),
            _ => (String::new(), 0),
        };
        Self {
            name: character.to_string(),
            code,
            number,
            text: character.to_string(),
            webdriver: character,
            modifier: 0,
        }
    }
}
