//! A whole server faces a device that sends anything: honest requests, spoilt ones, over and over. It answers
//! each, and never with a failure of its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use subrosa_fuzz::{CONVERSATION, Server, World, edited};
use subrosa_wire::frames::{
    Acknowledge, AcknowledgeWelcomes, ClaimKeyPackages, ClientFrame, Cursor, FetchGroup, FetchLog,
    FetchObject, FetchReceipts, FetchRecords, LookUpAccount, PassOn, PublishKeyPackages, PutObject,
    PutReceipt, PutRecord, ReceiptsAfter, Signal, Sync, client_frame::Request, look_up_account,
};

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (is_alice, which, edits) = input;
    let honest = ClientFrame {
        request_id: 1,
        request: honest(which),
    };
    let bytes = edited(&honest.encode_to_vec(), edits);
    let Ok(ClientFrame {
        request: Some(request),
        ..
    }) = ClientFrame::decode(bytes.as_slice())
    else {
        return;
    };
    Server::with(|server| {
        let session = if is_alice { &server.alice } else { &server.bob };
        server.answer(session, request);
    });
});

fn honest(which: u8) -> Option<Request> {
    let conversation_id = CONVERSATION.to_vec();
    let [message, commit] = Server::honest_appends();
    Some(match which % 19 {
        0 => Request::Sync(Sync {}),
        1 => Request::CreateConversation(Server::honest_creation()),
        2 => Request::Append(message),
        3 => Request::Append(commit),
        4 => Request::FetchLog(FetchLog {
            conversation_id: conversation_id.into(),
            after_seq: 0,
            limit: 0,
        }),
        5 => Request::FetchGroup(FetchGroup {
            conversation_id: conversation_id.into(),
        }),
        6 => Request::ClaimKeyPackages(ClaimKeyPackages {
            account_id: World::bob().to_vec().into(),
        }),
        7 => {
            let key_package = World::get().key_package.clone().into();
            Request::PublishKeyPackages(PublishKeyPackages {
                one_time: vec![key_package],
                ..Default::default()
            })
        }
        8 => {
            let cursor = Cursor {
                conversation_id: conversation_id.into(),
                seq: 1,
            };
            Request::Acknowledge(Acknowledge {
                cursors: vec![cursor],
            })
        }
        9 => Request::AcknowledgeWelcomes(AcknowledgeWelcomes { item_ids: vec![1] }),
        10 => {
            let by = look_up_account::By::Handle("bob".to_owned());
            Request::LookUpAccount(LookUpAccount { by: Some(by) })
        }
        11 => Request::PutRecord(PutRecord {
            conversation_id: conversation_id.into(),
            replaces: 0,
            sealed: vec![1; 64].into(),
        }),
        12 => Request::FetchRecords(FetchRecords { after_change: 0 }),
        13 => Request::PutReceipt(PutReceipt {
            conversation_id: conversation_id.into(),
            version: 1,
            sealed: vec![1; 64].into(),
            readers: vec![World::bob().to_vec().into()],
        }),
        14 => {
            let after = ReceiptsAfter {
                conversation_id: conversation_id.into(),
                after_change: 0,
            };
            Request::FetchReceipts(FetchReceipts {
                conversations: vec![after],
            })
        }
        15 => {
            let signal = Signal {
                conversation_id: conversation_id.into(),
                sealed: vec![1; 64].into(),
                ..Signal::default()
            };
            Request::PassOn(PassOn {
                signals: vec![signal],
            })
        }
        16 => Request::PutObject(PutObject {
            object_id: vec![3; 16].into(),
            replaces: 0,
            sealed: vec![1; 64].into(),
            conversation_id: conversation_id.into(),
        }),
        17 => Request::FetchObject(FetchObject {
            object_id: vec![3; 16].into(),
            known_revision: 0,
        }),
        _ => return None,
    })
}
