//! Message requests, invitations, and people who are blocked.

use serde_json::json;
use subrosa_e2e::{
    Person, Server,
    browser::{Browser, Kind, Look, Profile, Tab, WebPerson, report::LOOKS},
    until,
};
use subrosa_web_rpc::{
    Answer, Audience, ChatId, Contact, Conversation, ConversationKind, Event, Member, Phase, Presence,
    Privacy, Request, Role,
};

use crate::{
    cases::{a_few, nothing},
    screens::Visitor,
    scripted_worker::{ScriptedPage, bob, conversation, noon},
    stage::{BOTH, NO_LIMITS},
};

const JONAS: &str = "chat-item[data-handle=\"jonas\"]";
/// The group in the list: it has no handle.
const GROUP: &str = "chat-item[data-handle=\"\"]";

/// Alice at a browser, who has chosen nothing, and Jonas at a terminal, whom she does not know.
struct Strangers {
    alice: WebPerson,
    jonas: Person,
    server: Server,
    _browser: Browser,
    _profile: Profile,
}

impl Strangers {
    async fn meet(kind: Kind) -> Self {
        let server = Server::start_configured(NO_LIMITS).await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let alice = WebPerson::sign_up_as_most(&browser, &server, "alice").await;
        let jonas = Person::sign_up(&server, "jonas").await;
        Self {
            alice,
            jonas,
            server,
            _browser: browser,
            _profile: profile,
        }
    }

    async fn jonas_says(&self, text: &str) {
        self.jonas.run(&["send", "@alice", text]).await.ok();
    }

    /// Opens what Jonas asks, once it is there.
    async fn open_request(&self) {
        let tab = &self.alice.tab;
        tab.click("filter-requests").await;
        tab.click(JONAS).await;
        tab.wait_for("request").await;
    }

    /// How far the newest message of Jonas has come.
    async fn status(&self) -> String {
        let history = self
            .jonas
            .run_up_to_date(&["history", "@alice"])
            .await
            .ok()
            .lines();
        let own = history.iter().rfind(|line| line["outgoing"] == true).unwrap();
        own["status"].as_str().unwrap_or_default().to_owned()
    }
}

/// Waits until the choice of what the list shows reads so.
async fn wait_filters(tab: &Tab, filters: &[&str]) {
    let shown = "Array.from(document.querySelectorAll('.filter'), (filter) => filter.textContent.replace(/ +/g, ' ').trim())";
    let wanted = json!(filters).to_string();
    tab.until(&format!("JSON.stringify({shown}) === {}", json!(wanted)))
        .await;
}

async fn confirm(tab: &Tab) {
    tab.click("confirm").await;
    tab.wait_gone("confirm").await;
}

#[tokio::test]
async fn what_a_stranger_writes_waits_under_requests_and_is_a_chat_once_accepted() {
    for kind in BOTH {
        let strangers = Strangers::meet(kind).await;
        let tab = &strangers.alice.tab;
        assert_eq!(tab.count("filters").await, 0);
        strangers
            .jonas_says("have a look: https://example.com/garden")
            .await;
        wait_filters(tab, &["All", "Unread", "Groups", "Requests 1"]).await;
        tab.wait_for("empty-list").await;
        assert_eq!(tab.count("chat-item").await, 0);
        assert_eq!(tab.evaluate("document.title").await, "Subrosa");
        tab.fill("search", "jonas").await;
        tab.wait_for(JONAS).await;
        tab.press("Escape").await;
        tab.wait_gone(JONAS).await;

        strangers.open_request().await;
        tab.wait_text("request", "message you?").await;
        tab.wait_text("request", "@jonas").await;
        tab.wait_text("conversation", "Message request").await;
        strangers.alice.wait_message("have a look").await;
        assert_eq!(tab.count("composer").await, 0);
        assert_eq!(tab.count("message a").await, 0);
        // What was seen is read here, and nobody learns of it.
        tab.wait_gone(&format!("{JONAS} unread")).await;
        assert_eq!(strangers.status().await, "sent");

        tab.click("request-accept").await;
        tab.wait_for("css:[data-testid=composer]:focus").await;
        tab.wait_gone("request").await;
        tab.wait_for("css:[data-testid=message] a").await;
        // The last one, and so the list is that of all again.
        wait_filters(tab, &["All", "Unread", "Groups"]).await;
        tab.wait_text(JONAS, "have a look").await;
        until("Jonas sees that it was read", async || {
            strangers.status().await == "read"
        })
        .await;
        strangers.alice.send_and_wait("thank you").await;
    }
}

