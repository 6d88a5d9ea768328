//! A server of another version: the page asks to be loaded again, once.

use subrosa_e2e::{
    browser::Kind,
    tampering::{EachFrame, Honest, Tampering},
};
use subrosa_wire::frames::{ServerFrame, server_frame::Body};

use crate::stage::{ACCEPTED, BehindProxy, Stage};

/// A server that is newer than the page.
pub(crate) fn newer() -> impl Tampering {
    EachFrame(|mut frame: ServerFrame| {
        if let Some(Body::Ready(ready)) = &mut frame.body {
            ready.protocol_version += 1;
        }
        vec![frame]
    })
}

#[tokio::test]
async fn a_server_of_another_version_is_told_and_a_reload_is_asked_for_once() {
    let stage = Stage::talked(Kind::Chromium).await;
    let BehindProxy { alice, proxy, .. } = &stage.alice_behind_a_proxy("before the update").await;

    proxy.tamper(newer());
    alice.tab.reload().await;
    alice.tab.wait_for("version-strip reload").await;
    // What is here can be read; what is written waits.
    alice.wait_message("before the update").await;
    alice.tab.mark_page().await;
    alice.tab.click("reload").await;
    alice.tab.wait_for_next_page().await;
    alice.tab.wait_for("version-strip").await;
    assert_eq!(alice.tab.count("version-strip reload").await, 0, "it asks again");
    alice.send("written to a server that cannot take it").await;
    alice
        .wait_status("written to a server that cannot take it", &["pending"])
        .await;

    proxy.tamper(Honest);
    alice.tab.reload().await;
    alice
        .wait_status("written to a server that cannot take it", ACCEPTED)
        .await;
    assert_eq!(alice.tab.count("version-strip").await, 0);
}
