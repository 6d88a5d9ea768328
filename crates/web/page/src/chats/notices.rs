//! Warnings to the user: in plain words, where they belong, and gone once dismissed.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{ChatId, ConversationState, GivenUp, Notice, NoticeKind, Request, Role, Warning};
use subrosa_wire::DeviceId;

use super::{
    compare::{CompareAccounts, TryAgain},
    entry::Entry,
    timer::length,
};
use crate::{
    components::{failure, icon, report},
    i18n::{now, t},
    link,
    model::{
        faces,
        route::Route,
        warnings::{self, Meaning},
    },
    reactive::{flag, memo, text},
    router::use_router,
    store::{Store, use_store},
};

#[component]
pub(super) fn Notices(chat: ChatId) -> impl IntoView {
    let store = use_store();
    let entry = expect_context::<Entry>();
    let here = memo!(move || concerning(store, Some(chat)));
    let asked = RwSignal::new(false);
    let is_blocked = move || entry.state() == Some(ConversationState::Blocked);
    let is_set_aside = move || entry.state() == Some(ConversationState::Quarantined);
    let is_cut_off = move || entry.state() == Some(ConversationState::CutOff);
    view! {
        <Show when=flag!(is_blocked() || is_set_aside() || is_cut_off() || here.with(|here| !here.is_empty()))>
            <div class="notices">
                <Show when=is_blocked>
                    <div class="notice bad" role="alert" data-testid="blocked">
                        {icon::icon(icon::KEY)}
                        <div>
                            <strong>{t!("blocked-title", name = entry.name())}</strong>
                            <span>{t!("blocked-what")}</span>
                            <div class="actions">
                                <button type="button" class="button small" data-testid="blocked-compare" on:click=move |_| asked.set(true)>{t!("blocked-look")}</button>
                            </div>
                        </div>
                    </div>
                </Show>
                <Show when=is_set_aside><Waiting chat cut_off=false /></Show>
                <Show when=is_cut_off><Waiting chat cut_off=true /></Show>
                <For each=move || here.get() key=|(number, _)| *number let((number, warning))>
                    <div class="notice warn" role="alert" data-testid="warning">
                        {icon::icon(icon::WARN)}
                        {body(number, warning)}
                        <button type="button" class="icon-button" aria-label=t!("dismiss") title=t!("dismiss") on:click=move |_| store.dismiss(number)>
                            {icon::sized(icon::CLOSE, "18")}
                        </button>
                    </div>
                </For>
            </div>
        </Show>
        <TryAgain open=asked chat entry />
    }
}

/// What can be done with a conversation that waits for the user's decision: this device is cut off from it, or something
/// in it cannot be processed.
#[component]
fn Waiting(chat: ChatId, cut_off: bool) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let router = use_router();
    let error = RwSignal::new(None::<String>);
    let run = move |request: Request, leaves: bool| {
        spawn_local(async move {
            match link::call(request).await {
                Ok(_) if leaves => router.back(),
                Ok(_) => {}
                Err(failure) => {
                    error.try_set(Some(failure::words(&failure)));
                }
            }
        });
    };
    let details = move || {
        entry
            .with(|entry| entry.and_then(|entry| entry.quarantine.clone()))
            .map(report::folded)
    };
    view! {
        <div class="notice warn" role="alert" data-testid=if cut_off { "cut-off" } else { "set-aside" }>
            {icon::icon(icon::WARN)}
            <div>
                <strong>{if cut_off { t!("cut-off-title").into_any() } else { t!("set-aside-title").into_any() }}</strong>
                <span>{if cut_off { t!("cut-off-what", name = entry.name()).into_any() } else { t!("set-aside-what").into_any() }}</span>
                {details}
                {move || error.get().map(|error| view! { <span>{error}</span> })}
                <div class="actions">
                    <button type="button" class="button small" data-testid="try-again" on:click=move |_| run(Request::TryAgain(chat), false)>
                        {if cut_off { t!("cut-off-do").into_any() } else { t!("try-again").into_any() }}
                    </button>
                    {(!cut_off).then(|| view! {
                        <button type="button" class="text-button" data-testid="hide" on:click=move |_| run(Request::Hide(chat), true)>{t!("hide-chat")}</button>
                    })}
                </div>
            </div>
        </div>
    }
}

/// The warnings about a conversation, or with `None` those about no particular one. That a conversation is set aside is
/// shown as long as it is so.
fn concerning(store: Store, chat: Option<ChatId>) -> Vec<(u64, Warning)> {
    store.warnings.with(|warnings| {
        warnings
            .iter()
            .filter(|(_, warning)| warning.chat() == chat)
            .filter(|(_, warning)| !matches!(warning, Warning::NotProcessed { chat: Some(_), .. }))
            .cloned()
            .collect()
    })
}

