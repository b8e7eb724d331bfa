//! What a load is made of: an OCI archive, whose layers are sent as they are made, or a docker-archive. Both name the
//! run image's layers without holding them, and neither names the image.

use std::io;

use serde_json::json;

use super::load::Load;
use super::saved::{Place, blob};
use super::{DaemonError, Previous};
use crate::digest::{DiffId, Digest};
use crate::image::MANIFEST;
use crate::layer;
use crate::target::{Content, NewLayer, TargetError};

/// Sends what is left of an OCI archive after its layers.
pub(super) async fn oci(mut load: Load, config: Vec<u8>, manifest: Vec<u8>) -> Result<(), TargetError> {
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{ "mediaType": MANIFEST, "digest": Digest::of(&manifest), "size": manifest.len() }],
    });
    load.bytes(blob(&Digest::of(&config)), config).await?;
    load.bytes(blob(&Digest::of(&manifest)), manifest).await?;
    load.bytes("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()).await?;
    load.bytes("index.json".to_owned(), index.to_string().into_bytes()).await?;
    load.finish().await
}

/// Sends a whole docker-archive; `base` are the run image's layers.
pub(super) async fn docker(
    mut load: Load,
    base: Vec<DiffId>,
    previous: Option<&Previous>,
    config: Vec<u8>,
    layers: Vec<NewLayer>,
) -> Result<(), TargetError> {
    let name = |diff_id: &DiffId| format!("{}.tar", diff_id.digest().hex());
    let names: Vec<String> = base.iter().chain(layers.iter().map(NewLayer::diff_id)).map(name).collect();
    let config_name = format!("{}.json", Digest::of(&config).hex());
    let list = json!([{ "Config": config_name, "RepoTags": null, "Layers": names }]).to_string();
    load.bytes(config_name, config).await?;
    for layer in layers {
        let name = name(layer.diff_id());
        match layer {
            NewLayer::Streamed { size, content: Content::Tree(tree), .. } => {
                load.file(name, size, move |out| layer::write_tar(&tree, out)).await?;
            }
            NewLayer::Streamed { size, content: Content::Tar(file), .. } => {
                load.spooled(name, file, Place { at: 0, size }).await?;
            }
            NewLayer::Reused { diff_id, .. } => send_again(&mut load, name, &diff_id, previous).await?,
            NewLayer::Made(_) | NewLayer::Sent { .. } => {}
        }
    }
    load.bytes("manifest.json".to_owned(), list.into_bytes()).await?;
    load.finish().await
}

/// Sends a layer of the previous image: a classic store finds a layer only on the layers that it was made on.
async fn send_again(
    load: &mut Load,
    name: String,
    diff_id: &DiffId,
    previous: Option<&Previous>,
) -> Result<(), TargetError> {
    let gone = || DaemonError::Spool(io::Error::other(format!("the previous image's layer {diff_id} is not in it")));
    let previous = previous.ok_or_else(gone)?;
    let at = previous.saved.layers.iter().position(|layer| layer.digest == *diff_id.digest()).ok_or_else(gone)?;
    let place = previous.saved.places[at].ok_or_else(gone)?;
    let spool = previous.spool.try_clone().map_err(DaemonError::Spool)?;
    load.spooled(name, spool, place).await
}
