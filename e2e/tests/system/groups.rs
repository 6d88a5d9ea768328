//! Groups, from terminal to terminal.

use serde_json::{Value, json};
use subrosa_e2e::{Person, Server, until};

/// The lines of what a command shows.
async fn lines(person: &Person, arguments: &[&str]) -> Vec<Value> {
    person.run_up_to_date(arguments).await.ok().lines()
}

/// The code with which a command is refused.
async fn refusal(person: &Person, arguments: &[&str]) -> Value {
    person.run(arguments).await.ends_with(5).failure()["code"].clone()
}

struct Three {
    server: Server,
    ada: Person,
    ben: Person,
    eva: Person,
}

impl Three {
    async fn sign_up() -> Self {
        let server = Server::start().await;
        let [ada, ben, eva] = [
            Person::sign_up(&server, "ada").await,
            Person::sign_up(&server, "ben").await,
            Person::sign_up(&server, "eva").await,
        ];
        Self {
            server,
            ada,
            ben,
            eva,
        }
    }
}

/// The members of a group with their roles, in the order of their handles.
fn members(group: &Value) -> Vec<(String, String)> {
    let mut members: Vec<_> = group["members"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|member| {
            let word = |field: &str| member[field].as_str().unwrap_or_default().to_owned();
            (word("handle"), word("role"))
        })
        .collect();
    members.sort();
    members
}

fn roles(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(handle, role)| ((*handle).to_owned(), (*role).to_owned()))
        .collect()
}

/// The lines that are no messages, with who did what to whom.
fn events(lines: &[Value]) -> Vec<(String, Value, Value)> {
    lines
        .iter()
        .filter(|line| line.get("event").is_some())
        .map(|line| {
            let event = line["event"].as_str().unwrap_or_default().to_owned();
            assert!(line.get("id").is_none() && line.get("text").is_none());
            (event, line["by"].clone(), line["who"].clone())
        })
        .collect()
}

#[tokio::test]
async fn a_group_is_created_talked_in_and_changed() {
    let Three {
        server,
        ada,
        ben,
        eva,
    } = Three::sign_up().await;
    let created = ada
        .run(&["group", "create", "Harvest 2027", "@ben"])
        .await
        .ok()
        .one();
    assert_eq!(
        (&created["kind"], &created["name"]),
        (&json!("group"), &json!("Harvest 2027"))
    );
    assert_eq!(members(&created), roles(&[("ada", "owner"), ("ben", "member")]));
    assert_eq!(created["epoch"], 1);

    // By its name, at whoever was added.
    let sent = ada
        .run(&["send", "Harvest 2027", "Who brings the ladder?"])
        .await
        .ok()
        .one();
    assert_eq!(sent["conversation"], created["conversation"]);
    let history = lines(&ben, &["history", "Harvest 2027"]).await;
    let texts: Vec<_> = history
        .iter()
        .filter_map(|line| line.get("text").cloned())
        .collect();
    assert_eq!(texts, ["Who brings the ladder?"]);
    assert_eq!(
        events(&history),
        [("added".to_owned(), json!("ada"), json!(["ben"]))]
    );
    let id = created["conversation"].as_str().unwrap_or_default().to_owned();
    ben.run(&["send", &id, "I do"]).await.ok();

    // A member adds somebody, who reads from then on.
    let added = ben
        .run(&["group", "add", "Harvest 2027", "@eva"])
        .await
        .ok()
        .one();
    assert_eq!(
        members(&added),
        roles(&[("ada", "owner"), ("ben", "member"), ("eva", "member")])
    );
    ada.run(&["send", "Harvest 2027", "three of us"]).await.ok();
    let history = lines(&eva, &["history", "Harvest 2027"]).await;
    let texts: Vec<_> = history
        .iter()
        .filter_map(|line| line.get("text").cloned())
        .collect();
    assert_eq!(texts, ["three of us"]);
    let chat = eva.run_up_to_date(&["chats"]).await.ok().one();
    assert_eq!(
        (&chat["kind"], &chat["with"], &chat["name"]),
        (&json!("group"), &Value::Null, &json!("Harvest 2027"))
    );

    // What a member may not do.
    assert_eq!(
        refusal(&ben, &["group", "remove", "Harvest 2027", "@eva"]).await,
        "not_permitted"
    );
    assert_eq!(
        refusal(&ben, &["group", "role", "Harvest 2027", "@ben", "owner"]).await,
        "not_permitted"
    );
    ada.run(&["group", "role", "Harvest 2027", "@ben", "admin"])
        .await
        .ok();
    let shown = ben
        .run_up_to_date(&["group", "show", "Harvest 2027"])
        .await
        .ok()
        .one();
    assert_eq!(
        members(&shown),
        roles(&[("ada", "owner"), ("ben", "admin"), ("eva", "member")])
    );
    ben.run(&["group", "remove", "Harvest 2027", "@eva"]).await.ok();
    ada.run(&["group", "rename", "Harvest 2027", "Winter"]).await.ok();
    let history = lines(&ben, &["history", "Winter"]).await;
    let last: Vec<_> = events(&history).into_iter().map(|(event, ..)| event).collect();
    assert_eq!(last, ["added", "added", "role", "removed", "renamed"]);

    // Whoever is banned is added again only once that has ended.
    ada.run(&["group", "ban", "Winter", "@eva"]).await.ok();
    assert_eq!(
        refusal(&ben, &["group", "add", "Winter", "@eva"]).await,
        "not_permitted"
    );
    ben.run(&["group", "unban", "Winter", "@eva"]).await.ok();

    // Whoever was removed sees that, keeps what was said, and cannot write.
    let history = lines(&eva, &["history", "Harvest 2027"]).await;
    assert_eq!(
        events(&history).last(),
        Some(&("removed".to_owned(), json!("ben"), json!(["eva"])))
    );
    assert_eq!(
        refusal(&eva, &["send", "Harvest 2027", "still here?"]).await,
        "not_member"
    );
    assert_eq!(lines(&eva, &["chats"]).await[0]["state"], "removed");
    drop(server);
}

