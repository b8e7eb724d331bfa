//! Each rule seen to hold and to fail.

use serde_json::json;

use super::*;
use crate::evidence::{Document, Target};
use crate::sample::{self, Fault, annotate, edit_config, edit_input, edit_manifest, fails, find, holds, on};

const ON: Target = Target::Registry;

fn raw(export: &mut Export, from: &str, to: &str) {
    let image = export.image.as_mut().unwrap();
    let manifest = image.manifest.clone().unwrap();
    let text = manifest.text().unwrap();
    assert!(text.contains(from), "{from}");
    image.manifest = Some(Document::new(text.replacen(from, to, 1).into_bytes(), manifest.content_type.clone()));
    sample::seal(export);
}

#[test]
fn values_must_be_strings_in_an_object() {
    for bad in [json!(null), json!([]), json!({ "a.b": 1 }), json!({ "a.b": null })] {
        fails("annotations.string-map", ON, |e| edit_manifest(on(e, ON), |m| m["annotations"] = bad));
    }
    holds("annotations.string-map", ON, |e| edit_manifest(on(e, ON), |m| m["annotations"] = json!({})));
    holds("annotations.string-map", Target::Layout, |e| {
        edit_manifest(on(e, Target::Layout), |m| {
            m.as_object_mut().unwrap().remove("annotations");
        });
    });
}

#[test]
fn a_doubled_key_is_seen_in_the_bytes() {
    fails("annotations.unique-keys", ON, |e| {
        raw(on(e, ON), "\"annotations\":{", "\"annotations\":{\"org.opencontainers.image.title\":\"x\",");
    });
    fails("annotations.unique-keys", ON, |e| {
        raw(on(e, ON), "\"schemaVersion\":2,", "\"schemaVersion\":2,\"schemaVersion\":2,");
    });
}

#[test]
fn reserved_keys_must_be_defined() {
    fails("annotations.reserved-namespace", ON, |e| annotate(on(e, ON), "org.opencontainers.image.licence", Some("x")));
    fails("annotations.reserved-namespace", ON, |e| annotate(on(e, ON), "org.opencontainers.mine", Some("x")));
    holds("annotations.reserved-namespace", ON, |e| annotate(on(e, ON), "org.opencontainers.image.url", Some("x")));
    holds("annotations.reserved-namespace", ON, |e| annotate(on(e, ON), "org.opencontainersx.y", Some("x")));
}

#[test]
fn other_keys_should_be_reverse_domains() {
    for key in ["title", "my key", "com..x", ""] {
        fails("annotations.reverse-domain-keys", ON, |e| annotate(on(e, ON), key, Some("x")));
    }
    for key in ["com.example.key", "dev.example/part", "x.y"] {
        holds("annotations.reverse-domain-keys", ON, |e| annotate(on(e, ON), key, Some("x")));
    }
}

#[test]
fn descriptors_follow_the_same_rules() {
    assert!(matches!(find(&sample::scenario(), "annotations.descriptor-rules", ON), Finding::NotApplicable(_)));
    let judged = |value: serde_json::Value| {
        let mut evidence = sample::scenario();
        edit_manifest(on(&mut evidence, ON), |m| m["layers"][0]["annotations"] = value);
        find(&evidence, "annotations.descriptor-rules", ON)
    };
    assert_eq!(judged(json!({ "a.b": "c" })), Finding::Holds);
    assert!(matches!(judged(json!({ "a.b": 1 })), Finding::Violated(_)));
    assert!(matches!(judged(json!([])), Finding::Violated(_)));
}

#[test]
fn an_annotated_manifest_must_be_oci() {
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    fails("annotations.oci-manifest", ON, |e| edit_manifest(on(e, ON), |m| m["mediaType"] = json!(docker)));
    fails("annotations.oci-manifest", ON, |e| {
        on(e, ON).image.as_mut().unwrap().manifest.as_mut().unwrap().content_type = Some(docker.to_owned());
    });
    fails("annotations.oci-descriptors", ON, |e| {
        edit_manifest(on(e, ON), |m| {
            m["layers"][2]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
        });
    });
    holds("annotations.oci-descriptors", ON, |e| {
        edit_manifest(on(e, ON), |m| {
            m["layers"][2]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+zstd");
        });
    });
    holds("annotations.oci-descriptors", ON, |e| {
        edit_manifest(on(e, ON), |m| {
            m["subject"] = json!({ "mediaType": docker, "digest": crate::digest::Digest::of(b"x"), "size": 1 });
        });
    });
}

