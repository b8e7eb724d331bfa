//! The config of a rebased image: the app image's, with the new run image's layers, labels of the base and, where the
//! rebase is forced, its target.

use serde_json::{Map, Value, json};

use super::label;

/// Labels that are the run image's (`cnb-platform.md`, rebaser, Outputs).
const OF_THE_BASE: [&str; 2] = ["io.buildpacks.base.", "io.buildpacks.stack."];

/// What a rebase changes.
pub(super) struct Change<'a> {
    /// How many of the app image's layers are the old run image's.
    pub(super) run_layers: usize,
    /// The new run image's config.
    pub(super) run: &'a Value,
    /// The label of the lifecycle.
    pub(super) label: String,
    /// Whether the target is the new run image's.
    pub(super) force: bool,
    /// `created`, in seconds since 1970.
    pub(super) created: i64,
}

/// The config after a rebase. Whatever is not named in [`Change`] stays, environment, user and entrypoint as well: the
/// specification lists what a rebase modifies.
pub(super) fn rebased(app: &Value, change: &Change<'_>) -> Value {
    let mut config = app.clone();
    config["created"] = json!(jiff::Timestamp::from_second(change.created).unwrap_or_default().to_string());
    if change.force {
        target(&mut config, change.run);
    }
    let history = history(app, change);
    if let Some(members) = config.as_object_mut() {
        match history {
            Some(history) => members.insert("history".to_owned(), history.into()),
            None => members.shift_remove("history"),
        };
    }
    let mut diff_ids = list(&change.run["rootfs"]["diff_ids"]).to_vec();
    diff_ids.extend(list(&app["rootfs"]["diff_ids"]).iter().skip(change.run_layers).cloned());
    config["rootfs"]["diff_ids"] = diff_ids.into();
    if let Some(labels) = config["config"]["Labels"].as_object_mut() {
        sync(labels, &change.run["config"]["Labels"]);
        labels.insert(label::KEY.to_owned(), change.label.clone().into());
    }
    config
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Operating system, with its version and features, architecture and variant are the run image's; what it leaves out of
/// the last ones is left out, because it would be said of another system.
fn target(config: &mut Value, run: &Value) {
    let Some(members) = config.as_object_mut() else { return };
    for (key, is_optional) in
        [("os", false), ("architecture", false), ("variant", true), ("os.version", true), ("os.features", true)]
    {
        match run.get(key).filter(|value| !value.is_null()) {
            Some(value) => {
                members.insert(key.to_owned(), value.clone());
            }
            None if is_optional => {
                members.shift_remove(key);
            }
            None => {}
        }
    }
}

/// The run image's part of the history is replaced where both histories fit their layers; else none could be true.
fn history(app: &Value, change: &Change<'_>) -> Option<Vec<Value>> {
    let (own, mut history) = (fitting_history(app)?, fitting_history(change.run)?.clone());
    // What made no layer after the old run image's last one belongs to the run image as well.
    let mut layers = own.iter().enumerate().filter(|(_, entry)| is_layer(entry)).map(|(at, _)| at);
    let begin = layers.nth(change.run_layers).unwrap_or(own.len());
    history.extend_from_slice(&own[begin..]);
    Some(history)
}

fn is_layer(entry: &Value) -> bool {
    entry["empty_layer"] != json!(true)
}

/// A config's history, where it has one entry for each layer.
fn fitting_history(config: &Value) -> Option<&Vec<Value>> {
    let history = config["history"].as_array()?;
    let layers = history.iter().filter(|entry| is_layer(entry)).count();
    (layers == list(&config["rootfs"]["diff_ids"]).len()).then_some(history)
}

/// Labels of the base as the new run image has them, each in its place; what it lacks is removed.
fn sync(labels: &mut Map<String, Value>, run: &Value) {
    let is_of_the_base = |key: &str| OF_THE_BASE.iter().any(|prefix| key.starts_with(prefix));
    let empty = Map::new();
    let run = run.as_object().unwrap_or(&empty);
    labels.retain(|key, _| !is_of_the_base(key) || run.contains_key(key));
    for (key, value) in run.iter().filter(|(key, _)| is_of_the_base(key)) {
        labels.insert(key.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(run: &Value, run_layers: usize, force: bool) -> Change<'_> {
        Change { run_layers, run, label: "{}".to_owned(), force, created: 315_532_801 }
    }

    fn app() -> Value {
        json!({
            "os": "linux", "architecture": "arm", "variant": "v7", "os.version": "1", "x-unknown": [1],
            "created": "2020-01-01T00:00:00Z",
            "config": { "Env": ["PATH=/cnb/process:/bin"], "Entrypoint": ["/cnb/process/web"], "Labels": {
                "io.buildpacks.base.id": "old", "kept": "yes", "io.buildpacks.stack.id": "old",
                "io.buildpacks.lifecycle.metadata": "{ }", "io.buildpacks.rebasable": "true" } },
            "rootfs": { "type": "layers", "diff_ids": ["r1", "r2", "a1", "a2"] },
            "history": [{ "created_by": "r1" }, { "created_by": "r2" }, { "created_by": "cmd", "empty_layer": true },
                        { "created_by": "a1" }, { "created_by": "a2" }],
        })
    }

    fn run() -> Value {
        json!({
            "os": "linux", "architecture": "arm64", "author": "run",
            "config": { "Env": ["PATH=/other"], "User": "7", "Labels": {
                "io.buildpacks.base.id": "new", "io.buildpacks.base.maintainer": "m", "own": "o",
                "io.buildpacks.rebasable": "false" } },
            "rootfs": { "type": "layers", "diff_ids": ["n1"] }, "history": [{ "created_by": "n1" }],
        })
    }

    #[test]
    fn layers_history_and_labels_of_the_base_are_the_new_run_image_s_and_all_else_stays() {
        let (app, run) = (app(), run());
        let found = rebased(&app, &change(&run, 2, false));
        let mut expected = app.clone();
        expected["created"] = json!("1980-01-01T00:00:01Z");
        expected["rootfs"]["diff_ids"] = json!(["n1", "a1", "a2"]);
        expected["history"] = json!([{ "created_by": "n1" }, { "created_by": "a1" }, { "created_by": "a2" }]);
        expected["config"]["Labels"] = json!({
            "io.buildpacks.base.id": "new", "kept": "yes", "io.buildpacks.lifecycle.metadata": "{}",
            "io.buildpacks.rebasable": "true", "io.buildpacks.base.maintainer": "m",
        });
        assert_eq!(found.to_string(), expected.to_string());
    }

    #[test]
    fn a_forced_rebase_has_the_new_run_image_s_target() {
        let found = rebased(&app(), &change(&run(), 2, true));
        assert_eq!(
            (&found["architecture"], found.get("variant"), found.get("os.version")),
            (&json!("arm64"), None, None)
        );
        assert_eq!(found["os"], "linux");
    }

    #[test]
    fn a_history_that_cannot_be_true_is_left_out() {
        let mut without = run();
        without["history"] = Value::Null;
        assert!(rebased(&app(), &change(&without, 2, false)).get("history").is_none());
        let mut short = app();
        short["history"] = json!([{}]);
        assert!(rebased(&short, &change(&run(), 2, false)).get("history").is_none());
    }
}