/// The warnings about no particular conversation.
#[component]
pub(super) fn GeneralNotices() -> impl IntoView {
    let store = use_store();
    let general = memo!(move || concerning(store, None));
    view! {
        <For each=move || general.get() key=|(number, _)| *number let((number, warning))>
            <div class="banner warn" data-testid="warning">
                {icon::sized(icon::WARN, "16")}
                {body(number, warning)}
                <button type="button" class="text-button" data-testid="dismiss" on:click=move |_| store.dismiss(number)>{t!("dismiss")}</button>
            </div>
        </For>
    }
}

/// What happened and what to do, and folded away what a report needs.
fn body(number: u64, warning: Warning) -> impl IntoView {
    let report = warnings::report(&warning).map(report::folded);
    let action = action(number, &warning);
    view! {
        <div>
            <span>{text!(words(&warning))}</span>
            {report}
            {action}
        </div>
    }
}

/// The way to do something about it, if there is one.
fn action(number: u64, warning: &Warning) -> Option<AnyView> {
    match Meaning::of(warning) {
        Meaning::OtherAccount(_, Some(handle)) => {
            let open = RwSignal::new(false);
            let handle = handle.clone();
            Some(
                view! {
                    <div class="actions">
                        <button type="button" class="button small" data-testid="compare-accounts" on:click=move |_| open.set(true)>{t!("compare-look")}</button>
                    </div>
                    <CompareAccounts open handle number />
                }
                .into_any(),
            )
        }
        Meaning::NewDevice(_) | Meaning::UnknownDevice(_) | Meaning::DeviceUnlisted(_) => {
            let router = use_router();
            Some(
                view! {
                    <a class="text-button" data-testid="to-devices" href=Route::Settings.path() on:click=move |event| router.follow(Route::Settings)(event)>{t!("to-devices")}</a>
                }
                .into_any(),
            )
        }
        _ => None,
    }
}

fn words(warning: &Warning) -> String {
    let name = |member| faces::name(member).unwrap_or_else(|| now!("unknown-person"));
    match Meaning::of(warning) {
        Meaning::OtherAccount(_, Some(handle)) => {
            now!("warning-handle-reassigned", name = format!("@{handle}"))
        }
        Meaning::OtherAccount(_, None) => now!("warning-handle-reassigned-unnamed"),
        Meaning::NewDevice(device) => now!("warning-new-device", id = short(device)),
        Meaning::UnknownDevice(device) => now!("warning-unknown-device", id = short(device)),
        Meaning::DeviceUnlisted(device) => now!("warning-device-unlisted", id = short(device)),
        Meaning::OldVault => now!("warning-vault"),
        Meaning::ChangedLog => now!("warning-log"),
        Meaning::Forged => now!("warning-forged"),
        Meaning::FalseAccount => now!("warning-account"),
        Meaning::DeviceReturns => now!("warning-device"),
        Meaning::Unreadable => now!("failure-server"),
        Meaning::InvalidMessage(member) => now!("warning-message", name = name(member)),
        Meaning::InvalidChange(member) => now!("warning-change", name = name(member)),
        Meaning::FalseDevices => now!("warning-devices"),
        Meaning::LogsDisagree(member) => now!("warning-logs-disagree", name = name(member)),
        Meaning::MessagesMissing(member) => now!("warning-messages-missing", name = name(member)),
        Meaning::UnreadableMessage => now!("warning-unreadable"),
        Meaning::HistoryGap => now!("warning-gap"),
        Meaning::ServerWentBack => now!("warning-server-went-back"),
        Meaning::ProfileWentBack => now!("warning-profile-went-back"),
        Meaning::NotProcessed => now!("warning-not-processed"),
        Meaning::CertificatesExpired => now!("warning-certificates"),
        Meaning::ChangeGivenUp(member, why) => given_up(&name(member), why),
        Meaning::Refused => now!("warning-refused"),
        Meaning::More => now!("warning-more"),
    }
}

fn given_up(name: &str, why: GivenUp) -> String {
    match why {
        GivenUp::NotPermitted => now!("warning-change-not-permitted", name = name),
        GivenUp::NotInGroup => now!("warning-change-not-in-group", name = name),
        GivenUp::LastOwner => now!("warning-change-last-owner"),
        GivenUp::GroupFull => now!("warning-change-group-full", name = name),
        GivenUp::Unsuitable => now!("warning-change-unsuitable", name = name),
        GivenUp::TooOld => now!("warning-change-too-old", name = name),
        GivenUp::Other => now!("warning-change-given-up", name = name),
    }
}