#[tokio::test]
async fn a_deleted_request_is_gone_until_the_stranger_writes_again_or_is_looked_for() {
    for kind in BOTH {
        let strangers = Strangers::meet(kind).await;
        let tab = &strangers.alice.tab;
        strangers.jonas_says("hello").await;
        strangers.open_request().await;
        tab.click("request-decline").await;
        confirm(tab).await;
        tab.wait_gone("request").await;
        tab.wait_path("/").await;
        tab.wait_gone("filters").await;
        tab.until("document.activeElement.dataset.testid === 'search'")
            .await;
        strangers.jonas_says("are you there?").await;
        wait_filters(tab, &["All", "Unread", "Groups", "Requests 1"]).await;
        strangers.open_request().await;
        strangers.alice.wait_message("are you there?").await;
        tab.click("request-decline").await;
        confirm(tab).await;
        tab.wait_gone("filters").await;
        tab.fill("search", "jonas").await;
        tab.click("person-result").await;
        tab.wait_for("request-accept").await;
        strangers.alice.wait_message("hello").await;
        assert_eq!(strangers.status().await, "sent");
    }
}

#[tokio::test]
async fn an_invitation_names_who_invites_and_is_joined_or_declined() {
    let strangers = Strangers::meet(Kind::Chromium).await;
    let tab = &strangers.alice.tab;
    let jonas = &strangers.jonas;
    jonas.run(&["name", "Jonas Weber"]).await.ok();
    for name in ["Allotment 12", "Choir"] {
        jonas.run(&["group", "create", name, "@alice"]).await.ok();
        jonas.run(&["send", name, "welcome"]).await.ok();
    }
    wait_filters(tab, &["All", "Unread", "Groups", "Requests 2"]).await;
    tab.click("filter-groups").await;
    tab.wait_for("empty-part").await;
    tab.click("filter-requests").await;
    tab.wait_text(GROUP, "Jonas Weber").await;
    tab.click_text(GROUP, "Invites you to \u{2068}Allotment 12\u{2069}")
        .await;
    tab.wait_text("request", "Join \u{2068}Allotment 12\u{2069}?")
        .await;
    tab.wait_text("request-about", "\u{2068}Jonas Weber\u{2069} has added you")
        .await;
    tab.wait_text("conversation", "Invitation to a group").await;
    // Nothing can be changed in it yet.
    tab.wait_text("members-title", "2 members").await;
    for what in ["leave-group", "add-people", "edit-group", "mute-row"] {
        assert_eq!(tab.count(what).await, 0, "{what}");
    }
    tab.click("request-accept").await;
    tab.wait_for("css:[data-testid=composer]:focus").await;
    strangers.alice.send_and_wait("I am in").await;
    wait_filters(tab, &["All", "Unread", "Groups", "Requests 1"]).await;

    tab.click_text(GROUP, "Invites you to \u{2068}Choir\u{2069}")
        .await;
    tab.wait_text("request", "Join \u{2068}Choir\u{2069}?").await;
    tab.click("request-decline").await;
    confirm(tab).await;
    tab.wait_gone("request").await;
    wait_filters(tab, &["All", "Unread", "Groups"]).await;
    tab.wait_count("chat-item", 1).await;
    until("Alice has left", async || {
        let shown = jonas.run_up_to_date(&["group", "show", "Choir"]).await.ok().one();
        shown["members"]
            .as_array()
            .is_some_and(|members| members.len() == 1)
    })
    .await;
}

