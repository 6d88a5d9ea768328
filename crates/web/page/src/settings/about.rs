//! Version, build, where the source is, and the licences of what it contains.

use js_sys::{Array, JSON};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast as _;

use crate::{browser, i18n::t};

const SOURCE: &str = env!("CARGO_PKG_REPOSITORY");

/// One line of the file of licences.
#[derive(Debug, Clone)]
struct Licence {
    name: String,
    version: String,
    terms: String,
}

#[component]
pub(super) fn About() -> impl IntoView {
    let licences = RwSignal::new(Vec::<Licence>::new());
    let opened = move |_| {
        if licences.with_untracked(Vec::is_empty) {
            spawn_local(async move {
                if let Some(list) = load().await {
                    licences.try_set(list);
                }
            });
        }
    };
    let build = browser::meta("subrosa-build").unwrap_or_else(|| "—".to_owned());
    view! {
        <section class="group" aria-labelledby="about-title">
            <h2 id="about-title">{t!("about")}</h2>
            <p class="lead">{t!("about-lead")}</p>
            <dl class="facts">
                <dt>{t!("version")}</dt>
                <dd class="tabular" data-testid="version">{env!("CARGO_PKG_VERSION").to_owned()}</dd>
                <dt>{t!("build")}</dt>
                <dd class="tabular">{build}</dd>
                <dt>{t!("licence")}</dt>
                <dd>{env!("CARGO_PKG_LICENSE").to_owned()}</dd>
                {(!SOURCE.is_empty()).then(|| view! {
                    <dt>{t!("source")}</dt>
                    <dd><a href=SOURCE target="_blank" rel="noopener noreferrer">{SOURCE.to_owned()}</a></dd>
                })}
            </dl>
            <details class="more" on:toggle=opened>
                <summary data-testid="licences">{t!("licences")}</summary>
                <ul class="licences scroll" role="list" tabindex="0" aria-label=t!("licences")>
                    <li><span>{"Inter".to_owned()}</span><span>{t!("font")}</span><span>{"OFL-1.1".to_owned()}</span></li>
                    {move || licences.get().into_iter().map(|one| view! {
                        <li><span>{one.name}</span><span class="tabular">{one.version}</span><span>{one.terms}</span></li>
                    }).collect_view()}
                </ul>
            </details>
        </section>
    }
}

async fn load() -> Option<Vec<Licence>> {
    // The browser parses it: a parser of our own would be loaded with every page, for this one.
    let list = JSON::parse(&browser::fetch_named("subrosa-licences").await?).ok()?;
    let list = list.dyn_into::<Array>().ok()?;
    list.iter()
        .map(|line| {
            let part = |name| browser::property(&line, name)?.as_string();
            Some(Licence {
                name: part("name")?,
                version: part("version")?,
                terms: part("licence")?,
            })
        })
        .collect()
}
