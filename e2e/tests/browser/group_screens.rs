//! Groups with many people, in a page whose worker is played by the test: how they look, and that axe-core finds nothing wrong.

use subrosa_e2e::browser::{Look, report::LOOKS};
use subrosa_web_rpc::{
    Answer, ChatId, Contact, Conversation, ConversationKind, Event, GivenUp, GroupRights, Member,
    MemberChange, Person, Request, Role, Warning, Wish,
};
use subrosa_wire::AccountId;

use crate::{
    screens::Visitor,
    scripted_worker::{ScriptedPage, bob},
};

const GROUP: ChatId = ChatId::new(2);

fn person(number: u8, handle: &str, name: &str) -> Contact {
    Contact {
        account_id: AccountId::from_bytes([number; 16]),
        handle: Some(handle.parse().unwrap()),
        former_handle: None,
        name: (!name.is_empty()).then(|| name.to_owned()),
        picture: None,
    }
}

fn people() -> Vec<Contact> {
    let mut people = vec![bob()];
    for (number, (handle, name)) in (1..).zip([
        ("chiara", "Chiara Moretti"),
        ("dmitri.k", "Dmitri K."),
        ("imani", "Imani"),
        ("noor", "Noor"),
        ("lena.fuchs", "Lena Fuchs"),
        ("dara", "دارا"),
        (
            "maximilian",
            "Maximilian von und zu Hohenstein-Wolkenburg der Jüngere",
        ),
        ("tom_87", ""),
        ("ursula", "Ursula"),
        ("yusuf", "Yusuf"),
    ]) {
        people.push(person(number, handle, name));
    }
    people
}

/// The group; Alice owns it, Bob is an admin, Chiara is being banned, and somebody is being added.
fn group(members: usize) -> Conversation {
    let members = people().into_iter().take(members).map(|contact| Member {
        role: if contact == bob() {
            Role::Admin
        } else {
            Role::Member
        },
        contact,
    });
    Conversation {
        id: GROUP,
        kind: ConversationKind::Group,
        title: Some("Harvest".to_owned()),
        with: None,
        role: Role::Owner,
        members: members.collect(),
        wishes: vec![
            Wish {
                who: people()[1].clone(),
                change: Some(MemberChange::Ban),
            },
            Wish {
                who: person(20, "zora", "Zora"),
                change: None,
            },
        ],
        ..crate::scripted_worker::conversation()
    }
}

fn answers(request: &Request) -> Option<Answer> {
    match request {
        Request::GroupRights(_) => {
            let changes = vec![
                MemberChange::GiveRole(Role::Owner),
                MemberChange::GiveRole(Role::Member),
                MemberChange::Remove,
                MemberChange::Ban,
            ];
            let about = |person: Contact| (person.account_id, changes.clone());
            Some(Answer::GroupRights(Some(Box::new(GroupRights {
                may_add: true,
                may_rename: true,
                may_post: true,
                may_change_rights: true,
                add: Role::Member,
                post: Role::Member,
                is_last_owner: true,
                is_leaving: false,
                changes: people().into_iter().map(about).collect(),
                banned: vec![person(30, "mallory", "Mallory")],
            }))))
        }
        Request::SearchPeople(prefix) if "quentin".starts_with(prefix) => {
            Some(Answer::People(vec![Person {
                account_id: AccountId::from_bytes([40; 16]),
                handle: "quentin".parse().unwrap(),
            }]))
        }
        Request::SearchPeople(_) => Some(Answer::People(Vec::new())),
        Request::AddMembers { .. } | Request::ChangeMember { .. } | Request::RenameGroup { .. } => {
            Some(Answer::Done)
        }
        _ => None,
    }
}

/// A page on which the group is open.
async fn with_group(members: usize) -> ScriptedPage {
    let page = ScriptedPage::open("/", answers).await;
    page.wait_for("chat-item").await;
    page.report(Event::Conversation(Box::new(group(members)))).await;
    page.tab.click("chat-item[data-handle=\"\"]").await;
    page.wait_for("rename-group").await;
    page
}

