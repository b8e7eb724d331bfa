//! What Podman tells of an image in its own API alone, which is at the same address as the Engine API: its annotations.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::asked::Asked;
use super::cause::Cause;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Inspection {
    #[serde(rename = "Annotations")]
    annotations: Option<BTreeMap<String, String>>,
}

/// The annotations of an image; none where Podman, or what stands before it, does not tell them.
pub(super) async fn annotations(asked: &Asked, id: &str) -> Result<Option<BTreeMap<String, String>>, Cause> {
    let path = format!("/v4.0.0/libpod/images/{}/json", id.trim_start_matches("sha256:"));
    match asked.document::<Inspection>(&path, PATIENCE).await {
        Ok(inspection) => Ok(inspection.map(|inspection| inspection.annotations.unwrap_or_default())),
        Err(cause @ Cause::TooLong(_)) => Err(cause),
        Err(_) => Ok(None),
    }
}