#[tokio::test]
async fn whoever_is_blocked_from_a_request_is_gone_listed_and_can_be_unblocked() {
    for kind in BOTH {
        let strangers = Strangers::meet(kind).await;
        let tab = &strangers.alice.tab;
        strangers.jonas_says("win a phone").await;
        strangers
            .jonas
            .run(&["group", "create", "Phones", "@alice"])
            .await
            .ok();
        wait_filters(tab, &["All", "Unread", "Groups", "Requests 2"]).await;
        strangers.open_request().await;
        tab.click("request-block").await;
        // The invitation goes, too.
        tab.wait_text("css:dialog[open]", "decline their invitation")
            .await;
        confirm(tab).await;
        tab.wait_gone("request").await;
        tab.wait_count("chat-item", 0).await;
        // The list of them is all that is left there.
        wait_filters(tab, &["All", "Unread", "Groups", "Requests"]).await;
        tab.wait_for("empty-part").await;
        strangers.jonas_says("really").await;
        tab.click("blocked-people").await;
        tab.wait_text("blocked-person", "@jonas").await;
        tab.click("blocked-unblock").await;
        tab.wait_gone("blocked-person").await;
        tab.wait_text("css:dialog[open]", "You haven’t blocked anyone.")
            .await;
        tab.press("Escape").await;
        tab.wait_gone("css:dialog[open]").await;
        // What he wrote before is asked about again, and what he wrote meanwhile was never there.
        strangers.open_request().await;
        strangers.alice.wait_message("win a phone").await;
        assert_eq!(strangers.alice.texts().await, ["win a phone"]);
        assert_eq!(strangers.status().await, "sent");
    }
}

#[tokio::test]
async fn somebody_is_blocked_by_the_menu_of_their_chat_and_on_their_page() {
    for kind in BOTH {
        let strangers = Strangers::meet(kind).await;
        let alice = &strangers.alice;
        let tab = &alice.tab;
        alice.open_chat("jonas").await;
        alice.send_and_wait("hello").await;
        strangers.jonas_says("hi").await;
        alice.wait_message("hi").await;

        tab.evaluate("document.querySelector('[data-testid=chat-item][data-handle=jonas]').focus()")
            .await;
        tab.press("Shift+F10").await;
        tab.click("chat-block").await;
        tab.wait_text("css:dialog[open] h2", "@jonas").await;
        tab.press("Escape").await;
        tab.wait_gone("css:dialog[open]").await;
        assert_eq!(tab.count("composer").await, 1);
        tab.press("Shift+F10").await;
        tab.click("chat-block").await;
        confirm(tab).await;
        tab.wait_text("person-blocked", "You have blocked").await;
        tab.wait_gone("composer").await;
        tab.wait_for(&format!("{JONAS} blocked-sign")).await;
        tab.wait_text("conversation", "Blocked").await;
        strangers.jonas_says("can you hear me?").await;
        tab.click("unblock").await;
        tab.wait_for("css:[data-testid=composer]:focus").await;
        tab.wait_gone("blocked-sign").await;
        strangers.jonas_says("and now?").await;
        alice.wait_message("and now?").await;
        assert_eq!(alice.texts().await, ["hello", "hi", "and now?"]);

        // On his page, where it is undone, too.
        tab.click("details person-block").await;
        confirm(tab).await;
        tab.wait_text("details person-block", "Unblock").await;
        assert_eq!(tab.focused().await["testid"], "person-block");
        tab.press("Enter").await;
        tab.wait_for("composer").await;
        tab.wait_text("details person-block", "Block…").await;
    }
}

