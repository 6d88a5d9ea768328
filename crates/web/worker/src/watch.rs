//! Tells the pages what changes at the engine, each change with its new value.

use std::{collections::BTreeSet, rc::Rc};

use futures_util::FutureExt as _;
use subrosa_client::{
    Client, ClientError, Connection, ConversationId, Event as Change, Events, Status, Update, Warning as Said,
};
use subrosa_web_rpc::{Event, Phase, Warning};
use tokio::sync::watch;

use crate::{leader::Leader, requests, shapes};

/// Changes that are told one by one; of more at once the pages load what they show again.
const CHANGES_MAX: usize = 200;

/// What a device says of itself, from the moment of the subscription.
pub(crate) struct Updates {
    events: Events,
    status: watch::Receiver<Status>,
}

impl Updates {
    pub(crate) fn of(client: &Client) -> Self {
        Self {
            events: client.events(),
            status: client.status(),
        }
    }
}

/// Watches a device until it is closed.
pub(crate) async fn watch(leader: Rc<Leader>, client: Client, mut updates: Updates) {
    loop {
        tokio::select! {
            changed = updates.status.changed() => {
                if changed.is_err() {
                    return;
                }
                let status = updates.status.borrow_and_update().clone();
                if let Connection::SignedOut { .. } = status.connection {
                    revoke(&leader);
                }
                leader.tell_state();
            }
            update = updates.events.next() => {
                let Some(update) = update else { return };
                let batch = batch(update, &mut updates.events);
                // What cannot be read now is read when the pages load again.
                if !matches!(tell(&leader, &client, batch).await, Ok(true)) {
                    leader.tell(Event::Reload);
                }
            }
        }
    }
}

/// Everything that is there already; none if it is too much to be told one by one.
fn batch(first: Update, events: &mut Events) -> Option<Vec<Change>> {
    let mut batch = Vec::new();
    let mut next = Some(first);
    while let Some(update) = next {
        match update {
            Update::Event(change) if batch.len() < CHANGES_MAX => batch.push(change),
            Update::Event(_) | Update::Missed(_) => {
                // The rest is of no use either.
                while let Some(Some(_)) = events.next().now_or_never() {}
                return None;
            }
        }
        next = events.next().now_or_never().flatten();
    }
    Some(batch)
}

/// Tells a batch; false if it has to be loaded as a whole.
async fn tell(leader: &Rc<Leader>, client: &Client, batch: Option<Vec<Change>>) -> Result<bool, ClientError> {
    let Some(batch) = batch else { return Ok(false) };
    // A conversation is told once, after its messages.
    let mut touched: BTreeSet<ConversationId> = BTreeSet::new();
    for change in batch {
        match change {
            // The status tells the end of a session, too.
            Change::CaughtUp | Change::VaultChanged | Change::SignedOut => {}
            Change::ConversationChanged(id) => {
                touched.insert(id);
            }
            Change::ConversationMoved { from, to } => {
                touched.remove(&from);
                touched.insert(to);
                leader.tell(Event::ConversationMoved { from, to });
            }
            Change::MessageReceived(message) | Change::MessageSent(message) => {
                touched.insert(message.conversation);
                leader.tell(Event::Message(Box::new(shapes::message(&message))));
            }
            Change::MessageStatusChanged {
                conversation,
                message,
                ..
            } => {
                touched.insert(conversation);
                if let Some(message) = client.message(conversation, message).await? {
                    leader.tell(Event::Message(Box::new(shapes::message(&message))));
                }
            }
            Change::MessageRemoved {
                conversation,
                message,
            } => {
                touched.insert(conversation);
                leader.tell(Event::MessageRemoved {
                    conversation,
                    id: message.to_string(),
                });
            }
            Change::ContactChanged(account) => touched.extend(client.chat_with_account(account).await?),
            // The message itself says that it failed.
            Change::Warning(Said::Refused { message: Some(_), .. }) => {}
            Change::Warning(warning) => leader.tell(Event::Warning(told(client, warning).await?)),
        }
    }
    for id in touched {
        if let Some(conversation) = requests::conversation(client, id).await? {
            leader.tell(Event::Conversation(Box::new(conversation)));
        }
    }
    Ok(true)
}

/// The session has ended at the server: what is here can be read until it is removed.
fn revoke(leader: &Leader) {
    if let Phase::SignedIn(me) = leader.phase() {
        leader.set_phase(Phase::Revoked(me));
    }
}

/// Learns who is signed in, at the start and when the name changes.
pub(crate) async fn learn_who(leader: &Leader, client: &Client) {
    if let Ok(me) = client.me().await {
        let me = shapes::me(me);
        let phase = match leader.phase() {
            Phase::Revoked(_) => Phase::Revoked(me),
            _ => Phase::SignedIn(me),
        };
        leader.set_phase(phase);
        leader.tell_state();
    }
}

async fn told(client: &Client, warning: Said) -> Result<Warning, ClientError> {
    Ok(match warning {
        Said::AccountKeyChanged(account) => {
            let contact = client.contact(account).await?;
            let handle = contact.and_then(|contact| contact.handle);
            Warning::KeyChanged {
                account,
                handle: handle.map(|handle| handle.as_str().to_owned()),
            }
        }
        Said::ForgedByServer { conversation, what } => Warning::ForgedByServer {
            conversation,
            detail: what,
        },
        Said::MessageRefused {
            conversation, what, ..
        } => Warning::MessageRefused {
            conversation,
            detail: what,
        },
        Said::HistoryGap { conversation } => Warning::HistoryGap { conversation },
        Said::Refused { what, .. } => Warning::Refused { detail: what },
    })
}
