//! What crossed the wire between exporter and registry, from the recorder between them, and what the recorder was told
//! to do to it.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::json::Json;

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
    /// The request's Content-Type; none where it has none.
    pub content_type: Option<String>,
    /// Size of the request's body in bytes.
    pub request_bytes: u64,
    /// Size of the response's body in bytes.
    pub response_bytes: u64,
    /// Whether an Authorization header was sent; its value is never kept.
    pub had_credentials: bool,
    /// Position of its answer, in the same order as `sequence`. Absent where there was no answer, and in evidence of
    /// before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<u64>,
    /// What a manifest that was put says. Absent for other requests, for a body that is not a JSON object or is large,
    /// and in older evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<SentManifest>,
    /// The host that it was sent to, where that is another than the registry that the exporter was told: where the
    /// registry led to. Absent for the registry, and in older evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
    /// Which of the faults in the inputs it met, counted from 0. Absent where it met none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<usize>,
    /// How it came, where the registry that the exporter was told has TLS, and where that registry led to. Absent where
    /// the registry has none, and in older evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The hosts that its answer names other than the one that was asked, each with its scheme and port as written
    /// there: by Location, or as the realm of a challenge. Empty where there are none, and in older evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// What it told in addition to what it asks, and where; never the words themselves, which are masked here. Absent
    /// in older evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Vec<Leak>>,
    /// What its headers say of its form. Absent in older evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

/// What a request's headers say of its form, as they stand there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Content-Length; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    /// Content-Range; likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// Every Accept, joined by commas; likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
}

/// Something that a request told, though the server does not need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// What.
    pub what: Private,
    /// The header's name, in lower case; none where it stood in the request's target or body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Whether it stood in the request's body.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_body: bool,
}

/// What an exporter knows and no request has to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Private {
    /// A credential that it was given, elsewhere than in Authorization.
    Credential,
    /// A path of its machine that is the value of a variable.
    Variable,
    /// The name of its machine.
    HostName,
    /// Who runs it.
    Sender,
}

/// How a request came to where TLS is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Under TLS.
    Tls,
    /// Under TLS, with a certificate that an exporter has no reason to trust: an exporter that sends anything has not
    /// checked it.
    Doubtful,
    /// As it stands, for everyone on the way to read.
    Clear,
}

impl WireRecord {
    /// Whether it was sent to the registry that the exporter was told.
    #[must_use]
    pub fn is_to_the_registry(&self) -> bool {
        self.elsewhere.is_none()
    }

    /// Whether it came without TLS from where there is TLS.
    #[must_use]
    pub fn is_in_the_clear(&self) -> bool {
        self.channel == Some(Channel::Clear)
    }

    /// The path, without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, with the colon of a digest written out.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
        Some(found.replace("%3A", ":").replace("%3a", ":"))
    }

    /// Whether the registry did what it was asked.
    #[must_use]
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The repository of an upload; none for other requests, and at a place that the registry chose.
    #[must_use]
    pub fn upload_to(&self) -> Option<&str> {
        self.path().strip_prefix("/v2/")?.split_once("/blobs/uploads").map(|(repository, _)| repository)
    }

    /// The repository and reference of a manifest; none for other requests.
    #[must_use]
    pub fn manifest_at(&self) -> Option<(&str, &str)> {
        self.path().strip_prefix("/v2/")?.rsplit_once("/manifests/")
    }
}

/// A manifest as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentManifest {
    /// sha256 of its bytes.
    pub digest: Digest,
    /// Its own `mediaType`; none where it has none.
    pub media_type: Option<String>,
    /// The digests of its config and layers, those left out that have `urls`.
    pub blobs: Vec<String>,
}

impl SentManifest {
    /// What these bytes say; none where they are not a JSON object.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let json = Json::parse(bytes).ok().filter(|json| json.members().is_some())?;
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let layers = json.get("layers").and_then(Json::items).unwrap_or_default();
        // A layer with `urls` may be somewhere else than in the registry.
        let here = json.get("config").into_iter().chain(layers.iter().filter(|layer| layer.get("urls").is_none()));
        Some(Self {
            digest: Digest::of(bytes),
            media_type: json.get("mediaType").and_then(text),
            blobs: here.filter_map(|one| text(one.get("digest")?)).collect(),
        })
    }
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
    /// For how many seconds nothing is answered, for [`FaultKind::Stall`]; within how many seconds the first half of a
    /// body comes, for [`FaultKind::Trickle`]; within how many a whole body does, for [`FaultKind::Slow`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Whether the place that it leads to has no TLS, also where the registry has, for [`FaultKind::Redirect`] and
    /// [`FaultKind::UploadElsewhere`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_tls: bool,
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
    /// The connection is closed when half of the request's body has come; the registry gets nothing.
    ResetDuring,
    /// The request's body is taken, and that of the answer sent, in pieces within some seconds.
    Slow,
    /// The registry does what it is asked, and the answer's `Docker-Content-Digest` is of other bytes.
    WrongDigest,
    /// The registry gets nothing, and 201 is answered.
    NotStored,
    /// The registry is not told of the mount that is asked for, and begins an upload.
    MountDeclined,
    /// The registry gets nothing of a mount that is asked for, and a status is answered.
    MountRefused,
    /// The first half of an answer's body comes byte by byte within some seconds, then the rest.
    Trickle,
    /// The registry gets nothing, and 307 leads to another host, which serves what was asked for.
    Redirect,
    /// The registry begins an upload, and the place at which it goes on is another host's.
    UploadElsewhere,
    /// A request without credentials gets 401 and a challenge. The exporter is given some that are good.
    WantsCredentials,
    /// The request's token, which was good for one before, is good no more: the registry gets nothing, and 401 and a
    /// challenge are answered.
    TokenExpires,
    /// The tag still names what it did at the analysis; after that many reads, what it has been moved to.
    TagMoves,
}
