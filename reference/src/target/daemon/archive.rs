//! The docker-archive that a daemon loads.

use std::collections::HashSet;
use std::io::{self, Write};

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;

use super::saved::Part;
use crate::digest::Digest;
use crate::layer::{self, LayerError};
use crate::target::NewLayer;

/// Layers at hand for an archive.
pub(super) struct Parts {
    pub(super) base: Vec<Part>,
    pub(super) previous: Vec<Part>,
}

/// Writes the docker-archive; what a load needs first, config and list, comes first.
pub(super) fn write(
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
    let mut written: HashSet<String> = HashSet::new();
    whole(&mut out, &config_name, config)?;
    for part in &parts.base {
        let name = name(&part.diff_id);
        if written.insert(name.clone()) {
            put(part, &mut out, &name)?;
        }
    }
    for layer in layers {
        let name = name(layer.diff_id());
        if !written.insert(name.clone()) {
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
                put(part.ok_or_else(gone)?, &mut out, &name)?;
            }
            NewLayer::Made(_) => {}
        }
    }
    whole(&mut out, "manifest.json", list.as_bytes())?;
    out.write_all(&[0; 1024]).and_then(|()| out.flush()).map_err(LayerError::Spool)
}

fn put(part: &Part, out: &mut impl Write, name: &str) -> Result<(), LayerError> {
    header(out, name, part.size)?;
    part.for_each_chunk(|chunk| out.write_all(chunk)).map_err(LayerError::Spool)?;
    pad(out, part.size)
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
pub(super) struct Chunks {
    pub(super) sender: mpsc::Sender<Result<Bytes, io::Error>>,
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
