//! What is rejected of registry, layout, report and clock, and what is not.

use serde_json::{Value, json};

use super::labels::{BUILD, label, plain};
use crate::digest::Digest;
use crate::evidence::{Document, Export, SavedFile, Target, WireRecord};
use crate::sample::{STARTED, annotate, edit_config, edit_entries, edit_input, edit_report};
use crate::trial::Trials;

pub(super) fn trials() -> Vec<Trials> {
    vec![registry(), layout(), report(), clock()]
}

fn sent(method: &'static str, target: impl Into<String>, status: u16) -> impl Fn(&mut Export) + 'static {
    let target = target.into();
    move |export| {
        let wire = export.wire.get_or_insert_with(Vec::new);
        wire.push(WireRecord {
            sequence: wire.len() as u64,
            method: method.to_owned(),
            target: target.clone(),
            status,
            content_type: None,
            request_bytes: 1,
            response_bytes: 0,
            had_credentials: false,
            ..WireRecord::default()
        });
    }
}

fn registry() -> Trials {
    Trials::of("registry.nothing-else")
        .rejects("the run image's tag", sent("PUT", "/v2/run/manifests/base", 201))
        .rejects("a tag that was not asked for", sent("PUT", "/v2/app/manifests/newest", 201))
        .rejects("a manifest by another digest", sent("PUT", format!("/v2/app/manifests/{}", Digest::of(b"x")), 201))
        .rejects("another repository's tag", sent("PUT", "/v2/other/app/manifests/latest", 201))
        .rejects("an upload that ends in another repository", sent("PUT", "/v2/other/blobs/uploads/1?digest=x", 201))
        .rejects("a blob to another repository", sent("POST", "/v2/other/blobs/uploads/", 202))
        .rejects(
            "a blob mounted in another repository",
            sent("POST", "/v2/run/blobs/uploads/?mount=sha256%3Ax&from=app", 201),
        )
        .rejects("a manifest is deleted", sent("DELETE", format!("/v2/app/manifests/{}", Digest::of(b"x")), 202))
        .rejects("a blob is deleted", sent("DELETE", format!("/v2/app/blobs/{}", Digest::of(b"x")), 202))
        .accepts("the tag", sent("PUT", "/v2/app/manifests/latest", 201))
        .accepts("the manifest by its digest", |e| {
            let digest = e.manifest_digest().unwrap().to_string();
            sent("PUT", format!("/v2/app/manifests/{digest}"), 201)(e);
        })
        .accepts("a blob", sent("PUT", "/v2/app/blobs/uploads/1?digest=sha256%3Ax", 201))
        .accepts(
            "a blob of the run image mounted",
            sent("POST", "/v2/app/blobs/uploads/?mount=sha256%3Ax&from=run", 201),
        )
        .accepts("an upload that is given up", sent("DELETE", "/v2/app/blobs/uploads/1", 204))
        .accepts("the run image is read", sent("GET", "/v2/run/manifests/base", 200))
        .accepts("a write that was refused", sent("PUT", "/v2/run/manifests/base", 401))
        .accepts("a token", sent("POST", "/token", 200))
        .accepts("a cache image", |e| {
            e.inputs.argv.insert(1, "-cache-image=host.example/cache:1".to_owned());
            sent("PUT", "/v2/cache/manifests/1", 201)(e);
        })
        .accepts("a cache image in two words", |e| {
            e.inputs.argv.splice(1..1, ["-cache-image", "host.example/cache:1"].map(str::to_owned));
            sent("PUT", "/v2/cache/manifests/1", 201)(e);
        })
        .ignores("no recorder", |e| e.wire = None)
}

fn layout() -> Trials {
    let indexed = |digest: String| {
        move |export: &mut Export| {
            for root in &mut export.layout.as_mut().unwrap().roots {
                let mut index: Value = serde_json::from_slice(&root.index.as_ref().unwrap().bytes).unwrap();
                let mut entry = index["manifests"][0].clone();
                entry["digest"] = json!(digest);
                index["manifests"].as_array_mut().unwrap().push(entry);
                root.index = Some(Document::new(index.to_string().into_bytes(), None));
            }
        }
    };
    let other = Digest::of(b"other").to_string();
    let stayed = other.clone();
    let both = indexed(other.clone());
    Trials::of("layout.nothing-else")
        .rejects("a blob that no one can keep", |e| {
            let root = &mut e.layout.as_mut().unwrap().roots[0];
            root.unread.push(("blobs/sha256/x".to_owned(), 200 << 30));
        })
        .rejects("a second manifest", indexed(other))
        .rejects("a layout more", |e| e.layout.as_mut().unwrap().folders.push("app.example/other".to_owned()))
        .accepts("a blob that nothing names", |e| {
            let digest = Digest::of(b"x");
            let path = format!("blobs/sha256/{}", digest.encoded());
            e.layout.as_mut().unwrap().roots[0].blobs.push(SavedFile { path, size: 1, digest });
        })
        .rejects("its own manifest under one more name", |e| {
            let own = e.manifest_digest().unwrap().to_string();
            for root in &mut e.layout.as_mut().unwrap().roots {
                let mut index: Value = serde_json::from_slice(&root.index.as_ref().unwrap().bytes).unwrap();
                let mut entry = index["manifests"][0].clone();
                assert_eq!(entry["digest"], json!(own));
                entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "x" });
                index["manifests"].as_array_mut().unwrap().push(entry);
                root.index = Some(Document::new(index.to_string().into_bytes(), None));
            }
        })
        .rejects("a name that no <image> has", |e| of_the_index(e, "ref.name", "stable"))
        .rejects("a title that the image has not", |e| of_the_index(e, "title", "x"))
        .accepts("the full reference as its name", |e| of_the_index(e, "ref.name", "app.example/app:latest"))
        .accepts("the image's own title", |e| of_the_index(e, "title", "Näme"))
        .accepts("what a vendor says", |e| of_the_index(e, "vendor", "x"))
        .accepts("what was there before", move |e| {
            for before in e.tags_before.values_mut() {
                *before = Some(stayed.clone());
            }
            both(e);
        })
        .ignores("it was not observed", |e| e.layout = None)
}

