//! What the user has chosen for a conversation: one field of its record for each setting, of which the later one wins.

use subrosa_wire::Timestamp;

use super::AccountRecord;
use crate::api::{ChatSetting, ChatSettings, Mute};

/// Until when it is muted, in milliseconds since 1970 UTC; 0 is never, [`FOR_EVER`] is for good.
const MUTED: u32 = 9;
/// One byte, 0 for no.
const PINNED: u32 = 10;
/// When it was archived, in milliseconds since 1970 UTC; 0 if it is not.
const ARCHIVED: u32 = 11;
/// One byte, 0 for no.
const MARKED_UNREAD: u32 = 12;
const ALL: [u32; 4] = [MUTED, PINNED, ARCHIVED, MARKED_UNREAD];

const FOR_EVER: u64 = u64::MAX;

impl AccountRecord {
    /// Changes what the user has chosen for a conversation in which something was last said at `active_at`.
    pub fn set_chat(&mut self, setting: ChatSetting, active_at: Timestamp, now: Timestamp) {
        let (number, value) = match setting {
            ChatSetting::Mute(mute) => {
                let until = match mute {
                    Mute::Off => 0,
                    Mute::Until(end) => end.as_millis().min(FOR_EVER - 1),
                    Mute::ForEver => FOR_EVER,
                };
                (MUTED, until.to_be_bytes().to_vec())
            }
            ChatSetting::Pinned(is_pinned) => (PINNED, vec![u8::from(is_pinned)]),
            ChatSetting::Archived(is_archived) => {
                // The clock of whoever wrote last may be ahead of this one.
                let at = if is_archived {
                    now.max(active_at).as_millis()
                } else {
                    0
                };
                (ARCHIVED, at.to_be_bytes().to_vec())
            }
            ChatSetting::MarkedUnread(is_unread) => (MARKED_UNREAD, vec![u8::from(is_unread)]),
        };
        let is_off = value.iter().all(|byte| *byte == 0);
        if !is_off || self.others.contains_key(&number) {
            self.set_other(number, value, now);
        }
    }

    /// What the user has chosen for a conversation in which something was last said at `active_at`.
    pub fn chat_settings(&self, active_at: Timestamp, now: Timestamp) -> ChatSettings {
        let mute = match self.millis(MUTED) {
            0 => Mute::Off,
            FOR_EVER => Mute::ForEver,
            end => Mute::Until(Timestamp::from_millis(end)),
        };
        let archived_at = self.millis(ARCHIVED);
        ChatSettings {
            mute,
            is_pinned: self.is_on(PINNED),
            is_archived: archived_at > 0 && (active_at.as_millis() <= archived_at || mute.is_on(now)),
            is_marked_unread: self.is_on(MARKED_UNREAD),
        }
    }

    /// Takes over what another record says of these settings, and nothing else.
    pub fn take_chat_settings(&mut self, from: &Self) {
        let settings = from.others.iter().filter(|(number, _)| ALL.contains(number));
        self.others
            .extend(settings.map(|(number, field)| (*number, field.clone())));
    }

    /// Whether two records agree on these settings.
    pub fn has_chat_settings_of(&self, other: &Self) -> bool {
        ALL.iter()
            .all(|number| self.others.get(number) == other.others.get(number))
    }

    pub(super) fn millis(&self, number: u32) -> u64 {
        let field = self.others.get(&number);
        field.map_or(0, |field| {
            field.value[..].try_into().map_or(0, u64::from_be_bytes)
        })
    }

    fn is_on(&self, number: u32) -> bool {
        self.others.get(&number).is_some_and(|field| field.value != [0])
    }
}
