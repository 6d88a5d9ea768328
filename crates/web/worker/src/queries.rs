//! What a page is shown of conversations and messages, as the client has it now.

use subrosa_client::{self as client, AccountId, Chat, Client, ClientError, Contact, ConversationKind};
use subrosa_web_rpc::{Answer, Conversation, GroupRights, Member, MemberChange, Notice, Page, Role, Wish};

use crate::shapes::{self, InGroup};

/// The most messages in one page.
const PAGE_MAX: u32 = 200;

/// A conversation.
pub(crate) async fn conversation(client: &Client, chat: &Chat) -> Result<Option<Conversation>, ClientError> {
    let Some(conversation) = chat.conversation().await? else {
        return Ok(None);
    };
    Ok(Some(shown(client, chat, conversation).await?))
}

/// A conversation with the people whom it shows.
async fn shown(
    client: &Client,
    chat: &Chat,
    conversation: client::Conversation,
) -> Result<Conversation, ClientError> {
    let in_group = in_group(client, chat, &conversation).await?;
    let added_by = match conversation.added_by {
        Some(by) => Some(shapes::contact(person(client, by).await?)),
        None => None,
    };
    Ok(shapes::conversation(conversation, added_by, in_group))
}

/// Who is in a group; nobody in other conversations.
async fn in_group(
    client: &Client,
    chat: &Chat,
    conversation: &client::Conversation,
) -> Result<InGroup, ClientError> {
    let mut found = InGroup {
        role: Role::Member,
        members: Vec::new(),
        former_members: Vec::new(),
        wishes: Vec::new(),
    };
    if conversation.kind != ConversationKind::Group {
        return Ok(found);
    }
    for member in chat.members().await? {
        let role = shapes::role(member.role);
        match member.contact {
            Some(contact) => found.members.push(Member {
                contact: shapes::contact(contact),
                role,
            }),
            // The user.
            None => found.role = role,
        }
    }
    let former = chat.former_members().await?.into_iter();
    found.former_members.extend(former.map(shapes::contact));
    for (account, wish) in chat.wishes().await? {
        let change = match wish {
            client::Wish::Add => None,
            client::Wish::Remove => Some(MemberChange::Remove),
            client::Wish::GiveRole(role) => Some(MemberChange::GiveRole(shapes::role(role))),
            client::Wish::Ban => Some(MemberChange::Ban),
            client::Wish::Readmit => Some(MemberChange::Readmit),
            // Something that this version does not know.
            _ => continue,
        };
        let who = shapes::contact(person(client, account).await?);
        found.wishes.push(Wish { who, change });
    }
    Ok(found)
}

/// What the user may change in a group; `None` while this device is not in it.
pub(crate) async fn group_rights(client: &Client, chat: &Chat) -> Result<Option<GroupRights>, ClientError> {
    let Some(policy) = chat.policy().await? else {
        return Ok(None);
    };
    let me = client.me().await?.account_id;
    let mut changes = Vec::new();
    for member in chat.members().await? {
        let whom = member.account_id;
        let roles = [client::Role::Owner, client::Role::Admin, client::Role::Member].into_iter();
        let roles =
            roles.filter(|role| *role != policy.role_of(whom) && policy.may_give_role(me, whom, *role));
        let mut permitted: Vec<_> = roles
            .map(|role| MemberChange::GiveRole(shapes::role(role)))
            .collect();
        if policy.may_remove(me, whom) {
            permitted.push(MemberChange::Remove);
        }
        if policy.may_ban(me, whom) {
            permitted.push(MemberChange::Ban);
        }
        if !permitted.is_empty() {
            changes.push((whom, permitted));
        }
    }
    let is_last_owner = policy.is_only_owner(me) && chat.members().await?.len() > 1;
    let wishes = chat.wishes().await?;
    let is_leaving = wishes.iter().any(|(_, wish)| *wish == client::Wish::Leave);
    let mut banned = Vec::new();
    for account in policy.banned() {
        if policy.may_ban(me, *account) {
            let person = person(client, *account).await?;
            if person.handle.is_none() {
                // Somebody whom this device has never met. The answer comes as a changed contact.
                client.look_up(*account).await?;
            }
            banned.push(shapes::contact(person));
        }
    }
    Ok(Some(GroupRights {
        may_add: policy.may_add(me),
        may_rename: policy.may_change_profile(me),
        may_post: policy.may_post(me),
        may_change_rights: may_change_rights(&policy, me),
        add: shapes::role(policy.rights().add),
        post: shapes::role(policy.rights().post),
        is_last_owner,
        is_leaving,
        changes,
        banned,
    }))
}

