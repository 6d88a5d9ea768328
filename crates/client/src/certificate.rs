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