#[tokio::test]
async fn whom_the_user_lets_write_needs_no_decision() {
    let strangers = Strangers::meet(Kind::Chromium).await;
    let tab = &strangers.alice.tab;
    tab.click("settings-link").await;
    tab.choose("privacy-writers", "everybody").await;
    tab.wait_for("css:[data-testid=privacy][aria-busy=false]").await;
    tab.reload().await;
    tab.until("document.querySelector('[data-testid=privacy-writers]')?.value === 'everybody'")
        .await;
    tab.until("document.querySelector('[data-testid=privacy-adders]').value === 'known'")
        .await;
    strangers.jonas_says("hello").await;
    tab.wait_text(JONAS, "hello").await;
    wait_filters(tab, &["All", "Unread 1", "Groups"]).await;
    let carol = Person::sign_up(&strangers.server, "carol").await;
    carol.run(&["group", "create", "Harvest", "@alice"]).await.ok();
    wait_filters(tab, &["All", "Unread 1", "Groups", "Requests 1"]).await;
}

#[tokio::test]
async fn an_audience_that_is_not_saved_turns_back_and_says_why() {
    fn saves(request: &Request) -> Option<Answer> {
        matches!(request, Request::SetPrivacy(_)).then_some(Answer::Done)
    }
    let mut page = ScriptedPage::open("/settings", nothing).await;
    page.wait_for("privacy-writers").await;
    let is =
        |value: &str| format!("document.querySelector('[data-testid=privacy-writers]').value === '{value}'");
    let Phase::SignedIn(me) = &page.state.phase else {
        unreachable!("somebody is signed in");
    };
    let wanted = Privacy {
        writers: Audience::Nobody,
        ..me.privacy
    };
    page.tab.until(&is("known")).await;
    page.tab.choose("privacy-writers", "nobody").await;
    page.tab.until(&is("nobody")).await;
    page.wait_asked(&Request::SetPrivacy(wanted)).await;
    page.tab.wait_for("css:.setting [role=alert]").await;
    page.tab.until(&is("known")).await;

    page.answers = saves;
    page.tab.choose("privacy-writers", "nobody").await;
    if let Phase::SignedIn(me) = &mut page.state.phase {
        me.privacy = wanted;
    }
    page.report(Event::State(Box::new(page.state.clone()))).await;
    page.wait_asked(&Request::SetPrivacy(wanted)).await;
    page.tab
        .wait_for("css:[data-testid=privacy][aria-busy=false]")
        .await;
    page.tab.wait_gone("css:.setting [role=alert]").await;
    page.tab.until(&is("nobody")).await;
}

fn person(number: u8, handle: &str, name: &str) -> Contact {
    Contact {
        account_id: subrosa_wire::AccountId::from_bytes([number; 16]),
        handle: Some(handle.parse().unwrap()),
        name: Some(name.to_owned()),
        ..bob()
    }
}

/// Bob asks, Priya invites to a group, Chiara has written, and there is a group with Bob in it.
fn chats() -> [Conversation; 4] {
    let group = |number: i64, title: &str, members: &[Contact]| Conversation {
        id: ChatId::new(number),
        kind: ConversationKind::Group,
        with: None,
        title: Some(title.to_owned()),
        members: members
            .iter()
            .map(|contact| Member {
                contact: contact.clone(),
                role: Role::Member,
            })
            .collect(),
        ..conversation()
    };
    let bob = Conversation {
        is_request: true,
        unread: 1,
        // None of it may be shown.
        presence: Presence::Online,
        with: Some(Contact {
            picture: Some(1),
            ..bob()
        }),
        ..conversation()
    };
    let priya = person(0xc1, "priya", "Priya Nair");
    let invitation = Conversation {
        is_request: true,
        added_by: Some(priya.clone()),
        picture: Some(1),
        ..group(2, "Allotment 12", &[priya])
    };
    let chiara = Conversation {
        id: ChatId::new(3),
        with: Some(person(0xc2, "chiara", "Chiara Moretti")),
        unread: 2,
        ..conversation()
    };
    let shared = group(4, "Garden swap", &[bob.with.clone().unwrap()]);
    [bob, invitation, chiara, shared]
}

