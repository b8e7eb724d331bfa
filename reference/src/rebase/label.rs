//! The label `io.buildpacks.lifecycle.metadata` of an app image: which layers are the run image's and what the run
//! image is called; and what it says after a rebase.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::digest::DiffId;
use crate::inputs::RunImages;

/// The label's key.
pub(super) const KEY: &str = "io.buildpacks.lifecycle.metadata";

/// Why an image has no label that a rebase can go by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// There is none.
    #[error("it has no label {KEY}, so it is not an app image that a rebaser can read; export it with a lifecycle")]
    None,
    /// It is something else.
    #[error("its label {KEY} is not a JSON object ({0}); export it anew")]
    Malformed(String),
    /// It does not say where the run image ends.
    #[error("its label {KEY} has no runImage.topLayer, so the run image's layers are not known; export it anew")]
    NoTopLayer,
    /// The layer that it names is not there.
    #[error("its label {KEY} says that the run image ends with layer {0}, which the image does not have")]
    LayerGone(DiffId),
}

/// The label as it is.
pub(super) struct Label {
    text: String,
    value: Map<String, Value>,
}

/// The run image as the label is to name it.
pub(super) struct NewRunImage<'a> {
    pub(super) reference: &'a str,
    pub(super) top_layer: &'a DiffId,
    /// A name that takes the place of those in the label.
    pub(super) renamed: Option<&'a str>,
}

impl Label {
    /// Of an image with this config.
    pub(super) fn of(config: &Value) -> Result<Self, LabelError> {
        let text = config["config"]["Labels"][KEY].as_str().ok_or(LabelError::None)?.to_owned();
        let value = serde_json::from_str(&text).map_err(|error| LabelError::Malformed(error.to_string()))?;
        Ok(Self { text, value })
    }

    /// The run image's names: of `runImage`, or, from older platforms, of `stack.runImage`.
    pub(super) fn names(&self) -> RunImages {
        let of = |run: Option<&Value>| {
            let image = run?["image"].as_str().filter(|name| !name.is_empty())?.to_owned();
            let mirrors = run?["mirrors"].as_array().into_iter().flatten();
            Some(RunImages { image, mirrors: mirrors.filter_map(|name| name.as_str().map(str::to_owned)).collect() })
        };
        let old = || of(self.value.get("stack").and_then(|stack| stack.get("runImage")));
        of(self.value.get("runImage")).or_else(old).unwrap_or_default()
    }

    /// How many of these layers are the run image's: those up to the one that the label names. Where several have its
    /// digest, it is the first above which there are layers that the label calls the app's, and no others.
    pub(super) fn run_layers(&self, diff_ids: &[DiffId]) -> Result<usize, LabelError> {
        let top = self.value.get("runImage").and_then(|run| DiffId::parse(run["topLayer"].as_str()?));
        let top = top.ok_or(LabelError::NoTopLayer)?;
        let mut own = BTreeSet::new();
        self.value.values().for_each(|value| layers_of(value, &mut own));
        let ends = || diff_ids.iter().enumerate().filter(|(_, id)| **id == top).map(|(at, _)| at + 1);
        let is_whole = |end: &usize| {
            let above = &diff_ids[*end..];
            !above.is_empty() && above.iter().all(|id| own.contains(id.digest().as_str()))
        };
        ends().find(is_whole).or_else(|| ends().next()).ok_or(LabelError::LayerGone(top))
    }

    /// The label after a rebase; its very text where nothing in it changes. `stack.runImage` says the same as
    /// `runImage` where it is there.
    pub(super) fn rebased(&self, run: &NewRunImage<'_>) -> String {
        let mut value = self.value.clone();
        if let Some(found) = value.entry("runImage").or_insert_with(|| Map::new().into()).as_object_mut() {
            found.insert("topLayer".to_owned(), run.top_layer.digest().as_str().into());
            found.insert("reference".to_owned(), run.reference.into());
            rename(found, run.renamed);
        }
        if let Some(found) = value.get_mut("stack").and_then(|stack| stack.get_mut("runImage")?.as_object_mut()) {
            for (key, text) in [("topLayer", run.top_layer.digest().as_str()), ("reference", run.reference)] {
                if found.contains_key(key) {
                    found.insert(key.to_owned(), text.into());
                }
            }
            rename(found, run.renamed);
        }
        if value == self.value { self.text.clone() } else { Value::from(value).to_string() }
    }
}

