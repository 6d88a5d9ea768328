//! Reports what changes at the client, each change with its new value.

use std::{collections::BTreeSet, rc::Rc};

use futures_util::FutureExt as _;
use subrosa_client::{
    Client, ClientError, Connection, ConversationId, Event as Change, Events, Status, Update,
    Warning as ClientWarning,
};
use subrosa_web_rpc::{Event, Warning};
use tokio::sync::watch;
use wasm_bindgen_futures::spawn_local;

use crate::{device::Device, queries, shapes};

/// The most changes that are reported one by one. If more come at once, the pages reload what they show.
const CHANGES_MAX: usize = 200;

/// What the client reports, from the moment of the subscription.
struct Updates {
    events: Events,
    status: watch::Receiver<Status>,
}

impl Updates {
    fn of(client: &Client) -> Self {
        Self {
            events: client.events(),
            status: client.status(),
        }
    }
}

/// Gives the device its client, connects it, and reports what changes from now on.
pub(crate) async fn start(device: &Rc<Device>, client: Client) {
    device.signed_in(client.clone());
    // Before anything is answered: a page asks for conversations as soon as it knows who is signed in.
    device.refresh_me(&client).await;
    let updates = Updates::of(&client);
    client.connect();
    spawn_local(watch(Rc::clone(device), client, updates));
}

/// Watches the client until it is closed.
async fn watch(device: Rc<Device>, client: Client, mut updates: Updates) {
    loop {
        tokio::select! {
            changed = updates.status.changed() => {
                if changed.is_err() {
                    return;
                }
                let status = updates.status.borrow_and_update().clone();
                if let Connection::SignedOut { .. } = status.connection {
                    device.revoked();
                }
                device.report_state();
            }
            update = updates.events.next() => {
                let Some(update) = update else { return };
                let batch = batch(update, &mut updates.events);
                // What cannot be read now is read when the pages reload.
                if !matches!(report(&device, &client, batch).await, Ok(true)) {
                    device.report(Event::Reload);
                }
            }
        }
    }
}

/// Everything that has come by now; `None` if it is too much to be reported one by one.
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

/// Reports a batch; `false` if the pages have to reload instead.
async fn report(device: &Device, client: &Client, batch: Option<Vec<Change>>) -> Result<bool, ClientError> {
    let Some(batch) = batch else { return Ok(false) };
    // A conversation is reported once, after its messages.
    let mut touched: BTreeSet<ConversationId> = BTreeSet::new();
    for change in batch {
        match change {
            // The status shows the end of a session, and a message shows that it failed.
            Change::CaughtUp
            | Change::VaultChanged
            | Change::SignedOut
            | Change::Warning(ClientWarning::Refused { message: Some(_), .. }) => {}
            Change::ConversationChanged(id) => {
                touched.insert(id);
            }
            Change::ConversationMoved { from, to } => {
                touched.remove(&from);
                touched.insert(to);
                device.report(Event::ConversationMoved { from, to });
            }
            Change::MessageReceived(message) | Change::MessageSent(message) => {
                touched.insert(message.conversation);
                device.report(Event::Message(Box::new(shapes::message(&message))));
            }
            Change::MessageStatusChanged {
                conversation,
                message,
                ..
            } => {
                touched.insert(conversation);
                if let Some(message) = client.message(conversation, message).await? {
                    device.report(Event::Message(Box::new(shapes::message(&message))));
                }
            }
            Change::MessageRemoved {
                conversation,
                message,
            } => {
                touched.insert(conversation);
                device.report(Event::MessageRemoved {
                    conversation,
                    id: message.to_string(),
                });
            }
            Change::ContactChanged(account) => touched.extend(client.chat_with_account(account).await?),
            Change::Warning(warning) => device.report(Event::Warning(shown(client, warning).await?)),
        }
    }
    for id in touched {
        if let Some(conversation) = queries::conversation(client, id).await? {
            device.report(Event::Conversation(Box::new(conversation)));
        }
    }
    Ok(true)
}

/// A warning as a page shows it.
async fn shown(client: &Client, warning: ClientWarning) -> Result<Warning, ClientError> {
    Ok(match warning {
        ClientWarning::AccountKeyChanged(account) => {
            let contact = client.contact(account).await?;
            let handle = contact.and_then(|contact| contact.handle);
            Warning::KeyChanged {
                account,
                handle: handle.map(|handle| handle.as_str().to_owned()),
            }
        }
        ClientWarning::ForgedByServer { conversation, what } => Warning::ForgedByServer {
            conversation,
            detail: what,
        },
        ClientWarning::MessageRefused {
            conversation, what, ..
        } => Warning::MessageRefused {
            conversation,
            detail: what,
        },
        ClientWarning::HistoryGap { conversation } => Warning::HistoryGap { conversation },
        ClientWarning::Refused { what, .. } => Warning::Refused { detail: what },
    })
}
