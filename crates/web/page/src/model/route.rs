//! Addresses of the app.

use subrosa_web_rpc::ChatId;
use subrosa_wire::Handle;

/// Where the user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The list of conversations.
    List,
    /// A conversation.
    Chat(ChatAddress),
    /// The account page.
    Settings,
}

/// How an address names a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatAddress {
    /// By the other person's handle: an address that people can share.
    With(Handle),
    /// By its id on this device, where there is no handle.
    Id(ChatId),
    /// Something that is not a handle, so nobody can have it.
    Nobody(String),
}

impl Route {
    /// The route of a path; an unknown path leads to the list.
    pub(crate) fn parse(path: &str) -> Self {
        let path = path.trim_matches('/');
        if path == "settings" {
            return Self::Settings;
        }
        match path.strip_prefix("chat/") {
            Some(name) => Self::Chat(ChatAddress::parse(name)),
            None => Self::List,
        }
    }

    /// The path of the route.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::List => "/".to_owned(),
            Self::Settings => "/settings".to_owned(),
            Self::Chat(ChatAddress::With(handle)) => format!("/chat/{handle}"),
            Self::Chat(ChatAddress::Id(id)) => format!("/chat/~{id}"),
            Self::Chat(ChatAddress::Nobody(name)) => format!("/chat/{name}"),
        }
    }
}

impl ChatAddress {
    fn parse(name: &str) -> Self {
        if let Some(number) = name.strip_prefix('~').and_then(|id| id.parse().ok()) {
            return Self::Id(ChatId::new(number));
        }
        match name.parse() {
            Ok(handle) => Self::With(handle),
            Err(_) => Self::Nobody(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_route_reads_back_from_its_path() {
        for route in [
            Route::List,
            Route::Settings,
            Route::Chat(ChatAddress::With("ben.okafor".parse().unwrap())),
            Route::Chat(ChatAddress::Id(ChatId::new(12))),
            Route::Chat(ChatAddress::Nobody("x".to_owned())),
        ] {
            assert_eq!(Route::parse(&route.path()), route);
        }
    }

    #[test]
    fn an_unknown_path_leads_to_the_list() {
        assert_eq!(Route::parse("/nonsense/deep"), Route::List);
        assert_eq!(Route::parse(""), Route::List);
    }

    #[test]
    fn a_path_with_markup_is_nobody_and_never_a_handle() {
        assert!(matches!(
            Route::parse("/chat/<b>x</b>"),
            Route::Chat(ChatAddress::Nobody(_))
        ));
    }
}