#[tokio::test]
async fn a_group_is_described_and_given_a_picture() {
    let Three {
        server: _server,
        ada,
        ben,
        eva,
    } = Three::sign_up().await;
    let write = |bytes: &[u8]| {
        let path = ada.home().join("apple.png");
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path.display().to_string()
    };
    let path = write(&picture(7));
    let create = [
        "group",
        "create",
        "Harvest",
        "@ben",
        "--description",
        "Apples",
        "--picture",
        &path,
    ];
    let created = ada.run(&create).await.ok().one();
    assert_eq!(
        (&created["description"], &created["picture"]),
        (&json!("Apples"), &json!(true))
    );
    let show = ["group", "show", "Harvest"];
    until("the picture is fetched", async || {
        let shown = ben.run_up_to_date(&show).await.ok().one();
        assert_eq!(shown["description"], "Apples");
        shown["picture"] == true
    })
    .await;
    assert_eq!(
        refusal(&ben, &["group", "describe", "Harvest", "Ben's"]).await,
        "not_permitted"
    );

    let described = ada
        .run(&["group", "describe", "Harvest", "Apples\nand pears"])
        .await
        .ok()
        .one();
    assert_eq!(described["description"], "Apples\nand pears");
    let removed = ada
        .run(&["group", "picture", "Harvest", "--remove"])
        .await
        .ok()
        .one();
    assert_eq!(removed["picture"], false);
    ada.run(&["group", "add", "Harvest", "@eva"]).await.ok();
    let shown = eva.run_up_to_date(&show).await.ok().one();
    assert_eq!(
        (&shown["description"], &shown["picture"]),
        (&json!("Apples\nand pears"), &json!(false))
    );
    let history = lines(&ben, &["history", "Harvest"]).await;
    let ada_did = |event: &str| (event.to_owned(), json!("ada"), json!([]));
    let events = events(&history);
    for event in ["description", "picture"] {
        assert!(events.contains(&ada_did(event)), "{event}: {events:?}");
    }

    let path = write(b"no picture");
    ada.run(&["group", "picture", "Harvest", &path])
        .await
        .ends_with(2);
    let long = "a".repeat(3_000);
    ada.run(&["group", "describe", "Harvest", &long])
        .await
        .ends_with(2);
}

/// The head of a PNG file of this width.
fn picture(width: u8) -> Vec<u8> {
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0";
    [&head[..], &[width, 0, 0, 0, 2, 8, 6, 0, 0, 0, 0, 0, 0, 0]].concat()
}

#[tokio::test]
async fn a_group_that_cannot_be_changed_now_is_changed_later() {
    let Three {
        mut server, ada, ben, ..
    } = Three::sign_up().await;
    ada.run(&["group", "create", "Harvest", "@ben"]).await.ok();
    server.stop().await;
    let kept = ada
        .run(&["group", "role", "Harvest", "@ben", "admin", "--timeout", "1"])
        .await
        .ends_with(6)
        .one();
    assert_eq!(members(&kept), roles(&[("ada", "owner"), ("ben", "member")]));
    server.restart().await;
    // A server that has just begun takes a commit once it has heard from the others.
    lines(&ben, &["chats"]).await;
    let ada_listens = ada.listen();
    ada_listens.note("connected").await;
    until("the change is made", async || {
        let shown = ben.run(&["group", "show", "Harvest"]).await.ok().one();
        members(&shown) == roles(&[("ada", "owner"), ("ben", "admin")])
    })
    .await;
    ada_listens.end().await.ok();
}

