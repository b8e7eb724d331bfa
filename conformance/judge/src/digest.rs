//! Content addresses: the one way to name bytes here. A [`Digest`] is checked when it is read; what it is the digest of
//! (manifest, config or uncompressed layer) is said by the field or method that has it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

/// Why a string is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no `algorithm:encoded`.
    #[error("parse '{0}' as a digest: it is not of the form algorithm:encoded")]
    Form(String),
    /// The encoded part does not fit the registered algorithm.
    #[error("parse '{0}' as a digest: sha256 takes 64 and sha512 takes 128 lower-case hexadecimal digits")]
    Encoding(String),
    /// The algorithm is not a registered one.
    #[error("parse '{0}' as a digest: its algorithm is neither sha256 nor sha512")]
    Algorithm(String),
}

/// A valid digest of a registered algorithm (`oci-image-descriptor.md`, Digests): `sha256:` and 64, or `sha512:` and
/// 128 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Reads a digest.
    ///
    /// ```
    /// use judge::digest::Digest;
    ///
    /// let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    /// assert_eq!(Digest::parse(empty).unwrap(), Digest::of(b""));
    /// assert!(Digest::parse("sha256:00").is_err());
    /// ```
    ///
    /// # Errors
    /// [`DigestError`] when the text is not a valid digest of a registered algorithm.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let (algorithm, encoded) = text.split_once(':').ok_or_else(|| DigestError::Form(text.to_owned()))?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return Err(DigestError::Algorithm(text.to_owned())),
        };
        let is_lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if encoded.len() == length && encoded.bytes().all(is_lower_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DigestError::Encoding(text.to_owned()))
        }
    }

    /// The sha256 digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_sha256(&Sha256::digest(bytes))
    }

    /// The digest of `bytes` by the algorithm of this one.
    #[must_use]
    pub fn likewise(&self, bytes: &[u8]) -> Self {
        match self.algorithm() {
            "sha512" => Self::from_hash("sha512", &Sha512::digest(bytes)),
            _ => Self::of(bytes),
        }
    }

    /// The digest whose 32 raw bytes are `hash`.
    #[must_use]
    pub fn from_sha256(hash: &[u8]) -> Self {
        Self::from_hash("sha256", hash)
    }

    /// The digest whose 64 raw bytes are `hash`.
    #[must_use]
    pub fn from_sha512(hash: &[u8]) -> Self {
        Self::from_hash("sha512", hash)
    }

    fn from_hash(algorithm: &str, hash: &[u8]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(algorithm.len() + 1 + 2 * hash.len());
        text.push_str(algorithm);
        text.push(':');
        for byte in hash {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The whole text, `algorithm:encoded`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the colon.
    #[must_use]
    pub fn encoded(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, encoded)| encoded)
    }

    /// The part before the colon.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.0.split_once(':').map_or("", |(algorithm, _)| algorithm)
    }
}

/// What names content by its hash, however it is spelled: engines write IDs as `sha256:` and 64 digits, or as the
/// digits alone. Two spellings of one hash are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(Digest);

impl ContentId {
    /// Reads either spelling; none where the text is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Digest::parse(text).or_else(|_| Digest::parse(&format!("sha256:{text}"))).ok().map(Self)
    }

    /// Whether both texts name one content. Texts that are not IDs do only where they are the same text.
    #[must_use]
    pub fn same(one: &str, two: &str) -> bool {
        one == two || Self::parse(one).is_some_and(|one| Some(one) == Self::parse(two))
    }

    /// As [`ContentId::same`] of references: what stands before an `@` has to be the same text.
    #[must_use]
    pub fn same_reference(one: &str, two: &str) -> bool {
        match (one.rsplit_once('@'), two.rsplit_once('@')) {
            (Some((one, first)), Some((two, second))) => one == two && Self::same(first, second),
            _ => Self::same(one, two),
        }
    }
}

impl From<&Digest> for ContentId {
    fn from(digest: &Digest) -> Self {
        Self(digest.clone())
    }
}

impl PartialEq<ContentId> for Digest {
    fn eq(&self, other: &ContentId) -> bool {
        *self == other.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_hexadecimal_of_the_right_length_is_a_digest() {
        let good = Digest::of(b"");
        assert_eq!(good.as_str(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Digest::parse(good.as_str()), Ok(good.clone()));
        assert!(Digest::parse(&good.as_str().to_uppercase()).is_err());
        assert!(Digest::parse(&good.as_str()[..70]).is_err());
        assert!(Digest::parse(good.encoded()).is_err());
        assert!(matches!(Digest::parse("md5:00"), Err(DigestError::Algorithm(_))));
    }

    #[test]
    fn both_registered_algorithms_are_read() {
        let (short, long) = ("0123456789abcdef".repeat(4), "0123456789abcdef".repeat(8));
        for (algorithm, encoded) in [("sha256", &short), ("sha512", &long)] {
            let digest = Digest::parse(&format!("{algorithm}:{encoded}")).unwrap();
            assert_eq!((digest.algorithm(), digest.encoded()), (algorithm, encoded.as_str()));
            assert_eq!(digest.to_string(), digest.as_str());
            assert_eq!(String::from(digest.clone()), digest.as_str());
            let stored = serde_json::to_string(&digest).unwrap();
            assert_eq!(serde_json::from_str::<Digest>(&stored).unwrap(), digest);
        }
        for bad in [format!("sha256:{long}"), format!("sha512:{short}"), format!("sha256:{}g", &short[1..])] {
            assert!(matches!(Digest::parse(&bad), Err(DigestError::Encoding(_))), "{bad}");
            assert!(serde_json::from_str::<Digest>(&format!("\"{bad}\"")).is_err(), "{bad}");
        }
        assert!(matches!(Digest::parse(&short), Err(DigestError::Form(_))));
    }
}
