//! Every refusal seen to be one, and not to be one.

mod named;
mod refusal;

use super::FAULTS;
use crate::digest::Digest;
use crate::evidence::{End, Export, FileKind, ScenarioEvidence, Target};
use crate::requirements;
use crate::sample::{self, find, on};
use crate::verdict::Finding;

/// What an exporter says on its way.
pub(super) fn progress(export: &Export) -> String {
    let image = export.inputs.images.first().map_or("host.example/app:latest", String::as_str);
    format!(
        "Reading analyzed.toml, group.toml, config/metadata.toml, project-metadata.toml and run.sock\nSaving {image}...\n\
         Timer: Saving {image} ran for 23.8ms\n*** Images (sha256:0123456789abcdef): {image}\n"
    )
}

/// Evidence of a refusal by the book: the exit code that is named, and a name in the output.
pub(super) fn refused(fault: &super::Fault) -> ScenarioEvidence {
    let mut evidence = sample::refused(fault.slug, "");
    for export in &mut evidence.exports {
        export.outcome.end = End::Exited(fault.exit.unwrap_or(1));
        prepare(fault.slug, export);
        export.outcome.stderr = format!("ERROR: failed to export: {}", (fault.named)(export).first().unwrap());
    }
    with_control(evidence)
}

/// With a build that was accepted, which says what an exporter says on its way.
fn with_control(mut evidence: ScenarioEvidence) -> ScenarioEvidence {
    sample::add_controls(&mut evidence);
    for export in evidence.exports.iter_mut().filter(|export| export.inputs.expected_failure.is_none()) {
        if export.inputs.may_refuse.is_none() {
            export.outcome.stdout = progress(export);
        }
    }
    evidence
}

/// The bad input of some rows, where the names are taken from it.
fn prepare(slug: &str, export: &mut Export) {
    match slug {
        "errors.digest-as-tag" => export.inputs.images = vec![format!("host.example/app@{}", Digest::of(b"x"))],
        "errors.malformed-reference" => export.inputs.images = vec!["host.example/App:!".to_owned()],
        "errors.reused-layer-missing" => export.inputs.files.retain(|file| file.path != "/layers/a_one/runtime"),
        "errors.malformed-layer" => sample::edit_input(export, "/layers/a_one/runtime.toml", "[types\n"),
        "errors.malformed-value" => drop(export.inputs.environment.insert("CNB_USER_ID".to_owned(), "one".to_owned())),
        "errors.unknown-flag" => export.inputs.argv.insert(1, "-no-such-flag".to_owned()),
        "errors.malformed-store" => sample::edit_input(export, "/layers/a_one/store.toml", "[metadata\n"),
        "errors.unreadable-file" => {
            export.inputs.files.iter_mut().filter(|file| file.path == "/workspace/main").for_each(|file| file.mode = 0);
        }
        _ => {}
    }
}

fn fault(slug: &str) -> &'static super::Fault {
    FAULTS.iter().find(|fault| fault.slug == slug).unwrap()
}

fn targets(slug: &str) -> &'static [Target] {
    requirements::named(slug).unwrap().targets
}

#[test]
fn each_row_is_judged_on_its_exports_alone() {
    for fault in FAULTS {
        for target in targets(fault.slug) {
            for id in [fault.slug, fault.message] {
                assert!(matches!(find(&sample::scenario(), id, *target), Finding::NotApplicable(_)), "{id}");
                assert_eq!(find(&refused(fault), id, *target), Finding::Holds, "{id} on {target}");
            }
        }
    }
}

#[test]
fn an_unreachable_registry_is_given_up_in_time() {
    let fault = fault("errors.unreachable-registry");
    let mut evidence = refused(fault);
    on(&mut evidence, Target::Registry).outcome.milliseconds = 120_000;
    assert_eq!(find(&evidence, fault.slug, Target::Registry), Finding::Holds);
    on(&mut evidence, Target::Registry).outcome.milliseconds = 120_001;
    assert!(matches!(find(&evidence, fault.slug, Target::Registry), Finding::Violated(_)));
    // Of several steps one is enough.
    let mut evidence = refused(fault);
    let mut silent = on(&mut evidence, Target::Registry).clone();
    silent.outcome.end = End::TimedOut(300);
    evidence.exports.insert(0, silent);
    assert!(matches!(find(&evidence, fault.slug, Target::Registry), Finding::Violated(_)));
}

