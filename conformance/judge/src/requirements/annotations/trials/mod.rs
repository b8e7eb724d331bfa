//! What the theme rejects, and what it must not.

use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::evidence::ScenarioEvidence;
use crate::sample::{self, annotate, edit_config, edit_input, edit_manifest, raw_manifest};
use crate::trial::{self, Trial, Trials, Wanted};
use crate::view::{PREFIX, RFC_KEYS};

const TITLE: &str = "org.opencontainers.image.title";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const PROJECT: &str = "/layers/project-metadata.toml";

fn manifest(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_manifest(export, &change)
}

fn annotations(value: Value) -> impl Fn(&mut Export) + 'static {
    manifest(move |manifest| manifest["annotations"] = value.clone())
}

/// An annotation of the image specification.
fn set(name: &str, text: &'static str) -> impl Fn(&mut Export) + 'static {
    key(format!("{PREFIX}{name}"), text)
}

fn key(key: impl Into<String>, text: &'static str) -> impl Fn(&mut Export) + 'static {
    let key = key.into();
    move |export| annotate(export, &key, Some(text))
}

fn raw(from: &'static str, to: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| raw_manifest(export, from, to)
}

fn media_type(place: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    manifest(move |manifest| *manifest.pointer_mut(place).unwrap() = value.clone())
}

fn given(text: &'static str, name: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_input(export, PROJECT, text);
        annotate(export, &format!("{PREFIX}{name}"), Some(value));
    }
}

fn label(name: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, |c| c["config"]["Labels"][format!("{PREFIX}{name}")] = json!(value))
}

fn contributes(name: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| sample::contribute(export, &[(&format!("{PREFIX}{name}"), value)])
}

fn each_export(change: impl Fn(&mut Export)) -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    evidence.exports.iter_mut().filter(|e| e.target != crate::evidence::Target::Daemon).for_each(change);
    evidence
}

fn described() -> ScenarioEvidence {
    each_export(|e| edit_manifest(e, |m| m["layers"][0]["annotations"] = json!({ "a.b": "c" })))
}

fn dated() -> ScenarioEvidence {
    each_export(|e| annotate(e, "org.opencontainers.image.created", Some("2026-01-01T00:00:00Z")))
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(form().into_iter().chain(keys()).chain(media_types()).chain(values()).chain(origin()))
}

fn form() -> Vec<Trials> {
    let doubled = "\"annotations\":{\"org.opencontainers.image.title\":\"x\",";
    vec![
        Trials::of("annotations.string-map")
            .rejects("null", annotations(json!(null)))
            .rejects("an array", annotations(json!([])))
            .rejects("a string", annotations(json!("a=b")))
            .rejects("a number as value", annotations(json!({ "a.b": 1 })))
            .rejects("null as value", annotations(json!({ "a.b": null })))
            .rejects("a list as value", manifest(|m| m["annotations"][TITLE] = json!(["x"])))
            .rejects("a boolean as value", manifest(|m| m["annotations"]["x.y"] = json!(true)))
            .rejects("a manifest that is not JSON", |e| raw_manifest(e, "{", ""))
            .accepts("an empty object", annotations(json!({})))
            .accepts("an empty string as value", key("a.b", ""))
            .accepts("a value that looks like a number", key("a.b", "1"))
            .accepts("no annotations", manifest(|m| drop(m.as_object_mut().unwrap().shift_remove("annotations")))),
        Trials::of("annotations.unique-keys")
            .rejects("an annotation twice, other value", raw("\"annotations\":{", doubled))
            .rejects(
                "an annotation twice, one value",
                raw("\"annotations\":{", "\"annotations\":{\"x.y\":\"1\",\"x.y\":\"1\","),
            )
            .rejects(
                "the same key, once escaped",
                raw("\"annotations\":{", "\"annotations\":{\"x.y\":\"1\",\"x.\\u0079\":\"1\","),
            )
            .rejects("annotations twice", raw("\"schemaVersion\":2,", "\"annotations\":{},\"schemaVersion\":2,"))
            .rejects("a field twice", raw("\"schemaVersion\":2,", "\"schemaVersion\":2,\"schemaVersion\":2,"))
            .rejects("a descriptor's field twice", raw("\"size\":", "\"size\":1,\"size\":"))
            .accepts("keys that differ in case", key("org.opencontainers.image.Title", "x"))
            .accepts("one key in two objects", manifest(|m| m["layers"][0]["annotations"] = json!({ TITLE: "x" }))),
        Trials::of("annotations.descriptor-rules")
            .from(described)
            .rejects("a number as value", manifest(|m| m["layers"][0]["annotations"]["a.b"] = json!(1)))
            .rejects("an array", manifest(|m| m["layers"][0]["annotations"] = json!([])))
            .rejects("null on the config", manifest(|m| m["config"]["annotations"] = json!(null)))
            .rejects("a key twice", raw("\"a.b\":\"c\"", "\"a.b\":\"c\",\"a.b\":\"c\""))
            .accepts("an empty object", manifest(|m| m["layers"][1]["annotations"] = json!({})))
            .accepts("another value", manifest(|m| m["layers"][0]["annotations"]["a.b"] = json!("ä")))
            .ignores(
                "no annotation",
                manifest(|m| drop(m["layers"][0].as_object_mut().unwrap().remove("annotations"))),
            ),
    ]
}

