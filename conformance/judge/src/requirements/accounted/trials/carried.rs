//! What is rejected of headers, records and owners in layers, and of blobs in layouts, and what is not.

use serde_json::json;

use crate::evidence::{
    Change, ChangedFile, Document, Entry, EntryKind, Export, FileKind, GzipHeader, LooseBlob, ScenarioEvidence, Target,
};
use crate::sample::{self, STARTED, edit_config, edit_entries, edit_label};
use crate::trial::Trials;
use crate::view;

const BUILD: &str = "io.buildpacks.build.metadata";
const GROUP: &str = "/layers/group.toml";
const METADATA: &str = "/layers/config/metadata.toml";
/// Places of the sample's own layers, and how many the run image has before them.
const RUNTIME: usize = 0;
const APP: usize = 3;
const CONFIG: usize = 5;
const BASE: usize = 2;

pub(super) fn trials() -> Vec<Trials> {
    vec![blobs(), strays(), gzip(), records(), owners(), alone(), homepages()]
        .into_iter()
        .chain([metadata(), clock(), machine()])
        .collect()
}

/// A file that is added below the layout of the image.
fn adds(path: &'static str, kind: FileKind) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let path = format!("/layout/{path}");
        let file = ChangedFile { path, kind, change: Change::Added, aspects: Vec::new() };
        export.changed_files.get_or_insert_default().push(file);
    }
}

/// A blob of this document to which nothing leads.
fn leaves(document: impl Fn(&Export) -> Option<Vec<u8>> + 'static, is_new: bool) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let document = document(export).map(|bytes| Document::new(bytes, None));
        let digest = document.as_ref().map_or_else(|| crate::digest::Digest::of(b"x"), |one| one.digest.clone());
        let root = &mut export.layout.as_mut().expect("a layout").roots[0];
        let path = format!("blobs/sha256/{}", digest.encoded());
        let seen = format!("/layout/{}/{path}", root.path);
        root.loose.get_or_insert_default().push(LooseBlob { path, document });
        let change = if is_new { Change::Added } else { Change::Altered };
        let file = ChangedFile { path: seen, kind: FileKind::File, change, aspects: Vec::new() };
        export.changed_files.get_or_insert_default().push(file);
    }
}