#[test]
fn what_the_harness_could_not_see_is_its_own_error() {
    let mut evidence = refused(&FAULTS[0]);
    on(&mut evidence, Target::Registry).troubles.push("the registry is gone".to_owned());
    for id in [FAULTS[0].slug, FAULTS[0].message] {
        assert!(matches!(find(&evidence, id, Target::Registry), Finding::Error(_)));
    }
}

#[test]
fn a_layer_whose_types_are_no_booleans_is_named_like_one_that_is_not_toml() {
    let fault = fault("errors.malformed-layer");
    for (types, message, is_named) in [
        ("launch = 'true'", "read /layers/a_one/runtime.toml: invalid type", true),
        ("launch = 1", "read the layer's file: invalid type", false),
        ("launch = true", "read /layers/a_one/runtime.toml: invalid type", false),
    ] {
        let mut evidence = refused(fault);
        let export = on(&mut evidence, targets("errors.malformed-layer")[0]);
        sample::edit_input(export, "/layers/a_one/runtime.toml", &format!("[types]\n{types}\n"));
        export.outcome.stderr = message.to_owned();
        let finding = find(&evidence, fault.message, targets("errors.malformed-layer")[0]);
        assert_eq!(finding == Finding::Holds, is_named, "{types}: {message}");
    }
}

