//! What is done for each request of a page.

use std::rc::Rc;

use subrosa_client::{
    Client, ClientError, ConversationId, Credentials, Handle, MessageId, NewAccount, RecoveryCode, SendToken,
};
use subrosa_web_rpc::{Answer, Conversation, Failure, FailureKind, Page, Request, Secret};

use crate::{
    failure::{failure, not_found},
    leader::{self, Leader},
    password, shapes, watch,
};

/// Messages of one page at most.
const PAGE_MAX: u32 = 200;

/// Carries out a request.
pub(crate) async fn carry_out(leader: &Rc<Leader>, request: Request) -> Result<Answer, Failure> {
    match request {
        Request::State => Ok(Answer::State(Box::new(leader.state()))),
        Request::JudgePassword { handle, password } => {
            Ok(Answer::Password(password::judge(&handle, password.as_str())))
        }
        Request::SignUp {
            handle,
            name,
            password,
        } => sign_up(leader, handle, name, password).await,
        Request::SignIn { handle, password } => {
            let _entering = leader.enter()?;
            let credentials = credentials(handle, password)?;
            let client = Client::sign_in(leader::profile(), credentials)
                .await
                .map_err(failure)?;
            leader.signed_in(client).await;
            Ok(Answer::Done)
        }
        Request::Recover {
            handle,
            code,
            password,
        } => {
            let _entering = leader.enter()?;
            let code = RecoveryCode::parse(code.as_str()).map_err(|_| {
                Failure::new(FailureKind::MalformedRecoveryCode, "this is not a recovery code")
            })?;
            let credentials = credentials(handle, password)?;
            let recovered = Client::recover(leader::profile(), credentials, &code).await;
            let client = recovered.map_err(|error| wrong_code(failure(error)))?;
            leader.signed_in(client).await;
            Ok(Answer::Done)
        }
        Request::SignOut => {
            let client = leader.device()?;
            client.sign_out_at_server().await.map_err(failure)?;
            leader.forget().await.map_err(failure)?;
            Ok(Answer::Done)
        }
        Request::Forget => {
            leader.forget().await.map_err(failure)?;
            Ok(Answer::Done)
        }
        Request::ConnectNow => {
            leader.device()?.retry_now();
            Ok(Answer::Done)
        }
        request => with_device(leader, leader.device()?, request).await,
    }
}

async fn sign_up(
    leader: &Rc<Leader>,
    handle: Handle,
    name: String,
    password: Secret,
) -> Result<Answer, Failure> {
    let _entering = leader.enter()?;
    let account = NewAccount {
        credentials: credentials(handle, password)?,
        name: (!name.trim().is_empty()).then_some(name),
    };
    let (client, code) = Client::sign_up(leader::profile(), account)
        .await
        .map_err(failure)?;
    leader.signed_in(client).await;
    Ok(Answer::RecoveryCode(Secret::new(code.expose().to_string())))
}

/// The server does not tell a wrong code from a wrong password.
fn wrong_code(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::WrongPassword => Failure {
            kind: FailureKind::WrongRecoveryCode,
            ..failure
        },
        _ => failure,
    }
}

fn credentials(handle: Handle, password: Secret) -> Result<Credentials, Failure> {
    Ok(Credentials {
        server: leader::server().map_err(failure)?,
        handle,
        password: password.into_inner(),
    })
}

