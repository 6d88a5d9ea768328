//! The app as it is shipped: linked as a whole. All other tests are of one that is quicker to build.

use subrosa_e2e::browser::{Profile, WebPerson};

use crate::stage::{ACCEPTED, BOTH, Stage};

#[tokio::test]
async fn what_is_shipped_signs_in_talks_and_keeps_what_was_said() {
    for kind in BOTH {
        let mut stage = Stage::talked_as_shipped(kind).await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let second = WebPerson::new(&browser, &stage.server, "alice").await;
        second.sign_in().await;
        second.open_chat("bob").await;
        second.send_and_wait("from the second device").await;
        stage.alice.wait_message("from the second device").await;
        stage.bob_says("to both").await;
        second.wait_message("to both").await;

        stage.browser.quit().await;
        stage.reopen().await;
        stage.alice.wait_message("to both").await;
        stage.alice.send_and_wait("after a restart").await;
        stage.alice.wait_status("after a restart", ACCEPTED).await;
        second.wait_message("after a restart").await;
    }
}
