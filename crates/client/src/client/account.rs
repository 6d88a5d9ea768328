//! This account and this device.

use subrosa_engine::{Command, Me};
use subrosa_wire::{DeviceId, Handle};

use super::Client;
use crate::{ClientError, ServerUrl};

impl Client {
    /// This account and device.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let me = client.me().await?;
    /// let name = me.name.unwrap_or_else(|| me.handle.to_string());
    /// println!("signed in as {name}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.ask(|engine| Ok(engine.me().clone())).await
    }

    /// This device.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// for device in client.devices().await? {
    ///     let note = if device.device_id == client.device_id() { "this device" } else { "" };
    ///     println!("{} {note}", device.device_id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn device_id(&self) -> DeviceId {
        self.shared.me.device_id
    }

    /// This account's handle.
    ///
    /// ```no_run
    /// # fn example(client: subrosa_client::Client) {
    /// println!("signed in as @{}", client.handle());
    /// # }
    /// ```
    pub fn handle(&self) -> &Handle {
        &self.shared.me.handle
    }

    /// The server of this account.
    ///
    /// ```no_run
    /// # fn example(client: subrosa_client::Client) {
    /// println!("signed in at {}", client.server());
    /// # }
    /// ```
    pub fn server(&self) -> &ServerUrl {
        &self.shared.server
    }

    /// Changes this account's display name; `None` removes it. Others receive it with the next message.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// client.set_name(Some("Ada Lovelace".to_owned())).await?;
    /// assert_eq!(client.me().await?.name.as_deref(), Some("Ada Lovelace"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_name(&self, name: Option<String>) -> Result<(), ClientError> {
        self.command(Command::SetName(name)).await.map(drop)
    }
}