fn asked(request: &Request) -> Option<Answer> {
    match request {
        Request::Conversations => Some(Answer::Conversations(chats().into())),
        Request::BlockedPeople => Some(Answer::Contacts(vec![
            Contact {
                is_blocked: true,
                ..person(0xd1, "rolf.a", "Rolf Ahrens")
            },
            Contact {
                is_blocked: true,
                name: None,
                ..person(0xd2, "win_a_phone", "")
            },
        ])),
        Request::Decide { .. } | Request::Block { .. } => Some(Answer::Done),
        _ => a_few(request),
    }
}

#[tokio::test]
async fn the_choice_and_a_request_are_used_by_keyboard() {
    let page = ScriptedPage::open("/", asked).await;
    let tab = &page.tab;
    page.wait_for("chat-item").await;
    let is_focused = |testid: &str| format!("document.activeElement.dataset.testid === '{testid}'");
    wait_filters(tab, &["All", "Unread 1", "Groups", "Requests 2"]).await;
    tab.evaluate("document.querySelector('[data-testid=search]').focus()")
        .await;
    // One stop for all of them.
    tab.press("Tab").await;
    tab.until(&is_focused("filter-all")).await;
    tab.press("Tab").await;
    tab.until(&is_focused("chat-item")).await;
    tab.press("Shift+Tab").await;
    for (next, count) in [
        ("filter-unread", 1),
        ("filter-groups", 1),
        ("filter-requests", 2),
        ("filter-all", 2),
    ] {
        tab.press("ArrowRight").await;
        tab.until(&is_focused(next)).await;
        tab.wait_count("chat-item", count).await;
    }
    tab.press("ArrowUp").await;
    tab.until(&is_focused("filter-requests")).await;
    tab.press("Tab").await;
    tab.press("ArrowDown").await;
    tab.press("ArrowDown").await;
    tab.until(&is_focused("blocked-people")).await;
    tab.press("Enter").await;
    tab.wait_for("blocked-close").await;
    tab.press("Escape").await;
    tab.wait_gone("blocked-close").await;
    tab.until(&is_focused("blocked-people")).await;

    // The request: the keyboard comes to stand before the choice.
    tab.evaluate("document.querySelector('[data-testid=chat-item][data-handle=bob]').focus()")
        .await;
    tab.press("Enter").await;
    page.wait_for("request").await;
    tab.until("document.activeElement.id === 'request-title'").await;
    for next in ["request-block", "request-decline", "request-accept"] {
        tab.press("Tab").await;
        tab.until(&is_focused(next)).await;
    }
    tab.press("Enter").await;
    page.wait_asked(&Request::Decide {
        chat: ChatId::new(1),
        accepts: true,
    })
    .await;
    tab.press("Shift+Tab").await;
    tab.press("Enter").await;
    tab.wait_for("confirm").await;
    tab.press("Escape").await;
    tab.wait_gone("confirm").await;
    tab.until(&is_focused("request-decline")).await;
    tab.press("Enter").await;
    tab.click("confirm").await;
    page.wait_asked(&Request::Decide {
        chat: ChatId::new(1),
        accepts: false,
    })
    .await;
    // It is gone once that is reported, and the keyboard is in the list.
    let [bob, ..] = chats();
    page.report(Event::Conversation(Box::new(Conversation {
        is_request: false,
        hidden: true,
        ..bob
    })))
    .await;
    tab.wait_gone("request").await;
    tab.wait_path("/").await;
    tab.until(&is_focused("chat-item")).await;
    wait_filters(tab, &["All", "Unread 1", "Groups", "Requests 1"]).await;
}

