//! Pictures of people and groups: which of them the page keeps, what kind of file one is, and which part of one is shown.

use std::collections::HashMap;

use leptos::prelude::*;
use subrosa_web_rpc::ChatId;
use subrosa_wire::AccountId;

use crate::limits::PICTURES_MAX;

/// Whose a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// A person's.
    Person(AccountId),
    /// A group's.
    Group(ChatId),
}

/// Names a picture: whose it is, and which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Portrait {
    /// Whose it is.
    pub(crate) of: Subject,
    /// Another one after each change.
    pub(crate) version: u64,
}

/// The addresses of the pictures that the page keeps: one for each person and group, and for [`PICTURES_MAX`] of
/// them.
///
/// Whoever puts an address in revokes it once a method returns it.
#[derive(Default)]
pub(crate) struct PictureCache {
    kept: HashMap<Subject, Kept>,
    asked: u64,
}

/// The picture of one person or group.
struct Kept {
    /// The version that was asked for last; `None` if it could not be loaded.
    version: Option<u64>,
    /// Where it is. Until it is loaded, that of the version before.
    address: ArcRwSignal<Option<String>>,
    /// When it was asked for last, as a running number.
    asked: u64,
}

impl Kept {
    fn replace(&self, address: Option<String>) -> Option<String> {
        let before = self.address.get_untracked();
        if before != address {
            self.address.set(address);
        }
        before
    }
}

/// What is known about a picture that was asked for.
pub(crate) struct Found {
    /// Where it is, once it is loaded.
    pub(crate) address: ArcRwSignal<Option<String>>,
    /// Whether the caller has to load it.
    pub(crate) is_wanted: bool,
    /// An address that nobody uses any more.
    pub(crate) dropped: Option<String>,
}

impl PictureCache {
    /// Looks for a picture.
    pub(crate) fn find(&mut self, portrait: Portrait) -> Found {
        self.asked += 1;
        let is_new = !self.kept.contains_key(&portrait.of);
        let dropped = (is_new && self.kept.len() >= PICTURES_MAX)
            .then(|| self.drop_oldest())
            .flatten();
        let kept = self.kept.entry(portrait.of).or_insert_with(|| Kept {
            version: None,
            address: ArcRwSignal::new(None),
            asked: 0,
        });
        kept.asked = self.asked;
        Found {
            address: kept.address.clone(),
            is_wanted: kept.version.replace(portrait.version) != Some(portrait.version),
            dropped,
        }
    }

    fn drop_oldest(&mut self) -> Option<String> {
        let (oldest, _) = self.kept.iter().min_by_key(|(_, kept)| kept.asked)?;
        let oldest = *oldest;
        self.kept.remove(&oldest)?.address.get_untracked()
    }

    /// Keeps the address of a picture that was loaded; `None` if there is no picture. Returns the address that nobody uses
    /// any more: the one before, or this one if another version has been asked for meanwhile.
    pub(crate) fn put(&mut self, portrait: Portrait, address: Option<String>) -> Option<String> {
        match self.of_version(portrait) {
            Some(kept) => kept.replace(address),
            None => address,
        }
    }

    /// A picture could not be loaded: it is wanted again when it is asked for next.
    pub(crate) fn forget(&mut self, portrait: Portrait) {
        if let Some(kept) = self.of_version(portrait) {
            kept.version = None;
        }
    }

    /// What is at an address is not a picture that the browser can show. Returns the address, which nobody uses any more,
    /// if it was still in use.
    pub(crate) fn refuse(&mut self, of: Subject, address: &str) -> Option<String> {
        let kept = self.kept.get(&of)?;
        let is_used = kept
            .address
            .with_untracked(|used| used.as_deref() == Some(address));
        is_used.then(|| kept.replace(None)).flatten()
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) -> Vec<String> {
        let kept = self.kept.drain();
        kept.filter_map(|(_, kept)| kept.address.get_untracked())
            .collect()
    }

    fn of_version(&mut self, portrait: Portrait) -> Option<&mut Kept> {
        let kept = self.kept.get_mut(&portrait.of)?;
        (kept.version == Some(portrait.version)).then_some(kept)
    }
}

/// The media type of a picture by its first bytes; `None` if it is none that others may send.
pub(crate) fn media_type(file: &[u8]) -> Option<&'static str> {
    match file {
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// The largest square in the middle of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Square {
    /// The distance of its left edge, in pixels.
    pub(crate) left: f64,
    /// The distance of its upper edge, in pixels.
    pub(crate) top: f64,
    /// Its sides, in pixels.
    pub(crate) side: f64,
}

