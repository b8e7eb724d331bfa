//! Launchers that start, and paths that are open.

use super::*;

pub(super) fn trials() -> Vec<Trials> {
    vec![
        Trials::of("works.launcher-executable")
            .rejects("no bit to execute", moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o644))
            .rejects("root alone may", moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o744))
            .rejects("its group alone may, which is not the user's", |e| {
                user("1000:1000", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o754)(e);
            })
            .rejects("a user of a name, and no user may", |e| {
                user("nobody:nogroup", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o644)(e);
            })
            .rejects("root, and no user may", |e| {
                user("", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o600)(e);
            })
            .rejects("its group may not, which is the user's, and all others may", |e| {
                user("1000:0", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o705)(e);
            })
            .accepts("it may be executed and not read", moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o711))
            .accepts("a group may, and the user's is not known", moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o710))
            .accepts("neither owner nor group may, and all others", moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o601))
            .accepts("root, and someone may", |e| user("", e))
            .accepts("its owner, the user, may", |e| {
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
            .accepts("the user has a name, and a group may", |e| {
                user("cnb", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o610)(e);
            })
            .accepts("the user has a name, and all others may", |e| {
                user("cnb", e);
                moded(LAUNCHER, "/cnb/lifecycle/launcher", 0o601)(e);
            })
            .ignores("no launcher", |e| edit_layers(e, |own| drop(own.remove(LAUNCHER)))),
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
            .rejects("a folder is closed that is open on disk", |e| {
                e.inputs.files.push(on_disk("/layers/a_one", FileKind::Directory, 0o755));
                more(RUNTIME, "/layers/a_one", EntryKind::Directory, 0o000)(e);
            })
            .rejects("the metadata can be read on disk alone", |e| {
                user("1000:1000", e);
                moded(CONFIG, METADATA, 0o200)(e);
            })
            .accepts("a folder is closed on disk too", |e| {
                e.inputs.files.push(on_disk("/layers/a_one", FileKind::Directory, 0o000));
                more(RUNTIME, "/layers/a_one", EntryKind::Directory, 0o000)(e);
            })
            .accepts("the metadata cannot be read on disk either", |e| {
                e.inputs.files.iter_mut().filter(|file| file.path == METADATA).for_each(|file| file.mode = 0o200);
                moded(CONFIG, METADATA, 0o200)(e);
            })
            .accepts("root reads and passes everywhere", |e| {
                user("0", e);
                moded(LAUNCHER, "/cnb", 0o000)(e);
                moded(CONFIG, METADATA, 0o000)(e);
            }),
    ]
}
