//! The errors of the SDK, grouped by what an application can do about them.

use std::{fmt, path::PathBuf, time::Duration};

use subrosa_engine::{CommandError, EngineError, GivenUp};
use subrosa_wire::{ProblemCode, frames, problem::ProblemDocument};

use crate::ClockDifference;

/// Why a call failed.
///
/// ```no_run
/// use subrosa_client::ClientError;
///
/// # fn example(error: subrosa_client::ClientError) {
/// match error {
///     ClientError::Unreachable { .. } | ClientError::TimedOut { .. } => println!("try again later"),
///     ClientError::SignedOut(_) | ClientError::NoProfile(_) => println!("sign in first"),
///     error => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    // ---- the profile ----
    /// There is no account in this profile.
    #[error("nobody is signed in here ({}): sign up or sign in first", .0.display())]
    NoProfile(PathBuf),
    /// There already is an account in this profile.
    #[error("somebody is signed in here already ({}): sign out first, or use another profile", .0.display())]
    ProfileExists(PathBuf),
    /// Another process has the profile open.
    #[error("this profile is in use by another subrosa process ({})", .0.display())]
    ProfileInUse(PathBuf),
    /// The profile's files cannot be read or written.
    #[error("the profile {} cannot be used: {reason}", .path.display())]
    Profile {
        /// The folder.
        path: PathBuf,
        /// The reason.
        reason: String,
    },

    /// The disk is full. What is stored is kept, and it works again when there is space.
    #[error("the disk is full: make some room on it, then try again")]
    StorageFull,
    /// This browser lacks a feature without which nothing can be stored.
    #[error("this browser lacks {0}")]
    Unsupported(&'static str),
    /// The browser has removed this device's data.
    #[error("the browser has removed the data of this device: sign in again")]
    Evicted,

    // ---- the session ----
    /// The server signed this device out, or its session ended.
    #[error("this device is signed out: {0}")]
    SignedOut(String),

    // ---- the clock ----
    /// This device's clock is too far from the server's: others would refuse what it signs.
    #[error("this device's clock is {0}: set it, then try again")]
    WrongClock(ClockDifference),

    // ---- the network and the server ----
    /// There is no connection to the server.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable {
        /// The server's address.
        server: String,
        /// The reason.
        reason: String,
    },
    /// It did not happen within the given time.
    #[error("{what} took too long{}", because(.refusal.as_ref()))]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// What the server said when it was last asked for it, if it refused.
        refusal: Option<Refusal>,
    },
    /// The server refused.
    #[error("{0}")]
    Refused(Refusal),
    /// The server speaks another version of the protocol.
    #[error("{}", mismatch(*server, *client))]
    VersionMismatch {
        /// The server's version, if it said which.
        server: Option<u32>,
        /// This client's version.
        client: u32,
    },
    /// The server answered with something invalid.
    #[error("the server misbehaves: {0}")]
    ServerMisbehaved(String),

    // ---- the call ----
    /// The password cannot be used.
    #[error("{0}")]
    Password(String),
    /// Handle or password is wrong; the server does not say which.
    #[error("handle or password is wrong")]
    WrongPassword,
    /// The name cannot be used.
    #[error("{0}")]
    Name(String),
    /// Nobody has this handle.
    #[error("nobody is called @{0} here")]
    UnknownPerson(String),
    /// The invite link leads to another server than the one of this profile.
    #[error("the link leads to a group at {0}, where this profile has no account")]
    OtherServer(String),
    /// The engine refused a command.
    #[error(transparent)]
    Command(CommandError),
    /// A change of a group cannot be made any more.
    #[error("the change was given up: {0}")]
    ChangeGivenUp(GivenUp),

    // ---- this program ----
    /// The local database failed.
    #[error(transparent)]
    Engine(EngineError),
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
}

impl ClientError {
    /// The server's reason, if it refused.
    ///
    /// ```no_run
    /// # fn example(error: subrosa_client::ClientError) {
    /// if let Some(wait) = error.refusal().and_then(|refusal| refusal.retry_after_ms) {
    ///     println!("try again in {wait} ms");
    /// }
    /// # }
    /// ```
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether there is no space left where the profile is. Nothing is lost, and it works again once there is space.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// match chat.send_text("good morning").await {
    ///     Err(error) if error.is_storage_full() => println!("free some space, then send it again"),
    ///     sent => drop(sent?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_storage_full(&self) -> bool {
        match self {
            Self::StorageFull => true,
            Self::Engine(error) => error.is_storage_full(),
            _ => false,
        }
    }

    /// Whether the server refused for this reason.
    pub(crate) fn is_refusal(&self, code: ProblemCode) -> bool {
        self.refusal()
            .is_some_and(|refusal| refusal.code == code.as_str())
    }
}

fn because(refusal: Option<&Refusal>) -> String {
    refusal.map_or_else(String::new, |refusal| {
        format!(": the server answers {}, {refusal}", refusal.code)
    })
}