const LEAK: &str = "annotations.not-inherited";

/// A value of the run image's own annotations, copied along.
fn leaks(name: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.run_image.sentinels.push(value.to_owned());
        set(name, value)(export);
    }
}

/// No annotation but the run image's.
fn leaked_alone(export: &mut Export) {
    let theirs = json!({ "org.opencontainers.image.title": "sentinel-annotation-title", "x.y": "sentinel-annotation" });
    edit_manifest(export, |manifest| manifest["annotations"] = theirs.clone());
}

fn keys() -> Vec<Trials> {
    let mut domains = Trials::of("annotations.reverse-domain-keys");
    for bad in ["title", "my key", "com..x", "", ".com", "com.", "com.ex ample.x"] {
        domains = domains.rejects(format!("the key '{bad}'"), key(bad, "x"));
    }
    for good in ["com.example.key", "dev.example/part", "x.y", "com.example.a-b_c", "io.buildpacks.x"] {
        domains = domains.accepts(format!("the key '{good}'"), key(good, "x"));
    }
    domains = domains.accepts("a bare word that a buildpack gave", |e| sample::contribute(e, &[("bare", "x")]));
    let mut reserved = Trials::of("annotations.reserved-namespace");
    for bad in ["image.licence", "image.Title", "image.source ", "image.base", "mine", "image.", "image.base.digests"] {
        reserved = reserved.rejects(format!("the key '{bad}'"), key(format!("org.opencontainers.{bad}"), "x"));
    }
    for bad in ["image.exposedports", "image.os.name", "image.stop-signal"] {
        reserved = reserved.rejects(format!("the key '{bad}'"), key(format!("org.opencontainers.{bad}"), "x"));
    }
    for good in ["url", "vendor", "description", "created"] {
        reserved = reserved.accepts(format!("the key '{good}'"), set(good, "x"));
    }
    for good in ["os", "os.version", "os.features", "architecture", "variant", "author", "exposedPorts", "stopSignal"] {
        reserved = reserved.accepts(format!("the key '{good}' of a converted config"), set(good, "x"));
    }
    reserved = reserved
        .accepts("a neighbour of the namespace", key("org.opencontainersx.y", "x"))
        .accepts("what a buildpack gave", |e| sample::contribute(e, &[("org.opencontainers.mine", "x")]));
    vec![
        domains,
        reserved,
        Trials::of("annotations.ref-name-only-in-index")
            .rejects("ref.name on the manifest", set("ref.name", "latest"))
            .rejects("an empty ref.name", set("ref.name", ""))
            .accepts(
                "ref.name on a descriptor",
                manifest(|m| {
                    m["layers"][0]["annotations"] = json!({ "org.opencontainers.image.ref.name": "x" });
                }),
            )
            .accepts("a key that ends like it", key("com.example.ref.name", "x"))
            .accepts("one that a buildpack gave", contributes("ref.name", "x")),
    ]
}