/// Gives the app image's entry in each index one more annotation.
fn of_the_index(export: &mut Export, name: &str, value: &str) {
    for root in &mut export.layout.as_mut().unwrap().roots {
        let mut index: Value = serde_json::from_slice(&root.index.as_ref().unwrap().bytes).unwrap();
        index["manifests"][0]["annotations"][format!("org.opencontainers.image.{name}")] = json!(value);
        root.index = Some(Document::new(index.to_string().into_bytes(), None));
    }
}

fn report() -> Trials {
    let told = |from: &'static str, to: &'static str| move |e: &mut Export| edit_report(e, from, to);
    Trials::of("report.nothing-else")
        .rejects("the ID of another image", told("image-id='sha256:", "image-id='sha256:0"))
        .accepts("the ID without its algorithm", told("image-id='sha256:", "image-id='"))
        .accepts("more keys", told("[image]", "[image]\nx-example=1"))
        .ignores("it has no table of the image", |e| e.report = Some(Document::new(b"x=1\n".to_vec(), None)))
        .on(&[Target::Layout])
        .rejects("another digest", told("\ndigest='sha256:", "\ndigest='sha256:0"))
        .rejects("another size", told("manifest-size=", "manifest-size=1"))
        .rejects("a tag more", told("tags=[", "tags=['app.example/more:1',"))
        .rejects("a tag that is a number", told("tags=[", "tags=[1,"))
        .accepts("the path in the layout for a tag", told("app.example/app:latest", "/layout/app.example/app/latest"))
        .accepts("nothing but the ID", |e| {
            let text = format!("[image]\nimage-id='{}'\n", e.image_id().unwrap());
            e.report = Some(Document::new(text.into_bytes(), None));
        })
}

