//! How people and conversations are named on the screen.

use std::collections::HashMap;

use subrosa_client::{
    AccountId, Client, ClientError, Contact, Conversation, ConversationKind, Handle, Me, Notice, NoticeKind,
    Role, Standing, printable, printable_line,
};

use crate::instant::lifetime_words;

/// The handles and names that this device knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    people: HashMap<AccountId, Known>,
}

/// What is known of a person.
#[derive(Debug, Clone)]
struct Known {
    handle: Option<String>,
    former_handle: Option<String>,
    /// The name that the user has given them, or else the one that they have sent.
    name: Option<String>,
}

impl Names {
    /// Everybody that a client knows.
    pub(crate) async fn load(client: &Client) -> Result<Self, ClientError> {
        Ok(Self::new(&client.me().await?, &client.contacts().await?))
    }

    pub(crate) fn new(me: &Me, contacts: &[Contact]) -> Self {
        let text = |handle: &Handle| handle.as_str().to_owned();
        let own = Known {
            handle: Some(text(&me.handle)),
            former_handle: None,
            name: me.name.clone(),
        };
        let own = (me.account_id, own);
        let others = contacts.iter().map(|contact| {
            let known = Known {
                handle: contact.handle.as_ref().map(text),
                former_handle: contact.former_handle.as_ref().map(text),
                name: contact.nickname.clone().or_else(|| contact.name.clone()),
            };
            (contact.account_id, known)
        });
        Self {
            people: others.chain([own]).collect(),
        }
    }

    /// Whether the handle of somebody is known, or will not be.
    pub(crate) fn knows(&self, account: AccountId) -> bool {
        self.people
            .get(&account)
            .is_some_and(|known| known.handle.is_some() || known.former_handle.is_some())
    }

    /// The handle, without `@`; the account id until the handle is known.
    pub(crate) fn handle_of(&self, account: AccountId) -> String {
        let known = self.people.get(&account).and_then(|known| known.handle.clone());
        known.unwrap_or_else(|| account.to_string())
    }

    /// The handle that somebody had until the user accepted another account for it, without `@`.
    pub(crate) fn former_handle_of(&self, account: AccountId) -> Option<&str> {
        let known = self.people.get(&account)?;
        known.former_handle.as_deref().filter(|_| known.handle.is_none())
    }

    /// `@handle`, or `Name (@handle)` for somebody who has sent a name or was given one. A name can be chosen to deceive; what follows
    /// the `@` cannot.
    pub(crate) fn display(&self, account: AccountId) -> String {
        let handle = match self.former_handle_of(account) {
            Some(former) => format!("account {}, formerly @{former}", grouped(account)),
            None => format!("@{}", self.handle_of(account)),
        };
        match self.people.get(&account).and_then(|known| known.name.as_deref()) {
            Some(name) => format!("{} ({handle})", one_line(name)),
            None => handle,
        }
    }

    /// Several people, as [`display`](Self::display) shows each.
    pub(crate) fn display_all(&self, accounts: &[AccountId]) -> String {
        let all: Vec<_> = accounts.iter().map(|account| self.display(*account)).collect();
        all.join(", ")
    }

    /// What a conversation is called: what its members call it, otherwise the person whom it is with.
    pub(crate) fn title(&self, conversation: &Conversation) -> String {
        match (&conversation.title, &conversation.with) {
            (Some(title), _) => one_line(title),
            (None, Some(person)) => self.display(person.account_id),
            (None, None) if conversation.kind == ConversationKind::NotesToSelf => "Notes to self".to_owned(),
            (None, None) => "(no title)".to_owned(),
        }
    }
}

/// Conversations in the order of lists: the pinned ones, then the others, then those that are archived, then requests, each
/// from the newest to the oldest.
pub(crate) async fn listed(client: &Client) -> Result<Vec<Conversation>, ClientError> {
    let mut conversations = client.conversations().await?;
    conversations.sort_by_key(|conversation| {
        let settings = conversation.settings;
        let is_request = conversation.standing == Standing::Request;
        (is_request, settings.is_archived, !settings.is_pinned)
    });
    Ok(conversations)
}