/// The change where what was pushed was not seen.
fn unpushed(change: impl Fn(&mut Export)) -> impl Fn(&mut Export) {
    move |e| {
        change(e);
        e.wire = None;
    }
}

fn media_types() -> Vec<Trials> {
    let served = |text: &'static str| {
        move |e: &mut Export| {
            e.image.as_mut().unwrap().manifest.as_mut().unwrap().content_type = Some(text.to_owned());
        }
    };
    vec![
        Trials::of("annotations.oci-manifest")
            .rejects("Docker's mediaType", media_type("/mediaType", json!(DOCKER)))
            .rejects("an index's mediaType", media_type("/mediaType", json!("application/vnd.oci.image.index.v1+json")))
            .rejects(
                "mediaType in other case",
                media_type("/mediaType", json!("application/vnd.OCI.image.manifest.v1+json")),
            )
            .rejects("a mediaType that is not a string", media_type("/mediaType", json!(1)))
            .rejects("Docker's Content-Type, and no push was seen", unpushed(served(DOCKER)))
            .follows("Docker's mediaType, and no annotation but the run image's", LEAK, |e| {
                leaked_alone(e);
                media_type("/mediaType", json!(DOCKER))(e);
            })
            .rejects("a Content-Type of JSON, and no push was seen", unpushed(served("application/json")))
            .accepts("no mediaType", manifest(|m| drop(m.as_object_mut().unwrap().shift_remove("mediaType"))))
            .accepts("a registry that serves JSON what was pushed rightly", move |e| {
                served("application/json")(e);
                e.wire = Some(vec![put("/v2/app/manifests/latest", OCI, 201)]);
            })
            .accepts("a push that was refused before", |e| {
                e.wire = Some(vec![
                    put("/v2/app/manifests/latest", OCI, 201),
                    put("/v2/app/manifests/latest", DOCKER, 400),
                    put("/v2/app/blobs/uploads/1", "application/octet-stream", 201),
                ]);
            })
            .rejects("a push of Docker's type that is served as OCI's", |e| {
                e.wire = Some(vec![put("/v2/app/manifests/latest", DOCKER, 201)]);
            })
            .rejects("a push of Docker's type by digest", |e| {
                let digest = e.manifest_digest().unwrap().to_string();
                e.wire = Some(vec![put(&format!("/v2/app/manifests/{digest}?x=y"), DOCKER, 201)]);
            })
            .rejects("another push rightly, and Docker's Content-Type", move |e| {
                served(DOCKER)(e);
                e.wire = Some(vec![put("/v2/other/manifests/latest", OCI, 201)]);
            })
            .accepts(
                "a Content-Type with parameter",
                served("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
            )
            .ignores(
                "Docker without annotations",
                manifest(|m| {
                    m["mediaType"] = json!(DOCKER);
                    m.as_object_mut().unwrap().shift_remove("annotations");
                }),
            ),
        Trials::of("annotations.oci-descriptors")
            .rejects(
                "Docker's type on a layer",
                media_type("/layers/2/mediaType", json!("application/vnd.docker.image.rootfs.diff.tar.gzip")),
            )
            .rejects(
                "Docker's type on the config",
                media_type("/config/mediaType", json!("application/vnd.docker.container.image.v1+json")),
            )
            .rejects(
                "no type on a layer",
                manifest(|m| drop(m["layers"][1].as_object_mut().unwrap().remove("mediaType"))),
            )
            .follows("Docker's type on a layer, and no annotation but the run image's", LEAK, |e| {
                leaked_alone(e);
                media_type("/layers/2/mediaType", json!("application/vnd.docker.image.rootfs.diff.tar.gzip"))(e);
            })
            .rejects("Docker's type on a layer, and an annotation next to the run image's", |e| {
                leaked_alone(e);
                key("x.own", "x")(e);
                media_type("/layers/2/mediaType", json!("application/vnd.docker.image.rootfs.diff.tar.gzip"))(e);
            })
            .rejects("the last layer's is cut", media_type("/layers/8/mediaType", json!("application/vnd.oci.image")))
            .accepts(
                "a zstd layer",
                media_type("/layers/2/mediaType", json!("application/vnd.oci.image.layer.v1.tar+zstd")),
            )
            .accepts(
                "a plain layer",
                media_type("/layers/2/mediaType", json!("application/vnd.oci.image.layer.v1.tar")),
            )
            .accepts(
                "a subject that is a Docker manifest",
                manifest(|m| {
                    let media_type = "application/vnd.docker.distribution.manifest.v2+json";
                    m["subject"] = json!({ "mediaType": media_type, "digest": Digest::of(b"x"), "size": 1 });
                }),
            )
            .ignores(
                "Docker's without annotations",
                manifest(|m| {
                    m["layers"][2]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
                    m.as_object_mut().unwrap().shift_remove("annotations");
                }),
            ),
    ]
}

