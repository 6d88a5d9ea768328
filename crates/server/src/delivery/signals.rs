//! `PassOn`: what is worth something only now, such as that somebody types. Nothing of it is kept.

use std::num::NonZeroU32;

use subrosa_wire::{
    DeviceId,
    frames::{PassOn, Problem, Signal},
    limits,
};

use super::{
    Service,
    requests::{bounded, conversation_id, device_bytes},
};
use crate::{session::Session, store::delivery::Audience};

impl Service {
    /// Passes signals on to the connected devices of the other accounts. One of a conversation that the device is not in
    /// is dropped.
    pub(super) async fn pass_on(&self, session: &Session, PassOn { signals }: PassOn) -> Result<(), Problem> {
        let mut ids = Vec::with_capacity(signals.len());
        for signal in &signals {
            ids.push(conversation_id(&signal.conversation_id)?);
            bounded("sealed", &signal.sealed, limits::SIGNAL_MAX)?;
        }
        let Some(count) = u32::try_from(signals.len()).ok().and_then(NonZeroU32::new) else {
            return Ok(());
        };
        self.signals.check_many(session.device_id, count)?;
        let audiences = self.store.audiences(ids).await?;
        let mut outgoing = self.fanout.batch();
        let mut pushed = 0;
        for (signal, audience) in signals.into_iter().zip(audiences) {
            let devices = others(session, &audience);
            if devices.is_empty() {
                continue;
            }
            let signal = Signal {
                device_id: device_bytes(session.device_id),
                ..signal
            };
            pushed += outgoing.signal(&devices, signal).connections;
        }
        outgoing.send();
        metrics::counter!("subrosa_signals_pushed_total").increment(pushed);
        Ok(())
    }
}

/// The devices that a signal is for; none if the sender is not one of the audience itself.
fn others(session: &Session, audience: &Audience) -> Vec<DeviceId> {
    if !audience
        .iter()
        .any(|(device_id, _)| *device_id == session.device_id)
    {
        return Vec::new();
    }
    audience
        .iter()
        .filter(|(_, account_id)| *account_id != session.account_id)
        .map(|(device_id, _)| *device_id)
        .collect()
}