fn mismatch(server: Option<u32>, client: u32) -> String {
    match server {
        Some(server) if server > client => format!(
            "the server speaks version {server} of the protocol and this client version {client}: update the client"
        ),
        Some(server) => format!(
            "the server speaks version {server} of the protocol and this client version {client}: the server needs an update"
        ),
        None => format!(
            "the server does not speak version {client} of the protocol, which is that of this client, and does not say \
             which it speaks: one of them needs an update"
        ),
    }
}

/// The version of the protocol that a server names, where 0 stands for none.
pub(crate) fn named_version(version: u32) -> Option<u32> {
    (version > 0).then_some(version)
}

impl From<Refusal> for ClientError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<EngineError> for ClientError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Command(error) => Self::Command(error),
            error => Self::Engine(error),
        }
    }
}

/// Why a server refused, from a problem document or a problem frame.
///
/// See [`ClientError::refusal`] for an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code; a newer server may use codes that [`ProblemCode`] does not know.
    pub code: String,
    /// One line for people.
    pub title: String,
    /// What happened this time: untrusted text from the server.
    pub detail: String,
    /// After how many milliseconds to try again, if the server said so.
    pub retry_after_ms: Option<u32>,
}

impl Refusal {
    /// Something between client and server is overloaded.
    pub(crate) fn of_overload(detail: String, retry_after: Option<Duration>) -> Self {
        Self::without_server(ProblemCode::Unavailable, detail, retry_after)
    }

    /// Something between client and server wants fewer requests.
    pub(crate) fn of_rate_limit(detail: String, retry_after: Option<Duration>) -> Self {
        Self::without_server(ProblemCode::RateLimited, detail, retry_after)
    }

    fn without_server(code: ProblemCode, detail: String, retry_after: Option<Duration>) -> Self {
        Self {
            code: code.as_str().to_owned(),
            title: code.title().to_owned(),
            detail,
            retry_after_ms: retry_after.map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)),
        }
    }

    /// The code, if this build knows it.
    ///
    /// ```no_run
    /// use subrosa_client::ProblemCode;
    ///
    /// # fn example(refusal: subrosa_client::Refusal) {
    /// if refusal.known_code() == Some(ProblemCode::RateLimited) {
    ///     println!("{}", refusal.title);
    /// }
    /// # }
    /// ```
    pub fn known_code(&self) -> Option<ProblemCode> {
        ProblemCode::parse(&self.code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        if !self.detail.is_empty() && self.detail != self.title {
            write!(f, " ({})", self.detail)?;
        }
        if let Some(wait) = self.retry_after_ms {
            write!(f, "; try again in {} s", wait.div_ceil(1000))?;
        }
        Ok(())
    }
}

impl From<ProblemDocument> for Refusal {
    fn from(document: ProblemDocument) -> Self {
        Self {
            code: document.code,
            title: document.title,
            detail: document.detail,
            retry_after_ms: document.retry_after_ms,
        }
    }
}

impl From<frames::Problem> for Refusal {
    fn from(problem: frames::Problem) -> Self {
        let title = problem
            .known_code()
            .map_or_else(|| problem.code.clone(), |code| code.title().to_owned());
        Self {
            title,
            code: problem.code,
            detail: problem.detail,
            retry_after_ms: (problem.retry_after_ms > 0).then_some(problem.retry_after_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_as_one_line() {
        let mut document = ProblemDocument::new(ProblemCode::RateLimited, "sign-in of this handle");
        document.retry_after_ms = Some(1500);
        assert_eq!(
            Refusal::from(document).to_string(),
            "too many requests, try again later (sign-in of this handle); try again in 2 s"
        );
        let frame = frames::Problem {
            code: "made_later".into(),
            ..Default::default()
        };
        assert_eq!(Refusal::from(frame).to_string(), "made_later");
    }

    #[test]
    fn a_version_mismatch_says_who_is_behind() {
        let mismatch = |server| ClientError::VersionMismatch { server, client: 1 };
        let behind = mismatch(named_version(2));
        assert!(behind.to_string().ends_with("update the client"));
        let ahead = ClientError::VersionMismatch {
            server: Some(1),
            client: 2,
        };
        assert!(ahead.to_string().ends_with("the server needs an update"));
    }

    /// It was said to speak version 0.
    #[test]
    fn a_server_that_names_no_version_is_not_said_to_speak_one() {
        let error = ClientError::VersionMismatch {
            server: named_version(0),
            client: 1,
        };
        assert_eq!(
            error.to_string(),
            "the server does not speak version 1 of the protocol, which is that of this client, and does not say \
             which it speaks: one of them needs an update"
        );
    }

    #[test]
    fn what_took_too_long_says_why_the_server_refused() {
        let late = |refusal| ClientError::TimedOut {
            what: "coming up to date",
            refusal,
        };
        assert_eq!(late(None).to_string(), "coming up to date took too long");
        let document = ProblemDocument::new(ProblemCode::Internal, "disk on fire");
        assert_eq!(
            late(Some(document.into())).to_string(),
            "coming up to date took too long: the server answers internal, the server failed (disk on fire)"
        );
    }
}
