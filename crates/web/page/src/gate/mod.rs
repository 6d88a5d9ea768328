//! What stands before the conversations: welcome, sign-up, sign-in, and the states in which nothing else goes.

mod login;
mod recover;
mod recovery_code;
mod register;
pub(crate) mod trouble;
mod welcome;

use leptos::{either::EitherOf4, prelude::*};

pub(crate) use recovery_code::{CodeCard, RecoveryCodeScreen};

use crate::{
    browser, i18n,
    language::{self, Language},
    parts::{self, icon},
};

/// Which of the doors is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Welcome,
    Register,
    Login,
    Recover,
}

/// The doors. What was typed as the handle is kept when the user goes to another.
#[component]
pub(crate) fn Gate() -> impl IntoView {
    let door = RwSignal::new(Door::Welcome);
    let handle = RwSignal::new(String::new());
    view! {
        <Ground>
            {move || match door.get() {
                Door::Welcome => EitherOf4::A(view! { <welcome::Welcome door /> }),
                Door::Register => EitherOf4::B(view! { <register::RegisterForm door handle /> }),
                Door::Login => EitherOf4::C(view! { <login::LoginForm door handle /> }),
                Door::Recover => EitherOf4::D(view! { <recover::RecoverForm door handle /> }),
            }}
        </Ground>
    }
}

/// The calm ground with the choice of language below.
#[component]
pub(crate) fn Ground(children: Children) -> impl IntoView {
    view! {
        <div class="gate-shell">
            <div class="gate">
                <main>{children()}</main>
                <footer class="gate-foot">
                    {Language::ALL
                        .into_iter()
                        .map(|one| {
                            let current = move || (language::shown() == one).then_some("true");
                            view! {
                                <button type="button" class="text-button" lang=one.tag() aria-current=current
                                    data-testid=format!("language-{}", one.tag()) on:click=move |_| i18n::choose(one)>
                                    {one.own_name()}
                                </button>
                            }
                        })
                        .collect_view()}
                    {parts::language::missing()}
                </footer>
            </div>
        </div>
    }
}

/// The mark and the name.
pub(crate) fn brand() -> impl IntoView {
    view! { <span class="brand">{icon::sized(icon::ROSE, "26")}<span>{crate::i18n::t!("app")}</span></span> }
}

/// Puts the focus on the heading of a card that has no field to begin with.
pub(crate) fn focus_heading() {
    browser::focus_soon(".card h1");
}
