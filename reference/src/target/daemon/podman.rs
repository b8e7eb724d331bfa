//! What Podman tells of an image in its own API alone, which is at the same address as the Engine API: its annotations.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Inspection {
    #[serde(rename = "Annotations")]
    annotations: Option<BTreeMap<String, String>>,
}

/// The annotations of an image; none where Podman, or what stands before it, does not tell them.
pub(super) async fn annotations(host: &str, id: &str) -> Option<BTreeMap<String, String>> {
    // Another part of the process may have chosen the same provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    let (client, base) = match host.strip_prefix("unix://") {
        Some(socket) => (client.unix_socket(socket), "http://podman".to_owned()),
        None => (client, host.replacen("tcp://", "http://", 1)),
    };
    let url = format!("{base}/v4.0.0/libpod/images/{}/json", id.trim_start_matches("sha256:"));
    let answer = client.build().ok()?.get(url).send().await.ok()?.error_for_status().ok()?;
    let inspection: Inspection = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
    Some(inspection.annotations.unwrap_or_default())
}