#[tokio::test]
async fn names_that_several_conversations_have_name_none_of_them() {
    let Three { server, ada, .. } = Three::sign_up().await;
    let first = ada.run(&["group", "create", "Harvest", "@ben"]).await.ok().one();
    let second = ada.run(&["group", "create", "Harvest", "@eva"]).await.ok().one();
    let ambiguous = ada
        .run(&["send", "Harvest", "which?"])
        .await
        .ends_with(2)
        .failure();
    let said = ambiguous["error"].as_str().unwrap_or_default().to_owned();
    for group in [&first, &second] {
        let id = group["conversation"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && said.contains(id), "{said}");
        ada.run(&["send", id, "this one"]).await.ok();
    }
    ada.run(&["send", "No such group", "hello"]).await.ends_with(2);
    ada.run(&["group", "show", "@ben"]).await.ends_with(2);
    ada.run(&["group", "create", "\u{202e}tsevraH", "@ben"])
        .await
        .ends_with(2);
    ada.run(&["group", "create", &"n".repeat(10_000), "@ben"])
        .await
        .ends_with(2);
    ada.run(&["group", "create", "Nobody", "@nobody_here"])
        .await
        .ends_with(5);
    drop(server);
}

#[tokio::test]
async fn whoever_leaves_a_group_is_out_and_the_only_owner_names_a_successor() {
    let three = Three::sign_up().await;
    let Three { ada, ben, eva, .. } = &three;
    ada.run(&["group", "create", "Harvest", "@ben", "@eva"])
        .await
        .ok();
    lines(ben, &["chats"]).await;
    lines(eva, &["chats"]).await;
    assert_eq!(refusal(ada, &["group", "leave", "Harvest"]).await, "last_owner");
    let left = eva.run(&["group", "leave", "Harvest"]).await.ok().one();
    assert_eq!(left["rights"], Value::Null);
    assert_eq!(members(&left), roles(&[("ada", "owner"), ("ben", "member")]));
    assert_eq!(
        refusal(eva, &["send", "Harvest", "still here?"]).await,
        "not_member"
    );
    assert_eq!(refusal(eva, &["group", "leave", "Harvest"]).await, "not_member");
    let left = ada
        .run(&["group", "leave", "Harvest", "--successor", "@ben"])
        .await
        .ok()
        .one();
    assert_eq!(members(&left), roles(&[("ben", "owner")]));
    ben.run(&["send", "Harvest", "to nobody"]).await.ok();
    let shown = ben.run_up_to_date(&["group", "show", "Harvest"]).await.ok().one();
    assert_eq!(members(&shown), roles(&[("ben", "owner")]));
    let history = lines(ben, &["history", "Harvest"]).await;
    let gone: Vec<_> = events(&history)
        .into_iter()
        .filter(|(event, ..)| event == "left")
        .collect();
    assert_eq!(
        gone,
        [
            ("left".to_owned(), json!("eva"), json!(["eva"])),
            ("left".to_owned(), json!("ada"), json!(["ada"])),
        ]
    );
    // Nobody but the one who is left can be asked to stay.
    ben.run(&["group", "leave", "Harvest"]).await.ok();
}

#[tokio::test]
async fn rights_are_shown_changed_and_honoured() {
    let three = Three::sign_up().await;
    let Three { ada, ben, .. } = &three;
    let created = ada.run(&["group", "create", "News", "@ben"]).await.ok().one();
    assert_eq!(
        created["rights"],
        json!({ "add": "everyone", "remove": "admins", "edit": "admins", "post": "everyone", "pin": "admins" })
    );
    lines(ben, &["chats"]).await;
    assert_eq!(
        refusal(ben, &["group", "rights", "News", "--post", "admins"]).await,
        "not_permitted"
    );
    ada.run(&["group", "rights", "News", "--remove", "everyone"])
        .await
        .ends_with(2);
    let changed = ada
        .run(&["group", "rights", "News", "--post", "admins", "--add", "owners"])
        .await
        .ok()
        .one();
    assert_eq!(
        (&changed["rights"]["post"], &changed["rights"]["add"]),
        (&json!("admins"), &json!("owners"))
    );
    let history = lines(ben, &["history", "News"]).await;
    assert_eq!(
        events(&history).pop(),
        Some(("rights".to_owned(), json!("ada"), json!([])))
    );
    assert_eq!(refusal(ben, &["send", "News", "may I?"]).await, "not_permitted");
    ada.run(&["send", "News", "an announcement"]).await.ok();
    let texts: Vec<_> = lines(ben, &["history", "News"])
        .await
        .iter()
        .filter_map(|line| line.get("text").cloned())
        .collect();
    assert_eq!(texts, ["an announcement"]);
}