/// An account id in groups of four digits, to be compared digit by digit.
pub(crate) fn grouped(account: AccountId) -> String {
    let digits: Vec<_> = account.to_string().chars().collect();
    let groups: Vec<String> = digits.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

/// What a line of a conversation says that is no message.
pub(crate) fn notice_text(notice: &Notice, names: &Names) -> String {
    let who = names.display_all(&notice.who);
    match (notice.kind, notice.by) {
        (NoticeKind::DeviceAdded, Some(by)) if notice.who == [by] => {
            format!("{who} signed in with a new device, which can read what is said from here on")
        }
        (NoticeKind::DeviceAdded, Some(by)) => {
            format!(
                "{} added a new device of {who}, which can read what is said from here on",
                names.display(by)
            )
        }
        (NoticeKind::DeviceAdded, None) => {
            format!("a new device of {who} came in while this device was away")
        }
        (NoticeKind::Created, Some(by)) => format!("{} created the group", names.display(by)),
        (NoticeKind::Added, Some(by)) => format!("{} added {who}", names.display(by)),
        (NoticeKind::Added, None) => format!("{who} came in while this device was away"),
        (NoticeKind::JoinedByLink, _) => format!("{who} joined by an invite link"),
        (NoticeKind::Removed, Some(by)) => format!("{} removed {who}", names.display(by)),
        (NoticeKind::Removed, None) => format!("{who} went while this device was away"),
        (NoticeKind::Left, _) => format!("{who} left"),
        (NoticeKind::RightsChanged, Some(by)) => format!("{} changed who may do what", names.display(by)),
        (NoticeKind::RoleGiven(role), by) => {
            let now = match role {
                Role::Member => "a member without a role",
                Role::Admin => "an admin",
                Role::Owner => "an owner",
            };
            match by {
                Some(by) => format!("{} made {who} {now}", names.display(by)),
                None => format!("{who} became {now} while this device was away"),
            }
        }
        (NoticeKind::Renamed, Some(by)) => format!("{} gave the group another name", names.display(by)),
        (NoticeKind::PictureChanged, Some(by)) => {
            format!("{} changed the picture of the group", names.display(by))
        }
        (NoticeKind::DescriptionChanged, Some(by)) => {
            format!("{} changed what the group is about", names.display(by))
        }
        (NoticeKind::TimerChanged(Some(timer)), Some(by)) => {
            let (by, timer) = (names.display(by), lifetime_words(timer));
            format!("{by} set messages to disappear after {timer}")
        }
        (NoticeKind::TimerChanged(None), Some(by)) => {
            format!("{} turned disappearing messages off", names.display(by))
        }
        // This version does not know it.
        (kind, _) => format!("{} ({who})", kind.as_str()),
    }
}

/// Untrusted text on one line of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    printable_line(&text.replace(['\n', '\t'], " ")).into_owned()
}

/// The most characters of a message in a list.
const PREVIEW_CHARS: usize = 60;

/// The start of a message, as a list has room for it.
pub(crate) fn message_start(text: &str) -> String {
    let text = message_line(text);
    let start: String = text.chars().take(PREVIEW_CHARS).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{start}{more}")
}

/// The start of a message on one line.
pub(crate) fn message_line(text: &str) -> String {
    printable(&text.replace(['\n', '\t'], " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u8) -> AccountId {
        AccountId::from_bytes([number; 16])
    }

    fn names() -> Names {
        let contact = |number, handle: Option<&str>, former: Option<&str>| Contact {
            account_id: account(number),
            handle: handle.and_then(|handle| handle.parse().ok()),
            former_handle: former.and_then(|handle| handle.parse().ok()),
            name: None,
            picture: None,
            nickname: None,
            is_blocked: false,
        };
        let contacts = [contact(1, None, Some("ben")), contact(2, Some("ben"), None)];
        Names {
            people: contacts
                .iter()
                .map(|contact| {
                    let text = |handle: &Handle| handle.as_str().to_owned();
                    let known = Known {
                        handle: contact.handle.as_ref().map(text),
                        former_handle: contact.former_handle.as_ref().map(text),
                        name: contact.name.clone(),
                    };
                    (contact.account_id, known)
                })
                .collect(),
        }
    }

    #[test]
    fn whoever_had_a_handle_is_not_shown_as_the_one_who_has_it() {
        let names = names();
        assert_eq!(names.display(account(2)), "@ben");
        assert_eq!(
            names.display(account(1)),
            "account 0101 0101 0101 0101 0101 0101 0101 0101, formerly @ben"
        );
        assert_eq!(names.handle_of(account(1)), "01".repeat(16));
    }

    #[test]
    fn a_nickname_is_shown_in_place_of_the_name_and_before_the_handle() {
        let me = Me {
            account_id: account(9),
            handle: "alice".parse().unwrap_or_else(|error| panic!("{error}")),
            device_id: subrosa_client::DeviceId::from_bytes([8; 16]),
            name: None,
            picture: None,
            privacy: subrosa_client::Privacy::default(),
        };
        let carol = Contact {
            account_id: account(3),
            handle: "carol".parse().ok(),
            former_handle: None,
            name: Some("Carol C.".to_owned()),
            picture: None,
            nickname: Some("Caro".to_owned()),
            is_blocked: false,
        };
        let names = Names::new(&me, &[carol]);
        assert_eq!(names.display(account(3)), "Caro (@carol)");
    }

    #[test]
    fn a_notice_says_who_added_whom() {
        let notice = |by| Notice {
            chat: subrosa_client::ChatId::new(1),
            conversation_id: subrosa_client::ConversationId::from_bytes([3; 16]),
            position: 1,
            at: subrosa_client::Timestamp::from_millis(0),
            kind: NoticeKind::DeviceAdded,
            by,
            who: vec![account(2)],
        };
        let said = |by| notice_text(&notice(by), &names());
        assert!(said(Some(account(2))).starts_with("@ben signed in with a new device"));
        assert!(said(Some(account(9))).contains("added a new device of @ben"));
        assert!(said(None).contains("while this device was away"));
    }

    #[test]
    fn a_name_cannot_leave_its_line() {
        assert_eq!(one_line("Bob\n[04:12] @alice: hi\tx"), "Bob [04:12] @alice: hi x");
        assert!(!one_line("\u{1b}[31mBob").contains('\u{1b}'));
    }
}
