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
pub(crate) use {effect, memo, text};
