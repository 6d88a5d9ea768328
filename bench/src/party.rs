//! The people of a run and the conversations between them.

use anyhow::{Context as _, Result};
use subrosa_client::ambient;

use crate::{
    conversation::Conversation,
    limits::CONTENT_BYTES,
    live::{Connection, Endpoint},
    load::{Outbound, Participant},
    message::application_message,
    person::Person,
};

/// People with conversations. A conversation names its two people by their index, the creator first.
pub(crate) struct Party {
    pub(crate) people: Vec<Person>,
    pub(crate) conversations: Vec<([usize; 2], Conversation)>,
}

impl Party {
    /// Makes `count` conversations among `people`, spread evenly.
    pub(crate) async fn gather(endpoint: &Endpoint, people: Vec<Person>, count: usize) -> Result<Self> {
        let mut connections = Vec::with_capacity(people.len());
        for person in &people {
            connections.push(Connection::open(endpoint, &person.access_token).await?);
        }
        let mut conversations = Vec::with_capacity(count);
        for pair @ [creator, other] in pairs(people.len()).take(count) {
            let draft = Conversation::draft(&people[creator], &people[other])?;
            let conversation = draft
                .create(&mut connections[creator])
                .await
                .context("making a conversation")?;
            conversations.push((pair, conversation));
        }
        Ok(Self {
            people,
            conversations,
        })
    }

    /// Everybody as a participant of a load, sending noise in the epochs that the conversations are in.
    pub(crate) fn participants(&self) -> Vec<Participant> {
        let mut participants: Vec<Participant> = self
            .people
            .iter()
            .map(|person| Participant {
                access_token: person.access_token.clone(),
                conversations: Vec::new(),
            })
            .collect();
        for (pair, conversation) in &self.conversations {
            for (person, side) in pair.iter().zip(&conversation.sides) {
                let message = application_message(
                    conversation.id,
                    conversation.epoch(),
                    CONTENT_BYTES,
                    &mut ambient::SystemRandom,
                );
                participants[*person].conversations.push(Outbound {
                    conversation_id: conversation.id,
                    last_send_number: side.last_send_number,
                    message,
                });
            }
        }
        participants
    }

    /// Takes over how far each side's send numbers have come.
    pub(crate) fn settle(&mut self, participants: &[Participant]) {
        for (pair, conversation) in &mut self.conversations {
            for (person, side) in pair.iter().zip(&mut conversation.sides) {
                let outbound = participants[*person]
                    .conversations
                    .iter()
                    .find(|outbound| outbound.conversation_id == conversation.id);
                if let Some(outbound) = outbound {
                    side.last_send_number = outbound.last_send_number;
                }
            }
        }
    }
}

/// Pairs of `people`, no pair twice: neighbours first, then those two apart, and so on.
fn pairs(people: usize) -> impl Iterator<Item = [usize; 2]> {
    (1..people.div_ceil(2))
        .flat_map(move |distance| (0..people).map(move |first| [first, (first + distance) % people]))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_people_have_two_conversations() {
        for people in [2, 3, 8, 64] {
            let mut seen = HashSet::new();
            for [one, other] in pairs(people) {
                assert_ne!(one, other);
                assert!(
                    seen.insert([one.min(other), one.max(other)]),
                    "{people} people: {one} and {other}"
                );
            }
        }
        assert_eq!(pairs(64).take(512).count(), 512);
    }
}