fn clock() -> Trials {
    let dated = |key: &'static str, value: String| plain(key, value);
    let file = |mtime: i64| {
        move |export: &mut Export| {
            edit_entries(export, 3, |entries| {
                for entry in entries.iter_mut() {
                    entry.mtime = mtime;
                }
            });
        }
    };
    let created = |export: &mut Export, text: &str| edit_config(export, |config| config["created"] = json!(text));
    Trials::of("image.no-export-time")
        .rejects("a label of the day", dated("x", "2026-09-21".to_owned()))
        .rejects("a label of the day in digits", dated("x", "build 20260921".to_owned()))
        .rejects("a label of the day in words", dated("x", "built Mon, 21 Sep 2026 by us".to_owned()))
        .rejects("a label of the day as C has it", dated("x", "Mon Sep 21 14:00:00 2026".to_owned()))
        .rejects("a label of the day with slashes", dated("x", "2026/09/21".to_owned()))
        .accepts("a day in words that is another", dated("x", "Mon, 21 Sep 2020".to_owned()))
        .accepts("a longer number", dated("x", "121 Sep 20261".to_owned()))
        .accepts("a day in words that an input has", |e| {
            edit_input(
                e,
                "/layers/project-metadata.toml",
                "[source]\ntype='git'\n[source.metadata]\nx='21 Sep 2026'\n",
            );
            plain("x", "21 Sep 2026")(e);
        })
        .rejects("a label of the second", dated("x", STARTED.to_string()))
        .rejects("a label of the millisecond", dated("x", format!("at {}", STARTED * 1000)))
        .rejects("a label of the hour", dated("x", "2026-09-21T14:00:00Z".to_owned()))
        .rejects("a label of the hour in another zone", dated("x", "2026-09-21T23:00:00+09:00".to_owned()))
        .rejects(
            "a date in the JSON of a label",
            label(BUILD, |label| label["launcher"]["built"] = json!("2026-09-21T14:00:00.123Z")),
        )
        .rejects("created is now", move |e| created(e, "2026-09-21T14:13:20Z"))
        .rejects("files of now", file(STARTED + 1))
        .rejects("files of the day's midnight", file(STARTED.div_euclid(86_400) * 86_400))
        .rejects("a label of the day's midnight", dated("x", "2026-09-21T00:00:00Z".to_owned()))
        .rejects("a history of now", |e| {
            edit_config(e, |config| config["history"][2]["created"] = json!("2026-09-21T14:13:21Z"));
        })
        .rejects("a label of the day before", dated("x", "2026-09-20".to_owned()))
        .rejects("a label of the day after", dated("x", "2026-09-22".to_owned()))
        .rejects("a label of the day on which a long export ended", |e| {
            e.outcome.milliseconds = 5 * 86_400 * 1000;
            plain("x", "2026-09-26")(e);
        })
        .rejects("a label of the day in digits of a longer word", dated("x", "v20260921".to_owned()))
        .rejects("a label of the microsecond", dated("x", (STARTED * 1_000_000).to_string()))
        .rejects("a label of the nanosecond", dated("x", (STARTED * 1_000_000_000).to_string()))
        .rejects("another time than the one that was asked for", |e| {
            e.inputs.source_date_epoch = Some(STARTED - 7200);
            plain("x", "2026-09-21T14:13:20Z")(e);
        })
        .accepts("a label of two days before", dated("x", "2026-09-19".to_owned()))
        .accepts("a label of two days after", dated("x", "2026-09-23".to_owned()))
        .accepts("a label of a second long ago", dated("x", "1500000000".to_owned()))
        .accepts("a label of many digits in a longer word", dated("x", "v17900000000".to_owned()))
        .accepts("files of the time that was asked for", move |e| {
            e.inputs.source_date_epoch = Some(STARTED);
            file(STARTED)(e);
        })
        .accepts("labels of the time that was asked for, in other forms", |e| {
            e.inputs.source_date_epoch = Some(STARTED);
            for (key, text) in [
                ("a", "2026-09-21".to_owned()),
                ("b", STARTED.to_string()),
                ("c", (STARTED * 1000).to_string()),
                ("d", "2026-09-21T14:13:21Z".to_owned()),
            ] {
                plain(key, text)(e);
            }
        })
        .accepts("a label of another year", dated("x", "2025-09-21T14:00:00Z".to_owned()))
        .accepts("a label of many digits", dated("x", "17900000000".to_owned()))
        .accepts("files of another day", file(STARTED - 3 * 86_400))
        .accepts("an input has it", |e| {
            edit_input(e, "/layers/project-metadata.toml", "[source.metadata]\nversion='2026-09-21'\n");
            plain("x", "2026-09-21")(e);
        })
        .accepts("it was asked for", |e| {
            e.inputs.source_date_epoch = Some(STARTED);
            e.inputs.environment.insert("SOURCE_DATE_EPOCH".to_owned(), STARTED.to_string());
            edit_config(e, |config| config["created"] = json!("2026-09-21T14:13:20Z"));
        })
        .on(&[Target::Registry, Target::Layout])
        .rejects("an annotation of now", |e| annotate(e, "com.example.built", Some("2026-09-21T14:13:20+00:00")))
        .accepts("an annotation of another day", |e| annotate(e, "com.example.built", Some("1985-09-21")))
}
