//! The exit codes, which are part of the interface: scripts branch on them.

use std::{io, process::ExitCode};

use subrosa_client::{ClientError, CommandError, GivenUp, ProblemCode};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// An error without a code of its own.
    Failure = 1,
    /// The command line or the input is invalid. (clap uses the same code.)
    Usage = 2,
    /// Nobody is signed in, or this device was signed out.
    NotSignedIn = 3,
    /// The server cannot be reached or used.
    Unreachable = 4,
    /// The server refused.
    Refused = 5,
    /// It did not happen in time. A message or a changed setting stays stored and is sent later.
    TimedOut = 6,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// For the help text.
pub(crate) const HELP: &str = "\
Exit codes:
  0  success
  1  failure
  2  the command line or the input is not valid
  3  no one is signed in to this profile
  4  the server cannot be reached, or uses another version of the protocol
  5  the server refused (wrong password, handle taken, unknown person …)
  6  timed out (a message or a changed setting is kept and sent later)";

/// A failure with an exit code that no [`ClientError`] stands for.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) code: Code,
    message: String,
    problem: Option<ProblemCode>,
}

/// The command line or the input is invalid.
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    Failure {
        code: Code::Usage,
        message: message.into(),
        problem: None,
    }
    .into()
}

/// The server refused, as the client learned later.
pub(crate) fn refused(message: impl Into<String>) -> anyhow::Error {
    Failure {
        code: Code::Refused,
        message: message.into(),
        problem: None,
    }
    .into()
}

/// It did not happen in time.
pub(crate) fn timed_out(message: impl Into<String>) -> anyhow::Error {
    Failure {
        code: Code::TimedOut,
        message: message.into(),
        problem: None,
    }
    .into()
}

/// Client and server are incompatible.
pub(crate) fn incompatible(message: impl Into<String>) -> anyhow::Error {
    Failure {
        code: Code::Unreachable,
        message: message.into(),
        problem: Some(ProblemCode::UnsupportedVersion),
    }
    .into()
}

/// Whether standard output was closed by its reader.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The exit code for an error.
pub(crate) fn code(error: &anyhow::Error) -> Code {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.code;
    }
    error
        .downcast_ref::<ClientError>()
        .map_or(Code::Failure, client_code)
}

/// The problem code for an error, if there is one: the server's, or its equivalent if the client itself found the
/// problem.
pub(crate) fn problem_code(error: &anyhow::Error) -> Option<&str> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.problem.map(ProblemCode::as_str);
    }
    let code = match error.downcast_ref::<ClientError>()? {
        ClientError::Refused(refusal)
        | ClientError::TimedOut {
            refusal: Some(refusal),
            ..
        } => return Some(&refusal.code),
        ClientError::WrongPassword => ProblemCode::SignInFailed,
        ClientError::UnknownPerson(_) => ProblemCode::UnknownAccount,
        ClientError::VersionMismatch { .. } => ProblemCode::UnsupportedVersion,
        ClientError::Command(CommandError::NotAMember) => return Some("not_member"),
        ClientError::Command(CommandError::PersonBlocked) => return Some("blocked"),
        ClientError::Command(CommandError::NotARequest | CommandError::UnknownJoinRequest) => {
            return Some("not_a_request");
        }
        ClientError::Command(CommandError::NotPermitted | CommandError::Banned)
        | ClientError::ChangeGivenUp(GivenUp::NotPermitted) => return Some("not_permitted"),
        ClientError::Command(CommandError::GroupFull) | ClientError::ChangeGivenUp(GivenUp::GroupFull) => {
            return Some("group_full");
        }
        ClientError::Command(CommandError::LastOwner) | ClientError::ChangeGivenUp(GivenUp::LastOwner) => {
            return Some("last_owner");
        }
        ClientError::Command(CommandError::TooManyLinks)
        | ClientError::ChangeGivenUp(GivenUp::TooManyLinks) => {
            return Some("too_many_links");
        }
        ClientError::Command(CommandError::UnknownLink) => ProblemCode::LinkInvalid,
        _ => return None,
    };
    Some(code.as_str())
}