#[test]
fn ref_name_does_not_belong_on_the_manifest() {
    fails("annotations.ref-name-only-in-index", ON, |e| {
        annotate(on(e, ON), "org.opencontainers.image.ref.name", Some("x"));
    });
}

#[test]
fn created_must_be_a_date() {
    let judged = |text: &str| {
        let mut evidence = sample::scenario();
        annotate(on(&mut evidence, ON), "org.opencontainers.image.created", Some(text));
        find(&evidence, "annotations.created-rfc3339", ON)
    };
    for good in ["1985-04-12T23:20:50.52Z", "1996-12-19T16:39:57-08:00"] {
        assert_eq!(judged(good), Finding::Holds, "{good}");
    }
    for bad in
        ["1985-04-12", "yesterday", "1985-04-12T23:20:50", "", "1985-13-12T23:20:50Z", "1985-04-12T23:20:50Z[UTC]"]
    {
        assert!(matches!(judged(bad), Finding::Violated(_)), "{bad}");
    }
}

#[test]
fn licences_stay_expressions() {
    fails("annotations.licenses-spdx", ON, |e| {
        annotate(on(e, ON), "org.opencontainers.image.licenses", Some("the usual"));
    });
    let mut evidence = sample::scenario();
    edit_input(on(&mut evidence, ON), "/layers/project-metadata.toml", "[source.metadata]\nlicenses='the usual'\n");
    assert!(matches!(find(&evidence, "annotations.licenses-spdx", ON), Finding::NotApplicable(_)));
    for good in ["MIT OR Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-mine", "GPL-2.0"] {
        assert!(is_spdx(good), "{good}");
    }
}

#[test]
fn urls_stay_absolute() {
    fails("annotations.url-values", ON, |e| {
        annotate(on(e, ON), "org.opencontainers.image.source", Some("git.example/app"));
    });
    fails("annotations.url-values", ON, |e| {
        annotate(on(e, ON), "org.opencontainers.image.documentation", Some("https://"));
    });
}

#[test]
fn the_run_image_s_values_are_not_the_app_s() {
    fails("annotations.not-inherited", ON, |e| {
        annotate(on(e, ON), "org.opencontainers.image.title", Some("sentinel-annotation-title"));
    });
    fails("annotations.not-inherited", ON, |e| {
        annotate(on(e, ON), "org.opencontainers.image.version", Some("sentinel-label-version"));
    });
    holds("annotations.not-inherited", ON, |e| annotate(on(e, ON), "x.y", Some("sentinel-annotation")));
}

#[test]
fn the_order_of_keys_is_compared_between_repeats() {
    assert!(matches!(find(&sample::scenario(), "annotations.stable-order", ON), Finding::NotApplicable(_)));
    let mut evidence = sample::repeated();
    assert_eq!(find(&evidence, "annotations.stable-order", ON), Finding::Holds);
    edit_manifest(on(&mut evidence, ON), |manifest| {
        let map = manifest["annotations"].as_object_mut().unwrap();
        let first = map.shift_remove("org.opencontainers.image.base.name").unwrap();
        map.insert("org.opencontainers.image.base.name".to_owned(), first);
    });
    assert!(matches!(find(&evidence, "annotations.stable-order", ON), Finding::Violated(_)));
}

#[test]
fn labels_are_no_substitute() {
    let label = |key: &'static str, value: &'static str| {
        move |export: &mut Export| edit_config(export, |config| config["config"]["Labels"][key] = json!(value))
    };
    for target in Target::ALL {
        fails("annotations.no-label-substitute", target, |e| {
            label("org.opencontainers.image.source", "elsewhere")(on(e, target));
        });
    }
    holds("annotations.no-label-substitute", ON, |e| {
        label("org.opencontainers.image.source", "https://git.example/app")(on(e, ON));
    });
    holds("annotations.no-label-substitute", ON, |e| label("org.opencontainers.image.url", "x")(on(e, ON)));
}

#[test]
fn hostile_documents_are_judged_without_a_panic() {
    for bytes in [
        &b"\xff\xfe"[..],
        b"[]",
        b"{\"annotations\":[1]}",
        b"null",
        b"",
        b"{\"layers\":{},\"config\":7,\"manifests\":[[]]}",
    ] {
        let mut evidence = sample::repeated();
        for target in Target::ALL {
            let export = on(&mut evidence, target);
            export.image.as_mut().unwrap().manifest = Some(Document::new(bytes.to_vec(), None));
            set_config_raw(export, bytes);
            export.report = Some(Document::new(bytes.to_vec(), None));
        }
        for row in crate::requirements::all() {
            for target in row.targets {
                let _ = find(&evidence, row.id, *target);
            }
        }
    }
}

