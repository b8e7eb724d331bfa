//! By which names an output can call what is at fault: a path or its last part, a flag, a variable, a reference or a
//! part of it.

use super::super::platform_inputs as build;
use crate::evidence::{Export, FileKind, Inputs};
use crate::reference::Reference;

/// Whether a text holds a name as a word of its own; case does not matter.
pub(super) fn is_in(text: &str, name: &str) -> bool {
    let (text, name) = (plain(text).to_lowercase(), plain(name).to_lowercase());
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let begins_inside = |before: &str| {
        let last = before.chars().next_back();
        // A dash before a flag is the flag's second one; a dash before a file's name makes it another file.
        last.is_some_and(|c| is_part(c) || c == '-' && !name.starts_with('-'))
    };
    let ends_inside = |after: &str| {
        let mut next = after.chars();
        match next.next() {
            Some('-') => next.next().is_some_and(is_part),
            Some(c) => is_part(c),
            None => false,
        }
    };
    let starts_open = name.starts_with(|c: char| !is_part(c) && c != '-');
    !name.is_empty()
        && text
            .match_indices(&name)
            .any(|(at, found)| (starts_open || !begins_inside(&text[..at])) && !ends_inside(&text[at + found.len()..]))
}

/// A text without what escapes of JSON add, and with one kind of quote for those that typographers tell apart.
fn plain(text: &str) -> String {
    let unescaped = text.replace("\\/", "/").replace("\\\"", "\"");
    unescaped.replace(['«', '»', '‹', '›', '„', '“', '”', '‚', '‘', '’'], "'")
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A name that no other word can be: a word of letters alone, such as `app` or `web`, counts in quotes only.
pub(super) fn distinct(name: &str) -> Vec<String> {
    if name.is_empty() {
        return Vec::new();
    }
    if name.chars().all(char::is_alphabetic) {
        return ['\'', '"', '`'].map(|quote| format!("{quote}{name}{quote}")).to_vec();
    }
    vec![name.to_owned()]
}

/// A word of letters alone where it follows a word or key that says what it is: `the file secret`, `path=secret`.
fn after(keys: &[&str], name: &str) -> Vec<String> {
    if name.is_empty() || !name.chars().all(char::is_alphabetic) {
        return Vec::new();
    }
    keys.iter().flat_map(|key| [" ", "=", ": "].map(|between| format!("{key}{between}{name}"))).collect()
}

fn all_distinct(names: impl IntoIterator<Item = String>) -> Vec<String> {
    names.into_iter().flat_map(|name| distinct(&name)).collect()
}

/// A path, its last part, and other names: its flag, its variable, what the file is in plain words.
fn file(path: &str, others: &[&str]) -> Vec<String> {
    let mut names = all_distinct([path.to_owned()]);
    names.extend(path.rsplit('/').next().into_iter().flat_map(distinct));
    names.extend(strings(others));
    names
}

/// A reference, fully qualified and as given, its repository, how it is spelt in a request, and its digest's part. Its
/// registry alone may be that of any other image.
fn reference(text: &str) -> Vec<String> {
    let mut names = vec![text.to_owned()];
    if let Ok(parsed) = Reference::parse(text) {
        names.push(parsed.to_string());
        names.push(parsed.repository.clone());
        names.push(format!("{}/{}", parsed.registry, parsed.repository));
        names.push(format!("{}/v2/{}", parsed.registry, parsed.repository));
        names.extend(parsed.digest.map(|digest| digest.encoded().to_owned()));
    } else {
        // What is not a reference can be called by its name without host or without what follows it.
        names.extend(text.split('@').map(str::to_owned));
        names.extend(text.rsplit_once('/').map(|(_, last)| last.to_owned()));
    }
    all_distinct(names)
}

/// The registries of references.
fn registries<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    texts.into_iter().filter_map(|text| Reference::parse(text).ok()).map(|parsed| parsed.registry).collect()
}

fn references<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    texts.into_iter().flat_map(|text| reference(text)).collect()
}

