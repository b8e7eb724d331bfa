//! A Docker daemon as a target, by the Engine API: a docker-archive is streamed into it, layers uncompressed, one after
//! another, never the whole archive in memory. The run image's layers come from the daemon itself, which saves them to
//! temporary disk; none is left out, because not every store survives that.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use bollard::Docker;
use bollard::query_parameters::ImportImageOptions;
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{NewLayer, Outcome, StoredImage};
use crate::digest::Digest;
use crate::image::diff_ids;
use crate::image_name::ImageName;
use crate::layer::{self, LayerError};

/// Seconds without an answer after which the daemon has failed.
const PATIENCE: u64 = 120;

/// Why a daemon could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Nothing answers there.
    #[error("reach the Docker daemon: {0}; is it running, and does DOCKER_HOST name it?")]
    Unreachable(String),
    /// It refused.
    #[error("{doing} {what}: the daemon says: {reason}")]
    Refused {
        /// What was done.
        doing: &'static str,
        /// Of what.
        what: String,
        /// What it said.
        reason: String,
    },
    /// What it saved is not an image.
    #[error("read the run image {name} from the daemon: {reason}")]
    Content {
        /// The image.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The temporary disk.
    #[error("spool the run image to temporary disk: {0}; TMPDIR chooses the disk")]
    Spool(io::Error),
}

/// A daemon.
pub struct Daemon {
    api: Docker,
    base: Vec<Part>,
    previous: Vec<Part>,
}

/// A layer of the run image within the spooled archive.
struct Part {
    archive: File,
    at: u64,
    size: u64,
    diff_id: Digest,
}

impl Daemon {
    /// The daemon at `host`, else the default one.
    ///
    /// # Errors
    /// [`DaemonError::Unreachable`].
    pub async fn open(host: Option<&str>) -> Result<Self, DaemonError> {
        let host = host.unwrap_or("unix:///var/run/docker.sock");
        let fail = |error: bollard::errors::Error| DaemonError::Unreachable(format!("{host}: {error}"));
        let version = bollard::API_DEFAULT_VERSION;
        let api = if host.starts_with("unix://") {
            Docker::connect_with_unix(host, PATIENCE, version)
        } else {
            Docker::connect_with_http(host, PATIENCE, version)
        };
        let negotiated = api.map_err(fail)?.negotiate_version();
        let api = tokio::time::timeout(std::time::Duration::from_secs(20), negotiated).await;
        let api = api.map_err(|_| DaemonError::Unreachable(format!("{host}: no answer within 20 s")))?.map_err(fail)?;
        Ok(Self { api, base: Vec::new(), previous: Vec::new() })
    }

    /// The run image that the daemon has under `reference`, its image ID or a name.
    ///
    /// # Errors
    /// [`DaemonError`] naming the image.
    pub async fn base(&mut self, reference: &str) -> Result<StoredImage, DaemonError> {
        let (config, parts) = self.saved(reference).await?;
        self.base = parts;
        Ok(StoredImage { config, layers: Vec::new() })
    }

    /// The config and the layers of an image, spooled.
    async fn saved(&self, reference: &str) -> Result<(Value, Vec<Part>), DaemonError> {
        let wrong = |reason: String| DaemonError::Content { name: reference.to_owned(), reason };
        let refused = |error: bollard::errors::Error| DaemonError::Refused {
            doing: "save",
            what: reference.to_owned(),
            reason: error.to_string(),
        };
        let mut spool = tempfile::tempfile().map_err(DaemonError::Spool)?;
        let mut chunks = self.api.export_image(reference);
        while let Some(chunk) = chunks.next().await {
            spool.write_all(&chunk.map_err(refused)?).map_err(DaemonError::Spool)?;
        }
        let archive = Archive::read(&spool).map_err(DaemonError::Spool)?;
        let entry = archive.json(&spool, "manifest.json").map_err(wrong)?[0].clone();
        let config = archive.json(&spool, entry["Config"].as_str().unwrap_or_default()).map_err(wrong)?;
        let names = entry["Layers"].as_array().cloned().unwrap_or_default();
        let ids = diff_ids(&config);
        if names.len() != ids.len() {
            return Err(wrong(format!("its archive has {} layers, its config {}", names.len(), ids.len())));
        }
        let mut parts = Vec::new();
        for (name, diff_id) in names.iter().zip(ids) {
            let name = name.as_str().unwrap_or_default();
            let (at, size) = archive.place(name).ok_or_else(|| wrong(format!("its archive lacks {name}")))?;
            let archive = spool.try_clone().map_err(DaemonError::Spool)?;
            let part = Part { archive, at, size, diff_id };
            part.check().map_err(DaemonError::Spool)?.map_err(wrong)?;
            parts.push(part);
        }
        Ok((config, parts))
    }

