//! How people and conversations are named on the screen.

use std::collections::HashMap;

use subrosa_client::{AccountId, Client, ClientError, Contact, Conversation, Me, printable_line};

/// The handles and names that this device knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    people: HashMap<AccountId, (Option<String>, Option<String>)>,
}

impl Names {
    /// Everybody that a client knows.
    pub(crate) async fn load(client: &Client) -> Result<Self, ClientError> {
        Ok(Self::new(&client.me().await?, &client.contacts().await?))
    }

    pub(crate) fn new(me: &Me, contacts: &[Contact]) -> Self {
        let own = (
            me.account_id,
            (Some(me.handle.as_str().to_owned()), me.name.clone()),
        );
        let others = contacts.iter().map(|contact| {
            let handle = contact.handle.as_ref().map(|handle| handle.as_str().to_owned());
            (contact.account_id, (handle, contact.name.clone()))
        });
        Self {
            people: others.chain([own]).collect(),
        }
    }

    /// Whether the handle of somebody is known.
    pub(crate) fn knows(&self, account: AccountId) -> bool {
        self.people
            .get(&account)
            .is_some_and(|(handle, _)| handle.is_some())
    }

    /// The handle, without `@`; the account id until the handle is known.
    pub(crate) fn handle_of(&self, account: AccountId) -> String {
        let known = self.people.get(&account).and_then(|(handle, _)| handle.clone());
        known.unwrap_or_else(|| account.to_string())
    }

    /// `@handle`, or `Name (@handle)` for somebody who has sent a name. A name can be chosen to deceive; what follows
    /// the `@` cannot.
    pub(crate) fn display(&self, account: AccountId) -> String {
        let handle = self.handle_of(account);
        match self.people.get(&account).and_then(|(_, name)| name.as_deref()) {
            Some(name) => format!("{} (@{handle})", one_line(name)),
            None => format!("@{handle}"),
        }
    }

    /// What a conversation is called: what its members call it, otherwise the person whom it is with.
    pub(crate) fn title(&self, conversation: &Conversation) -> String {
        match (&conversation.title, &conversation.with) {
            (Some(title), _) => one_line(title),
            (None, Some(person)) => self.display(person.account_id),
            (None, None) => "(no title)".to_owned(),
        }
    }
}

/// Untrusted text on one line of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    printable_line(&text.replace(['\n', '\t'], " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_line() {
        assert_eq!(one_line("Bob\n[04:12] @alice: hi\tx"), "Bob [04:12] @alice: hi x");
        assert!(!one_line("\u{1b}[31mBob").contains('\u{1b}'));
    }
}
