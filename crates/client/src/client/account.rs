//! This account and this device.

use subrosa_engine::{Command, Me, Picture, Privacy};
use subrosa_wire::{AccountId, DeviceId, Handle};

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

    /// Changes this account's picture; `None` removes it. It is a JPEG, PNG or WebP file of at most 60 KiB and 1,024 pixels
    /// on each side. Others get it with the next message.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// client.set_picture(Some(std::fs::read("portrait.jpg")?)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_picture(&self, picture: Option<Vec<u8>>) -> Result<(), ClientError> {
        self.command(Command::SetPicture(picture)).await.map(drop)
    }

    /// The picture of a person, or of this account itself. Untrusted, like their name.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let me = client.me().await?.account_id;
    /// if let Some(picture) = client.picture(me).await? {
    ///     std::fs::write("portrait", picture.as_bytes())?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn picture(&self, account: AccountId) -> Result<Option<Picture>, ClientError> {
        self.ask(move |engine| engine.picture(account)).await
    }

    /// Changes what others see of this account, on all its devices: see [`Me::privacy`].
    ///
    /// ```no_run
    /// use subrosa_client::Privacy;
    ///
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let privacy = client.me().await?.privacy;
    /// client.set_privacy(Privacy { read_receipts: false, ..privacy }).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_privacy(&self, privacy: Privacy) -> Result<(), ClientError> {
        self.command(Command::SetPrivacy(privacy)).await.map(drop)
    }

    /// Sets whether the user is looking at the app. Others see it, unless [`Privacy::last_seen`] is off; to say it again
    /// now and then is the client's matter. A bot that is always there need not say so.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// client.set_here(true).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_here(&self, is_here: bool) -> Result<(), ClientError> {
        self.command(Command::SetHere(is_here)).await.map(drop)
    }
}
