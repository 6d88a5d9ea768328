//! Questions in a `<dialog>`: modal, closed by Escape. The focus then returns to where it was.

use std::sync::Arc;

use leptos::{html::Dialog, prelude::*, task::spawn_local};
use subrosa_web_rpc::Request;

use crate::{
    components::{button::working, failure, notice},
    i18n::t,
    link,
    reactive::{effect, flag, text},
};

/// A dialog around its children. `open` becomes `false` when it is closed.
#[component]
pub(crate) fn Modal(
    /// Whether it is shown.
    open: RwSignal<bool>,
    /// The id of its heading.
    labelled_by: &'static str,
    /// Its classes in the style sheet.
    #[prop(default = "dialog")]
    kind: &'static str,
    /// Asked before it is closed by Escape, by a click beside it, or by [`close_open`]: whether it may be.
    #[prop(optional)]
    may_close: Option<Callback<(), bool>>,
    /// What is in it.
    children: ChildrenFn,
) -> impl IntoView {
    let leave = move |dialog| {
        if may_close.is_none_or(|may_close| may_close.run(())) {
            close(dialog, open);
        }
    };
    view! {
        <Show when=flag!(open.get())>
            {
                let children = children.clone();
                let dialog = NodeRef::<Dialog>::new();
                effect!(move || {
                    if let Some(dialog) = dialog.get() && !dialog.open() {
                        // It is in the document only after this turn of the event loop.
                        request_animation_frame(move || {
                            let _ = dialog.show_modal();
                        });
                    }
                });
                view! {
                    <dialog class=kind node_ref=dialog aria-labelledby=labelled_by
                        on:cancel=move |event: web_sys::Event| {
                            event.prevent_default();
                            leave(dialog);
                        }
                        // A browser closes a dialog without asking if Escape is pressed twice.
                        on:keydown=move |event| if may_close.is_some() && event.key() == "Escape" && !event.default_prevented() && !event.is_composing() {
                            event.prevent_default();
                            leave(dialog);
                        }
                        on:close=move |event| if is_in_the_document(&event) { open.set(false) }
                        on:click=move |event| if dialog.get_untracked().is_some_and(|dialog| is_backdrop(&dialog, &event)) { leave(dialog) }>
                        {children()}
                    </dialog>
                }
            }
        </Show>
    }
}

fn is_backdrop(dialog: &web_sys::HtmlDialogElement, event: &leptos::ev::MouseEvent) -> bool {
    // What is clicked in or beside another dialog that opened from this one is not meant for this one.
    if event.target().as_ref() != Some(dialog.as_ref()) {
        return false;
    }
    let area = dialog.get_bounding_client_rect();
    let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
    // A click made with the keyboard has no position.
    (x, y) != (0.0, 0.0) && (x < area.left() || x > area.right() || y < area.top() || y > area.bottom())
}

/// Closes it and says so at once. A browser tells of it only later, and what was asked again in between would be taken
/// back.
fn close(dialog: NodeRef<Dialog>, open: RwSignal<bool>) {
    if let Some(dialog) = dialog.get_untracked() {
        dialog.close();
    }
    open.set(false);
}

/// Whether an event is about an element that is still shown, and not about one that another has replaced.
fn is_in_the_document(event: &web_sys::Event) -> bool {
    use wasm_bindgen::JsCast as _;
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Node>().ok())
        .is_some_and(|node| node.is_connected())
}

/// Closes the dialog that was opened last, as Escape does.
pub(crate) fn close_open() {
    if let Some(dialog) = crate::browser::last("dialog[open]")
        && let Ok(cancel) = web_sys::Event::new("cancel")
    {
        let _ = dialog.dispatch_event(&cancel);
    }
}

/// Closes all dialogs, for somebody who goes somewhere else. One that asks before it is closed stays, with those below it.
pub(crate) fn close_all() {
    while let Some(dialog) = crate::browser::last("dialog[open]") {
        close_open();
        if dialog.has_attribute("open") {
            return;
        }
    }
}

/// What a dialog asks the worker for.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    /// Whether it is under way.
    pub(crate) busy: RwSignal<bool>,
    /// Why it has failed.
    pub(crate) error: RwSignal<Option<String>>,
}

impl Attempt {
    pub(crate) fn new() -> Self {
        Self {
            busy: RwSignal::new(false),
            error: RwSignal::new(None),
        }
    }

    /// Forgets that it has failed, for a dialog that opens again.
    pub(crate) fn clear(self) {
        self.error.set(None);
    }

    /// Asks for something, unless that is under way. If it succeeds, the dialog is closed.
    pub(crate) fn run(self, request: Request) {
        self.run_then(request, || {});
    }

    /// The same with what is to be done once the dialog is closed.
    pub(crate) fn run_then(self, request: Request, done: impl FnOnce() + 'static) {
        self.run_boxed(request, Box::new(done));
    }

    fn run_boxed(self, request: Request, done: Box<dyn FnOnce()>) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.clear();
        spawn_local(async move {
            match link::call(request).await {
                Ok(_) => {
                    close_open();
                    done();
                }
                Err(failure) => {
                    self.error.try_set(Some(failure::words(&failure)));
                }
            }
            self.busy.try_set(false);
        });
    }

    /// Why it has failed, in the dialog.
    pub(crate) fn notice(self) -> AnyView {
        let error = self.error;
        (move || {
            error
                .get()
                .map(|text| view! { <div class="stack">{notice::error(text)}</div> })
        })
        .into_any()
    }
}

/// A question with one action.
#[component]
pub(crate) fn Confirm<T, L, D>(
    /// Whether it is asked.
    open: RwSignal<bool>,
    /// The question.
    title: T,
    /// The label of the action.
    label: L,
    /// How far the action has come.
    attempt: Attempt,
    /// Runs the action.
    run: D,
    /// What the action means for the user.
    children: ChildrenFn,
) -> impl IntoView
where
    T: Fn() -> String + Clone + Send + Sync + 'static,
    L: Fn() -> String + Clone + Send + Sync + 'static,
    D: Fn() + Clone + Send + Sync + 'static,
{
    confirm(
        open,
        text!(title()),
        text!(label()),
        attempt,
        Arc::new(run),
        children,
    )
}

/// One piece of code for all questions.
fn confirm(
    open: RwSignal<bool>,
    title: impl Fn() -> String + Clone + Send + Sync + 'static,
    label: impl Fn() -> String + Clone + Send + Sync + 'static,
    attempt: Attempt,
    run: Arc<dyn Fn() + Send + Sync>,
    children: ChildrenFn,
) -> AnyView {
    let busy = attempt.busy;
    view! {
        <Modal open labelled_by="confirm-title">
            <h2 id="confirm-title">{title.clone()}</h2>
            {children()}
            {attempt.notice()}
            <div class="actions">
                <button type="button" class="button small" data-testid="cancel" on:click=move |_| close_open()>{t!("cancel")}</button>
                <button type="button" class="button small danger" data-testid="confirm" aria-busy=text!(busy.get().to_string())
                    on:click={
                        let run = run.clone();
                        move |_| if !busy.get_untracked() { run() }
                    }>
                    {label.clone()}
                    {move || busy.get().then(working)}
                </button>
            </div>
        </Modal>
    }
    .into_any()
}
