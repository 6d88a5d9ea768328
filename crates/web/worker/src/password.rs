//! How good a password is: whether the engine accepts it, and if so, a cautious estimate of its entropy.

use std::collections::HashSet;

use subrosa_client::{Handle, Password, WeakPassword};
use subrosa_web_rpc::PasswordVerdict;

/// From here on a thief with the server's disk needs years to guess it, since each guess costs an Argon2id run.
const GOOD_BITS: f64 = 52.0;
/// From here on guessing is out of reach.
const STRONG_BITS: f64 = 70.0;

/// Stands in for a handle that is incomplete; no password is derived from it.
const UNFINISHED: &str = "unfinished.handle";

/// Judges a password for a handle that may be incomplete.
pub(crate) fn judge(handle: &str, password: &str) -> PasswordVerdict {
    let Ok(prepared) = Password::prepare(password) else {
        return if password.is_empty() {
            PasswordVerdict::TooShort
        } else {
            PasswordVerdict::Guessable
        };
    };
    let handle = handle.parse::<Handle>().or_else(|_| UNFINISHED.parse());
    match handle.map(|handle| prepared.check_strength(&handle)) {
        Ok(Err(WeakPassword::TooShort)) => return PasswordVerdict::TooShort,
        Ok(Err(_)) => return PasswordVerdict::Guessable,
        Ok(Ok(())) | Err(_) => {}
    }
    match bits(password) {
        bits if bits >= STRONG_BITS => PasswordVerdict::Strong,
        bits if bits >= GOOD_BITS => PasswordVerdict::Good,
        _ => PasswordVerdict::Fair,
    }
}

/// An estimate of the entropy of a password that a person has chosen, in bits: characters that repeat or follow their
/// neighbour count a quarter, and letters count as parts of words.
fn bits(password: &str) -> f64 {
    let characters: Vec<char> = password.chars().collect();
    let has = |class: fn(&char) -> bool| characters.iter().any(class);
    let pool = [
        (has(char::is_ascii_lowercase), 12.0),
        (has(char::is_ascii_uppercase), 12.0),
        (has(char::is_ascii_digit), 8.0),
        (has(|c| c.is_ascii_punctuation() || *c == ' '), 16.0),
        (has(|c| !c.is_ascii()), 24.0),
    ];
    let pool: f64 = pool.iter().filter(|(has, _)| *has).map(|(_, size)| size).sum();
    let mut seen = HashSet::new();
    let mut worth = 0.0;
    for (at, &character) in characters.iter().enumerate() {
        let follows = at > 0 && u32::from(character).abs_diff(u32::from(characters[at - 1])) <= 1;
        worth += if follows || !seen.insert(character) && characters.len() < 16 {
            0.25
        } else {
            1.0
        };
    }
    worth * pool.max(2.0).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_judged_by_what_it_costs_to_guess() {
        for (password, verdict) in [
            ("short", PasswordVerdict::TooShort),
            ("password12", PasswordVerdict::Guessable),
            ("aaaaaaaaaaaaaaaa", PasswordVerdict::Guessable),
            ("alicealice1", PasswordVerdict::Guessable),
            ("gartenzaun", PasswordVerdict::Fair),
            ("quiet lantern over stone bridge", PasswordVerdict::Strong),
            ("V7#kq!x2Lm%e", PasswordVerdict::Good),
        ] {
            assert_eq!(judge("alice", password), verdict, "{password}");
        }
    }
}
