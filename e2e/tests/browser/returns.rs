//! A server whose folder was put back from a copy, as somebody at a browser meets it.

use subrosa_e2e::{folders, until};

use crate::stage::{ACCEPTED, BOTH, Stage};

#[tokio::test]
async fn a_server_that_was_put_back_gets_what_the_page_has_and_it_is_told_once() {
    for kind in BOTH {
        let mut stage = Stage::talked(kind).await;
        let copy = stage.server.folder().join("copy");
        stage.server.stop().await;
        folders::copy(&stage.server.data(), &copy);
        stage.server.restart().await;
        for text in ["since 1", "since 2"] {
            stage.alice.send(text).await;
            stage.alice.wait_status(text, ACCEPTED).await;
        }
        stage.server.stop().await;
        folders::replace(&stage.server.data(), &copy);
        stage.server.restart().await;

        stage.alice.tab.wait_text("warning", "went back").await;
        let said = ["first", "second", "since 1", "since 2"];
        assert_eq!(stage.alice.texts().await, said, "{kind:?}");
        // Bob was away all the time.
        until("Bob has all of it", async || {
            stage.bobs_texts().await.len() >= said.len()
        })
        .await;
        assert_eq!(stage.bobs_texts().await, said, "{kind:?}");
        // What has not left with a command that ends leaves with the next.
        stage.bob_says("all is here").await;
        stage.alice.wait_message("all is here").await;
        stage.alice.wait_status("since 2", &["delivered", "read"]).await;
        assert_eq!(stage.alice.tab.count("warning").await, 1, "{kind:?}");
    }
}
