//! The SDK's main type: one device of an account, as applications and bots use it.

mod account;
mod chat;
mod connection;
mod devices;
mod directory;
mod groups;
mod links;
mod unsaved_code;

use std::{
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use subrosa_engine::{Command, Engine, EngineError, Event, Me};
use tokio::sync::{Notify, watch};

use crate::{
    ClientError, ServerUrl, accounts,
    host::HostHandle,
    platform::{EngineThread, Network, Profile, Tasks},
    rest::Rest,
    session::{Session, StoredTokens},
};

pub use chat::Chat;
pub use devices::Device;
pub use directory::HandleComparison;
pub use groups::MemberChange;
pub use links::{ChatLink, LinkOptions, LinkPage};

/// One device of an account. Clones are handles to the same device.
///
/// Created by [`Client::sign_up`], [`Client::sign_in`], [`Client::recover`] or [`Client::open`], always within a tokio
/// runtime, and not connected until [`Client::connect`].
///
/// ```no_run
/// use std::time::Duration;
///
/// use subrosa_client::Client;
///
/// # async fn example() -> Result<(), subrosa_client::ClientError> {
/// let client = Client::open("/home/me/bot".as_ref()).await?;
/// client.connect();
/// let chat = client.open_chat(&"ada".parse().expect("a handle")).await?;
/// chat.send_text("good morning").await?;
/// client.settle(Duration::from_secs(30)).await?;
/// client.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    me: Me,
    server: ServerUrl,
    network: Network,
    rest: Rest,
    session: Session,
    host: HostHandle,
    /// Returns the profile when the engine is closed.
    thread: Mutex<Option<EngineThread>>,
    tasks: Tasks,
    /// `true` stops the tasks of [`Client::connect`]; dropping it does, too.
    stop: watch::Sender<bool>,
    is_connecting: AtomicBool,
    retry_now: Arc<Notify>,
}

impl Client {
    /// Opens the device in a profile folder.
    ///
    /// ```no_run
    /// use subrosa_client::{Client, ClientError};
    ///
    /// # async fn example() -> Result<(), subrosa_client::ClientError> {
    /// let client = match Client::open("/home/me/bot".as_ref()).await {
    ///     Err(ClientError::ProfileInUse(_)) => panic!("the bot runs already"),
    ///     opened => opened?,
    /// };
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open(folder: &Path) -> Result<Self, ClientError> {
        let (profile, engine, server) = accounts::open_profile(folder).await?;
        Self::start(profile, engine, server)
    }

    /// Opens the device in a profile folder, for a server that has another address here. The device's tokens are sent
    /// to that address, so it has to come from the user.
    ///
    /// ```no_run
    /// use subrosa_client::Client;
    ///
    /// # async fn example() -> Result<(), subrosa_client::ClientError> {
    /// let server = "http://localhost:8080".parse().expect("an address");
    /// let client = Client::open_at("/home/me/bot".as_ref(), server).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open_at(folder: &Path, server: ServerUrl) -> Result<Self, ClientError> {
        let (profile, engine, _) = accounts::open_profile(folder).await?;
        Self::start(profile, engine, server)
    }

    /// Starts the threads and tasks of a device.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(
            clippy::arc_with_non_send_sync,
            reason = "a worker has one thread; natively there are many"
        )
    )]
    pub(crate) fn start(profile: Profile, engine: Engine, server: ServerUrl) -> Result<Self, ClientError> {
        let me = engine.me().clone();
        let tokens = StoredTokens::load(&engine)?;
        let network = Network::to(&server)?;
        let rest = Rest::new(server.clone(), &network)?;
        let folder = profile.folder().to_owned();
        let (host, thread) = HostHandle::start(engine, profile).map_err(|error| ClientError::Profile {
            path: folder,
            reason: error.to_string(),
        })?;
        let tasks = Tasks::default();
        tracing::info!(account = %me.account_id, device = %me.device_id, %server, "opened a profile");
        let session = Session::start(&tasks, rest.clone(), host.clone(), me.device_id, tokens);
        Ok(Self {
            shared: Arc::new(Shared {
                me,
                server,
                network,
                rest,
                session,
                host,
                thread: Mutex::new(Some(thread)),
                tasks,
                stop: watch::Sender::new(false),
                is_connecting: AtomicBool::new(false),
                retry_now: Arc::new(Notify::new()),
            }),
        })
    }

    pub(crate) fn rest(&self) -> &Rest {
        &self.shared.rest
    }

    /// Runs a command, and returns the events that it led to.
    async fn command(&self, command: Command) -> Result<Vec<Event>, ClientError> {
        Ok(self.shared.host.run(move |host| host.command(command)).await??)
    }

    /// Runs a query.
    async fn ask<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, ClientError> {
        Ok(self.shared.host.run(move |host| query(host.engine())).await??)
    }
}
