//! A group of fifty: everybody reads everybody, some are removed and some leave, and the others agree on what is left.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeSet, path::Path, time::Duration};

use futures_util::future::join_all;
use subrosa_client::{Chat, Client, ConversationId, Credentials, Handle, NewAccount};
use subrosa_e2e::{Server, until};

const PEOPLE: usize = 50;
/// They come from one address.
const NO_LIMITS: &str = "[limits]\nregistrations_per_visitor = 0\nrequests_per_account = 0\nrequests_per_visitor = 0\n\
                         connections_per_visitor = 0\nkey_package_claims_per_account = 0\n";
const GROUP: ConversationId = ConversationId::from_bytes(*b"a group of fifty");
/// How long one change may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

async fn sign_up(server: &Server, folder: &Path, number: usize) -> Client {
    let account = NewAccount {
        credentials: Credentials {
            server: server.url().parse().expect("an address"),
            handle: handle(number),
            password: "a crowd of fifty people".to_owned().into(),
            device_name: None,
        },
        name: None,
    };
    let folder = folder.join(number.to_string());
    let (client, _) = Client::sign_up(&folder, account).await.expect("it signs up");
    client.connect();
    client
}

fn handle(number: usize) -> Handle {
    format!("member{number}").parse().expect("a handle")
}

async fn chat(client: &Client) -> Option<Chat> {
    let found = client.chat_by_conversation_id(GROUP).await;
    found.expect("conversations are readable")
}

/// The texts that somebody has, each as often as it is shown.
async fn texts(client: &Client) -> Vec<String> {
    let Some(chat) = chat(client).await else {
        return Vec::new();
    };
    let messages = chat.messages(None, 1_000).await.expect("messages are readable");
    messages.into_iter().map(|message| message.text).collect()
}

/// Waits until all of these have exactly these texts.
async fn all_read(people: &[Client], expected: &BTreeSet<String>) {
    for (number, person) in people.iter().enumerate() {
        until(&format!("member {number} has all texts"), async || {
            texts(person).await.len() >= expected.len()
        })
        .await;
        let has = texts(person).await;
        assert_eq!(has.len(), expected.len(), "member {number}");
        assert_eq!(
            &has.into_iter().collect::<BTreeSet<_>>(),
            expected,
            "member {number}"
        );
    }
}

async fn all_say(people: &[Client], what: &str) -> BTreeSet<String> {
    let said = people.iter().enumerate().map(|(number, person)| async move {
        let text = format!("{what} {number}");
        let chat = chat(person).await.expect("it is in the group");
        chat.send_text(text.clone()).await.expect("it may write");
        text
    });
    join_all(said).await.into_iter().collect()
}

#[tokio::test]
async fn fifty_people_talk_and_the_others_go_on_when_ten_are_gone() {
    let server = Server::start_configured(NO_LIMITS).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut people = join_all((0..PEOPLE).map(|number| sign_up(&server, folder.path(), number))).await;
    // Whoever has no key packages yet is added later, and lacks what was said before.
    for person in &people {
        person.settle(PATIENCE).await.expect("it settles");
    }
    let others: Vec<_> = (1..PEOPLE).map(handle).collect();
    let group = people[0]
        .create_group_once(GROUP, "Fifty", &others)
        .await
        .expect("a group");
    group.wait_until_changed(PATIENCE).await.expect("it is made");
    for (number, person) in people.iter().enumerate() {
        until(
            &format!("member {number} is in the group"),
            async || match chat(person).await {
                Some(chat) => chat.members().await.is_ok_and(|members| members.len() == PEOPLE),
                None => false,
            },
        )
        .await;
    }
    let mut said = all_say(&people, "hello from").await;
    all_read(&people, &said).await;

    // The last five are removed, and the five before them leave.
    for number in PEOPLE - 5..PEOPLE {
        group.remove_member(&handle(number)).await.expect("the owner may");
    }
    for person in &people[PEOPLE - 10..PEOPLE - 5] {
        let chat = chat(person).await.expect("it is in the group");
        chat.leave(None).await.expect("everybody may");
    }
    group.rename("Forty").await.expect("the owner may");
    let gone = people.split_off(PEOPLE - 10);
    for (number, person) in people.iter().enumerate() {
        until(&format!("member {number} sees forty people"), async || {
            let chat = chat(person).await.expect("it is in the group");
            let members = chat.members().await.expect("members are readable");
            let shown = chat.conversation().await.expect("conversations are readable");
            let name = shown.and_then(|conversation| conversation.title);
            members.len() == PEOPLE - 10 && name.as_deref() == Some("Forty")
        })
        .await;
    }
    let before = said.clone();
    said.extend(all_say(&people, "still here:").await);
    all_read(&people, &said).await;
    for person in &gone {
        assert_eq!(texts(person).await.into_iter().collect::<BTreeSet<_>>(), before);
    }
    for person in people.into_iter().chain(gone) {
        person.close().await.expect("it closes");
    }
}
