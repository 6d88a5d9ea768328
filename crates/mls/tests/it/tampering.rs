//! Whatever happens to a message in transit, the receiver returns an error and stays unchanged.

use proptest::prelude::*;
use subrosa_mls::{CommitPlan, Group, GroupInfoError, JoinError, PublicView, ViewError, peek};

use crate::world::{CONVERSATION, Chat, Device, NOW, add, bob, create_group};

/// A change that the network, or the server, makes to bytes.
#[derive(Debug, Clone)]
enum Tampering {
    Flip { position: prop::sample::Index, bit: u8 },
    Truncate { len: prop::sample::Index },
    Append { byte: u8 },
}

impl Tampering {
    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match self {
            Self::Flip { position, bit } => {
                let position = position.index(bytes.len());
                bytes[position] ^= 1 << bit;
            }
            Self::Truncate { len } => bytes.truncate(len.index(bytes.len())),
            Self::Append { byte } => bytes.push(*byte),
        }
        bytes
    }
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), 0..8u8)
            .prop_map(|(position, bit)| Tampering::Flip { position, bit }),
        1 => any::<prop::sample::Index>().prop_map(|len| Tampering::Truncate { len }),
        1 => any::<u8>().prop_map(|byte| Tampering::Append { byte }),
    ]
}

/// Everything that is sent in a small conversation.
struct Traffic {
    chat: Chat,
    application: Vec<u8>,
    update: subrosa_mls::CommitBundle,
    external: subrosa_mls::CommitBundle,
    invited: Device,
    invitation: subrosa_mls::CommitBundle,
    tree_after_invitation: Vec<u8>,
}

