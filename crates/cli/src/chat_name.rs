//! How a command line names a conversation.

use subrosa_client::{Chat, Client, ClientError, Conversation, ConversationId, Handle, Standing};

use crate::{exit::usage, people::one_line};

/// A conversation as the user names it: `@handle`, else the exact name of a group, else 32 hexadecimal digits (the id), else
/// a handle without `@`. One's own handle is the notes to self.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChatName(String);

impl std::str::FromStr for ChatName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Err("a conversation is named by a @handle, by its name, or by its id");
        }
        if let Some(handle) = text.strip_prefix('@')
            && handle.parse::<Handle>().is_err()
        {
            return Err("what follows the @ is not a handle");
        }
        Ok(Self(text.to_owned()))
    }
}

/// What is meant by it.
pub(crate) enum Named {
    /// A conversation of this device.
    Chat(Chat),
    /// A person with whom there is no conversation here yet.
    Person(Handle),
}

impl ChatName {
    /// The handle, if it is written as one.
    fn handle(&self) -> Option<Handle> {
        self.0.strip_prefix('@')?.parse().ok()
    }

    /// The handle, if it can be one.
    pub(crate) fn as_handle(&self) -> Option<Handle> {
        self.0.parse().ok()
    }

    /// Finds what is meant; `None` if nothing can be. The name of a group that only asks the user to join means nothing, or a
    /// stranger could take the place of another group.
    pub(crate) async fn resolve(&self, client: &Client) -> anyhow::Result<Option<Named>> {
        self.resolve_among(client, false).await
    }

    async fn resolve_among(&self, client: &Client, requests: bool) -> anyhow::Result<Option<Named>> {
        if let Some(handle) = self.handle() {
            return Ok(Some(with_person(client, handle).await?));
        }
        // Whoever adds somebody to a group chooses its name, which could be somebody's handle, or the id of another
        // conversation.
        let (id, handle) = (
            self.0.parse::<ConversationId>().ok(),
            self.0.parse::<Handle>().ok(),
        );
        let fits = |conversation: &Conversation| {
            let with = conversation.with.as_ref();
            let has_handle = with.and_then(|person| person.handle.as_ref()) == handle.as_ref();
            let is_request = conversation.standing != Standing::Accepted;
            conversation.title.as_deref() == Some(&self.0) && is_request == requests
                || Some(conversation.conversation_id) == id
                || handle.is_some() && with.is_some() && has_handle
        };
        let all = client.conversations().await?;
        let mut fitting: Vec<_> = all.into_iter().filter(fits).collect();
        if fitting.is_empty() {
            // One that was deleted here can still be written in, or left.
            let hidden = client.hidden_conversations().await?;
            fitting.extend(hidden.into_iter().filter(fits));
        }
        match &fitting[..] {
            [only] => Ok(Some(Named::Chat(client.chat(only.id)))),
            [] => match handle {
                Some(handle) => Ok(Some(with_person(client, handle).await?)),
                None => Ok(None),
            },
            several => Err(ambiguous(&self.0, several)),
        }
    }

    /// The conversation; with a person, one is begun if there is none.
    pub(crate) async fn open(&self, client: &Client) -> anyhow::Result<Chat> {
        match self.resolve(client).await? {
            Some(Named::Chat(chat)) => Ok(chat),
            Some(Named::Person(handle)) => Ok(client.open_chat(&handle).await?),
            None => Err(self.unknown()),
        }
    }

    /// The conversation, if there is one here.
    pub(crate) async fn find(&self, client: &Client) -> anyhow::Result<Option<Chat>> {
        match self.resolve(client).await? {
            Some(Named::Chat(chat)) => Ok(Some(chat)),
            Some(Named::Person(_)) => Ok(None),
            None => Err(self.unknown()),
        }
    }

    /// The same, where a group that asks the user to join can be meant, too.
    pub(crate) async fn find_with_requests(&self, client: &Client) -> anyhow::Result<Option<Chat>> {
        let named = match self.resolve(client).await? {
            Some(Named::Chat(chat)) => return Ok(Some(chat)),
            named => self.resolve_among(client, true).await?.or(named),
        };
        match named {
            Some(Named::Chat(chat)) => Ok(Some(chat)),
            Some(Named::Person(_)) => Ok(None),
            None => Err(self.unknown()),
        }
    }

    /// What is said of a person with whom there is no conversation.
    pub(crate) fn no_conversation(&self) -> String {
        let handle = self.0.strip_prefix('@').unwrap_or(&self.0);
        format!("there is no conversation with @{} yet", one_line(handle))
    }

    fn unknown(&self) -> anyhow::Error {
        usage(format!(
            "there is no conversation {:?} here (`subrosa chats` lists them)",
            one_line(&self.0)
        ))
    }
}

async fn with_person(client: &Client, handle: Handle) -> Result<Named, ClientError> {
    Ok(match client.chat_with(&handle).await? {
        Some(chat) => Named::Chat(chat),
        None => Named::Person(handle),
    })
}

fn ambiguous(name: &str, several: &[Conversation]) -> anyhow::Error {
    let ids: Vec<_> = several
        .iter()
        .map(|conversation| conversation.conversation_id.to_string())
        .collect();
    usage(format!(
        "there are {} conversations with the name {:?}: use one of the ids {}",
        several.len(),
        one_line(name),
        ids.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_needs_some_name() {
        for bad in ["", "  ", "@", "@b", "@not a handle"] {
            assert!(bad.parse::<ChatName>().is_err(), "{bad:?}");
        }
        for good in ["@bob", "bob", "Harvest 2027", &"04".repeat(16)] {
            assert!(good.parse::<ChatName>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn only_what_is_written_with_its_sign_is_a_handle_at_once() {
        let handle = |text: &str| text.parse::<ChatName>().ok().and_then(|name| name.handle());
        assert_eq!(
            handle("@Bob").map(|handle| handle.as_str().to_owned()),
            Some("bob".to_owned())
        );
        assert_eq!(handle("bob"), None);
    }
}
