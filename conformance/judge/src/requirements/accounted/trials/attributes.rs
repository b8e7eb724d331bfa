//! What the requirement on extended attributes rejects, and what it must not.

use std::collections::BTreeMap;

use crate::evidence::{Export, ScenarioEvidence};
use crate::sample::{self, edit_entries};
use crate::trial::Trials;

const MAIN: &str = "/workspace/main";
const RUNTIME: &str = "/layers/a_one/runtime";
const NAMES: [&str; 2] = ["security.capability", "user.checksum"];
/// Places of the sample's own layers.
const APP: usize = 3;
const LAYER: usize = 0;

/// The sample with a file and a folder that have attributes, on disk and in their layers.
fn with_attributes() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        let own: BTreeMap<String, String> = NAMES.map(|name| (name.to_owned(), "AAEC".to_owned())).into();
        for file in export.inputs.files.iter_mut().filter(|file| [MAIN, RUNTIME].contains(&file.path.as_str())) {
            file.xattrs.clone_from(&own);
        }
        for index in [LAYER, APP] {
            edit_entries(export, index, |entries| {
                for entry in entries.iter_mut().filter(|entry| [MAIN, RUNTIME].contains(&entry.path.as_str())) {
                    entry.more.xattrs.clone_from(&own);
                }
            });
        }
    }
    evidence
}

fn lose(index: usize, name: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_entries(export, index, |entries| {
            for entry in entries.iter_mut() {
                entry.more.xattrs.remove(name);
            }
        });
    }
}

fn give(index: usize, name: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_entries(export, index, |entries| {
            for entry in entries.iter_mut().filter(|entry| [MAIN, RUNTIME].contains(&entry.path.as_str())) {
                entry.more.xattrs.insert(name.to_owned(), value.to_owned());
            }
        });
    }
}

fn note(key: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_entries(export, APP, |entries| {
            for entry in entries.iter_mut().filter(|entry| entry.path == MAIN) {
                entry.more.records.insert(key.to_owned(), value.to_owned());
            }
        });
    }
}

fn says(words: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        lose(APP, "user.checksum")(export);
        export.outcome.stderr.push_str(words);
    }
}

pub(super) fn trials() -> Vec<Trials> {
    vec![
        Trials::of("layer.attributes-kept")
            .from(with_attributes)
            .rejects("a capability is lost", lose(APP, "security.capability"))
            .rejects("a user's attribute is lost", lose(APP, "user.checksum"))
            .rejects("a folder's attribute is lost", lose(LAYER, "user.checksum"))
            .rejects("another value", give(APP, "user.checksum", "AAED"))
            .rejects("an empty value", give(APP, "user.checksum", ""))
            .rejects("a word of another file", says("warning: extended attributes of /workspace/other are left out\n"))
            .rejects("a word of other things", says("user.checksum is checked\n"))
            .rejects("another value, and a word", |e| {
                give(APP, "user.checksum", "AAED")(e);
                e.outcome.stderr.push_str("warning: the attribute user.checksum is left out\n");
            })
            .accepts("lost with a word of the attribute", says("warning: the attribute user.checksum is left out\n"))
            .accepts("lost with a word of the file", says("warning: /workspace/main: its xattrs are not kept\n"))
            .accepts("the machine's own attribute is lost", |e| {
                for file in e.inputs.files.iter_mut().filter(|file| file.path == MAIN) {
                    file.xattrs.insert("security.selinux".to_owned(), "AA==".to_owned());
                }
            })
            .ignores("a file alone has them that is not exported", |e| {
                let own = BTreeMap::from([("user.checksum".to_owned(), "AAEC".to_owned())]);
                for file in &mut e.inputs.files {
                    let is_one = file.path.ends_with("/analyzed.toml");
                    file.xattrs = if is_one { own.clone() } else { BTreeMap::new() };
                }
            })
            .ignores("there are none", |e| e.inputs.files.iter_mut().for_each(|file| file.xattrs.clear()))
            .ignores("there are the machine's alone", |e| {
                for file in &mut e.inputs.files {
                    file.xattrs =
                        file.xattrs.keys().map(|_| ("security.selinux".to_owned(), "AA==".to_owned())).collect();
                }
            }),
        Trials::of("layer.nothing-else")
            .from(with_attributes)
            .rejects("an attribute that is not on disk", give(APP, "user.builder", "AA=="))
            .rejects("a label of the machine's on a file that has others", give(APP, "security.selinux", "AA=="))
            .rejects("a capability of another value", give(APP, "security.capability", "AA=="))
            .rejects("an attribute of a file that has none", |e| {
                edit_entries(e, 5, |entries| {
                    entries[0].more.xattrs.insert("user.builder".to_owned(), String::new());
                });
            })
            .rejects("a capability of the launcher", |e| {
                edit_entries(e, 4, |entries| {
                    entries[1].more.xattrs.insert("security.capability".to_owned(), "AA==".to_owned());
                });
            })
            .rejects("a folder that hides what is below it", |e| {
                edit_entries(e, 3, |entries| {
                    entries[0].more.xattrs.insert("trusted.overlay.opaque".to_owned(), "eQ==".to_owned());
                });
            })
            .rejects("an attribute as libarchive writes it", note("LIBARCHIVE.xattr.user.builder", "AA"))
            .rejects("access rights of a file that has none", note("SCHILY.acl.access", "user::rwx"))
            .rejects("a global header with a path", note("global path", "etc/shadow"))
            .rejects("a global header with an owner", note("global uid", "0"))
            .accepts("an attribute on disk as libarchive writes it", note("LIBARCHIVE.xattr.user.checksum", "AA"))
            .accepts("a global header with a comment", note("global comment", "packed"))
            .accepts("an attribute is lost", lose(APP, "user.checksum"))
            .accepts("a label of the machine's on what is not an input", |e| {
                edit_entries(e, 4, |entries| {
                    entries[0].more.xattrs.insert("security.selinux".to_owned(), "AA==".to_owned());
                });
            })
            .accepts("names of owners", |e| {
                edit_entries(e, 3, |entries| {
                    (entries[1].more.user, entries[1].more.group) = ("cnb".to_owned(), "cnb".to_owned());
                });
            }),
    ]
}
