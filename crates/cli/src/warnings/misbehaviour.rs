//! What servers and members did wrong, in words: one stable name and one sentence for each way. What the engine says of
//! it follows in parentheses where it has details.

use subrosa_client::{ForeignGroup, MemberMisbehaviour, Misbehaviour};

use super::TELL_THE_OPERATOR;
use crate::people::Names;

/// What to do about a message that may be missing.
const ASK_AGAIN: &str = "if you miss a message, ask its sender to send it again";

/// The name of what a server did, and words for it.
#[expect(clippy::too_many_lines, reason = "one arm for each way")]
pub(super) fn of_server(how: &Misbehaviour, names: &Names) -> (&'static str, String) {
    match how {
        Misbehaviour::NoConversation => (
            "no_conversation",
            format!(
                "the server sent something without saying which conversation it belongs to, and it was ignored; \
                 {TELL_THE_OPERATOR}"
            ),
        ),
        Misbehaviour::TooMuch => (
            "too_much",
            format!("the server sent more than it may at once, and it was ignored; {TELL_THE_OPERATOR}"),
        ),
        Misbehaviour::ImpossibleNumber => (
            "impossible_number",
            format!("the server named a number or a time that cannot be, and it was ignored; {TELL_THE_OPERATOR}"),
        ),
        Misbehaviour::RecordForged => (
            "record_forged",
            format!(
                "the server sent drafts or read marks that no device of yours has written, and they were ignored; \
                 {TELL_THE_OPERATOR}"
            ),
        ),
        Misbehaviour::WrongAnswer => (
            "wrong_answer",
            format!("the server answered a request with something else, which was ignored; {TELL_THE_OPERATOR}"),
        ),

        // ---- the log ----
        Misbehaviour::EntriesWithheld => (
            "entries_withheld",
            format!("the server withholds messages that it says it has, and will be asked for them again; {ASK_AGAIN}"),
        ),
        Misbehaviour::EntriesInvented => (
            "entries_invented",
            format!("the server announced messages and now says that there are none; {ASK_AGAIN}"),
        ),
        Misbehaviour::ImpossibleSeq => (
            "impossible_seq",
            format!(
                "the server gave a message an impossible place in the log, and it was ignored; {TELL_THE_OPERATOR}"
            ),
        ),
        Misbehaviour::EntryAltered { .. } => (
            "entry_altered",
            format!(
                "the server changed something in transit, and later delivered it unchanged: nothing is lost; \
                 {TELL_THE_OPERATOR} ({how})"
            ),
        ),
        Misbehaviour::EntryForged { .. } => (
            "entry_forged",
            format!(
                "something that the server passed on was forged, or changed in transit, and was refused; \
                 {ASK_AGAIN} ({how})"
            ),
        ),
        Misbehaviour::EntryWithoutPayload { .. } => (
            "entry_without_payload",
            format!("the server left out what a message says, and will be asked for it again; {ASK_AGAIN} ({how})"),
        ),
        Misbehaviour::EntryWithoutSender { .. } => (
            "entry_without_sender",
            format!("the server left out who sent a message; {TELL_THE_OPERATOR} ({how})"),
        ),
        Misbehaviour::TwoEntries { .. } => (
            "two_entries",
            format!(
                "the server showed two different messages in the same place: one of yours may not have arrived. {ASK_AGAIN} \
                 ({how})"
            ),
        ),
        Misbehaviour::SendIdOfAnother { .. } => (
            "send_id_of_another",
            format!(
                "the server passed something off as one of your messages, which is still waiting to be sent; \
                 {TELL_THE_OPERATOR} ({how})"
            ),
        ),
        Misbehaviour::AcceptedElsewhere => (
            "accepted_elsewhere",
            format!(
                "the server said that your message stands where it cannot stand, so it is sent again; \
                 {TELL_THE_OPERATOR}"
            ),
        ),
        Misbehaviour::LogDiffers => (
            "log_differs",
            format!(
                "the server has other messages than those that it has shown you: something was left out, changed or \
                 added; {ASK_AGAIN}"
            ),
        ),
        Misbehaviour::FalseRefusal => (
            "false_refusal",
            format!(
                "the server said that this device is not in the conversation, but it is. Nothing is lost; \
                 {TELL_THE_OPERATOR}"
            ),
        ),
        Misbehaviour::AnotherPast => (
            "another_past",
            "what the server shows as this conversation does not follow from what this device knows: it has gone back \
             to an earlier state, perhaps from a backup, or it is another conversation. Ask the other person whether \
             it still works for them; `subrosa rejoin` comes back into what the server shows"
                .to_owned(),
        ),
        Misbehaviour::EntryOfFutureEpoch { .. } => (
            "entry_of_future_epoch",
            format!(
                "the server left out a change of the conversation's keys, and this device joins again; {ASK_AGAIN} \
                 ({how})"
            ),
        ),
        Misbehaviour::LogShortened => (
            "log_shortened",
            "the server has gone back to an earlier state, perhaps from a backup, and this device joins again. \
             Nothing here is lost, but others may lack your newest messages: ask them"
                .to_owned(),
        ),

        // ---- groups ----
        Misbehaviour::WelcomeMisplaced => (
            "welcome_misplaced",
            format!(
                "the server named the wrong place for the beginning of this conversation, and this device joins again; \
                 {ASK_AGAIN}"
            ),
        ),
        Misbehaviour::OwnDeviceUnlisted => (
            "own_device_unlisted",
            format!("the server's list of your devices lacks this one, and was ignored; {TELL_THE_OPERATOR}"),
        ),
        Misbehaviour::DevicesContradict => (
            "devices_contradict",
            format!(
                "the server left a device of yours out of the list and still gives out its keys: it stays in your \
                 conversations; {TELL_THE_OPERATOR}"
            ),
        ),
        Misbehaviour::KeyPackageForged { account, .. } => (
            "key_package_forged",
            format!(
                "the server gave false keys for {}, which were refused: nothing is sent until it gives the right \
                 ones; {TELL_THE_OPERATOR} ({how})",
                names.display(*account)
            ),
        ),
        Misbehaviour::KeyPackagesClash(_) => (
            "key_packages_clash",
            format!(
                "the server gave keys of devices that contradict each other, and at most one of each is used; \
                 {TELL_THE_OPERATOR} ({how})"
            ),
        ),
        Misbehaviour::WelcomeForged(_) => (
            "welcome_forged",
            format!(
                "the server passed on a false invitation to a conversation, which was refused; {TELL_THE_OPERATOR} \
                 ({how})"
            ),
        ),
        Misbehaviour::GroupForged(_) => (
            "group_forged",
            format!(
                "what the server gave this device to join a conversation is forged, so it does not join; \
                 {TELL_THE_OPERATOR} ({how})"
            ),
        ),
        Misbehaviour::ForeignGroup(foreign) => ("foreign_group", foreign_group(*foreign)),
        Misbehaviour::AnotherConversation => (
            "another_conversation",
            format!(
                "the server named a conversation with someone else instead of this one, and nothing was sent \
                 there; {TELL_THE_OPERATOR}"
            ),
        ),
        Misbehaviour::NoSuchConversation => (
            "no_such_conversation",
            format!(
                "the server named a conversation that it does not know in place of this one, which is begun again; \
                 {TELL_THE_OPERATOR}"
            ),
        ),
        Misbehaviour::ConversationGone => (
            "conversation_gone",
            "the server no longer has this conversation, perhaps after it came back from a backup. Nothing here is \
             lost; `subrosa try-again` begins it anew"
                .to_owned(),
        ),
        Misbehaviour::SecondConversation => (
            "second_conversation",
            format!(
                "the server showed a second conversation with the same person, and this device has not joined it; \
                 {TELL_THE_OPERATOR}"
            ),
        ),
        Misbehaviour::SignedOutDeviceReturns(device) => (
            "signed_out_device_returns",
            format!(
                "a device of your account that the server says is signed out comes back each time it is removed; \
                 check with `subrosa devices` whether you recognise it (device {device})"
            ),
        ),

        // ---- the directory ----
        Misbehaviour::MalformedAccount => (
            "malformed_account",
            format!("the server sent an account that is not valid, and it was ignored; {TELL_THE_OPERATOR}"),
        ),
        Misbehaviour::HandleChanged(account) => (
            "handle_changed",
            format!(
                "the server shows another handle for {} than before, and it was refused; {TELL_THE_OPERATOR}",
                names.display(*account)
            ),
        ),
        Misbehaviour::FalseKeys(account) => (
            "false_keys",
            format!(
                "the server shows false keys for {}, which were refused; {TELL_THE_OPERATOR}",
                names.display(*account)
            ),
        ),
        Misbehaviour::WrongAccount => (
            "wrong_account",
            format!(
                "the server answered with a different account than the one asked for, and it was ignored; \
                 {TELL_THE_OPERATOR}"
            ),
        ),

        Misbehaviour::HandleShared => (
            "handle_shared",
            format!("the server shows two accounts with the same handle, and neither is listed; {TELL_THE_OPERATOR}"),
        ),

        // ---- the vault ----
        Misbehaviour::VaultRolledBack { .. } => (
            "vault_rolled_back",
            format!(
                "the server has gone back to an earlier state of your account's vault, perhaps from a backup; it was \
                 not used, and is stored anew ({how})"
            ),
        ),

        // This version does not know it.
        _ => (
            "other",
            format!(
                "the server did something that an honest server never does, and it was refused; \
                 {TELL_THE_OPERATOR} ({how})"
            ),
        ),
    }
}