fn values() -> Vec<Trials> {
    let mut created = Trials::of("annotations.created-rfc3339").from(dated);
    for bad in [
        "1985-04-12",
        "yesterday",
        "1985-04-12T23:20:50",
        "",
        "1985-13-12T23:20:50Z",
        "1985-04-12T23:20:50Z[UTC]",
        "1767225600",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00Z",
        "Thu, 01 Jan 2026 00:00:00 GMT",
        "2026-02-30T00:00:00Z",
        "1996-12-19T16:39:57-08:00:30",
    ] {
        created = created.rejects(format!("'{bad}'"), set("created", bad));
    }
    for good in ["1985-04-12T23:20:50.52Z", "1996-12-19T16:39:57-08:00", "2026-01-01t00:00:00z", "2026-01-01 00:00:00Z"]
    {
        created = created.accepts(format!("'{good}'"), set("created", good));
    }
    created = created.rejects("not the date that a buildpack contributes", |e| {
        sample::contribute(e, &[("org.opencontainers.image.created", "2026-01-01T00:00:00Z")]);
        annotate(e, "org.opencontainers.image.created", Some("yesterday"));
    });
    created = created.ignores("none", |e| annotate(e, "org.opencontainers.image.created", None));
    created = created.from(sample::scenario).ignores("a buildpack's", contributes("created", "yesterday"));
    let mut licenses = Trials::of("annotations.licenses-spdx");
    for bad in ["the usual", "Apache 2.0", "apache-2.0", "Apache-2.0, MIT", "", "Apache-2.0 OR", "Apache-2.0 / MIT"] {
        licenses = licenses.rejects(format!("'{bad}'"), set("licenses", bad));
    }
    for good in ["MIT OR Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-mine", "GPL-2.0"] {
        licenses = licenses.accepts(format!("'{good}'"), set("licenses", good));
    }
    licenses = licenses
        .follows("the run image's own", LEAK, |e| leaks("licenses", "the usual")(e))
        .ignores(
            "an input that is not an expression",
            given("[source.metadata]\nlicenses='the usual'\n", "licenses", "the usual"),
        )
        .ignores("a buildpack's", contributes("licenses", "the usual"));
    let other = "[source.metadata]\nrepository='git@git.example:app'\n";
    vec![
        created,
        licenses,
        Trials::of("annotations.url-values")
            .rejects("source without scheme", set("source", "git.example/app"))
            .rejects("source without host", set("source", "https:///app"))
            .rejects("documentation cut to its scheme", set("documentation", "https://"))
            .rejects("white space in documentation", set("documentation", "https://docs.example/a b"))
            .rejects("an empty source", set("source", ""))
            .follows("the run image's own source", LEAK, leaks("source", "git.example/app"))
            .rejects("the run image's own source next to a documentation that is not a URL", |e| {
                leaks("source", "git.example/app")(e);
                set("documentation", "https://")(e);
            })
            .accepts("another absolute URL", set("source", "ssh://git@git.example/app"))
            .accepts("a URL that is not ASCII", set("documentation", "https://docs.example/ä?q=世界#x"))
            .accepts("source alone", |e| annotate(e, "org.opencontainers.image.documentation", None))
            .ignores("an input that is not a URL", move |e| {
                annotate(e, "org.opencontainers.image.documentation", None);
                given(other, "source", "git@git.example:app")(e);
            })
            .ignores("a buildpack's", |e| {
                annotate(e, "org.opencontainers.image.documentation", None);
                contributes("source", "git.example/app")(e);
            }),
    ]
}

