//! Invite links, from terminal to terminal.

use serde_json::{Value, json};
use subrosa_e2e::{Person, Server};

/// The code with which a command is refused.
async fn refusal(person: &Person, arguments: &[&str]) -> Value {
    person.run(arguments).await.ends_with(5).failure()["code"].clone()
}

/// A text of an answer.
fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_default().to_owned()
}

async fn people<const N: usize>(server: &Server, handles: [&str; N]) -> Vec<Person> {
    let mut people = Vec::new();
    for handle in handles {
        people.push(Person::sign_up(server, handle).await);
    }
    people
}

#[tokio::test]
async fn a_room_is_joined_by_its_link_and_by_no_other() {
    let server = Server::start().await;
    let people = people(&server, ["ada", "ben", "eva"]).await;
    let [ada, ben, eva] = &people[..] else {
        panic!("there are three")
    };
    let room = ada
        .run(&[
            "room",
            "create",
            "Allotment 12",
            "--description",
            "By the old barn",
        ])
        .await
        .ok()
        .one();
    assert_eq!(
        (&room["kind"], &room["name"], &room["state"]),
        (&json!("group"), &json!("Allotment 12"), &json!("joined"))
    );
    let (link, link_id) = (text(&room, "link"), text(&room, "link_id"));
    assert!(link.contains("/#"), "{link}");

    let joined = ben.run(&["join", &link]).await.ok().one();
    assert_eq!(
        (&joined["state"], &joined["name"], &joined["conversation"]),
        (&json!("joined"), &json!("Allotment 12"), &room["conversation"])
    );
    assert_eq!(joined["request"], false);
    ben.run(&["send", "Allotment 12", "Is there water?"]).await.ok();
    let history = ada
        .run_up_to_date(&["history", "Allotment 12"])
        .await
        .ok()
        .lines();
    let last = history.last().cloned().unwrap_or_default();
    assert_eq!(
        (&last["from"], &last["text"]),
        (&json!("ben"), &json!("Is there water?"))
    );
    let event = |name: &str| {
        let found = history.iter().find(|entry| entry["event"] == name);
        found.map(|found| (found["by"].clone(), found["who"].clone()))
    };
    assert_eq!(event("joined"), Some((json!("ben"), json!(["ben"]))));
    // To join again is no mistake.
    let again = ben.run(&["join", &link]).await.ok().one();
    assert_eq!(again["state"], "joined");

    let listed = ada
        .run_up_to_date(&["link", "list", "Allotment 12"])
        .await
        .ok()
        .one();
    assert_eq!(
        (
            &listed["link"],
            &listed["link_id"],
            &listed["state"],
            &listed["uses"]
        ),
        (&json!(link), &json!(link_id), &json!("ready"), &json!(1))
    );
    // Others see that there is a link, and do not have it.
    let listed = ben
        .run_up_to_date(&["link", "list", "Allotment 12"])
        .await
        .ok()
        .one();
    assert_eq!(
        (&listed["link"], &listed["link_id"], &listed["uses"]),
        (&Value::Null, &json!(link_id), &json!(1))
    );

    let revoked = ada
        .run(&["link", "revoke", "Allotment 12", &link_id])
        .await
        .ok()
        .one();
    assert_eq!(
        (&revoked["state"], &revoked["link_id"]),
        (&json!("revoked"), &json!(link_id))
    );
    assert_eq!(refusal(eva, &["join", &link]).await, "link_revoked");
    assert!(eva.run_up_to_date(&["chats"]).await.ok().lines().is_empty());
    assert_eq!(
        refusal(ada, &["link", "revoke", "Allotment 12", &link_id]).await,
        "link_invalid"
    );
    assert!(
        ada.run_up_to_date(&["link", "list", "Allotment 12"])
            .await
            .ok()
            .lines()
            .is_empty()
    );
}

#[tokio::test]
async fn a_link_is_used_as_often_as_it_may_be() {
    let server = Server::start().await;
    let people = people(&server, ["ada", "ben", "eva"]).await;
    let [ada, ben, eva] = &people[..] else {
        panic!("there are three")
    };
    ada.run(&["group", "create", "Party"]).await.ok();
    let made = ada
        .run(&[
            "link", "create", "Party", "--uses", "1", "--days", "2", "--name", "for Ben",
        ])
        .await
        .ok()
        .one();
    assert_eq!(
        (&made["name"], &made["uses_max"], &made["state"]),
        (&json!("for Ben"), &json!(1), &json!("ready"))
    );
    assert!(made["expires_at"].is_string());
    let link = text(&made, "link");
    ben.run(&["join", &link]).await.ok();
    assert_eq!(refusal(eva, &["join", &link]).await, "link_used_up");
}

