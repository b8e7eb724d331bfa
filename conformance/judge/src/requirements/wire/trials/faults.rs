//! What is rejected of an export that meets faults of the registry, and what is not.

use super::super::ended::SLUG;
use super::super::faults::{CONFIRMS, MOVES_NOTHING, REPORTED, TRANSIENT, VERIFIES};
use super::{fault, pushed, record, refuse_all};
use crate::digest::Digest;
use crate::evidence::{
    Document, End, Export, FaultKind, Hang, LeftOut, ScenarioEvidence, SentManifest, Target, WireFault, WireRecord,
};
use crate::reference::Reference;
use crate::sample;
use crate::trial::{Trials, Wanted};

/// An export that a fault of the registry ended, and a build next to it that was accepted.
fn failed(slug: &'static str, kind: FaultKind) -> impl Fn() -> ScenarioEvidence {
    move || {
        let mut evidence = sample::refused(slug, "ERROR: the registry does not do that now");
        sample::add_controls(&mut evidence);
        let export = sample::on(&mut evidence, Target::Registry);
        export.inputs.faults = vec![fault(kind)];
        let met = WireRecord { fault: Some(0), ..record(10, "PUT", "/v2/app/manifests/latest", 503) };
        export.wire = Some(vec![met]);
        evidence
    }
}

fn report(export: &mut Export) {
    export.report = Some(Document::new(b"[image]\ntags=['host.example/app:latest']\n".to_vec(), None));
}

fn moved(export: &mut Export) {
    export.tags[0].digest = Some(Digest::of(b"x").to_string());
}

/// What no row on faults judges.
fn spared(trials: Trials) -> Trials {
    trials
        .whole("the good build was refused as well", Wanted::Follows("platform.exit-zero"), refuse_all)
        .whole("no good build", Wanted::NotJudged, |evidence, target| {
            evidence.exports.retain(|e| e.target != target || !e.inputs.faults.is_empty());
        })
        .ignores("it met no fault", |e| e.wire.as_mut().unwrap()[0].fault = None)
        .ignores("no recorder", |e| e.wire = None)
}

pub(super) fn reported() -> Trials {
    let trials = Trials::of(REPORTED)
        .from(failed(REPORTED, FaultKind::Status))
        .rejects("exit 0", |e| e.outcome.end = End::Exited(0))
        .rejects("a signal", |e| e.outcome.end = End::Signalled(6))
        .rejects("the time limit", |e| e.outcome.end = End::TimedOut(120))
        .rejects("a crash", |e| "panic: x\n\ngoroutine 1 [running]:".clone_into(&mut e.outcome.stderr))
        .rejects("a report of success", report)
        .accepts("another exit code", |e| e.outcome.end = End::Exited(246))
        .accepts("an empty report", |e| e.report = Some(Document::new(Vec::new(), None)))
        .accepts("a tag moved, which another row judges", moved)
        .accepts("an export that a fault ended which it need not survive", |e| {
            e.inputs.expected_failure = None;
            e.inputs.may_refuse = Some(TRANSIENT.to_owned());
        });
    spared(trials)
}

/// The tag is put, and then that of another `<image>` is refused.
fn put_next_to_it(export: &mut Export) {
    let digest = Digest::of(b"put");
    let name = export.tags[0].reference.clone();
    export.tags[0].digest = Some(digest.to_string());
    let place = Reference::parse(&name).unwrap();
    let target = |tag: &str| format!("/v2/{}/manifests/{tag}", place.repository);
    export.inputs.images = vec![name, format!("{}/{}:other", place.registry, place.repository)];
    let wire = export.wire.as_mut().unwrap();
    let manifest = Some(SentManifest { digest, media_type: None, blobs: Vec::new() });
    (wire[0].target, wire[0].manifest) = (target("other"), manifest.clone());
    wire.push(WireRecord { manifest, ..record(5, "PUT", target(&place.tag.unwrap()), 201) });
}

pub(super) fn moves_nothing() -> Trials {
    let trials = Trials::of(MOVES_NOTHING)
        .from(failed(REPORTED, FaultKind::ResetBefore))
        .rejects("the tag is there", moved)
        .rejects("the tag is gone", |e| {
            let before = Some("sha256:old".to_owned());
            e.tags_before.insert(e.tags[0].reference.clone(), before);
        })
        .accepts("the tag names what it did", |e| {
            let before = Some("sha256:old".to_owned());
            e.tags[0].digest.clone_from(&before);
            e.tags_before.insert(e.tags[0].reference.clone(), before);
        })
        .accepts("a report, which another row judges", report)
        .accepts("one tag was put, and that of another <image> was refused", put_next_to_it)
        .accepts("the answer to one was not waited for, and that of another <image> was refused", |e| {
            put_next_to_it(e);
            let cut_off = &mut e.wire.as_mut().unwrap()[1];
            (cut_off.status, cut_off.manifest) = (0, None);
        })
        .rejects("the tag serves another manifest than the one that was put next to the refused one", |e| {
            put_next_to_it(e);
            moved(e);
        })
        .rejects("another manifest was put than the one that was refused", |e| {
            put_next_to_it(e);
            e.wire.as_mut().unwrap()[0].manifest.as_mut().unwrap().digest = Digest::of(b"refused");
        })
        .rejects("an upload was refused, and a tag was put", |e| {
            put_next_to_it(e);
            "/v2/app/blobs/uploads/u1".clone_into(&mut e.wire.as_mut().unwrap()[0].target);
        })
        .rejects("the one that was refused is of no <image>", |e| {
            put_next_to_it(e);
            e.inputs.images.pop();
        })
        .ignores("exit 0, which another row judges", |e| e.outcome.end = End::Exited(0))
        .ignores("the registry took the manifest and closed the connection", |e| {
            e.inputs.faults = vec![fault(FaultKind::ResetAfter)];
            moved(e);
        });
    spared(trials)
}