fn rename(run: &mut Map<String, Value>, name: Option<&str>) {
    if let Some(name) = name {
        run.insert("image".to_owned(), name.into());
        run.shift_remove("mirrors");
    }
}

/// Every layer's digest in a part of the label.
fn layers_of<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| layers_of(value, found)),
        Value::Object(members) => {
            found.extend(members.get("sha").and_then(Value::as_str));
            members.values().for_each(|value| layers_of(value, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Digest;

    fn label(value: &Value) -> Label {
        Label::of(&json!({ "config": { "Labels": { KEY: value.to_string() } } })).ok().unwrap()
    }

    fn ids(names: &str) -> Vec<DiffId> {
        names.split(' ').map(|name| DiffId::of_tar(Digest::of(name.as_bytes()))).collect()
    }

    #[test]
    fn the_run_image_ends_with_its_top_layer_also_where_that_layer_is_there_twice() {
        let id = |name: &str| DiffId::of_tar(Digest::of(name.as_bytes()));
        let label = label(&json!({
            "app": [{ "sha": id("app") }], "launcher": { "sha": id("empty") },
            "buildpacks": [{ "layers": { "l": { "sha": id("layer") } } }], "runImage": { "topLayer": id("empty") },
        }));
        assert_eq!(label.run_layers(&ids("base empty layer app")), Ok(2));
        assert_eq!(label.run_layers(&ids("empty base empty layer app")), Ok(3), "twice in the run image");
        assert_eq!(label.run_layers(&ids("empty layer empty app")), Ok(1), "an app layer has its digest");
        assert_eq!(label.run_layers(&ids("empty unknown app empty")), Ok(1), "something is above it");
        assert_eq!(label.run_layers(&ids("empty app unknown")), Ok(1), "the label does not name all");
        assert_eq!(label.run_layers(&ids("base app")), Err(LabelError::LayerGone(id("empty"))));
    }

    #[test]
    fn names_of_older_platforms_are_found_and_stack_says_the_same_as_before_where_it_is_there() {
        let top = DiffId::of_tar(Digest::of(b"top"));
        let old = label(&json!({ "x": 1.5, "runImage": { "topLayer": "t", "reference": "r" },
                                 "stack": { "runImage": { "image": "run:1", "mirrors": ["h.example/run:1"] } } }));
        assert_eq!(old.names(), RunImages { image: "run:1".to_owned(), mirrors: vec!["h.example/run:1".to_owned()] });
        let run = NewRunImage { reference: "new", top_layer: &top, renamed: None };
        let text = format!(
            "{{\"x\":1.5,\"runImage\":{{\"topLayer\":\"{top}\",\"reference\":\"new\"}},\
             \"stack\":{{\"runImage\":{{\"image\":\"run:1\",\"mirrors\":[\"h.example/run:1\"]}}}}}}"
        );
        assert_eq!(old.rebased(&run), text);
        let run = NewRunImage { renamed: Some("other"), ..run };
        let value: Value = serde_json::from_str(&old.rebased(&run)).unwrap();
        for found in [&value["runImage"], &value["stack"]["runImage"]] {
            assert_eq!((&found["image"], found.get("mirrors")), (&json!("other"), None));
        }
    }

    #[test]
    fn a_label_in_which_nothing_changes_keeps_its_text() {
        let top = DiffId::of_tar(Digest::of(b"top"));
        let text = format!("{{ \"runImage\": {{\"reference\": \"r\\u003c\", \"topLayer\": \"{top}\"}} }}");
        let label = Label::of(&json!({ "config": { "Labels": { KEY: text } } })).ok().unwrap();
        assert_eq!(label.rebased(&NewRunImage { reference: "r<", top_layer: &top, renamed: None }), text);
    }

    #[test]
    fn what_is_no_label_is_told() {
        assert_eq!(Label::of(&Value::Null).err(), Some(LabelError::None));
        let malformed = Label::of(&json!({ "config": { "Labels": { KEY: "[]" } } })).err();
        assert!(matches!(malformed, Some(LabelError::Malformed(_))));
        assert_eq!(label(&json!({ "runImage": 1 })).run_layers(&[]), Err(LabelError::NoTopLayer));
    }
}