    /// The previous image under its ID; none where it is not there any more. Its layers are spooled too, so that one
    /// of them can be part of the new image.
    ///
    /// # Errors
    /// [`DaemonError`] naming the image.
    pub async fn previous(&mut self, reference: &str) -> Result<Option<StoredImage>, DaemonError> {
        match self.api.inspect_image(reference).await {
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
            Err(error) => {
                let what = reference.to_owned();
                return Err(DaemonError::Refused { doing: "inspect", what, reason: error.to_string() });
            }
            Ok(_) => {}
        }
        let (config, parts) = self.saved(reference).await?;
        self.previous = parts;
        Ok(Some(StoredImage { config, layers: Vec::new() }))
    }

    /// Loads the image under every tag.
    ///
    /// # Errors
    /// [`DaemonError`], or the [`LayerError`] of a file that changed.
    pub async fn write(
        self,
        images: &[ImageName],
        config: Vec<u8>,
        layers: Vec<NewLayer>,
    ) -> Result<Outcome, super::TargetError> {
        let image_id = Digest::of(&config);
        let tags: Vec<String> = images.iter().map(familiar).collect();
        let first = tags.first().cloned().unwrap_or_default();
        let (sender, receiver) = mpsc::channel::<Result<Bytes, io::Error>>(4);
        let parts = Parts { base: self.base, previous: self.previous };
        let writer =
            tokio::task::spawn_blocking(move || write_archive(&parts, &tags, &config, layers, Chunks { sender }));
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        let mut answers = self.api.import_image(ImportImageOptions::default(), bollard::body_try_stream(stream), None);
        let mut refusal = None;
        while let Some(answer) = answers.next().await {
            if let Err(error) = answer {
                refusal.get_or_insert(error.to_string());
            }
        }
        drop(answers);
        // A file that could not be read is the cause of a load that broke off.
        writer.await.map_err(|error| DaemonError::Spool(io::Error::other(error)))??;
        let refused = |reason: String| DaemonError::Refused { doing: "load", what: first.clone(), reason };
        if let Some(reason) = refusal {
            return Err(refused(reason).into());
        }
        let loaded = self.api.inspect_image(&first).await.map_err(|error| refused(error.to_string()))?;
        Ok(Outcome { digest: None, image_id: loaded.id.unwrap_or_else(|| image_id.to_string()), manifest_size: None })
    }
}

/// The name by which a daemon keeps an image: Docker Hub's host is not part of it.
fn familiar(image: &ImageName) -> String {
    let full = image.to_string();
    full.strip_prefix("index.docker.io/").map_or(full.clone(), str::to_owned)
}

/// Layers at hand for an archive.
struct Parts {
    base: Vec<Part>,
    previous: Vec<Part>,
}

impl Part {
    /// Writes it as a file of an archive.
    fn write(&self, out: &mut impl Write, name: &str) -> Result<(), LayerError> {
        header(out, name, self.size)?;
        self.for_each_chunk(|chunk| out.write_all(chunk)).map_err(LayerError::Spool)?;
        pad(out, self.size)
    }

    /// Whether the saved layer is the one that the config names; stores are known to save others.
    fn check(&self) -> io::Result<Result<(), String>> {
        let mut hasher = crate::digest::Hasher::new();
        self.for_each_chunk(|chunk| {
            hasher.update(chunk);
            Ok(())
        })?;
        let found = hasher.finish();
        Ok(if found == self.diff_id { Ok(()) } else { Err(format!("it saves {found} as layer {}", self.diff_id)) })
    }

    fn for_each_chunk(&self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = vec![0; 256 * 1024];
        let mut done = 0;
        while done < self.size {
            let wanted = usize::try_from(self.size - done).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.archive.read_at(&mut buffer[..wanted], self.at + done)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            take(&buffer[..read])?;
            done += read as u64;
        }
        Ok(())
    }
}

/// Where the files of a spooled archive lie.
struct Archive {
    places: BTreeMap<String, (u64, u64)>,
    links: BTreeMap<String, String>,
}

impl Archive {
    fn read(spool: &File) -> io::Result<Self> {
        let mut found = Self { places: BTreeMap::new(), links: BTreeMap::new() };
        let mut archive = Blocks { file: spool, at: 0 };
        let mut long_name: Option<String> = None;
        while let Some(header) = archive.next()? {
            let name = long_name.take().unwrap_or(header.name);
            match header.flag {
                b'0' | 0 => {
                    found.places.insert(name, (archive.at, header.size));
                }
                b'1' | b'2' => {
                    found.links.insert(name.clone(), resolved(&name, &header.link));
                }
                b'L' => {
                    let mut bytes = vec![0; usize::try_from(header.size.min(1 << 16)).unwrap_or(0)];
                    spool.read_exact_at(&mut bytes, archive.at)?;
                    long_name = Some(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned());
                }
                _ => {}
            }
            archive.at += header.size.div_ceil(512) * 512;
        }
        Ok(found)
    }