fn origin() -> Vec<Trials> {
    let mut inherited = Trials::of("annotations.not-inherited");
    for name in RFC_KEYS {
        inherited =
            inherited.rejects(format!("the run image's value as {name}"), set(name, "sentinel-annotation-title"));
    }
    inherited = inherited
        .rejects("the value of one of its labels", set("version", "sentinel-label-version"))
        .rejects("another key's value", set("title", "sentinel-annotation"))
        .rejects("all that the run image has", |e| {
            leaks("title", "theirs")(e);
            leaks("base.name", "below.example/base:1")(e);
        })
        .accepts("a key of its own kept", key("x.y", "sentinel-annotation"))
        .accepts("a value that holds one", set("title", "sentinel-annotation-title of mine"))
        .ignores("a run image without annotations and labels", |e| e.run_image.sentinels.clear());
    let moved = |manifest: &mut Value| {
        let map = manifest["annotations"].as_object_mut().unwrap();
        let first = map.shift_remove("org.opencontainers.image.base.name").unwrap();
        map.insert("org.opencontainers.image.base.name".to_owned(), first);
    };
    vec![
        inherited,
        Trials::of("annotations.stable-order")
            .from(sample::repeated)
            .rejects("the first key last", manifest(moved))
            .rejects("two neighbours swapped", |e| {
                raw_manifest(
                    e,
                    "image.authors\":\"Ada\",\"org.opencontainers.image.version\":\"1.2\"",
                    "image.version\":\"1.2\",\"org.opencontainers.image.authors\":\"Ada\"",
                );
            })
            .accepts("another value", set("title", "x"))
            .accepts("a key more", key("x.y", "x"))
            .whole("the same order, any, both times", Wanted::Held, |evidence, target| {
                for step in [1, 2] {
                    edit_manifest(sample::step(evidence, target, step), |manifest| {
                        let map = manifest["annotations"].as_object_mut().unwrap();
                        let first = map.shift_remove("org.opencontainers.image.base.name").unwrap();
                        map.insert("org.opencontainers.image.base.name".to_owned(), first);
                    });
                }
            })
            .ignores("other inputs", |e| drop(e.inputs.environment.insert("X".to_owned(), "1".to_owned()))),
        Trials::of("annotations.no-label-substitute")
            .rejects("another source as label", label("source", "elsewhere"))
            .rejects("the run image's digest in capitals as label", label("base.digest", "sha256:ABC"))
            .rejects("another name than the run image's label", label("version", "1.3"))
            .rejects("another value than a buildpack gave", |e| {
                let given = "[[labels]]\nkey='org.opencontainers.image.source'\nvalue='theirs'\n";
                edit_input(e, "/layers/config/metadata.toml", given);
                label("source", "elsewhere")(e);
            })
            .rejects("a value that a buildpack gave another label", |e| {
                let given = "[[labels]]\nkey='com.example.source'\nvalue='theirs'\n";
                edit_input(e, "/layers/config/metadata.toml", given);
                label("source", "theirs")(e);
            })
            .on(&[crate::evidence::Target::Daemon])
            .rejects("the annotation as label of a daemon", label("source", "https://git.example/app"))
            .on(WITH_MANIFEST)
            .accepts("the label says what the annotation does", label("source", "https://git.example/app"))
            .on(crate::requirement::EVERYWHERE)
            .accepts("a label of another key", label("url", "x"))
            .accepts("what a buildpack gave", |e| {
                edit_input(
                    e,
                    "/layers/config/metadata.toml",
                    "[[labels]]\nkey='org.opencontainers.image.source'\nvalue='theirs'\n",
                );
                label("source", "theirs")(e);
            }),
    ]
}

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

fn put(target: &str, content_type: &str, status: u16) -> crate::evidence::WireRecord {
    crate::evidence::WireRecord {
        sequence: 1,
        method: "PUT".to_owned(),
        target: target.to_owned(),
        status,
        content_type: Some(content_type.to_owned()),
        request_bytes: 1,
        response_bytes: 0,
        had_credentials: false,
        ..crate::evidence::WireRecord::default()
    }
}
