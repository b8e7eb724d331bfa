//! Rebases that are refused or fail: one message that names the cause, no tag moved, nothing sent, no report.

use bounded::Bounded as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::build::{Build, exporter, index};
use crate::support::http::Answer;
use crate::support::rebasing::{LABEL, Place, Run, label, new, old, rebaser, succeeded};
use crate::support::server::{Server, Wanted};

/// Rebases, and wants the refusal.
fn refused(place: &Place, words: &[&str], code: i32, named: &[&str]) {
    place.build.write("report.toml", "[image]\ntags=['of an earlier phase']\n");
    let before = place.server.manifest("app", "1");
    let mut output = None;
    let changes = place.changes(|| output = Some(place.rebase(words)));
    let output = output.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{named:?}: {stderr}");
    assert!(stderr.trim_end().lines().count() == 1 && stderr.starts_with("ERROR: failed to "), "{stderr}");
    for named in named {
        assert!(stderr.contains(named), "{named}: {stderr}");
    }
    assert_eq!(changes, Vec::<String>::new(), "{stderr}");
    assert_eq!(place.server.manifest("app", "1"), before);
    assert!(place.build.report().is_none() && place.build.left_over().is_empty(), "{stderr}");
}

/// Refused, and done with `-force`.
fn refused_unless_forced(place: &Place, words: &[&str], named: &[&str]) {
    refused(place, words, 72, &[named, &["-force"]].concat());
    let output = place.rebase(&[&["-force"], words].concat());
    succeeded(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains(named[0]));
}

#[test]
fn an_image_that_is_not_rebasable_is_rebased_by_force_alone() {
    let place = Place::new();
    place.change_config(|config| config["config"]["Labels"]["io.buildpacks.rebasable"] = json!("false"));
    place.move_on(&new());
    refused_unless_forced(&place, &[&place.name("app:1")], &["io.buildpacks.rebasable", "app:1"]);
}

#[test]
fn another_target_is_taken_by_force_alone_and_is_then_the_image_s() {
    let labels = "/config/Labels/io.buildpacks.base.distro";
    for (pointer, value, named) in [
        ("/os".to_owned(), "windows", "operating system"),
        ("/architecture".to_owned(), "arm64", "architecture"),
        (format!("{labels}.name"), "debian", "distribution"),
        (format!("{labels}.version"), "24.04", "distribution's version"),
    ] {
        let place = Place::new();
        let mut run = new();
        *run.config.pointer_mut(&pointer).unwrap() = json!(value);
        place.move_on(&run);
        refused_unless_forced(&place, &[&place.name("app:1")], &[named, value]);
        let config = place.config(&place.manifest("app", "1"));
        assert_eq!(config.pointer(&pointer), Some(&json!(value)));
    }
}

#[test]
fn a_variant_of_the_architecture_is_part_of_the_target() {
    let with_variant = |mut run: Run<'static>, variant: &str| {
        run.config["variant"] = json!(variant);
        run
    };
    let place = Place::upon(Server::start(|_| Wanted::Usual), &with_variant(old(), "v2"));
    place.move_on(&with_variant(new(), "v3"));
    refused_unless_forced(&place, &[&place.name("app:1")], &["variant", "v3"]);
    assert_eq!(place.config(&place.manifest("app", "1"))["variant"], "v3");
}

#[test]
fn a_run_image_that_the_label_does_not_name_is_taken_by_force_alone() {
    let place = Place::new();
    place.run("other", "7", &new().make());
    let name = place.name("other:7");
    refused_unless_forced(&place, &["-run-image", &name, &place.name("app:1")], &["label names the run image", &name]);
    place.run("run", "2", &new().make());
    refused(&place, &["-run-image", &place.name("run:2"), &place.name("app:1")], 72, &["run:2"]);
}

#[test]
fn what_is_gone_is_named() {
    let place = Place::new();
    refused(&place, &[&place.name("gone:1")], 72, &["gone:1", "404"]);
    refused(&place, &["-run-image", &place.name("run:gone"), &place.name("app:1")], 72, &["run:gone", "404"]);
    place.server.untag("run", "1");
    refused(&place, &[&place.name("app:1")], 72, &["none of the run images", "run:1", "404", "-run-image"]);
}

