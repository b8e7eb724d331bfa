//! Each statement about the run image seen to hold and to fail.

use serde_json::json;

use super::*;
use crate::evidence::Document;
use crate::sample::{self, Fault, annotate, edit_input, edit_label, edit_layers, fails, find, holds, on};

const ON: Target = Target::Registry;
const DIGEST: &str = "org.opencontainers.image.base.digest";
const NAME: &str = "org.opencontainers.image.base.name";

#[test]
fn absent_annotations_are_absent_and_not_wrong() {
    for target in [Target::Registry, Target::Layout] {
        fails("base.digest-present", target, |e| annotate(on(e, target), DIGEST, None));
        fails("base.name-present", target, |e| annotate(on(e, target), NAME, None));
        let mut evidence = sample::scenario();
        annotate(on(&mut evidence, target), DIGEST, None);
        for id in ["base.digest-is-run-image", "base.digest-resolves", "base.shares-layers"] {
            assert!(matches!(find(&evidence, id, target), Finding::NotApplicable(_)), "{id}");
        }
    }
    fails("base.digest-present", ON, |e| {
        let run_image = &mut on(e, ON).run_image;
        run_image.sentinels.push(run_image.digest.to_string());
    });
    fails("base.pair", ON, |e| annotate(on(e, ON), DIGEST, None));
}

#[test]
fn the_digest_is_the_analysed_one_to_the_last_character() {
    let good = sample::scenario().exports[0].run_image.digest.to_string();
    let bad = [
        good.to_uppercase().replace("SHA256", "sha256"),
        String::new(),
        format!("{good} "),
        Digest::of(b"another").to_string(),
        good.replace("sha256:", ""),
    ];
    for value in bad {
        fails("base.digest-is-run-image", ON, |e| annotate(on(e, ON), DIGEST, Some(&value)));
    }
    for value in ["sha256:12", "SHA256:12", "latest"] {
        fails("base.digest-resolves", ON, |e| annotate(on(e, ON), DIGEST, Some(value)));
    }
}

#[test]
fn behind_an_index_both_digests_are_right() {
    let index = Document::new(b"{\"manifests\":[]}".to_vec(), None);
    for right in ["index", "platform"] {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        let platform = export.run_image.manifest.digest.clone();
        export.run_image.digest = index.digest.clone();
        export.run_image.index = Some(index.clone());
        export.run_image.reference = format!("host.example/run@{}", index.digest);
        let value = if right == "index" { index.digest.clone() } else { platform };
        annotate(export, DIGEST, Some(value.as_str()));
        assert_eq!(find(&evidence, "base.digest-is-run-image", ON), Finding::Holds, "{right}");
    }
}

#[test]
fn what_lies_under_the_digest_must_be_there_and_true() {
    fails("base.digest-resolves", ON, |e| {
        let base = on(e, ON).base.as_mut().unwrap();
        base.fetched.document = None;
        base.fetched.status = 404;
    });
    fails("base.digest-resolves", ON, |e| {
        on(e, ON).base.as_mut().unwrap().fetched.document = Some(Document::new(b"{}".to_vec(), None));
    });
    fails("base.shares-layers", ON, |e| {
        on(e, ON).base.as_mut().unwrap().config = Some(Document::new(
            json!({ "rootfs": { "diff_ids": [Digest::of(b"other")] } }).to_string().into_bytes(),
            None,
        ));
    });
    holds("base.shares-layers", ON, |e| edit_layers(on(e, ON), |own| own.truncate(3)));
}

#[test]
fn an_image_id_is_no_digest_of_an_image() {
    let id = sample::scenario().exports[0].run_image.config.digest.to_string();
    fails("base.digest-not-image-id", ON, |e| annotate(on(e, ON), DIGEST, Some(&id)));
}

