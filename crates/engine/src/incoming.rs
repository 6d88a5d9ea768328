//! What a frame of the server says in numbers and sizes, checked before anything in the engine sees it.
//!
//! Items of a list that cannot be are taken out, and the others are used. A frame that cannot be as a whole is not used
//! at all. Whatever passes has sequence numbers from 1 to [`limits::SEQ_MAX`], epochs and instants with room for
//! arithmetic, and is no larger than an honest server may send.

use bytes::Bytes;
use subrosa_mls::limits::LINKS_MAX;
use subrosa_wire::{
    AccountId, ConversationId, LinkId,
    frames::{
        AccountRecord, Appended, ConversationHead, Deliver, GroupState, JoinRequest, JoinRequests,
        KeyPackages, Link, Links, LogEntry, LogPage, Problem, Receipt, ReceiptPut, ReceiptsPage, SyncState,
        WelcomeItem, log_entry::Payload, server_frame::Body,
    },
    limits,
    problem::ProblemCode,
};

use crate::misbehaviour::Misbehaviour;

/// What is wrong with a frame.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Each fault, with the conversation that it is about.
    pub faults: Vec<(Option<ConversationId>, Misbehaviour)>,
    /// Nothing of the frame may be used.
    pub is_useless: bool,
}

impl Findings {
    fn note(&mut self, conversation: &Bytes, how: Misbehaviour) {
        let fault = (ConversationId::try_from(&conversation[..]).ok(), how);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// The whole frame cannot be used.
    fn refuse(&mut self, conversation: &Bytes, how: Misbehaviour) {
        self.note(conversation, how);
        self.is_useless = true;
    }

    /// Refuses a list that is too long. Comes before whatever looks at its items.
    fn bound(&mut self, len: usize, max: usize) {
        if len > max {
            self.refuse(&Bytes::new(), Misbehaviour::TooMuch);
        }
    }
}

/// Checks a body and takes out what cannot be used.
pub(crate) fn examine(body: &mut Body) -> Findings {
    let mut findings = Findings::default();
    match body {
        Body::Problem(problem) => of_problem(&mut findings, problem),
        Body::SyncState(state) => of_state(&mut findings, state),
        Body::Appended(appended) => of_appended(&mut findings, appended),
        Body::LogPage(page) => of_page(&mut findings, page),
        Body::GroupState(state) => of_group(&mut findings, state),
        Body::LogRestored(restored) => {
            if !is_seq(restored.head_seq) {
                findings.refuse(&restored.conversation_id, Misbehaviour::ImpossibleSeq);
            }
        }
        Body::KeyPackages(packages) => of_key_packages(&mut findings, packages),
        Body::KeyPackagesOfMany(of_many) => {
            findings.bound(of_many.accounts.len(), limits::CLAIMED_ACCOUNTS_MAX);
            for packages in of_many
                .accounts
                .iter()
                .filter_map(|of_one| of_one.key_packages.as_ref())
            {
                of_key_packages(&mut findings, packages);
            }
        }
        Body::RatchetTree(tree) => findings.bound(tree.ratchet_tree.len(), limits::RATCHET_TREE_MAX),
        Body::Deliver(Deliver { entries }) => {
            findings.bound(entries.len(), limits::ENTRIES_PER_PUSH_MAX);
            of_entries(&mut findings, entries);
        }
        Body::WelcomesWaiting(waiting) => of_welcomes(&mut findings, &mut waiting.welcomes),
        Body::RecordsPage(page) => {
            findings.bound(page.records.len(), limits::RECORDS_PER_PAGE_MAX);
            of_records(&mut findings, &page.records, page.newest_change);
        }
        Body::RecordPut(put) => of_records(&mut findings, put.record.as_slice(), 0),
        Body::RecordChanged(changed) => of_records(&mut findings, changed.record.as_slice(), 0),
        Body::ReceiptPut(put) => {
            if put.version > limits::RECEIPT_VERSION_MAX
                || !put_changes(put).all(|change| change <= limits::SEQ_MAX)
            {
                findings.refuse(&Bytes::new(), Misbehaviour::ImpossibleNumber);
            }
        }
        Body::ReceiptsPage(page) => of_receipts_page(&mut findings, page),
        Body::ReceiptChanged(changed) => {
            let conversation = changed
                .receipt
                .as_ref()
                .map(|receipt| receipt.conversation_id.clone());
            of_receipts(
                &mut findings,
                &conversation.unwrap_or_default(),
                changed.receipt.as_slice(),
                changed.after_change,
            );
        }
        Body::Signal(signal) => findings.bound(signal.sealed.len(), limits::SIGNAL_MAX),
        Body::ObjectPut(put) => {
            if put.revision > limits::SEQ_MAX {
                findings.refuse(&Bytes::new(), Misbehaviour::ImpossibleNumber);
            }
        }
        Body::Object(object) => {
            findings.bound(object.sealed.len(), limits::OBJECT_MAX);
            if object.revision > limits::SEQ_MAX {
                findings.refuse(&Bytes::new(), Misbehaviour::ImpossibleNumber);
            }
        }
        Body::Links(links) => of_links(&mut findings, links),
        Body::JoinRequests(requests) => of_join_requests(&mut findings, requests),
        Body::Ready(_)
        | Body::KeyPackagesPublished(_)
        | Body::Acknowledged(_)
        | Body::Account(_)
        | Body::Pong(_)
        | Body::Notice(_) => {}
    }
    findings
}

fn of_problem(findings: &mut Findings, problem: &Problem) {
    let is_number_wrong = problem.known_code() == Some(ProblemCode::SendOutOfOrder)
        && !(1..=limits::SEND_NUMBER_MAX).contains(&problem.expected_send_number);
    if is_number_wrong || !is_epoch(problem.epoch) {
        findings.refuse(&problem.conversation_id, Misbehaviour::ImpossibleNumber);
    }
    // 0 if the problem is not about a log.
    if problem.head_seq > limits::SEQ_MAX || problem.first_seq > limits::SEQ_MAX {
        findings.refuse(&problem.conversation_id, Misbehaviour::ImpossibleSeq);
    }
}

fn of_state(findings: &mut Findings, state: &mut SyncState) {
    findings.bound(state.conversations.len(), limits::CONVERSATIONS_PER_ACCOUNT_MAX);
    findings.bound(state.own_devices.len(), limits::DEVICES_PER_ACCOUNT_MAX);
    if state.records_change > limits::SEQ_MAX {
        findings.refuse(&Bytes::new(), Misbehaviour::ImpossibleNumber);
    }
    of_welcomes(findings, &mut state.welcomes);
    if !findings.is_useless {
        state.conversations.retain(|head| is_head(findings, head));
    }
}

fn is_head(findings: &mut Findings, head: &ConversationHead) -> bool {
    let how = if !is_seq(head.head_seq) || head.cursor > limits::SEQ_MAX {
        Misbehaviour::ImpossibleSeq
    } else if !is_epoch(head.epoch)
        || head.send_number > limits::SEND_NUMBER_MAX
        || head.receipts_change > limits::SEQ_MAX
    {
        Misbehaviour::ImpossibleNumber
    } else {
        return true;
    };
    findings.note(&head.conversation_id, how);
    false
}

fn of_welcomes(findings: &mut Findings, welcomes: &mut Vec<WelcomeItem>) {
    findings.bound(welcomes.len(), limits::WELCOMES_PER_FRAME_MAX);
    if findings.is_useless {
        return;
    }
    welcomes.retain(|item| {
        let is_possible = is_seq(item.seq);
        if !is_possible {
            findings.note(&item.conversation_id, Misbehaviour::ImpossibleSeq);
        }
        is_possible
    });
}

fn of_appended(findings: &mut Findings, appended: &Appended) {
    if !is_seq(appended.seq) {
        findings.refuse(&appended.conversation_id, Misbehaviour::ImpossibleSeq);
    }
    if !is_epoch(appended.epoch) || !is_instant(appended.accepted_at_ms) {
        findings.refuse(&appended.conversation_id, Misbehaviour::ImpossibleNumber);
    }
}

fn of_page(findings: &mut Findings, page: &mut LogPage) {
    let entries_max = usize::try_from(limits::LOG_PAGE_ENTRIES_MAX).unwrap_or(usize::MAX);
    findings.bound(page.entries.len(), entries_max);
    if !is_seq(page.head_seq) {
        findings.refuse(&page.conversation_id, Misbehaviour::ImpossibleSeq);
    }
    of_entries(findings, &mut page.entries);
}

fn of_entries(findings: &mut Findings, entries: &mut Vec<LogEntry>) {
    if findings.is_useless {
        return;
    }
    entries.retain(|entry| {
        let how = if !is_seq(entry.seq) {
            Misbehaviour::ImpossibleSeq
        } else if !is_instant(entry.accepted_at_ms) {
            Misbehaviour::ImpossibleNumber
        } else if is_too_large(entry) {
            Misbehaviour::TooMuch
        } else {
            return true;
        };
        findings.note(&entry.conversation_id, how);
        false
    });
}

fn is_too_large(entry: &LogEntry) -> bool {
    entry.tag.len() > limits::ENTRY_TAG_MAX
        || match &entry.payload {
            Some(Payload::ApplicationMessage(message)) => message.len() > limits::APPLICATION_MESSAGE_MAX,
            Some(Payload::Commit(commit)) => commit.len() > limits::HANDSHAKE_MESSAGE_MAX,
            Some(Payload::Leave(proposal)) => proposal.len() > limits::LEAVE_MAX,
            None => false,
        }
}

fn of_group(findings: &mut Findings, state: &GroupState) {
    let longest = state.leaves.iter().map(Bytes::len).max();
    findings.bound(longest.unwrap_or_default(), limits::LEAVE_MAX);
    if !is_seq(state.head_seq) {
        findings.refuse(&state.conversation_id, Misbehaviour::ImpossibleSeq);
    }
    if !is_epoch(state.epoch) {
        findings.refuse(&state.conversation_id, Misbehaviour::ImpossibleNumber);
    }
}

fn of_links(findings: &mut Findings, links: &Links) {
    findings.bound(links.links.len(), LINKS_MAX);
    let is_possible = |link: &Link| {
        LinkId::try_from(&link.link_id[..]).is_ok()
            && is_instant(link.expires_at_ms)
            && is_instant(link.created_at_ms)
    };
    if !links.links.iter().all(is_possible) {
        findings.refuse(&Bytes::new(), Misbehaviour::ImpossibleNumber);
    }
}

fn of_join_requests(findings: &mut Findings, JoinRequests { requests }: &JoinRequests) {
    findings.bound(requests.len(), limits::JOIN_REQUESTS_MAX);
    let longest = requests.iter().map(|request| request.note.len()).max();
    findings.bound(longest.unwrap_or_default(), limits::JOIN_NOTE_MAX);
    let is_possible = |request: &JoinRequest| {
        AccountId::try_from(&request.account_id[..]).is_ok() && is_instant(request.asked_at_ms)
    };
    if !requests.iter().all(is_possible) {
        findings.refuse(&Bytes::new(), Misbehaviour::ImpossibleNumber);
    }
}

fn of_key_packages(findings: &mut Findings, packages: &KeyPackages) {
    findings.bound(packages.devices.len(), limits::DEVICES_PER_ACCOUNT_MAX);
    let longest = packages
        .devices
        .iter()
        .map(|device| device.key_package.len())
        .max();
    findings.bound(longest.unwrap_or_default(), limits::KEY_PACKAGE_MAX);
}

fn put_changes(put: &ReceiptPut) -> impl Iterator<Item = u64> {
    [put.change, put.after_change].into_iter()
}

fn of_receipts_page(findings: &mut Findings, page: &ReceiptsPage) {
    let receipts = page.conversations.iter().map(|of_one| of_one.receipts.len());
    findings.bound(page.conversations.len(), limits::RECEIPTS_FETCHED_MAX);
    findings.bound(receipts.sum(), limits::RECEIPTS_PER_PAGE_MAX);
    for of_one in &page.conversations {
        of_receipts(
            findings,
            &of_one.conversation_id,
            &of_one.receipts,
            of_one.newest_change,
        );
    }
}

fn of_receipts(findings: &mut Findings, conversation: &Bytes, receipts: &[Receipt], newest_change: u64) {
    let is_possible = |receipt: &Receipt| {
        (1..=limits::RECEIPT_VERSION_MAX).contains(&receipt.version) && is_seq(receipt.change)
    };
    if newest_change > limits::SEQ_MAX || !receipts.iter().all(is_possible) {
        findings.refuse(conversation, Misbehaviour::ImpossibleNumber);
    }
    let longest = receipts.iter().map(|receipt| receipt.sealed.len()).max();
    findings.bound(longest.unwrap_or_default(), limits::RECEIPT_MAX);
}

fn of_records(findings: &mut Findings, records: &[AccountRecord], newest_change: u64) {
    if findings.is_useless {
        return;
    }
    let is_possible = |record: &AccountRecord| is_seq(record.revision) && is_seq(record.change);
    if newest_change > limits::SEQ_MAX || !records.iter().all(is_possible) {
        findings.refuse(&Bytes::new(), Misbehaviour::ImpossibleNumber);
    }
    let longest = records.iter().map(|record| record.sealed.len()).max();
    findings.bound(longest.unwrap_or_default(), limits::ACCOUNT_RECORD_MAX);
}

fn is_seq(seq: u64) -> bool {
    (1..=limits::SEQ_MAX).contains(&seq)
}

/// Each epoch is begun by an entry.
const fn is_epoch(epoch: u64) -> bool {
    epoch <= limits::SEQ_MAX
}

const fn is_instant(millis: u64) -> bool {
    millis <= limits::TIME_MAX.as_millis()
}

#[cfg(test)]
mod tests {
    use subrosa_wire::frames::{DeviceKeyPackage, WelcomesWaiting};