fn bytes(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// The image's manifest with as many of its layers, and one more.
fn manifest(export: &Export, count: usize, more: Option<&str>) -> Option<Vec<u8>> {
    let image = export.image.as_ref()?;
    let layers = image.layers.iter().take(count).map(|layer| layer.name.as_str()).chain(more);
    let layers: Vec<_> = layers.map(|digest| json!({ "digest": digest })).collect();
    Some(bytes(&json!({ "config": { "digest": "sha256:0" }, "layers": layers })))
}

fn blobs() -> Trials {
    let of = |count: usize, more: Option<&'static str>| leaves(move |export| manifest(export, count, more), true);
    Trials::of("layout.blobs-named")
        .rejects("a blob that nothing names", leaves(|_| None, true))
        .rejects("a document of the machine", leaves(|_| Some(bytes(&json!({ "host": "worker-17" }))), true))
        .rejects("a manifest with a layer of something else", of(3, Some("sha256:00")))
        .rejects(
            "a config of other layers",
            leaves(|_| Some(bytes(&json!({ "rootfs": { "diff_ids": ["sha256:00"] } }))), true),
        )
        .rejects("layers without a config", leaves(|_| Some(bytes(&json!({ "layers": [] }))), true))
        .accepts("it was there before", leaves(|_| None, false))
        .accepts("the manifest of a step before", of(3, None))
        .accepts(
            "the config of a step before",
            leaves(
                |export| {
                    let ids = view::diff_ids(export.image.as_ref()?.config.as_ref());
                    Some(bytes(&json!({ "rootfs": { "diff_ids": ids[..3] } })))
                },
                true,
            ),
        )
        .accepts("the run image's manifest", leaves(|export| Some(export.run_image.manifest.bytes.clone()), true))
        .accepts("the run image's config", leaves(|export| Some(export.run_image.config.bytes.clone()), true))
        .accepts("a layer that is not packed", |export| {
            let id = view::diff_ids(export.image.as_ref().and_then(|image| image.config.as_ref()))[4].clone();
            let path = format!("blobs/{}", id.replace(':', "/"));
            let root = &mut export.layout.as_mut().unwrap().roots[0];
            let seen = format!("/layout/{}/{path}", root.path);
            root.loose.get_or_insert_default().push(LooseBlob { path, document: None });
            let (kind, change) = (FileKind::File, Change::Added);
            export.changed_files.get_or_insert_default().push(ChangedFile {
                path: seen,
                kind,
                change,
                aspects: vec![],
            });
        })
        .ignores("it was not noted", |export| export.layout.as_mut().unwrap().roots[0].loose = None)
        .ignores("the folders were not listed", |export| export.changed_files = None)
}

fn strays() -> Trials {
    Trials::of("layout.nothing-else")
        .rejects("a file next to all layouts", adds("build.json", FileKind::File))
        .rejects("a file in another image's layout", adds("run.example/run/base/blobs/sha256/00", FileKind::File))
        .rejects("a link in another image's layout", adds("run.example/run/base/latest", FileKind::Symlink))
        .rejects(
            "a folder whose name begins like the image's",
            adds("app.example/app/latest2/index.json", FileKind::File),
        )
        .accepts("a folder on the way", adds("app.example/app", FileKind::Directory))
        .accepts("the index", adds("app.example/app/latest/index.json", FileKind::File))
        .accepts("the mark of a layout", adds("app.example/app/latest/oci-layout", FileKind::File))
        .accepts("a file more in the image's layout", adds("app.example/app/latest/build.json", FileKind::File))
        .accepts("a blob, of which another row tells", adds("app.example/app/latest/blobs/sha256/00", FileKind::File))
        .accepts("the image is elsewhere, for the port in its name", |export| {
            export.layout.as_mut().unwrap().roots[0].present = false;
            adds("app.example_5000/app/latest/index.json", FileKind::File)(export);
        })
}

/// The gzip headers of own layers.
fn header(index: usize, change: impl Fn(&mut GzipHeader) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let layer = &mut export.image.as_mut().expect("an image").layers[BASE + index];
        change(layer.blob.as_mut().expect("a blob").gzip.get_or_insert_default());
    }
}

fn every_header(change: fn(&mut GzipHeader)) -> impl Fn(&mut Export) + 'static {
    move |export| {
        for layer in &mut export.image.as_mut().expect("an image").layers {
            change(layer.blob.as_mut().expect("a blob").gzip.get_or_insert_default());
        }
    }
}

fn gzip() -> Trials {
    Trials::of("layer.gzip-headers-constant")
        .rejects("the name of a scratch file", header(APP, |h| h.name = Some("tmp.Xf3a.tar".to_owned())))
        .rejects("a comment of its own", header(APP, |h| h.comment = Some("third".to_owned())))
        .rejects("a time of its own", header(APP, |h| h.mtime = 1_700_000_000))
        .rejects("a time of the first alone", header(RUNTIME, |h| h.mtime = 1_700_000_000))
        .accepts("a constant time", every_header(|h| h.mtime = 315_532_801))
        .accepts("a constant name", every_header(|h| h.name = Some("layer.tar".to_owned())))
        .accepts("a constant comment", every_header(|h| h.comment = Some("packed".to_owned())))
        .accepts("the layer's own name", |export| {
            let blob = export.image.as_mut().unwrap().layers[BASE + APP].blob.as_mut().unwrap();
            let name = format!("{}.tar", blob.diff_id.encoded());
            blob.gzip.get_or_insert_default().name = Some(name);
        })
        .accepts("the layer's own name, cut, as a comment", |export| {
            let blob = export.image.as_mut().unwrap().layers[BASE + APP].blob.as_mut().unwrap();
            let comment = format!("layer {}", &blob.diff_id.encoded()[..12]);
            blob.gzip.get_or_insert_default().comment = Some(comment);
        })
        .accepts("the run image's layer has a name", |export| {
            let blob = export.image.as_mut().unwrap().layers[0].blob.as_mut().unwrap();
            blob.gzip.get_or_insert_default().name = Some("base.tar".to_owned());
        })
        .ignores("headers were not noted", |export| {
            export.image.as_mut().unwrap().layers[BASE].blob.as_mut().unwrap().gzip = None;
        })
        .ignores("no layer is packed by gzip", |export| {
            for layer in &mut export.image.as_mut().unwrap().layers {
                let blob = layer.blob.as_mut().unwrap();
                (blob.compression, blob.gzip) = (crate::evidence::Compression::None, None);
            }
        })
}