#[test]
fn a_moved_tag_does_not_move_the_digest() {
    let moved = Digest::of(b"moved");
    assert!(matches!(find(&sample::scenario(), "base.digest-pinned", ON), Finding::NotApplicable(_)));
    let mut evidence = sample::scenario();
    on(&mut evidence, ON).run_image.tag_moved_to = Some(moved.clone());
    assert_eq!(find(&evidence, "base.digest-pinned", ON), Finding::Holds);
    annotate(on(&mut evidence, ON), DIGEST, Some(moved.as_str()));
    assert!(matches!(find(&evidence, "base.digest-pinned", ON), Finding::Violated(_)));
}

#[test]
fn the_name_is_one_of_the_run_image_s() {
    for bad in ["host.example/other:base", "host.example/run:other", "other.example/run:base", "not a name", ""] {
        fails("base.name-is-run-image-name", ON, |e| annotate(on(e, ON), NAME, Some(bad)));
    }
    for good in ["host.example/run:base", "mirror.example/run:base"] {
        holds("base.name-is-run-image-name", ON, |e| annotate(on(e, ON), NAME, Some(good)));
    }
    holds("base.name-is-run-image-name", ON, |e| {
        let export = on(e, ON);
        export.run_image.name = "run".to_owned();
        annotate(export, NAME, Some("index.docker.io/library/run:latest"));
    });
    fails("base.name-fully-qualified", ON, |e| annotate(on(e, ON), NAME, Some("run:base")));
    fails("base.name-fully-qualified", ON, |e| annotate(on(e, ON), NAME, Some("not a name")));
    let digest = Digest::of(b"x");
    fails("base.name-is-tag", ON, |e| annotate(on(e, ON), NAME, Some(&format!("host.example/run@{digest}"))));
    let mut evidence = sample::scenario();
    on(&mut evidence, ON).run_image.name = format!("host.example/run@{digest}");
    assert!(matches!(find(&evidence, "base.name-is-tag", ON), Finding::NotApplicable(_)));
}

#[test]
fn annotations_and_label_agree() {
    let label = "io.buildpacks.lifecycle.metadata";
    fails("base.agrees-with-label", ON, |e| annotate(on(e, ON), DIGEST, Some(Digest::of(b"x").as_str())));
    fails("base.agrees-with-label", ON, |e| annotate(on(e, ON), NAME, Some("other.example/run:base")));
    holds("base.agrees-with-label", ON, |e| {
        edit_label(on(e, ON), label, |value| value["runImage"]["reference"] = json!("sha256:an-image-id"));
    });
    let mut evidence = sample::scenario();
    edit_label(on(&mut evidence, ON), label, |value| {
        value.as_object_mut().unwrap().remove("runImage");
    });
    assert!(matches!(find(&evidence, "base.agrees-with-label", ON), Finding::NotApplicable(_)));
}

#[test]
fn an_extended_run_image_and_a_docker_one_are_out_of_scope() {
    let mut evidence = sample::scenario();
    on(&mut evidence, ON).run_image.extended = true;
    assert!(matches!(find(&evidence, "base.digest-present", ON), Finding::NotApplicable(_)));
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, ON);
    let docker = json!({ "mediaType": "application/vnd.docker.distribution.manifest.v2+json" });
    export.run_image.manifest = Document::new(docker.to_string().into_bytes(), None);
    assert_eq!(find(&evidence, "base.name-present", ON), Finding::Holds);
    sample::edit_manifest(on(&mut evidence, ON), |manifest| manifest["mediaType"] = docker["mediaType"].clone());
    assert!(matches!(find(&evidence, "base.name-present", ON), Finding::NotApplicable(_)));
}

#[test]
fn a_layout_reference_without_digest_leaves_nothing_to_judge() {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Layout);
    export.run_image.reference = "/layout/run.example/run/base".to_owned();
    edit_input(export, "/layers/analyzed.toml", "[run-image]\nreference='/layout/run.example/run/base'\n");
    for id in ["base.digest-present", "base.digest-is-run-image"] {
        assert!(matches!(find(&evidence, id, Target::Layout), Finding::NotApplicable(_)), "{id}");
    }
}