/// An export that survived a fault of the registry, and a build next to it that met none.
fn survived() -> ScenarioEvidence {
    let mut evidence = pushed();
    sample::add_controls(&mut evidence);
    let export = sample::on(&mut evidence, Target::Registry);
    export.inputs.may_refuse = Some(TRANSIENT.to_owned());
    export.inputs.faults = vec![WireFault { times: Some(1), ..fault(FaultKind::Status) }];
    let met = WireRecord { fault: Some(0), ..record(5, "HEAD", "/v2/app/blobs/sha256:0", 503) };
    export.wire.as_mut().unwrap().insert(0, met);
    evidence
}

pub(super) fn transient() -> Trials {
    let fails = |e: &mut Export| e.outcome.end = End::Exited(62);
    Trials::of(TRANSIENT)
        .from(survived)
        .rejects("it ends the export", fails)
        .rejects("the time limit", |e| e.outcome.end = End::TimedOut(120))
        .accepts("it takes long", |e| e.outcome.milliseconds = 100_000)
        .whole("the good build was refused as well", Wanted::Follows("platform.exit-zero"), move |evidence, target| {
            refuse_all(evidence, target);
            fails(sample::on(evidence, target));
        })
        .ignores("a build without faults", |e| e.inputs.may_refuse = None)
        .ignores("it met no fault", |e| e.wire.as_mut().unwrap()[0].fault = None)
        .ignores("no recorder", |e| e.wire = None)
}

pub(super) fn verifies() -> Trials {
    let trials = Trials::of(VERIFIES)
        .from(failed(VERIFIES, FaultKind::OtherBytes))
        .rejects("they are taken", |e| e.outcome.end = End::Exited(0))
        .rejects("a crash", |e| "panic: x\n\ngoroutine 1 [running]:".clone_into(&mut e.outcome.stderr))
        .rejects("the time limit", |e| e.outcome.end = End::TimedOut(120))
        .rejects("the tag moved", moved)
        .rejects("a report of success", report)
        .accepts("another exit code", |e| e.outcome.end = End::Exited(246))
        .accepts("they are asked for once more, and the right ones come", |e| {
            e.inputs.expected_failure = None;
            e.inputs.may_refuse = Some(VERIFIES.to_owned());
            e.outcome.end = End::Exited(0);
        });
    spared(trials)
}

/// An exporter that was asked to end while the registry was silent, and ended by the signal.
pub(super) fn ended() -> Trials {
    let evidence = || {
        let mut evidence = failed(SLUG, FaultKind::Stall)();
        let export = sample::on(&mut evidence, Target::Registry);
        export.inputs.may_refuse = export.inputs.expected_failure.take();
        export.outcome.end = End::Signalled(15);
        export.tags[0].digest = None;
        evidence
    };
    Trials::of(SLUG)
        .from(evidence)
        .rejects("an exit of 0, and no image", |e| e.outcome.end = End::Exited(0))
        .rejects("a report of success", report)
        .rejects("a report of success, and another exit code", |e| {
            e.outcome.end = End::Exited(62);
            report(e);
        })
        .rejects("another signal", |e| e.outcome.end = End::Signalled(11))
        .rejects("the time limit", |e| e.outcome.end = End::TimedOut(120))
        .rejects("a crash", |e| {
            e.outcome.end = End::Exited(2);
            "panic: x\n\ngoroutine 1 [running]:".clone_into(&mut e.outcome.stderr);
        })
        .accepts("a shell's code for the signal", |e| e.outcome.end = End::Exited(143))
        .accepts("it goes on to its end", |e| {
            e.outcome.end = End::Exited(0);
            moved(e);
        })
        .ignores("a good build", |e| e.inputs.may_refuse = None)
        .ignores("it hung before in a step, and this one was left out", |e| {
            e.inputs.may_refuse = None;
            let left = LeftOut { expected_failure: None, may_refuse: Some(SLUG.to_owned()), ..left_out(None) };
            e.left_out = vec![left];
        })
        .whole("it refuses every build", Wanted::Follows("platform.exit-zero"), |evidence, target| {
            sample::on(evidence, target).outcome.end = End::Exited(3);
            refuse_all(evidence, target);
        })
}

fn left_out(hang: Option<Hang>) -> LeftOut {
    LeftOut { step: 9, expected_failure: Some(CONFIRMS.to_owned()), may_refuse: None, hang }
}

pub(super) fn confirms() -> Trials {
    let trials = Trials::of(CONFIRMS)
        .from(failed(CONFIRMS, FaultKind::NotStored))
        .rejects("success is told", |e| e.outcome.end = End::Exited(0))
        .rejects("a crash", |e| "panic: x\n\ngoroutine 1 [running]:".clone_into(&mut e.outcome.stderr))
        .rejects("the time limit", |e| e.outcome.end = End::TimedOut(120))
        .rejects("a report of success", report)
        .accepts("another exit code", |e| e.outcome.end = End::Exited(246))
        .accepts("a registry that stored it and says another digest is refused", |e| {
            e.inputs.expected_failure = None;
            e.inputs.may_refuse = Some(CONFIRMS.to_owned());
        })
        .ignores("it hung before in a step, and this one was left out", |e| {
            e.inputs.expected_failure = Some(REPORTED.to_owned());
            e.left_out = vec![left_out(None)];
        })
        .ignores("it hung in another scenario, and this step was left out", |e| {
            e.inputs.expected_failure = Some(REPORTED.to_owned());
            e.left_out = vec![left_out(Some(Hang { scenario: "another".to_owned(), step: 2 }))];
        });
    spared(trials)
}