fn foreign_group(why: ForeignGroup) -> String {
    match why {
        ForeignGroup::UnknownKind => {
            "there is a conversation of a kind that this version does not know; a newer version of Subrosa may \
             show it"
                .to_owned()
        }
        ForeignGroup::OtherPerson => {
            format!(
                "the server named a conversation with somebody else in place of this one, and it was refused; \
                 {TELL_THE_OPERATOR}"
            )
        }
        // This version does not know it.
        why => {
            format!("the server named a conversation that was refused; {TELL_THE_OPERATOR} ({why})")
        }
    }
}

/// The name of what a member did, and words for it.
pub(super) fn of_member(how: &MemberMisbehaviour, who: &str) -> (&'static str, String) {
    let (name, what) = match how {
        MemberMisbehaviour::InvalidContent { .. } => (
            "invalid_content",
            "sent a message that cannot be read, and it is not shown",
        ),
        MemberMisbehaviour::NotPermitted { .. } => (
            "not_permitted",
            "sent a message although only others may write in the group, and it is not shown",
        ),
        MemberMisbehaviour::InvalidClaim { .. } => (
            "invalid_claim",
            "sent something that does not say what it has to say about the conversation, and it is not shown",
        ),
        MemberMisbehaviour::InvalidPadding { .. } => (
            "invalid_padding",
            "sent a message that breaks the rules, and it is not shown",
        ),
        MemberMisbehaviour::InvalidCommit { .. } => (
            "invalid_commit",
            "made a change to the conversation that is not valid, and this device joins again",
        ),
        MemberMisbehaviour::BrokenRule { .. } => (
            "broken_rule",
            "made a change to the conversation that is not allowed, and this device joins again",
        ),
        // This version does not know it.
        _ => (
            "other",
            "did something that an honest device never does, and it was refused",
        ),
    };
    (
        name,
        format!(
            "a device of {who} {what}; its Subrosa may be out of date, or someone else may control the device ({how})"
        ),
    )
}