#[test]
fn an_image_that_cannot_be_taken_apart_is_told_with_what_is_wrong() {
    let broken = |change: &dyn Fn(&mut Value), named: &str| {
        let place = Place::new();
        place.move_on(&new());
        place.change_config(change);
        for force in ["-force=false", "-force"] {
            refused(&place, &[force, &place.name("app:1")], 72, &["app:1", named]);
        }
    };
    broken(&|config| config["config"]["Labels"] = Value::Null, LABEL);
    broken(&|config| config["config"]["Labels"][LABEL] = json!("{"), "JSON");
    broken(&|config| config["rootfs"]["diff_ids"] = json!([]), "other layers");
    let with_label = |config: &mut Value, change: &dyn Fn(&mut Value)| {
        let mut names = label(config);
        change(&mut names["runImage"]);
        config["config"]["Labels"][LABEL] = json!(names.to_string());
    };
    broken(&|config| with_label(config, &|run| run["topLayer"] = json!("x")), "topLayer");
    let other = reference::digest::Digest::of(b"other").to_string();
    broken(&|config| with_label(config, &|run| run["topLayer"] = json!(other)), &other);
}

#[test]
fn what_is_no_image_is_told_and_nothing_breaks() {
    let place = Place::new();
    place.run("run", "1", &Run { layers: &[], ..new() }.make());
    refused(&place, &[&place.name("app:1")], 72, &["run:1", "no layers"]);
    for (bytes, named) in [(&b"[]"[..], "config"), (b"{", "run:1"), (b"1", "config"), (b"{\"manifests\":[]}", "index")]
    {
        place.server.tag("run", "1", bytes);
        refused(&place, &[&place.name("app:1")], 72, &[named]);
    }
    place.server.tag("app", "1", &index(&place.old));
    place.server.publish("app", &place.old);
    refused(&place, &[&place.name("app:1")], 72, &["index of several images", "-previous-image"]);
}

#[test]
fn a_wrong_command_line_is_refused_in_one_line() {
    let place = Place::new();
    let (app, digest) = (place.name("app:1"), place.old.manifest.clone());
    let pinned = format!("{}@{digest}", place.name("app"));
    for (words, named) in [
        (&[][..], &["no image"][..]),
        (&["A/b"], &["<image>", "A/b"]),
        (&[&pinned], &["digest reference", "-previous-image"]),
        (&[&app, "other.example/app:1"], &["other.example", "two registries"]),
        (&["-run-image", "A/b", &app], &["-run-image", "A/b"]),
        (&["-previous-image", "A/b", &app], &["-previous-image", "A/b"]),
        (&["-layout", &app], &["-layout", "registry or a daemon"]),
        (&["-nonsense", &app], &["nonsense", "-help"]),
    ] {
        place.build.write("report.toml", "");
        let output = place.rebase(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(named.iter().all(|named| stderr.contains(named)), "{stderr}");
    }
    let mut command = place.rebaser();
    let output = command.env("CNB_PLATFORM_API", "999.0").args(["-nonsense", "A/b"]).output_in_time().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(11), "{stderr}");
    assert!(stderr.contains("this rebaser knows") && stderr.lines().count() == 1, "{stderr}");
    let output = rebaser(&Build::new(), exporter()).arg("-help").output_in_time().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("--previous-image"));
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_is_sent() {
    let place = Place::new();
    place.move_on(&new());
    let report = place.build.path("lifecycle");
    let mut output = None;
    let changes = place.changes(|| {
        output = Some(place.rebase(&["-report", report.to_str().unwrap(), &place.name("app:1")]));
    });
    let stderr = String::from_utf8_lossy(&output.as_ref().unwrap().stderr).into_owned();
    assert_eq!(output.unwrap().status.code(), Some(72), "{stderr}");
    assert!(stderr.contains("-report") && changes.is_empty(), "{stderr}");
}

#[test]
fn a_registry_that_takes_no_blob_or_no_manifest_keeps_its_tags() {
    for part in ["/blobs/uploads/", "/manifests/2"] {
        let refuses = Arc::new(AtomicBool::new(false));
        let now = refuses.clone();
        let server = Server::start(move |asked| {
            let is_write = asked.method == "PUT" || asked.method == "POST";
            if is_write && now.load(Ordering::SeqCst) && asked.target.contains(part) {
                Wanted::Answer(Answer::text(403, "{\"errors\":[{\"code\":\"DENIED\"}]}"))
            } else {
                Wanted::Usual
            }
        });
        let place = Place::upon(server, &old());
        place.move_on(&new());
        let (one, two) = (place.bytes("app", "1"), place.server.manifest("app", "2"));
        refuses.store(true, Ordering::SeqCst);
        let output = place.rebase(&["-previous-image", &place.name("app:1"), &place.name("app:2")]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(72), "{stderr}");
        assert!(stderr.contains("403") && stderr.lines().count() == 1, "{stderr}");
        assert_eq!((place.bytes("app", "1"), place.server.manifest("app", "2")), (one, two));
        assert!(place.build.report().is_none() && place.build.left_over().is_empty());
    }
}
