//! Groups with many people, in a page whose worker is played by the test: how they look, and that axe-core finds nothing wrong.

use subrosa_e2e::browser::{Look, report::LOOKS};
use subrosa_web_rpc::{
    Answer, ChatId, Contact, Conversation, ConversationKind, Event, GivenUp, GroupRights, LocalMessageId,
    Member, MemberChange, Message, MessageStatus, Person, Request, Role, Warning, Wish,
};
use subrosa_wire::AccountId;

use crate::{
    screens::Visitor,
    scripted_worker::{ScriptedPage, bob, noon},
};

const GROUP: ChatId = ChatId::new(2);

fn person(number: u8, handle: &str, name: &str) -> Contact {
    Contact {
        account_id: AccountId::from_bytes([number; 16]),
        handle: Some(handle.parse().unwrap()),
        former_handle: None,
        name: (!name.is_empty()).then(|| name.to_owned()),
        picture: None,
        nickname: None,
        is_blocked: false,
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
        description: Some("Ladders, crates, and who brings soup.\nSaturdays at nine.".to_owned()),
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

/// The same with something to read.
fn with_messages(request: &Request) -> Option<Answer> {
    let Request::Messages { chat: GROUP, .. } = request else {
        return answers(request);
    };
    let said = [
        (
            bob().account_id,
            "The lower orchard is ready. Sky looks clear until Sunday.",
        ),
        (bob().account_id, "Can somebody bring the ladders?"),
        (
            AccountId::from_bytes([0xa1; 16]),
            "Saturday it is. Two ladders, and a crate each.",
        ),
        (
            people()[7].account_id,
            "I’ll make soup for everyone. Any allergies?",
        ),
        (AccountId::from_bytes([99; 16]), "I won’t be there any more."),
    ];
    let messages = (1..).zip(said).map(|(number, (sender, text))| Message {
        id: LocalMessageId::new(number),
        chat: GROUP,
        sender,
        outgoing: sender == AccountId::from_bytes([0xa1; 16]),
        text: text.to_owned(),
        sent_at: noon(),
        status: MessageStatus::Read,
        position: number,
        lifetime: None,
    });
    Some(Answer::Messages {
        messages: messages.collect(),
        has_older: false,
        has_newer: false,
        notices: Vec::new(),
    })
}

/// A page on which the group is open.
async fn with_group(members: usize) -> ScriptedPage {
    opened(members, answers).await
}

async fn opened(members: usize, answers: fn(&Request) -> Option<Answer>) -> ScriptedPage {
    let page = ScriptedPage::open("/", answers).await;
    page.wait_for("chat-item").await;
    page.report(Event::Conversation(Box::new(group(members)))).await;
    page.tab.click("chat-item[data-handle=\"\"]").await;
    page.wait_for("edit-group").await;
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
    tab.click("new-group-form post-admins").await;
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
        page.wait_for("edit-group").await;
        visitor.visit_in(tab, "76-group-details", looks).await;
        tab.click("member[data-handle=\"bob\"] member-button").await;
        tab.wait_for("member-ban").await;
        visitor.visit_in(tab, "77-member-menu", looks).await;
        tab.click("member-ban").await;
        tab.wait_for("confirm").await;
        visitor.visit_in(tab, "78-ban-question", looks).await;
        tab.press("Escape").await;
        tab.wait_gone("confirm").await;
        tab.click("edit-group").await;
        tab.wait_for("group-new-name").await;
        visitor.visit_in(tab, "79-edit-group", looks).await;
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
    page.wait_for("edit-group").await;
    visitor.visit(tab, "81-change-given-up").await;
    tab.type_into("members-search", "wolken").await;
    tab.wait_count("member", 1).await;
    visitor.end();
}

#[tokio::test]
async fn the_page_of_a_person_is_pictured_and_axe_finds_nothing() {
    let mut visitor = Visitor::new();
    let page = opened(9, with_messages).await;
    let tab = &page.tab;
    page.wait_for("sender").await;
    visitor.visit_in_forced_colours(tab, "82-group-messages").await;
    visitor.visit(tab, "82-group-messages").await;
    // From the name above a message.
    tab.click("sender").await;
    page.wait_for("person").await;
    visitor.visit_in_forced_colours(tab, "83-person").await;
    visitor.visit(tab, "83-person").await;
    tab.evaluate("void (document.documentElement.dir = 'rtl')").await;
    visitor.visit_in(tab, "83-person-rtl", &LOOKS[..1]).await;
    tab.evaluate("void (document.documentElement.dir = 'ltr')").await;
    tab.click("nickname").await;
    tab.wait_for("nickname-field").await;
    visitor.visit_in(tab, "84-nickname", &LOOKS[..2]).await;
    tab.press("Escape").await;
    tab.wait_gone("nickname-field").await;
    tab.press("Escape").await;
    tab.wait_gone("person").await;
    // He has a nickname by now, and a second group of theirs has come.
    let called = Contact {
        nickname: Some("Uncle Bob".to_owned()),
        ..bob()
    };
    page.report(Event::Contact(Box::new(called))).await;
    let another = Conversation {
        id: ChatId::new(3),
        title: Some("Rowing club of the lower lake, founded 1987".to_owned()),
        ..group(2)
    };
    page.report(Event::Conversation(Box::new(another))).await;
    tab.wait_text("sender", "Uncle Bob").await;
    tab.click("chat-item[data-handle=\"bob\"]").await;
    page.wait_for("details person-name").await;
    visitor.visit_in(tab, "85-person-in-details", &LOOKS[..2]).await;
    tab.click("details nickname").await;
    tab.wait_for("nickname-remove").await;
    visitor.visit_in(tab, "86-nickname-change", &LOOKS[..2]).await;
    visitor.end();
}

// Each line named the group.
#[tokio::test]
async fn what_is_copied_in_a_group_names_who_wrote_each_line() {
    let page = opened(9, with_messages).await;
    page.wait_for("sender").await;
    let copied = page
        .tab
        .evaluate(
            "(() => {
                const texts = document.querySelectorAll('[data-testid=messages] .bubble-text');
                getSelection().setBaseAndExtent(texts[0], 0, texts[3], texts[3].childNodes.length);
                const clipboardData = new DataTransfer();
                const event = new ClipboardEvent('copy', { clipboardData, bubbles: true, cancelable: true });
                texts[0].dispatchEvent(event);
                return clipboardData.getData('text/plain');
            })()",
        )
        .await;
    let copied = copied.as_str().unwrap();
    let authors: Vec<_> = copied
        .lines()
        .filter_map(|line| Some(line.split_once("] ")?.1.split_once(": ")?.0))
        .collect();
    assert_eq!(
        authors,
        [
            "Bob Okafor",
            "Bob Okafor",
            "You",
            "Maximilian von und zu Hohenstein-Wolkenburg der Jüngere"
        ],
        "{copied}"
    );
}
