//! Servers and clients that are killed at random instants, under load: what was acknowledged is there once,
//! and in order.

use std::{collections::BTreeSet, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use rustix::process::Signal;
use subrosa_e2e::{
    Person, Server, is_long,
    process::{Process, clean_command},
    until,
};

/// How often the server dies.
fn rounds() -> u32 {
    if is_long() { 200 } else { 24 }
}

/// Nobody is to slow down here.
const NO_LIMITS: &str = "[limits]\nframes_per_device = 0\ncommits_per_device = 0\n";

/// How long something may live until it is killed.
const LIFE_MS_MAX: u64 = 350;

/// Somebody who talks, and whom death interrupts now and then.
struct Talker<'a> {
    person: &'a Person,
    to: &'a Person,
    process: Option<Process>,
    /// Lines of the lives before this one.
    past: Vec<String>,
}

impl<'a> Talker<'a> {
    fn start(person: &'a Person, to: &'a Person) -> Self {
        let mut talker = Self {
            person,
            to,
            process: None,
            past: Vec::new(),
        };
        talker.revive();
        talker
    }

    fn word(&self) -> &str {
        &self.person.handle
    }

    fn revive(&mut self) {
        let mut command = clean_command(env!("CARGO_BIN_EXE_talker"), self.person.home());
        command
            .arg(self.person.profile())
            .args([&self.person.server, &self.to.handle, &self.person.handle]);
        self.process = Some(Process::start(command));
    }

    fn lines(&self) -> Vec<String> {
        let present = self.process.as_ref().map(Process::stdout).unwrap_or_default();
        // The last one may not be whole yet.
        let whole = present.rsplit_once('\n').map_or("", |(whole, _)| whole);
        self.past
            .iter()
            .cloned()
            .chain(whole.lines().map(str::to_owned))
            .collect()
    }

    /// Numbers of the messages that it has told to be so.
    fn told(&self, what: &str) -> BTreeSet<usize> {
        let prefix = format!("{what} {} ", self.word());
        self.lines()
            .iter()
            .filter_map(|line| line.strip_prefix(&prefix)?.parse().ok())
            .collect()
    }

    async fn kill(&mut self) {
        let Some(process) = self.process.take() else {
            panic!("it is dead already")
        };
        let exit = process.kill().await;
        assert_eq!(
            exit.signal,
            Some(Signal::KILL.as_raw()),
            "it had ended before: {}",
            lossy(&exit.stderr)
        );
        self.remember(&exit.stdout);
    }

    fn remember(&mut self, output: &[u8]) {
        // A line that death has cut is no line.
        let text = lossy(output);
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        self.past.extend(whole.lines().map(str::to_owned));
    }

    /// Lets it say what it has to say, and end.
    async fn finish(&mut self) {
        let Some(process) = self.process.take() else {
            panic!("it is dead already")
        };
        process.signal(Signal::TERM);
        let exit = process.exit().await;
        assert_eq!(exit.code, Some(0), "{}", lossy(&exit.stderr));
        self.remember(&exit.stdout);
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Drop for Talker<'_> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(process) = &self.process
        {
            // Shown by the test harness together with the failure.
            #[expect(clippy::print_stderr, reason = "why a talker ended is why the test fails")]
            {
                eprintln!("{}: {}", self.word(), process.stderr());
            }
        }
    }
}

