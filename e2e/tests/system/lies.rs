//! Every lie of the list, told to a terminal client by what stands between it and an honest server. While it is told,
//! nothing is read by somebody else; what gets lost is not lost in silence; and afterwards everything works.

use std::collections::BTreeSet;

use subrosa_e2e::{
    Finished, Person,
    lies::{Lie, SharedLiar},
};

use crate::lying_server::Stage;

/// In how many frames each lie is told.
const FRAMES: u8 = 4;

fn is_warned(finished: &Finished) -> bool {
    [&finished.stdout, &finished.stderr]
        .iter()
        .any(|text| text.contains("\"warning\":"))
}

/// Lies for which this scene has no occasion; the simulation has.
const NO_OCCASION: &[Lie] = &[Lie::OwnSendId, Lie::OneOwnDevice];

/// Tells Bob one lie after the other, each while he and Alice talk.
async fn survives(lies: &[Lie]) {
    let stage = Stage::of_strangers().await;
    let (alice, bob) = (&stage.alice, &stage.bob);
    let liar = SharedLiar::before(&stage.server, &stage.proxy, "bob");
    alice.send(bob, "first").await;
    bob.send(alice, "second").await;
    for lie in lies {
        let of = |who: &str, when: &str| format!("{who} says {when} {lie}");
        liar.get().lie(*lie, FRAMES);
        // Alice says something while Bob is away, and while he listens; he answers.
        let said = [
            of("alice", "before"),
            of("alice", "again before"),
            of("alice", "during"),
        ];
        alice.send(bob, &said[0]).await;
        alice.send(bob, &said[1]).await;
        let listening = bob.listen();
        listening.note("connected").await;
        alice.send(bob, &said[2]).await;
        let listened = listening.end().await;
        let answer = of("bob", "during");
        let answered = bob.run(&["send", "@alice", &answer, "--timeout", "4"]).await;
        assert!(
            NO_OCCASION.contains(lie) || liar.get().told().contains_key(lie),
            "{lie} is not told"
        );
        liar.get().be_honest();

        // All are honest again.
        let last = [of("bob", "after"), of("alice", "after")];
        let mut warned = is_warned(&listened) || is_warned(&answered);
        bob.send(alice, &last[0]).await;
        alice.send(bob, &last[1]).await;
        let history = bob.run(&["history", "@alice", "--limit", "1000000"]).await;
        warned |= is_warned(history.ok());
        let (bobs, alices) = (bob.texts(alice).await, alice.texts(bob).await);
        for text in &last {
            assert!(bobs.contains(text), "{lie}: bob lacks {text:?}: {bobs:?}");
            assert!(alices.contains(text), "{lie}: alice lacks {text:?}: {alices:?}");
        }
        assert!(
            alices.contains(&answer) || warned,
            "{lie}: {answer:?} is lost in silence: {alices:?}"
        );
        for text in &said {
            assert!(
                bobs.contains(text) || warned,
                "{lie}: {text:?} is lost in silence: {bobs:?}"
            );
        }
        let once: BTreeSet<_> = bobs.iter().collect();
        assert_eq!(
            once.len(),
            bobs.len(),
            "{lie}: something is shown twice: {bobs:?}"
        );
    }
    assert_eq!(
        liar.get().read(),
        &[] as &[Vec<u8>],
        "somebody else has read what was written to alice"
    );
}

const ABOUT_THE_LOG: &[Lie] = &[
    Lie::DropEntry,
    Lie::DropEntryUnchained,
    Lie::WithholdNewest,
    Lie::StripPayload,
    Lie::ChangeByte,
    Lie::SwapEntries,
    Lie::OwnSendId,
    Lie::Garbage,
];

const ABOUT_WHAT_WAS_SENT: &[Lie] = &[
    Lie::AppendedAtZero,
    Lie::AppendedAhead,
    Lie::AppendedFar,
    Lie::AppendedLast,
    Lie::AppendedNever,
    Lie::NotAMember,
    Lie::StaleEpoch,
    Lie::LogPruned,
];

const SEND_NUMBERS: &[Lie] = &[Lie::OutOfOrderFirst, Lie::OutOfOrderNear, Lie::OutOfOrderFar];

const ABOUT_THE_ACCOUNT: &[Lie] = &[
    Lie::MemberNowhere,
    Lie::NoOwnDevices,
    Lie::OneOwnDevice,
    Lie::NoConversations,
];

/// The first one lets the client ask for the group, so that there is an old one.
const ABOUT_GROUPS: &[Lie] = &[Lie::MemberNowhere, Lie::OldGroup, Lie::ReplayedWelcome];

const ANOTHER_GROUP: &[Lie] = &[Lie::ForeignGroup, Lie::ForeignWelcome];

