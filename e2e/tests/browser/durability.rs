//! Browsers that are killed while they write: what was acknowledged is there, and the database opens.

use std::{collections::BTreeSet, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use subrosa_e2e::{browser::Kind, is_long};

use crate::stage::{ACCEPTED, Stage, beginning};

/// How often the browser dies.
fn rounds() -> usize {
    if is_long() { 200 } else { 50 }
}

/// Newest messages that are certainly in the page when a conversation is opened.
const LOADED: usize = 40;
/// How long the browser may write until it is killed.
const LIFE_MS_MAX: u64 = 600;

#[tokio::test]
async fn a_browser_killed_while_it_writes_keeps_what_was_sent_and_its_database_opens() {
    let mut random = StdRng::seed_from_u64(7);
    let mut stage = Stage::talked(Kind::Chromium).await;
    let mut next = 0;
    let mut accepted = BTreeSet::new();
    for round in 0..rounds() {
        // Half of the lives begin with something accepted, however slow the machine is.
        if round % 2 == 0 {
            next += 1;
            stage.alice.send_and_wait(&word(next)).await;
            accepted.insert(word(next));
        }
        // Whatever it had stored when it died is there, in order and once.
        let life = Duration::from_millis(random.random_range(0..LIFE_MS_MAX));
        let mut shown = Vec::new();
        let talk = async {
            loop {
                // Another word even if this one is cut off between its key and here.
                next += 1;
                stage.alice.send(&word(next)).await;
                shown = stage
                    .alice
                    .texts_with_status(&["pending", "sent", "delivered", "read"])
                    .await;
                accepted.extend(beginning(&stage.alice.texts_with_status(ACCEPTED).await, "word"));
            }
        };
        // Cut short in the middle of whatever it does.
        let _ = tokio::time::timeout(life, talk).await;
        stage.browser.kill().await;
        stage.reopen().await;
        stage.alice.tab.wait_for("composer").await;
        let shown = beginning(&shown, "word");
        if let Some(newest) = shown.last() {
            stage.alice.wait_message(newest).await;
        }
        let there = beginning(&stage.alice.texts().await, "word");
        let lost: Vec<_> = shown[shown.len().saturating_sub(LOADED)..]
            .iter()
            .filter(|text| !there.contains(text))
            .collect();
        assert!(
            lost.is_empty(),
            "round {round}: {lost:?} of {shown:?} are not among {there:?}"
        );
        let distinct: BTreeSet<_> = there.iter().collect();
        assert_eq!(distinct.len(), there.len(), "round {round}: {there:?}");
    }
    stage.alice.send_and_wait("the end").await;
    let texts = stage.bobs_texts().await;
    let received = beginning(&texts, "word");
    let distinct: BTreeSet<_> = received.iter().cloned().collect();
    assert_eq!(
        distinct.len(),
        received.len(),
        "something came twice: {received:?}"
    );
    assert!(
        accepted.is_subset(&distinct),
        "lost: {:?}",
        accepted.difference(&distinct)
    );
    let mut sorted = received.clone();
    sorted.sort();
    assert_eq!(received, sorted, "the order was lost");
    assert!(
        accepted.len() >= rounds() / 2,
        "only {} messages were sent",
        accepted.len()
    );
    subrosa_e2e::browser::report::figure(
        "messages accepted while the browser was killed",
        subrosa_e2e::browser::report::count(accepted.len()),
        &format!("in {} kills, none lost", rounds()),
    );
}

fn word(number: u32) -> String {
    format!("word {number:05}")
}
