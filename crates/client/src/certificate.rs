//! Renews this device's certificate. The engine says when; the server has to take it first.

use std::time::Duration;

use subrosa_engine::Event;
use subrosa_wire::DeviceId;
use tokio::sync::{broadcast, watch};

use crate::{
    ClientError, ambient, host::HostHandle, limits::CERTIFICATE_CHECK_INTERVAL, platform, rest::Rest,
    session::Session,
};

/// The certificate of this device.
pub(crate) struct CertificateRenewal {
    pub rest: Rest,
    pub session: Session,
    pub host: HostHandle,
    pub device_id: DeviceId,
}

impl CertificateRenewal {
    /// Renews the certificate whenever it is due, until `stop`.
    pub(crate) async fn work(self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.keep_valid() => {}
        }
    }

    async fn keep_valid(&self) {
        let mut events = self.host.events();
        loop {
            wait(&mut events, CERTIFICATE_CHECK_INTERVAL).await;
            match self.renew_if_due().await {
                Ok(()) => {}
                Err(ClientError::Closed) => return,
                Err(error) => tracing::warn!(%error, "the device certificate is not renewed yet"),
            }
        }
    }

    async fn renew_if_due(&self) -> Result<(), ClientError> {
        let due = self
            .host
            .run(|host| host.engine().certificate_to_put(ambient::now()))
            .await??;
        let Some(enrolment) = due else { return Ok(()) };
        self.session
            .with_token(|token| self.rest.put_certificate(token, self.device_id, &enrolment))
            .await?;
        tracing::info!("the device certificate is renewed");
        Ok(self
            .host
            .run(move |host| host.engine().certificate_put(&enrolment))
            .await??)
    }
}

/// Waits until the device has come up to date, but no longer than this.
async fn wait(events: &mut broadcast::Receiver<Event>, longest: Duration) {
    let caught_up = async {
        loop {
            match events.recv().await {
                Ok(Event::CaughtUp) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Ok(_) => {}
                // The client is closing, and this task is about to be stopped.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        () = caught_up => {}
        () = platform::sleep(longest) => {}
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test whose engine fails has failed")]

    use subrosa_wire::{Timestamp, rest::Tokens};

    use super::*;
    use crate::{
        fake::{FakeDevice, FakeRest, answer},
        platform::Tasks,
        session::StoredTokens,
    };

    #[tokio::test]
    async fn a_certificate_is_put_to_the_server_when_it_is_due_and_only_then() {
        let year = Duration::from_hours(365 * 24);
        let device = FakeDevice::certified_at(ambient::now().minus(year));
        let server = FakeRest::answering(vec![answer("204 No Content", "text/plain", "")]).await;
        let tokens = Tokens {
            access_token: "a".into(),
            access_expires_at: Timestamp::from_millis(1),
            refresh_token: "r".into(),
            refresh_expires_at: Timestamp::from_millis(2),
        };
        let renewal = CertificateRenewal {
            rest: server.rest.clone(),
            session: Session::start(
                &Tasks::default(),
                server.rest.clone(),
                device.host.clone(),
                device.device_id,
                Some(StoredTokens::new(tokens, ambient::now())),
            ),
            host: device.host.clone(),
            device_id: device.device_id,
        };
        // The second time it is not due: the server would not answer.
        for _ in 0..2 {
            renewal.renew_if_due().await.unwrap();
        }
        let later = ambient::now().plus(year).minus(Duration::from_hours(24));
        let due = device
            .host
            .run(move |host| host.engine().certificate_to_put(later));
        assert!(due.await.unwrap().unwrap().is_none(), "the new one is not in use");
        let requests = server.requests().await;
        let line = format!("PUT /v1/devices/{}/certificate ", device.device_id);
        assert!(requests[0].starts_with(&line), "{requests:?}");
    }
}
