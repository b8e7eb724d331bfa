//! Where a refusal names its fault, and where it only seems to.

use super::super::{named, refusal};
use super::named::{export, names};
use crate::evidence::{FileKind, Target};
use crate::verdict::Finding;

/// Whether one of the names is in what a refusal says beyond the build without the fault.
fn is_named(names: &[String], said: &str, control: &str) -> bool {
    let refused = export(Target::Registry, |export| {
        export.outcome.stdout = String::new();
        said.clone_into(&mut export.outcome.stderr);
    });
    let mut usual = refused.clone();
    control.clone_into(&mut usual.outcome.stderr);
    refusal::says_what_is_wrong(&refused, &usual, names) == Finding::Holds
}

#[test]
fn a_file_is_named_by_a_bare_word_where_something_says_that_it_is_one() {
    let secret = names(named::unreadable_files, |export| {
        for file in export.inputs.files.iter_mut().filter(|file| file.path == "/workspace/main") {
            (file.path, file.mode) = ("/build/workspace/secret".to_owned(), 0);
        }
        export.inputs.app = "/build/workspace".to_owned();
    });
    for said in [
        "tar: ./secret: Cannot open: Permission denied",
        "tar: secret: Cannot open: Permission denied",
        "failed to export app: open workspace/secret: Permission denied",
        "Error: EACCES: permission denied, open <app>/secret",
        "cannot read the file secret: Permission denied",
        "level=error msg=\"permission denied\" path=secret",
        "error: «secret»: not readable",
        "error: “secret” is not readable",
        "{\"msg\": \"failed to read \\/build\\/workspace\\/secret: Permission denied\"}",
        "{\"msg\": \"failed to read \\\"secret\\\"\"}",
    ] {
        assert!(is_named(&secret, said, ""), "{said}");
    }
    for said in [
        "error: a secret is missing",
        "error: the secrets: not readable",
        "error: the file secrets is not readable",
        "error: open workspace/secrets: Permission denied",
        "error: open other/secret-store: Permission denied",
        "cannot read profile=secretive",
    ] {
        assert!(!is_named(&secret, said, ""), "{said}");
    }
    let usual = "tar: secret: a file";
    assert!(!is_named(&secret, &format!("{usual}\nerror: denied"), usual));
}

#[test]
fn a_layer_is_named_with_its_buildpack_or_as_a_layer() {
    let runtime = names(named::reused_layers, |export| {
        export.inputs.files.retain(|file| file.kind != FileKind::Directory);
    });
    for said in [
        "cannot re-use layer a/one/runtime: the previous image has none",
        "the previous image lacks the runtime layer of buildpack a/one",
        "layer not found in previous image: buildpack=a/one layer=runtime",
        "buildpack a/one: layer: runtime: not in the previous image",
    ] {
        assert!(is_named(&runtime, said, ""), "{said}");
    }
    for said in ["a runtime error", "runtime layers differ", "player=runtime", "layer: runtimes", "a/one/runtime2"] {
        assert!(!is_named(&runtime, said, ""), "{said}");
    }
    let usual = "Adding layer a/one/runtime";
    assert!(!is_named(&runtime, &format!("{usual}\nerror: not found"), usual));
}

#[test]
fn a_missing_image_is_named_as_parsers_of_command_lines_do() {
    let image = names(named::the_image_argument, |_| {});
    for said in [
        "exporter: error: the following arguments are required: image",
        "exporter: error: the following arguments are required: IMAGE",
        "Error: Missing argument 'IMAGE...'.",
        "error: missing required argument 'image'",
        "Missing required parameter: 'IMAGE'",
        "Missing required parameter: '<image>'",
        "ERROR: no destination image given",
        "ERROR: the destination image is missing",
    ] {
        assert!(is_named(&image, said, ""), "{said}");
    }
    for said in [
        "Error: Missing argument 'IMAGERY'.",
        "missing required argument 'image-cache'",
        "the following arguments are required: images-folder",
        "the image cache is not there",
        "usage: exporter -layers DIR -app DIR -report FILE -run FILE missing argument 'image'",
        "invalid value for an argument",
    ] {
        assert!(!is_named(&image, said, ""), "{said}");
    }
    let usual = "no destination image cache";
    assert!(!is_named(&image, &format!("{usual}\nerror"), usual));
}

#[test]
fn what_was_printed_last_is_told() {
    let said = |text: &'static str| {
        let export = export(Target::Registry, |export| {
            export.outcome.stdout = String::new();
            export.outcome.stderr = text.to_owned();
        });
        let mut silent = export.clone();
        silent.outcome.stderr = String::new();
        silent.outcome.stdout = String::new();
        match refusal::says_what_is_wrong(&export, &silent, &["wanted".to_owned()]) {
            Finding::Violated(violation) => (violation.expected, violation.found),
            finding => panic!("{finding:?}"),
        }
    };
    let wanted = |found: &str| ("one of: wanted".to_owned(), found.to_owned());
    assert_eq!(said("\n"), wanted("nothing but what it says of a good build"));
    assert_eq!(said("one\ntwo"), wanted("one\ntwo"));
    assert_eq!(said("one\ntwo\nthree\nfour\nfive\n"), wanted("three\nfour\nfive"));
    let accepted = export(Target::Registry, |export| export.outcome.stderr = "one\n\nlast words\n".to_owned());
    let Finding::Violated(violation) = refusal::exits_with(&accepted, None) else { panic!("no violation") };
    assert_eq!(violation.found, "exit 0; it last said: last words");
    let silent = export(Target::Registry, |export| {
        export.outcome.stderr = "\n".to_owned();
        export.outcome.stdout = String::new();
    });
    let Finding::Violated(violation) = refusal::exits_with(&silent, Some(11)) else { panic!("no violation") };
    assert_eq!((violation.expected.as_str(), violation.found.as_str()), ("exit 11", "exit 0, no output"));
}