pub(super) fn the_image_argument(_: &Export) -> Vec<String> {
    let of = |word: &str| ["'", "\"", "`", "", "<"].map(|quote| format!("{word} {quote}image"));
    // What parsers of command lines say: argparse, click, commander, picocli.
    let missing =
        ["missing argument", "required argument", "missing parameter", "required parameter", "required option"];
    let colons = missing.map(|word| format!("{word}:"));
    let required = ["argument is required:", "arguments are required:", "arguments required:", "missing operand:"];
    let parsers = missing.iter().copied().chain(required).chain(colons.iter().map(String::as_str));
    let mut names = strings(&[
        "<image>",
        "image argument",
        "image arguments",
        "image reference",
        "image references",
        "image name",
        "image names",
        "image tag",
        "output image",
        "image is required",
        "image required",
        "images are required",
        "image is missing",
        "missing image",
        "no image",
        "no images",
        "an image",
        "one image",
        "tag argument",
        "tag reference",
        "no tag",
        "one tag",
        "no destination image",
        "destination image is",
        "missing destination image",
        "no target image",
        "target image is",
        "missing target image",
    ]);
    names.extend(parsers.flat_map(of));
    names
}

pub(super) fn digest_references(export: &Export) -> Vec<String> {
    let mut names = references(export.inputs.images.iter().filter(|image| image.contains('@')));
    names.extend(strings(&["digest reference", "digest references", "tag reference"]));
    names
}

pub(super) fn malformed_references(export: &Export) -> Vec<String> {
    references(export.inputs.images.iter().filter(|image| Reference::parse(image).is_err()))
}

pub(super) fn images(export: &Export) -> Vec<String> {
    references(&export.inputs.images)
}

/// The images, their registries, and that there is more than one.
pub(super) fn images_on_registries(export: &Export) -> Vec<String> {
    let mut names = images(export);
    names.extend(registries(&export.inputs.images));
    names.extend(strings(&["registries"]));
    names
}

pub(super) fn analyzed(export: &Export) -> Vec<String> {
    file(&export.inputs.analyzed, &["-analyzed", "CNB_ANALYZED_PATH", "analyzed file", "analyzed metadata"])
}

pub(super) fn project_metadata(export: &Export) -> Vec<String> {
    file(&export.inputs.project_metadata, &["-project-metadata", "CNB_PROJECT_METADATA_PATH", "project metadata"])
}

pub(super) fn group(export: &Export) -> Vec<String> {
    file(&export.inputs.group, &["-group", "CNB_GROUP_PATH", "group file", "buildpack group"])
}

pub(super) fn build_metadata(export: &Export) -> Vec<String> {
    file(&format!("{}/config/metadata.toml", export.inputs.layers), &["config/metadata.toml", "build metadata"])
}

pub(super) fn app(export: &Export) -> Vec<String> {
    let words = ["-app", "CNB_APP_DIR", "<app>", "app folder", "app directory", "app dir", "application directory"];
    file(&export.inputs.app, &words)
}

/// `<layers>`, or a file without which there is nothing to be done.
pub(super) fn layers_folder(export: &Export) -> Vec<String> {
    let words = ["-layers", "CNB_LAYERS_DIR", "<layers>", "layers folder", "layers directory", "layers dir"];
    let mut names = file(&export.inputs.layers, &words);
    names.extend([analyzed(export), group(export), build_metadata(export)].concat());
    names
}

pub(super) fn launcher(export: &Export) -> Vec<String> {
    file(
        &export.inputs.launcher,
        &["-launcher", "the launcher", "launcher layer", "launcher layers", "launcher executable"],
    )
}

pub(super) fn run_file(export: &Export) -> Vec<String> {
    file(&export.inputs.run, &["-run", "CNB_RUN_PATH", "run file", "run metadata"])
}

