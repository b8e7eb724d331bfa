//! What a registry serves: manifests as raw bytes with their headers, blobs hashed as they come. A reference's host is
//! never consulted: every request goes to the one registry that was given.

use std::fmt;
use std::sync::{Arc, LazyLock};

use judge::digest::Digest;
use judge::evidence::{BaseImage, Document, Fetched, Image, Tag};
use judge::reference::Reference;
use oci_spec::image::{MediaType, ToDockerV2S2 as _};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use reqwest::{Client, RequestBuilder, Response, StatusCode};

use super::access::Access;
use super::again;
use super::credentials::Credentials;
use super::documents::{contents_of, manifest_for};
use super::error::RegistryError;
use super::http::{AccessError, Scope, body_within, refused};
use super::layer::LayerReader;
use super::trust::Trust;
use crate::budget;
use crate::limits::Patience;

/// Most bytes of a manifest, index or config: 16 MiB.
pub const MAX_DOCUMENT: usize = budget::DOCUMENT;

/// Indexes that are opened one after another to find an image.
const MOST_INDEXES: usize = 3;

/// Every kind of manifest and index that is asked for.
static MANIFESTS: LazyLock<String> = LazyLock::new(|| {
    let kinds = [MediaType::ImageManifest, MediaType::ImageIndex];
    let of_docker = kinds.iter().filter_map(|kind| kind.to_docker_v2s2().ok());
    kinds.iter().map(AsRef::as_ref).chain(of_docker).collect::<Vec<&str>>().join(", ")
});

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A connection to one registry. Clones share it and its tokens.
#[derive(Clone)]
pub struct RegistryClient(Arc<Access>);

impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegistryClient").field(&self.0.host()).finish()
    }
}

impl RegistryClient {
    /// A client of the registry at `base_url`, which is `http://` or `https://`, a host and perhaps a port. Nothing is
    /// sent yet. Credentials are sent only in answer to that registry's challenge.
    ///
    /// # Errors
    /// [`AccessError`] when the URL is none or TLS cannot be set up.
    pub fn new(base_url: &str, credentials: Option<Credentials>) -> Result<Self, AccessError> {
        Self::patient(base_url, credentials, (&Trust::default(), &Patience::default()))
    }

    /// Such a client that believes in the registry as `trust` and waits for it as long as `patience` says.
    ///
    /// # Errors
    /// [`AccessError`] when the URL is none or TLS cannot be set up.
    pub fn patient(
        base_url: &str,
        credentials: Option<Credentials>,
        how: (&Trust, &Patience),
    ) -> Result<Self, AccessError> {
        Access::new(base_url, credentials, how).map(|access| Self(Arc::new(access)))
    }

    /// Asks the registry whether it is one: it answers `/v2/`, with or without a challenge.
    ///
    /// # Errors
    /// [`AccessError`] when nothing answers, or something else than a registry does.
    pub async fn check(&self) -> Result<(), AccessError> {
        let response = self.0.ask("/v2/").await?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(()),
            _ => Err(refused(&response)),
        }
    }

    pub(super) fn access(&self) -> &Access {
        &self.0
    }

    pub(super) async fn read(
        &self,
        repository: &str,
        make: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response, AccessError> {
        self.0.send(&Scope { repository: repository.to_owned(), write: false }, make).await
    }

    pub(super) async fn write(
        &self,
        repository: &str,
        make: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response, AccessError> {
        self.0.send(&Scope { repository: repository.to_owned(), write: true }, make).await
    }
}

/// What one `<image>` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTag {
    /// The fact.
    pub tag: Tag,
    /// The manifest that was served.
    pub manifest: Option<Document>,
    /// Where the registry contradicts itself or refuses: by tag and by digest it must serve the same bytes.
    pub trouble: Option<String>,
}

/// An image and what kept it from being observed whole.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedImage {
    /// What was found.
    pub image: Image,
    /// What the registry or the harness did not deliver, in words; a blob that is simply not there is none.
    pub troubles: Vec<String>,
}

/// Observes one registry, and keeps what it serves.
#[derive(Debug, Clone)]
pub struct RegistryObserver {
    pub(super) client: RegistryClient,
    pub(super) layers: LayerReader,
}

struct Answer {
    status: u16,
    content_type: Option<String>,
    content_digest: Option<String>,
    document: Option<Document>,
}

impl RegistryObserver {
    /// An observer that speaks through `client` and keeps and reads blobs by `layers`.
    #[must_use]
    pub fn new(client: RegistryClient, layers: LayerReader) -> Self {
        Self { client, layers }
    }

    /// The digest of the manifest bytes that are served for `reference`; none where the registry answers 404 or the
    /// text is not a reference.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry answers anything else.
    pub async fn tag_state(&self, reference: &str) -> Result<Option<Digest>, RegistryError> {
        let Ok(parsed) = Reference::parse(reference) else { return Ok(None) };
        let answer = self.manifest(&parsed.repository, &identifier_of(&parsed)).await?;
        match (answer.status, answer.document) {
            (200, Some(document)) => Ok(Some(document.digest)),
            (404, _) => Ok(None),
            (status, _) => Err(AccessError::Status { url: reference.to_owned(), status }.into()),
        }
    }

