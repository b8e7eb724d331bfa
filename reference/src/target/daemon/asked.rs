//! Documents that a daemon is asked for. The library of the Engine API reads an answer to its end, however long it is;
//! this reads no more of one than of a registry's.

use std::time::Duration;

use reqwest::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::cause::Cause;
use crate::failure::Reason;
use crate::target::LARGEST_DOCUMENT;

/// Asks a daemon for documents.
pub(super) struct Asked {
    http: reqwest::Client,
    base: String,
}

/// What a daemon says of a failure.
#[derive(Deserialize)]
struct Said {
    message: String,
}

impl Asked {
    /// Of the daemon at `host`.
    pub(super) fn new(host: &str) -> Result<Self, Reason> {
        // Another part of the process may have chosen the same provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let (client, base) = match host.strip_prefix("unix://") {
            Some(socket) => (client.unix_socket(socket), "http://docker".to_owned()),
            None => (client, host.replacen("tcp://", "http://", 1).trim_end_matches('/').to_owned()),
        };
        let http = client.build().map_err(|error| Reason::innermost(&error))?;
        Ok(Self { http, base })
    }

    /// The document at a path, all of which is waited for so long; none where there is nothing.
    pub(super) async fn document<T: DeserializeOwned>(
        &self,
        path: &str,
        patience: Duration,
    ) -> Result<Option<T>, Cause> {
        let request = self.http.get(format!("{}{path}", self.base)).timeout(patience);
        let response = request.send().await.map_err(|error| broken(&error))?;
        let status = response.status();
        if status == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let bytes = bounded(response).await?;
        if !status.is_success() {
            let said = serde_json::from_slice(&bytes).map(|said: Said| said.message);
            let words = said.unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned());
            return Err(if words.trim().is_empty() {
                Cause::Wordless(status.as_u16())
            } else {
                Cause::Says(Reason::new(&words))
            });
        }
        let document = serde_json::from_slice(&bytes);
        document.map(Some).map_err(|error| Cause::NotTheApi(Reason::innermost(&error)))
    }
}

fn broken(error: &reqwest::Error) -> Cause {
    if error.is_timeout() {
        Cause::Stopped("gives no answer in time".to_owned())
    } else {
        Cause::Broke(Reason::innermost(error))
    }
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, Cause> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > LARGEST_DOCUMENT {
            return Err(Cause::TooLong(LARGEST_DOCUMENT >> 20));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
