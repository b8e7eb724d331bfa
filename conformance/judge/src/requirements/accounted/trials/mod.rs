//! What the theme rejects, and what it must not.

mod attributes;
mod base;
mod carried;
mod containers;
mod disk;
mod further;
mod labels;
mod machine;
mod members;
mod named;
mod notes;
mod outputs;
mod owners;
mod previous;
mod works;

use serde_json::json;

use crate::evidence::{Entry, EntryKind, Export, FileFact, FileKind};
use crate::sample::{edit_config, edit_entries, edit_input, edit_label, edit_layers, layer};
use crate::trial::{self, Trial, Trials};

const METADATA: &str = "/layers/config/metadata.toml";
/// Places of the sample's own layers.
const RUNTIME: usize = 0;
const SBOM: usize = 1;
const APP: usize = 3;
const LAUNCHER: usize = 4;
const CONFIG: usize = 5;
const LINKS: usize = 6;

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(
        works::trials()
            .into_iter()
            .chain(visible())
            .chain([layers(), layers_of_nothing()])
            .chain(attributes::trials())
            .chain(containers::trials())
            .chain(labels::trials())
            .chain(outputs::trials())
            .chain([machine::machine(), machine::days()])
            .chain(members::trials())
            .chain(named::trials())
            .chain(notes::trials())
            .chain(further::trials())
            .chain(base::trials())
            .chain([previous::previous(), previous::annotated()])
            .chain(disk::trials())
            .chain(owners::trials())
            .chain(carried::trials()),
    )
}

fn entries(index: usize, change: impl Fn(&mut Vec<Entry>) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_entries(export, index, &change)
}

/// One more entry like the layer's first, of this kind.
fn more(index: usize, path: &'static str, kind: EntryKind, mode: u32) -> impl Fn(&mut Export) + 'static {
    entries(index, move |entries| {
        let first = entries[0].clone();
        let content = (kind == EntryKind::File).then(|| crate::digest::Digest::of(b"more"));
        entries.push(Entry { path: path.to_owned(), kind, mode, content, link: None, text: None, ..first });
    })
}

fn linked(index: usize, path: &'static str, kind: EntryKind, link: &'static str) -> impl Fn(&mut Export) + 'static {
    entries(index, move |entries| {
        let first = entries[0].clone();
        let link = Some(link.to_owned());
        entries.push(Entry { path: path.to_owned(), kind, mode: 0o777, content: None, link, text: None, ..first });
    })
}

