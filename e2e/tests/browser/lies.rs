//! The most important lies of the list, told to the page by what stands between it and an honest server. The terminal
//! hears all of them.

use subrosa_e2e::{
    Person,
    browser::Kind,
    lies::{Lie, SharedLiar},
    until,
};

use crate::stage::{ACCEPTED, BehindProxy, Stage, texts};

/// In how many frames a lie is told.
const FRAMES: u8 = 4;

/// Notes in the tab that a warning was shown, since the next page knows nothing of it.
const NOTE_WARNINGS: &str = "void (() => {
    const look = () => {
        if (document.querySelector('[data-testid=\"warning\"]')) sessionStorage.setItem('warned', 'yes');
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true });
    look();
})()";

/// Tells Alice's page a lie while she and Bob talk.
async fn survive(stage: &Stage, behind: &BehindProxy, lie: Lie) {
    let BehindProxy { alice, proxy, .. } = behind;
    let liar = SharedLiar::before(&stage.server, proxy, "alice");
    liar.get().lie(lie, FRAMES);
    // It connects again.
    alice.tab.reload().await;
    alice.tab.wait_for("composer").await;
    alice.tab.evaluate(NOTE_WARNINGS).await;
    stage.bob_says("bob during").await;
    alice.send("alice during").await;
    let teller = liar.clone();
    until("the lie is told", || {
        let teller = teller.clone();
        async move { teller.get().told().contains_key(&lie) }
    })
    .await;
    liar.get().be_honest();
    alice.tab.reload().await;
    alice.tab.wait_for("composer").await;
    alice.tab.evaluate(NOTE_WARNINGS).await;
    alice.send_and_wait("alice after").await;
    stage.bob_says("bob after").await;
    alice.wait_message("bob after").await;
    assert!(stage.bobs_texts().await.contains(&"alice after".to_owned()));
    assert_eq!(
        liar.get().read(),
        &[] as &[Vec<u8>],
        "somebody else has read what was written to bob"
    );
}

/// What Bob said while the lie was told is there, or Alice was warned.
async fn survives(lie: Lie) {
    let stage = Stage::talked(Kind::Chromium).await;
    let behind = stage.alice_behind_a_proxy("before").await;
    survive(&stage, &behind, lie).await;
    // If this does not become so, it was lost in silence.
    let is_told = "sessionStorage.getItem('warned') !== null || \
        Array.from(document.querySelectorAll('[data-testid=\"message-text\"]')).some((text) => text.innerText === 'bob during')";
    behind.alice.tab.until(is_told).await;
    // What Alice wrote was sent, or waits and was sent in the end.
    behind.alice.wait_status("alice during", ACCEPTED).await;
}

#[tokio::test]
async fn another_group_under_the_id_of_a_conversation_gets_nothing_from_the_page() {
    survives(Lie::ForeignGroup).await;
}

#[tokio::test]
async fn a_message_that_the_server_drops_is_not_lost_in_silence_in_the_page() {
    survives(Lie::DropEntry).await;
}

#[tokio::test]
async fn a_page_that_is_told_it_is_no_member_loses_nothing_in_silence() {
    survives(Lie::MemberNowhere).await;
}

#[tokio::test]
async fn a_page_that_is_told_it_has_no_devices_does_not_remove_the_others() {
    let stage = Stage::talked(Kind::Chromium).await;
    let behind = stage.alice_behind_a_proxy("before").await;
    survive(&stage, &behind, Lie::NoOwnDevices).await;
    // Alice's first browser has all of it.
    stage.alice.wait_message("bob during").await;
    stage.alice.wait_message("bob after").await;
}

#[tokio::test]
async fn two_handles_that_are_swapped_do_not_change_whom_the_page_writes_to() {
    let stage = Stage::talked(Kind::Chromium).await;
    let rob = Person::sign_up(&stage.server, "rob").await;
    let behind = stage.alice_behind_a_proxy("before").await;
    let BehindProxy { alice, proxy, .. } = &behind;
    alice.open_chat("rob").await;
    alice.send_and_wait("hello rob").await;
    let liar = SharedLiar::before(&stage.server, proxy, "alice");
    liar.get().swap("bob", "rob");
    liar.get().lie(Lie::SwapHandles, u8::MAX);
    for (handle, text) in [("bob", "for bob alone"), ("rob", "for rob alone")] {
        alice.tab.goto(&alice.address(&format!("/chat/{handle}"))).await;
        // It can be written to, or the page says why not.
        alice
            .tab
            .until("document.querySelector('[data-testid=composer], [data-testid=open-failed]') !== null")
            .await;
        if alice.tab.count("composer").await > 0 {
            alice.send(text).await;
        }
    }
    liar.get().be_honest();
    alice.tab.goto(&alice.address("/chat/bob")).await;
    alice.send_and_wait("at the end").await;
    let (bobs, robs) = (stage.bobs_texts().await, texts(&rob, "alice").await);
    assert!(bobs.iter().all(|text| text != "for rob alone"), "{bobs:?}");
    assert!(robs.iter().all(|text| text != "for bob alone"), "{robs:?}");
}
