//! Putting things into a registry and taking them out again (`oci-distribution.md`, Push and Content Management): what
//! the rig needs to publish a scenario's run image. Uploads are monolithic and from memory.

use bytes::Bytes;
use judge::digest::Digest;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Response, StatusCode, Url};

use super::http::{AccessError, refused, shown};
use super::registry::RegistryClient;

/// How often an upload is begun at most.
const UPLOADS: u32 = 3;

impl RegistryClient {
    /// Whether the repository has the blob.
    ///
    /// # Errors
    /// [`AccessError`] when the registry answers neither yes nor no.
    pub async fn has_blob(&self, repository: &str, digest: &Digest) -> Result<bool, AccessError> {
        let url = self.access().url(&format!("v2/{repository}/blobs/{digest}"))?;
        let response = self.read(repository, |client| client.head(url.clone())).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refused(&response)),
        }
    }

    /// Puts a blob into the repository unless it is there; its digest.
    ///
    /// # Errors
    /// [`AccessError`] when the registry does not take it.
    pub async fn push_blob(&self, repository: &str, bytes: Bytes) -> Result<Digest, AccessError> {
        let digest = Digest::of(&bytes);
        for _ in 1..UPLOADS {
            match self.push_blob_once(repository, &digest, &bytes).await {
                // An upload that the registry has lost, or that broke off, can be begun anew.
                Err(AccessError::Status { status: 404 | 416, .. } | AccessError::Request { .. }) => {}
                result => return result.map(|()| digest),
            }
        }
        self.push_blob_once(repository, &digest, &bytes).await.map(|()| digest)
    }

    async fn push_blob_once(&self, repository: &str, digest: &Digest, bytes: &Bytes) -> Result<(), AccessError> {
        if self.has_blob(repository, digest).await? {
            return Ok(());
        }
        let start = self.access().url(&format!("v2/{repository}/blobs/uploads/"))?;
        let response = self.write(repository, |client| client.post(start.clone()).header(CONTENT_LENGTH, 0)).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(refused(&response));
        }
        let mut upload = location_of(&response)?;
        upload.query_pairs_mut().append_pair("digest", digest.as_str());
        let put = |client: &reqwest::Client| {
            client.put(upload.clone()).header(CONTENT_TYPE, "application/octet-stream").body(bytes.clone())
        };
        let response = self.write(repository, put).await?;
        if response.status() == StatusCode::CREATED { Ok(()) } else { Err(refused(&response)) }
    }

    /// Mounts a blob of the repository `from`; false where the registry would rather have it sent.
    ///
    /// # Errors
    /// [`AccessError`] when the registry answers neither.
    pub async fn mount(&self, repository: &str, digest: &Digest, from: &str) -> Result<bool, AccessError> {
        let mut url = self.access().url(&format!("v2/{repository}/blobs/uploads/"))?;
        url.query_pairs_mut().append_pair("mount", digest.as_str()).append_pair("from", from);
        let response = self.write(repository, |client| client.post(url.clone()).header(CONTENT_LENGTH, 0)).await?;
        match response.status() {
            StatusCode::CREATED => Ok(true),
            StatusCode::ACCEPTED => {
                let upload = location_of(&response)?;
                // An upload that no one finishes ends by itself; this only tidies up sooner.
                drop(self.write(repository, |client| client.delete(upload.clone())).await);
                Ok(false)
            }
            _ => Err(refused(&response)),
        }
    }

    /// Puts a manifest under a tag or digest; its digest. Blobs first: a registry may refuse it otherwise.
    ///
    /// # Errors
    /// [`AccessError`] when the registry does not take it.
    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Digest, AccessError> {
        let url = self.access().url(&format!("v2/{repository}/manifests/{reference}"))?;
        let put =
            |client: &reqwest::Client| client.put(url.clone()).header(CONTENT_TYPE, media_type).body(bytes.clone());
        let response = self.write(repository, put).await?;
        if response.status() == StatusCode::CREATED { Ok(Digest::of(&bytes)) } else { Err(refused(&response)) }
    }

    /// Takes a tag or a manifest (by digest) out of the repository. Many registries do not allow either.
    ///
    /// # Errors
    /// [`AccessError`] when it is still there for all that the registry says.
    pub async fn delete(&self, repository: &str, reference: &str) -> Result<(), AccessError> {
        let url = self.access().url(&format!("v2/{repository}/manifests/{reference}"))?;
        let response = self.write(repository, |client| client.delete(url.clone())).await?;
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::OK | StatusCode::NOT_FOUND => Ok(()),
            _ => Err(refused(&response)),
        }
    }
}

fn location_of(response: &Response) -> Result<Url, AccessError> {
    let given = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    given.and_then(|location| response.url().join(location).ok()).ok_or_else(|| AccessError::Protocol {
        url: shown(response.url()),
        reason: "it names no location for the upload",
    })
}
