//! TLS to the server: one configuration for REST and the WebSocket, with the certificates that the operating system
//! trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::{ClientError, ServerUrl};

/// The configuration for a server. For plain `http` no certificates are loaded.
pub(crate) fn config(server: &ServerUrl) -> Result<Arc<ClientConfig>, ClientError> {
    let mut roots = RootCertStore::empty();
    if server.is_encrypted() {
        let native = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(native.certs);
        if added == 0 {
            return Err(ClientError::Unreachable {
                server: server.to_string(),
                reason: "this machine trusts no certificates (on Debian: apt-get install ca-certificates)"
                    .into(),
            });
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Unreachable {
            server: server.to_string(),
            reason: error.to_string(),
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
