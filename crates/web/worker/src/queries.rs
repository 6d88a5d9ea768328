//! What a page is shown of conversations and messages, as the client has it now.

use subrosa_client::{Chat, Client, ClientError};
use subrosa_web_rpc::{Answer, Conversation, Page};

use crate::shapes;

/// The most messages in one page.
const PAGE_MAX: u32 = 200;

/// A conversation with its draft.
pub(crate) async fn conversation(chat: &Chat) -> Result<Option<Conversation>, ClientError> {
    let Some(found) = chat.conversation().await? else {
        return Ok(None);
    };
    let draft = chat.draft().await?;
    Ok(Some(shapes::conversation(found, draft)))
}

/// All conversations with their drafts.
pub(crate) async fn conversations(client: &Client) -> Result<Vec<Conversation>, ClientError> {
    let mut shapes = Vec::new();
    for found in client.conversations().await? {
        let draft = client.chat(found.id).draft().await?;
        shapes.push(shapes::conversation(found, draft));
    }
    Ok(shapes)
}

/// A page of a conversation's messages.
pub(crate) async fn messages(chat: &Chat, page: Page, limit: u32) -> Result<Answer, ClientError> {
    let limit = limit.clamp(1, PAGE_MAX);
    // One more than wanted shows whether there are more.
    let (mut messages, has_older, has_newer);
    match page {
        Page::Newest | Page::Before(_) => {
            let before = if let Page::Before(position) = page {
                Some(position)
            } else {
                None
            };
            messages = chat.messages(before, limit + 1).await?;
            has_older = messages.len() > limit as usize;
            if has_older {
                messages.remove(0);
            }
            has_newer = before.is_some();
        }
        Page::From(position) => {
            messages = chat.messages_from(position, limit + 1).await?;
            has_newer = messages.len() > limit as usize;
            messages.truncate(limit as usize);
            has_older = !chat.messages(Some(position), 1).await?.is_empty();
        }
    }
    Ok(Answer::Messages {
        messages: messages.iter().map(shapes::message).collect(),
        has_older,
        has_newer,
    })
}
