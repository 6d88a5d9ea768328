//! Putting back what a server has lost that went back to an earlier state: it takes what it once accepted, and nothing
//! else.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use subrosa_mls::LogHash;
use subrosa_wire::{
    ConversationId,
    frames::{
        LogEntry, LogPage, LogRestored, Lost, RestoreLog, append, client_frame::Request, log_entry::Payload,
        server_frame::Body,
    },
};
use tempfile::TempDir;

use super::world::{Device, World, appended, code, fetch_group, fetch_log, group_state};

/// A copy of the server's folder.
pub(super) struct Copy(TempDir);

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

pub(super) async fn back_up(world: World) -> (World, Copy) {
    let copy = TempDir::new().unwrap();
    let world = world
        .while_stopped(|folder| copy_files(folder, copy.path()))
        .await;
    (world, Copy(copy))
}

/// Everything since the copy was made is lost.
pub(super) async fn put_back(world: World, copy: &Copy) -> World {
    world.clock.advance(Duration::from_mins(1));
    world
        .while_stopped(|folder| {
            for entry in std::fs::read_dir(folder).unwrap() {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
            copy_files(copy.0.path(), folder);
        })
        .await
}

/// Alice and Bob have talked since the copy was made, and each has made a commit; then the server goes back.
struct Returned {
    world: World,
    alice: Device,
    bob: Device,
    id: ConversationId,
    /// The log before it went back.
    lost: LogPage,
    head: u64,
}

async fn returned() -> Returned {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    alice.send(&world, id, "before").await;
    let (world, copy) = back_up(world).await;
    let head = alice.log(&world, id, 0).await.head_seq;
    bob.send(&world, id, "one").await;
    appended(world.ask(&alice, Request::Append(alice.self_update(id))).await);
    alice.merge(id);
    alice.send(&world, id, "two").await;
    alice.send(&world, id, "three").await;
    let lost = alice.log(&world, id, head).await;
    let world = put_back(world, &copy).await;
    assert_eq!(alice.log(&world, id, 0).await.head_seq, head);
    Returned {
        world,
        alice,
        bob,
        id,
        lost,
        head,
    }
}

impl Returned {
    /// What a device that has all of it asks for.
    fn request(&self) -> RestoreLog {
        let without_id = |entry: &LogEntry| LogEntry {
            conversation_id: Bytes::new(),
            ..entry.clone()
        };
        RestoreLog {
            conversation_id: self.id.to_vec().into(),
            entries: self.lost.entries.iter().map(without_id).collect(),
            group_info: self.alice.own_group_info(self.id),
            lost: None,
        }
    }

    async fn ask(&self, request: RestoreLog) -> Body {
        self.world.ask(&self.alice, Request::RestoreLog(request)).await
    }
}

#[track_caller]
fn restored(body: Body) -> LogRestored {
    match body {
        Body::LogRestored(restored) => restored,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_log_is_put_back_with_its_places_times_and_chain() {
    let this = returned().await;
    let answer = restored(this.ask(this.request()).await);
    assert_eq!(
        (answer.head_seq, &answer.head_hash),
        (this.lost.head_seq, &this.lost.head_hash)
    );
    assert_eq!(this.bob.log(&this.world, this.id, this.head).await, this.lost);
    // The group is the one at the head, and so are the counts of its members.
    let group = group_state(this.world.ask(&this.bob, fetch_group(this.id)).await);
    assert_eq!(
        (group.head_seq, group.epoch),
        (
            this.lost.head_seq,
            this.alice.group(this.id, |_, group| group.epoch())
        )
    );
    let next = this.alice.send(&this.world, this.id, "four").await;
    assert_eq!(next.seq, this.lost.head_seq + 1);
}

#[tokio::test]
async fn it_is_put_back_however_long_the_server_runs() {
    let this = returned().await;
    this.world.clock.advance(Duration::from_hours(24 * 30));
    let answer = restored(this.ask(this.request()).await);
    assert_eq!(answer.head_seq, this.lost.head_seq);
}

#[tokio::test]
async fn the_others_are_told_once_that_there_is_something() {
    let this = returned().await;
    let at_bob = this.world.connect(&this.bob);
    let all = this.request();
    let part = RestoreLog {
        entries: all.entries[..2].to_vec(),
        group_info: Bytes::new(),
        ..all.clone()
    };
    restored(this.ask(part).await);
    let rest = RestoreLog {
        entries: all.entries[2..].to_vec(),
        ..all
    };
    restored(this.ask(rest).await);
    // Once, when all of it is there.
    let pushed = super::world::frames(&at_bob).await;
    assert!(
        matches!(&pushed[..], [only] if matches!(only.body, Some(Body::Notice(_)))),
        "{pushed:?}"
    );
}

#[tokio::test]
async fn it_is_put_back_once_and_in_parts() {
    let this = returned().await;
    let all = this.request();
    let part = RestoreLog {
        entries: all.entries[..2].to_vec(),
        group_info: Bytes::new(),
        ..all.clone()
    };
    assert_eq!(restored(this.ask(part.clone()).await).head_seq, this.head + 2);
    // Who comes later is told where the log ends.
    assert_eq!(restored(this.ask(part).await).head_seq, this.head + 2);
    assert_eq!(restored(this.ask(all.clone()).await).head_seq, this.head + 2);
    // Until all of it is there, nobody can enter from outside.
    assert_eq!(
        code(this.world.ask(&this.bob, fetch_group(this.id)).await),
        "unavailable"
    );
    let rest = RestoreLog {
        entries: all.entries[2..].to_vec(),
        ..all
    };
    assert_eq!(restored(this.ask(rest).await).head_hash, this.lost.head_hash);
    group_state(this.world.ask(&this.bob, fetch_group(this.id)).await);
}

#[tokio::test]
#[expect(
    clippy::type_complexity,
    clippy::too_many_lines,
    reason = "a table: one entry for each change"
)]
async fn what_was_not_in_the_log_is_refused() {
    let this = returned().await;
    // What only somebody who can encrypt for the group could make, and the server has never seen.
    let Some(append::Payload::ApplicationMessage(made_up)) = this.alice.message(this.id, "forged").payload
    else {
        panic!("a message")
    };
    let changed: [(&str, &str, Box<dyn Fn(&mut RestoreLog)>); 11] = [
        (
            "nothing",
            "malformed_request",
            Box::new(|all| all.entries.clear()),
        ),
        (
            "a gap",
            "malformed_request",
            Box::new(|all| drop(all.entries.remove(1))),
        ),
        (
            "an entry left out",
            "log_disagrees",
            Box::new(|all| {
                all.entries.remove(2);
                all.entries[2].seq -= 1;
            }),
        ),
        (
            "an entry twice",
            "log_disagrees",
            Box::new(|all| {
                let again = LogEntry {
                    seq: all.entries[0].seq + 1,
                    ..all.entries[0].clone()
                };
                all.entries.insert(1, again);
                all.entries.truncate(2);
            }),
        ),
        (
            "another order",
            "log_disagrees",
            Box::new(|all| {
                let (second, third) = (all.entries[2].seq, all.entries[3].seq);
                all.entries.swap(2, 3);
                (all.entries[2].seq, all.entries[3].seq) = (second, third);
            }),
        ),
        (
            "another sender",
            "log_disagrees",
            Box::new(|all| all.entries[2].sender_device = all.entries[0].sender_device.clone()),
        ),
        (
            "another send id",
            "log_disagrees",
            Box::new(|all| all.entries[2].send_id = all.entries[0].send_id.clone()),
        ),
        (
            "another time",
            "log_disagrees",
            Box::new(|all| all.entries[3].accepted_at_ms -= 1),
        ),
        (
            "a commit that was changed",
            "log_disagrees",
            Box::new(|all| {
                let Some(Payload::Commit(commit)) = &mut all.entries[1].payload else {
                    panic!("a commit")
                };
                let mut bytes = commit.to_vec();
                let last = bytes.len() - 60;
                bytes[last] ^= 1;
                *commit = bytes.into();
            }),
        ),
        (
            "no tag",
            "log_disagrees",
            Box::new(|all| all.entries[3].tag = Bytes::new()),
        ),
        (
            "an entry that a member has made up",
            "log_disagrees",
            Box::new(|all| {
                let forged = LogEntry {
                    seq: all.entries[3].seq + 1,
                    payload: Some(Payload::ApplicationMessage(made_up.clone())),
                    ..all.entries[3].clone()
                };
                all.entries.push(forged);
            }),
        ),
    ];
    for (what, expected, change) in changed {
        let mut request = this.request();
        change(&mut request);
        assert_eq!(code(this.ask(request).await), expected, "{what}");
        assert_eq!(
            this.bob.log(&this.world, this.id, 0).await.head_seq,
            this.head,
            "{what}"
        );
    }
    restored(this.ask(this.request()).await);
}

#[tokio::test]
async fn a_group_info_of_another_state_or_of_another_member_is_refused() {
    let this = returned().await;
    let foreign = RestoreLog {
        group_info: this.bob.own_group_info(this.id),
        ..this.request()
    };
    assert_eq!(code(this.ask(foreign).await), "invalid_mls_message");
    // Of the right state, and made by somebody else than the device that sends it.
    let sent = Request::RestoreLog(this.request());
    assert_eq!(code(this.world.ask(&this.bob, sent).await), "invalid_mls_message");
}

#[tokio::test]
async fn a_stranger_puts_nothing_back() {
    let mut this = returned().await;
    let eve = this.world.sign_up("evelyn").await;
    let request = Request::RestoreLog(this.request());
    assert_eq!(code(this.world.ask(&eve, request).await), "not_a_member");
}

/// A conversation that began after the copy was made.
async fn vanished() -> (Returned, Lost) {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let (mut world, copy) = back_up(world).await;
    let id = world.converse(&alice, &bob).await;
    alice.send(&world, id, "one").await;
    bob.send(&world, id, "two").await;
    let lost = alice.log(&world, id, 0).await;
    let world = put_back(world, &copy).await;
    assert_eq!(code(world.ask(&alice, fetch_log(id, 0, 0)).await), "not_a_member");
    let tree = alice.group(id, |_, group| group.ratchet_tree().unwrap());
    let all = Lost {
        ratchet_tree: tree.into(),
        hash_before: LogHash::START.as_bytes().to_vec().into(),
    };
    let this = Returned {
        world,
        alice,
        bob,
        id,
        lost,
        head: 0,
    };
    (this, all)
}

#[tokio::test]
async fn a_conversation_that_vanished_is_put_back() {
    let (this, lost) = vanished().await;
    let request = RestoreLog {
        lost: Some(lost),
        ..this.request()
    };
    let answer = restored(this.ask(request.clone()).await);
    assert_eq!(
        (answer.head_seq, &answer.head_hash),
        (this.lost.head_seq, &this.lost.head_hash)
    );
    assert_eq!(this.bob.log(&this.world, this.id, 0).await, this.lost);
    for device in [&this.alice, &this.bob] {
        let state = device.sync(&this.world).await;
        assert!(state.conversations[0].member);
        assert_eq!(
            state.conversations[0].send_number,
            if device.account() == this.alice.account() {
                2
            } else {
                1
            }
        );
    }
    this.bob.send(&this.world, this.id, "three").await;
    // Another device of it was slower.
    assert_eq!(restored(this.ask(request).await).head_seq, this.lost.head_seq + 1);
}

#[tokio::test]
async fn a_conversation_that_vanished_is_put_back_by_its_members_only() {
    let (mut this, lost) = vanished().await;
    let eve = this.world.sign_up("evelyn").await;
    let request = RestoreLog {
        lost: Some(lost),
        ..this.request()
    };
    let body = this.world.ask(&eve, Request::RestoreLog(request.clone())).await;
    assert_eq!(code(body), "invalid_mls_message");
    let mut cut = request.clone();
    cut.entries.remove(0);
    assert_eq!(code(this.ask(cut).await), "log_disagrees");
    let mut without_the_last = request.clone();
    without_the_last.lost.as_mut().unwrap().hash_before = vec![1; 32].into();
    assert_eq!(code(this.ask(without_the_last).await), "log_disagrees");
    let mut other_tree = request;
    if let Some(lost) = &mut other_tree.lost {
        lost.ratchet_tree = Bytes::from_static(b"no tree");
    }
    assert_eq!(code(this.ask(other_tree).await), "invalid_mls_message");
}
