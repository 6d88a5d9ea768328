//! One example of every frame, with every field set to something that is not its default.

use subrosa_wire::frames::{
    Account, AccountRecord, Acknowledge, AcknowledgeWelcomes, Acknowledged, Append, Appended, AskToJoin,
    ClaimForMany, ClaimKeyPackages, ClientFrame, Commit, ConversationHead, ConversationReceipts,
    CreateConversation, Cursor, Deliver, DenyRequest, DeviceKeyPackage, Draining, FetchGroup,
    FetchGroupByLink, FetchJoinRequests, FetchLinks, FetchLog, FetchObject, FetchReceipts, FetchRecords,
    FetchTree, GroupState, Hello, JoinRequest, JoinRequests, KeyPackageStock, KeyPackages, KeyPackagesLow,
    KeyPackagesOfMany, KeyPackagesOfOne, KeyPackagesPublished, Link, Links, LogEntry, LogPage, LogRestored,
    LookUpAccount, Lost, Notice, ObjectPut, PassOn, Ping, Pong, Problem, PublishKeyPackages, PutLink,
    PutObject, PutReceipt, PutRecord, RatchetTree, Ready, Receipt, ReceiptChanged, ReceiptPut, ReceiptsAfter,
    ReceiptsPage, RecordChanged, RecordPut, RecordsPage, RestoreLog, SealedObject, ServerFrame, Signal,
    SignedOut, StateChanged, Sync, SyncState, TakeBackRequest, WelcomeItem, WelcomesWaiting, append,
    client_frame::Request, log_entry, look_up_account, notice, server_frame::Body,
};

/// An id that can be distinguished from the others in a hex dump.
fn id(digit: u8) -> Vec<u8> {
    vec![digit * 0x11; 16]
}

fn commit() -> Commit {
    Commit {
        commit: b"commit".to_vec().into(),
        group_info: b"info".to_vec().into(),
        welcome: b"welcome".to_vec().into(),
    }
}

fn application_entry() -> LogEntry {
    LogEntry {
        conversation_id: id(1).into(),
        seq: 7,
        send_id: id(2).into(),
        accepted_at_ms: 1_800_000_000_000,
        payload: Some(log_entry::Payload::ApplicationMessage(b"private".to_vec().into())),
        sender_device: id(4).into(),
        tag: id(9).into(),
    }
}

fn commit_entry() -> LogEntry {
    LogEntry {
        seq: 8,
        payload: Some(log_entry::Payload::Commit(b"public".to_vec().into())),
        ..application_entry()
    }
}

fn leave_entry() -> LogEntry {
    LogEntry {
        seq: 9,
        payload: Some(log_entry::Payload::Leave(b"leaves".to_vec().into())),
        ..application_entry()
    }
}

fn welcome() -> WelcomeItem {
    WelcomeItem {
        item_id: 5,
        conversation_id: id(1).into(),
        seq: 6,
        welcome: b"welcome".to_vec().into(),
        ratchet_tree: b"tree".to_vec().into(),
        hash_before: vec![0x66; 32].into(),
        tree_hash: vec![0x77; 32].into(),
    }
}

fn account() -> Account {
    Account {
        account_id: id(3).into(),
        handle: "alice".into(),
        account_key: vec![0x44; 32].into(),
        succession_key_hash: vec![0x55; 32].into(),
    }
}

fn account_record() -> AccountRecord {
    AccountRecord {
        conversation_id: id(1).into(),
        revision: 3,
        change: 300,
        sealed: b"sealed".to_vec().into(),
    }
}

fn receipt() -> Receipt {
    Receipt {
        conversation_id: id(1).into(),
        device_id: id(4).into(),
        version: 7,
        change: 300,
        sealed: b"sealed".to_vec().into(),
    }
}

fn signal() -> Signal {
    Signal {
        conversation_id: id(1).into(),
        device_id: id(4).into(),
        sealed: b"sealed".to_vec().into(),
    }
}

