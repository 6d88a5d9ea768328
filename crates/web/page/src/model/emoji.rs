//! Messages that are nothing but a few emoji, which are shown large and without a bubble.

use super::clusters;

/// More emoji than these are a normal message.
const LARGE_MAX: usize = 6;
/// No emoji takes more bytes: a longer text need not be looked at.
const BYTES_MAX: usize = 48;

/// How many emoji a text consists of; `None` if there is anything else in it, or too many of them.
pub(crate) fn count(text: &str) -> Option<usize> {
    let mut rest = text.trim();
    if rest.len() > LARGE_MAX * BYTES_MAX {
        return None;
    }
    let mut count = 0;
    while let Some(cluster) = clusters::take_first(&mut rest) {
        match cluster {
            " " => {}
            cluster if is_emoji(cluster) && count < LARGE_MAX => count += 1,
            _ => return None,
        }
    }
    (count > 0).then_some(count)
}

/// Whether browsers draw a cluster as an emoji: its first character is one by itself, or what follows makes it one.
fn is_emoji(cluster: &str) -> bool {
    const EMOJI_STYLE: char = '\u{fe0f}';
    const TEXT_STYLE: char = '\u{fe0e}';
    const KEYCAP: char = '\u{20e3}';
    let mut characters = cluster.chars();
    let Some(first) = characters.next() else {
        return false;
    };
    let next = characters.next();
    match first {
        '0'..='9' | '#' | '*' => cluster.ends_with(KEYCAP),
        // Two letters make a flag.
        '\u{1f1e6}'..='\u{1f1ff}' => next.is_some(),
        _ if next == Some(TEXT_STYLE) => false,
        _ if has_emoji_style(first) => true,
        // The style, or the colour of a skin.
        '©' | '®' | '\u{203c}'..='\u{3299}' | '\u{1f000}'..='\u{1faff}' => {
            matches!(next, Some(EMOJI_STYLE | '\u{1f3fb}'..='\u{1f3ff}'))
        }
        _ => false,
    }
}

/// Characters that are drawn as emoji unless something asks for text (`Emoji_Presentation`, UTS 51), in ranges that hold a
/// few more which nobody types.
fn has_emoji_style(first: char) -> bool {
    matches!(first,
        '\u{231a}'..='\u{231b}' | '\u{23e9}'..='\u{23ec}' | '\u{23f0}' | '\u{23f3}' | '\u{25fd}'..='\u{25fe}'
        | '\u{2614}'..='\u{2615}' | '\u{2648}'..='\u{2653}' | '\u{267f}' | '\u{2693}' | '\u{26a1}'
        | '\u{26aa}'..='\u{26ab}' | '\u{26bd}'..='\u{26be}' | '\u{26c4}'..='\u{26c5}' | '\u{26ce}' | '\u{26d4}'
        | '\u{26ea}' | '\u{26f2}'..='\u{26f3}' | '\u{26f5}' | '\u{26fa}' | '\u{26fd}' | '\u{2705}'
        | '\u{270a}'..='\u{270b}' | '\u{2728}' | '\u{274c}' | '\u{274e}' | '\u{2753}'..='\u{2755}' | '\u{2757}'
        | '\u{2795}'..='\u{2797}' | '\u{27b0}' | '\u{27bf}' | '\u{2b1b}'..='\u{2b1c}' | '\u{2b50}' | '\u{2b55}'
        | '\u{1f004}' | '\u{1f0cf}' | '\u{1f18e}' | '\u{1f191}'..='\u{1f19a}' | '\u{1f201}' | '\u{1f21a}'
        | '\u{1f22f}' | '\u{1f232}'..='\u{1f236}' | '\u{1f238}'..='\u{1f23a}' | '\u{1f250}'..='\u{1f251}'
        | '\u{1f300}'..='\u{1f320}' | '\u{1f32d}'..='\u{1f335}' | '\u{1f337}'..='\u{1f37c}'
        | '\u{1f37e}'..='\u{1f393}' | '\u{1f3a0}'..='\u{1f3ca}' | '\u{1f3cf}'..='\u{1f3d3}'
        | '\u{1f3e0}'..='\u{1f3f0}' | '\u{1f3f4}' | '\u{1f3f8}'..='\u{1f43e}' | '\u{1f440}'
        | '\u{1f442}'..='\u{1f4fc}' | '\u{1f4ff}'..='\u{1f53d}' | '\u{1f54b}'..='\u{1f54e}'
        | '\u{1f550}'..='\u{1f567}' | '\u{1f57a}' | '\u{1f595}'..='\u{1f596}' | '\u{1f5a4}'
        | '\u{1f5fb}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6c5}' | '\u{1f6cc}' | '\u{1f6d0}'..='\u{1f6d2}'
        | '\u{1f6d5}'..='\u{1f6df}' | '\u{1f6eb}'..='\u{1f6ec}' | '\u{1f6f4}'..='\u{1f6fc}'
        | '\u{1f7e0}'..='\u{1f7f0}' | '\u{1f90c}'..='\u{1f93a}' | '\u{1f93c}'..='\u{1f945}'
        | '\u{1f947}'..='\u{1f9ff}' | '\u{1fa70}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_six_emoji_are_counted_as_people_see_them() {
        for (text, expected) in [
            ("🌹", 1),
            (" 🥶🍎 ", 2),
            ("👩\u{200d}👩\u{200d}👧 👋🏽 🇩🇪", 3),
            ("❤\u{fe0f}", 1),
            ("✌\u{1f3fd}🕵\u{1f3fd}", 2),
            ("1\u{fe0f}\u{20e3}#\u{fe0f}\u{20e3}", 2),
            ("🏳\u{fe0f}\u{200d}🌈", 1),
            ("🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}", 1),
            ("🍲🥖🧀🍎⭐✨", 6),
        ] {
            assert_eq!(count(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_a_normal_message() {
        for text in [
            "",
            " ",
            "a",
            "🌹 yes",
            "12",
            "❤",
            "❤\u{fe0e}",
            "🇩",
            "🌹\n🌹",
            "🍲🥖🧀🍎⭐✨🌹",
            "©",
            "→",
            "\u{200d}",
            "مرحبا",
        ] {
            assert_eq!(count(text), None, "{text}");
        }
        assert_eq!(count(&"🌹".repeat(100_000)), None);
    }
}
