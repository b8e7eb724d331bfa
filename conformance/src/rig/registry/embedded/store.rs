//! What the embedded registry holds: blobs as files, everything else in memory behind one lock.

use crate::locked::locked;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use judge::digest::Digest;
use ring::digest::Context;
use tempfile::NamedTempFile;

use crate::held::Held;
use crate::rig::registry::REGISTRY;

/// All that it holds.
pub(super) struct Store {
    folder: Held,
    state: Mutex<Contents>,
}

/// What is in memory.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) uploads: HashMap<String, Upload>,
    next_upload: u64,
}

/// One repository.
#[derive(Default)]
pub(super) struct Repository {
    pub(super) blobs: HashSet<Digest>,
    pub(super) manifests: HashMap<Digest, Manifest>,
    pub(super) tags: BTreeMap<String, Digest>,
}

/// A manifest as it was put.
#[derive(Clone)]
pub(super) struct Manifest {
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
}

/// A blob that is being uploaded; taken out of the contents while a request writes to it.
pub(super) struct Upload {
    pub(super) repository: String,
    pub(super) file: NamedTempFile,
    pub(super) sha256: Context,
    pub(super) sha512: Context,
    pub(super) size: u64,
}

impl Store {
    pub(super) fn new() -> io::Result<Self> {
        let folder = Held::new_in(&std::env::temp_dir(), REGISTRY)?;
        Ok(Self { folder, state: Mutex::new(Contents::default()) })
    }

    /// The contents; a request that panicked leaves them as they were.
    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        locked(&self.state)
    }

    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.path().join(format!("{}-{}", digest.algorithm(), digest.encoded()))
    }

    pub(super) fn new_upload(&self, repository: &str) -> io::Result<Upload> {
        Ok(Upload {
            repository: repository.to_owned(),
            file: NamedTempFile::new_in(self.folder.path())?,
            sha256: Context::new(&ring::digest::SHA256),
            sha512: Context::new(&ring::digest::SHA512),
            size: 0,
        })
    }

    /// Keeps an upload between requests; gives its id.
    pub(super) fn park(&self, id: Option<String>, upload: Upload) -> String {
        let mut contents = self.contents();
        let id = id.unwrap_or_else(|| {
            contents.next_upload += 1;
            format!("upload-{}", contents.next_upload)
        });
        contents.uploads.insert(id.clone(), upload);
        id
    }

    /// Takes an upload out, where it is there and belongs to the repository.
    pub(super) fn take(&self, repository: &str, id: &str) -> Option<Upload> {
        let mut contents = self.contents();
        match contents.uploads.get(id) {
            Some(upload) if upload.repository == repository => contents.uploads.remove(id),
            _ => None,
        }
    }

    /// Ends an upload as the blob `digest` of its repository; false where the bytes are others.
    pub(super) fn commit(&self, upload: Upload, digest: &Digest) -> io::Result<bool> {
        use std::fmt::Write as _;
        let found = match digest.algorithm() {
            "sha512" => upload.sha512.finish(),
            _ => upload.sha256.finish(),
        };
        let hex = found.as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        if hex != digest.encoded() {
            return Ok(false);
        }
        upload.file.persist(self.path(digest)).map_err(|error| error.error)?;
        self.contents().repositories.entry(upload.repository).or_default().blobs.insert(digest.clone());
        Ok(true)
    }
}
