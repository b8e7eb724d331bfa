//! What the requirements on containers reject, and what they must not.

use serde_json::json;

use crate::digest::Digest;
use crate::evidence::{
    Container, Document, Entry, EntryKind, Export, FileFact, FileInContainer, FileKind, InContainer, Ran,
    ScenarioEvidence, Target,
};
use crate::sample::{self, edit_config, edit_entries, edit_layers};
use crate::trial::Trials;

/// Places of the sample's own layers.
const LAUNCHER: usize = 4;
const APP: usize = 3;

/// The sample's scenario with containers that found what they had to.
fn ran() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    let export = sample::on(&mut evidence, Target::Daemon);
    let own = found(export, "/cnb/process/web");
    let container = |entrypoint: Option<&str>| Container {
        entrypoint: entrypoint.map(str::to_owned),
        refused: None,
        exit: Some(0),
        ended_after: None,
        stderr: String::new(),
        found: Some(own.clone()),
    };
    let containers = vec![container(None), container(Some("/cnb/process/web"))];
    if let Some(daemon) = &mut export.daemon {
        daemon.ran = Some(Ran { not_run: None, containers });
    }
    evidence
}

fn found(export: &Export, program: &str) -> InContainer {
    let is_there = |fact: &&FileFact| {
        let folders = ["/workspace/", "/layers/a_one/runtime", "/layers/config/"];
        folders.iter().any(|folder| fact.path.starts_with(folder)) && fact.path != "/layers/a_one/runtime.toml"
    };
    let mut files: Vec<FileInContainer> = export.inputs.files.iter().filter(is_there).map(seen).collect();
    let link = FileInContainer {
        path: program.to_owned(),
        kind: FileKind::Symlink,
        mode: 0o777,
        link: Some("/cnb/lifecycle/launcher".to_owned()),
        content: None,
        ..files[0].clone()
    };
    files.push(link);
    let variables = [
        ("LANG", "C"),
        ("CNB_LAYERS_DIR", "/layers"),
        ("CNB_APP_DIR", "/workspace"),
        ("PATH", "/cnb/process:/usr/bin:/bin"),
    ];
    InContainer {
        argv: vec![program.to_owned()],
        environment: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        uid: 1000,
        gid: 0,
        working_directory: Some("/workspace".to_owned()),
        is_cut: false,
        files,
    }
}

fn seen(fact: &FileFact) -> FileInContainer {
    FileInContainer {
        path: fact.path.clone(),
        kind: fact.kind,
        mode: fact.mode,
        uid: 1000,
        gid: 1000,
        content: fact.content.clone(),
        link: fact.link.clone(),
        is_open: true,
    }
}

fn containers(change: impl Fn(&mut Vec<Container>) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        if let Some(ran) = export.daemon.as_mut().and_then(|daemon| daemon.ran.as_mut()) {
            change(&mut ran.containers);
        }
    }
}

/// Changes what the process of the image's own entrypoint found.
fn own(change: impl Fn(&mut InContainer) + 'static) -> impl Fn(&mut Export) + 'static {
    containers(move |all| all[0].found.as_mut().into_iter().for_each(&change))
}

fn own_file(path: &'static str, change: impl Fn(&mut FileInContainer) + 'static) -> impl Fn(&mut Export) + 'static {
    own(move |found| found.files.iter_mut().filter(|file| file.path == path).for_each(&change))
}

fn refuse(container: &mut Container) {
    *container = Container {
        refused: Some("exec /cnb/process/web: no such file or directory".to_owned()),
        exit: None,
        found: None,
        ..container.clone()
    };
}

fn fail(container: &mut Container, code: i64) {
    container.exit = Some(code);
    container.found = None;
}

fn not_run(export: &mut Export) {
    if let Some(ran) = export.daemon.as_mut().and_then(|daemon| daemon.ran.as_mut()) {
        *ran = Ran { not_run: Some("this engine runs no containers".to_owned()), containers: Vec::new() };
    }
}

