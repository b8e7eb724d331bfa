//! `launch.toml` where a scenario has none. The builder puts together `metadata.toml` from what buildpacks wrote there,
//! and leaves both: an exporter may read labels in either (`cnb-buildpack.md`, launch.toml; `cnb-platform.md` lists none
//! in metadata.toml).

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::LAYERS;
use super::tree::{Kind, Node};

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
    Some((format!("{LAYERS}/{}/launch.toml", last.replace('/', "_")), text))
}

fn table(nodes: &BTreeMap<String, Node>, path: &str) -> Option<Table> {
    match &nodes.get(path)?.kind {
        Kind::File(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::{analysed, tree};
    use super::*;

    /// Label by key, the last definition of each.
    fn labels(table: &Table) -> BTreeMap<String, Value> {
        let all = table.get("labels").and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|label| Some((label.get("key")?.as_str()?.to_owned(), label.get("value")?.clone()))).collect()
    }

    #[test]
    fn labels_are_the_same_in_metadata_and_in_what_buildpacks_wrote() {
        let mut compared = 0;
        for scenario in crate::scenario::built_in().unwrap() {
            for step in &scenario.file.steps {
                let nodes = tree(&scenario, step, &analysed()).unwrap();
                let Some(metadata) = table(&nodes, &format!("{LAYERS}/config/metadata.toml")) else { continue };
                let buildpacks = metadata.get("buildpacks").and_then(Value::as_array).into_iter().flatten();
                let mut contributed = BTreeMap::new();
                for id in buildpacks.filter_map(|buildpack| buildpack.get("id")?.as_str()) {
                    let path = format!("{LAYERS}/{}/launch.toml", id.replace('/', "_"));
                    contributed.extend(table(&nodes, &path).map(|table| labels(&table)).unwrap_or_default());
                }
                compared += contributed.len();
                assert_eq!(labels(&metadata), contributed, "{}", scenario.name);
            }
        }
        assert!(compared > 5, "{compared} labels were compared");
    }
}
