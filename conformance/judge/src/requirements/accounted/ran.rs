//! What a process finds in a container of the image: whether it starts, as whom, where, with which variables, and
//! whether the build's files are there.

use super::super::platform_inputs as inputs;
use crate::evidence::{Container, EntryKind, Export, FileFact, FileInContainer, FileKind, Image, InContainer};
use crate::requirement::{holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// What keeps any container of an image from starting.
const BEFORE_A_START: &[&str] = &[
    "works.launcher-executable",
    "works.paths-open",
    "works.base-visible",
    "platform.launcher-layer",
    "platform.process-symlinks",
    "platform.entrypoint",
    "platform.base-config-preserved",
    "config.nothing-else",
];
/// What keeps a process from being found.
const BEFORE_A_PROCESS: &[&str] =
    &["works.starts", "platform.process-symlinks", "platform.entrypoint", "works.paths-open", "works.base-visible"];
const BEFORE_THE_ENVIRONMENT: &[&str] = &["works.starts", "platform.env", "platform.base-config-preserved"];
const BEFORE_THE_USER: &[&str] = &["works.starts", "platform.base-config-preserved"];
const BEFORE_THE_FOLDER: &[&str] = &["works.starts", "platform.working-dir"];
const BEFORE_THE_FILES: &[&str] = &[
    "works.starts",
    "works.paths-open",
    "works.base-visible",
    "works.metadata-meant",
    "platform.app-files-once",
    "platform.launch-layers",
    "platform.launcher-layer",
    "platform.process-symlinks",
    "platform.config-layer",
    "platform.base-config-preserved",
    "layer.nothing-else",
];

fn place(export: &Export, index: usize) -> String {
    export.at(&format!("export.json#/daemon/ran/containers/{index}"))
}

/// The containers that were run, or why there is nothing to judge.
fn containers(export: &Export) -> Result<&[Container], Finding> {
    let Some(ran) = export.daemon.as_ref().and_then(|daemon| daemon.ran.as_ref()) else {
        return Err(not_applicable("no container of the image was run"));
    };
    match &ran.not_run {
        Some(reason) => Err(Finding::Skipped(reason.clone())),
        None => Ok(&ran.containers),
    }
}

/// What the process of the image's own entrypoint found, or why there is nothing to judge.
fn started(export: &Export) -> Result<&InContainer, Finding> {
    let own = containers(export)?.iter().find(|container| container.entrypoint.is_none());
    let found = own.and_then(|container| container.found.as_ref());
    found.ok_or_else(|| Finding::skipped_after("no container of the image starts", &["works.starts"]))
}

/// How a container did not start the launcher; nothing where it did.
fn failure(container: &Container) -> Option<String> {
    match (&container.refused, container.exit, container.ended_after) {
        (Some(reason), ..) => Some(format!("the engine: {}", view::cut(reason))),
        (None, _, Some(seconds)) => Some(format!("it did not end within {seconds} s")),
        (None, Some(0), None) if container.found.is_some() => None,
        (None, Some(0), None) => Some("another program than the launcher ran, and ended with 0".to_owned()),
        (None, code, None) => {
            let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
            Some(format!("exit code {code}: {}", view::cut(container.stderr.trim())))
        }
    }
}

pub(super) fn a_container_starts(export: &Export, _: &Image) -> Finding {
    let containers = match containers(export) {
        Ok(containers) => containers,
        Err(finding) => return finding,
    };
    let own = containers.iter().position(|container| container.entrypoint.is_none());
    let Some((index, failure)) = own.and_then(|index| Some((index, failure(&containers[index])?))) else {
        return holds_when(own.is_some(), || Finding::Error("the evidence has no container of the image".to_owned()));
    };
    let message = "a container of the image does not start the launcher";
    violated(message, "the launcher runs and ends with 0", failure, place(export, index)).following(BEFORE_A_START)
}

/// The path under which the image's own entrypoint has to start the launcher.
fn entrypoint(export: &Export) -> String {
    let metadata = inputs::metadata(export);
    let default = inputs::text(&metadata, "buildpack-default-process-type");
    match (export.inputs.process_type.as_deref(), default) {
        (Some(given), _) => format!("/cnb/process/{given}"),
        (None, "") => "/cnb/lifecycle/launcher".to_owned(),
        (None, default) => format!("/cnb/process/{default}"),
    }
}

pub(super) fn every_process_is_reached(export: &Export, _: &Image) -> Finding {
    if let Err(finding) = started(export) {
        return finding;
    }
    let containers = containers(export).unwrap_or_default();
    for (index, container) in containers.iter().enumerate() {
        let expected = container.entrypoint.clone().unwrap_or_else(|| entrypoint(export));
        let found = container.found.as_ref().and_then(|found| found.argv.first());
        let seen = match (failure(container), found) {
            (Some(failure), _) => failure,
            (None, Some(program)) if *program == expected => continue,
            (None, program) => program.cloned().unwrap_or_else(|| "no program".to_owned()),
        };
        let message = match &container.entrypoint {
            Some(path) => format!("the launcher is not started by {path}"),
            None => "the launcher is started under another name than the default process's".to_owned(),
        };
        return violated(message, expected, seen, place(export, index)).following(BEFORE_A_PROCESS);
    }
    let missing = inputs::process_types(export).into_iter().find(|name| {
        let path = format!("/cnb/process/{name}");
        !containers.iter().any(|container| container.entrypoint.as_ref() == Some(&path))
    });
    match missing {
        Some(name) => Finding::Skipped(format!("no container of the process {name} was run")),
        None => Finding::Holds,
    }
}

/// `Env` of the run image: names and values, each name once.
fn base_environment(export: &Export) -> Vec<(String, String)> {
    let config = view::json(Some(export.run_image.base_config()));
    let pairs: Vec<(String, String)> = view::variables(config.as_deref())
        .into_iter()
        .filter_map(|entry| entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    // Of a name that is there twice no one says which one counts.
    let is_once = |name: &String| pairs.iter().filter(|(other, _)| other == name).count() == 1;
    pairs.iter().filter(|(name, _)| is_once(name)).cloned().collect()
}

pub(super) fn the_environment_is_the_image_s(export: &Export, _: &Image) -> Finding {
    let found = match started(export) {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let wrong = |name: &str, expected: String| {
        let seen = found.environment.get(name).cloned().unwrap_or_else(|| "nothing".to_owned());
        let message = format!("{name} in a container is not what it has to be");
        violated(message, expected, seen, place(export, 0)).following(BEFORE_THE_ENVIRONMENT)
    };
    let given = &export.inputs;
    let own = [("CNB_LAYERS_DIR".to_owned(), given.layers.clone()), ("CNB_APP_DIR".to_owned(), given.app.clone())];
    let base = base_environment(export);
    let of_the_base =
        base.iter().filter(|(name, _)| !["PATH", "CNB_LAYERS_DIR", "CNB_APP_DIR"].contains(&name.as_str()));
    for (name, expected) in own.iter().chain(of_the_base) {
        if found.environment.get(name) != Some(expected) {
            return wrong(name, expected.clone());
        }
    }
    let path = found.environment.get("PATH").map(String::as_str).unwrap_or_default();
    let Some((_, of_base)) = base.iter().find(|(name, _)| name == "PATH") else { return Finding::Holds };
    let is_it = path.starts_with("/cnb/process:") && path.ends_with(&format!(":{of_base}"));
    holds_when(is_it, || wrong("PATH", format!("/cnb/process:{of_base}")))
}

pub(super) fn the_user_is_the_run_image_s(export: &Export, _: &Image) -> Finding {
    let found = match started(export) {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let config = view::json(Some(export.run_image.base_config()));
    let user = config.as_ref().and_then(|json| json.at(&["config", "User"])?.as_str()).unwrap_or("0:0");
    let (uid, gid) = user.split_once(':').unwrap_or((user, ""));
    let Ok(uid) = uid.parse::<u64>() else {
        return not_applicable("the run image's user is a name, which only its passwd resolves");
    };
    let gid = gid.parse::<u64>().ok();
    holds_when(found.uid == uid && gid.is_none_or(|gid| gid == found.gid), || {
        let seen = format!("{}:{}", found.uid, found.gid);
        let message = "the process in a container runs as another user than the run image's";
        violated(message, user, seen, place(export, 0)).following(BEFORE_THE_USER)
    })
}

pub(super) fn the_process_is_in_the_app(export: &Export, _: &Image) -> Finding {
    let found = match started(export) {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let seen = found.working_directory.as_deref();
    holds_when(seen == Some(&export.inputs.app), || {
        let message = "the process in a container does not start in the app";
        violated(message, &export.inputs.app, seen.unwrap_or("nowhere"), place(export, 0)).following(BEFORE_THE_FOLDER)
    })
}

/// How a file of the build is not in the container as on disk; nothing where it is.
fn otherwise(file: &FileFact, seen: Option<&FileInContainer>, is_closed: bool) -> Option<String> {
    let Some(seen) = seen else { return (!is_closed).then(|| "nothing that the process can come to".to_owned()) };
    let is_readable = file.mode & 0o004 != 0 && !is_closed;
    let is_it = match file.kind {
        FileKind::File => {
            let same = seen.content == file.content || seen.content.is_none() && !is_readable;
            seen.kind == FileKind::File && same && seen.mode == file.mode
        }
        FileKind::Directory => seen.kind == FileKind::Directory && seen.mode == file.mode,
        FileKind::Symlink => seen.kind == FileKind::Symlink && seen.link == file.link,
        FileKind::Other => true,
    };
    (!is_it).then(|| {
        let content = seen.content.as_ref().map_or_else(|| "bytes that cannot be read".to_owned(), ToString::to_string);
        match (seen.kind, &seen.link) {
            (FileKind::Symlink, Some(link)) => format!("a link to {link}"),
            (FileKind::File, _) => {
                format!("a file of mode {:o} of {}:{} with {content}", seen.mode, seen.uid, seen.gid)
            }
            (kind, _) => format!("a {kind:?} of mode {:o}", seen.mode),
        }
    })
}

fn told(file: &FileFact) -> String {
    match (&file.link, &file.content) {
        (Some(link), _) => format!("a link to {link}"),
        (None, Some(content)) => format!("a file of mode {:o} with {content}", file.mode),
        (None, None) => format!("a {:?} of mode {:o}", file.kind, file.mode),
    }
}

pub(super) fn the_build_s_files_are_there(export: &Export, image: &Image) -> Finding {
    let found = match started(export) {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let wrong = |path: &str, expected: String, seen: String| {
        let message = format!("{path} is not in a container as it has to be");
        violated(message, expected, seen, place(export, 0)).following(BEFORE_THE_FILES)
    };
    let given = &export.inputs;
    let launch = inputs::layers(export).into_iter().filter(|layer| layer.types.launch && layer.has_folder);
    let folders: Vec<String> = launch.map(|layer| layer.folder).chain([given.app.clone()]).collect();
    let is_of_the_build =
        |file: &&FileFact| folders.iter().any(|folder| file.path == *folder || view::is_below(&file.path, folder));
    let closed: Vec<&FileFact> = given
        .files
        .iter()
        .filter(is_of_the_build)
        .filter(|file| file.kind == FileKind::Directory && file.mode & 0o001 == 0)
        .collect();
    for file in given.files.iter().filter(is_of_the_build) {
        // A folder that is closed on disk is closed in the container.
        let is_closed = closed.iter().any(|folder| view::is_below(&file.path, &folder.path));
        let seen = found.file(&file.path);
        // What more there is than the launcher lists was not looked at.
        if seen.is_none() && found.is_cut {
            continue;
        }
        if let Some(seen) = otherwise(file, seen, is_closed) {
            return wrong(&file.path, told(file), seen);
        }
    }
    let metadata = format!("{}/config/metadata.toml", given.layers);
    if !found.file(&metadata).is_some_and(|file| file.is_open && file.kind == FileKind::File) {
        let seen = found.file(&metadata).map_or("nothing", |_| "something that it cannot read");
        return wrong(&metadata, "a file that the process can read".to_owned(), seen.to_owned());
    }
    let dangling = new_links(export, image).find(|path| found.file(path).is_some_and(|link| !link.is_open));
    match dangling {
        Some(path) => {
            wrong(&path, "a link that leads to the launcher".to_owned(), "a link that leads nowhere".to_owned())
        }
        None => Finding::Holds,
    }
}

/// The links of processes in the image.
fn new_links(export: &Export, image: &Image) -> impl Iterator<Item = String> {
    let files = view::new_files(export, image);
    let is_one = |path: &String, kind: EntryKind| kind == EntryKind::Symlink && view::is_below(path, "/cnb/process");
    let found: Vec<String> =
        files.iter().filter(|(path, e)| is_one(path, e.kind)).map(|(path, _)| path.clone()).collect();
    found.into_iter()
}
