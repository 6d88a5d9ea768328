//! The pictures of people and groups, for their avatars: fetched from the worker once for each version, and shown from memory.
//!
//! A picture is untrusted. The page names its media type by its first bytes and shows it in an `<img>`, where nothing
//! but a picture can come of it.

use js_sys::{Array, Uint8Array};
use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Request};
use web_sys::{Blob, BlobPropertyBag, Url};

use crate::{
    link,
    model::pictures::{PictureCache, Portrait, Subject, media_type},
};

/// The pictures that the page keeps.
#[derive(Clone, Copy)]
struct Pictures(StoredValue<PictureCache>);

/// Keeps pictures for the component that calls it and for all in it, and drops them with it.
pub(crate) fn provide() {
    let cache = StoredValue::new(PictureCache::default());
    provide_context(Pictures(cache));
    on_cleanup(move || {
        let kept = cache.try_update_value(PictureCache::clear);
        revoke(kept.into_iter().flatten());
    });
}

/// A picture, once it is there. `is_shown` becomes `true` when it takes the place of what is below it.
pub(super) fn picture(portrait: Portrait, is_shown: RwSignal<bool>) -> impl IntoView {
    let pictures = expect_context::<Pictures>();
    let address = pictures.address(portrait);
    // One that has been shown before is there at once.
    is_shown.set(address.with_untracked(Option::is_some));
    move || {
        let address = address.get();
        if address.is_none() {
            is_shown.set(false);
        }
        address.map(|address| {
            let shown = address.clone();
            view! {
                <img src=address alt="" draggable="false" data-testid="picture"
                    on:load=move |_| { is_shown.try_set(true); }
                    on:error=move |_| pictures.refuse(portrait, &shown) />
            }
        })
    }
}

impl Pictures {
    fn address(self, portrait: Portrait) -> ArcRwSignal<Option<String>> {
        let Some(found) = self.0.try_update_value(|cache| cache.find(portrait)) else {
            return ArcRwSignal::default();
        };
        revoke(found.dropped);
        if found.is_wanted {
            spawn_local(self.load(portrait));
        }
        found.address
    }

    async fn load(self, portrait: Portrait) {
        let request = match portrait.of {
            Subject::Person(account) => Request::Picture { account },
            Subject::Group(chat) => Request::GroupPicture(chat),
        };
        let Ok(Answer::Picture(file)) = link::call(request).await else {
            self.0.try_update_value(|cache| cache.forget(portrait));
            return;
        };
        let address = file.and_then(|file| address_of(&file));
        // If the page has no use for pictures any more, nobody else revokes it.
        let unused = match self
            .0
            .try_update_value(|cache| cache.put(portrait, address.clone()))
        {
            Some(unused) => unused,
            None => address,
        };
        revoke(unused);
    }

    fn refuse(self, portrait: Portrait, address: &str) {
        let refused = self
            .0
            .try_update_value(|cache| cache.refuse(portrait.of, address));
        revoke(refused.flatten());
    }
}

/// An address at which the page finds a picture; `None` if it is none.
pub(crate) fn address_of(file: &[u8]) -> Option<String> {
    let options = BlobPropertyBag::new();
    options.set_type(media_type(file)?);
    let parts = Array::of1(&Uint8Array::from(file));
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options).ok()?;
    Url::create_object_url_with_blob(&blob).ok()
}

/// Addresses that nobody uses any more.
pub(crate) fn revoke(addresses: impl IntoIterator<Item = String>) {
    for address in addresses {
        let _ = Url::revoke_object_url(&address);
    }
}