    /// What `reference` names, and whether the registry serves the same under the digest. A text that is not a
    /// reference names nothing (status 0).
    ///
    /// # Errors
    /// [`RegistryError`] when the registry does not answer; an answer of any status is none.
    pub async fn tag(&self, reference: &str) -> Result<ObservedTag, RegistryError> {
        let mut tag = Tag { reference: reference.to_owned(), digest: None, status: 0, content_type: None };
        let Ok(parsed) = Reference::parse(reference) else {
            return Ok(ObservedTag { tag, manifest: None, trouble: None });
        };
        let answer = match self.manifest(&parsed.repository, &identifier_of(&parsed)).await {
            // It is there, and no one has to read it.
            Err(error) if error.is_too_large() => {
                tag.status = StatusCode::OK.as_u16();
                return Ok(ObservedTag { tag, manifest: None, trouble: None });
            }
            answer => answer?,
        };
        tag.status = answer.status;
        tag.content_type = answer.content_type;
        let trouble = match &answer.document {
            Some(document) => {
                tag.digest = Some(document.digest.to_string());
                let claimed = answer.content_digest.filter(|claimed| claimed != document.digest.as_str());
                match claimed {
                    Some(claimed) => Some(format!("bytes that hash to {} are called {claimed}", document.digest)),
                    None => self.contradiction(&parsed.repository, document).await?,
                }
            }
            None if answer.status == 404 => None,
            None => Some(format!("it answers {}", answer.status)),
        };
        let trouble = trouble.map(|trouble| format!("the registry's fault, asked for {reference}: {trouble}"));
        Ok(ObservedTag { tag, manifest: answer.document, trouble })
    }

    async fn contradiction(&self, repository: &str, served: &Document) -> Result<Option<String>, RegistryError> {
        let again = self.manifest(repository, served.digest.as_str()).await?;
        Ok(match again.document {
            Some(document) if document.bytes == served.bytes => None,
            Some(document) => Some(format!("under {} it serves bytes of {}", served.digest, document.digest)),
            None => Some(format!("by the digest {} it answers {}", served.digest, again.status)),
        })
    }

    /// The image under a tag or digest; none where the registry answers 404.
    ///
    /// # Errors
    /// [`RegistryError`] when the manifest cannot be had for another reason.
    pub async fn image(&self, repository: &str, reference: &str) -> Result<Option<ObservedImage>, RegistryError> {
        let answer = self.manifest(repository, reference).await?;
        match (answer.status, answer.document) {
            (_, Some(manifest)) => Ok(Some(self.image_of(repository, manifest).await)),
            (404, None) => Ok(None),
            (status, None) => Err(AccessError::Status { url: format!("{repository} {reference}"), status }.into()),
        }
    }

    /// What the repository serves under `asked`, a tag or a digest. Asked by what cannot stand in a URL, it is not
    /// asked: status 0.
    ///
    /// # Errors
    /// [`RegistryError`] when it does not answer; an answer of any status is none.
    pub async fn fetch_manifest(&self, repository: &str, asked: &str) -> Result<Fetched, RegistryError> {
        let asked = asked.to_owned();
        if Digest::parse(&asked).is_err() && Reference::parse(&format!("host.example/a:{asked}")).is_err() {
            return Ok(Fetched { asked, status: 0, document: None });
        }
        let answer = self.manifest(repository, &asked).await?;
        Ok(Fetched { asked, status: answer.status, document: answer.document })
    }

    /// What lies under the value of a `base.digest` annotation, and the config of it or, where it is an index, of its
    /// manifest for this platform. A value that is not a digest is not asked for: status 0.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry does not answer, or answers neither yes nor no.
    pub async fn base_image(
        &self,
        run_repository: &str,
        base_digest: &str,
        os: &str,
        architecture: &str,
    ) -> Result<BaseImage, RegistryError> {
        if Digest::parse(base_digest).is_err() {
            let fetched = Fetched { asked: base_digest.to_owned(), status: 0, document: None };
            return Ok(BaseImage { fetched, config: None });
        }
        let fetched = self.fetch_manifest(run_repository, base_digest).await?;
        let Some(found) = &fetched.document else { return Ok(BaseImage { fetched, config: None }) };
        let (mut contents, mut next) = (contents_of(&found.bytes), manifest_for(&found.bytes, os, architecture));
        // An index may stand in an index, and none leads further than this.
        for _ in 0..MOST_INDEXES {
            let Some(digest) = next.take() else { break };
            let manifest = self.manifest(run_repository, digest.as_str()).await?.document;
            next = manifest.as_ref().and_then(|manifest| manifest_for(&manifest.bytes, os, architecture));
            contents = manifest.map(|manifest| contents_of(&manifest.bytes)).unwrap_or_default();
        }
        let config = match contents.config.and_then(|config| config.digest) {
            Some(digest) => self.config(run_repository, &digest).await?,
            None => None,
        };
        Ok(BaseImage { fetched, config })
    }

    async fn manifest(&self, repository: &str, reference: &str) -> Result<Answer, RegistryError> {
        again::whole(self.client.access().waits(), async || self.manifest_once(repository, reference).await).await
    }

    async fn manifest_once(&self, repository: &str, reference: &str) -> Result<Answer, RegistryError> {
        let url = self.client.access().url(&format!("v2/{repository}/manifests/{reference}"))?;
        let response =
            self.client.read(repository, |client| client.get(url.clone()).header(ACCEPT, MANIFESTS.as_str())).await?;
        let header = |name: HeaderName| {
            response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let (status, content_type, content_digest) = (response.status(), header(CONTENT_TYPE), header(CONTENT_DIGEST));
        let document = if status == StatusCode::OK {
            let bytes = body_within(self.client.access().waits(), response, MAX_DOCUMENT).await?;
            Some(self.layers.store().put_document(bytes, content_type.clone())?)
        } else {
            None
        };
        Ok(Answer { status: status.as_u16(), content_type, content_digest, document })
    }
}

fn identifier_of(reference: &Reference) -> String {
    let digest = reference.digest.as_ref().map(ToString::to_string);
    digest.or_else(|| reference.tag.clone()).unwrap_or_default()
}
