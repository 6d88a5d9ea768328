//! The dialog in which those who may give a group another name, another picture, and say what it is about.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{ChatId, Failure, Request};
use subrosa_wire::limits::DISPLAY_NAME_MAX;

use super::{
    super::entry::Entry,
    picture::{PictureField, Wanted},
};
use crate::{
    components::{
        button::working,
        dialog::{Modal, close_open},
        failure,
        field::{Hint, Kind, field, text_area},
        notice,
    },
    i18n::{now, t},
    limits::GROUP_DESCRIPTION_MAX,
    link,
    reactive::{effect, text},
};

#[component]
pub(super) fn EditGroup(
    /// Whether it is shown.
    open: RwSignal<bool>,
) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let name = RwSignal::new(String::new());
    let about = RwSignal::new(String::new());
    let picture = RwSignal::new(Wanted::Unchanged);
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    effect!(move || {
        if open.get() {
            let (title, description) = untrack(|| {
                entry.with(|entry| entry.map(|entry| (entry.title.clone(), entry.description.clone())))
            })
            .unwrap_or_default();
            name.set(title.unwrap_or_default());
            about.set(description.unwrap_or_default());
            picture.set(Wanted::Unchanged);
            error.set(None);
        }
    });
    let is_long = move || name.with(|name| name.trim().len() > DISPLAY_NAME_MAX);
    let is_empty = move || name.with(|name| name.trim().is_empty());
    let is_about_long = move || about.with(|about| about.trim().len() > GROUP_DESCRIPTION_MAX);
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || untrack(|| is_long() || is_empty() || is_about_long()) {
            return;
        }
        let changes = untrack(|| {
            let edited = Edited {
                name: name.with(|name| name.trim().to_owned()),
                about: about.with(|about| about.trim().to_owned()),
                picture: picture.get(),
            };
            entry.with(|entry| {
                entry.map(|entry| {
                    edited.changes(entry.id, entry.title.as_deref(), entry.description.as_deref())
                })
            })
        });
        busy.set(true);
        error.set(None);
        spawn_local(async move {
            match carry_out(changes.unwrap_or_default()).await {
                Ok(()) => close_open(),
                Err(failure) => {
                    error.try_set(Some(failure::words(&failure)));
                }
            }
            busy.try_set(false);
        });
    };
    view! {
        <Modal open labelled_by="edit-group-title">
            <h2 id="edit-group-title">{t!("edit-group")}</h2>
            <form class="stack" on:submit=submitted>
                <PictureField wanted=picture face=entry.face() />
                {field(Kind { focused: true, ..Kind::text("group-new-name") }, t!("group-name"), name, move || {
                    if is_long() { Hint::Wrong(now!("failure-name")) } else { Hint::Plain(now!("group-new-name-rule")) }
                })}
                {text_area("group-new-about", t!("group-about"), about, move || {
                    if is_about_long() { Hint::Wrong(now!("failure-description")) } else { Hint::Plain(now!("group-about-rule")) }
                })}
                {notice::maybe_error(move || error.get())}
                <div class="actions">
                    <button type="button" class="button small" data-testid="cancel" on:click=move |_| close_open()>{t!("cancel")}</button>
                    <button type="submit" class="button primary small" data-testid="edit-group-submit" disabled=is_empty aria-busy=text!(busy.get().to_string())>
                        {t!("save")}
                        {move || busy.get().then(working)}
                    </button>
                </div>
            </form>
        </Modal>
    }
}

/// What the form says.
struct Edited {
    name: String,
    about: String,
    picture: Wanted,
}

impl Edited {
    /// What it changes about a group with this name and this description.
    fn changes(self, chat: ChatId, name: Option<&str>, description: Option<&str>) -> Vec<Request> {
        let mut changes = Vec::new();
        if name != Some(self.name.as_str()) {
            changes.push(Request::RenameGroup {
                chat,
                name: self.name,
            });
        }
        if description.unwrap_or_default() != self.about {
            changes.push(Request::DescribeGroup {
                chat,
                description: self.about,
            });
        }
        match self.picture {
            Wanted::Unchanged => {}
            Wanted::New(file) => changes.push(Request::SetGroupPicture {
                chat,
                picture: Some(file),
            }),
            Wanted::Removed => changes.push(Request::SetGroupPicture { chat, picture: None }),
        }
        changes
    }
}

async fn carry_out(changes: Vec<Request>) -> Result<(), Failure> {
    for change in changes {
        link::call(change).await?;
    }
    Ok(())
}