const ABOUT_RECEIPTS: &[Lie] = &[
    Lie::MixUpReceipts,
    Lie::ChangeRegister,
    Lie::NoReceipts,
    // By now there are several.
    Lie::OldRegisters,
];

/// Those that need a scene of their own.
const OWN_SCENE: &[Lie] = &[Lie::ForeignExists, Lie::WelcomeAhead, Lie::SwapHandles];

#[test]
fn every_lie_of_the_list_is_told_to_the_terminal() {
    let told = [
        ABOUT_THE_LOG,
        ABOUT_WHAT_WAS_SENT,
        SEND_NUMBERS,
        ABOUT_THE_ACCOUNT,
        ABOUT_GROUPS,
        ANOTHER_GROUP,
        ABOUT_RECEIPTS,
        OWN_SCENE,
    ]
    .concat();
    for lie in Lie::ALL {
        assert!(told.contains(lie), "{lie} is not told");
    }
}

#[tokio::test]
async fn lies_about_the_log_are_survived() {
    survives(ABOUT_THE_LOG).await;
}

#[tokio::test]
async fn lies_about_what_was_sent_are_survived() {
    survives(ABOUT_WHAT_WAS_SENT).await;
}

#[tokio::test]
async fn false_send_numbers_are_survived() {
    survives(SEND_NUMBERS).await;
}

#[tokio::test]
async fn lies_about_the_state_of_the_account_are_survived() {
    survives(ABOUT_THE_ACCOUNT).await;
}

#[tokio::test]
async fn lies_about_groups_are_survived() {
    survives(ABOUT_GROUPS).await;
}

#[tokio::test]
async fn lies_about_receipts_are_survived() {
    survives(ABOUT_RECEIPTS).await;
}

// What was written to Alice was read by somebody else.
#[tokio::test]
async fn another_group_under_the_id_of_a_conversation_gets_nothing() {
    survives(ANOTHER_GROUP).await;
}

#[tokio::test]
async fn another_group_in_place_of_one_that_is_created_gets_nothing() {
    let stage = Stage::of_strangers().await;
    let liar = SharedLiar::before(&stage.server, &stage.proxy, "bob");
    liar.get().lie(Lie::ForeignExists, 8);
    stage
        .bob
        .run(&["send", "@alice", "for alice alone", "--timeout", "4"])
        .await;
    assert!(liar.get().told().contains_key(&Lie::ForeignExists));
    assert_eq!(liar.get().read(), &[] as &[Vec<u8>]);
    liar.get().be_honest();
    stage.bob.send(&stage.alice, "honestly").await;
    assert_eq!(liar.get().read(), &[] as &[Vec<u8>]);
    let texts = stage.alice.texts(&stage.bob).await;
    assert_eq!(texts, ["for alice alone", "honestly"]);
}

// The three entries behind the place at which Bob entered were passed over.
#[tokio::test]
async fn a_welcome_that_leads_further_than_it_does_loses_nothing_in_silence() {
    let stage = Stage::of_strangers().await;
    let (alice, bob) = (&stage.alice, &stage.bob);
    let liar = SharedLiar::before(&stage.server, &stage.proxy, "bob");
    liar.get().lie(Lie::WelcomeAhead, FRAMES);
    for text in ["one", "two", "three", "four"] {
        alice.send(bob, text).await;
    }
    let heard = bob.run(&["history", "@alice"]).await;
    assert!(liar.get().told().contains_key(&Lie::WelcomeAhead));
    liar.get().be_honest();
    alice.send(bob, "five").await;
    let after = bob.run(&["history", "@alice"]).await;
    let texts = bob.texts(alice).await;
    assert_eq!(texts, ["one", "two", "three", "four", "five"]);
    assert!(is_warned(&heard) || is_warned(&after));
}

#[tokio::test]
async fn two_handles_that_are_swapped_do_not_change_whom_a_message_reaches() {
    let stage = Stage::of_strangers().await;
    let (carol, david) = (
        Person::sign_up(&stage.server, "carol").await,
        Person::sign_up(&stage.server, "david").await,
    );
    let bob = &stage.bob;
    bob.send(&carol, "for carol").await;
    bob.send(&david, "for david").await;
    let liar = SharedLiar::before(&stage.server, &stage.proxy, "bob");
    liar.get().swap("carol", "david");
    liar.get().lie(Lie::SwapHandles, u8::MAX);
    for device in [bob, &bob.second_device().await] {
        for (person, text) in [(&carol, "again for carol"), (&david, "again for david")] {
            let to = format!("@{}", person.handle);
            device.run(&["send", &to, text, "--timeout", "4"]).await;
        }
    }
    for (person, others) in [(&carol, "david"), (&david, "carol")] {
        let texts = person.texts(bob).await;
        assert!(texts.iter().all(|text| !text.ends_with(others)), "{texts:?}");
    }
}
