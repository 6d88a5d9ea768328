//! Reads the fields of requests: behind this, ids are ids and sizes are within bounds.

use bytes::Bytes;
use subrosa_mls::{LogClaim, LogHash};
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, ObjectId, ProblemCode, SendId,
    frames::{self, Problem, client_frame::Request},
    limits,
};

use crate::{
    limits::{LARGE_REQUEST_WEIGHT, WELCOME_ITEMS_PER_REQUEST_MAX},
    session::Session,
    store::delivery::SendKey,
};

pub(super) fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::MalformedRequest, detail)
}

pub(super) fn conversation_id(bytes: &Bytes) -> Result<ConversationId, Problem> {
    ConversationId::try_from(bytes.as_ref()).map_err(|error| malformed(format!("conversation_id: {error}")))
}

pub(super) fn account_id(bytes: &Bytes) -> Result<AccountId, Problem> {
    AccountId::try_from(bytes.as_ref()).map_err(|error| malformed(format!("account_id: {error}")))
}

pub(super) fn object_id(bytes: &Bytes) -> Result<ObjectId, Problem> {
    ObjectId::try_from(bytes.as_ref()).map_err(|error| malformed(format!("object_id: {error}")))
}

/// The key of a send by the session's device.
pub(super) fn send_key(
    session: &Session,
    conversation: &Bytes,
    send_id: &Bytes,
    send_number: u64,
) -> Result<SendKey, Problem> {
    let send_id =
        SendId::try_from(send_id.as_ref()).map_err(|error| malformed(format!("send_id: {error}")))?;
    if !(1..=limits::SEND_NUMBER_MAX).contains(&send_number) {
        return Err(malformed("send_number is out of range"));
    }
    Ok(SendKey {
        conversation_id: conversation_id(conversation)?,
        device_id: session.device_id,
        send_id,
        send_number,
    })
}

/// Refuses a send whose authenticated data names another number: members count by that one.
pub(super) fn check_number(key: &SendKey, claim: &LogClaim) -> Result<(), Problem> {
    if claim.send_number == key.send_number {
        Ok(())
    } else {
        Err(malformed("the message claims another send_number"))
    }
}

/// Refuses a request with a list that is too long. Short fields take many times their bytes in memory, so this
/// comes first.
pub(super) fn bounded_lists(request: &Request) -> Result<(), Problem> {
    match request {
        Request::Acknowledge(acknowledge) => at_most(
            "cursors",
            acknowledge.cursors.len(),
            limits::CURSORS_PER_FRAME_MAX,
        ),
        Request::AcknowledgeWelcomes(acknowledge) => {
            at_most("items", acknowledge.item_ids.len(), WELCOME_ITEMS_PER_REQUEST_MAX)
        }
        Request::PublishKeyPackages(publish) => {
            let max = limits::KEY_PACKAGES_PER_REQUEST_MAX;
            at_most("key packages", publish.one_time.len(), max)?;
            let max = limits::KEY_PACKAGES_WITHDRAWN_MAX;
            at_most("withdrawn key packages", publish.withdrawn.len(), max)
        }
        Request::ClaimForMany(claim) => {
            at_most("accounts", claim.account_ids.len(), limits::CLAIMED_ACCOUNTS_MAX)
        }
        Request::RestoreLog(restore) => {
            at_most("entries", restore.entries.len(), limits::RESTORED_ENTRIES_MAX)
        }
        Request::PutReceipt(put) => at_most("readers", put.readers.len(), limits::RECEIPT_READERS_MAX),
        Request::FetchReceipts(fetch) => at_most(
            "conversations",
            fetch.conversations.len(),
            limits::RECEIPTS_FETCHED_MAX,
        ),
        Request::PassOn(pass_on) => at_most("signals", pass_on.signals.len(), limits::SIGNALS_PER_FRAME_MAX),
        _ => Ok(()),
    }
}

fn at_most(what: &str, count: usize, max: usize) -> Result<(), Problem> {
    if count > max {
        let detail = format!("at most {max} {what} are taken at once");
        return Err(Problem::new(ProblemCode::TooLarge, detail));
    }
    Ok(())
}

/// What a request counts against the connection's limit as long as it is under way.
pub(super) fn weight(request: &Request) -> usize {
    match request {
        Request::FetchLog(_)
        | Request::FetchGroup(_)
        | Request::FetchGroupByLink(_)
        | Request::FetchTree(_)
        | Request::Sync(_)
        | Request::AcknowledgeWelcomes(_)
        | Request::ClaimKeyPackages(_)
        | Request::ClaimForMany(_)
        | Request::RestoreLog(_)
        | Request::FetchRecords(_)
        | Request::FetchReceipts(_) => LARGE_REQUEST_WEIGHT,
        _ => 1,
    }
}

/// Refuses what is empty or longer than `max` bytes.
pub(super) fn bounded(what: &str, bytes: &Bytes, max: usize) -> Result<(), Problem> {
    if bytes.is_empty() {
        return Err(malformed(format!("{what} is empty")));
    }
    if bytes.len() > max {
        let detail = format!("{what} has {} bytes, at most {max} are taken", bytes.len());
        return Err(Problem::new(ProblemCode::TooLarge, detail));
    }
    Ok(())
}

/// Refuses a commit whose parts are missing or too large.
pub(super) fn bounded_commit(commit: &frames::Commit) -> Result<(), Problem> {
    bounded("commit", &commit.commit, limits::HANDSHAKE_MESSAGE_MAX)?;
    bounded("group_info", &commit.group_info, limits::HANDSHAKE_MESSAGE_MAX)?;
    if commit.welcome.is_empty() {
        return Ok(());
    }
    bounded("welcome", &commit.welcome, limits::HANDSHAKE_MESSAGE_MAX)
}

pub(super) fn id_bytes(id: &[u8; 16]) -> Bytes {
    Bytes::copy_from_slice(id)
}

pub(super) fn hash_bytes(hash: LogHash) -> Bytes {
    Bytes::copy_from_slice(hash.as_bytes())
}

pub(super) fn device_bytes(id: DeviceId) -> Bytes {
    id_bytes(id.as_bytes())
}
