//! What of a refusal's files is rejected, and what is not.

use crate::evidence::{Aspect, Change, ChangedFile, End, Export, FileKind, Target, WireRecord};
use crate::sample;
use crate::trial::Trials;

fn changed(path: &'static str, change: Change) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let file = ChangedFile { path: path.to_owned(), kind: FileKind::File, change, aspects: Vec::new() };
        export.changed_files = Some(vec![file]);
    }
}

fn left(path: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let kind = FileKind::File;
        let file = ChangedFile { path: path.to_owned(), kind, change: Change::Added, aspects: Vec::new() };
        export.outcome.left = Some(vec![file]);
    }
}

pub(super) fn trials() -> Vec<Trials> {
    let in_a_layout = |change: Change| {
        move |e: &mut Export| {
            e.inputs.layout_dir = Some("/layout".to_owned());
            changed("/layout/app.example/app/latest/index.json", change)(e);
        }
    };
    vec![
        Trials::of("errors.nothing-left")
            .from(|| {
                let mut evidence = sample::refused("errors.missing-analyzed", "ERROR: there is no analyzed.toml");
                sample::add_controls(&mut evidence);
                evidence
            })
            .rejects("a file of the app is gone", changed("/workspace/main", Change::Removed))
            .rejects("a file of a layer is another one", changed("/layers/a_one/runtime/bin", Change::Altered))
            .rejects("a file more in <app>", changed("/workspace/core", Change::Added))
            .rejects("a file more in <layers>", changed("/layers/left.toml", Change::Added))
            .rejects("a file in a folder for scratch files", left("/var/tmp/left"))
            .rejects("an image in the layout is another one", in_a_layout(Change::Altered))
            .accepts("a file of the same bytes is written anew", |e| {
                changed("/workspace/main", Change::Altered)(e);
                let file = e.changed_files.iter_mut().flatten().last();
                file.unwrap().aspects = vec![Aspect::Time];
            })
            .accepts("the report of an earlier export is removed", changed("/report/report.toml", Change::Removed))
            .accepts(
                "the launcher's SBOM is copied",
                changed("/layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json", Change::Added),
            )
            .accepts("a layout that was not there", in_a_layout(Change::Added))
            .ignores("it is not refused", |e| e.outcome.end = End::Exited(0))
            .ignores("a crash", |e| e.outcome.end = End::Signalled(6))
            .ignores("the folders were not listed", |e| e.changed_files = None),
        nothing_sent(),
    ]
}

/// Uploads are begun and cancelled.
fn probes(export: &mut Export, methods: &[&str]) {
    for method in methods {
        let (target, status) = if *method == "POST" { ("", 202) } else { ("u1", 204) };
        export.wire.as_mut().unwrap().push(WireRecord {
            method: (*method).to_owned(),
            target: format!("/v2/app/blobs/uploads/{target}"),
            status,
            ..WireRecord::default()
        });
    }
}

fn nothing_sent() -> Trials {
    let sends = |method: &'static str, target: &'static str| {
        move |export: &mut Export| {
            let one = WireRecord { method: method.to_owned(), target: target.to_owned(), ..WireRecord::default() };
            export.wire.as_mut().unwrap().push(one);
        }
    };
    Trials::of("errors.nothing-sent")
        .from(|| {
            let mut evidence = sample::refused("errors.missing-analyzed", "ERROR: there is no analyzed.toml");
            for export in evidence.exports.iter_mut().filter(|export| export.target == Target::Registry) {
                export.wire = Some(Vec::new());
            }
            sample::add_controls(&mut evidence);
            evidence
        })
        .rejects("a blob is uploaded", sends("PUT", "/v2/app/blobs/uploads/u1?digest=sha256:0"))
        .rejects("an upload is begun", sends("POST", "/v2/app/blobs/uploads/"))
        .rejects("an upload is begun twice, and cancelled once", |e| probes(e, &["POST", "POST", "DELETE"]))
        .accepts("an upload is begun and cancelled", |e| probes(e, &["POST", "DELETE"]))
        .rejects("a manifest is put", sends("PUT", "/v2/app/manifests/latest"))
        .accepts("the registry is asked", sends("GET", "/v2/"))
        .accepts("a blob is looked for", sends("HEAD", "/v2/app/blobs/sha256:0"))
        .ignores("a fault that is found out late", move |e| {
            e.inputs.expected_failure = Some("errors.unreadable-file".to_owned());
            sends("POST", "/v2/app/blobs/uploads/")(e);
        })
        .ignores("it is not refused", |e| e.outcome.end = End::Exited(0))
        .ignores("no recorder", |e| e.wire = None)
}
