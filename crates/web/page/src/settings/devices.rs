//! The account's devices, and how to sign one out.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Device, Failure, Request};
use subrosa_wire::{DeviceId, limits::DISPLAY_NAME_MAX};

use crate::{
    components::{
        dialog::{Attempt, Confirm, Modal, close_open},
        failure,
        field::{Hint, Kind, field},
        icon, notice, skeleton,
    },
    format,
    i18n::{now, t},
    link,
    reactive::{effect, text},
    store::use_store,
};

#[component]
pub(super) fn Devices() -> impl IntoView {
    let devices = RwSignal::new(None::<Result<Vec<Device>, Failure>>);
    let load = move || {
        spawn_local(async move {
            devices.try_set(Some(match link::call(Request::Devices).await {
                Ok(Answer::Devices(mut all)) => {
                    all.sort_by_key(|device| (!device.current, std::cmp::Reverse(device.last_seen_at)));
                    Ok(all)
                }
                Ok(_) => Ok(Vec::new()),
                Err(failure) => Err(failure),
            }));
        });
    };
    load();
    let asked = RwSignal::new(false);
    let which = RwSignal::new(None::<(DeviceId, String)>);
    let attempt = Attempt::new();
    let run = move || {
        if let Some((device, _)) = which.get_untracked() {
            attempt.run_then(Request::SignOutDevice(device), load);
        }
    };
    let ask = move |device, name| {
        attempt.clear();
        which.set(Some((device, name)));
        asked.set(true);
    };
    let title = move || {
        let name = which.get().map(|(_, name)| name).unwrap_or_default();
        now!("device-sign-out-title", name = name)
    };
    let naming = RwSignal::new(None::<Device>);
    view! {
        <section class="group" aria-labelledby="devices-title">
            <h2 id="devices-title">{t!("devices")}</h2>
            <p class="lead">{t!("devices-lead")}</p>
            {move || match devices.get() {
                None => skeleton::list().into_any(),
                Some(Err(failure)) => view! {
                    {notice::error(failure::words(&failure))}
                    <div class="actions"><button type="button" class="button small" on:click=move |_| load()>{t!("try-again")}</button></div>
                }
                .into_any(),
                Some(Ok(all)) => view! {
                    <ul role="list">{all.into_iter().map(|device| entry(&device, ask, naming)).collect_view()}</ul>
                }
                .into_any(),
            }}
            <Confirm open=asked title label=t!("sign-out-do") attempt run>
                <p>{t!("device-sign-out-lead")}</p>
            </Confirm>
            <Naming naming done=load />
        </section>
    }
}

fn entry<A: Fn(DeviceId, String) + Copy + Send + Sync + 'static>(
    device: &Device,
    ask: A,
    naming: RwSignal<Option<Device>>,
) -> impl IntoView + use<A> {
    let (is_this, is_certified) = (device.current, device.certified);
    let store = use_store();
    let id = device.id;
    // People tell devices apart by the start of an id, as by the last digits of a card.
    let short: String = id.to_string().chars().take(8).collect();
    let (seen, made) = (device.last_seen_at.as_millis(), device.created_at.as_millis());
    let named = device.name.clone();
    let called = {
        let (named, short) = (named.clone(), short.clone());
        move || {
            named
                .clone()
                .unwrap_or_else(|| now!("device-name", id = short.clone()))
        }
    };
    let (label, asked_of, rename_label) = (called.clone(), called.clone(), called.clone());
    let this = device.clone();
    view! {
        <li class="device" data-testid="device" data-id=id.to_string()>
            {icon::icon(icon::DEVICE)}
            <div>
                <span>
                    <bdi>{called}</bdi>
                    {is_this.then(|| view! { <span class="tag">{t!("this-device")}</span> })}
                </span>
                <small>{move || if is_this {
                    now!("device-since", day = format::day(made, store.today.get()))
                } else {
                    now!("device-seen", seen = format::day(seen, store.today.get()), made = format::day(made, store.today.get()))
                }}</small>
                {(!is_certified).then(|| view! { <span class="warn-text" role="alert">{t!("device-uncertified")}</span> })}
            </div>
            <button type="button" class="button small" data-testid="device-rename" aria-label=move || now!("device-rename-label", name = rename_label())
                on:click=move |_| naming.set(Some(this.clone()))>{t!("rename")}</button>
            {(!is_this).then(|| view! {
                <button type="button" class="button small" data-testid="device-sign-out" aria-label=move || now!("device-sign-out-label", name = label())
                    on:click=move |_| ask(id, asked_of())>{t!("sign-out-do")}</button>
            })}
        </li>
    }
}

/// The dialog that names a device.
#[component]
fn Naming<D: Fn() + Copy + Send + Sync + 'static>(
    /// The device to name, while the dialog is open.
    naming: RwSignal<Option<Device>>,
    /// Called when it has its name.
    done: D,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let name = RwSignal::new(String::new());
    let attempt = Attempt::new();
    effect!(move || {
        if let Some(device) = naming.get() {
            name.set(device.name.unwrap_or_default());
            attempt.clear();
            open.set(true);
        }
    });
    effect!(move || {
        if !open.get() {
            naming.set(None);
        }
    });
    let is_long = move || name.with(|name| name.trim().len() > DISPLAY_NAME_MAX);
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(device) = naming.with_untracked(|device| Some(device.as_ref()?.id)) else {
            return;
        };
        if !is_long() {
            let name = name.get_untracked().trim().to_owned();
            attempt.run_then(Request::NameDevice { device, name }, done);
        }
    };
    view! {
        <Modal open labelled_by="naming-title">
            <h2 id="naming-title">{t!("device-rename-title")}</h2>
            <form on:submit=submitted>
                {field(Kind { focused: true, ..Kind::text("device-new-name") }, t!("device-rename-field"), name, move || {
                    if is_long() { Hint::Wrong(now!("failure-name")) } else { Hint::Plain(now!("device-rename-rule")) }
                })}
                {attempt.notice()}
                <div class="actions">
                    <button type="button" class="button small" data-testid="cancel" on:click=move |_| close_open()>{t!("cancel")}</button>
                    <button type="submit" class="button primary small" data-testid="device-rename-submit" aria-busy=text!(attempt.busy.get().to_string())>{t!("rename")}</button>
                </div>
            </form>
        </Modal>
    }
}
