//! Folders that are put back from a copy: the server's, and a profile's.

use std::path::{Path, PathBuf};

use subrosa_e2e::{
    Person, Server, folders,
    person::{Finished, finish},
    process::{clean_command, subrosa},
};

use crate::backups::restart_with_other_tokens;

/// How an operator makes a copy and puts it back.
#[derive(Clone, Copy)]
enum Way {
    PlainCopy,
    Restore,
}

impl Way {
    /// Copies the folder of a running server.
    async fn copy(self, server: &mut Server) -> PathBuf {
        let copy = server.folder().join("copy");
        match self {
            Self::PlainCopy => {
                server.stop().await;
                folders::copy(&server.data(), &copy);
                server.restart().await;
            }
            Self::Restore => {
                self.command(server, "backup", &["--to"], &copy).await.ok();
            }
        }
        copy
    }

    /// Puts the copy in the place of the folder of a running server.
    async fn put_back(self, server: &mut Server, copy: &Path) {
        server.stop().await;
        match self {
            Self::PlainCopy => folders::replace(&server.data(), copy),
            Self::Restore => {
                self.command(server, "restore", &[], copy).await.ok();
            }
        }
        server.restart().await;
    }

    async fn command(self, server: &Server, name: &str, option: &[&str], path: &Path) -> Finished {
        let mut command = clean_command(subrosa(), server.folder());
        command.arg(name).args(option).arg(path);
        command.arg("--data").arg(server.data());
        finish(command).await
    }
}

fn says(finished: &Finished, what: &str) -> bool {
    finished.stdout.contains(what) || finished.stderr.contains(what)
}

/// Alice has written to Bob, who was away, and begun to write to Carol. Then the server's folder is put back.
async fn nothing_is_lost_with_the_folder_of_the_server(way: Way) {
    let mut server = Server::start().await;
    let (alice, bob, carol) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
        Person::sign_up(&server, "carol").await,
    );
    alice.send(&bob, "before 1").await;
    bob.receive(1).await;
    bob.send(&alice, "before 2").await;
    alice.receive(1).await;
    let copy = way.copy(&mut server).await;

    for text in ["after 1", "after 2", "after 3"] {
        alice.send(&bob, text).await;
    }
    alice.send(&carol, "a beginning").await;
    way.put_back(&mut server, &copy).await;

    // Whoever was away is first, and finds nothing but what there was.
    bob.run(&["listen", "--timeout", "1"]).await;
    let sent = alice.run(&["send", "@bob", "and on"]).await;
    assert_eq!(sent.ok().lines().len(), 1, "{}", sent.stdout);
    bob.receive(4).await;
    let said = ["before 1", "before 2", "after 1", "after 2", "after 3", "and on"];
    assert_eq!(bob.texts(&alice).await, said);
    assert_eq!(alice.texts(&bob).await, said);
    bob.send(&alice, "all is here").await;
    alice.receive(1).await;

    // What Carol's device was to come in with is gone: it comes in from outside, and Alice sends to it once more.
    let listening = alice.listen();
    carol.receive(1).await;
    listening.end().await;
    assert_eq!(carol.texts(&alice).await, ["a beginning"]);
    carol.send(&alice, "an answer").await;
    alice.receive(1).await;
    assert_eq!(alice.texts(&carol).await, ["a beginning", "an answer"]);
    for person in [&alice, &bob, &carol] {
        person.run(&["devices"]).await.ok();
        let conversations = person.run(&["chats"]).await.ok().lines().len();
        let has = if person.handle == "alice" { 2 } else { 1 };
        assert_eq!(conversations, has, "of {}", person.handle);
    }
}

#[tokio::test]
async fn after_a_plain_copy_was_put_back_everything_arrives_once() {
    nothing_is_lost_with_the_folder_of_the_server(Way::PlainCopy).await;
}

#[tokio::test]
async fn after_a_restore_everything_arrives_once() {
    nothing_is_lost_with_the_folder_of_the_server(Way::Restore).await;
}

// Its next messages were encrypted with keys that had been used, and the other side dropped them.
#[tokio::test]
async fn what_a_profile_that_was_put_back_sends_is_read_by_the_other_side() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "before").await;
    bob.receive(1).await;
    bob.send(&alice, "an answer").await;
    alice.receive(1).await;
    let copy = alice.home().join("copy of the profile");
    folders::copy(&alice.profile(), &copy);
    alice.send(&bob, "in between 1").await;
    alice.send(&bob, "in between 2").await;
    bob.receive(2).await;

    folders::replace(&alice.profile(), &copy);
    let sent = alice.run(&["send", "@bob", "and on"]).await;
    sent.ok();
    bob.receive(1).await;
    assert_eq!(
        bob.texts(&alice).await,
        ["before", "an answer", "in between 1", "in between 2", "and on"]
    );
    let again = alice.run(&["send", "@bob", "and on again"]).await;
    again.ok();
    bob.receive(1).await;
    bob.send(&alice, "all is here").await;
    let listened = alice.run(&["listen", "--count", "1", "--timeout", "50"]).await;
    listened.ok();
    let told: Vec<_> = [&sent, &again, &listened]
        .map(|finished| says(finished, "profile_went_back"))
        .into();
    assert_eq!(told, [true, false, false], "{sent:?}\n{again:?}\n{listened:?}");
}

#[tokio::test]
async fn a_profile_that_is_older_than_two_renewals_is_signed_out() {
    let mut server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "before").await;
    bob.receive(1).await;
    let copy = alice.home().join("copy of the profile");
    folders::copy(&alice.profile(), &copy);
    for number in 1..4 {
        server.stop().await;
        restart_with_other_tokens(&mut server, number).await;
        alice.run(&["devices"]).await.ok();
    }

    folders::replace(&alice.profile(), &copy);
    server.stop().await;
    restart_with_other_tokens(&mut server, 4).await;
    let refused = alice.run(&["send", "@bob", "and on"]).await;
    assert_ne!(refused.code, 0);
    assert!(says(&refused, "signed out"), "{}", refused.stderr);

    let laptop = alice.second_device().await;
    laptop.send(&bob, "from a new device").await;
    bob.receive(1).await;
    assert_eq!(bob.texts(&alice).await, ["before", "from a new device"]);
}