    use super::*;

    const ID: [u8; 16] = [5; 16];

    fn id() -> Bytes {
        ID.to_vec().into()
    }

    fn entry(seq: u64, accepted_at_ms: u64) -> LogEntry {
        LogEntry {
            conversation_id: id(),
            seq,
            accepted_at_ms,
            ..LogEntry::default()
        }
    }

    fn page(head_seq: u64, entries: Vec<LogEntry>) -> Body {
        Body::LogPage(LogPage {
            conversation_id: id(),
            entries,
            head_seq,
            ..LogPage::default()
        })
    }

    fn group(epoch: u64, head_seq: u64) -> Body {
        Body::GroupState(GroupState {
            conversation_id: id(),
            epoch,
            head_seq,
            ..GroupState::default()
        })
    }

    fn problem(code: ProblemCode, head_seq: u64, epoch: u64, expected_send_number: u64) -> Body {
        Body::Problem(Problem {
            head_seq,
            epoch,
            expected_send_number,
            ..Problem::new(code, "")
        })
    }

    fn key_packages(devices: usize, len: usize) -> Body {
        let device = DeviceKeyPackage {
            key_package: vec![0; len].into(),
            ..DeviceKeyPackage::default()
        };
        Body::KeyPackages(KeyPackages {
            devices: vec![device; devices],
            ..KeyPackages::default()
        })
    }