impl Square {
    /// That of a picture of this size.
    pub(crate) fn in_the_middle(width: u32, height: u32) -> Self {
        let side = width.min(height);
        Self {
            left: f64::from(width - side) / 2.0,
            top: f64::from(height - side) / 2.0,
            side: f64::from(side),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portrait(number: usize, version: u64) -> Portrait {
        let mut account = [0; 16];
        account[..8].copy_from_slice(&number.to_le_bytes());
        Portrait {
            of: Subject::Person(AccountId::from_bytes(account)),
            version,
        }
    }

    fn at(address: &str) -> String {
        address.to_owned()
    }

    #[test]
    fn a_version_is_loaded_once_and_the_one_before_stays_until_then() {
        let mut cache = PictureCache::default();
        assert!(cache.find(portrait(1, 1)).is_wanted);
        assert!(!cache.find(portrait(1, 1)).is_wanted);
        assert_eq!(cache.put(portrait(1, 1), Some(at("first"))), None);
        let found = cache.find(portrait(1, 2));
        assert!(found.is_wanted);
        assert_eq!(found.address.get_untracked(), Some(at("first")));
        assert_eq!(cache.put(portrait(1, 2), Some(at("second"))), Some(at("first")));
        assert_eq!(found.address.get_untracked(), Some(at("second")));
        assert_eq!(cache.put(portrait(1, 2), None), Some(at("second")));
        assert_eq!(found.address.get_untracked(), None);
    }

    #[test]
    fn what_comes_after_a_newer_version_was_asked_for_is_not_kept() {
        let mut cache = PictureCache::default();
        let found = cache.find(portrait(1, 1));
        cache.find(portrait(1, 2));
        assert_eq!(cache.put(portrait(1, 1), Some(at("late"))), Some(at("late")));
        assert_eq!(found.address.get_untracked(), None);
    }

    #[test]
    fn what_could_not_be_loaded_is_wanted_again() {
        let mut cache = PictureCache::default();
        cache.find(portrait(1, 1));
        cache.forget(portrait(1, 1));
        assert!(cache.find(portrait(1, 1)).is_wanted);
    }

    #[test]
    fn a_broken_picture_is_not_shown_and_not_loaded_again() {
        let mut cache = PictureCache::default();
        let found = cache.find(portrait(1, 1));
        cache.put(portrait(1, 1), Some(at("broken")));
        let of = portrait(1, 1).of;
        assert_eq!(cache.refuse(of, "the one before"), None);
        assert_eq!(cache.refuse(of, "broken"), Some(at("broken")));
        assert_eq!(found.address.get_untracked(), None);
        assert!(!cache.find(portrait(1, 1)).is_wanted);
    }

    #[test]
    fn the_cache_is_bounded_and_drops_what_was_not_asked_for_longest() {
        let mut cache = PictureCache::default();
        for number in 0..PICTURES_MAX {
            assert_eq!(cache.find(portrait(number, 1)).dropped, None);
            cache.put(portrait(number, 1), Some(at(&number.to_string())));
        }
        cache.find(portrait(0, 1));
        assert_eq!(cache.find(portrait(PICTURES_MAX, 1)).dropped, Some(at("1")));
        assert_eq!(cache.kept.len(), PICTURES_MAX);
        assert!(!cache.find(portrait(0, 1)).is_wanted);
        assert!(cache.find(portrait(1, 1)).is_wanted);
        assert_eq!(cache.clear().len(), PICTURES_MAX - 2);
        assert!(cache.find(portrait(0, 1)).is_wanted);
    }

    #[test]
    fn only_pictures_that_browsers_show_as_nothing_else_have_a_media_type() {
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n\0"), Some("image/png"));
        assert_eq!(media_type(b"RIFF\x01\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [
            &b""[..],
            b"\xff\xd8",
            b"GIF89a",
            b"<svg xmlns=",
            b"<html>",
            b"RIFF\x01\0\0\0WAVE",
        ] {
            assert_eq!(media_type(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_picture_is_cut_around_its_middle() {
        let square = |left, top, side| Square { left, top, side };
        assert_eq!(Square::in_the_middle(600, 200), square(200.0, 0.0, 200.0));
        assert_eq!(Square::in_the_middle(3, 8), square(0.0, 2.5, 3.0));
        assert_eq!(Square::in_the_middle(5, 5), square(0.0, 0.0, 5.0));
    }
}