/// The run image by any of its names; the file that should have named it, where it does not.
pub(super) fn run_image(export: &Export) -> Vec<String> {
    let run = &export.run_image;
    let mut names = references([&run.reference, &run.name]);
    // A layout's reference is a path with a digest, a daemon's an image ID.
    names.extend(run.reference.split('@').flat_map(distinct));
    names.extend([&run.digest, &run.manifest.digest].map(|digest| digest.encoded().to_owned()));
    let analysed = crate::requirement::toml_input(&export.inputs, &export.inputs.analyzed).unwrap_or_default();
    let given = analysed.get("run-image").and_then(toml::Value::as_table);
    let mut says = false;
    for key in ["reference", "image"] {
        if let Some(text) = given.and_then(|table| table.get(key)?.as_str()).filter(|text| !text.is_empty()) {
            says |= key == "reference";
            names.extend(reference(text));
            names.extend(text.split('@').flat_map(distinct));
        }
    }
    if !says {
        names.extend(analyzed(export));
        names.extend(strings(&["run-image", "run image"]));
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The run image, or what is unusual about it: that it is an index, or a media type of its layers.
pub(super) fn run_image_s_form(export: &Export) -> Vec<String> {
    let mut names = run_image(export);
    names.extend(strings(&["run image", "index", "indexes", "manifest list", "media type", "mediaType", "zstd"]));
    let manifest = crate::view::json(Some(&export.run_image.manifest));
    let parts = manifest.as_deref().map(crate::view::descriptors).unwrap_or_default();
    names.extend(parts.into_iter().filter_map(|(_, part)| Some(part.get("mediaType")?.as_str()?.to_owned())));
    names
}

pub(super) fn reused_layers(export: &Export) -> Vec<String> {
    let without_folder = build::layers(export).into_iter().filter(|layer| layer.types.launch && !layer.has_folder);
    without_folder.flat_map(|layer| one_layer(&layer)).collect()
}

/// Layers whose file is not TOML, or whose types are other than true and false.
pub(super) fn malformed_layers(export: &Export) -> Vec<String> {
    let is_at_fault = |layer: &build::InputLayer| {
        let file = format!("{}.toml", layer.folder);
        let types = crate::requirement::toml_input(&export.inputs, &file).and_then(|table| table.get("types").cloned());
        let are_types = |all: &toml::Table| all.values().all(toml::Value::is_bool);
        is_malformed(export, &file) || types.is_some_and(|types| !types.as_table().is_some_and(are_types))
    };
    build::layers(export).into_iter().filter(is_at_fault).flat_map(|layer| one_layer(&layer)).collect()
}

/// A layer with its buildpack, or as a layer; its folder and file.
fn one_layer(layer: &build::InputLayer) -> Vec<String> {
    all_distinct([
        layer.name.clone(),
        format!("{}:{}", layer.buildpack, layer.name),
        format!("{}/{}", layer.buildpack, layer.name),
        format!("layer {}", layer.name),
        format!("layer={}", layer.name),
        format!("layer: {}", layer.name),
        format!("{} layer", layer.name),
        layer.folder.clone(),
        format!("{}.toml", layer.folder),
    ])
}

/// Each `store.toml` of a buildpack that is not TOML.
pub(super) fn malformed_stores(export: &Export) -> Vec<String> {
    let stores = build::buildpacks(export).into_iter().map(|buildpack| build::store_file(export, &buildpack.id));
    stores.filter(|path| is_malformed(export, path)).flat_map(|path| within(&export.inputs, &path)).collect()
}

fn is_malformed(export: &Export, path: &str) -> bool {
    export.inputs.file(path).is_some() && crate::requirement::toml_input(&export.inputs, path).is_none()
}

pub(super) fn process_type(export: &Export) -> Vec<String> {
    let asked = export.inputs.process_type.iter().chain(export.inputs.environment.get("CNB_PROCESS_TYPE"));
    let mut names = all_distinct(asked.cloned());
    names.extend(strings(&["-process-type", "CNB_PROCESS_TYPE"]));
    names
}

pub(super) fn platform_api(export: &Export) -> Vec<String> {
    let asked = export.inputs.environment.get("CNB_PLATFORM_API").unwrap_or(&export.platform_api);
    vec![asked.clone(), "CNB_PLATFORM_API".to_owned(), "platform API".to_owned()]
}

/// Versions that no Buildpack API has, and the buildpacks that ask for them; all of them where none stands out.
pub(super) fn buildpack_api(export: &Export) -> Vec<String> {
    let asked = |is_wanted: fn(&str) -> bool| -> Vec<String> {
        let mut found = Vec::new();
        for (file, array) in [
            (export.inputs.group.clone(), "group"),
            (format!("{}/config/metadata.toml", export.inputs.layers), "buildpacks"),
        ] {
            let table = crate::requirement::toml_input(&export.inputs, &file).unwrap_or_default();
            for entry in build::tables(&table, array) {
                let api = build::text(entry, "api");
                if is_wanted(api) {
                    found.extend(all_distinct([api.to_owned(), build::text(entry, "id").to_owned()]));
                }
            }
        }
        found.retain(|name| !name.is_empty());
        found
    };
    let unknown = asked(|api| !matches!(api.split_once('.'), Some(("0", _))));
    if unknown.is_empty() { asked(|_| true) } else { unknown }
}

/// The images and their registries; the run image where it is on one of these.
pub(super) fn images_and_run_image(export: &Export) -> Vec<String> {
    let on = registries(&export.inputs.images);
    let run_image = [&export.run_image.name, &export.run_image.reference];
    let mut names = images(export);
    names.extend(references(
        run_image.into_iter().filter(|text| registries([*text]).iter().any(|host| on.contains(host))),
    ));
    names.extend(on);
    names
}

pub(super) fn report(export: &Export) -> Vec<String> {
    let folder = export.inputs.report.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let mut names = file(&export.inputs.report, &["-report", "CNB_REPORT_PATH", "report file", "export report"]);
    names.extend(folder.filter(|folder| !folder.is_empty()));
    names
}

pub(super) fn daemon(export: &Export) -> Vec<String> {
    let address = export.inputs.environment.get("DOCKER_HOST").cloned();
    let address = address.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
    let place = address.split_once("://").map_or(address.clone(), |(_, place)| place.to_owned());
    let mut names = file(place.trim_end_matches('/'), &["DOCKER_HOST", "-daemon", "CNB_USE_DAEMON"]);
    names.push(address);
    names
}

/// A daemon at fault in the middle of an export: what was sent to it tells which as well.
pub(super) fn daemon_and_images(export: &Export) -> Vec<String> {
    let mut names = daemon(export);
    names.extend(images(export));
    names.extend(strings(&["daemon"]));
    names
}

pub(super) fn layout_and_daemon(_: &Export) -> Vec<String> {
    strings(&["-daemon", "-layout", "daemon", "CNB_USE_DAEMON", "CNB_USE_LAYOUT", "multiple targets", "two targets"])
}

/// A file by its path, its path within the folder that it was given in, or its last part.
fn within(inputs: &Inputs, path: &str) -> Vec<String> {
    let folders = [&inputs.app, &inputs.layers].into_iter();
    let inner =
        folders.filter_map(|folder| Some(path.strip_prefix(folder.as_str())?.trim_start_matches('/').to_owned()));
    let mut names: Vec<String> = file(path, &[]).into_iter().chain(all_distinct(inner)).collect();
    let mut parts = path.rsplit('/');
    if let Some(name) = parts.next().filter(|name| !name.is_empty() && name.chars().all(char::is_alphabetic)) {
        // A bare word counts where something says that it is a file: a folder before it, a word, or the place that
        // programs such as tar give it, between their own name and the reason.
        names.push(format!("./{name}"));
        names.extend(parts.next().filter(|folder| !folder.is_empty()).map(|folder| format!("{folder}/{name}")));
        names.push(format!("<app>/{name}"));
        names.push(format!(": {name}:"));
        names.extend(after(&["file", "path", "open", "read", "opening", "reading"], name));
    }
    names
}

/// Files that no one may read, the app's own folder among them, else those that only their owner may.
pub(super) fn unreadable_files(export: &Export) -> Vec<String> {
    let inputs = &export.inputs;
    let below = || inputs.below(&inputs.app).chain(inputs.below(&inputs.layers)).chain(inputs.file(&inputs.app));
    let with = |bits: u32| -> Vec<String> {
        let unreadable = below().filter(|file| file.kind != FileKind::Symlink && file.mode & bits == 0);
        unreadable.flat_map(|file| within(inputs, &file.path)).collect()
    };
    let nobody = with(0o444);
    if nobody.is_empty() { with(0o004) } else { nobody }
}

/// Sockets, fifos and devices among the build's files.
pub(super) fn special_files(export: &Export) -> Vec<String> {
    special(export).iter().flat_map(|path| within(&export.inputs, path)).collect()
}

/// Their paths.
pub(super) fn special(export: &Export) -> Vec<String> {
    let inputs = &export.inputs;
    let below = inputs.below(&inputs.app).chain(inputs.below(&inputs.layers));
    below.filter(|file| file.kind == FileKind::Other).map(|file| file.path.clone()).collect()
}
