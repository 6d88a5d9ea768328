//! A conversation that somebody else has begun, as long as the user has not decided about it: what takes the place of the
//! field to write in. Links and pictures stay unloaded until then, and the engine lets nobody know that the user is there.

use leptos::{html::H2, prelude::*};
use subrosa_web_rpc::{ChatId, Contact, Request};

use super::{blocking::Blocking, entry::Entry, layout::Narrow};
use crate::{
    browser,
    components::{
        button::working,
        dialog::{Attempt, Confirm},
        icon, notice,
    },
    i18n::{now, t},
    model::{faces, route::Route},
    reactive::{effect, memo, shown_if, text},
    router::Router,
};

/// Goes back to the list once a request is declined, on this device or another one, or who has begun it is blocked.
pub(super) fn leave_when_gone(entry: Entry, router: Router) {
    let was_listed = StoredValue::new(false);
    effect!(move || {
        let (is_listed, is_gone) = entry.with(|entry| {
            entry.map_or((false, false), |entry| {
                (entry.is_request && !entry.hidden, entry.hidden)
            })
        });
        if is_gone && was_listed.get_value() {
            router.replace(Route::List);
            focus_list();
        }
        was_listed.set_value(is_listed);
    });
}

fn focus_list() {
    request_animation_frame(|| {
        let places = [
            "[data-testid=chat-item][tabindex='0']",
            "[data-testid=filters] :checked",
            "[data-testid=search]",
        ];
        if let Some(place) = places.into_iter().find(|place| browser::first(place).is_some()) {
            browser::focus(place);
        }
    });
}

/// Who can be blocked for it: the other person, or who has added the user to the group.
fn sender(entry: Entry) -> Option<Contact> {
    entry.with(|entry| {
        let entry = entry?;
        entry.with.as_ref().or(faces::inviter(entry)).cloned()
    })
}

#[component]
pub(super) fn RequestPanel(chat: ChatId) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let blocking = expect_context::<Blocking>();
    let is_narrow = expect_context::<Narrow>().0;
    let acceptance = Attempt::new();
    let declining = RwSignal::new(false);
    let decline = Attempt::new();
    let is_group = untrack(|| entry.is_group());
    let has_sender = memo!(move || sender(entry).is_some());
    let title = NodeRef::<H2>::new();
    // Whoever has come by keyboard is beside the choice, and has made none.
    effect!(move || {
        if let Some(title) = title.get().filter(|_| !browser::is_writing()) {
            request_animation_frame(move || drop(title.focus()));
        }
    });
    let accept = move || {
        view! {
            <button type="button" class="button primary" data-testid="request-accept" aria-busy=text!(acceptance.busy.get().to_string())
                on:click=move |_| acceptance.run(Request::Decide { chat, accepts: true })>
                {move || if is_group { now!("join") } else { now!("accept") }}
                {move || acceptance.busy.get().then(working)}
            </button>
        }
        .into_any()
    };
    let block = move || {
        shown_if(has_sender, move || {
            view! {
                <button type="button" class="button danger-quiet" data-testid="request-block" on:click=move |_| if let Some(sender) = untrack(|| sender(entry)) {
                    blocking.ask(sender);
                }>{icon::sized(icon::BAN, "18")}{t!("block")}</button>
            }
            .into_any()
        })
        .into_any()
    };
    let refuse = move || {
        let pressed = move |_| {
            decline.clear();
            declining.set(true);
        };
        view! {
            <button type="button" class="button quiet" data-testid="request-decline" on:click=pressed>
                {move || if is_group { now!("decline") } else { now!("delete") }}
            </button>
        }
        .into_any()
    };
    let actions = move || {
        // In the order in which they are seen, which is that of the Tab key.
        if is_narrow.get() {
            [accept(), refuse(), block()]
        } else {
            [block(), refuse(), accept()]
        }
    };
    let heading = move || {
        if is_group {
            now!("join-title", name = entry.name())
        } else {
            now!("accept-title", name = entry.name())
        }
    };
    let what = move || {
        if is_group {
            now!("join-what")
        } else {
            now!("accept-what", name = entry.name())
        }
    };
    view! {
        <div class="composer-area">
            <section class="request" aria-labelledby="request-title" data-testid="request">
                <h2 id="request-title" tabindex="-1" node_ref=title>{text!(heading())}</h2>
                <p>{text!(what())}</p>
                {notice::maybe_error(move || acceptance.error.get())}
                <div class="request-actions">{actions}</div>
            </section>
        </div>
        <Confirm open=declining attempt=decline run=move || decline.run(Request::Decide { chat, accepts: false })
            title=move || if is_group { now!("decline-title", name = entry.name()) } else { now!("delete-request-title") }
            label=move || if is_group { now!("decline") } else { now!("delete") }>
            <p>{move || if is_group { now!("decline-what") } else { now!("delete-request-what", name = entry.name()) }}</p>
        </Confirm>
    }
}
