//! The comparison of the sample's outputs: what is gathered, what is shown, and which class speaks.

use std::collections::BTreeSet;

use super::*;
use crate::digest::Digest;
use crate::evidence::{Image, StoreKind};
use crate::sample::{self, annotate, edit_config, on};

fn classes(comparison: &Comparison) -> BTreeSet<&str> {
    comparison.differences.iter().map(|difference| difference.class.as_str()).collect()
}

fn of(evidence: &[ScenarioEvidence]) -> Vec<(String, String, BTreeSet<String>)> {
    let named = |comparison: &Comparison| {
        let classes = classes(comparison).into_iter().map(str::to_owned).collect();
        (comparison.left.to_string(), comparison.right.to_string(), classes)
    };
    all(evidence).iter().map(named).collect()
}

#[test]
fn every_output_of_a_build_is_compared_and_each_class_has_its_cause() {
    let found = of(&[sample::scenario()]);
    let expected: [(&str, &str, &[&str]); 4] = [
        (
            "registry",
            "daemon:classic",
            &[
                "annotations-lost-in-a-classic-store",
                "docker-archive-has-no-manifest",
                "image-id-follows-config",
                "report-of-the-target",
                "run-image-reference-of-the-target",
            ],
        ),
        (
            "daemon:classic",
            "daemon:classic pushed",
            &["annotations-lost-in-a-classic-store", "docker-archive-has-no-manifest"],
        ),
        (
            "registry",
            "daemon:classic pushed",
            &["image-id-follows-config", "manifest-digest-follows-manifest", "run-image-reference-of-the-target"],
        ),
        ("registry", "layout", &["report-of-the-target"]),
    ];
    let expected: Vec<(String, String, BTreeSet<String>)> = expected
        .iter()
        .map(|(left, right, classes)| {
            ((*left).to_owned(), (*right).to_owned(), classes.iter().map(|name| (*name).to_owned()).collect())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_store_that_keeps_everything_has_one_digest() {
    for comparison in all(&[sample::kept_by(StoreKind::Containerd)]) {
        let fields: Vec<&str> = comparison.differences.iter().map(|difference| difference.field.as_str()).collect();
        let of_names = |field: &&str| *field == "report.image.tags";
        assert!(fields.iter().all(of_names), "{} and {}: {fields:?}", comparison.left, comparison.right);
        assert!(comparison.identical.contains(&"manifest.digest".to_owned()));
    }
}

#[test]
fn a_tag_that_is_given_twice_is_one_in_the_report() {
    for (given, expected) in [(None, Relation::Expected), (Some(":other"), Relation::Unexpected)] {
        let mut evidence = sample::scenario();
        let layout = on(&mut evidence, Target::Layout);
        let twice = layout.inputs.images[0].clone() + given.unwrap_or_default();
        layout.inputs.images.push(twice);
        let all = all(&[evidence]);
        let layout = all.iter().find(|comparison| comparison.right.is_layout()).unwrap();
        let tags = layout.differences.iter().find(|difference| difference.field == "report.image.tags").unwrap();
        assert_eq!(tags.relation, expected, "{tags:?}");
    }
}

#[test]
fn fields_of_a_list_are_one_name_unless_one_of_them_differs() {
    let mut evidence = sample::scenario();
    edit_config(on(&mut evidence, Target::Layout), |config| config["history"][2]["created_by"] = "x".into());
    let found = all(&[evidence]);
    let layout = found.iter().find(|comparison| comparison.right.is_layout()).unwrap();
    let has = |name: &str| layout.identical.iter().any(|field| field == name);
    assert!(has("layers/*.diffID") && has("config.rootfs.diff_ids/*") && has("config.config.Env"));
    assert!(has("history/0.created_by") && !has("history/*.created_by") && !has("history/2.created_by"));
    assert!(has("labels/io.buildpacks.build.metadata#processes/*.type"), "{:?}", layout.identical);
}

#[test]
fn expected_differences_of_a_whole_list_are_one_and_unexpected_ones_stay_apart() {
    let mut evidence = sample::scenario();
    edit_config(on(&mut evidence, Target::Daemon), |config| {
        for entry in config["history"].as_array_mut().unwrap() {
            entry["created_by"] = "x".into();
        }
    });
    let found = all(&[evidence]);
    let daemon = found.iter().find(|comparison| comparison.right == Side::stored("daemon:classic")).unwrap();
    let named = |field: &str| daemon.differences.iter().find(|difference| difference.field == field);
    assert!(named("layers/*.size").unwrap().left.ends_with(", and 8 more"));
    assert_eq!(named("layers/*.size").unwrap().right, "");
    let alone = named("imageID").unwrap();
    assert!(!alone.left.contains("more") && !alone.right.contains("more"), "{alone:?}");
    assert_eq!(named("history/3.created_by").unwrap().relation, Relation::Unexpected);
    assert!(named("history/*.created_by").is_none());
}

#[test]
fn values_are_shown_so_that_they_can_be_told_apart() {
    let shown = |one, two| super::shown(one, two);
    let (text, number, empty) = (Value::from("1"), Value::from(1), Value::from(""));
    assert_eq!(shown(Some(&text), Some(&number)), ("\"1\"".to_owned(), "1".to_owned()));
    assert_eq!(shown(Some(&empty), None), ("\"\"".to_owned(), String::new()));
    assert_eq!(shown(Some(&text), None), ("1".to_owned(), String::new()));
}

#[test]
fn a_refused_or_failed_build_is_not_compared() {
    let mut evidence = sample::scenario();
    on(&mut evidence, Target::Registry).outcome.end = crate::evidence::End::Exited(1);
    let left: Vec<String> = all(&[evidence]).into_iter().map(|comparison| comparison.left.to_string()).collect();
    assert_eq!(left, ["daemon:classic"]);
}

#[test]
fn numbers_are_left_out_of_lists_alone() {
    for (field, general) in [
        ("layers/12.size", "layers/*.size"),
        ("layers/1.annotations.a/2", "layers/*.annotations.a/*"),
        ("history/3.created", "history/*.created"),
        ("manifest.annotations/1.2/3", "manifest.annotations/1.2/3"),
        ("labels/a/1#x/2.y", "labels/a/1#x/*.y"),
        ("labels/a/1", "labels/a/1"),
    ] {
        assert_eq!(fields::without_numbers(field), general);
    }
}

#[test]
fn an_annotation_that_only_one_side_has_is_unexpected_where_manifests_are_kept() {
    let mut evidence = sample::kept_by(StoreKind::Containerd);
    annotate(on(&mut evidence, Target::Daemon), "com.example.more", Some("x"));
    let unexpected: Vec<(String, String)> = all(&[evidence])
        .into_iter()
        .flat_map(|comparison| {
            let right = comparison.right.to_string();
            let of_it = comparison.differences.into_iter();
            of_it.filter(|found| found.relation == Relation::Unexpected).map(move |found| (right.clone(), found.field))
        })
        .collect();
    let field = "manifest.annotations/com.example.more".to_owned();
    assert_eq!(
        unexpected,
        [("daemon:containerd".to_owned(), field.clone()), ("daemon:containerd pushed".to_owned(), field)]
    );
}

/// What is unexpected in what a daemon pushed of its image, which was changed on the way.
fn unexpected_in_a_push(mut evidence: ScenarioEvidence, change: impl FnOnce(&mut Image)) -> Vec<String> {
    change(on(&mut evidence, Target::Daemon).daemon.as_mut().unwrap().pushed.as_mut().unwrap());
    let found = all(&[evidence])
        .into_iter()
        .find(|one| {
            one.left.stage == Stage::Stored && one.right.stage == Stage::Pushed && one.left.service == one.right.service
        })
        .unwrap();
    let unexpected = found.differences.into_iter().filter(|one| one.relation == Relation::Unexpected);
    unexpected.map(|one| one.field).collect()
}

#[test]
fn only_the_same_tar_may_be_in_other_bytes_and_only_where_its_descriptor_is_true() {
    // Podman compresses layers itself.
    let podman = || sample::kept_by(StoreKind::Podman);
    assert_eq!(unexpected_in_a_push(podman(), |_| {}), [""; 0]);
    let other_tar = unexpected_in_a_push(podman(), |image| {
        image.layers[3].blob.as_mut().unwrap().diff_id = Digest::of(b"another tar");
    });
    assert_eq!(other_tar, ["layers/3.diffID", "layers/3.digest", "layers/3.size"]);
    let untrue = unexpected_in_a_push(podman(), |image| {
        sample::edit_document(&mut image.manifest, |manifest| manifest["layers"][3]["size"] = 1.into());
    });
    assert!(untrue.contains(&"layers/3.size".to_owned()), "{untrue:?}");
}

#[test]
fn a_daemon_that_makes_the_manifest_may_make_nothing_else() {
    assert_eq!(unexpected_in_a_push(sample::scenario(), sample::made_up), [""; 0]);
    let of_config = unexpected_in_a_push(sample::scenario(), |image| {
        sample::made_up(image);
        sample::edit_document(&mut image.config, |config| config["config"]["User"] = "0:0".into());
    });
    assert!(of_config.contains(&"config.config.User".to_owned()), "{of_config:?}");
    let lost = unexpected_in_a_push(sample::scenario(), |image| {
        sample::made_up(image);
        sample::edit_document(&mut image.config, |config| {
            drop(config["config"].as_object_mut().unwrap().remove("User"));
        });
    });
    assert!(lost.contains(&"config.config.User".to_owned()), "{lost:?}");
}

fn annotate_layer(image: &mut Image, value: &str) {
    sample::edit_document(&mut image.manifest, |manifest| {
        manifest["layers"][3]["annotations"] = serde_json::json!({ "a.b": value });
    });
}

#[test]
fn a_manifest_that_a_daemon_makes_lacks_fields_and_has_no_others() {
    let is_unexpected = |value: &str| {
        let mut evidence = sample::scenario();
        let image = on(&mut evidence, Target::Daemon).daemon.as_mut().unwrap().pushed.as_mut().unwrap();
        sample::made_up(image);
        sample::edit_document(&mut image.manifest, |manifest| {
            manifest["annotations"] = serde_json::json!({ "org.opencontainers.image.title": value });
        });
        annotate_layer(on(&mut evidence, Target::Registry).image.as_mut().unwrap(), "of the exporter");
        annotate_layer(on(&mut evidence, Target::Daemon).daemon.as_mut().unwrap().pushed.as_mut().unwrap(), value);
        let found = all(&[evidence]).into_iter().find(|one| one.left.is_registry() && one.right.stage == Stage::Pushed);
        let unexpected: Vec<String> = found
            .unwrap()
            .differences
            .into_iter()
            .filter(|one| one.relation == Relation::Unexpected)
            .map(|one| one.field)
            .collect();
        ["manifest.annotations/org.opencontainers.image.title", "layers/3.annotations.a.b"]
            .map(|field| unexpected.iter().any(|one| one == field))
    };
    assert_eq!(is_unexpected("another"), [true, true]);
}

#[test]
fn a_layout_may_have_a_ref_name_and_no_other_annotation_of_its_own() {
    let unexpected = |key: &str| {
        let mut evidence = sample::scenario();
        annotate(on(&mut evidence, Target::Layout), key, Some("x"));
        let found = all(&[evidence]).into_iter().find(|one| one.right.is_layout()).unwrap();
        let field = format!("manifest.annotations/{key}");
        found.differences.into_iter().find(|one| one.field == field).unwrap().relation
    };
    assert_eq!(unexpected("org.opencontainers.image.ref.name"), Relation::Expected);
    assert_eq!(unexpected("com.example.more"), Relation::Unexpected);
}

#[test]
fn annotations_of_an_image_that_was_there_are_known_in_podman_and_where_the_config_is_the_same() {
    let unexpected = |store: StoreKind, had_image: bool, is_same_config: bool| {
        let mut evidence = sample::kept_by(store);
        let daemon = on(&mut evidence, Target::Daemon);
        daemon.daemon.as_mut().unwrap().had_image = had_image;
        annotate(daemon, "com.example.before", Some("x"));
        if !is_same_config {
            edit_config(daemon, |config| config["x"] = 1.into());
        }
        let mut all = all(&[evidence]).into_iter().flat_map(|comparison| comparison.differences);
        all.any(|one| one.relation == Relation::Unexpected && one.field == "manifest.annotations/com.example.before")
    };
    assert!(!unexpected(StoreKind::Podman, true, true));
    assert!(unexpected(StoreKind::Podman, false, true));
    assert!(unexpected(StoreKind::Podman, true, false));
    assert!(unexpected(StoreKind::Containerd, true, true));
}

#[test]
fn a_reference_that_names_no_digest_is_that_of_the_analysis_or_unexpected() {
    let unexpected = |written: &str| {
        let mut evidence = sample::scenario();
        let daemon = on(&mut evidence, Target::Daemon);
        let id = daemon.run_image.config.digest.to_string();
        let written = if written == "by ID" { id } else { written.to_owned() };
        "host.example/run:analysed".clone_into(&mut daemon.run_image.reference);
        sample::edit_label(daemon, "io.buildpacks.lifecycle.metadata", |label| {
            label["runImage"]["reference"] = written.clone().into();
        });
        let found = all(&[evidence]).into_iter().find(|one| one.right == Side::stored("daemon:classic")).unwrap();
        let field = "labels/io.buildpacks.lifecycle.metadata#runImage.reference";
        found.differences.into_iter().find(|one| one.field == field).unwrap().relation
    };
    assert_eq!(unexpected("host.example/run:analysed"), Relation::Expected);
    assert_eq!(unexpected("by ID"), Relation::Expected);
    assert_eq!(unexpected("host.example/run:another"), Relation::Unexpected);
}

#[test]
fn a_side_is_read_from_the_text_that_it_is_written_as() {
    for (text, service, stage) in [
        ("registry", "registry", Stage::Stored),
        ("daemon:private-classic#2", "daemon:private-classic#2", Stage::Stored),
        ("daemon:classic pushed", "daemon:classic", Stage::Pushed),
        ("daemon:podman pulled back", "daemon:podman", Stage::PulledBack),
    ] {
        let side: Side = serde_json::from_value(text.into()).unwrap();
        assert_eq!(side, Side { service: service.to_owned(), stage });
        assert_eq!(serde_json::to_value(&side).unwrap(), text);
    }
}