#[tokio::test]
async fn the_screens_of_a_new_group_are_pictured_and_axe_finds_nothing() {
    let mut visitor = Visitor::new();
    let page = with_group(10).await;
    let tab = &page.tab;
    tab.click("new").await;
    tab.wait_for("new-group").await;
    visitor.visit_in(tab, "70-new-menu", &LOOKS[..2]).await;
    tab.look(&Look::WIDE).await;
    tab.click("new-group").await;
    tab.wait_for("people-search").await;
    tab.wait_count("candidate", 10).await;
    visitor.visit(tab, "71-new-group-empty").await;
    for handle in ["bob", "chiara", "maximilian", "imani"] {
        tab.click(&format!("candidate[data-handle=\"{handle}\"]")).await;
    }
    tab.fill("group-name", "Cider weekend").await;
    tab.wait_text("people-count", "5 people").await;
    tab.type_into("people-search", "qu").await;
    page.wait_for("candidate[data-handle=\"quentin\"]").await;
    visitor.visit(tab, "72-new-group").await;
    tab.press("Escape").await;
    tab.press("ArrowDown").await;
    tab.press("ArrowDown").await;
    visitor.visit_in_forced_colours(tab, "72-new-group").await;
    tab.evaluate("void (document.documentElement.dir = 'rtl')").await;
    visitor.visit(tab, "72-new-group-rtl").await;
    tab.evaluate("void (document.documentElement.dir = 'ltr')").await;
    tab.fill("people-search", "nobody_here").await;
    page.wait_for("css:[data-testid=picker-hint]:not(:empty)").await;
    visitor.visit(tab, "73-unknown-handle").await;
    tab.press("Escape").await;
    tab.look(&Look::NARROW).await;
    tab.click("new-group-next").await;
    tab.wait_for("group-name").await;
    visitor.visit_in(tab, "74-new-group-about", &LOOKS[2..]).await;
    tab.press("Escape").await;
    tab.wait_for("confirm").await;
    visitor.visit(tab, "75-discard-group").await;
    visitor.end();
}

#[tokio::test]
async fn the_details_of_a_group_are_pictured_and_axe_finds_nothing() {
    let mut visitor = Visitor::new();
    let page = with_group(6).await;
    let tab = &page.tab;
    visitor.visit_in_forced_colours(tab, "76-group-details").await;
    tab.evaluate("void (document.documentElement.dir = 'rtl')").await;
    visitor.visit_in(tab, "76-group-details-rtl", &LOOKS[..1]).await;
    tab.evaluate("void (document.documentElement.dir = 'ltr')").await;
    // Beside the conversation, and where there is no room, above it.
    for looks in [&LOOKS[..2], &LOOKS[2..]] {
        tab.look(&looks[0].1).await;
        if looks[0].1 == Look::NARROW {
            tab.click("about").await;
        }
        page.wait_for("rename-group").await;
        visitor.visit_in(tab, "76-group-details", looks).await;
        tab.click("member[data-handle=\"bob\"] member-button").await;
        tab.wait_for("member-ban").await;
        visitor.visit_in(tab, "77-member-menu", looks).await;
        tab.click("member-ban").await;
        tab.wait_for("confirm").await;
        visitor.visit_in(tab, "78-ban-question", looks).await;
        tab.press("Escape").await;
        tab.wait_gone("confirm").await;
        tab.click("rename-group").await;
        tab.wait_for("group-new-name").await;
        visitor.visit_in(tab, "79-rename-group", looks).await;
        tab.press("Escape").await;
        tab.wait_gone("group-new-name").await;
        tab.click("add-people").await;
        tab.wait_for("people-search").await;
        tab.type_into("people-search", "qu").await;
        page.wait_for("candidate[data-handle=\"quentin\"]").await;
        tab.press("Enter").await;
        tab.wait_for("chip").await;
        visitor.visit_in(tab, "80-add-people", looks).await;
        tab.press("Escape").await;
        tab.wait_gone("people-search").await;
    }
    tab.press("Escape").await;
    tab.wait_gone("member").await;
    tab.look(&Look::WIDE).await;
    page.report(Event::Warning(Warning::ChangeGivenUp {
        chat: GROUP,
        member: person(21, "zora", "Zora"),
        why: GivenUp::GroupFull,
    }))
    .await;
    tab.wait_text("warning", "couldn’t be added: this group is full")
        .await;
    // There are many, and so a field to search them.
    page.report(Event::Conversation(Box::new(group(11)))).await;
    page.wait_for("members-search").await;
    page.wait_for("rename-group").await;
    visitor.visit(tab, "81-change-given-up").await;
    tab.type_into("members-search", "wolken").await;
    tab.wait_count("member", 1).await;
    visitor.end();
}
