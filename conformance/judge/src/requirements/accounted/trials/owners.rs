//! What the requirements on owners that differ and on hard links reject, and what they must not.

use serde_json::json;

use crate::evidence::{Entry, EntryKind, Export, FileFact, ScenarioEvidence};
use crate::sample::{self, edit_config, edit_entries};
use crate::trial::Trials;

/// Places of the sample's own layers, and how many the run image has before them.
const RUNTIME: usize = 0;
const SLICE: usize = 2;
const APP: usize = 3;
const LAUNCHER: usize = 4;

pub(super) fn trials() -> Vec<Trials> {
    [alike(), hard_links(), hard_links_of_the_build(), named()].into_iter().chain(of_a_second_name()).collect()
}

/// Another owner for those entries of a layer that are meant.
fn owned(index: usize, owner: (u64, u64), is_meant: fn(&Entry) -> bool) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_entries(export, index, |entries| {
            for entry in entries.iter_mut().filter(|entry| is_meant(entry)) {
                (entry.uid, entry.gid) = owner;
            }
        });
    }
}

/// One entry more, like the first.
fn more(index: usize, path: &'static str, kind: EntryKind, link: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_entries(export, index, |entries| {
            let first = entries[0].clone();
            let link = (!link.is_empty()).then(|| link.to_owned());
            entries.push(Entry { path: path.to_owned(), kind, link, content: None, ..first });
        });
    }
}

fn is_folder(entry: &Entry) -> bool {
    entry.kind == EntryKind::Directory
}

fn is_file(entry: &Entry) -> bool {
    entry.kind == EntryKind::File
}

fn is_link(entry: &Entry) -> bool {
    entry.link.is_some()
}

fn everything(_: &Entry) -> bool {
    true
}

fn alike() -> Trials {
    let of_the_app = |owner: (u64, u64)| {
        move |export: &mut Export| {
            owned(SLICE, owner, everything)(export);
            owned(APP, owner, everything)(export);
        }
    };
    Trials::of("layer.owners-alike")
        .rejects("the app's folder is root's, and its files are not", owned(APP, (0, 0), is_folder))
        .rejects("a file of the app is root's", owned(APP, (0, 0), is_file))
        .rejects("a file of the app is of root's group", owned(APP, (1000, 0), is_file))
        .rejects("a file of the app is root's, of the same group", owned(APP, (0, 1000), is_file))
        .rejects("one slice is root's", owned(SLICE, (0, 0), everything))
        .rejects("a folder of a launch layer is root's", owned(RUNTIME, (0, 0), is_folder))
        .rejects("a symlink is root's", |export| {
            more(APP, "/workspace/link", EntryKind::Symlink, "main")(export);
            owned(APP, (0, 0), is_link)(export);
        })
        .rejects("a hard link is root's", |export| {
            more(APP, "/workspace/again", EntryKind::HardLink, "workspace/main")(export);
            owned(APP, (0, 0), is_link)(export);
        })
        .rejects("a later layer gives the app to root", |export| {
            more(LAUNCHER, "/workspace", EntryKind::Directory, "")(export);
            owned(LAUNCHER, (0, 0), |entry| entry.path == "/workspace")(export);
        })
        .accepts("all of the app is root's", of_the_app((0, 0)))
        .accepts("all of the app is of root's group", of_the_app((1000, 0)))
        .accepts("all of a launch layer is root's", owned(RUNTIME, (0, 0), everything))
        .accepts("the folder of an earlier slice is root's", owned(SLICE, (0, 0), is_folder))
        .accepts("the launcher is another's", owned(LAUNCHER, (4, 4), everything))
        .accepts("a folder above the layers is root's", |export| {
            more(RUNTIME, "/layers", EntryKind::Directory, "")(export);
            owned(RUNTIME, (0, 0), |entry| entry.path == "/layers")(export);
        })
        .accepts("the run image has the app's folder, and its owner stays", |export| {
            owned(APP, (50, 60), is_folder)(export);
            let image = export.image.as_mut().unwrap();
            let entry = image.layers[5].blob.as_ref().unwrap().entries[0].clone();
            image.layers[0].blob.as_mut().unwrap().entries.push(entry);
        })
        .accepts("what is re-used has the previous image's owners", |export| {
            export.inputs.files.retain(|file| !file.path.starts_with("/layers/a_one/runtime/"));
            export.inputs.files.retain(|file| file.path != "/layers/a_one/runtime");
            owned(RUNTIME, (0, 0), is_folder)(export);
        })
}

fn hard_links() -> Trials {
    let again = |target: &'static str| more(APP, "/workspace/again", EntryKind::HardLink, target);
    Trials::of("layer.hard-links-inside")
        .rejects("a link to an earlier layer", again("layers/a_one/runtime/bin"))
        .rejects("a link to an earlier slice", again("workspace/static/a.css"))
        .rejects(
            "a link to a later layer",
            more(RUNTIME, "/layers/a_one/runtime/x", EntryKind::HardLink, "workspace/main"),
        )
        .rejects("a link to what is nowhere", again("workspace/nowhere"))
        .rejects("a link to a folder", again("workspace"))
        .rejects("a link to nothing", again(""))
        .rejects("a link to itself", again("workspace/again"))
        .rejects("a link that comes before its file", move |export| {
            again("workspace/main")(export);
            edit_entries(export, APP, |entries| entries.reverse());
        })
        .rejects("a link that is relative to its folder", again("main"))
        .accepts("a link to a file before it", again("workspace/main"))
        .accepts("a link from the root", again("/workspace/main"))
        .accepts("a link from the root, as ./ says it", again("./workspace/main"))
        .accepts("a link to a link", move |export| {
            again("workspace/main")(export);
            more(APP, "/workspace/once-more", EntryKind::HardLink, "workspace/again")(export);
        })
        .accepts("a symlink to another layer", more(APP, "/workspace/x", EntryKind::Symlink, "/layers/a_one/runtime"))
        .accepts("a link of the run image's", |export| {
            let blob = export.image.as_mut().unwrap().layers[0].blob.as_mut().unwrap();
            let first = blob.entries[0].clone();
            let link = Some("nowhere".to_owned());
            blob.entries.push(Entry { kind: EntryKind::HardLink, link, content: None, ..first });
        })
}