fn client_code(error: &ClientError) -> Code {
    match error {
        ClientError::NoProfile(_) | ClientError::SignedOut(_) => Code::NotSignedIn,
        ClientError::Unreachable { .. }
        | ClientError::VersionMismatch { .. }
        | ClientError::ServerMisbehaved(_) => Code::Unreachable,
        ClientError::Refused(refusal) => match refusal.known_code() {
            Some(ProblemCode::Unavailable | ProblemCode::StorageFull | ProblemCode::Internal) => {
                Code::Unreachable
            }
            _ => Code::Refused,
        },
        ClientError::WrongPassword
        | ClientError::UnknownPerson(_)
        | ClientError::Command(
            CommandError::HandleReassigned
            | CommandError::InvalidPerson
            | CommandError::Blocked
            | CommandError::NotAMember
            | CommandError::NotPermitted
            | CommandError::Banned
            | CommandError::LastOwner
            | CommandError::GroupFull
            | CommandError::TooManyLinks
            | CommandError::UnknownLink
            | CommandError::UnknownJoinRequest
            | CommandError::TooManyConversations
            | CommandError::PersonBlocked
            | CommandError::NotARequest,
        )
        | ClientError::ChangeGivenUp(_) => Code::Refused,
        ClientError::TimedOut { .. } => Code::TimedOut,
        ClientError::Password(_)
        | ClientError::Name(_)
        | ClientError::OtherServer(_)
        | ClientError::Command(_) => Code::Usage,
        _ => Code::Failure,
    }
}

#[cfg(test)]
mod tests {
    use subrosa_wire::problem::ProblemDocument;

    use super::*;

    fn refused(code: ProblemCode) -> anyhow::Error {
        ClientError::Refused(ProblemDocument::new(code, "").into()).into()
    }

    fn late(refusal: Option<ProblemCode>) -> anyhow::Error {
        let refusal = refusal.map(|code| ProblemDocument::new(code, "").into());
        ClientError::TimedOut { what: "x", refusal }.into()
    }

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        for (error, expected) in [
            (ClientError::NoProfile("p".into()).into(), Code::NotSignedIn),
            (ClientError::SignedOut(String::new()).into(), Code::NotSignedIn),
            (
                ClientError::Unreachable {
                    server: String::new(),
                    reason: String::new(),
                }
                .into(),
                Code::Unreachable,
            ),
            (refused(ProblemCode::SignInFailed), Code::Refused),
            (refused(ProblemCode::HandleTaken), Code::Refused),
            (refused(ProblemCode::Unavailable), Code::Unreachable),
            (ClientError::UnknownPerson("bob".into()).into(), Code::Refused),
            (
                ClientError::Command(CommandError::HandleReassigned).into(),
                Code::Refused,
            ),
            (ClientError::Command(CommandError::OwnAccount).into(), Code::Usage),
            (
                ClientError::Command(CommandError::NotAMember).into(),
                Code::Refused,
            ),
            (
                ClientError::Command(CommandError::NotPermitted).into(),
                Code::Refused,
            ),
            (ClientError::ChangeGivenUp(GivenUp::TooOld).into(), Code::Refused),
            (late(None), Code::TimedOut),
            (ClientError::Password("too short".into()).into(), Code::Usage),
            (ClientError::ProfileInUse("p".into()).into(), Code::Failure),
            (usage("x"), Code::Usage),
            (timed_out("x"), Code::TimedOut),
            (incompatible("x"), Code::Unreachable),
            (
                ClientError::VersionMismatch {
                    server: None,
                    client: 1,
                }
                .into(),
                Code::Unreachable,
            ),
            (anyhow::anyhow!("x"), Code::Failure),
        ] {
            assert_eq!(code(&error), expected, "{error}");
        }
    }

    #[test]
    fn what_the_client_finds_out_by_itself_has_the_code_that_the_server_would_give() {
        for (error, expected) in [
            (refused(ProblemCode::HandleTaken), Some("handle_taken")),
            (late(Some(ProblemCode::Internal)), Some("internal")),
            (late(None), None),
            (ClientError::WrongPassword.into(), Some("sign_in_failed")),
            (
                ClientError::UnknownPerson("bob".into()).into(),
                Some("unknown_account"),
            ),
            (
                ClientError::VersionMismatch {
                    server: None,
                    client: 1,
                }
                .into(),
                Some("unsupported_version"),
            ),
            (incompatible("x"), Some("unsupported_version")),
            (
                ClientError::Command(CommandError::NotAMember).into(),
                Some("not_member"),
            ),
            (
                ClientError::ChangeGivenUp(GivenUp::NotPermitted).into(),
                Some("not_permitted"),
            ),
            (usage("x"), None),
            (anyhow::anyhow!("x"), None),
        ] {
            assert_eq!(problem_code(&error), expected, "{error}");
        }
    }

    #[test]
    fn an_error_keeps_its_exit_code_under_a_context() {
        assert_eq!(code(&usage("x").context("while reading")), Code::Usage);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert!(is_closed_pipe(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
        assert!(!is_closed_pipe(
            &io::Error::from(io::ErrorKind::StorageFull).into()
        ));
    }
}