    fn links(links: usize, id_len: usize, expires_at_ms: u64) -> Body {
        let link = Link {
            link_id: vec![3; id_len].into(),
            expires_at_ms,
            ..Link::default()
        };
        Body::Links(Links {
            links: vec![link; links],
        })
    }

    fn faults(mut body: Body) -> (Vec<Misbehaviour>, bool) {
        let findings = examine(&mut body);
        let how = findings.faults.into_iter().map(|(_, how)| how).collect();
        (how, findings.is_useless)
    }

    #[test]
    fn what_can_be_is_used() {
        let (last, latest) = (limits::SEQ_MAX, limits::TIME_MAX.as_millis());
        for body in [
            page(last, vec![entry(1, 0), entry(last, latest)]),
            group(last, last),
            problem(ProblemCode::RateLimited, 0, 0, 0),
            problem(ProblemCode::SendOutOfOrder, last, last, limits::SEND_NUMBER_MAX),
            key_packages(limits::DEVICES_PER_ACCOUNT_MAX, limits::KEY_PACKAGE_MAX),
            links(LINKS_MAX, 16, latest),
        ] {
            assert_eq!(faults(body.clone()), (vec![], false), "{body:?}");
        }
    }

    #[test]
    fn an_answer_with_a_number_that_cannot_be_is_of_no_use() {
        let beyond = limits::SEQ_MAX + 1;
        for (body, how) in [
            (page(0, vec![]), Misbehaviour::ImpossibleSeq),
            (page(beyond, vec![]), Misbehaviour::ImpossibleSeq),
            (group(1, 0), Misbehaviour::ImpossibleSeq),
            (group(1, beyond), Misbehaviour::ImpossibleSeq),
            (group(beyond, 1), Misbehaviour::ImpossibleNumber),
            (
                problem(ProblemCode::StaleEpoch, beyond, 1, 0),
                Misbehaviour::ImpossibleSeq,
            ),
            (
                problem(ProblemCode::StaleEpoch, 1, beyond, 0),
                Misbehaviour::ImpossibleNumber,
            ),
            (
                problem(ProblemCode::SendOutOfOrder, 0, 0, 0),
                Misbehaviour::ImpossibleNumber,
            ),
            (
                problem(ProblemCode::SendOutOfOrder, 0, 0, limits::SEND_NUMBER_MAX + 1),
                Misbehaviour::ImpossibleNumber,
            ),
            (
                key_packages(limits::DEVICES_PER_ACCOUNT_MAX + 1, 1),
                Misbehaviour::TooMuch,
            ),
            (
                key_packages(1, limits::KEY_PACKAGE_MAX + 1),
                Misbehaviour::TooMuch,
            ),
            (links(LINKS_MAX + 1, 16, 0), Misbehaviour::TooMuch),
            (links(1, 15, 0), Misbehaviour::ImpossibleNumber),
            (
                links(1, 16, limits::TIME_MAX.as_millis() + 1),
                Misbehaviour::ImpossibleNumber,
            ),
        ] {
            assert_eq!(faults(body.clone()), (vec![how], true), "{body:?}");
        }
    }

    #[test]
    fn an_item_with_a_number_that_cannot_be_is_taken_out_and_its_conversation_named() {
        let mut body = page(2, vec![entry(0, 1), entry(1, 1), entry(2, u64::MAX)]);
        let findings = examine(&mut body);
        let of = |how| (Some(ConversationId::from_bytes(ID)), how);
        assert_eq!(
            findings.faults,
            [
                of(Misbehaviour::ImpossibleSeq),
                of(Misbehaviour::ImpossibleNumber)
            ]
        );
        assert!(!findings.is_useless);
        assert_eq!(body, page(2, vec![entry(1, 1)]));

        let welcome = |seq| WelcomeItem {
            conversation_id: id(),
            seq,
            ..WelcomeItem::default()
        };
        let waiting = |welcomes| Body::WelcomesWaiting(WelcomesWaiting { welcomes });
        let mut body = waiting(vec![welcome(0), welcome(1), welcome(u64::MAX)]);
        assert_eq!(examine(&mut body).faults, [of(Misbehaviour::ImpossibleSeq)]);
        assert_eq!(body, waiting(vec![welcome(1)]));
    }
}
