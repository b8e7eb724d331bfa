//! `launch.toml` where a scenario has none. The builder puts together `metadata.toml` from what buildpacks wrote there,
//! and leaves both: an exporter may read labels in either (`cnb-buildpack.md`, launch.toml; `cnb-platform.md` lists
//! none in metadata.toml).

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::node::{Kind, Node};
use super::{LAYERS, buildpack_folder};

/// The file that an exporter reads labels from if it does not take them from `metadata.toml`: that of the last
/// buildpack, with all labels. None where there are none to tell, or the scenario says itself what buildpacks wrote.
pub(super) fn missing(nodes: &BTreeMap<String, Node>) -> Option<(String, String)> {
    let own = format!("{LAYERS}/");
    if nodes.keys().any(|path| path.starts_with(&own) && path.ends_with("/launch.toml")) {
        return None;
    }
    let metadata = table(nodes, &format!("{LAYERS}/config/metadata.toml"))?;
    let labels = metadata.get("labels")?.as_array().filter(|labels| !labels.is_empty())?;
    let last = metadata.get("buildpacks")?.as_array()?.last()?.get("id")?.as_str()?;
    let text = Table::from_iter([("labels".to_owned(), Value::Array(labels.clone()))]).to_string();
    Some((format!("{LAYERS}/{}/launch.toml", buildpack_folder(last)), text))
}

/// A TOML file of the inputs; none where it is not there or cannot be read.
pub(super) fn table(nodes: &BTreeMap<String, Node>, path: &str) -> Option<Table> {
    match &nodes.get(path)?.kind {
        Kind::File(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}
