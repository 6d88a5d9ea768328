//! Carries out the effects that an update returns. Local ones are carried out at once; those that need the server run
//! in the background, and their answers come back as inputs.

use std::time::Duration;

use futures_util::FutureExt as _;
use subrosa_client::{Client, ClientError};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

use super::{
    model::Model,
    update::{Effect, Input, update},
};
use crate::{
    commands::history::notices_beside,
    people::{Names, listed},
};

/// Pause in typing after which the server is searched.
const SEARCH_PAUSE: Duration = Duration::from_millis(150);

/// Carries out effects.
pub(super) struct Effects {
    client: Client,
    answers: mpsc::Sender<Input>,
    tasks: JoinSet<()>,
    search: Option<AbortHandle>,
}

impl Effects {
    pub(super) fn new(client: Client, answers: mpsc::Sender<Input>) -> Self {
        Self {
            client,
            answers,
            tasks: JoinSet::new(),
            search: None,
        }
    }

    /// Carries out effects and those that follow from them, each of them only once.
    pub(super) async fn carry_out(&mut self, model: &mut Model, mut todo: Vec<Effect>) {
        while self.tasks.try_join_next().is_some() {}
        while !todo.is_empty() {
            let mut done: Vec<Effect> = Vec::new();
            for effect in std::mem::take(&mut todo) {
                // Loading comes last, after everything that changes what is loaded.
                let is_load = matches!(effect, Effect::LoadChats | Effect::LoadMessages { .. });
                if is_load {
                    if !done.contains(&effect) {
                        done.push(effect);
                    }
                    continue;
                }
                if let Some(input) = self.act(effect).await {
                    todo.extend(update(model, input));
                }
            }
            for load in done {
                if let Some(input) = self.act(load).await {
                    todo.extend(update(model, input));
                }
            }
        }
    }

    /// Carries out one effect. Returns its result, if it is known at once.
    async fn act(&mut self, effect: Effect) -> Option<Input> {
        match self.try_act(effect).await {
            Ok(input) => input,
            Err(error) => Some(Input::Failed(error.to_string())),
        }
    }

    async fn try_act(&mut self, effect: Effect) -> Result<Option<Input>, ClientError> {
        let client = self.client.clone();
        match effect {
            Effect::LoadChats => {
                let names = Names::load(&client).await?;
                return Ok(Some(Input::Chats(listed(&client).await?, names)));
            }
            Effect::LoadMessages { chat, limit } => {
                let handle = client.chat(chat);
                let messages = handle.messages(None, limit).await?;
                let notices = notices_beside(&handle, &messages, limit).await?;
                return Ok(Some(Input::Messages(chat, messages, notices)));
            }
            Effect::Send { chat, text } => {
                if let Err(error) = client.chat(chat).send_text(text.clone()).await {
                    return Ok(Some(Input::NotSent {
                        chat,
                        text,
                        why: error.to_string(),
                    }));
                }
            }
            Effect::KeepDraft { chat, text, shown } => {
                if let Err(error) = client.chat(chat).keep_draft(text, shown.clone()).await {
                    let why = format!("what you are writing is not kept: {error}");
                    return Ok(Some(Input::NotKept { chat, shown, why }));
                }
            }
            Effect::Type { chat, is_typing } => {
                // It is queued before whatever follows, and no key waits until the engine has taken it.
                let _ = client.chat(chat).set_typing(is_typing).now_or_never();
            }
            Effect::SetHere(is_here) => client.set_here(is_here).await?,
            Effect::MarkRead(chat) => client.chat(chat).mark_read().await?,
            Effect::Retry(message) => client.retry(message).await?,
            Effect::Discard(message) => client.discard(message).await?,
            Effect::TryAgain(chat) => client.chat(chat).try_again().await?,
            Effect::Hide(chat) => client.chat(chat).hide().await?,
            Effect::RetryConnection => client.retry_now(),
            Effect::Search(query) => {
                if let Some(earlier) = self.search.take() {
                    earlier.abort();
                }
                self.search = Some(self.aside(async move {
                    tokio::time::sleep(SEARCH_PAUSE).await;
                    let found = client
                        .search_people(&query)
                        .await
                        .map_err(|error| error.to_string());
                    Input::Found(query, found)
                }));
            }
            Effect::OpenChat(handle) => {
                self.aside(async move {
                    match client.open_chat(&handle).await {
                        Ok(chat) => Input::Opened(chat.id()),
                        Err(error) => Input::Failed(error.to_string()),
                    }
                });
            }
        }
        Ok(None)
    }

    fn aside(&mut self, work: impl Future<Output = Input> + Send + 'static) -> AbortHandle {
        let answers = self.answers.clone();
        self.tasks.spawn(async move {
            // The interface may have ended.
            let _ = answers.send(work.await).await;
        })
    }
}
