//! Reports what changes at the client, each change with its new value.

use std::{collections::BTreeSet, rc::Rc};

use futures_util::FutureExt as _;
use subrosa_client::{
    AccountId, ChatId, Client, ClientError, Connection, Event as Change, Events, Status, Update,
    Warning as ClientWarning,
};
use subrosa_web_rpc::{Event, Warning};
use tokio::sync::watch;
use wasm_bindgen_futures::spawn_local;

use crate::{device::Device, queries, shapes, warnings};

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
    device.say_whether_here().await;
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
                    device.refresh_me(&client).await;
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
            _ => {
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
    let mut touched: BTreeSet<ChatId> = BTreeSet::new();
    for change in batch {
        match change {
            // The message itself shows that it failed.
            Change::Warning(ClientWarning::Refused { message: Some(_), .. }) => {}
            // Pages show no ids on the wire, so another one is a change like any other.
            Change::ConversationChanged(chat)
            | Change::ConversationMoved(chat)
            | Change::TypingChanged(chat)
            | Change::DraftChanged(chat) => {
                touched.insert(chat);
            }
            Change::MessageReceived(message) | Change::MessageSent(message) => {
                touched.insert(message.chat);
                device.report(Event::Message(Box::new(shapes::message(&message))));
            }
            Change::MessageStatusChanged { chat, message, .. } => {
                touched.insert(chat);
                if let Some(message) = client.message(message).await? {
                    device.report(Event::Message(Box::new(shapes::message(&message))));
                }
            }
            Change::MessageRemoved { chat, message } => {
                touched.insert(chat);
                device.report(Event::MessageRemoved {
                    chat: shapes::chat_id(chat),
                    message: shapes::message_id(message),
                });
            }
            // Pages have nothing of it to take away one by one.
            Change::ConversationCleared(_) => return Ok(false),
            Change::NoticeAdded(notice) => {
                let notice = queries::notice(client, *notice).await?;
                device.report(Event::Notice(Box::new(notice)));
            }
            Change::ContactChanged(account) => {
                if let Some(contact) = client.contact(account).await? {
                    device.report(Event::Contact(Box::new(shapes::contact(contact))));
                }
            }
            Change::PresenceChanged(account) => {
                touched.extend(chat_with(client, account).await?);
            }
            Change::OwnPictureChanged | Change::PrivacyChanged(_) => device.refresh_me(client).await,
            Change::Warning(warning) => device.report(Event::Warning(shown(client, warning).await?)),
            // Nothing that pages show; the end of a session is part of the status.
            _ => {}
        }
    }
    for chat in touched {
        if let Some(conversation) = queries::conversation(client, &client.chat(chat)).await? {
            device.report(Event::Conversation(Box::new(conversation)));
        }
    }
    Ok(true)
}

/// A warning as a page shows it, with the person whom it is about.
async fn shown(client: &Client, warning: ClientWarning) -> Result<Warning, ClientError> {
    Ok(match warning {
        ClientWarning::HandleReassigned(account) => {
            let chat = chat_with(client, account).await?;
            warnings::handle_reassigned(chat, queries::person(client, account).await?)
        }
        ClientWarning::MemberMisbehaved {
            chat,
            member,
            ref how,
        } => {
            let member = queries::person(client, member).await?;
            warnings::member_misbehaved(chat, member, how, &warning)
        }
        ClientWarning::LogsDisagree { chat, member } => Warning::LogsDisagree {
            chat: shapes::chat_id(chat),
            member: shapes::contact(queries::person(client, member).await?),
        },
        ClientWarning::MessagesMissing { chat, member, .. } => Warning::MessagesMissing {
            chat: shapes::chat_id(chat),
            member: shapes::contact(queries::person(client, member).await?),
        },
        ClientWarning::ChangeGivenUp { chat, account, why } => Warning::ChangeGivenUp {
            chat: shapes::chat_id(chat),
            member: shapes::contact(queries::person(client, account).await?),
            why: warnings::given_up(why),
        },
        warning => warnings::without_person(&warning),
    })
}

/// The direct conversation with an account.
async fn chat_with(client: &Client, account: AccountId) -> Result<Option<ChatId>, ClientError> {
    Ok(client.chat_with_account(account).await?.map(|chat| chat.id()))
}
