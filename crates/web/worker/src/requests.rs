//! What is done for each request of a page.

use std::rc::Rc;

use subrosa_client::{
    Chat, ChatId, Client, ClientError, ConversationId, Credentials, Handle, Lifetime, LocalMessageId,
    NewAccount, RecoveryCode, Rights, SendToken,
};
use subrosa_web_rpc::{self as rpc, Answer, Event, Failure, FailureKind, Request, Secret};

use crate::{
    device::{self, Device},
    failure::failure,
    password, queries, shapes, watch,
};

/// Carries out a request on the device.
pub(crate) async fn carry_out(device: &Rc<Device>, request: Request) -> Result<Answer, Failure> {
    match request {
        Request::State => Ok(Answer::State(Box::new(device.state()))),
        Request::JudgePassword { handle, password } => {
            Ok(Answer::Password(password::judge(&handle, password.as_str())))
        }
        Request::SignUp {
            handle,
            name,
            password,
        } => sign_up(device, handle, name, password).await,
        Request::SignIn { handle, password } => {
            let _entering = device.enter()?;
            let credentials = credentials(handle, password)?;
            let client = Client::sign_in(device::profile(), credentials)
                .await
                .map_err(failure)?;
            watch::start(device, client).await;
            Ok(Answer::Done)
        }
        Request::Recover {
            handle,
            code,
            password,
        } => {
            let _entering = device.enter()?;
            let code = recovery_code(&code)?;
            let credentials = credentials(handle, password)?;
            let recovered = Client::recover(device::profile(), credentials, &code).await;
            let client = recovered.map_err(|error| wrong_code(failure(error)))?;
            watch::start(device, client).await;
            Ok(Answer::Done)
        }
        Request::SignOut => {
            let client = device.signed_in_client()?;
            client.sign_out_at_server().await.map_err(failure)?;
            device.forget().await.map_err(failure)?;
            Ok(Answer::Done)
        }
        Request::Forget => {
            device.forget().await.map_err(failure)?;
            Ok(Answer::Done)
        }
        Request::ConnectNow => {
            device.signed_in_client()?.retry_now();
            Ok(Answer::Done)
        }
        request => with_client(device, device.signed_in_client()?, request).await,
    }
}

async fn sign_up(
    device: &Rc<Device>,
    handle: Handle,
    name: String,
    password: Secret,
) -> Result<Answer, Failure> {
    let _entering = device.enter()?;
    let account = NewAccount {
        credentials: credentials(handle, password)?,
        name: (!name.trim().is_empty()).then_some(name),
    };
    let (client, code) = Client::sign_up(device::profile(), account)
        .await
        .map_err(failure)?;
    keep_unsaved(&client, &code).await;
    watch::start(device, client).await;
    Ok(Answer::RecoveryCode(Secret::new(code.expose().to_string())))
}

/// Keeps a code until the user has saved it. If that fails, it is shown all the same: there is no other copy.
async fn keep_unsaved(client: &Client, code: &RecoveryCode) {
    if let Err(error) = client.keep_unsaved_code(code).await {
        tracing::warn!(%error, "a recovery code is not kept");
    }
}

fn recovery_code(typed: &Secret) -> Result<RecoveryCode, Failure> {
    RecoveryCode::parse(typed.as_str())
        .map_err(|_| Failure::new(FailureKind::MalformedRecoveryCode, "this is not a recovery code"))
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
        server: device::server().map_err(failure)?,
        handle,
        password: password.into_inner(),
        device_name: device::name(),
    })
}