/// Another mode for an entry of a layer.
fn moded(index: usize, path: &'static str, mode: u32) -> impl Fn(&mut Export) + 'static {
    entries(index, move |entries| {
        entries.iter_mut().filter(|entry| entry.path == path).for_each(|entry| entry.mode = mode);
    })
}

fn user(name: &'static str, export: &mut Export) {
    edit_config(export, |config| config["config"]["User"] = json!(name));
}

/// The image's metadata.toml written anew.
fn meant(text: &'static str) -> impl Fn(&mut Export) + 'static {
    entries(CONFIG, move |entries| {
        let found = &mut entries[0];
        found.content = Some(crate::digest::Digest::of(text.as_bytes()));
        found.size = text.len() as u64;
        found.text = Some(text.to_owned());
    })
}

const ANEW: &str = "# written anew\nbuildpack-default-process-type = \"web\"\n[[processes]]\ntype = \"web\"\n\
    command = \"serve\"\nargs = [\"-v\"]\nbuildpack-id = \"b\"\nworking-dir = \"\"\nexec-env = []\nlimits = {}\n[[buildpacks]]\nid = \"a/one\"\nversion = \"1\"\n\
    api = \"0.10\"\n[[buildpacks]]\nid = \"b\"\nversion = \"2\"\napi = \"0.10\"\n\
    [[slices]]\npaths = [\"static/*\"]\n[[slices]]\npaths = [\"nothing\"]\n";
/// Without the slices, of which the launcher reads nothing.
const WITHOUT_SLICES: &str = "buildpack-default-process-type = \"web\"\n[[processes]]\ntype = \"web\"\ncommand = \"serve\"\n\
    args = [\"-v\"]\nbuildpack-id = \"b\"\n[[buildpacks]]\nid = \"a/one\"\nversion = \"1\"\napi = \"0.10\"\n[[buildpacks]]\n\
    id = \"b\"\nversion = \"2\"\napi = \"0.10\"\n";
const OTHER_ARGUMENTS: &str = "buildpack-default-process-type = \"web\"\n[[processes]]\ntype = \"web\"\ncommand = \"serve\"\n\
    buildpack-id = \"b\"\n[[buildpacks]]\nid = \"a/one\"\nversion = \"1\"\napi = \"0.10\"\n[[buildpacks]]\nid = \"b\"\n\
    version = \"2\"\napi = \"0.10\"\n";

const ARGUMENTS_IN_ONE_TEXT: &str = "buildpack-default-process-type = \"web\"\n[[processes]]\ntype = \"web\"\ncommand = \"serve\"\n\
    args = \"-v\"\nbuildpack-id = \"b\"\n[[buildpacks]]\nid = \"a/one\"\nversion = \"1\"\napi = \"0.10\"\n[[buildpacks]]\nid = \"b\"\n\
    version = \"2\"\napi = \"0.10\"\n";

fn visible() -> Vec<Trials> {
    vec![
        Trials::of("works.metadata-meant")
            .rejects("an empty file", meant(""))
            .rejects("an empty file of which no text is kept", |e| {
                meant("")(e);
                entries(CONFIG, |entries| entries[0].text = None)(e);
            })
            .rejects("not TOML", meant("[processes"))
            .rejects("other arguments", meant(OTHER_ARGUMENTS))
            .rejects("arguments in one text", meant(ARGUMENTS_IN_ONE_TEXT))
            .rejects("no slices", meant(WITHOUT_SLICES))
            .rejects("another default", |e| edit_input(e, METADATA, "buildpack-default-process-type='other'\n"))
            .accepts("written anew", meant(ANEW))
            .ignores("it is not there", |e| edit_layers(e, |own| drop(own.remove(CONFIG))))
            .ignores("other bytes that were not kept", |e| {
                meant(OTHER_ARGUMENTS)(e);
                entries(CONFIG, |entries| entries[0].text = None)(e);
            }),
        Trials::of("works.base-visible")
            .rejects("a whiteout", more(APP, "/.wh.usr", EntryKind::File, 0o644))
            .rejects("a whiteout in a layer of its own", |e| {
                edit_layers(e, |own| {
                    let like = own[APP].blob.as_ref().unwrap().entries[0].clone();
                    own.push(layer("gone", vec![Entry { path: "/etc/.wh.os-release".to_owned(), ..like }]));
                });
            })
            .rejects("an opaque folder", more(APP, "/etc/.wh..wh..opq", EntryKind::File, 0o644))
            .rejects("a folder where there was a file", more(APP, "/usr/base", EntryKind::Directory, 0o755))
            .rejects("a folder that is more closed", |e| {
                in_the_base(e, "/usr", EntryKind::Directory, 0o755);
                more(APP, "/usr", EntryKind::Directory, 0o750)(e);
            })
            .accepts("a folder that is as open", |e| {
                in_the_base(e, "/usr", EntryKind::Directory, 0o755);
                more(APP, "/usr", EntryKind::Directory, 0o755)(e);
            })
            .accepts("a file that is more closed", more(APP, "/usr/base", EntryKind::File, 0o600))
            .accepts("the app's folder is a file in the run image, and what is in it is open", |e| {
                in_the_base(e, "/workspace", EntryKind::File, 0o644);
                in_the_base(e, "/workspace/main", EntryKind::Directory, 0o777);
            })
            .accepts("one more file", more(APP, "/etc/more", EntryKind::File, 0o644))
            .accepts("the same file again", more(APP, "/usr/base", EntryKind::File, 0o644))
            .accepts("a file of the app with such a name", |e| {
                let like = e.inputs.files.iter().find(|file| file.path == "/workspace/main").unwrap().clone();
                e.inputs.files.push(crate::evidence::FileFact { path: "/workspace/.wh.main".to_owned(), ..like });
                more(APP, "/workspace/.wh.main", EntryKind::File, 0o644)(e);
            }),
    ]
}

/// One more entry of the run image.
fn in_the_base(export: &mut Export, path: &str, kind: EntryKind, mode: u32) {
    let blob = export.image.as_mut().unwrap().layers[0].blob.as_mut().unwrap();
    let mut entries = blob.entries.to_vec();
    entries.push(Entry { path: path.to_owned(), kind, mode, ..entries[0].clone() });
    blob.entries = entries.into();
}

fn on_disk(path: &str, kind: FileKind, mode: u32) -> FileFact {
    FileFact { kind, mode, content: None, text: None, size: 0, ..crate::sample::fact(path, "") }
}

fn link_on_disk(link: &str) -> FileFact {
    FileFact { link: Some(link.to_owned()), ..on_disk("/workspace/link", FileKind::Symlink, 0o777) }
}

/// A file of the build, as it is on disk, in a layer at this path.
fn kept(index: usize, path: &'static str, at: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let content = export.inputs.file(path).unwrap().content.clone();
        edit_entries(export, index, |entries| {
            let first = entries[0].clone();
            entries.push(Entry {
                path: at.to_owned(),
                kind: EntryKind::File,
                mode: 0o644,
                content,
                text: None,
                ..first
            });
        });
    }
}

/// Makes a file of the app one that is too large to be read, of this size.
fn too_large(size: u64) -> impl Fn(&mut Export) + 'static {
    entries(APP, move |entries| {
        for entry in entries.iter_mut().filter(|entry| entry.path == "/workspace/main") {
            (entry.content, entry.size) = (None, size);
        }
    })
}