#[tokio::test]
async fn a_removal_revokes_the_links_and_a_ban_holds() {
    let server = Server::start().await;
    let people = people(&server, ["ada", "ben"]).await;
    let [ada, ben] = &people[..] else {
        panic!("there are two")
    };
    let room = ada.run(&["room", "create", "Party"]).await.ok().one();
    let link = text(&room, "link");
    ben.run(&["join", &link]).await.ok();
    ada.run(&["group", "ban", "Party", "@ben"]).await.ok();
    assert_eq!(refusal(ben, &["join", &link]).await, "link_revoked");
    let made = ada.run(&["link", "create", "Party"]).await.ok().one();
    assert_eq!(refusal(ben, &["join", &text(&made, "link")]).await, "banned");
    ada.run(&["group", "unban", "Party", "@ben"]).await.ok();
    let back = ben.run(&["join", &text(&made, "link")]).await.ok().one();
    assert_eq!(back["state"], "joined");
}

#[tokio::test]
async fn what_is_no_link_of_this_server_is_said_to_be_so() {
    let server = Server::start().await;
    let ada = Person::sign_up(&server, "ada").await;
    let room = ada.run(&["room", "create", "Party"]).await.ok().one();
    let link = text(&room, "link");
    let said = |failure: Value| text(&failure, "error");

    let cut = &link[..link.len() - 2];
    let failure = ada.run(&["join", cut]).await.ends_with(2).failure();
    assert!(said(failure).contains("cut or mistyped"));
    let failure = ada.run(&["join", "Party"]).await.ends_with(2).failure();
    assert!(said(failure).contains("an address, # and 50 characters"));
    let (_, secret) = link.split_once('#').unwrap_or_default();
    let elsewhere = format!("https://elsewhere.example.org/#{secret}");
    let failure = ada.run(&["join", &elsewhere]).await.ends_with(2).failure();
    assert!(said(failure).contains("https://elsewhere.example.org"));
    // Whole, and made for nothing.
    let (address, _) = link.split_once('#').unwrap_or_default();
    let unknown = format!("{address}#AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    ada.run(&["join", &unknown]).await.ends_with(2);
}

/// Neither the group's name nor the link is in what the server keeps or writes.
#[tokio::test]
async fn the_server_learns_neither_the_name_nor_the_link() {
    let server = Server::start().await;
    let people = people(&server, ["ada", "ben"]).await;
    let [ada, ben] = &people[..] else {
        panic!("there are two")
    };
    let room = ada.run(&["room", "create", "Rutabaga growers"]).await.ok().one();
    let link = text(&room, "link");
    ben.run(&["join", &link]).await.ok();
    let (_, secret) = link.split_once('#').unwrap_or_default();
    let searched = ["Rutabaga", secret];
    let data = server.data();
    let mut files = 0;
    for entry in std::fs::read_dir(&data).into_iter().flatten().flatten() {
        let Ok(bytes) = std::fs::read(entry.path()) else {
            continue;
        };
        files += 1;
        for text in searched {
            let is_in = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!is_in, "{} has {text}", entry.path().display());
        }
    }
    assert!(files > 0);
}

#[tokio::test]
async fn by_a_link_with_approval_one_asks_and_somebody_inside_decides() {
    let server = Server::start().await;
    let people = people(&server, ["ada", "ben", "eva"]).await;
    let [ada, ben, eva] = &people[..] else {
        panic!("there are three")
    };
    let room = ada
        .run(&["room", "create", "Allotment 12", "--approve"])
        .await
        .ok()
        .one();
    let link = text(&room, "link");
    for (person, note) in [(ben, "I'm Imani's brother."), (eva, "")] {
        let asked = person.run(&["join", &link, "--note", note]).await.ok().one();
        assert_eq!(
            (&asked["state"], &asked["name"]),
            (&json!("asked"), &json!("Allotment 12"))
        );
    }
    let listed = ben.run_up_to_date(&["chats"]).await.ok().one();
    assert_eq!(listed["state"], "asked");

    let asking = ada
        .run_up_to_date(&["group", "requests", "Allotment 12"])
        .await
        .ok()
        .lines();
    let fields = |of: &Value| (of["handle"].clone(), of["note"].clone());
    assert_eq!(
        asking.iter().map(fields).collect::<Vec<_>>(),
        [
            (json!("ben"), json!("I'm Imani's brother.")),
            (json!("eva"), Value::Null)
        ]
    );
    assert_eq!(
        refusal(ada, &["group", "approve", "Allotment 12", "@ada"]).await,
        "not_a_request"
    );
    ada.run(&["group", "approve", "Allotment 12", "@ben"]).await.ok();
    let denied = ada.run(&["group", "deny", "Allotment 12", "@eva"]).await;
    assert!(denied.ok().lines().is_empty());

    let listed = ben.run_up_to_date(&["chats"]).await.ok().one();
    assert_eq!(
        (&listed["state"], &listed["request"]),
        (&json!("joined"), &json!(false))
    );
    ben.run(&["send", "Allotment 12", "Thank you"]).await.ok();
    // Whoever was not let in does not learn of it, and can take it back.
    let listed = eva.run_up_to_date(&["chats"]).await.ok().one();
    assert_eq!(listed["state"], "asked");
    eva.run(&["group", "leave", "Allotment 12"]).await.ok();
    assert!(eva.run_up_to_date(&["chats"]).await.ok().lines().is_empty());
}