#[expect(clippy::too_many_lines, reason = "one arm for each request")]
async fn with_client(device: &Rc<Device>, client: Client, request: Request) -> Result<Answer, Failure> {
    let answer = match request {
        Request::Conversations => {
            Answer::Conversations(queries::conversations(&client).await.map_err(failure)?)
        }
        Request::Conversation(id) => {
            let found = queries::conversation(&client, &chat(&client, id))
                .await
                .map_err(failure)?;
            Answer::Conversation(found.map(Box::new))
        }
        Request::Messages {
            chat: id,
            page,
            limit,
        } => queries::messages(&client, &chat(&client, id), page, limit)
            .await
            .map_err(failure)?,
        Request::SendText {
            chat: id,
            text,
            token,
        } => {
            let sent = chat(&client, id)
                .send_text_once(text, SendToken::from_bytes(token))
                .await;
            Answer::Message(Box::new(shapes::message(&sent.map_err(failure)?)))
        }
        Request::CompareHandle(handle) => {
            let found = client.compare_handle(&handle).await.map_err(failure)?;
            Answer::HandleComparison {
                known: found.known.map(|known| known.account_id),
                shown: found.shown.map(|shown| shown.account_id),
            }
        }
        Request::AcceptHandle { handle, account } => {
            let found = client.compare_handle(&handle).await.map_err(failure)?;
            let Some(person) = found.shown.filter(|shown| shown.account_id == account) else {
                return Err(Failure::new(
                    FailureKind::HandleReassigned,
                    "the server shows another account than the one that was accepted",
                ));
            };
            client.accept_handle(person).await.map_err(failure)?;
            Answer::Done
        }
        Request::Retry(id) => {
            client.retry(message(id)).await.map_err(failure)?;
            Answer::Done
        }
        Request::Discard(id) => {
            client.discard(message(id)).await.map_err(failure)?;
            Answer::Done
        }
        Request::MarkRead(id) => {
            chat(&client, id).mark_read().await.map_err(failure)?;
            Answer::Done
        }
        Request::TryAgain(id) => {
            chat(&client, id).try_again().await.map_err(failure)?;
            Answer::Done
        }
        Request::Hide(id) => {
            chat(&client, id).hide().await.map_err(failure)?;
            Answer::Done
        }
        Request::DeleteHere(id) => {
            chat(&client, id).delete_here().await.map_err(failure)?;
            Answer::Done
        }
        Request::SetTimer { chat: id, seconds } => {
            let timer = seconds.map(u64::from).map(Lifetime::from_secs);
            if timer == Some(None) {
                return Err(Failure::new(
                    FailureKind::Internal,
                    "messages cannot be kept for this long",
                ));
            }
            let chat = chat(&client, id);
            chat.set_timer(timer.flatten()).await.map_err(failure)?;
            Answer::Done
        }
        Request::Decide { chat: id, accepts } => {
            let chat = chat(&client, id);
            let decided = if accepts {
                chat.accept().await
            } else {
                chat.decline().await
            };
            decided.map_err(failure)?;
            // Before the answer: from then on the list shows what was decided.
            if let Some(changed) = queries::conversation(&client, &chat).await.map_err(failure)? {
                device.report(Event::Conversation(Box::new(changed)));
            }
            Answer::Done
        }
        Request::SetChat { chat: id, setting } => {
            let chat = chat(&client, id);
            let set = chat.set(shapes::chat_setting(setting)).await;
            set.map_err(failure)?;
            // Before the answer: from then on the list shows what was chosen.
            if let Some(changed) = queries::conversation(&client, &chat).await.map_err(failure)? {
                device.report(Event::Conversation(Box::new(changed)));
            }
            Answer::Done
        }
        Request::KeepDraft {
            chat: id,
            text,
            shown,
        } => {
            let chat = chat(&client, id);
            chat.keep_draft(text, shown).await.map_err(failure)?;
            // Before the answer: from then on the page takes the draft of the conversation for the newest.
            if let Some(kept) = queries::conversation(&client, &chat).await.map_err(failure)? {
                device.report(Event::Conversation(Box::new(kept)));
            }
            Answer::Done
        }
        Request::SetTyping { chat: id, is_typing } => {
            chat(&client, id).set_typing(is_typing).await.map_err(failure)?;
            Answer::Done
        }
        Request::SearchPeople(prefix) => {
            let people = client.search_people(&prefix).await.map_err(failure)?;
            Answer::People(people.into_iter().map(shapes::person).collect())
        }
        Request::SetNickname { account, nickname } => {
            let nickname = (!nickname.trim().is_empty()).then_some(nickname);
            client.set_nickname(account, nickname).await.map_err(failure)?;
            Answer::Done
        }
        Request::Block { account, is_blocked } => {
            client.block(account, is_blocked).await.map_err(failure)?;
            Answer::Done
        }
        Request::BlockedPeople => {
            let mut people = client.contacts().await.map_err(failure)?;
            people.retain(|person| person.is_blocked);
            Answer::Contacts(people.into_iter().map(shapes::contact).collect())
        }
        Request::OpenChat(handle) => {
            let opened = client.open_chat(&handle).await.map_err(failure)?;
            let found = queries::conversation(&client, &opened).await.map_err(failure)?;
            Answer::Conversation(found.map(Box::new))
        }
        Request::OpenNotes => {
            let notes = client.notes_to_self().await.map_err(failure)?;
            let found = queries::conversation(&client, &notes).await.map_err(failure)?;
            Answer::Conversation(found.map(Box::new))
        }
        Request::CreateGroup { group, people, token } => {
            let id = ConversationId::from_bytes(token);
            let created = client
                .create_group_once(id, shapes::new_group(group), &people)
                .await
                .map_err(failure)?;
            let found = queries::conversation(&client, &created).await.map_err(failure)?;
            Answer::Conversation(found.map(Box::new))
        }
        Request::DescribeGroup {
            chat: id,
            description,
        } => {
            chat(&client, id).describe(&description).await.map_err(failure)?;
            Answer::Done
        }
        Request::SetGroupPicture { chat: id, picture } => {
            let set = chat(&client, id).set_group_picture(picture).await;
            set.map_err(failure)?;
            Answer::Done
        }
        Request::GroupPicture(id) => {
            let picture = chat(&client, id).group_picture().await.map_err(failure)?;
            Answer::Picture(picture.map(|picture| picture.as_bytes().to_vec()))
        }
        Request::GroupRights(id) => {
            let rights = queries::group_rights(&client, &chat(&client, id)).await;
            Answer::GroupRights(rights.map_err(failure)?.map(Box::new))
        }
        Request::AddMembers { chat: id, people } => {
            chat(&client, id).add_members(&people).await.map_err(failure)?;
            Answer::Done
        }
        Request::ChangeMember {
            chat: id,
            account,
            change,
        } => {
            let change = shapes::member_change(change);
            let changed = chat(&client, id).change_member(account, change).await;
            changed.map_err(failure)?;
            Answer::Done
        }
        Request::SetGroupRights { chat: id, add, post } => {
            let chat = chat(&client, id);
            if let Some(policy) = chat.policy().await.map_err(failure)? {
                let rights = Rights {
                    add: shapes::role_of(add),
                    post: shapes::role_of(post),
                    ..*policy.rights()
                };
                chat.set_rights(rights).await.map_err(failure)?;
            }
            Answer::Done
        }
        Request::LeaveGroup { chat: id, successor } => {
            chat(&client, id)
                .leave(successor.as_ref())
                .await
                .map_err(failure)?;
            Answer::Done
        }
        Request::RenameGroup { chat: id, name } => {
            chat(&client, id).rename(&name).await.map_err(failure)?;
            Answer::Done
        }
        Request::SetName(name) => {
            let name = (!name.trim().is_empty()).then_some(name);
            client.set_name(name).await.map_err(failure)?;
            device.refresh_me(&client).await;
            Answer::Done
        }
        Request::Picture { account } => {
            let picture = client.picture(account).await.map_err(failure)?;
            Answer::Picture(picture.map(|picture| picture.as_bytes().to_vec()))
        }
        Request::SetPicture(picture) => {
            client.set_picture(picture).await.map_err(failure)?;
            device.refresh_me(&client).await;
            Answer::Done
        }
        Request::SetPrivacy(privacy) => {
            let changed = client.set_privacy(shapes::privacy(privacy)).await;
            changed.map_err(failure)?;
            // Before the answer: from then on the page shows what is stored.
            device.refresh_me(&client).await;
            Answer::Done
        }
        Request::ChangePassword { old, new } => {
            let changed = client.change_password(old.as_str(), new.as_str()).await;
            changed.map_err(failure)?;
            Answer::Done
        }
        Request::RenewRecoveryCode { password, old_code } => {
            let old_code = recovery_code(&old_code)?;
            let renewed = client.renew_recovery_code(password.as_str(), &old_code).await;
            let code = renewed.map_err(|error| match error {
                // The client itself finds out that the password is wrong, the server that the code is.
                ClientError::WrongPassword => failure(error),
                error => wrong_code(failure(error)),
            })?;
            keep_unsaved(&client, &code).await;
            Answer::RecoveryCode(Secret::new(code.expose().to_string()))
        }
        Request::UnsavedCode => match client.unsaved_code().await.map_err(failure)? {
            Some(code) => Answer::RecoveryCode(Secret::new(code.to_string())),
            None => Answer::Done,
        },
        Request::CodeSaved(code) => {
            let kept = client.unsaved_code().await.map_err(failure)?;
            // There may be a newer one, which another tab has made.
            if kept.is_some_and(|kept| kept.as_str() == code.as_str()) {
                client.forget_saved_code().await.map_err(failure)?;
            }
            Answer::Done
        }
        Request::Devices => {
            let devices = client.devices().await.map_err(failure)?;
            Answer::Devices(devices.iter().map(shapes::device).collect())
        }
        Request::SignOutDevice(id) => {
            client.sign_out_device(id).await.map_err(failure)?;
            Answer::Done
        }
        Request::NameDevice { device, name } => {
            let name = Some(name).filter(|name| !name.is_empty());
            client.name_device(device, name).await.map_err(failure)?;
            Answer::Done
        }
        // Carried out above.
        _ => {
            return Err(Failure::new(
                FailureKind::Internal,
                "this request needs no client",
            ));
        }
    };
    Ok(answer)
}

fn chat(client: &Client, id: rpc::ChatId) -> Chat {
    client.chat(ChatId::new(id.get()))
}

fn message(id: rpc::LocalMessageId) -> LocalMessageId {
    LocalMessageId::new(id.get())
}
