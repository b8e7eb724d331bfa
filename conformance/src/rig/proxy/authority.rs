//! An authority that signs the certificates of this run's recorders. It is made when the run begins and ends with it:
//! no key of it is written anywhere, and only this run's exporters are told of it.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{ELSEWHERE, HERE};

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A key or a certificate could not be made.
    #[error("make a certificate for the recorder")]
    Certificate {
        /// Why not.
        #[from]
        source: rcgen::Error,
    },
    /// It cannot be served.
    #[error("set up TLS for the recorder")]
    Tls {
        /// Why not.
        #[from]
        source: rustls::Error,
    },
}

/// An authority, and the certificate that it signed for the addresses of recorders.
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    acceptor: TlsAcceptor,
}

/// Why a certificate is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// An authority signed it of which no one was told. It has the name of the one that is known.
    Unknown,
    /// It has expired.
    Expired,
    /// It is for another host.
    Misnamed,
}

impl Authority {
    /// One that no other run has.
    ///
    /// # Errors
    /// [`AuthorityError`] where there is no randomness to be had.
    pub fn new() -> Result<Self, AuthorityError> {
        let mut root = CertificateParams::new(Vec::new())?;
        root.distinguished_name = named("Internal Root");
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_key = KeyPair::generate()?;
        let certificate = root.self_signed(&root_key)?.der().clone();
        let issuer = Issuer::new(root, root_key);
        let acceptor = served(&issuer, CertificateParams::new([HERE, ELSEWHERE].map(str::to_owned))?)?;
        Ok(Self { certificate, issuer, acceptor })
    }

    /// Speaks TLS with a certificate that is not to be trusted.
    ///
    /// # Errors
    /// [`AuthorityError`] where there is no randomness to be had.
    pub fn flawed(&self, flaw: Flaw) -> Result<TlsAcceptor, AuthorityError> {
        let host = if flaw == Flaw::Misnamed { "another.internal" } else { HERE };
        let mut leaf = CertificateParams::new([host.to_owned()])?;
        match flaw {
            Flaw::Unknown => return Ok(Self::new()?.acceptor),
            Flaw::Expired => {
                (leaf.not_before, leaf.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
            }
            Flaw::Misnamed => {}
        }
        served(&self.issuer, leaf)
    }

    /// What has to be trusted by those who speak to the recorder.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }
}

/// What speaks TLS with this certificate, when it is signed.
fn served(issuer: &Issuer<'static, KeyPair>, mut leaf: CertificateParams) -> Result<TlsAcceptor, AuthorityError> {
    leaf.distinguished_name = named("registry.internal");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let signed = leaf.signed_by(&key, issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|text| rustls::Error::General(text.to_owned()))?;
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(server)))
}

/// A name that a company's own authority could have: nothing of it tells an exporter who asks.
fn named(name: &str) -> DistinguishedName {
    let mut found = DistinguishedName::new();
    found.push(DnType::CommonName, name);
    found
}
