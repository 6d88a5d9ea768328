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

/// Each talker has had more messages acknowledged than this when it is judged.
const ACKNOWLEDGED_MIN: usize = 20;

/// How long something may live until it is killed.
const LIFE_MS_MAX: u64 = 350;

/// Somebody who talks, and whom death interrupts now and then.
struct Talker<'a> {
    person: &'a Person,
    to: &'a Person,
    /// What its messages begin with.
    word: &'static str,
    process: Option<Process>,
    /// Lines of the lives before this one.
    past: Vec<String>,
}

impl<'a> Talker<'a> {
    fn start(person: &'a Person, to: &'a Person, word: &'static str) -> Self {
        let mut talker = Self {
            person,
            to,
            word,
            process: None,
            past: Vec::new(),
        };
        talker.revive();
        talker
    }

    fn revive(&mut self) {
        let mut command = clean_command(env!("CARGO_BIN_EXE_talker"), self.person.home());
        command
            .arg(self.person.profile())
            .args([&self.person.server, &self.to.handle, self.word]);
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

    /// The number of one of its messages.
    fn number_of(&self, text: &str) -> Option<usize> {
        text.strip_prefix(self.word)?.strip_prefix(' ')?.parse().ok()
    }

    /// Numbers of the messages that it has told to be so.
    fn told(&self, what: &str) -> BTreeSet<usize> {
        let prefix = format!("{what} {} ", self.word);
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
                eprintln!("{}: {}", self.word, process.stderr());
            }
        }
    }
}

/// What must hold in the end, whatever died when: on every device, and the same on all.
async fn nothing_is_lost_doubled_or_out_of_order(talkers: &[&Talker<'_>]) {
    let mut conversations: Vec<Vec<String>> = Vec::new();
    for talker in talkers {
        // What was said before they all began, a device that came later does not have.
        let is_said = |text: &String| talkers.iter().any(|talker| talker.number_of(text).is_some());
        let texts = talker.person.texts(talker.to).await;
        conversations.push(texts.into_iter().filter(is_said).collect());
    }
    for (texts, at) in conversations.iter().zip(talkers) {
        assert_eq!(
            texts, &conversations[0],
            "{} shows the same conversation as {}",
            at.word, talkers[0].word
        );
    }
    for talker in talkers {
        let (sent, stored) = (talker.told("sent"), talker.told("stored"));
        assert!(
            sent.len() > ACKNOWLEDGED_MIN,
            "{} has had hardly anything acknowledged: {}",
            talker.word,
            sent.len()
        );
        let said: Vec<usize> = conversations[0]
            .iter()
            .filter_map(|text| talker.number_of(text))
            .collect();
        let expected: Vec<usize> = (0..said.len()).collect();
        assert_eq!(said, expected, "{}: every message once and in order", talker.word);
        let last = sent.union(&stored).max();
        assert!(
            last < Some(&said.len()),
            "{}: message {last:?} is lost",
            talker.word
        );
    }
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

/// Waits until each has had something acknowledged from now on.
async fn all_go_on(talkers: &[&Talker<'_>]) {
    for talker in talkers {
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
    let (mut alice, mut bob) = (
        Talker::start(&alice, &bob, "alice"),
        Talker::start(&bob, &alice, "bob"),
    );
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..rounds() {
        all_go_on(&[&alice, &bob]).await;
        a_moment(&mut rng).await;
        server.kill().await;
        server.restart().await;
    }
    alice.finish().await;
    bob.finish().await;
    nothing_is_lost_doubled_or_out_of_order(&[&alice, &bob]).await;
}

#[tokio::test]
async fn across_power_cuts_of_clients_every_stored_message_is_there_once_and_in_order() {
    let server = Server::start_configured(NO_LIMITS).await;
    let (alice, bob) = meet(&server).await;
    let (mut alice, mut bob) = (
        Talker::start(&alice, &bob, "alice"),
        Talker::start(&bob, &alice, "bob"),
    );
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..rounds() {
        all_go_on(&[&alice, &bob]).await;
        a_moment(&mut rng).await;
        let talker = if rng.random() { &mut alice } else { &mut bob };
        talker.kill().await;
        talker.revive();
    }
    all_go_on(&[&alice, &bob]).await;
    alice.finish().await;
    bob.finish().await;
    nothing_is_lost_doubled_or_out_of_order(&[&alice, &bob]).await;
}

#[tokio::test]
async fn when_everybody_dies_now_and_then_the_conversation_survives() {
    let mut server = Server::start_configured(NO_LIMITS).await;
    let (alice, bob) = meet(&server).await;
    let (mut alice, mut bob) = (
        Talker::start(&alice, &bob, "alice"),
        Talker::start(&bob, &alice, "bob"),
    );
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
    all_go_on(&[&alice, &bob]).await;
    // On a slow machine they had no time for it before.
    until("enough is acknowledged", async || {
        [&alice, &bob]
            .iter()
            .all(|talker| talker.told("sent").len() > ACKNOWLEDGED_MIN)
    })
    .await;
    alice.finish().await;
    bob.finish().await;
    nothing_is_lost_doubled_or_out_of_order(&[&alice, &bob]).await;
}

#[tokio::test]
async fn with_two_devices_of_one_account_that_die_now_and_then_all_devices_show_the_same() {
    let mut server = Server::start_configured(NO_LIMITS).await;
    let (alice, bob) = meet(&server).await;
    let laptop = alice.second_device().await;
    let mut phone = Talker::start(&alice, &bob, "phone");
    let mut laptop = Talker::start(&laptop, &bob, "laptop");
    let mut bob = Talker::start(&bob, &alice, "bob");
    let mut rng = StdRng::seed_from_u64(4);
    for _ in 0..rounds() {
        all_go_on(&[&phone, &laptop, &bob]).await;
        a_moment(&mut rng).await;
        match rng.random_range(0..5) {
            0 => {
                server.kill().await;
                server.restart().await;
            }
            1 => {
                phone.kill().await;
                phone.revive();
            }
            2 => {
                laptop.kill().await;
                laptop.revive();
            }
            3 => {
                bob.kill().await;
                bob.revive();
            }
            _ => {
                // Both devices of one person, and one of them is away for a moment.
                phone.kill().await;
                laptop.kill().await;
                phone.revive();
                all_go_on(&[&phone, &bob]).await;
                laptop.revive();
            }
        }
    }
    let mut talkers = [phone, laptop, bob];
    all_go_on(&talkers.each_ref()).await;
    for talker in &mut talkers {
        talker.finish().await;
    }
    nothing_is_lost_doubled_or_out_of_order(&talkers.each_ref()).await;
}