/// All conversations.
pub(crate) async fn conversations(client: &Client) -> Result<Vec<Conversation>, ClientError> {
    let mut all = Vec::new();
    // Those that were deleted here can be searched for.
    let hidden = client.hidden_conversations().await?;
    for conversation in client.conversations().await?.into_iter().chain(hidden) {
        all.push(shown(client, &client.chat(conversation.id), conversation).await?);
    }
    Ok(all)
}

/// A page of a conversation's messages.
pub(crate) async fn messages(
    client: &Client,
    chat: &Chat,
    page: Page,
    limit: u32,
) -> Result<Answer, ClientError> {
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
    // Pages adjoin: what lies between the messages of two belongs to one of them.
    let first = messages.first().filter(|_| has_older);
    let last = messages.last().filter(|_| has_newer);
    let oldest = first.map_or(i64::MIN, |first| first.position);
    let newest = last.map_or(i64::MAX, |last| last.position);
    let positions = match page {
        Page::Newest => oldest..=i64::MAX,
        Page::Before(position) => oldest..=position.saturating_sub(1),
        Page::From(position) => position..=newest,
    };
    let mut notices = Vec::new();
    for notice in chat.notices(positions).await? {
        notices.push(self::notice(client, notice).await?);
    }
    Ok(Answer::Messages {
        notices,
        messages: messages.iter().map(shapes::message).collect(),
        has_older,
        has_newer,
    })
}

/// A line of a conversation that is no message.
pub(crate) async fn notice(client: &Client, notice: subrosa_client::Notice) -> Result<Notice, ClientError> {
    let me = client.me().await?.account_id;
    let (by_user, about_user) = (notice.by == Some(me), notice.who.contains(&me));
    let mut who = Vec::new();
    for account in notice.who {
        who.push(shapes::contact(person(client, account).await?));
    }
    let by = match notice.by {
        Some(by) => Some(shapes::contact(person(client, by).await?)),
        None => None,
    };
    Ok(Notice {
        chat: shapes::chat_id(notice.chat),
        position: notice.position,
        at: notice.at,
        kind: shapes::notice_kind(notice.kind),
        by,
        who,
        by_user,
        about_user,
    })
}

/// The person with an account, who may be the user.
pub(crate) async fn person(client: &Client, account_id: AccountId) -> Result<Contact, ClientError> {
    if let Some(contact) = client.contact(account_id).await? {
        return Ok(contact);
    }
    let me = client.me().await?;
    let me = (me.account_id == account_id).then_some(me);
    let picture = me.as_ref().and_then(|me| me.picture);
    let (handle, name) = me.map(|me| (me.handle, me.name)).unzip();
    Ok(Contact {
        account_id,
        handle,
        former_handle: None,
        name: name.flatten(),
        picture,
        nickname: None,
        is_blocked: false,
    })
}

/// Whether somebody may choose who adds people and who writes, each between everybody and admins.
fn may_change_rights(policy: &client::GroupPolicy, account: AccountId) -> bool {
    let mut other = *policy.rights();
    let toggled = |role| match role {
        client::Role::Member => client::Role::Admin,
        client::Role::Admin | client::Role::Owner => client::Role::Member,
    };
    (other.add, other.post) = (toggled(other.add), toggled(other.post));
    policy.may_change_rights(account, &other)
}
