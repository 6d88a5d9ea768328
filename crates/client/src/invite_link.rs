//! The text of an invite link: the address of a server, and behind `#`, which no browser sends to it, the secret.

use std::{fmt, str::FromStr};

use subrosa_engine::{InvalidLink, LinkSecret};
use subrosa_wire::LinkId;

use crate::{InvalidServerUrl, ServerUrl};

/// An invite link. Whoever has it can join.
///
/// ```
/// use subrosa_client::{InvalidInviteLink, InviteLink};
///
/// let text = "https://chat.example.org/#AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// // A character is missing or wrong.
/// assert!(matches!(text.parse::<InviteLink>(), Err(InvalidInviteLink::Secret(_))));
/// ```
#[derive(Clone)]
pub struct InviteLink {
    server: ServerUrl,
    secret: LinkSecret,
}

/// Why a text is not an invite link.
///
/// ```
/// use subrosa_client::{InvalidInviteLink, InviteLink};
///
/// let answer = "https://chat.example.org".parse::<InviteLink>();
/// assert!(matches!(answer, Err(InvalidInviteLink::NoSecret)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInviteLink {
    /// It has nothing behind `#`.
    #[error("an invite link has an address, # and 50 characters: it may have been cut")]
    NoSecret,
    /// What precedes `#` is not the address of a server.
    #[error(transparent)]
    Server(#[from] InvalidServerUrl),
    /// What follows `#` is not the secret of a link.
    #[error(transparent)]
    Secret(#[from] InvalidLink),
}

impl InviteLink {
    /// The link with this secret on a server.
    pub(crate) fn new(server: ServerUrl, secret: LinkSecret) -> Self {
        Self { server, secret }
    }

    /// The server that it leads to.
    ///
    /// ```no_run
    /// # fn example(link: subrosa_client::InviteLink) {
    /// println!("a group at {}", link.server());
    /// # }
    /// ```
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// Names it, and gives nothing away.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat, link: subrosa_client::InviteLink) -> Result<(), subrosa_client::ClientError> {
    /// group.revoke_link(link.id()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(&self) -> LinkId {
        self.secret.id()
    }

    pub(crate) fn secret(&self) -> &LinkSecret {
        &self.secret
    }

    /// The text to hand on.
    ///
    /// ```no_run
    /// # fn example(link: subrosa_client::InviteLink) {
    /// println!("join us: {}", link.to_text());
    /// # }
    /// ```
    pub fn to_text(&self) -> String {
        format!("{}/#{}", self.server, self.secret.to_text().as_str())
    }
}

impl fmt::Debug for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever reads the secret in a log could join.
        f.debug_struct("InviteLink")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl FromStr for InviteLink {
    type Err = InvalidInviteLink;

    fn from_str(text: &str) -> Result<Self, InvalidInviteLink> {
        let (server, secret) = text.trim().split_once('#').ok_or(InvalidInviteLink::NoSecret)?;
        if secret.is_empty() {
            return Err(InvalidInviteLink::NoSecret);
        }
        Ok(Self {
            server: server.parse()?,
            secret: LinkSecret::from_text(secret)?,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_was_handed_on_is_the_same() {
        for server in ["https://chat.example.org", "http://localhost:8080/chat"] {
            let link = InviteLink::new(server.parse().unwrap(), LinkSecret::from_seed([7; 32]));
            let text = link.to_text();
            let read: InviteLink = format!(" {text}\n").parse().unwrap();
            assert_eq!((read.server(), read.to_text()), (link.server(), text.clone()));
            assert!(!format!("{read:?}").contains(&text[text.len() - 20..]));
            // With or without the slash before the secret.
            let read: InviteLink = text.replace("/#", "#").parse().unwrap();
            assert_eq!(read.to_text(), text);
        }
    }

    #[test]
    fn a_link_that_was_cut_or_mistyped_is_not_taken_for_another() {
        let link = InviteLink::new(
            "https://chat.example.org".parse().unwrap(),
            LinkSecret::from_seed([7; 32]),
        );
        let text = link.to_text();
        let cut = &text[..text.len() - 1];
        let mistyped = text.replace("Bw", "Bx");
        for wrong in [cut, &mistyped] {
            let damaged = Err(InvalidInviteLink::Secret(InvalidLink::Damaged));
            assert_eq!(wrong.parse::<InviteLink>().map(drop), damaged, "{wrong}");
        }
        for wrong in ["", "https://chat.example.org", "https://chat.example.org/#"] {
            let answer = wrong.parse::<InviteLink>().map(drop);
            assert_eq!(answer, Err(InvalidInviteLink::NoSecret));
        }
    }
}
