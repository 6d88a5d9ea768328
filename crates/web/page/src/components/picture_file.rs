//! Makes of a file that the user has chosen the picture that others get: a small square, cut from the middle, drawn anew
//! and so without what a camera has written into the file.

use std::pin::Pin;

use js_sys::{Reflect, Uint8Array};
use leptos::{html::Input, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, File, ImageBitmap, ImageEncodeOptions, OffscreenCanvas, OffscreenCanvasRenderingContext2d,
};

use crate::{
    browser,
    limits::{PICTURE_FILE_MAX, PICTURE_MAX, PICTURE_SIDE},
    model::pictures::Square,
};

/// The qualities of JPEG, tried in this order until the picture is small enough.
const QUALITIES: [f64; 4] = [0.85, 0.7, 0.5, 0.3];

/// Why no picture can be made of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It has too many bytes.
    TooLarge,
    /// It is not a picture that the browser can read.
    Unreadable,
}

/// Works on a file.
type Take = dyn Fn(File) -> Pin<Box<dyn Future<Output = ()>>>;

/// Lets the user choose a file.
#[derive(Clone, Copy)]
pub(crate) struct Chooser {
    input: NodeRef<Input>,
    /// Whether a file is being worked on; until then no other can be chosen.
    pub(crate) busy: RwSignal<bool>,
}

impl Chooser {
    pub(crate) fn new() -> Self {
        Self {
            input: NodeRef::new(),
            busy: RwSignal::new(false),
        }
    }

    /// Opens the browser's own dialog.
    pub(crate) fn open(self) {
        if let Some(input) = self.input.get_untracked().filter(|_| !self.busy.get_untracked()) {
            input.click();
        }
    }

    /// The field, which is not shown. `take` is given what was chosen.
    pub(crate) fn field<F: Future<Output = ()> + 'static>(
        self,
        name: &'static str,
        take: impl Fn(File) -> F + 'static,
    ) -> AnyView {
        self.field_boxed(name, Box::new(move |file| Box::pin(take(file))))
    }

    fn field_boxed(self, name: &'static str, take: Box<Take>) -> AnyView {
        let chosen = move |_| {
            let Some(input) = self.input.get_untracked() else {
                return;
            };
            let file = input.files().and_then(|files| files.get(0));
            // The same file can be chosen again.
            input.set_value("");
            let Some(file) = file.filter(|_| !self.busy.get_untracked()) else {
                return;
            };
            self.busy.set(true);
            let taken = take(file);
            spawn_local(async move {
                taken.await;
                self.busy.try_set(false);
            });
        };
        view! { <input type="file" accept="image/*" hidden=true node_ref=self.input data-testid=name on:change=chosen /> }
            .into_any()
    }
}

/// The picture, as a JPEG file.
pub(crate) async fn prepare(file: &File) -> Result<Vec<u8>, Unusable> {
    if file.size() > PICTURE_FILE_MAX {
        return Err(Unusable::TooLarge);
    }
    let canvas = draw(file).await.ok_or(Unusable::Unreadable)?;
    for quality in QUALITIES {
        let picture = encode(&canvas, quality).await.ok_or(Unusable::Unreadable)?;
        if picture.len() <= PICTURE_MAX {
            return Ok(picture);
        }
    }
    Err(Unusable::Unreadable)
}

/// The middle of the picture in a file, in the size in which it is shown.
async fn draw(file: &File) -> Option<OffscreenCanvas> {
    let decoding = browser::window().create_image_bitmap_with_blob(file).ok()?;
    let bitmap: ImageBitmap = JsFuture::from(decoding).await.ok()?.dyn_into().ok()?;
    let canvas = draw_bitmap(&bitmap);
    bitmap.close();
    canvas
}

fn draw_bitmap(bitmap: &ImageBitmap) -> Option<OffscreenCanvas> {
    let canvas = OffscreenCanvas::new(PICTURE_SIDE, PICTURE_SIDE).ok()?;
    let context: OffscreenCanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    let side = f64::from(PICTURE_SIDE);
    // JPEG has no transparency: without this, what is transparent would be black.
    context.set_fill_style_str("#fff");
    context.fill_rect(0.0, 0.0, side, side);
    Reflect::set(&context, &"imageSmoothingQuality".into(), &"high".into()).ok()?;
    let from = Square::in_the_middle(bitmap.width(), bitmap.height());
    context
        .draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            bitmap, from.left, from.top, from.side, from.side, 0.0, 0.0, side, side,
        )
        .ok()?;
    Some(canvas)
}

async fn encode(canvas: &OffscreenCanvas, quality: f64) -> Option<Vec<u8>> {
    let options = ImageEncodeOptions::new();
    options.set_type("image/jpeg");
    options.set_quality(quality);
    let encoding = canvas.convert_to_blob_with_options(&options).ok()?;
    let blob: Blob = JsFuture::from(encoding).await.ok()?.dyn_into().ok()?;
    let bytes = JsFuture::from(blob.array_buffer()).await.ok()?;
    Some(Uint8Array::new(&bytes).to_vec())
}
