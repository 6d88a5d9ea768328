//! The key packages of this device at the server, by which others add it while it is away.

use subrosa_wire::{
    frames::{PublishKeyPackages, client_frame::Request},
    limits::{KEY_PACKAGES_LOW, KEY_PACKAGES_TARGET},
};

use crate::{
    context::{Context, StepResult},
    requests::PendingRequest,
};

/// Publishes more key packages if the server has few left.
pub(crate) fn publish(cx: &mut Context<'_>, left: u32, has_last_resort: bool) -> StepResult {
    if cx.requests.is_pending(PendingRequest::PublishKeyPackages)
        || (left >= KEY_PACKAGES_LOW && has_last_resort)
        || !cx.connection.may_publish(cx.now)
    {
        return Ok(());
    }
    let device = cx.device;
    let mls = cx.mls();
    let count = usize::try_from(KEY_PACKAGES_TARGET.saturating_sub(left)).unwrap_or_default();
    let one_time = mls.key_packages(device, count)?;
    let last_resort = if has_last_resort {
        Vec::new()
    } else {
        mls.last_resort_key_package(device)?
    };
    cx.request(
        PendingRequest::PublishKeyPackages,
        Request::PublishKeyPackages(PublishKeyPackages {
            one_time: one_time.into_iter().map(Into::into).collect(),
            last_resort: last_resort.into(),
        }),
    );
    Ok(())
}