#[expect(clippy::too_many_lines, reason = "an arm for each request, and nothing else")]
async fn with_device(leader: &Rc<Leader>, client: Client, request: Request) -> Result<Answer, Failure> {
    let answer = match request {
        Request::Conversations => Answer::Conversations(conversations(&client).await.map_err(failure)?),
        Request::Conversation(id) => {
            let found = conversation(&client, id).await.map_err(failure)?;
            Answer::Conversation(found.map(Box::new))
        }
        Request::Messages {
            conversation,
            page,
            limit,
        } => messages(&client, conversation, page, limit)
            .await
            .map_err(failure)?,
        Request::SendText {
            conversation,
            text,
            token,
        } => {
            let sent = client
                .send_text_once(conversation, text, SendToken::from_bytes(token))
                .await;
            Answer::Message(Box::new(shapes::message(&sent.map_err(failure)?)))
        }
        Request::Retry {
            conversation,
            message,
        } => {
            client
                .retry(conversation, message_id(&message)?)
                .await
                .map_err(failure)?;
            Answer::Done
        }
        Request::Discard {
            conversation,
            message,
        } => {
            client
                .discard(conversation, message_id(&message)?)
                .await
                .map_err(failure)?;
            Answer::Done
        }
        Request::MarkRead(conversation) => {
            client.mark_read(conversation).await.map_err(failure)?;
            Answer::Done
        }
        Request::Draft(conversation) => Answer::Draft(
            client
                .draft(conversation)
                .await
                .map_err(failure)?
                .unwrap_or_default(),
        ),
        Request::KeepDraft {
            conversation: id,
            text,
        } => {
            client.keep_draft(id, text).await.map_err(failure)?;
            if let Some(kept) = conversation(&client, id).await.map_err(failure)? {
                leader.tell(subrosa_web_rpc::Event::Conversation(Box::new(kept)));
            }
            Answer::Done
        }
        Request::SearchPeople(prefix) => {
            let people = client.search_people(&prefix).await.map_err(failure)?;
            Answer::People(people.into_iter().map(shapes::person).collect())
        }
        Request::OpenChat(handle) => {
            let id = client.open_chat(&handle).await.map_err(failure)?;
            let found = conversation(&client, id).await.map_err(failure)?;
            Answer::Conversation(found.map(Box::new))
        }
        Request::SetName(name) => {
            let name = (!name.trim().is_empty()).then_some(name);
            client.set_name(name).await.map_err(failure)?;
            watch::learn_who(leader, &client).await;
            Answer::Done
        }
        Request::ChangePassword { old, new } => {
            let changed = client.change_password(old.as_str(), new.as_str()).await;
            changed.map_err(failure)?;
            Answer::Done
        }
        Request::RenewRecoveryCode { password } => {
            let code = client
                .renew_recovery_code(password.as_str())
                .await
                .map_err(failure)?;
            Answer::RecoveryCode(Secret::new(code.expose().to_string()))
        }
        Request::Devices => {
            let devices = client.devices().await.map_err(failure)?;
            Answer::Devices(devices.iter().map(shapes::device).collect())
        }
        Request::SignOutDevice(device) => {
            client.sign_out_device(device).await.map_err(failure)?;
            Answer::Done
        }
        // Answered above: these need no device.
        _ => {
            return Err(Failure::new(
                FailureKind::Internal,
                "this request needs no device",
            ));
        }
    };
    Ok(answer)
}

/// A conversation with its draft.
pub(crate) async fn conversation(
    client: &Client,
    id: ConversationId,
) -> Result<Option<Conversation>, ClientError> {
    let Some(found) = client.conversation(id).await? else {
        return Ok(None);
    };
    let draft = client.draft(id).await?;
    Ok(Some(shapes::conversation(found, draft)))
}

async fn conversations(client: &Client) -> Result<Vec<Conversation>, ClientError> {
    let mut shapes = Vec::new();
    for found in client.conversations().await? {
        let draft = client.draft(found.id).await?;
        shapes.push(shapes::conversation(found, draft));
    }
    Ok(shapes)
}

async fn messages(
    client: &Client,
    conversation: ConversationId,
    page: Page,
    limit: u32,
) -> Result<Answer, ClientError> {
    let limit = limit.clamp(1, PAGE_MAX);
    // One more than wanted tells whether there are more.
    let (mut messages, has_older, has_newer);
    match page {
        Page::Newest | Page::Before(_) => {
            let before = if let Page::Before(position) = page {
                Some(position)
            } else {
                None
            };
            messages = client.messages(conversation, before, limit + 1).await?;
            has_older = messages.len() > limit as usize;
            if has_older {
                messages.remove(0);
            }
            has_newer = before.is_some();
        }
        Page::From(position) => {
            messages = client.messages_from(conversation, position, limit + 1).await?;
            has_newer = messages.len() > limit as usize;
            messages.truncate(limit as usize);
            has_older = !client.messages(conversation, Some(position), 1).await?.is_empty();
        }
    }
    Ok(Answer::Messages {
        messages: messages.iter().map(shapes::message).collect(),
        has_older,
        has_newer,
    })
}

fn message_id(text: &str) -> Result<MessageId, Failure> {
    text.parse().map_err(|_| not_found("there is no such message"))
}