#[tokio::test]
async fn requests_and_blocked_people_are_pictured_and_axe_finds_nothing() {
    let mut visitor = Visitor::new();
    let mut page = ScriptedPage::open("/", asked).await;
    page.wait_for("chat-item").await;
    wait_filters(&page.tab, &["All", "Unread 1", "Groups", "Requests 2"]).await;
    visitor.visit(&page.tab, "100-filters").await;
    page.tab.click("filter-requests").await;
    page.tab.wait_count("chat-item", 2).await;
    visitor.visit(&page.tab, "101-requests").await;
    visitor.visit_in_forced_colours(&page.tab, "101-requests").await;
    page.tab.click("blocked-people").await;
    page.tab.wait_count("blocked-person", 2).await;
    visitor.visit(&page.tab, "102-blocked-people").await;
    page.tab.press("Escape").await;
    page.tab.wait_gone("blocked-person").await;

    page.tab.click("chat-item[data-handle=bob]").await;
    page.wait_for("request").await;
    page.wait_for("message").await;
    page.tab.wait_text("request-about", "Garden swap").await;
    for what in ["presence", "css:[data-pictured]", "css:.messages a"] {
        assert_eq!(page.tab.count(what).await, 0, "{what}");
    }
    visitor.visit(&page.tab, "103-request").await;
    visitor.visit_in_forced_colours(&page.tab, "103-request").await;
    page.tab.click("request-block").await;
    page.tab.wait_for("confirm").await;
    visitor.visit(&page.tab, "104-block").await;
    page.tab.press("Escape").await;
    page.tab.wait_gone("confirm").await;
    page.tab.click("request-decline").await;
    page.tab.wait_for("confirm").await;
    visitor.visit_in(&page.tab, "105-delete", &LOOKS[..1]).await;
    page.tab.press("Escape").await;
    page.tab.wait_gone("confirm").await;
    page.tab.look(&Look::WIDE).await;
    page.tab.click(GROUP).await;
    page.wait_for("request").await;
    page.tab
        .wait_text("request", "Join \u{2068}Allotment 12\u{2069}?")
        .await;
    visitor.visit(&page.tab, "106-invitation").await;

    // Somebody who is blocked.
    let [bob, ..] = chats();
    page.conversation = Conversation {
        is_request: false,
        unread: 0,
        active_at: noon(),
        with: Some(Contact {
            is_blocked: true,
            ..super::scripted_worker::bob()
        }),
        ..bob
    };
    page.report(Event::Conversation(Box::new(page.conversation.clone())))
        .await;
    page.tab.look(&Look::WIDE).await;
    page.tab.click("filter-all").await;
    page.tab.click("chat-item[data-handle=bob]").await;
    page.wait_for("person-blocked").await;
    page.wait_for("message").await;
    assert_eq!(page.tab.count("presence").await, 0);
    visitor.visit(&page.tab, "107-blocked").await;
    page.tab.click("settings-link").await;
    page.wait_for("privacy-writers").await;
    page.tab
        .evaluate("void document.querySelector('#privacy-title').scrollIntoView()")
        .await;
    visitor.visit(&page.tab, "108-audiences").await;
    page.tab.click("language-de").await;
    page.tab
        .evaluate("void document.querySelector('#privacy-title').scrollIntoView()")
        .await;
    page.tab.wait_text("privacy", "Wer dir schreiben kann").await;
    visitor
        .visit_in(&page.tab, "109-audiences-german", &LOOKS[..2])
        .await;
    page.tab.look(&Look::WIDE).await;
    page.tab.press("Escape").await;
    page.wait_for("chat-item").await;
    wait_filters(&page.tab, &["Alle", "Ungelesen 1", "Gruppen", "Anfragen 1"]).await;
    page.tab.click("filter-requests").await;
    page.tab.click(GROUP).await;
    page.wait_for("request").await;
    visitor.visit(&page.tab, "110-invitation-german").await;
    visitor.end();
}