/// Every request, by its name in the proto file; a request with a oneof appears once for each variant.
#[expect(clippy::too_many_lines, reason = "it is a list of examples")]
pub(crate) fn requests() -> Vec<(&'static str, Request)> {
    let append = |payload| {
        Request::Append(Append {
            conversation_id: id(1).into(),
            send_id: id(2).into(),
            send_number: 9,
            payload: Some(payload),
        })
    };
    vec![
        (
            "hello",
            Request::Hello(Hello {
                protocol_version: 1,
                access_token: "token".into(),
                client: "subrosa/0.1.0".into(),
            }),
        ),
        ("sync", Request::Sync(Sync {})),
        (
            "append application_message",
            append(append::Payload::ApplicationMessage(b"private".to_vec().into())),
        ),
        ("append commit", append(append::Payload::Commit(commit()))),
        (
            "append leave",
            append(append::Payload::Leave(b"leaves".to_vec().into())),
        ),
        (
            "create_conversation",
            Request::CreateConversation(CreateConversation {
                conversation_id: id(1).into(),
                send_id: id(2).into(),
                group_info: b"epoch 0".to_vec().into(),
                ratchet_tree: b"tree".to_vec().into(),
                commit: Some(commit()),
            }),
        ),
        (
            "fetch_log",
            Request::FetchLog(FetchLog {
                conversation_id: id(1).into(),
                after_seq: 300,
                limit: 100,
            }),
        ),
        (
            "fetch_group",
            Request::FetchGroup(FetchGroup {
                conversation_id: id(1).into(),
            }),
        ),
        (
            "claim_key_packages",
            Request::ClaimKeyPackages(ClaimKeyPackages {
                account_id: id(3).into(),
            }),
        ),
        (
            "publish_key_packages",
            Request::PublishKeyPackages(PublishKeyPackages {
                one_time: vec![b"one".to_vec().into(), b"two".to_vec().into()],
                last_resort: b"last".to_vec().into(),
                ..PublishKeyPackages::default()
            }),
        ),
        (
            "publish_key_packages withdrawn",
            Request::PublishKeyPackages(PublishKeyPackages {
                withdrawn: vec![vec![7; 32].into()],
                ..PublishKeyPackages::default()
            }),
        ),
        (
            "acknowledge",
            Request::Acknowledge(Acknowledge {
                cursors: vec![Cursor {
                    conversation_id: id(1).into(),
                    seq: 7,
                }],
            }),
        ),
        (
            "acknowledge_welcomes",
            Request::AcknowledgeWelcomes(AcknowledgeWelcomes {
                item_ids: vec![5, 300],
            }),
        ),
        (
            "look_up_account account_id",
            Request::LookUpAccount(LookUpAccount {
                by: Some(look_up_account::By::AccountId(id(3).into())),
            }),
        ),
        (
            "look_up_account handle",
            Request::LookUpAccount(LookUpAccount {
                by: Some(look_up_account::By::Handle("alice".into())),
            }),
        ),
        ("ping", Request::Ping(Ping {})),
        (
            "restore_log",
            Request::RestoreLog(RestoreLog {
                conversation_id: id(1).into(),
                entries: vec![LogEntry {
                    conversation_id: Vec::new().into(),
                    ..application_entry()
                }],
                group_info: b"info".to_vec().into(),
                lost: None,
            }),
        ),
        (
            "restore_log lost",
            Request::RestoreLog(RestoreLog {
                conversation_id: id(1).into(),
                entries: vec![commit_entry()],
                group_info: b"info".to_vec().into(),
                lost: Some(Lost {
                    ratchet_tree: b"tree".to_vec().into(),
                    hash_before: vec![0x66; 32].into(),
                }),
            }),
        ),
        (
            "put_record",
            Request::PutRecord(PutRecord {
                conversation_id: id(1).into(),
                replaces: 2,
                sealed: b"sealed".to_vec().into(),
            }),
        ),
        (
            "fetch_records",
            Request::FetchRecords(FetchRecords { after_change: 299 }),
        ),
        (
            "put_receipt",
            Request::PutReceipt(PutReceipt {
                conversation_id: id(1).into(),
                version: 7,
                sealed: b"sealed".to_vec().into(),
                readers: vec![id(3).into(), id(5).into()],
            }),
        ),
        (
            "fetch_receipts",
            Request::FetchReceipts(FetchReceipts {
                conversations: vec![ReceiptsAfter {
                    conversation_id: id(1).into(),
                    after_change: 299,
                }],
            }),
        ),
        (
            "pass_on",
            Request::PassOn(PassOn {
                signals: vec![Signal {
                    device_id: Vec::new().into(),
                    ..signal()
                }],
            }),
        ),
        (
            "put_object",
            Request::PutObject(PutObject {
                object_id: id(7).into(),
                replaces: 2,
                sealed: b"sealed".to_vec().into(),
                conversation_id: id(1).into(),
            }),
        ),
        (
            "fetch_object",
            Request::FetchObject(FetchObject {
                object_id: id(7).into(),
                known_revision: 2,
            }),
        ),
        (
            "claim_for_many",
            Request::ClaimForMany(ClaimForMany {
                account_ids: vec![id(3).into(), id(4).into()],
            }),
        ),
        (
            "fetch_tree",
            Request::FetchTree(FetchTree {
                conversation_id: id(1).into(),
                tree_hash: vec![0x77; 32].into(),
            }),
        ),
        (
            "put_link",
            Request::PutLink(PutLink {
                conversation_id: id(1).into(),
                access: vec![0x88; 96].into(),
                uses_max: 25,
                expires_at_ms: 1_900_000_000_000,
                preview: b"preview".to_vec().into(),
            }),
        ),
        (
            "fetch_links",
            Request::FetchLinks(FetchLinks {
                conversation_id: id(1).into(),
            }),
        ),
        (
            "fetch_group_by_link",
            Request::FetchGroupByLink(FetchGroupByLink {
                conversation_id: id(1).into(),
                access: vec![0x88; 96].into(),
            }),
        ),
        (
            "ask_to_join",
            Request::AskToJoin(AskToJoin {
                conversation_id: id(1).into(),
                access: vec![0x88; 96].into(),
                signature: vec![0x99; 96].into(),
                note: b"note".to_vec().into(),
            }),
        ),
        (
            "take_back_request",
            Request::TakeBackRequest(TakeBackRequest {
                conversation_id: id(1).into(),
            }),
        ),
        (
            "fetch_join_requests",
            Request::FetchJoinRequests(FetchJoinRequests {
                conversation_id: id(1).into(),
            }),
        ),
        (
            "deny_request",
            Request::DenyRequest(DenyRequest {
                conversation_id: id(1).into(),
                account_id: id(3).into(),
            }),
        ),
    ]
}