fn entry(index: usize, change: impl Fn(&mut Entry) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_entries(export, index, |entries| entries.iter_mut().for_each(&change))
}

fn record(key: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    entry(APP, move |entry| {
        entry.more.records.insert(key.to_owned(), value.to_owned());
    })
}

/// A record of another value in each entry.
fn records_of(key: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    entry(APP, move |entry| {
        let value = format!("{value}{}", entry.path.len());
        entry.more.records.insert(key.to_owned(), value);
    })
}

fn records() -> Trials {
    Trials::of("layer.records-constant")
        .rejects("when each file on disk was read", records_of("atime", "1700000000."))
        .rejects("when each file on disk was changed", records_of("ctime", "17000000"))
        .rejects("fractions of a second", records_of("mtime", "315532801."))
        .rejects("numbers of inodes", records_of("SCHILY.ino", "47"))
        .rejects("a comment of each file", records_of("comment", "file "))
        .rejects("a comment in a global header of each layer", |export| {
            record("global comment", "one")(export);
            edit_entries(export, CONFIG, |entries| {
                entries[0].more.records.insert("global comment".to_owned(), "two".to_owned());
            });
        })
        .accepts("a constant time", record("atime", "315532801"))
        .accepts("a constant fraction", record("mtime", "315532801.5"))
        .accepts("a constant comment", record("global comment", "packed"))
        .accepts("an attribute in another spelling", records_of("LIBARCHIVE.xattr.user.checksum", "AAEC"))
        .accepts("access rights", records_of("SCHILY.acl.access", "user::"))
        .accepts("hashes of contents", records_of("APK-TOOLS.checksum.SHA1", "00"))
        .accepts("kinds of files", records_of("SCHILY.filetype", "regular"))
        .accepts("the run image's own", |export| {
            record("comment", "packed")(export);
            let blob = export.image.as_mut().unwrap().layers[0].blob.as_mut().unwrap();
            blob.entries[0].more.records.insert("comment".to_owned(), "base".to_owned());
        })
        .ignores("records were not noted", |export| {
            let blob = export.image.as_mut().unwrap().layers[BASE].blob.as_mut().unwrap();
            (blob.compression, blob.gzip) = (crate::evidence::Compression::Gzip, None);
        })
}

fn owned(index: usize, uid: u64, gid: u64) -> impl Fn(&mut Export) + 'static {
    entry(index, move |entry| (entry.uid, entry.gid) = (uid, gid))
}

