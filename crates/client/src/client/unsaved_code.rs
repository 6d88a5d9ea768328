//! A recovery code that the user has not confirmed to have saved: it stays on this device until then.

use subrosa_engine::account::RecoveryCode;
use zeroize::Zeroizing;

use super::Client;
use crate::ClientError;

/// The name of the setting that holds it.
const SETTING: &str = "unsaved-recovery-code";

impl Client {
    /// Keeps a recovery code in the database of this device until the user has confirmed to have saved it: without it, an
    /// app that ends before that would have lost the code.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, code: subrosa_client::RecoveryCode) -> Result<(), subrosa_client::ClientError> {
    /// client.keep_unsaved_code(&code).await?;
    /// let kept = client.unsaved_code().await?.expect("it was just kept");
    /// println!("write this down: {}", kept.as_str());
    /// client.forget_saved_code().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn keep_unsaved_code(&self, code: &RecoveryCode) -> Result<(), ClientError> {
        self.set_unsaved_code(Some(code.expose())).await
    }

    /// The recovery code that the user has not confirmed to have saved, in groups.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let is_saved = client.unsaved_code().await?.is_none();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn unsaved_code(&self) -> Result<Option<Zeroizing<String>>, ClientError> {
        let stored = self.ask(|engine| engine.setting(SETTING)).await?;
        Ok(stored.and_then(|bytes| Some(Zeroizing::new(std::str::from_utf8(&bytes).ok()?.to_owned()))))
    }

    /// The user has saved the recovery code: this device forgets it.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// client.forget_saved_code().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn forget_saved_code(&self) -> Result<(), ClientError> {
        self.set_unsaved_code(None).await
    }

    async fn set_unsaved_code(&self, code: Option<Zeroizing<String>>) -> Result<(), ClientError> {
        let set = self.shared.host.run(move |host| {
            let value = code.as_ref().map(|code| code.as_bytes());
            host.engine().set_setting(SETTING, value)
        });
        Ok(set.await??)
    }
}