/// What must hold in the end, whatever died when.
async fn nothing_is_lost_doubled_or_out_of_order(alice: &Talker<'_>, bob: &Talker<'_>) {
    let at_alice = alice.person.texts(bob.person).await;
    let at_bob = bob.person.texts(alice.person).await;
    for talker in [alice, bob] {
        let prefix = format!("{} ", talker.word());
        let of = |texts: &[String]| -> Vec<usize> {
            texts
                .iter()
                .filter_map(|text| text.strip_prefix(&prefix)?.parse().ok())
                .collect()
        };
        let (sent, stored) = (talker.told("sent"), talker.told("stored"));
        assert!(
            sent.len() > 20,
            "{} has had hardly anything acknowledged: {}",
            talker.word(),
            sent.len()
        );
        let said = of(&at_alice);
        let expected: Vec<usize> = (0..said.len()).collect();
        assert_eq!(
            said,
            expected,
            "{}: at alice's, every message once and in order",
            talker.word()
        );
        assert_eq!(
            of(&at_bob),
            expected,
            "{}: at bob's, every message once and in order",
            talker.word()
        );
        let last = sent.union(&stored).max();
        assert!(
            last < Some(&said.len()),
            "{}: message {last:?} is lost",
            talker.word()
        );
    }
    assert_eq!(at_alice, at_bob, "both show the same conversation");
}

async fn meet(server: &Server) -> (Person, Person) {
    let (alice, bob) = (
        Person::sign_up(server, "alice").await,
        Person::sign_up(server, "bob").await,
    );
    alice.send(&bob, "shall we?").await;
    bob.send(&alice, "let us").await;
    (alice, bob)
}

/// Waits until both have had something acknowledged since these counts.
async fn both_go_on(alice: &Talker<'_>, bob: &Talker<'_>) {
    for talker in [alice, bob] {
        let before = talker.told("sent").len();
        until("something is acknowledged", async || {
            talker.told("sent").len() > before
        })
        .await;
    }
}

async fn a_moment(rng: &mut StdRng) {
    tokio::time::sleep(Duration::from_millis(rng.random_range(0..LIFE_MS_MAX))).await;
}

#[tokio::test]
async fn across_power_cuts_of_the_server_every_acknowledged_message_is_there_once_and_in_order() {
    let mut server = Server::start_configured(NO_LIMITS).await;
    let (alice, bob) = meet(&server).await;
    let (mut alice, mut bob) = (Talker::start(&alice, &bob), Talker::start(&bob, &alice));
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..rounds() {
        both_go_on(&alice, &bob).await;
        a_moment(&mut rng).await;
        server.kill().await;
        server.restart().await;
    }
    alice.finish().await;
    bob.finish().await;
    nothing_is_lost_doubled_or_out_of_order(&alice, &bob).await;
}

#[tokio::test]
async fn across_power_cuts_of_clients_every_stored_message_is_there_once_and_in_order() {
    let server = Server::start_configured(NO_LIMITS).await;
    let (alice, bob) = meet(&server).await;
    let (mut alice, mut bob) = (Talker::start(&alice, &bob), Talker::start(&bob, &alice));
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..rounds() {
        both_go_on(&alice, &bob).await;
        a_moment(&mut rng).await;
        let talker = if rng.random() { &mut alice } else { &mut bob };
        talker.kill().await;
        talker.revive();
    }
    both_go_on(&alice, &bob).await;
    alice.finish().await;
    bob.finish().await;
    nothing_is_lost_doubled_or_out_of_order(&alice, &bob).await;
}

#[tokio::test]
async fn when_everybody_dies_now_and_then_the_conversation_survives() {
    let mut server = Server::start_configured(NO_LIMITS).await;
    let (alice, bob) = meet(&server).await;
    let (mut alice, mut bob) = (Talker::start(&alice, &bob), Talker::start(&bob, &alice));
    let mut rng = StdRng::seed_from_u64(3);
    for _ in 0..rounds() {
        a_moment(&mut rng).await;
        match rng.random_range(0..4) {
            0 => {
                server.kill().await;
                a_moment(&mut rng).await;
                server.restart().await;
            }
            1 => {
                alice.kill().await;
                alice.revive();
            }
            2 => {
                bob.kill().await;
                bob.revive();
            }
            _ => {
                // Together, as when the power of a house fails.
                server.kill().await;
                alice.kill().await;
                bob.kill().await;
                server.restart().await;
                alice.revive();
                bob.revive();
            }
        }
    }
    both_go_on(&alice, &bob).await;
    alice.finish().await;
    bob.finish().await;
    nothing_is_lost_doubled_or_out_of_order(&alice, &bob).await;
}