/// People tell devices apart by the start of an id, as by the last digits of a card.
fn short(device: DeviceId) -> String {
    device.to_string().chars().take(8).collect()
}

/// What a line of a conversation says that is no message.
pub(super) fn of_event(notice: &Notice) -> String {
    let name = |person| faces::name(person).unwrap_or_else(|| now!("unknown-person"));
    let who: Vec<_> = notice.who.iter().map(name).collect();
    let who = who.join(", ");
    match (notice.kind, &notice.by) {
        (NoticeKind::DeviceAdded, Some(by)) if notice.who == [by.clone()] => {
            now!("event-device-own", name = who)
        }
        (NoticeKind::DeviceAdded, Some(by)) => now!("event-device-by", by = name(by), name = who),
        (NoticeKind::DeviceAdded, None) => now!("event-device-away", name = who),
        (NoticeKind::Created, _) if notice.by_user => now!("event-created-you"),
        (NoticeKind::Created, Some(by)) => now!("event-created", by = name(by)),
        (NoticeKind::Added, _) if notice.by_user => now!("event-added-by-you", name = who),
        (NoticeKind::Added, Some(by)) if notice.about_user => now!("event-added-you", by = name(by)),
        (NoticeKind::Added, Some(by)) => now!("event-added", by = name(by), name = who),
        (NoticeKind::Added, None) => now!("event-added-away", name = who),
        (NoticeKind::Removed, _) if notice.by_user => now!("event-removed-by-you", name = who),
        (NoticeKind::Removed, Some(by)) if notice.about_user => now!("event-removed-you", by = name(by)),
        (NoticeKind::Removed, Some(by)) => now!("event-removed", by = name(by), name = who),
        (NoticeKind::Removed, None) => now!("event-removed-away", name = who),
        (NoticeKind::Left, _) if notice.by_user => now!("event-left-you"),
        (NoticeKind::Left, _) => now!("event-left", name = who),
        (NoticeKind::RightsChanged, _) if notice.by_user => now!("event-rights-you"),
        (NoticeKind::RightsChanged, Some(by)) => now!("event-rights", by = name(by)),
        (NoticeKind::RoleGiven(role), _) if notice.about_user => match role {
            Role::Owner => now!("event-owner-you"),
            Role::Admin => now!("event-admin-you"),
            Role::Member => now!("event-member-you"),
        },
        (NoticeKind::RoleGiven(role), _) => match role {
            Role::Owner => now!("event-owner", name = who),
            Role::Admin => now!("event-admin", name = who),
            Role::Member => now!("event-member", name = who),
        },
        (NoticeKind::Renamed, _) if notice.by_user => now!("event-renamed-you"),
        (NoticeKind::Renamed, Some(by)) => now!("event-renamed", by = name(by)),
        (NoticeKind::PictureChanged, _) if notice.by_user => now!("event-picture-you"),
        (NoticeKind::PictureChanged, Some(by)) => now!("event-picture", by = name(by)),
        (NoticeKind::DescriptionChanged, _) if notice.by_user => now!("event-description-you"),
        (NoticeKind::DescriptionChanged, Some(by)) => now!("event-description", by = name(by)),
        (NoticeKind::TimerChanged(Some(timer)), _) if notice.by_user => {
            now!("event-timer-you", time = length(timer))
        }
        (NoticeKind::TimerChanged(Some(timer)), Some(by)) => {
            now!("event-timer", by = name(by), time = length(timer))
        }
        (NoticeKind::TimerChanged(None), _) if notice.by_user => now!("event-timer-off-you"),
        (NoticeKind::TimerChanged(None), Some(by)) => now!("event-timer-off", by = name(by)),
        (
            NoticeKind::Created
            | NoticeKind::Renamed
            | NoticeKind::PictureChanged
            | NoticeKind::DescriptionChanged
            | NoticeKind::RightsChanged
            | NoticeKind::TimerChanged(_)
            | NoticeKind::Other,
            _,
        ) => {
            now!("event-other", name = who)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_that_was_left_out_is_told_with_the_error_for_a_report() {
        let left_out = Warning::NotProcessed {
            chat: None,
            detail: "a conversation without its group".to_owned(),
        };
        assert!(words(&left_out).starts_with("An invitation to a chat"));
        assert_eq!(
            warnings::report(&left_out).as_deref(),
            Some("a conversation without its group")
        );
    }
}
