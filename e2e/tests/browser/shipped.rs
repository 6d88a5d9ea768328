//! The app as it is shipped: linked as a whole. All other tests are of one that is quicker to build.

use std::path::Path;

use subrosa_e2e::browser::{Profile, WebPerson};

use crate::stage::{ACCEPTED, BOTH, Stage, shipped_app};

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

/// The modules of the app, by name.
fn modules() -> Vec<(String, Vec<u8>)> {
    let assets = shipped_app().join("assets");
    let files = std::fs::read_dir(&assets)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let modules: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    assert_eq!(modules.len(), 3);
    modules
}

fn contains(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

#[test]
fn a_panic_of_what_is_shipped_says_where_and_why() {
    for (name, module) in modules() {
        // Places in our own code and in that of others, and what comes before them: a part that is loaded later has
        // that from the first one.
        let is_part = name.contains("/later-");
        let texts = ["crates/", ".rs", "/cargo/registry/", "panicked at "];
        for text in &texts[..if is_part { 3 } else { texts.len() }] {
            assert!(contains(&module, text), "{name} does not contain {text}");
        }
    }
}

#[test]
fn what_is_shipped_names_no_folder_of_the_machine_that_built_it() {
    let home = std::env::home_dir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (name, module) in modules() {
        for folder in [home.as_path(), here] {
            let folder = folder.to_str().unwrap();
            assert!(!contains(&module, folder), "{name} contains {folder}");
        }
    }
}
