//! sha256 digests, of bytes available and of streams.

use std::fmt;
use std::fmt::Write as _;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// `sha256:` and 64 lower-case hexadecimal digits; in a document that was read also `sha512:` and 128, and no other
/// text: digests become parts of paths and requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Reads a digest; none where the text is not one of sha256.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (hex.len() == 64 && hex.bytes().all(lower)).then(|| Self(text.to_owned()))
    }

    /// The one that a reference ends with: `name@digest`, or `path@digest` in a layout.
    #[must_use]
    pub fn of_reference(reference: &str) -> Option<Self> {
        reference.rsplit_once('@').and_then(|(_, digest)| Self::parse(digest))
    }

    /// Of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits alone.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.trim_start_matches("sha256:")
    }
}

/// Digest of a layer's uncompressed tar, as configs and labels have it: never that of the blob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct DiffId(Digest);

/// What a store calls an image: the digest of its config, and in containerd's store that of its manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId(Digest);

impl DiffId {
    /// Reads one; none where the text is not a digest of sha256.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Digest::parse(text).map(Self)
    }

    /// Of a tar with this digest.
    #[must_use]
    pub fn of_tar(digest: Digest) -> Self {
        Self(digest)
    }

    /// The tar's digest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl ImageId {
    /// Reads one; engines may leave the algorithm out. None where the text is not a digest of sha256.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Digest::parse(text).or_else(|| Digest::parse(&format!("sha256:{text}"))).map(Self)
    }

    /// Of an image whose config or manifest has this digest.
    #[must_use]
    pub fn of_document(digest: Digest) -> Self {
        Self(digest)
    }

    /// The document's digest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not a digest.
#[derive(Debug, thiserror::Error)]
#[error("a digest is 'sha256:' and 64 lower-case hexadecimal digits, or 'sha512:' and 128; this one is {0:?}")]
pub struct NoDigest(String);

impl TryFrom<String> for Digest {
    type Error = NoDigest;

    fn try_from(text: String) -> Result<Self, NoDigest> {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_sha512 = text.strip_prefix("sha512:").is_some_and(|hex| hex.len() == 128 && hex.bytes().all(lower));
        if is_sha512 || Self::parse(&text).is_some() {
            return Ok(Self(text));
        }
        Err(NoDigest(text.chars().take(100).collect()))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hashes a stream.
pub struct Hasher(Context);

impl Hasher {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was added.
    #[must_use]
    pub fn finish(self) -> Digest {
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in self.0.finish().as_ref() {
            let _ = write!(text, "{byte:02x}");
        }
        Digest(text)
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_digests_of_sha256_and_engines_may_leave_that_out() {
        let digest = Digest::of(b"x");
        assert_eq!(DiffId::parse(digest.as_str()), Some(DiffId::of_tar(digest.clone())));
        assert_eq!(serde_json::to_value(DiffId::of_tar(digest.clone())).unwrap(), digest.as_str());
        for text in [digest.as_str(), digest.hex()] {
            assert_eq!(ImageId::parse(text), Some(ImageId::of_document(digest.clone())));
        }
        for bad in ["", "sha256:", "latest", &format!("sha512:{}", "0".repeat(128)), &digest.hex()[1..]] {
            assert_eq!((DiffId::parse(bad), ImageId::parse(bad)), (None, None), "{bad}");
        }
        assert_eq!(DiffId::parse(digest.hex()), None);
    }

    #[test]
    fn what_is_read_is_a_digest_or_is_refused() {
        let hex = "ab".repeat(32);
        for good in [format!("sha256:{hex}"), format!("sha512:{hex}{hex}")] {
            let read: Digest = serde_json::from_value(good.clone().into()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), good);
        }
        for bad in [
            format!("sha256:{hex}&from=secret/private&x="),
            "sha256:x/../../../../v2/admin/delete-everything?y=".to_owned(),
            "sha256:../../../outside".to_owned(),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha512:{hex}"),
            String::new(),
        ] {
            assert!(serde_json::from_value::<Digest>(bad.clone().into()).is_err(), "{bad}");
        }
    }
}