fn none_asked_for(export: &mut Export) {
    export.daemon.iter_mut().for_each(|daemon| daemon.ran = None);
}

fn not_executable(export: &mut Export) {
    edit_entries(export, LAUNCHER, |entries| {
        entries.iter_mut().filter(|e| e.kind == EntryKind::File).for_each(|e| e.mode = 0o644);
    });
    containers(|all| all.iter_mut().for_each(|container| fail(container, 126)))(export);
}

pub(super) fn trials() -> Vec<Trials> {
    starting().into_iter().chain(surroundings()).chain([files()]).collect()
}

fn of(slug: &str) -> Trials {
    Trials::of(slug)
        .from(ran)
        .ignores("the engine runs no containers at all", not_run)
        .ignores("no container was asked for", none_asked_for)
}

fn starting() -> Vec<Trials> {
    vec![
        of("works.starts")
            .rejects("the engine refuses", containers(|all| refuse(&mut all[0])))
            .rejects("another program ends with 0", containers(|all| all[0].found = None))
            .rejects("it ends with another code", containers(|all| fail(&mut all[0], 127)))
            .rejects(
                "it does not end",
                containers(|all| {
                    all[0] = Container { exit: None, found: None, ended_after: Some(10), ..all[0].clone() };
                }),
            )
            .follows("the launcher may not be executed", "works.launcher-executable", not_executable)
            .accepts("another process does not start", containers(|all| refuse(&mut all[1])))
            .accepts("it complains and runs", containers(|all| "slow".clone_into(&mut all[0].stderr))),
        of("works.process-started")
            .rejects("a process does not start", containers(|all| refuse(&mut all[1])))
            .rejects("a process ends with another code", containers(|all| fail(&mut all[1], 1)))
            .rejects("another process is the default one", own(|found| found.argv[0] = "/cnb/process/debug".to_owned()))
            .rejects("the launcher sees no name", own(|found| found.argv.clear()))
            .follows("no container starts", "works.starts", containers(|all| all.iter_mut().for_each(refuse)))
            .follows("the link is lost", "platform.process-symlinks", |e| {
                edit_layers(e, |layers| drop(layers.pop()));
                containers(|all| refuse(&mut all[1]))(e);
            })
            .ignores("a process was not run", containers(|all| drop(all.pop())))
            .accepts("with arguments", own(|found| found.argv.push("-v".to_owned()))),
    ]
}

