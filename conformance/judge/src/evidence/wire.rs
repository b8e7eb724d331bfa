//! What crossed the wire between exporter and registry, from the recorder between them, and what the recorder was told to
//! do to it.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One HTTP request that the exporter sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireRecord {
    /// Position in the order in which requests began.
    pub sequence: u64,
    /// The method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The response's status as the exporter was told it; 0 where it got none.
    pub status: u16,
    /// The request's Content-Type.
    pub content_type: Option<String>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the response's body.
    pub response_bytes: u64,
    /// Whether an Authorization header was sent; its value is never kept.
    pub had_credentials: bool,
    /// Position of its answer, in the same order as `sequence`. Absent where there was no answer, and in evidence of
    /// before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<u64>,
    /// What a manifest that was put says. Absent for other requests, for a body that is not a JSON object or is large,
    /// and in evidence of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<SentManifest>,
    /// Which of the faults in the inputs it met, counted from 0. Absent where it met none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<usize>,
}

/// A manifest as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentManifest {
    /// sha256 of its bytes.
    pub digest: Digest,
    /// Its own `mediaType`.
    pub media_type: Option<String>,
    /// The digests of its config and layers, those left out that have `urls`.
    pub blobs: Vec<String>,
}

/// Something that the recorder does to requests in place of passing them: a registry's fault, declared by the scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WireFault {
    /// The method that it meets; every one where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The paths that it meets, as a pattern: `*` stands for anything, `/` included.
    pub path: String,
    /// How many requests it meets; absent for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What it does.
    pub kind: FaultKind,
    /// The status, for [`FaultKind::Status`] and [`FaultKind::MountRefused`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `Retry-After` of the answer, for [`FaultKind::Status`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// For how many seconds nothing is answered, for [`FaultKind::Stall`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// What a registry's fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The registry gets nothing, and a status is answered.
    Status,
    /// The registry gets nothing, and the connection is closed without an answer.
    ResetBefore,
    /// The registry does what it is asked, and the connection is closed without an answer.
    ResetAfter,
    /// Half of the answer's body is sent, then the connection is closed.
    Cut,
    /// The registry gets nothing; after some seconds the connection is closed without an answer.
    Stall,
    /// Some other bytes are answered: a document with a blank more, or a blob with its last byte changed.
    OtherBytes,
    /// The answer ends early, and says the length that it then has.
    Short,
    /// The registry gets nothing, and 201 is answered.
    NotStored,
    /// The registry is not told of the mount that is asked for, and begins an upload.
    MountDeclined,
    /// The registry gets nothing of a mount that is asked for, and a status is answered.
    MountRefused,
}
