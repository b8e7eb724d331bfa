//! Which certificates a registry's may be signed by: the machine's, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name
//! instead, and those of `--registry-ca`. Suite and exporter trust the same ones.

use crate::error::Cause;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The variables by which programs are told of other certificates than the machine's.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Most bytes of a file of certificates: whole collections of the world's have a tenth of it.
const MAX_FILE: u64 = 4 << 20;

/// Why certificates that were named cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("read --registry-ca {} (a PEM file of the certificates that sign the registry's)", path.display())]
pub struct TrustError {
    path: PathBuf,
    source: Cause,
}

/// The certificates that are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    file: Option<PathBuf>,
    further: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// The usual ones, and those of a PEM file.
    ///
    /// # Errors
    /// [`TrustError`] where the file cannot be read or holds no certificate.
    pub fn with(file: Option<&Path>) -> Result<Self, TrustError> {
        let Some(path) = file else { return Ok(Self::default()) };
        let fail = |source: Cause| TrustError { path: path.to_path_buf(), source };
        let bytes = crate::given::bytes(path, MAX_FILE).map_err(|error| fail(error.into()))?;
        let further: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let further = further.map_err(|error| fail(error.into()))?;
        if further.is_empty() {
            return Err(fail("it holds no certificate".into()));
        }
        Ok(Self { file: Some(path.to_path_buf()), further })
    }

    /// The file that was named.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    fn certificates(&self) -> Vec<CertificateDer<'static>> {
        let mut found = rustls_native_certs::load_native_certs().certs;
        found.extend(self.further.iter().cloned());
        found
    }

    /// What a TLS client trusts.
    #[must_use]
    pub fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(self.certificates());
        roots
    }

    /// All of them as a PEM file, for exporters; none where nothing but the machine's are trusted, which every program
    /// finds by itself.
    #[must_use]
    pub fn pem(&self) -> Option<String> {
        let is_told = self.file.is_some() || VARIABLES.iter().any(|name| std::env::var_os(name).is_some());
        is_told.then(|| written(&self.certificates()))
    }

    /// All of them and a further one as a PEM file, for exporters that are to trust that one too.
    #[must_use]
    pub fn pem_with(&self, further: &CertificateDer<'static>) -> String {
        let mut all = self.certificates();
        all.push(further.clone());
        written(&all)
    }
}

fn written(certificates: &[CertificateDer<'static>]) -> String {
    certificates.iter().fold(String::new(), |mut text, certificate| {
        let encoded = STANDARD.encode(certificate.as_ref());
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in encoded.as_bytes().chunks(64) {
            let _ = writeln!(text, "{}", String::from_utf8_lossy(line));
        }
        text.push_str("-----END CERTIFICATE-----\n");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_is_trusted_and_written_again_and_what_is_none_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let text = "-----BEGIN CERTIFICATE-----\nbm90IHJlYWxseQ==\n-----END CERTIFICATE-----\n";
        std::fs::write(&path, text).unwrap();
        let trust = Trust::with(Some(&path)).unwrap();
        assert_eq!(trust.further, [CertificateDer::from(b"not really".to_vec())]);
        assert!(trust.pem().unwrap().ends_with(text));
        let both = trust.pem_with(&CertificateDer::from(b"not really".to_vec()));
        assert!(both.ends_with(&text.repeat(2)) && both.starts_with(&trust.pem().unwrap()));
        for (name, content) in [("empty", ""), ("other", "no certificate"), ("cut", &text[..40])] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let refused = crate::error::chain(&Trust::with(Some(&path)).unwrap_err());
            assert!(refused.contains(&format!("/{name} (a PEM file")), "{refused}");
        }
        assert!(Trust::with(Some(Path::new("/dev/zero"))).is_err());
        assert!(Trust::with(Some(&folder.path().join("missing"))).is_err());
    }
}
