//! What a daemon answers about an image, as raw bytes. The library of the Engine API reads an answer to its end,
//! however long an image makes it; this reads no more of one than of any other document.

use reqwest::{Client, Response};

use super::access::client_trusting;
use super::http::{AccessError, body_within, executed, refused};
use crate::budget::DOCUMENT;
use crate::limits::{CONNECT, Waits};

/// Asks a daemon at `unix://`, or at `tcp://` without TLS.
#[derive(Debug, Clone)]
pub struct Inspections {
    pub(super) client: Client,
    pub(super) base: String,
}

impl Inspections {
    /// Of the daemon at `host`, as in `DOCKER_HOST`; none where it is spoken to in another way.
    ///
    /// # Errors
    /// [`AccessError::Client`] when no HTTP client can be made.
    pub fn of(host: &str) -> Result<Option<Self>, AccessError> {
        let builder = client_trusting(rustls::RootCertStore::empty())?.no_proxy().connect_timeout(CONNECT);
        let (builder, base) = if let Some(socket) = host.strip_prefix("unix://") {
            (builder.unix_socket(socket), "http://docker".to_owned())
        } else if let Some(address) = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")) {
            if std::env::var_os("DOCKER_TLS_VERIFY").is_some() {
                return Ok(None);
            }
            (builder, format!("http://{}", address.trim_end_matches('/')))
        } else {
            return Ok(None);
        };
        Ok(Some(Self { client: builder.build().map_err(|source| AccessError::Client { source })?, base }))
    }

    /// The inspection of an image; none where there is no such image.
    ///
    /// # Errors
    /// [`AccessError`] when the daemon answers something else, or with more than is read of a document.
    pub async fn image(&self, waits: &Waits, reference: &str) -> Result<Option<Vec<u8>>, AccessError> {
        let request = self.client.get(format!("{}/images/{reference}/json", self.base));
        let request = request.build().map_err(|source| AccessError::Client { source })?;
        let response: Response = executed(&self.client, request, (waits, 0, &format!("inspect {reference}"))).await?;
        match response.status().as_u16() {
            200 => body_within(waits, response, DOCUMENT).await.map(Some),
            404 => Ok(None),
            _ => Err(refused(&response)),
        }
    }
}
