//! Recovery codes as people write and type them.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;
use subrosa_engine::account::{InvalidRecoveryCode, RecoveryCode, VaultKey};
use subrosa_mls::SuccessionSigningKey;
use subrosa_test_support::SeededRng;
use subrosa_wire::AccountId;

const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn code(seed: u64) -> String {
    RecoveryCode::generate(&mut SeededRng::new(seed))
        .expose()
        .to_string()
}

#[test]
fn a_code_and_what_is_derived_from_it_are_stable() {
    assert_eq!(code(1), include_str!("fixtures/recovery_code.txt").trim());
    let public_key = RecoveryCode::parse(&code(1)).unwrap().public_key();
    assert_eq!(
        hex::encode(public_key),
        include_str!("fixtures/recovery_public_key.hex").trim()
    );
    let wrapped = RecoveryCode::parse(&code(1)).unwrap().wrap_key().wrap(
        &VaultKey::from_bytes([5; 32]),
        AccountId::from_bytes([0xaa; 16]),
        &mut SeededRng::new(2),
    );
    assert_eq!(
        hex::encode(wrapped),
        include_str!("fixtures/recovery_wrap.hex").trim()
    );
    let wrapped = RecoveryCode::parse(&code(1)).unwrap().wrap_succession_key(
        &SuccessionSigningKey::from_seed([5; 32]),
        AccountId::from_bytes([0xaa; 16]),
        &mut SeededRng::new(2),
    );
    assert_eq!(
        hex::encode(wrapped),
        include_str!("fixtures/succession_wrap.hex").trim()
    );
}

#[test]
fn a_succession_seed_opens_with_its_code_for_its_account() {
    let (code, other) = (
        RecoveryCode::generate(&mut SeededRng::new(1)),
        RecoveryCode::generate(&mut SeededRng::new(2)),
    );
    let (account, elsewhere) = (AccountId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));
    let key = SuccessionSigningKey::from_seed([5; 32]);
    let wrapped = code.wrap_succession_key(&key, account, &mut SeededRng::new(3));
    let opened = code.unwrap_succession_key(&wrapped, account).unwrap();
    assert_eq!(opened.seed(), key.seed());
    assert!(other.unwrap_succession_key(&wrapped, account).is_err());
    assert!(code.unwrap_succession_key(&wrapped, elsewhere).is_err());
    assert!(code.wrap_key().unwrap_key(&wrapped, account).is_err());
}

#[test]
fn a_code_is_eight_groups_of_four() {
    let code = code(1);
    let groups: Vec<_> = code.split('-').collect();
    assert_eq!(groups.len(), 8);
    assert!(
        groups
            .iter()
            .all(|group| group.len() == 4 && group.chars().all(|c| ALPHABET.contains(c)))
    );
}

#[test]
fn a_code_is_read_however_it_is_typed() {
    let code = code(1);
    let same = |typed: &str| RecoveryCode::parse(typed).unwrap().expose().to_string() == code;
    assert!(same(&code));
    assert!(same(&code.to_lowercase()));
    assert!(same(&code.replace('-', "")));
    assert!(same(&code.replace('-', " – ")));
    assert!(same(&format!("  {}\n", code.replace('-', "\n"))));
    // This code has both digits that can be mistaken for letters.
    assert!(code.contains('0') && code.contains('1'), "{code}");
    assert!(same(&code.replace('0', "O").replace('1', "I")));
    assert!(same(&code.replace('0', "o").replace('1', "l")));
}

#[test]
fn every_single_slip_is_told() {
    let code = code(1);
    for (index, right) in code.char_indices().filter(|(_, c)| *c != '-') {
        for wrong in ALPHABET.chars().filter(|wrong| *wrong != right) {
            let mut typed = code.clone();
            typed.replace_range(index..=index, &wrong.to_string());
            assert_eq!(
                RecoveryCode::parse(&typed).err(),
                Some(InvalidRecoveryCode::Checksum),
                "{typed}"
            );
        }
    }
}

#[test]
fn every_swap_of_neighbours_is_told() {
    let plain = code(1).replace('-', "");
    for index in 0..plain.len() - 1 {
        let mut chars: Vec<char> = plain.chars().collect();
        chars.swap(index, index + 1);
        let swapped: String = chars.into_iter().collect();
        if swapped != plain {
            assert_eq!(
                RecoveryCode::parse(&swapped).err(),
                Some(InvalidRecoveryCode::Checksum),
                "{swapped}"
            );
        }
    }
}

#[test]
fn what_is_missing_too_much_or_foreign_is_named() {
    let code = code(1);
    assert_eq!(
        RecoveryCode::parse("").err(),
        Some(InvalidRecoveryCode::Length(0))
    );
    assert_eq!(
        RecoveryCode::parse(&code[..code.len() - 1]).err(),
        Some(InvalidRecoveryCode::Length(31))
    );
    assert_eq!(
        RecoveryCode::parse(&format!("{code}0")).err(),
        Some(InvalidRecoveryCode::Length(33))
    );
    for foreign in ['U', '@', 'é', '\u{1b}'] {
        let typed = format!("{foreign}{}", &code[1..]);
        assert_eq!(
            RecoveryCode::parse(&typed).err(),
            Some(InvalidRecoveryCode::Character(foreign))
        );
    }
}

#[test]
fn codes_differ() {
    assert_ne!(code(1), code(2));
}

proptest! {
    #[test]
    fn every_code_reads_back(seed: u64) {
        let code = code(seed);
        let read = RecoveryCode::parse(&code).unwrap().expose();
        prop_assert_eq!(read.as_str(), code.as_str());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text: String) {
        let _ = RecoveryCode::parse(&text);
    }
}
