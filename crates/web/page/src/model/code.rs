//! Recovery codes as people handle them: in groups, with a check that the user has saved theirs.

/// The groups of a code.
pub(crate) fn groups(code: &str) -> Vec<&str> {
    code.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|group| !group.is_empty())
        .collect()
}

/// Whether what was typed shows that the code was saved: its last group, or all of it.
pub(crate) fn is_kept(code: &str, typed: &str) -> bool {
    let plain = |text: &str| {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .collect::<String>()
    };
    let typed = plain(typed);
    !typed.is_empty()
        && (typed == plain(code) || groups(code).last().is_some_and(|last| typed == plain(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_group_or_all_of_a_code_shows_that_it_was_kept() {
        let code = "AB12-CD34-EF56";
        assert_eq!(groups(code), ["AB12", "CD34", "EF56"]);
        for typed in ["ef56", " EF56 ", "ab12 cd34 ef56", "AB12CD34EF56"] {
            assert!(is_kept(code, typed), "{typed}");
        }
        for typed in ["", "AB12", "EF5", "CD34-EF56", "-"] {
            assert!(!is_kept(code, typed), "{typed}");
        }
    }
}
