//! What is shown while nobody is signed in: welcome, sign-up, sign-in, and the pages for when the app cannot run.

mod login;
mod recover;
mod recovery_code;
mod register;
pub(crate) mod trouble;
mod welcome;

use leptos::{either::EitherOf4, prelude::*};

pub(crate) use recovery_code::RecoveryCodeScreen;

use crate::{
    browser,
    components::{self, icon},
    i18n,
    language::{self, Language},
};

/// The screen that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthScreen {
    Welcome,
    Register,
    Login,
    Recover,
}

/// The screens of somebody who is not signed in. A handle typed in one is kept in the next.
#[component]
pub(crate) fn Auth() -> impl IntoView {
    // What was chosen on the page that stood there before the app.
    let screen = RwSignal::new(match browser::take_fragment().as_str() {
        "#register" => AuthScreen::Register,
        "#login" => AuthScreen::Login,
        _ => AuthScreen::Welcome,
    });
    let handle = RwSignal::new(String::new());
    view! {
        <CenteredPage>
            {move || match screen.get() {
                AuthScreen::Welcome => EitherOf4::A(view! { <welcome::Welcome screen /> }),
                AuthScreen::Register => EitherOf4::B(view! { <register::RegisterForm screen handle /> }),
                AuthScreen::Login => EitherOf4::C(view! { <login::LoginForm screen handle /> }),
                AuthScreen::Recover => EitherOf4::D(view! { <recover::RecoverForm screen handle /> }),
            }}
        </CenteredPage>
    }
}

/// A page with one card in its centre, and the choice of language below.
#[component]
pub(crate) fn CenteredPage(children: Children) -> impl IntoView {
    view! {
        <div class="auth-shell">
            <div class="auth">
                <main>{children()}</main>
                <footer class="auth-foot">
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
                    {components::missing_language::notice()}
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