fn surroundings() -> Vec<Trials> {
    let set = |name: &'static str, value: &'static str| {
        own(move |found| drop(found.environment.insert(name.to_owned(), value.to_owned())))
    };
    let lose = |name: &'static str| own(move |found| drop(found.environment.remove(name)));
    vec![
        of("works.environment")
            .rejects("no folder of layers", lose("CNB_LAYERS_DIR"))
            .rejects("another app", set("CNB_APP_DIR", "/app"))
            .rejects("a variable of the run image is lost", lose("LANG"))
            .rejects("a variable of the run image is another", set("LANG", "de"))
            .rejects("no PATH", lose("PATH"))
            .rejects("PATH without the processes", set("PATH", "/usr/bin:/bin"))
            .rejects("PATH without the run image's", set("PATH", "/cnb/process:/usr/bin"))
            .follows("Env of the image lacks one", "platform.env", |e| {
                edit_config(e, |config| config["config"]["Env"] = json!(["LANG=C", "PATH=/cnb/process:/usr/bin:/bin"]));
                own(|found| found.environment.retain(|name, _| !name.starts_with("CNB_")))(e);
            })
            .follows("no container starts", "works.starts", containers(|all| all.iter_mut().for_each(refuse)))
            .accepts("a variable that the run image has twice", |e| {
                let text = e.run_image.config.text().unwrap().replacen("\"LANG=C\"", "\"LANG=C\",\"LANG=de\"", 1);
                e.run_image.config = Document::new(text.into_bytes(), None);
                own(|found| drop(found.environment.insert("LANG".to_owned(), "de".to_owned())))(e);
            })
            .accepts("the engine's own variables", set("HOSTNAME", "7f1e5069e6e0"))
            .accepts("one folder more in PATH", set("PATH", "/cnb/process:/cnb/lifecycle:/usr/bin:/bin")),
        of("works.user")
            .rejects("root", own(|found| found.uid = 0))
            .follows("User is lost", "platform.base-config-preserved", |e| {
                edit_config(e, |config| config["config"]["User"] = json!(""));
                own(|found| found.uid = 0)(e);
            })
            .follows("no container starts", "works.starts", containers(|all| all.iter_mut().for_each(refuse)))
            .accepts("any group, where the run image names none", own(|found| found.gid = 7))
            .rejects("another group than the run image names", |e| {
                with_group(e);
                own(|found| found.gid = 7)(e);
            })
            .accepts("the group that the run image names", |e| {
                with_group(e);
                own(|found| found.gid = 1000)(e);
            }),
        of("works.working-dir")
            .rejects("the root", own(|found| found.working_directory = Some("/".to_owned())))
            .rejects("none", own(|found| found.working_directory = None))
            .follows("no container starts", "works.starts", containers(|all| all.iter_mut().for_each(refuse)))
            .follows("WorkingDir is another", "platform.working-dir", |e| {
                edit_config(e, |config| config["config"]["WorkingDir"] = json!("/"));
                own(|found| found.working_directory = Some("/".to_owned()))(e);
            }),
    ]
}

/// The run image names a group, and so does the app image.
fn with_group(export: &mut Export) {
    let text = export.run_image.config.text().unwrap().replacen("\"User\":\"1000\"", "\"User\":\"1000:1000\"", 1);
    export.run_image.config = Document::new(text.into_bytes(), None);
    edit_config(export, |config| config["config"]["User"] = json!("1000:1000"));
}

/// A link of the app after [`more_kinds`].
const LINK_OF_THE_APP: &str = "/workspace/current";

/// Makes a file of the app one that its owner alone may read, and adds a link: on disk, in the image and in the
/// container.
fn more_kinds(export: &mut Export) {
    let main = export.inputs.files.iter_mut().find(|file| file.path == "/workspace/main").unwrap();
    main.mode = 0o600;
    let link = FileFact {
        path: LINK_OF_THE_APP.to_owned(),
        kind: FileKind::Symlink,
        mode: 0o777,
        link: Some("main".to_owned()),
        content: None,
        ..main.clone()
    };
    let there = seen(&link);
    export.inputs.files.push(link);
    edit_entries(export, APP, |entries| {
        let main = entries.iter_mut().find(|entry| entry.path == "/workspace/main").unwrap();
        main.mode = 0o600;
        let (path, link) = (LINK_OF_THE_APP.to_owned(), Some("main".to_owned()));
        let link = Entry { path, kind: EntryKind::Symlink, mode: 0o777, link, content: None, size: 0, ..main.clone() };
        entries.push(link);
    });
    own(move |found| found.files.push(there.clone()))(export);
    own_file("/workspace/main", |file| (file.mode, file.content, file.is_open) = (0o600, None, false))(export);
}