#[test]
fn many_ways_to_name_it_are_accepted() {
    let digest = Digest::of(b"x");
    for (slug, message) in [
        ("errors.missing-analyzed", "open /layers/analyzed.toml: no such file or directory"),
        ("errors.missing-analyzed", "analyzed.toml: not found"),
        ("errors.missing-analyzed", "flag --analyzed: no such file"),
        ("errors.malformed-metadata", "parse metadata.toml, line 3"),
        ("errors.two-registries", "writing to multiple registries is unsupported: host.example, other.example"),
        ("errors.malformed-reference", "could not parse reference: host.example/App:!"),
        ("errors.digest-as-tag", &format!("'{}' is not a tag", digest.encoded())),
        ("errors.reused-layer-missing", "cannot reuse 'a/one:runtime', previous image has no metadata for it"),
        ("errors.run-image-digest-gone", "GET https://host.example/v2/run/manifests/x: MANIFEST_UNKNOWN"),
        ("errors.malformed-analyzed", "failed to read analyzed file: toml: line 2"),
        ("errors.malformed-project-metadata", "failed to read project metadata file: toml: line 2"),
        ("errors.malformed-group", "failed to read group file: toml: line 2"),
        ("errors.malformed-metadata", "failed to read build metadata file: toml: line 2"),
        ("errors.malformed-value", "CNB_USER_ID: parse error"),
        ("errors.malformed-value", "strconv.Atoi: parsing \"one\": invalid syntax"),
        ("errors.unknown-flag", "flag provided but not defined: -no-such-flag"),
        ("errors.unknown-flag", "unexpected argument '--no-such-flag' found"),
        ("errors.missing-group", "failed to read group file: open /layers/group.toml: no such file or directory"),
        ("errors.missing-metadata", "failed to read build metadata file: no such file or directory"),
        ("errors.missing-app", "creating app layers: lstat /workspace: no such file or directory"),
        ("errors.missing-app", "the app directory is not there"),
        ("errors.missing-layers", "open /layers/config/metadata.toml: not a directory"),
        ("errors.missing-launcher", "creating launcher layer: open /cnb/lifecycle/launcher: no such file or directory"),
        ("errors.malformed-layer", "failed to parse metadata for layers '[a/one:runtime]'"),
        ("errors.malformed-store", "failed decoding store.toml for buildpack \"a/one\": toml: line 1"),
        ("errors.malformed-run", "resolve run image for export: failed to read run file: toml: line 1"),
        ("errors.two-registries", "writing to multiple registries is unsupported"),
        ("errors.no-image", "at least one image argument is required"),
        ("errors.report-unwritable", "failed to write export report: is a directory"),
        ("errors.unreachable-registry", "dial tcp host.example: connection refused"),
        ("errors.platform-api", "platform API version '0.15' is incompatible with the lifecycle"),
        ("errors.daemon-down", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."),
        ("errors.daemon-full", "failed to load image: host.example/app:latest: no space left on device"),
        ("errors.daemon-full", "the Docker daemon says: write /manifest.json: no space left on device"),
        (
            "errors.daemon-ends",
            "error during connect: Post \"http://%2Fvar%2Frun%2Fdocker.sock/images/load\": EOF (daemon)",
        ),
        ("errors.unreadable-file", "open 'main': permission denied"),
        ("errors.report-unwritable", "write -report: is a directory"),
    ] {
        let (fault, target) = (fault(slug), targets(slug)[0]);
        let mut evidence = refused(fault);
        on(&mut evidence, target).outcome.stderr = message.to_owned();
        assert_eq!(find(&evidence, fault.message, target), Finding::Holds, "{slug}: {message}");
    }
    for (slug, message) in [
        ("errors.malformed-metadata", "parse project-metadata.toml"),
        ("errors.malformed-group", "the subgroup.toml is bad"),
        ("errors.unreadable-file", "domain: permission denied"),
        ("errors.malformed-value", "no one can parse it"),
        ("errors.unknown-flag", "unexpected argument -layers"),
        ("errors.missing-analyzed", ""),
        ("errors.missing-app", "the app could not be exported"),
        ("errors.missing-layers", "the layers could not be made"),
        ("errors.missing-launcher", "the relauncher is gone"),
        ("errors.malformed-layer", "a runtime error"),
        ("errors.malformed-layer", "failed to parse metadata for layers '[b:tools]'"),
        ("errors.malformed-store", "the store of images failed"),
        ("errors.malformed-run", "failed to run: toml: line 1"),
        ("errors.daemon-full", "write /tmp/spool: no space left on device"),
        ("errors.daemon-ends", "unexpected EOF"),
        // Words that are there by accident: a part of every reference, and what an image is called anyway.
        ("errors.run-image-digest-gone", "failed to run: image has no layers"),
        ("errors.run-image-digest-gone", "dial tcp host.example: connection refused"),
        ("errors.two-registries", "the app could not be exported"),
        ("errors.no-image", "failed to export the image"),
        ("errors.unreadable-file", "the main part failed"),
        ("errors.daemon-full", "Saving host.example/app:latest...\nio: read/write on closed pipe"),
        ("errors.daemon-full", "Timer: Saving host.example/app:latest ran for 1.234s\nclosed pipe"),
        ("errors.missing-analyzed", "no such file\nusage: exporter [-analyzed x] [-group x] [-report x] <image>"),
        ("errors.missing-analyzed", "no such file\n  -analyzed path\n\tpath to analyzed.toml\n  -group x\n  -report x"),
        ("errors.platform-api", "version 0.14 is the newest"),
    ] {
        let fault = fault(slug);
        let mut evidence = refused(fault);
        let target = targets(slug)[0];
        on(&mut evidence, target).outcome.stderr = message.to_owned();
        assert!(matches!(find(&evidence, fault.message, target), Finding::Violated(_)), "{slug}: {message}");
    }
}

#[test]
fn what_may_be_refused_is_judged_where_it_was() {
    let slug = "errors.platform-api";
    let target = targets(slug)[0];
    for (end, is_right) in [(End::Exited(1), false), (End::Exited(11), true)] {
        let mut evidence = refused(fault(slug));
        for export in &mut evidence.exports {
            export.inputs.may_refuse = export.inputs.expected_failure.take();
        }
        on(&mut evidence, target).outcome.end = end;
        assert_eq!(find(&evidence, slug, target) == Finding::Holds, is_right, "{end:?}");
    }
}

#[test]
fn a_name_is_a_word_of_its_own() {
    for (text, name) in
        [("-report: x", "-report"), ("--report: x", "-report"), ("(/a/b.toml)", "b.toml"), ("Run.", "run")]
    {
        assert!(super::named::is_in(text, name), "{name} in {text}");
    }
    for (text, name) in [("runtime", "run"), ("-report-path", "-report"), ("my-b.toml", "b.toml"), ("x", "")] {
        assert!(!super::named::is_in(text, name), "{name} in {text}");
    }
}

/// A build on a run image that may be refused, and one on another.
pub(super) fn with_rare_run_image() -> ScenarioEvidence {
    let mut evidence = with_control(sample::scenario());
    for export in evidence.exports.iter_mut().filter(|export| export.step == 1) {
        export.inputs.may_refuse = Some("errors.run-image-form".to_owned());
    }
    evidence
}

pub(super) fn with_socket() -> ScenarioEvidence {
    let mut evidence = with_control(sample::scenario());
    for export in evidence.exports.iter_mut().filter(|export| export.step == 1) {
        export.inputs.may_refuse = Some("errors.special-file".to_owned());
        let mut socket = export.inputs.file("/workspace/main").unwrap().clone();
        socket.path = "/workspace/run.sock".to_owned();
        socket.kind = FileKind::Other;
        socket.content = None;
        export.inputs.files.push(socket);
        export.inputs.files.sort_by(|a, b| a.path.cmp(&b.path));
    }
    evidence
}