impl Traffic {
    fn new() -> Self {
        let mut chat = Chat::new();
        let application = chat.alice.encrypt(b"the content of the message");
        let update = chat.alice.self_update();
        let external = Device::new(&bob(), 3).join_externally(&chat.server).unwrap();
        let invited = Device::new(&bob(), 4);
        let plan = CommitPlan {
            add: vec![chat.bob.verify(&invited)],
            ..CommitPlan::default()
        };
        let invitation = chat.bob.commit(plan).unwrap();
        chat.bob
            .with_group(|mls, group: &mut Group| group.clear_pending_commit(mls).unwrap());
        let before = chat.server.view.clone();
        chat.server.submit(&invitation).unwrap();
        let tree_after_invitation = chat.server.ratchet_tree();
        chat.server.view = before;
        Self {
            chat,
            application,
            update,
            external,
            invited,
            invitation,
            tree_after_invitation,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_tampered_message_changes_nothing(changes in prop::collection::vec(tampering(), 24)) {
        let mut traffic = Traffic::new();
        let bob = &traffic.chat.bob;
        let rows = bob.store.rows();
        let messages =
            [&traffic.application, &traffic.update.commit, &traffic.external.commit];
        for change in &changes {
            for message in messages {
                let tampered = change.apply(message);
                prop_assert!(bob.process(&tampered).is_err(), "{change:?}");
                let _ = peek(&tampered);
            }
            prop_assert!(bob.store.rows() == rows);
        }
        prop_assert_eq!(bob.read(&traffic.application), b"the content of the message");
        let effect = traffic.chat.server.submit(&traffic.update);
        prop_assert!(effect.is_ok());
        prop_assert!(traffic.chat.bob.apply(&traffic.update.commit).is_ok());
    }

    #[test]
    fn a_tampered_commit_or_group_info_does_not_move_the_server(
        changes in prop::collection::vec(tampering(), 24),
    ) {
        let mut traffic = Traffic::new();
        let server = &mut traffic.chat.server;
        for change in &changes {
            for bundle in [&traffic.update, &traffic.external] {
                // The membership tag is the one part that only members can check. It is the last. A byte before
                // it could be read as its length, so one is appended behind it.
                let is_appended = matches!(change, Tampering::Append { .. });
                let has_tag = bundle == &traffic.update && !is_appended;
                let membership_tag = if has_tag { 1 + 48 } else { 0 };
                // Before it, this byte is the length of a longer tag.
                if membership_tag > 0 && matches!(change, Tampering::Append { byte: 49 }) {
                    continue;
                }
                let checked = bundle.commit.len() - membership_tag;
                let mut commit = change.apply(&bundle.commit[..checked]);
                commit.extend_from_slice(&bundle.commit[checked..]);
                prop_assert!(
                    server.submit_parts(&commit, &bundle.group_info).is_err(),
                    "{change:?} of the commit"
                );
                let group_info = change.apply(&bundle.group_info);
                prop_assert!(
                    server.submit_parts(&bundle.commit, &group_info).is_err(),
                    "{change:?} of the group info"
                );
            }
        }
        prop_assert!(server.submit(&traffic.update).is_ok());
    }

    #[test]
    fn a_tampered_welcome_or_tree_lets_nobody_in(
        changes in prop::collection::vec(tampering(), 12),
    ) {
        let traffic = Traffic::new();
        let welcome = traffic.invitation.welcome.as_ref().unwrap();
        let tree = &traffic.tree_after_invitation;
        let rows = traffic.invited.store.rows();
        let restore = || {
            use subrosa_mls::KeyValue as _;
            for (key, value) in &rows {
                traffic.invited.store.put(key, value).unwrap();
            }
        };
        for change in &changes {
            prop_assert!(traffic.invited.join(&change.apply(welcome), tree).is_err());
            restore();
            prop_assert!(traffic.invited.join(welcome, &change.apply(tree)).is_err());
            restore();
        }
        prop_assert!(traffic.invited.join(welcome, tree).is_ok());
    }

    #[test]
    fn bytes_of_any_kind_are_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        head in prop::sample::select(vec![
            &[][..], &[0, 1, 0, 1], &[0, 1, 0, 2], &[0, 1, 0, 3], &[0, 1, 0, 4], &[0, 1, 0, 5],
        ]),
    ) {
        let device = Device::new(&bob(), 2);
        let bytes = [head, &bytes].concat();
        let _ = peek(&bytes);
        prop_assert!(PublicView::load(&bytes).is_err());
        prop_assert!(PublicView::create(&bytes, &bytes, CONVERSATION, NOW).is_err());
        prop_assert!(device.join(&bytes, &bytes).is_err());
        prop_assert!(
            subrosa_mls::verify_key_package(&bytes, bob().id, NOW).is_err()
        );
    }
}

#[test]
fn a_message_of_another_conversation_is_refused() {
    let chat = Chat::new();
    let mut message = chat.alice.encrypt(b"hello");
    message[5] ^= 1;
    assert_eq!(
        chat.bob.process(&message).unwrap_err(),
        subrosa_mls::ProcessError::WrongConversation
    );
}

#[test]
fn what_belongs_to_one_place_is_refused_in_another() {
    let mut chat = Chat::new();
    let laptop = Device::new(&bob(), 3);
    let bundle = add(&chat.bob, &laptop, &mut chat.server);
    let welcome = bundle.welcome.as_ref().unwrap();
    for message in [welcome, &bundle.group_info, &laptop.key_package()] {
        assert!(matches!(
            chat.alice.process(message).unwrap_err(),
            subrosa_mls::ProcessError::Malformed(_)
        ));
        assert!(peek(message).is_err());
        assert!(matches!(
            chat.server.submit_parts(message, &bundle.group_info),
            Err(ViewError::Malformed(_))
        ));
    }
    let tree = chat.server.ratchet_tree();
    let tablet = Device::new(&bob(), 4);
    assert!(matches!(
        tablet.join(&bundle.commit, &tree),
        Err(JoinError::Malformed(_))
    ));
    let fresh = create_group(&Device::new(&crate::world::alice(), 1));
    assert!(matches!(
        PublicView::create(&bundle.commit, &fresh.ratchet_tree(), CONVERSATION, NOW),
        Err(ViewError::GroupInfo(GroupInfoError::Malformed(_)))
    ));
}