    fn place(&self, name: &str) -> Option<(u64, u64)> {
        self.places.get(self.links.get(name).map_or(name, String::as_str)).copied()
    }

    fn json(&self, spool: &File, name: &str) -> Result<Value, String> {
        let (at, size) = self.place(name).ok_or_else(|| format!("its archive lacks '{name}'"))?;
        let size = usize::try_from(size).ok().filter(|size| *size <= 16 << 20);
        let mut bytes = vec![0; size.ok_or_else(|| format!("{name} is larger than 16 MiB"))?];
        spool.read_exact_at(&mut bytes, at).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))
    }
}

struct Blocks<'a> {
    file: &'a File,
    at: u64,
}

struct EntryHeader {
    name: String,
    link: String,
    flag: u8,
    size: u64,
}

impl Blocks<'_> {
    /// The next header; `at` is where its content begins then.
    fn next(&mut self) -> io::Result<Option<EntryHeader>> {
        let mut block = [0; 512];
        let mut read = 0;
        while read < block.len() {
            match self.file.read_at(&mut block[read..], self.at + read as u64)? {
                0 => return Ok(None),
                more => read += more,
            }
        }
        self.at += 512;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let text =
            |range: std::ops::Range<usize>| String::from_utf8_lossy(&block[range]).trim_end_matches('\0').to_owned();
        let digits = text(124..136);
        let size = u64::from_str_radix(digits.trim_matches(['\0', ' ']), 8)
            .map_err(|_| io::Error::other("the daemon's archive has an entry without a size"))?;
        let prefix = if &block[257..262] == b"ustar" { text(345..500) } else { String::new() };
        let name = if prefix.is_empty() { text(0..100) } else { format!("{prefix}/{}", text(0..100)) };
        Ok(Some(EntryHeader { name, link: text(157..257), flag: block[156], size }))
    }
}

/// Where a link in an archive points.
fn resolved(name: &str, target: &str) -> String {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "" | "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Writes the docker-archive; what a load needs first, config and list, comes first.
fn write_archive(
    parts: &Parts,
    tags: &[String],
    config: &[u8],
    layers: Vec<NewLayer>,
    out: Chunks,
) -> Result<(), LayerError> {
    let mut out = io::BufWriter::with_capacity(256 * 1024, out);
    let config_name = format!("{}.json", Digest::of(config).hex());
    let name = |diff_id: &Digest| format!("{}.tar", diff_id.hex());
    let mut names: Vec<String> = parts.base.iter().map(|part| name(&part.diff_id)).collect();
    names.extend(layers.iter().map(|layer| name(layer.diff_id())));
    let list = json!([{ "Config": config_name, "RepoTags": tags, "Layers": names }]).to_string();
    let mut written: Vec<String> = Vec::new();
    whole(&mut out, &config_name, config)?;
    for part in &parts.base {
        let name = name(&part.diff_id);
        if !written.contains(&name) {
            part.write(&mut out, &name)?;
            written.push(name);
        }
    }
    for layer in layers {
        let name = name(layer.diff_id());
        if written.contains(&name) {
            continue;
        }
        match &layer {
            NewLayer::Streamed { size, tree, .. } => {
                header(&mut out, &name, *size)?;
                layer::write_tar(tree, &mut out)?;
                pad(&mut out, *size)?;
            }
            NewLayer::Reused { diff_id, .. } => {
                let part = parts.previous.iter().find(|part| part.diff_id == *diff_id);
                let gone = || LayerError::Spool(io::Error::other("the previous image's layer is gone"));
                part.ok_or_else(gone)?.write(&mut out, &name)?;
            }
            NewLayer::Made(_) => {}
        }
        written.push(name);
    }
    whole(&mut out, "manifest.json", list.as_bytes())?;
    out.write_all(&[0; 1024]).and_then(|()| out.flush()).map_err(LayerError::Spool)
}

fn whole(out: &mut impl Write, name: &str, bytes: &[u8]) -> Result<(), LayerError> {
    header(out, name, bytes.len() as u64)?;
    out.write_all(bytes).map_err(LayerError::Spool)?;
    pad(out, bytes.len() as u64)
}

fn pad(out: &mut impl Write, size: u64) -> Result<(), LayerError> {
    let over = usize::try_from(size % 512).unwrap_or(0);
    if over == 0 { Ok(()) } else { out.write_all(&[0; 512][over..]).map_err(LayerError::Spool) }
}

fn header(out: &mut impl Write, name: &str, size: u64) -> Result<(), LayerError> {
    let bytes = layer::plain_header(name, size);
    out.write_all(&bytes).map_err(LayerError::Spool)
}

/// Sends what is written as chunks of a stream; the other end's going is an error.
struct Chunks {
    sender: mpsc::Sender<Result<Bytes, io::Error>>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sender
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(|_| io::Error::other("the daemon ended the load"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
