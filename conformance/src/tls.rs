//! TLS as the suite's own clients speak it.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// A client on `ring` that trusts the certificates that one of `roots` has signed, and no other.
///
/// # Errors
/// [`rustls::Error`] where no version of TLS is to be had.
pub(crate) fn client(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
}
