//! Chooses people for a group: those whom the user knows, and those whom the server has under a handle.

use leptos::{ev::KeyboardEvent, prelude::*};
use subrosa_web_rpc::{Contact, Failure, Person};
use subrosa_wire::{AccountId, Handle};

use super::super::directory;
use crate::{
    browser,
    components::{avatar, failure, icon},
    i18n::{now, t},
    limits::CANDIDATES_SHOWN,
    model::{
        candidates,
        faces::{self, Face},
        handles,
    },
    reactive::{memo, text},
    store::use_store,
};

/// What the picker keeps while it is shown.
#[derive(Clone, Copy)]
struct Picker {
    chosen: RwSignal<Vec<Contact>>,
    barred: Option<Callback<AccountId, Option<String>>>,
    search: RwSignal<String>,
    /// The people in the list.
    rows: Memo<Vec<Contact>>,
    /// The row that Enter chooses.
    current: RwSignal<Option<usize>>,
    /// Enter was pressed before there was an answer to what is typed.
    awaits_row: RwSignal<bool>,
}

#[component]
pub(super) fn PeoplePicker(
    /// Who is chosen.
    chosen: RwSignal<Vec<Contact>>,
    /// Says why somebody cannot be chosen, if so.
    #[prop(optional)]
    barred: Option<Callback<AccountId, Option<String>>>,
) -> impl IntoView {
    let store = use_store();
    let search = RwSignal::new(String::new());
    let found = RwSignal::new(None::<(String, Result<Vec<Person>, Failure>)>);
    let known = memo!(move || store.roster.with(candidates::known));
    let rows = memo!(move || {
        let me = store.me().map(|me| me.account_id);
        let strangers = found.with(|found| match found {
            Some((_, Ok(people))) => people.clone(),
            _ => Vec::new(),
        });
        let strangers: Vec<_> = strangers
            .into_iter()
            .filter(|person| Some(person.account_id) != me)
            .collect();
        let fitting =
            known.with(|known| search.with(|search| candidates::fitting(known, &strangers, search)));
        let is_barred =
            |person: &Contact| barred.is_some_and(|barred| barred.run(person.account_id).is_some());
        // Those who cannot be chosen stand last.
        let (last, mut rows): (Vec<_>, Vec<_>) = fitting.into_iter().partition(is_barred);
        rows.extend(last);
        rows.truncate(CANDIDATES_SHOWN);
        rows
    });
    let picker = Picker {
        chosen,
        barred,
        search,
        rows,
        current: RwSignal::new(None),
        awaits_row: RwSignal::new(false),
    };
    directory::search(search, move |prefix, result| {
        found.set(Some((prefix, result)));
        if picker.awaits_row.get_untracked() {
            picker.choose_current();
        }
    });
    let typed = move |text: String| {
        picker.awaits_row.set(false);
        picker.current.set((!text.trim().is_empty()).then_some(0));
        search.set(text);
    };
    let highlighted = memo!(move || picker.current_row().map(|person| person.account_id));
    // What there is to say in place of people.
    let nobody = move || {
        if !rows.with(Vec::is_empty) {
            return None;
        }
        if search.with(|search| search.trim().is_empty()) {
            return Some(now!("people-search-hint"));
        }
        let prefix = search.with(|search| handles::prefix(search));
        found.with(|found| match found {
            Some((of, Ok(_))) if *of == prefix => Some(match prefix.parse::<Handle>() {
                Ok(_) => now!("failure-unknown-person"),
                Err(_) => now!("nobody-found"),
            }),
            Some((of, Err(failure))) if *of == prefix => Some(failure::words(failure)),
            _ => None,
        })
    };
    view! {
        <div class="picker">
            <label class="field-label" for="people-search">{t!("people")}</label>
            <ul class="chips" role="list" data-testid="chips">
                <For each=move || chosen.get() key=|person| person.account_id let:person>{chip(picker, &person)}</For>
            </ul>
            <div class="search">
                {icon::sized(icon::SEARCH, "18")}
                <input id="people-search" data-testid="people-search" type="text" role="combobox" aria-expanded="true" aria-controls="people-list"
                    aria-autocomplete="list" aria-activedescendant=move || highlighted.get().map(option_id) placeholder=t!("people-search")
                    autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="64" dir="auto" autofocus prop:value=search
                    on:input:target=move |event| typed(event.target().value()) on:keydown=move |event| picker.keyed(&event) />
            </div>
            <p class="hint" role="status" data-testid="picker-hint">{nobody}</p>
            <ul class="options scroll" id="people-list" role="listbox" aria-multiselectable="true" aria-label=t!("people") data-testid="people-list">
                <For each=move || rows.get() key=|person| person.account_id let:person>
                    {candidate(picker, person, highlighted)}
                </For>
            </ul>
        </div>
    }
}