fn layers_of_nothing() -> Trials {
    Trials::of("layer.nothing-else")
        .rejects("a hundred layers of nothing", |e| {
            edit_layers(e, |own| own.extend((0..100).map(|_| layer("empty", Vec::new()))));
        })
        .accepts("some layers of nothing", |e| {
            edit_layers(e, |own| own.extend((0..4).map(|_| layer("empty", Vec::new()))));
        })
}

fn layers() -> Trials {
    const STORE: &str = "/layers/a_one/store.toml";
    const SBOM_OF_THE_LAUNCHER: &str = "/cnb/lifecycle/launcher.sbom.cdx.json";
    Trials::of("layer.nothing-else")
        .rejects("a file more in the app", more(APP, "/workspace/more", EntryKind::File, 0o644))
        .rejects("a file more in a layer", more(RUNTIME, "/layers/a_one/runtime/more", EntryKind::File, 0o644))
        .rejects("a file more elsewhere", more(APP, "/etc/built-at", EntryKind::File, 0o644))
        .rejects("a folder more elsewhere", more(APP, "/opt/cache", EntryKind::Directory, 0o755))
        .rejects("a folder more in the app", more(APP, "/workspace/empty", EntryKind::Directory, 0o755))
        .rejects("a layer of whiteouts", more(APP, "/.wh.usr", EntryKind::File, 0o644))
        .rejects("a device", more(APP, "/workspace/null", EntryKind::Other, 0o666))
        .rejects("an SBOM more", more(SBOM, "/layers/sbom/launch/a_one/more.json", EntryKind::File, 0o644))
        .rejects(
            "an SBOM of the launcher's with other content",
            more(SBOM, "/layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.spdx.json", EntryKind::File, 0o644),
        )
        .rejects("the launcher's SBOM elsewhere", kept(SBOM, SBOM_OF_THE_LAUNCHER, "/etc/sbom.cdx.json"))
        .rejects("an input that no user may read", more(CONFIG, "/layers/analyzed.toml", EntryKind::File, 0o644))
        .rejects(
            "an input that no user may read, as it is",
            kept(CONFIG, "/layers/analyzed.toml", "/layers/analyzed.toml"),
        )
        .rejects("a file that is too large to be read, of another size", too_large(5))
        .rejects("a store of other content", more(CONFIG, "/layers/a_one/store.toml", EntryKind::File, 0o644))
        .rejects(
            "a link for no process",
            linked(LINKS, "/cnb/process/sh", EntryKind::Symlink, "/cnb/lifecycle/launcher"),
        )
        .rejects("a program next to the launcher", more(LAUNCHER, "/cnb/lifecycle/lifecycle", EntryKind::File, 0o755))
        .rejects("a folder of a layer with another mode", moded(RUNTIME, "/layers/a_one/runtime", 0o700))
        .rejects("an app file with another mode", moded(APP, "/workspace/main", 0o755))
        .rejects("another link in the place of a file", |e| {
            entries(APP, |entries| {
                entries.iter_mut().filter(|entry| entry.path == "/workspace/main").for_each(|entry| {
                    (entry.kind, entry.link, entry.content) =
                        (EntryKind::Symlink, Some("/etc/passwd".to_owned()), None);
                });
            })(e);
        })
        .rejects(
            "a link in the place of the launcher",
            entries(LAUNCHER, |entries| {
                entries.iter_mut().filter(|entry| entry.path == "/cnb/lifecycle/launcher").for_each(|entry| {
                    (entry.kind, entry.link, entry.content) = (EntryKind::Symlink, Some("/bin/sh".to_owned()), None);
                });
            }),
        )
        .rejects("a second name of another file", |e| {
            e.inputs.files.push(crate::sample::fact("/workspace/again", "other"));
            linked(APP, "/workspace/again", EntryKind::HardLink, "workspace/main")(e);
        })
        .rejects("a link that leads elsewhere on disk", |e| {
            e.inputs.files.push(link_on_disk("main"));
            linked(APP, "/workspace/link", EntryKind::Symlink, "/etc/passwd")(e);
        })
        .accepts("entries for parents", more(CONFIG, "/layers/config", EntryKind::Directory, 0o755))
        .accepts("an entry for the root", more(APP, "/", EntryKind::Directory, 0o755))
        .accepts("the folder of a buildpack without a layer", more(CONFIG, "/layers/b", EntryKind::Directory, 0o755))
        .accepts("the folder of processes", more(LINKS, "/cnb/process", EntryKind::Directory, 0o755))
        .accepts("a closed parent", more(CONFIG, "/layers", EntryKind::Directory, 0o700))
        .accepts("metadata.toml written anew", meant(ANEW))
        .accepts("the store kept in a layer", kept(CONFIG, STORE, STORE))
        .accepts("the group kept in a layer", kept(CONFIG, "/layers/group.toml", "/layers/group.toml"))
        .accepts(
            "what is said of a layer kept in it",
            kept(CONFIG, "/layers/a_one/runtime.toml", "/layers/a_one/runtime.toml"),
        )
        .accepts("a second name of a file", |e| {
            e.inputs.files.push(crate::sample::fact("/workspace/again", "main"));
            linked(APP, "/workspace/again", EntryKind::HardLink, "workspace/main")(e);
        })
        .accepts("a link that is so on disk", |e| {
            e.inputs.files.push(link_on_disk("main"));
            linked(APP, "/workspace/link", EntryKind::Symlink, "main")(e);
        })
        .accepts("a pipe that is so on disk", |e| {
            e.inputs.files.push(on_disk("/workspace/pipe", FileKind::Other, 0o644));
            more(APP, "/workspace/pipe", EntryKind::Other, 0o644)(e);
        })
        .accepts("an SBOM with another mode", moded(SBOM, "/layers/sbom/launch/a_one/sbom.cdx.json", 0o600))
        .accepts("a file that is too large to be read", too_large(4))
        .accepts("a file of a layer to re-use", |e| {
            e.inputs.files.retain(|file| file.path != "/layers/a_one/runtime");
            more(RUNTIME, "/layers/a_one/runtime/more", EntryKind::File, 0o644)(e);
            let sha = e.image.as_ref().unwrap().layers[2].blob.as_ref().unwrap().diff_id.clone();
            edit_label(e, "io.buildpacks.lifecycle.metadata", |label| {
                label["buildpacks"][0]["layers"]["runtime"]["sha"] = json!(sha);
            });
        })
        .rejects("another layer has a file of a layer to re-use", |e| {
            e.inputs.files.retain(|file| file.path != "/layers/a_one/runtime");
            more(APP, "/layers/a_one/runtime/bin", EntryKind::File, 0o644)(e);
        })
        .accepts("another owner", |e| {
            entries(APP, |entries| entries.iter_mut().for_each(|entry| entry.uid = 0))(e);
        })
}