fn set_config_raw(export: &mut Export, bytes: &[u8]) {
    export.image.as_mut().unwrap().config = Some(Document::new(bytes.to_vec(), None));
    export.run_image.config = Document::new(bytes.to_vec(), None);
}

/// For every requirement of the theme a fault that violates it.
pub(in super::super) fn faults() -> Vec<Fault> {
    let image = |name: &str| format!("{PREFIX}{name}");
    let annotated = |slug: &str, name: &'static str, key: String, text: &'static str| {
        Fault::new(slug, name, ON, move |e| annotate(on(e, ON), &key, Some(text)))
    };
    let manifest = |slug: &str, name: &'static str, change: fn(&mut serde_json::Value)| {
        Fault::new(slug, name, ON, move |e| edit_manifest(on(e, ON), change))
    };
    let mut described = sample::scenario();
    edit_manifest(on(&mut described, ON), |m| m["layers"][0]["annotations"] = json!({ "a.b": "c" }));
    let mut dated = sample::scenario();
    annotate(on(&mut dated, ON), &image("created"), Some("2026-01-01T00:00:00Z"));
    let created = image("created");
    vec![
        manifest("annotations.string-map", "a number as value", |m| m["annotations"]["a.b"] = json!(1)),
        Fault::new("annotations.unique-keys", "a key twice", ON, |e| {
            raw(on(e, ON), "\"annotations\":{", "\"annotations\":{\"org.opencontainers.image.title\":\"x\",");
        }),
        annotated("annotations.reserved-namespace", "a key nobody defined", image("licence"), "x"),
        annotated("annotations.reverse-domain-keys", "a bare word as key", "title".to_owned(), "x"),
        Fault::of(described, "annotations.descriptor-rules", "a number on a descriptor", ON, |e| {
            edit_manifest(on(e, ON), |m| m["layers"][0]["annotations"]["a.b"] = json!(1));
        }),
        manifest("annotations.oci-manifest", "Docker's media type", |m| {
            m["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
        }),
        manifest("annotations.oci-descriptors", "Docker's media type on a layer", |m| {
            m["layers"][2]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
        }),
        annotated("annotations.ref-name-only-in-index", "ref.name on the manifest", image("ref.name"), "x"),
        Fault::of(dated, "annotations.created-rfc3339", "a date without time", ON, move |e| {
            annotate(on(e, ON), &created, Some("2026-01-01"));
        }),
        annotated("annotations.licenses-spdx", "no SPDX expression", image("licenses"), "the usual"),
        annotated("annotations.url-values", "a URL without scheme", image("source"), "git.example/app"),
        annotated("annotations.not-inherited", "the run image's title", image("title"), "sentinel-annotation-title"),
        Fault::of(sample::repeated(), "annotations.stable-order", "keys in another order", ON, |e| {
            edit_manifest(on(e, ON), |manifest| {
                let map = manifest["annotations"].as_object_mut().unwrap();
                let first = map.shift_remove("org.opencontainers.image.base.name").unwrap();
                map.insert("org.opencontainers.image.base.name".to_owned(), first);
            });
        }),
        Fault::new("annotations.no-label-substitute", "a label in its place", ON, |e| {
            edit_config(on(e, ON), |c| c["config"]["Labels"]["org.opencontainers.image.source"] = json!("elsewhere"));
        }),
    ]
}

#[test]
fn what_a_buildpack_contributes_is_passed_on_and_not_judged() {
    for (key, value, id) in [
        ("created", "yesterday", "annotations.created-rfc3339"),
        ("licenses", "the usual", "annotations.licenses-spdx"),
        ("source", "git.example/app", "annotations.url-values"),
    ] {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        sample::contribute(export, &[(&format!("{PREFIX}{key}"), value)]);
        annotate(export, "org.opencontainers.image.documentation", None);
        assert!(matches!(find(&evidence, id, ON), Finding::NotApplicable(_)), "{id}");
    }
    let mut evidence = sample::scenario();
    sample::contribute(on(&mut evidence, ON), &[("org.opencontainers.mine", "x"), ("bare", "x")]);
    for id in ["annotations.reserved-namespace", "annotations.reverse-domain-keys", "annotations.not-inherited"] {
        assert_eq!(find(&evidence, id, ON), Finding::Holds, "{id}");
    }
}