/// A file of the app has two names, in the build and in the image.
fn of_two_names() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        more(APP, "/workspace/again", EntryKind::HardLink, "workspace/main")(export);
        let like = export.inputs.files.iter().find(|file| file.path == "/workspace/main").cloned().unwrap();
        export.inputs.files.push(FileFact { path: "/workspace/again".to_owned(), ..like });
        names("/workspace/", Some(2))(export);
    }
    evidence
}

/// How many names the files of the build below a path have.
fn names(below: &'static str, links: Option<u64>) -> impl Fn(&mut Export) + 'static {
    move |export| {
        for file in export.inputs.files.iter_mut().filter(|file| file.path.starts_with(below)) {
            file.links = links;
        }
    }
}

fn hard_links_of_the_build() -> Trials {
    Trials::of("layer.hard-links-as-built")
        .from(of_two_names)
        .rejects("two files that are names of one", names("/workspace/", Some(1)))
        .rejects("a file that is another name of one that has several", names("/workspace/again", Some(1)))
        .rejects("a file of several names that is another name of one that has one", names("/workspace/main", Some(1)))
        .accepts("two names of a file that has three", names("/workspace/", Some(3)))
        .ignores("a link of files that older evidence does not count", names("/workspace/", None))
        .ignores("two names that are two files in the image", |export| {
            edit_entries(export, APP, |entries| entries.retain(|entry| entry.kind != EntryKind::HardLink));
        })
}

/// What other requirements say of a second name.
fn of_a_second_name() -> Vec<Trials> {
    let edit = |change: fn(&mut Entry)| {
        move |export: &mut Export| {
            edit_entries(export, APP, |entries| {
                entries.iter_mut().filter(|entry| entry.kind == EntryKind::HardLink).for_each(change);
            });
        }
    };
    let lose = |export: &mut Export| {
        edit_entries(export, APP, |entries| entries.retain(|entry| entry.kind != EntryKind::HardLink));
    };
    vec![
        Trials::of("layer.hard-links-inside")
            .from(of_two_names)
            .rejects("a target that is nowhere", edit(|entry| entry.link = Some("workspace/nowhere".to_owned()))),
        Trials::of("layer.nothing-else")
            .from(of_two_names)
            .rejects("another path", edit(|entry| "/workspace/other".clone_into(&mut entry.path))),
        Trials::of("layer.owners-explained").from(of_two_names).rejects("another user's", edit(|entry| entry.uid = 77)),
        Trials::of("platform.app-files-once").from(of_two_names).rejects("none", lose),
        Trials::of("digest.mtimes-constant").from(of_two_names).rejects("another time", edit(|entry| entry.mtime = 77)),
    ]
}

/// The image's user is a name, or has no group: the run image's files say which numbers these are.
fn named() -> Trials {
    let files = |export: &mut Export| {
        let blob = export.image.as_mut().unwrap().layers[0].blob.as_mut().unwrap();
        let first = blob.entries[0].clone();
        let texts = [
            ("/etc/passwd", "root:x:0:0::/root:/bin/sh\n\nbroken\ncnb:x:2000:3000:the build:/home/cnb:/bin/sh\n"),
            ("/etc/group", "root:x:0:\ncnb:x:3000:\nstaff:x:50:cnb\n"),
        ];
        blob.entries.extend(texts.map(|(path, text)| Entry {
            path: path.to_owned(),
            kind: EntryKind::File,
            text: Some(text.to_owned()),
            ..first.clone()
        }));
    };
    let user = move |user: &'static str, owner: (u64, u64)| {
        move |export: &mut Export| {
            files(export);
            edit_config(export, |config| config["config"]["User"] = json!(user));
            owned(SLICE, owner, everything)(export);
            owned(APP, owner, everything)(export);
        }
    };
    Trials::of("layer.owners-explained")
        .rejects("another user than the one of that name", user("cnb", (2001, 3000)))
        .rejects("another group than that of the user", user("cnb", (2000, 50)))
        .rejects("the user's group where the image has another", user("cnb:staff", (2000, 3000)))
        .rejects("a name that the run image does not have", user("nobody", (2000, 3000)))
        .rejects("a name where the run image has no users", |export| {
            edit_config(export, |config| config["config"]["User"] = json!("cnb"));
            owned(APP, (2000, 3000), everything)(export);
        })
        .accepts("the user of that name", user("cnb", (2000, 3000)))
        .accepts("user and group of these names", user("cnb:staff", (2000, 50)))
        .accepts("a number and the group of its user", user("2000", (2000, 3000)))
        .accepts("a name and a number", user("cnb:7", (2000, 7)))
}