fn files() -> Trials {
    const MAIN: &str = "/workspace/main";
    const LAYER: &str = "/layers/a_one/runtime";
    const METADATA: &str = "/layers/config/metadata.toml";
    const LINK: &str = "/cnb/process/web";
    let lose = |path: &'static str| own(move |found| found.files.retain(|file| file.path != path));
    of("works.files-there")
        .rejects("an app file is not there", lose(MAIN))
        .rejects("an app file has other bytes", own_file(MAIN, |file| file.content = Some(Digest::of(b"other"))))
        .rejects("an app file has another mode", own_file(MAIN, |file| file.mode = 0o600))
        .rejects("an app file cannot be read", own_file(MAIN, |file| (file.content, file.is_open) = (None, false)))
        .rejects("a folder stands in for a file", own_file(MAIN, |file| file.kind = FileKind::Directory))
        .rejects("a layer's file is not there", lose("/layers/a_one/runtime/bin"))
        .rejects("a layer's folder has another mode", own_file(LAYER, |file| file.mode = 0o700))
        .rejects("a layer's folder is a link", own_file(LAYER, |file| file.kind = FileKind::Symlink))
        .rejects("metadata.toml is not there", lose(METADATA))
        .rejects("metadata.toml cannot be read", own_file(METADATA, |file| file.is_open = false))
        .rejects("the link of a process leads nowhere", own_file(LINK, |file| file.is_open = false))
        .follows("no container starts", "works.starts", containers(|all| all.iter_mut().for_each(refuse)))
        .follows("an app file is in no layer", "platform.app-files-once", |e| {
            edit_layers(e, |layers| drop(layers.remove(3)));
            own(|found| found.files.retain(|file| file.path != MAIN))(e);
        })
        .accepts("a file that only its owner may read", |e| {
            e.inputs.files.iter_mut().filter(|file| file.path == MAIN).for_each(|file| file.mode = 0o600);
            own_file(MAIN, |file| (file.mode, file.content, file.is_open) = (0o600, None, false))(e);
        })
        .accepts(
            "there is more than the launcher lists",
            own(|found| {
                found.is_cut = true;
                found.files.retain(|file| file.path != MAIN);
            }),
        )
        .accepts(
            "more files than the build's",
            own(|found| {
                let more = FileInContainer { path: "/etc/hostname".to_owned(), ..found.files[0].clone() };
                found.files.push(more);
            }),
        )
        .accepts("a file that everyone may read, in a folder that is closed on disk", |e| {
            e.inputs.files.push(FileFact {
                path: "/workspace/static".to_owned(),
                kind: FileKind::Directory,
                mode: 0o700,
                content: None,
                ..e.inputs.files[0].clone()
            });
            let folder = seen(e.inputs.files.last().unwrap());
            own(move |found| found.files.push(folder.clone()))(e);
            own_file("/workspace/static/a.css", |file| (file.content, file.is_open) = (None, false))(e);
        })
        .accepts("folders of the app that are closed on disk", |e| {
            for file in &mut e.inputs.files {
                if file.path == "/workspace/static/a.css" {
                    "/workspace/static".clone_into(&mut file.path);
                    (file.kind, file.mode, file.content) = (FileKind::Directory, 0o700, None);
                }
            }
            let more = FileFact { path: "/workspace/static/b.css".to_owned(), ..e.inputs.files[0].clone() };
            e.inputs.files.push(more);
            own(|found| {
                for file in found.files.iter_mut().filter(|file| file.path == "/workspace/static/a.css") {
                    "/workspace/static".clone_into(&mut file.path);
                    (file.kind, file.mode, file.content, file.is_open) = (FileKind::Directory, 0o700, None, false);
                }
            })(e);
        })
        .rejects("a file that only its owner may read has other bytes", |e| {
            more_kinds(e);
            own_file(MAIN, |file| file.content = Some(Digest::of(b"other")))(e);
        })
        .rejects("a link leads elsewhere", |e| {
            more_kinds(e);
            own_file(LINK_OF_THE_APP, |file| file.link = Some("/etc/passwd".to_owned()))(e);
        })
        .rejects("a file stands in for a link", |e| {
            more_kinds(e);
            own_file(LINK_OF_THE_APP, |file| file.kind = FileKind::File)(e);
        })
        .accepts("a link leads to what cannot be read", |e| {
            more_kinds(e);
            own_file(LINK_OF_THE_APP, |file| file.is_open = false)(e);
        })
}