impl Picker {
    fn keyed(self, event: &KeyboardEvent) {
        // 229: the key belongs to an input method that is still composing.
        if event.is_composing() || event.key_code() == 229 {
            return;
        }
        let is_empty = self.search.with_untracked(String::is_empty);
        match event.key().as_str() {
            "ArrowDown" => self.step(1),
            "ArrowUp" => self.step(-1),
            "Enter" => self.choose_current(),
            "Escape" if !is_empty => self.clear(),
            "Backspace" if is_empty => self.chosen.update(|chosen| drop(chosen.pop())),
            _ => return,
        }
        event.prevent_default();
    }

    fn clear(self) {
        self.search.set(String::new());
        self.current.set(None);
        self.awaits_row.set(false);
    }

    fn step(self, by: isize) {
        let count = self.rows.with_untracked(Vec::len);
        let next = match self.current.get_untracked() {
            Some(here) => here.checked_add_signed(by),
            None => Some(0),
        };
        if let Some(next) = next.filter(|next| *next < count) {
            self.current.set(Some(next));
            let id = self.rows.with_untracked(|rows| option_id(rows[next].account_id));
            if let Some(option) = browser::document().get_element_by_id(&id) {
                browser::show(&option);
            }
        }
    }

    fn current_row(self) -> Option<Contact> {
        let current = self.current.get()?;
        self.rows.with(|rows| rows.get(current).cloned())
    }

    /// Chooses the row that is highlighted. If none is there yet, it is chosen once the server has answered.
    fn choose_current(self) {
        let row = untrack(|| self.current_row());
        let is_typed = self.search.with_untracked(|search| !search.trim().is_empty());
        self.awaits_row
            .set(row.is_none() && is_typed && !self.awaits_row.get_untracked());
        if let Some(row) = row {
            self.toggle(&row);
        }
    }

    /// Chooses somebody, or no longer.
    fn toggle(self, person: &Contact) {
        if self.bar(person.account_id).is_some() {
            return;
        }
        let is_chosen = self.is_chosen(person.account_id);
        self.chosen.update(|chosen| {
            if is_chosen {
                chosen.retain(|other| other.account_id != person.account_id);
            } else {
                chosen.push(person.clone());
            }
        });
        // Whoever has found somebody looks for the next one.
        if !self.search.with_untracked(String::is_empty) {
            self.clear();
        }
    }

    fn is_chosen(self, account: AccountId) -> bool {
        self.chosen
            .with(|chosen| chosen.iter().any(|other| other.account_id == account))
    }

    fn bar(self, account: AccountId) -> Option<String> {
        self.barred.and_then(|barred| barred.run(account))
    }
}

fn option_id(account: AccountId) -> String {
    format!("candidate-{account}")
}

fn name_of(person: &Contact) -> String {
    faces::name(person).unwrap_or_else(|| now!("unknown-person"))
}

/// Somebody who is chosen.
fn chip(picker: Picker, person: &Contact) -> impl IntoView + use<> {
    let account = person.account_id;
    let (name, label) = (name_of(person), name_of(person));
    let remove = move |_| {
        picker
            .chosen
            .update(|chosen| chosen.retain(|other| other.account_id != account));
        browser::focus("#people-search");
    };
    view! {
        <li class="chip" data-testid="chip">
            {avatar::avatar(&Face::of_contact(person), "tiny")}
            <span class="one-line"><bdi>{name}</bdi></span>
            <button type="button" aria-label=text!(now!("chip-remove", name = label.as_str())) data-testid="chip-remove" on:click=remove>
                {icon::sized(icon::CLOSE, "14")}
            </button>
        </li>
    }
}

/// Somebody who can be chosen.
fn candidate(picker: Picker, person: Contact, highlighted: Memo<Option<AccountId>>) -> impl IntoView {
    let account = person.account_id;
    let name = name_of(&person);
    let face = Face::of_contact(&person);
    let handle = person
        .handle
        .as_ref()
        .map(|handle| format!("@{handle}"))
        .filter(|handle| *handle != name);
    let testid_handle = person.handle.as_ref().map(ToString::to_string);
    let bar = memo!(move || picker.bar(account));
    let is_barred = move || bar.with(Option::is_some);
    let is_chosen = move || picker.is_chosen(account);
    view! {
        <li class="option" id=option_id(account) role="option" aria-selected=text!(is_chosen().to_string()) aria-disabled=text!(is_barred().to_string())
            data-testid="candidate" data-handle=testid_handle data-current=move || (highlighted.get() == Some(account)).then_some("true")
            // The focus stays in the field.
            on:mousedown=|event| event.prevent_default()
            on:click=move |_| picker.toggle(&person)>
            {avatar::avatar(&face, "medium")}
            <span class="option-text">
                <span class="one-line"><bdi>{name}</bdi></span>
                {move || second_line(bar.get(), handle.clone())}
            </span>
            <span class="pick" aria-hidden="true">{icon::sized(icon::CHECK, "16")}</span>
        </li>
    }
}

/// Why somebody cannot be chosen, or else the handle.
fn second_line(bar: Option<String>, handle: Option<String>) -> Option<AnyView> {
    if let Some(why) = bar {
        return Some(view! { <span class="one-line option-more">{why}</span> }.into_any());
    }
    let handle = handle?;
    Some(view! { <span class="one-line option-more"><bdi dir="ltr">{handle}</bdi></span> }.into_any())
}
