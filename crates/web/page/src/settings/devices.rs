//! The account's devices, and how to sign one out.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Device, Failure, Request};
use subrosa_wire::DeviceId;

use crate::{
    components::{
        dialog::{Confirm, close_open},
        failure, icon, notice, skeleton,
    },
    format,
    i18n::{now, t},
    link,
    reactive::text,
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
    let which = RwSignal::new(None::<DeviceId>);
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let run = move || {
        let Some(device) = which.get_untracked() else {
            return;
        };
        busy.set(true);
        error.set(None);
        spawn_local(async move {
            match link::call(Request::SignOutDevice(device)).await {
                Ok(_) => {
                    close_open();
                    load();
                }
                Err(failure) => {
                    error.try_set(Some(failure::words(&failure)));
                }
            }
            busy.try_set(false);
        });
    };
    let ask = move |device| {
        error.set(None);
        which.set(Some(device));
        asked.set(true);
    };
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
                    <ul role="list">{all.into_iter().map(|device| entry(&device, ask)).collect_view()}</ul>
                }
                .into_any(),
            }}
            <Confirm open=asked title=t!("device-sign-out-title") label=t!("sign-out-do") busy error run>
                <p>{t!("device-sign-out-lead")}</p>
            </Confirm>
        </section>
    }
}

fn entry<A: Fn(DeviceId) + Copy + Send + Sync + 'static>(device: &Device, ask: A) -> impl IntoView + use<A> {
    let (is_this, is_certified) = (device.current, device.certified);
    let store = use_store();
    let id = device.id;
    // People tell devices apart by the start of an id, as by the last digits of a card.
    let short: String = id.to_string().chars().take(8).collect();
    let (seen, made) = (device.last_seen_at.as_millis(), device.created_at.as_millis());
    let name = short.clone();
    view! {
        <li class="device" data-testid="device" data-id=id.to_string()>
            {icon::icon(icon::DEVICE)}
            <div>
                <span>
                    <span>{text!(now!("device-name", id = name.clone()))}</span>
                    {is_this.then(|| view! { <span class="tag">{t!("this-device")}</span> })}
                </span>
                <small>{move || if is_this {
                    now!("device-since", day = format::day(made, store.today.get()))
                } else {
                    now!("device-seen", seen = format::day(seen, store.today.get()), made = format::day(made, store.today.get()))
                }}</small>
                {(!is_certified).then(|| view! { <span class="warn-text" role="alert">{t!("device-uncertified")}</span> })}
            </div>
            {(!is_this).then(|| view! {
                <button type="button" class="button small" data-testid="device-sign-out" aria-label=move || now!("device-sign-out-label", id = short.clone())
                    on:click=move |_| ask(id)>{t!("sign-out-do")}</button>
            })}
        </li>
    }
}
