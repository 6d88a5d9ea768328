//! Effects, memos and texts with boxed closures. Leptos compiles a kilobyte of code for each closure type in a view or
//! an effect, and there are hundreds: boxed, they share it.

use std::sync::Arc;

use leptos::prelude::*;

/// See `effect!`.
pub(crate) fn effect_of(run: Box<dyn FnMut()>) {
    Effect::new(run);
}

/// See `memo!`.
pub(crate) fn memo_of<T: PartialEq + Send + Sync + 'static>(
    value: Arc<dyn Fn() -> T + Send + Sync>,
) -> Memo<T> {
    Memo::new(move |_| value())
}

/// See `text!`.
pub(crate) fn text_of(
    text: Arc<dyn Fn() -> String + Send + Sync>,
) -> impl Fn() -> String + Clone + Send + Sync + 'static {
    move || text()
}

/// See `flag!`.
pub(crate) fn flag_of(
    flag: Arc<dyn Fn() -> bool + Send + Sync>,
) -> impl Fn() -> bool + Clone + Send + Sync + 'static {
    move || flag()
}

/// Shows a view while something is so.
pub(crate) fn shown_if(
    is_so: Memo<bool>,
    view: impl Fn() -> AnyView + Send + Sync + 'static,
) -> impl IntoView {
    shown_if_boxed(is_so, Arc::new(view))
}

fn shown_if_boxed(is_so: Memo<bool>, view: Arc<dyn Fn() -> AnyView + Send + Sync>) -> AnyView {
    (move || is_so.get().then(|| view())).into_any()
}

/// `Effect::new` for an effect that does not need its last value.
macro_rules! effect {
    ($run:expr) => {
        $crate::reactive::effect_of(Box::new($run))
    };
}
/// `Memo::new` for a memo that does not need its last value.
macro_rules! memo {
    ($value:expr) => {
        $crate::reactive::memo_of(std::sync::Arc::new($value))
    };
}
/// A text in a view that is updated when its signals change.
macro_rules! text {
    ($text:expr) => {
        $crate::reactive::text_of(std::sync::Arc::new(move || $text))
    };
}
/// A condition in a view: all of `<Show when=flag!(…)>` are one.
macro_rules! flag {
    ($flag:expr) => {
        $crate::reactive::flag_of(std::sync::Arc::new(move || $flag))
    };
}
pub(crate) use {effect, flag, memo, text};