/// Every answer and push, by its name in the proto file.
#[expect(clippy::too_many_lines, reason = "a table: one entry for each frame")]
pub(crate) fn bodies() -> Vec<(&'static str, Body)> {
    let notice = |kind| Body::Notice(Notice { kind: Some(kind) });
    vec![
        (
            "problem",
            Body::Problem(Problem {
                code: "stale_epoch".into(),
                detail: "at epoch 4".into(),
                head_seq: 8,
                epoch: 4,
                expected_send_number: 10,
                retry_after_ms: 1500,
                conversation_id: id(1).into(),
                first_seq: 6,
            }),
        ),
        (
            "ready",
            Body::Ready(Ready {
                protocol_version: 1,
                server_version: "0.1.0".into(),
                server_time_ms: 1_800_000_000_000,
                heartbeat_interval_ms: 30_000,
            }),
        ),
        (
            "sync_state",
            Body::SyncState(SyncState {
                conversations: vec![ConversationHead {
                    conversation_id: id(1).into(),
                    head_seq: 8,
                    epoch: 4,
                    member: true,
                    ..ConversationHead::default()
                }],
                welcomes: vec![welcome()],
                own_devices: vec![id(4).into(), id(5).into()],
                key_packages_left: 12,
                has_last_resort_key_package: true,
                ..SyncState::default()
            }),
        ),
        (
            "sync_state cursor",
            Body::SyncState(SyncState {
                conversations: vec![ConversationHead {
                    conversation_id: id(1).into(),
                    head_seq: 8,
                    epoch: 4,
                    member: true,
                    cursor: 7,
                    ..ConversationHead::default()
                }],
                ..SyncState::default()
            }),
        ),
        (
            "sync_state send_number",
            Body::SyncState(SyncState {
                conversations: vec![ConversationHead {
                    conversation_id: id(1).into(),
                    head_seq: 8,
                    send_number: 9,
                    head_hash: vec![0x77; 32].into(),
                    ..ConversationHead::default()
                }],
                ..SyncState::default()
            }),
        ),
        (
            "sync_state receipts_change",
            Body::SyncState(SyncState {
                conversations: vec![ConversationHead {
                    conversation_id: id(1).into(),
                    head_seq: 8,
                    receipts_change: 300,
                    ..ConversationHead::default()
                }],
                ..SyncState::default()
            }),
        ),
        (
            "sync_state key_packages",
            Body::SyncState(SyncState {
                key_packages: Some(KeyPackageStock {
                    hashes: vec![vec![7; 32].into()],
                }),
                incarnation: id(6).into(),
                ..SyncState::default()
            }),
        ),
        (
            "sync_state records_change",
            Body::SyncState(SyncState {
                records_change: 300,
                ..SyncState::default()
            }),
        ),
        (
            "appended",
            Body::Appended(Appended {
                conversation_id: id(1).into(),
                seq: 7,
                epoch: 4,
                accepted_at_ms: 1_800_000_000_000,
                tag: id(9).into(),
            }),
        ),
        (
            "log_page",
            Body::LogPage(LogPage {
                conversation_id: id(1).into(),
                entries: vec![application_entry(), commit_entry()],
                head_seq: 8,
                head_hash: vec![0x77; 32].into(),
            }),
        ),
        (
            "group_state",
            Body::GroupState(GroupState {
                conversation_id: id(1).into(),
                epoch: 4,
                head_seq: 8,
                group_info: b"info".to_vec().into(),
                ratchet_tree: b"tree".to_vec().into(),
                head_hash: vec![0x77; 32].into(),
                leaves: Vec::new(),
            }),
        ),
        (
            "group_state leaves",
            Body::GroupState(GroupState {
                leaves: vec![b"leaves".to_vec().into()],
                ..GroupState::default()
            }),
        ),
        (
            "deliver leave",
            Body::Deliver(Deliver {
                entries: vec![leave_entry()],
            }),
        ),
        (
            "key_packages",
            Body::KeyPackages(KeyPackages {
                account: Some(account()),
                devices: vec![DeviceKeyPackage {
                    device_id: id(4).into(),
                    key_package: b"package".to_vec().into(),
                }],
            }),
        ),
        (
            "key_packages_published",
            Body::KeyPackagesPublished(KeyPackagesPublished {
                key_packages_left: 50,
            }),
        ),
        ("acknowledged", Body::Acknowledged(Acknowledged {})),
        ("account", Body::Account(account())),
        (
            "pong",
            Body::Pong(Pong {
                server_time_ms: 1_800_000_000_000,
            }),
        ),
        (
            "log_restored",
            Body::LogRestored(LogRestored {
                conversation_id: id(1).into(),
                head_seq: 8,
                head_hash: vec![0x77; 32].into(),
            }),
        ),
        (
            "record_put",
            Body::RecordPut(RecordPut {
                stored: true,
                record: Some(account_record()),
                after_change: 290,
            }),
        ),
        (
            "records_page",
            Body::RecordsPage(RecordsPage {
                records: vec![account_record()],
                newest_change: 301,
            }),
        ),
        (
            "receipt_put",
            Body::ReceiptPut(ReceiptPut {
                version: 7,
                change: 300,
                after_change: 290,
            }),
        ),
        (
            "receipts_page",
            Body::ReceiptsPage(ReceiptsPage {
                conversations: vec![ConversationReceipts {
                    conversation_id: id(1).into(),
                    receipts: vec![Receipt {
                        conversation_id: Vec::new().into(),
                        ..receipt()
                    }],
                    newest_change: 301,
                }],
            }),
        ),
        (
            "object_put",
            Body::ObjectPut(ObjectPut {
                stored: true,
                revision: 3,
            }),
        ),
        (
            "object",
            Body::Object(SealedObject {
                object_id: id(7).into(),
                revision: 3,
                sealed: b"sealed".to_vec().into(),
            }),
        ),
        (
            "deliver",
            Body::Deliver(Deliver {
                entries: vec![application_entry(), commit_entry()],
            }),
        ),
        (
            "welcomes_waiting",
            Body::WelcomesWaiting(WelcomesWaiting {
                welcomes: vec![welcome()],
            }),
        ),
        (
            "notice key_packages_low",
            notice(notice::Kind::KeyPackagesLow(KeyPackagesLow {
                key_packages_left: 3,
            })),
        ),
        (
            "notice state_changed",
            notice(notice::Kind::StateChanged(StateChanged {})),
        ),
        (
            "notice draining",
            notice(notice::Kind::Draining(Draining {
                reconnect_after_ms: 2_000,
            })),
        ),
        ("notice signed_out", notice(notice::Kind::SignedOut(SignedOut {}))),
        (
            "record_changed",
            Body::RecordChanged(RecordChanged {
                record: Some(account_record()),
                after_change: 290,
            }),
        ),
        (
            "receipt_changed",
            Body::ReceiptChanged(ReceiptChanged {
                receipt: Some(receipt()),
                after_change: 290,
            }),
        ),
        ("signal", Body::Signal(signal())),
        (
            "key_packages_of_many",
            Body::KeyPackagesOfMany(KeyPackagesOfMany {
                accounts: vec![KeyPackagesOfOne {
                    account_id: id(3).into(),
                    key_packages: Some(KeyPackages {
                        account: Some(account()),
                        devices: vec![DeviceKeyPackage {
                            device_id: id(2).into(),
                            key_package: b"package".to_vec().into(),
                        }],
                    }),
                }],
            }),
        ),
        (
            "ratchet_tree",
            Body::RatchetTree(RatchetTree {
                ratchet_tree: b"tree".to_vec().into(),
            }),
        ),
        (
            "links",
            Body::Links(Links {
                links: vec![Link {
                    link_id: id(6).into(),
                    uses: 4,
                    uses_max: 25,
                    expires_at_ms: 1_900_000_000_000,
                    created_at_ms: 1_800_000_000_000,
                }],
            }),
        ),
        (
            "join_requests",
            Body::JoinRequests(JoinRequests {
                requests: vec![JoinRequest {
                    account_id: id(3).into(),
                    signature: vec![0x99; 96].into(),
                    note: b"note".to_vec().into(),
                    asked_at_ms: 1_800_000_000_000,
                }],
            }),
        ),
    ]
}

/// Every frame that a client sends.
pub(crate) fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    requests()
        .into_iter()
        .map(|(name, request)| {
            (
                name,
                ClientFrame {
                    request_id: 258,
                    request: Some(request),
                },
            )
        })
        .collect()
}

/// Every frame that a server sends.
pub(crate) fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    bodies()
        .into_iter()
        .map(|(name, body)| {
            (
                name,
                ServerFrame {
                    request_id: 258,
                    body: Some(body),
                },
            )
        })
        .collect()
}