/// For every requirement of the theme a fault that violates it.
pub(in super::super) fn faults() -> Vec<Fault> {
    let set = |slug: &str, name: &'static str, key: &'static str, value: Option<String>| {
        Fault::new(slug, name, ON, move |e| annotate(on(e, ON), key, value.as_deref()))
    };
    let digest = || Some(Digest::of(b"another").to_string());
    let image_id = sample::scenario().exports[0].run_image.config.digest.to_string();
    let moved = Digest::of(b"moved");
    let mut pinned = sample::scenario();
    on(&mut pinned, ON).run_image.tag_moved_to = Some(moved.clone());
    vec![
        set("base.digest-present", "no digest", DIGEST, None),
        set("base.digest-is-run-image", "another digest", DIGEST, digest()),
        set("base.digest-resolves", "no digest at all", DIGEST, Some("latest".to_owned())),
        set("base.digest-not-image-id", "the run image's imageID", DIGEST, Some(image_id)),
        Fault::of(pinned, "base.digest-pinned", "the digest that the tag names now", ON, move |e| {
            annotate(on(e, ON), DIGEST, Some(moved.as_str()));
        }),
        set("base.name-present", "no name", NAME, None),
        set("base.name-is-run-image-name", "another repository", NAME, Some("host.example/other:base".to_owned())),
        set("base.name-fully-qualified", "no registry", NAME, Some("run:base".to_owned())),
        set(
            "base.name-is-tag",
            "a digest reference",
            NAME,
            digest().map(|digest| format!("host.example/run@{digest}")),
        ),
        set("base.agrees-with-label", "another digest than the label's", DIGEST, digest()),
        Fault::new("base.shares-layers", "another image under the digest", ON, |e| {
            let other = json!({ "rootfs": { "diff_ids": [Digest::of(b"other")] } });
            on(e, ON).base.as_mut().unwrap().config = Some(Document::new(other.to_string().into_bytes(), None));
        }),
        set("base.pair", "the name alone", DIGEST, None),
    ]
}

#[test]
fn a_buildpack_s_value_is_not_the_exporter_s() {
    for (key, ids) in [
        (
            DIGEST,
            &["base.digest-present", "base.digest-is-run-image", "base.digest-resolves", "base.shares-layers"][..],
        ),
        (NAME, &["base.name-present", "base.name-is-run-image-name", "base.name-fully-qualified", "base.pair"]),
    ] {
        let mut evidence = sample::scenario();
        sample::contribute(on(&mut evidence, ON), &[(key, "theirs")]);
        for id in ids {
            assert!(matches!(find(&evidence, id, ON), Finding::NotApplicable(_)), "{id}");
        }
        let agrees = find(&evidence, "base.agrees-with-label", ON);
        assert_eq!(agrees, Finding::Holds, "the other half still agrees");
        // The exporter's own value won, so it is judged as its own.
        let own = sample::scenario().exports[0].image.as_ref().and_then(|image| view::annotation(image, key));
        annotate(on(&mut evidence, ON), key, own.as_deref());
        for id in ids {
            assert_eq!(find(&evidence, id, ON), Finding::Holds, "{id}");
        }
    }
}

#[test]
fn behind_an_index_it_is_seen_whose_digest_it_is() {
    let index = Document::new(b"{\"manifests\":[]}".to_vec(), None);
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, ON);
    export.run_image.index = Some(index.clone());
    let platform = export.run_image.manifest.digest.clone();
    assert_eq!(behind_an_index(export, index.digest.as_str()), "the index's");
    assert_eq!(behind_an_index(export, platform.as_str()), "the platform manifest's");
    assert!(behind_an_index(export, Digest::of(b"x").as_str()).starts_with("neither"));
}

#[test]
fn a_chosen_mirror_is_the_run_image_s_name() {
    for name in ["mirror.example/run:base", "host.example/run:base"] {
        holds("base.name-is-run-image-name", ON, |e| {
            let export = on(e, ON);
            export.run_image.name = "mirror.example/run:base".to_owned();
            annotate(export, NAME, Some(name));
            assert!(is_a_mirror(export, "mirror.example/run:base") && !is_a_mirror(export, "host.example/run:base"));
        });
    }
}
