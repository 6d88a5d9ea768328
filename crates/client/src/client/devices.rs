//! The devices of this account, and signing them out.

use subrosa_engine::{Command, Engine};
use subrosa_mls::UnverifiedCertificate;
use subrosa_wire::{DeviceId, Timestamp, rest};

use super::Client;
use crate::ClientError;

/// A device of the account.
///
/// See [`Client::devices`] for an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub device_id: DeviceId,
    /// What the account's devices call it.
    pub name: Option<String>,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it was last connected, to the hour, and not before it signed in.
    pub last_seen_at: Timestamp,
    /// Whether it is this one.
    pub current: bool,
    /// Whether its certificate is one of this account. If not, the server made it up.
    pub certified: bool,
}

impl Client {
    /// This account's devices that are signed in, as the server lists them; needs the server.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// for device in client.devices().await? {
    ///     if !device.certified {
    ///         println!("the server invented {}", device.device_id);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn devices(&self) -> Result<Vec<Device>, ClientError> {
        let rest = &self.shared.rest;
        let answer = self
            .shared
            .session
            .with_token(|token| rest.devices(token))
            .await?;
        self.fetch_names().await;
        let mut names = self.ask(Engine::device_names).await?;
        Ok(answer
            .devices
            .into_iter()
            .map(|device| self.checked(&device, names.remove(&device.device_id)))
            .collect())
    }

    /// Names a device of the account, for all of its devices; `None` removes the name. The server does not learn it.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let name = Some("the bot in the cellar".to_owned());
    /// client.name_device(client.device_id(), name).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn name_device(&self, device: DeviceId, name: Option<String>) -> Result<(), ClientError> {
        self.fetch_names().await;
        self.command(Command::NameDevice(device, name)).await?;
        if let Err(error) = self.vault_copy().store().await {
            tracing::info!(%error, "the vault is stored with the next connection");
        }
        Ok(())
    }

    /// Learns how other devices have named devices: nothing else tells that the vault has changed.
    async fn fetch_names(&self) {
        if let Err(error) = self.vault_copy().fetch().await {
            tracing::info!(%error, "the vault is fetched with the next connection");
        }
    }

    /// Checks a device that the server lists, which might be made up.
    fn checked(&self, device: &rest::Device, name: Option<String>) -> Device {
        let certificate = UnverifiedCertificate::decode(&device.certificate.0)
            .and_then(UnverifiedCertificate::verify_signature);
        Device {
            device_id: device.device_id,
            name,
            created_at: device.created_at,
            last_seen_at: device.last_seen_at.max(device.created_at),
            current: device.device_id == self.shared.me.device_id,
            certified: certificate.is_ok_and(|certificate| {
                certificate.account_id() == self.shared.me.account_id
                    && certificate.device_id() == device.device_id
            }),
        }
    }

    /// Signs another device of the account out; needs the server.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let devices = client.devices().await?;
    /// for device in devices.iter().filter(|device| !device.current) {
    ///     client.sign_out_device(device.device_id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_out_device(&self, device: DeviceId) -> Result<(), ClientError> {
        let rest = &self.shared.rest;
        self.shared
            .session
            .with_token(|token| rest.sign_out_device(token, device))
            .await?;
        // The account's other devices do not miss it then.
        self.command(Command::DeviceSignedOut(device)).await?;
        if device != self.device_id()
            && let Err(error) = self.vault_copy().store().await
        {
            tracing::info!(%error, "the vault is stored with the next connection");
        }
        Ok(())
    }

    /// Signs this device out at the server and removes the profile. If the server cannot be reached, nothing happens;
    /// see [`Client::forget`].
    ///
    /// ```no_run
    /// use subrosa_client::ClientError;
    ///
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// match client.clone().sign_out().await {
    ///     Err(ClientError::Unreachable { reason, .. }) => println!("still signed in: {reason}"),
    ///     answer => answer?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_out(self) -> Result<(), ClientError> {
        self.sign_out_at_server().await?;
        self.forget().await
    }

    /// Signs this device out at the server, without removing the profile; see [`Client::forget`].
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// // The two steps of `sign_out`, to say which one failed.
    /// client.sign_out_at_server().await?;
    /// client.forget().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_out_at_server(&self) -> Result<(), ClientError> {
        // Before, because afterwards this device cannot store the vault. If the sign-out fails, the device enters
        // itself again with its next connection.
        self.command(Command::DeviceSignedOut(self.device_id())).await?;
        if let Err(error) = self.vault_copy().store().await {
            tracing::info!(%error, "the vault still names this device");
        }
        match self.sign_out_device(self.device_id()).await {
            // Another device has already signed it out.
            Err(ClientError::SignedOut(_)) => Ok(()),
            answer => answer,
        }
    }

    /// Removes the profile without telling the server. Until its session ends there, or another device
    /// signs it out, others still encrypt for this device, whose keys are gone.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// if client.sign_out_at_server().await.is_err() {
    ///     println!("sign this device out from another one");
    /// }
    /// client.forget().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn forget(self) -> Result<(), ClientError> {
        self.into_profile().await?.remove().await
    }
}
