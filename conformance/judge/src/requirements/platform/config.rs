//! The config against the run image's config and the inputs.

use super::extension::of_the_base;
use super::{inputs, no_document};
use crate::evidence::{Export, Image, StoreKind};
use crate::json::Json;
use crate::requirement::{holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view::{self, shown};

fn at(export: &Export, name: &str) -> String {
    export.at(&format!("config.json#/{name}"))
}

pub(super) fn the_base_layers_come_first(export: &Export, image: &Image) -> Finding {
    let (expected, found) = (view::diff_ids(Some(&export.run_image.config)), view::diff_ids(image.config.as_ref()));
    holds_when(found.starts_with(&expected), || {
        let at_first = |list: &[String]| {
            let index = expected.iter().zip(&found).position(|(one, two)| one != two).unwrap_or(found.len());
            list.get(index).map_or_else(|| format!("nothing at {index}"), |id| format!("{id} at {index}"))
        };
        violated(
            "the run image's layers do not come first",
            at_first(&expected),
            at_first(&found),
            at(export, "rootfs/diff_ids"),
        )
    })
}

/// Null, an empty object and nothing mean the same to every reader of a config.
fn is_nothing(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null) => true,
        Some(Json::Object(members)) => members.is_empty(),
        Some(Json::String(text)) => text.is_empty(),
        Some(Json::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

fn same(one: Option<&Json>, two: Option<&Json>) -> bool {
    is_nothing(one) && is_nothing(two) || one.map(Json::to_value) == two.map(Json::to_value)
}

pub(super) fn the_base_config_is_kept(export: &Export, image: &Image) -> Finding {
    of_the_base(export, image, each_field_is_kept(export, image))
}

fn each_field_is_kept(export: &Export, image: &Image) -> Finding {
    let (Some(base), Some(config)) =
        (view::json(Some(export.run_image.base_config())), view::json(image.config.as_ref()))
    else {
        return no_document(export, "the config");
    };
    let fields: [&[&str]; 8] = [
        &["os"],
        &["architecture"],
        &["variant"],
        &["os.version"],
        &["config", "User"],
        &["config", "ExposedPorts"],
        &["config", "Volumes"],
        &["config", "StopSignal"],
    ];
    for path in fields {
        let (expected, found) = (base.at(path), config.at(path));
        let is_lost = path == ["os.version"] && is_lost_in_podman(export, found);
        if !is_lost && !same(expected, found) {
            let name = path.join(".");
            return violated(
                format!("{name} is not the run image's"),
                shown(expected),
                shown(found),
                at(export, &path.join("/")),
            );
        }
    }
    match other_env(export, image) {
        Finding::Holds => other_labels(export, image),
        finding => finding,
    }
}

/// Podman's Docker-compatible API gives no os.version of a run image, so that none can be kept there.
pub(in super::super) fn is_lost_in_podman(export: &Export, found: Option<&Json>) -> bool {
    export.daemon.as_ref().is_some_and(|daemon| daemon.store == StoreKind::Podman) && is_nothing(found)
}

const OWN_VARIABLES: [&str; 3] = ["PATH", "CNB_LAYERS_DIR", "CNB_APP_DIR"];

fn env(document: Option<&crate::evidence::Document>) -> Vec<String> {
    view::variables(view::json(document).as_deref()).into_iter().map(str::to_owned).collect()
}

/// The value of a variable; the last one counts, as in a process.
fn variable(env: &[String], name: &str) -> Option<String> {
    env.iter().rev().find_map(|entry| entry.strip_prefix(&format!("{name}=")).map(str::to_owned))
}

fn other_env(export: &Export, image: &Image) -> Finding {
    let (base, found) = (env(Some(export.run_image.base_config())), env(image.config.as_ref()));
    for entry in &base {
        let name = entry.split('=').next().unwrap_or(entry);
        if OWN_VARIABLES.contains(&name) {
            continue;
        }
        let (expected, seen) = (variable(&base, name), variable(&found, name));
        if expected != seen {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
            return violated(
                format!("the variable {name} is not the run image's"),
                shown(expected),
                shown(seen),
                at(export, "config/Env"),
            );
        }
    }
    Finding::Holds
}

fn other_labels(export: &Export, image: &Image) -> Finding {
    let found = view::labels(image);
    let contributed = super::super::contributed_labels(export);
    for (key, expected) in view::labels_of(Some(export.run_image.base_config())).iter() {
        let is_replaced = key.starts_with("io.buildpacks.") || contributed.iter().any(|(label, _)| label == key);
        if !is_replaced && found.get(key) != Some(expected) {
            let seen = found.get(key).map_or("nothing", String::as_str);
            let place = at(export, &format!("config/Labels/{key}"));
            return violated(format!("the label {key} is not the run image's"), expected, view::cut(seen), place);
        }
    }
    Finding::Holds
}

pub(super) fn the_entrypoint_is_the_process(export: &Export, image: &Image) -> Finding {
    let metadata = inputs::metadata(export);
    let default = inputs::text(&metadata, "buildpack-default-process-type");
    let expected = match (export.inputs.process_type.as_deref(), default) {
        (Some(given), _) if inputs::process_types(export).iter().any(|name| name == given) => {
            format!("/cnb/process/{given}")
        }
        (Some(_), _) => return not_applicable("the given process type is unknown, so the export has to fail"),
        (None, "") => "/cnb/lifecycle/launcher".to_owned(),
        (None, default) => format!("/cnb/process/{default}"),
    };
    let config = view::json(image.config.as_ref());
    let found = config.as_ref().and_then(|json| json.at(&["config", "Entrypoint"]));
    let is_it =
        found.and_then(Json::items).is_some_and(|items| matches!(items, [Json::String(one)] if *one == expected));
    holds_when(is_it, || {
        violated(
            "the entrypoint is not that of the process",
            format!("[\"{expected}\"]"),
            shown(found),
            at(export, "config/Entrypoint"),
        )
    })
}

fn base_path(export: &Export) -> String {
    variable(&env(Some(export.run_image.base_config())), "PATH").unwrap_or_default()
}

/// The flag of `<app>`, and the variable of exporter and image; the same of `<layers>`.
pub(super) const APP: (&str, &str) = ("app", "CNB_APP_DIR");
pub(super) const LAYERS: (&str, &str) = ("layers", "CNB_LAYERS_DIR");

/// Whether a path of the image is that of a folder of the build, which may be spelled as the exporter was given it:
/// with a slash at its end, for example.
fn is_the_folder(export: &Export, seen: &str, (flag, variable): (&str, &str), expected: &str) -> bool {
    let (argv, environment) = (&export.inputs.argv, &export.inputs.environment);
    let given = inputs::given(argv, flag).or_else(|| environment.get(variable).map(String::as_str));
    seen == expected || seen.starts_with('/') && view::cleaned(seen, "/") == expected && given == Some(seen)
}

/// Whether a variable of the image names its folder.
pub(super) fn the_variable_is(export: &Export, image: &Image, folder: (&str, &str), expected: &str) -> Finding {
    let (_, name) = folder;
    let seen = variable(&env(image.config.as_ref()), name);
    holds_when(seen.as_deref().is_some_and(|seen| is_the_folder(export, seen, folder, expected)), || {
        let seen = seen.unwrap_or_else(|| "nothing".to_owned());
        violated(format!("{name} is not set to its folder"), expected, seen, at(export, "config/Env"))
    })
}

pub(super) fn the_environment_is_set(export: &Export, image: &Image) -> Finding {
    let found = env(image.config.as_ref());
    for (folder, expected) in [(LAYERS, &export.inputs.layers), (APP, &export.inputs.app)] {
        let finding = the_variable_is(export, image, folder, expected);
        if finding != Finding::Holds {
            return finding;
        }
    }
    let base = base_path(export);
    let path = variable(&found, "PATH").unwrap_or_default();
    let begins = path == "/cnb/process" || path.starts_with("/cnb/process:");
    let ends = base.is_empty() || path.ends_with(&format!(":{base}"));
    let finding = holds_when(begins && ends, || {
        violated(
            "PATH does not begin with /cnb/process and end with the run image's",
            format!("/cnb/process:{base}"),
            path,
            at(export, "config/Env"),
        )
    });
    of_the_base(export, image, finding)
}

pub(super) fn the_path_is_exact(export: &Export, image: &Image) -> Finding {
    let base = base_path(export);
    let path = variable(&env(image.config.as_ref()), "PATH").unwrap_or_default();
    // With no PATH to extend, the separator has nothing to separate.
    let is_exact = path == format!("/cnb/process:{base}") || base.is_empty() && path == "/cnb/process";
    let finding = holds_when(is_exact, || {
        violated(
            "PATH is not the very string of the specification",
            format!("/cnb/process:{base}"),
            path,
            at(export, "config/Env"),
        )
    });
    of_the_base(export, image, finding)
}

pub(super) fn the_working_dir_is_the_app(export: &Export, image: &Image) -> Finding {
    let config = view::json(image.config.as_ref());
    let found = config.as_ref().and_then(|json| json.at(&["config", "WorkingDir"]));
    let is_the_app = |found: &str| is_the_folder(export, found, APP, &export.inputs.app);
    holds_when(found.and_then(Json::as_str).is_some_and(is_the_app), || {
        violated("the working folder is not <app>", &export.inputs.app, shown(found), at(export, "config/WorkingDir"))
    })
}