fn owners() -> Trials {
    let user = |user: &'static str| {
        move |export: &mut Export| {
            edit_config(export, |config| config["config"]["User"] = json!(user));
            owned(APP, 2000, 3000)(export);
        }
    };
    Trials::of("layer.owners-explained")
        .rejects("another user", owned(APP, 4242, 1000))
        .rejects("another group", owned(APP, 1000, 4242))
        .rejects("another user of a launch layer", owned(RUNTIME, 4242, 4242))
        .rejects("another user of metadata.toml", owned(CONFIG, 4242, 0))
        .rejects("the run image's user, of another group", user("2000:2000"))
        .accepts("root", owned(APP, 0, 0))
        .accepts("the user that was told, and root's group", owned(APP, 1000, 0))
        .accepts("the run image's user", user("2000:3000"))
        .accepts("who exports, and not who was told", |export| {
            export.inputs.run_as = Some(3000);
            owned(APP, 3000, 3000)(export);
        })
        .accepts("a folder of the run image with its owner", |export| {
            let owned =
                Entry { uid: 50, gid: 60, kind: EntryKind::Directory, path: "/workspace".to_owned(), ..any(export) };
            let blob = export.image.as_mut().unwrap().layers[0].blob.as_mut().unwrap();
            blob.entries.push(owned.clone());
            edit_entries(export, APP, |entries| {
                entries.iter_mut().filter(|entry| entry.path == "/workspace").for_each(|entry| {
                    (entry.uid, entry.gid) = (owned.uid, owned.gid);
                });
            });
        })
}

/// An entry of the run image's.
fn any(export: &Export) -> Entry {
    export.image.as_ref().and_then(|image| image.layers[0].blob.as_ref()).expect("a blob").entries[0].clone()
}

/// One file more in the launch layer, which the label names as before.
fn in_the_launch_layer(path: &'static str, kind: EntryKind) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_entries(export, RUNTIME, |entries| {
            let more = Entry { path: path.to_owned(), kind, ..entries[1].clone() };
            entries.push(more);
        });
        let id = view::diff_ids(export.image.as_ref().and_then(|image| image.config.as_ref()))[BASE + RUNTIME].clone();
        edit_label(export, view::LIFECYCLE, |label| label["buildpacks"][0]["layers"]["runtime"]["sha"] = json!(id));
    }
}

fn alone() -> Trials {
    Trials::of("layer.launch-layers-alone")
        .rejects("a launcher", in_the_launch_layer("/cnb/lifecycle/launcher", EntryKind::File))
        .rejects("build metadata", in_the_launch_layer(METADATA, EntryKind::File))
        .rejects("a link of a process", in_the_launch_layer("/cnb/process/web", EntryKind::Symlink))
        .rejects("a file of the app", in_the_launch_layer("/workspace/main", EntryKind::File))
        .rejects("a file next to its folder", in_the_launch_layer("/layers/a_one/runtime.toml", EntryKind::File))
        .accepts("parents", in_the_launch_layer("/layers/a_one", EntryKind::Directory))
        .accepts("one more file of its own", in_the_launch_layer("/layers/a_one/runtime/more", EntryKind::File))
}

/// The sample with a homepage in group, build metadata and label.
fn with_homepage() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        for path in [GROUP, METADATA] {
            let text = export.inputs.text(path).expect("a text");
            let text = text.replacen("id='b'", "id='b'\nhomepage='https://b.example'", 1);
            sample::edit_input(export, path, &text);
        }
        edit_label(export, BUILD, |label| label["buildpacks"][1]["homepage"] = json!("https://b.example"));
    }
    evidence
}

fn homepages() -> Trials {
    let says = |value: serde_json::Value| {
        move |export: &mut Export| edit_label(export, BUILD, |label| label["buildpacks"][1]["homepage"] = value.clone())
    };
    Trials::of("labels.homepage-kept")
        .from(with_homepage)
        .rejects("it is not there", |export| {
            edit_label(export, BUILD, |label| {
                label["buildpacks"][1].as_object_mut().unwrap().shift_remove("homepage");
            });
        })
        .rejects("it is empty", says(json!("")))
        .rejects("it is null", says(json!(null)))
        .accepts("it is another, of which another row tells", says(json!("https://other.example")))
        .ignores("the build metadata have none", |export| {
            let text = export.inputs.text(METADATA).unwrap().replacen("homepage='https://b.example'", "", 1);
            sample::edit_input(export, METADATA, &text);
        })
        .from(sample::scenario)
        .ignores("the group has none", |export| edit_label(export, BUILD, |label| label["launcher"] = json!({})))
}

