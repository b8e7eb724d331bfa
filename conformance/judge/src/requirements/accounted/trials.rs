//! What the theme rejects, and what it must not.

use serde_json::json;

use crate::evidence::{Entry, EntryKind, Export};
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
        works()
            .into_iter()
            .chain([layers()])
            .chain(super::trials_of_attributes::trials())
            .chain(super::trials_of_containers::trials())
            .chain(super::trials_of_labels::trials())
            .chain([super::trials_of_machine::machine()])
            .chain(super::trials_of_members::trials())
            .chain(super::trials_of_further::trials())
            .chain(super::trials_of_base::trials())
            .chain(super::trials_on_disk::trials()),
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
    command = \"serve\"\nargs = [\"-v\"]\nbuildpack-id = \"b\"\nworking-dir = \"\"\n[[buildpacks]]\nid = \"a/one\"\nversion = \"1\"\n\
    api = \"0.10\"\n[[buildpacks]]\nid = \"b\"\nversion = \"2\"\napi = \"0.10\"\n";
const OTHER_ARGUMENTS: &str = "buildpack-default-process-type = \"web\"\n[[processes]]\ntype = \"web\"\ncommand = \"serve\"\n\
    buildpack-id = \"b\"\n[[buildpacks]]\nid = \"a/one\"\nversion = \"1\"\napi = \"0.10\"\n[[buildpacks]]\nid = \"b\"\n\
    version = \"2\"\napi = \"0.10\"\n";

fn works() -> Vec<Trials> {
    vec![
        Trials::of("works.launcher-executable")
            .rejects("no bit to execute", moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o644))
            .rejects("root alone may", moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o744))
            .rejects("its group alone may, which is not the user's", |e| {
                user("1000:1000", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o754)(e);
            })
            .rejects("a user of a name, and nobody may", |e| {
                user("nobody:nogroup", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o644)(e);
            })
            .rejects("root, and nobody may", |e| {
                user("", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o600)(e);
            })
            .accepts("it may be executed and not read", moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o711))
            .accepts("its owner may, who is the user", |e| {
                entries(LAUNCHER, |entries| {
                    for entry in entries.iter_mut() {
                        (entry.uid, entry.mode) = (1000, 0o500);
                    }
                })(e);
            })
            .accepts("its group may, which is the user's", |e| {
                user("1000:0", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o750)(e);
            })
            .accepts("the user has a name, and someone may", |e| {
                user("cnb", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o700)(e);
            })
            .spares("no launcher", |e| edit_layers(e, |own| drop(own.remove(LAUNCHER)))),
        Trials::of("works.paths-open")
            .rejects("/cnb is closed", moded(LAUNCHER, "/cnb", 0o000))
            .rejects("the app is closed in its last layer", |e| {
                entries(APP, |entries| (entries[0].mode, entries[0].uid) = (0o700, 0))(e);
            })
            .rejects("the processes are closed", more(LINKS, "/cnb/process", EntryKind::Directory, 0o600))
            .rejects("the layers are closed", more(CONFIG, "/layers", EntryKind::Directory, 0o644))
            .rejects("a layer's parent is closed", more(RUNTIME, "/layers/a_one", EntryKind::Directory, 0o000))
            .rejects("the metadata cannot be read", moded(CONFIG, METADATA, 0o200))
            .rejects("the root is closed", more(LAUNCHER, "/", EntryKind::Directory, 0o600))
            .accepts("the root is open", more(LAUNCHER, "/", EntryKind::Directory, 0o755))
            .accepts("folders that may be passed and not listed", moded(LAUNCHER, "/cnb", 0o711))
            .accepts("a folder of SBOMs is closed", more(SBOM, "/layers/sbom", EntryKind::Directory, 0o000))
            .accepts("a later layer opens it", |e| {
                moded(2, "/workspace", 0o000)(e);
            })
            .accepts("root passes everywhere", |e| {
                user("0", e);
                moded(LAUNCHER, "/cnb", 0o000)(e);
            }),
        Trials::of("works.metadata-meant")
            .rejects("an empty file", meant(""))
            .rejects("no TOML", meant("[processes"))
            .rejects("other arguments", meant(OTHER_ARGUMENTS))
            .rejects("another default", |e| edit_input(e, METADATA, "buildpack-default-process-type='other'\n"))
            .accepts("written anew", meant(ANEW))
            .spares("it is not there", |e| edit_layers(e, |own| drop(own.remove(CONFIG))))
            .spares("other bytes that were not kept", |e| {
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
            .accepts("one more file", more(APP, "/etc/more", EntryKind::File, 0o644))
            .accepts("the same file again", more(APP, "/usr/base", EntryKind::File, 0o644))
            .accepts("a file of the app with such a name", |e| {
                let like = e.inputs.files.iter().find(|file| file.path == "/workspace/main").unwrap().clone();
                e.inputs.files.push(crate::evidence::FileFact { path: "/workspace/.wh.main".to_owned(), ..like });
                more(APP, "/workspace/.wh.main", EntryKind::File, 0o644)(e);
            }),
    ]
}

fn layers() -> Trials {
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
        .rejects("an input that is for nobody", more(CONFIG, "/layers/analyzed.toml", EntryKind::File, 0o644))
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
        .accepts("entries for parents", more(CONFIG, "/layers/config", EntryKind::Directory, 0o755))
        .accepts("an entry for the root", more(APP, "/", EntryKind::Directory, 0o755))
        .accepts("the folder of a buildpack without a layer", more(CONFIG, "/layers/b", EntryKind::Directory, 0o755))
        .accepts("the folder of processes", more(LINKS, "/cnb/process", EntryKind::Directory, 0o755))
        .accepts("a closed parent", more(CONFIG, "/layers", EntryKind::Directory, 0o700))
        .accepts("metadata.toml written anew", meant(ANEW))
        .accepts("the store kept in a layer", |e| {
            let content = e.inputs.file("/layers/a_one/store.toml").unwrap().content.clone();
            entries(CONFIG, move |entries| {
                let first = entries[0].clone();
                let path = "/layers/a_one/store.toml".to_owned();
                entries.push(Entry { path, content: content.clone(), text: None, ..first });
            })(e);
        })
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
        .rejects("a hundred layers of nothing", |e| {
            edit_layers(e, |own| own.extend((0..100).map(|_| layer("empty", Vec::new()))));
        })
        .accepts("some layers of nothing", |e| {
            edit_layers(e, |own| own.extend((0..4).map(|_| layer("empty", Vec::new()))));
        })
        .accepts("another owner", |e| {
            entries(APP, |entries| entries.iter_mut().for_each(|entry| entry.uid = 0))(e);
        })
}
