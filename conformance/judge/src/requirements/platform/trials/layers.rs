//! Trials of the layers of buildpacks and of the app.

use super::edits::{entries, input, without};
use crate::digest::Digest;
use crate::evidence::{EntryKind, Export};
use crate::sample::{self, edit_entries, edit_input, edit_layers};
use crate::trial::Trials;

pub(super) fn layers() -> Vec<Trials> {
    vec![
        Trials::of("platform.launch-layers")
            .rejects("the layer is missing", without(0))
            .rejects("another mode", entries(0, |entries| entries[1].mode = 0o600))
            .rejects("a bit of the folder's mode", entries(0, |entries| entries[0].mode = 0o1755))
            .rejects("other content", entries(0, |entries| entries[1].content = Some(Digest::of(b"x"))))
            .rejects("another kind", entries(0, |entries| entries[1].kind = EntryKind::Symlink))
            .rejects("another path", entries(0, |entries| entries[1].path = "/layers/a_one/runtime/Bin".to_owned()))
            .rejects(
                "a file is hidden by a later layer",
                entries(3, |entries| {
                    let mut hidden = entries[1].clone();
                    hidden.path = "/layers/a_one/runtime/.wh.bin".to_owned();
                    entries.push(hidden);
                }),
            )
            .rejects(
                "a file is replaced in a later layer",
                entries(3, |entries| {
                    let mut other = entries[1].clone();
                    other.path = "/layers/a_one/runtime/bin".to_owned();
                    entries.push(other);
                }),
            )
            .accepts("other owners", entries(0, |entries| entries[1].uid = 0))
            .accepts("another time", entries(0, |entries| entries[1].mtime = 0))
            .accepts("another place among the layers", |e| edit_layers(e, |own| own.swap(0, 5)))
            .accepts(
                "a hard link",
                entries(0, |entries| {
                    let mut link = entries[1].clone();
                    entries[1].path = "/layers/a_one/runtime.original".to_owned();
                    link.kind = EntryKind::HardLink;
                    link.link = Some("layers/a_one/runtime.original".to_owned());
                    link.content = None;
                    entries.push(link);
                }),
            )
            .ignores("no launch layer", input("/layers/a_one/runtime.toml", "[types]\nbuild=true\n")),
        Trials::of("platform.no-other-layers")
            .rejects(
                "the compiler is in the image",
                entries(0, |entries| entries[1].path = "/layers/b/tools/compiler".to_owned()),
            )
            .rejects("hidden again by a later layer", |e| {
                edit_entries(e, 0, |entries| entries[1].path = "/layers/b/tools/compiler".to_owned());
                edit_entries(e, 3, |entries| entries[1].path = "/layers/b/tools/.wh.compiler".to_owned());
            })
            .rejects("a cache layer's file", |e| {
                edit_input(e, "/layers/b/tools.toml", "[types]\ncache=true\n");
                edit_entries(e, 6, |entries| entries[0].path = "/layers/b/tools/x/y".to_owned());
            })
            .accepts(
                "the layer's description",
                entries(0, |entries| entries[1].path = "/layers/b/tools.toml".to_owned()),
            )
            .accepts(
                "a neighbour of the folder",
                entries(0, |entries| entries[1].path = "/layers/b/tools2/x".to_owned()),
            )
            .accepts("the bare folder", entries(0, |entries| entries[1].path = "/layers/b/tools".to_owned()))
            .ignores("launch layers alone", input("/layers/b/tools.toml", "[types]\nlaunch=true\n")),
    ]
}