/// Other words in the layer's metadata.
fn written(add: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let text = format!("{add}\n{}", export.inputs.text(METADATA).expect("a text"));
        edit_entries(export, CONFIG, |entries| {
            entries[0].content = Some(crate::digest::Digest::of(text.as_bytes()));
            entries[0].size = text.len() as u64;
            entries[0].text = Some(text.clone());
        });
    }
}

fn metadata() -> Trials {
    Trials::of("layer.nothing-else")
        .rejects("metadata.toml has a key more", written("host='worker-17'"))
        .rejects("metadata.toml has a table more", written("built = { by = 'x' }"))
        .accepts("metadata.toml has a comment", written("# written by an exporter"))
        .accepts("metadata.toml has an empty list more", written("bom = []"))
        .accepts("metadata.toml has an empty text more", written("launcher = ''"))
}

fn clock() -> Trials {
    const DAYS: i64 = STARTED / 86_400;
    let annotated = |text: String| move |export: &mut Export| sample::annotate(export, "com.example.day", Some(&text));
    let labelled = |text: String| {
        move |export: &mut Export| edit_config(export, |config| config["config"]["Labels"]["day"] = json!(text))
    };
    Trials::of("image.no-export-time")
        .rejects("days since 1970 in a label", labelled(format!("day {DAYS}")))
        .rejects("days since 1970 in the history", move |export| {
            edit_config(export, |config| config["history"][2]["comment"] = json!(DAYS.to_string()));
        })
        .rejects("today in metadata.toml", written("# written 2026-09-21"))
        .rejects("when a file was read", record("atime", "1790000000.25"))
        .rejects("a comment of today", record("comment", "packed on 21 Sep 2026"))
        .accepts("another number in a label", labelled("12345".to_owned()))
        .accepts("a longer word in a label", labelled(format!("a{DAYS}")))
        .accepts("a port", move |export| {
            edit_config(export, |config| config["config"]["ExposedPorts"] = json!({ format!("{DAYS}/tcp"): {} }));
        })
        .accepts("a number that an input has", move |export| {
            export.inputs.environment.insert("CNB_X".to_owned(), DAYS.to_string());
            labelled(DAYS.to_string())(export);
        })
        .on(&[Target::Registry, Target::Layout])
        .rejects("days since 1970 in an annotation", annotated(DAYS.to_string()))
        .rejects("the time of packing", header(APP, |h| h.mtime = u32::try_from(STARTED).unwrap_or_default()))
        .accepts("a constant time of packing", every_header(|h| h.mtime = 315_532_801))
        .accepts("the time of packing that was asked for", |export| {
            export.inputs.source_date_epoch = Some(STARTED);
            every_header(|h| h.mtime = u32::try_from(STARTED).unwrap_or_default())(export);
        })
}

fn machine() -> Trials {
    let name = |user: &'static str, group: &'static str| {
        entry(APP, move |entry| (entry.more.user, entry.more.group) = (user.to_owned(), group.to_owned()))
    };
    Trials::of("image.no-machine")
        .rejects("files are the user's by name", name("builder", ""))
        .rejects("files are of the group of that name", name("", "builder"))
        .rejects("the host is in metadata.toml", written("# written on worker-17"))
        .rejects("the host is in a record", record("comment", "packed on worker-17"))
        .accepts("files are root's by name", name("root", "root"))
        .accepts("files have an owner of another name", name("cnb", "cnb"))
        .on(&[Target::Registry, Target::Layout])
        .rejects("the host is in a gzip comment", header(APP, |h| h.comment = Some("worker-17".to_owned())))
        .rejects("the kernel is in a gzip name", header(APP, |h| h.name = Some("6.1.0-18-amd64.tar".to_owned())))
}
