//! Why a registry could not be read or written.

use crate::digest::Digest;
use crate::failure::Reason;
use crate::image_name::ImageName;

/// Why a registry could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No answer.
    #[error("{doing} {name} ({})", remedy(source))]
    Unreachable {
        /// What was done.
        doing: &'static str,
        /// Of what.
        name: String,
        /// The cause.
        source: Reason,
        /// Whether another try may have another end.
        passing: bool,
        /// Whether nothing came for too long: waiting for it again takes as long again.
        silent: bool,
    },
    /// An answer that is not a success.
    #[error("{doing} {name}: the registry answers {status}{said}{}", advice(*status))]
    Status {
        /// What was done.
        doing: &'static str,
        /// Of what.
        name: String,
        /// The status.
        status: u16,
        /// What the registry said, in parentheses and with a space before them; else empty.
        said: String,
    },
    /// Content that is not what it should be.
    #[error("read {name}: {reason}")]
    Content {
        /// Of what.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A temporary file.
    #[error("spool a layer to temporary disk (TMPDIR chooses the disk)")]
    Disk(#[source] std::io::Error),
    /// Something of this program.
    #[error("prepare the registry client")]
    Broken(#[source] Reason),
}

/// Bytes that a registry takes of a manifest, if no more (`oci-distribution.md`, Pushing Manifests).
pub(super) const MOST_OF_MANIFEST: usize = 4 << 20;

/// What to do where there was no answer: TLS that fails says what of it did.
fn remedy(cause: &Reason) -> &'static str {
    let cause = cause.to_string();
    let is = |words: &str| cause.contains(words);
    if is("UnknownIssuer") {
        return "no trusted authority signed its certificate: SSL_CERT_FILE or SSL_CERT_DIR must have the authority's";
    }
    if is("CaUsedAsEndEntity") {
        return "its certificate is an authority's own: it needs one that the authority signed, and SSL_CERT_FILE or SSL_CERT_DIR \
                the authority's";
    }
    if is("InvalidContentType") || is("tls handshake eof") {
        return "it seems to have no TLS: -insecure-registry or CNB_INSECURE_REGISTRIES must name it, if that is meant";
    }
    if is("certificate not valid for name") || is("NotValidForName") {
        return "its certificate is for another host: name it by a host of its certificate";
    }
    if is("certificate expired") || is("certificate not valid yet") || is("Expired") || is("NotValidYet") {
        return "its certificate is not valid at this time: is it to be renewed, or is this machine's clock wrong?";
    }
    "is the registry there, and named with the right host?"
}

fn advice(status: u16) -> &'static str {
    match status {
        401 => "; CNB_REGISTRY_AUTH or docker's config.json must have credentials for it",
        // It may also be a quota, or a rule of the registry.
        403 => {
            "; the registry knows who asks and does not allow it: its words, its quota or the rights of the account say why"
        }
        404 => "; is the reference right, and still there?",
        _ => "",
    }
}

impl RegistryError {
    pub(super) fn content(name: &ImageName, reason: impl Into<String>) -> Self {
        Self::Content { name: name.to_string(), reason: reason.into() }
    }

    /// Something of this program failed.
    pub(super) fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Broken(Reason::innermost(error))
    }

    /// The same of a manifest of so many bytes, where that may be why it was refused.
    pub(super) fn of_manifest(self, bytes: usize) -> Self {
        match self {
            Self::Status { doing, name, status: status @ (400 | 413), said } if bytes > MOST_OF_MANIFEST => {
                let said = format!(
                    "{said}; the manifest has {bytes} bytes, and registries need not take more than \
                                    {MOST_OF_MANIFEST} (4 MiB): are its annotations this long?"
                );
                Self::Status { doing, name, status, said }
            }
            other => other,
        }
    }

    /// The same, said of the token server that the registry names.
    pub(super) fn of_token_server(self, server: &str) -> Self {
        let at = |name: String| format!("{name} from the token server {server} of its registry");
        match self {
            Self::Unreachable { doing, name, source, passing, silent } => {
                Self::Unreachable { doing, name: at(name), source, passing, silent }
            }
            Self::Status { doing, name, status, said } => Self::Status { doing, name: at(name), status, said },
            Self::Content { name, reason } => Self::Content { name: at(name), reason },
            other => other,
        }
    }

    /// The same, said of a blob of the image.
    pub(super) fn of_blob(mut self, digest: &Digest) -> Self {
        match &mut self {
            Self::Unreachable { name, .. } | Self::Status { name, .. } | Self::Content { name, .. }
                if !name.contains(", blob ") =>
            {
                *name = format!("{name}, blob {digest}");
            }
            _ => {}
        }
        self
    }

    /// Whether it is worth another try after so many: silence is waited for once more, and no longer.
    pub(super) fn is_worth_another(&self, tries: u32) -> bool {
        match self {
            Self::Unreachable { silent: true, .. } => tries < 2,
            _ => self.is_passing(),
        }
    }

    /// Whether another try may have another end.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { passing, .. } => *passing,
            Self::Status { status, .. } => is_passing(*status),
            _ => false,
        }
    }
}

/// Statuses that say that the registry, and not the request, is at fault.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_has_a_remedy_of_its_own() {
        for (cause, words) in [
            ("invalid peer certificate: UnknownIssuer", "no trusted authority signed"),
            ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "an authority's own"),
            ("received corrupt message of type InvalidContentType", "-insecure-registry"),
            ("invalid peer certificate: certificate not valid for name \"a\"", "for another host"),
            ("invalid peer certificate: certificate expired: verification time 1", "clock"),
            ("Connection refused", "named with the right host"),
        ] {
            assert!(remedy(&Reason::new(cause)).contains(words), "{cause}: {}", remedy(&Reason::new(cause)));
        }
    }
}