pub(super) fn app() -> Trials {
    let merged = |from: usize, to: usize| {
        move |e: &mut Export| {
            edit_layers(e, |own| {
                let moved = own[from].blob.take().unwrap().entries;
                let mut entries = own[to].blob.take().unwrap().entries;
                entries.extend(moved.iter().skip(1).cloned());
                own[to] = sample::layer("app", entries);
                own.remove(from);
            });
        }
    };
    let empty_folder = |e: &mut Export| {
        let mut folder = e.inputs.file("/layers/a_one/runtime").unwrap().clone();
        "/workspace/empty".clone_into(&mut folder.path);
        e.inputs.files.push(folder);
    };
    Trials::of("platform.app-files-once")
        .rejects("an empty folder is missing", empty_folder)
        .accepts("an empty folder", move |e| {
            empty_folder(e);
            edit_entries(e, 3, |entries| {
                let mut folder = entries[0].clone();
                "/workspace/empty".clone_into(&mut folder.path);
                entries.push(folder);
            });
        })
        .rejects("a folder of a mode of its own is missing", |e| {
            let mut folder = e.inputs.file("/layers/a_one/runtime").unwrap().clone();
            "/workspace/static".clone_into(&mut folder.path);
            folder.mode = 0o1777;
            e.inputs.files.push(folder);
        })
        .accepts("a folder of the usual mode is missing", |e| {
            let mut folder = e.inputs.file("/layers/a_one/runtime").unwrap().clone();
            "/workspace/static".clone_into(&mut folder.path);
            e.inputs.files.push(folder);
        })
        .rejects("the app's folder has another mode", |e| app_folder(e, 0o775))
        .rejects("the app's folder is set-group-ID on disk", |e| app_folder(e, 0o2755))
        .accepts("the app's folder has its mode", |e| app_folder(e, 0o755))
        .accepts("the app's folder is not an entry", |e| {
            app_folder(e, 0o775);
            for index in [2, 3] {
                edit_entries(e, index, |entries| entries.retain(|entry| entry.path != "/workspace"));
            }
        })
        .accepts("an earlier slice has the app's folder as a parent", |e| {
            app_folder(e, 0o775);
            edit_entries(e, 3, |entries| entries[0].mode = 0o775);
        })
        .rejects("a file is missing", entries(3, |entries| drop(entries.pop())))
        .accepts("the slice comes last", |e| edit_layers(e, |own| own.swap(2, 3)))
        .rejects("the slice is in no layer of its own", merged(2, 3))
        .rejects("the rest is in the slice's layer", merged(3, 2))
        .rejects("a file is in two layers", |e| {
            edit_layers(e, |own| {
                let twice = own[2].blob.as_ref().unwrap().entries[1].clone();
                let mut entries = own[3].blob.take().unwrap().entries;
                entries.push(twice);
                own[3] = sample::layer("app", entries);
            });
        })
        .ignores("a sparse file that was not read", entries(3, |entries| entries[1].content = None))
        .rejects(
            "a sparse file that was not read, of another size",
            entries(3, |entries| (entries[1].content, entries[1].size) = (None, 1 << 40)),
        )
        .rejects("a later layer hides a file", |e| hide(e, "/workspace/.wh.main"))
        .rejects("a later layer hides the folder of a file", |e| hide(e, "/workspace/.wh.static"))
        .rejects("a later layer hides all of the app", |e| hide(e, "/workspace/.wh..wh..opq"))
        .accepts("a later layer hides what is not there", |e| hide(e, "/workspace/.wh.other"))
        .rejects("another mode", entries(3, |entries| entries[1].mode = 0o755))
        .rejects("other content", entries(3, |entries| entries[1].content = Some(Digest::of(b""))))
        .rejects(
            "another kind",
            entries(3, |entries| {
                entries[1].kind = EntryKind::Symlink;
                entries[1].link = Some("x".to_owned());
            }),
        )
        .rejects("another path", entries(3, |entries| entries[1].path = "/workspace/Main".to_owned()))
        .accepts("other owners", entries(3, |entries| entries[1].uid = 0))
        .accepts("the rest in two layers", |e| {
            edit_layers(e, |own| own.insert(4, sample::layer("rest", Vec::new())));
        })
        .accepts(
            "a file that is not the app's",
            entries(3, |entries| {
                let mut more = entries[1].clone();
                more.path = "/elsewhere".to_owned();
                entries.push(more);
            }),
        )
}

/// The app's own folder on disk, of this mode.
fn app_folder(export: &mut Export, mode: u32) {
    let mut folder = export.inputs.file("/layers/a_one/runtime").unwrap().clone();
    "/workspace".clone_into(&mut folder.path);
    folder.mode = mode;
    export.inputs.files.push(folder);
}

/// A last layer that holds a whiteout.
fn hide(export: &mut Export, whiteout: &'static str) {
    edit_layers(export, |own| {
        let mut entry = own[3].blob.as_ref().unwrap().entries[1].clone();
        whiteout.clone_into(&mut entry.path);
        own.push(sample::layer("whiteouts", vec![entry]));
    });
}
