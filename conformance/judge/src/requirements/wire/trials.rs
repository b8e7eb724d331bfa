//! What the theme rejects, and what it must not.

use super::faults::{MOVES_NOTHING, REPORTED, TRANSIENT, VERIFIES};
use super::handed::{NOT_PRINTED, USED};
use super::{trials_of_asking, trials_of_contacts, trials_of_form, trials_of_leaks, trials_of_tls, trials_of_uploads};
use crate::digest::Digest;
use crate::evidence::{
    Document, End, Export, FaultKind, ScenarioEvidence, SentManifest, Stream, Target, WireFault, WireRecord,
};
use crate::json::Json;
use crate::reference::Reference;
use crate::sample;
use crate::trial::{self, Trial, Trials, Wanted};

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(
        [
            moves_last(),
            serves_the_app(),
            content_type(),
            trials_of_uploads::no_reupload(),
            trials_of_uploads::mount(),
            reported(),
            moves_nothing(),
            transient(),
            verifies(),
            credentials_used(),
            credentials_not_printed(),
            trials_of_contacts::trials(),
        ]
        .into_iter()
        .chain(trials_of_tls::trials())
        .chain(trials_of_asking::trials())
        .chain(trials_of_leaks::trials())
        .chain(trials_of_form::trials()),
    )
}

/// The digests of a manifest's layers.
pub(super) fn layers(document: &Document) -> Vec<String> {
    let json = Json::parse(&document.bytes).unwrap();
    let layers = json.get("layers").and_then(Json::items).unwrap().iter();
    layers.map(|layer| layer.get("digest").and_then(Json::as_str).unwrap().to_owned()).collect()
}

pub(super) fn record(sequence: u64, method: &str, target: impl Into<String>, status: u16) -> WireRecord {
    WireRecord {
        sequence,
        method: method.to_owned(),
        target: target.into(),
        status,
        answered: Some(sequence + 1),
        ..WireRecord::default()
    }
}

/// Places of the records of [`pushed`].
pub(super) const ASKED: usize = 0;
pub(super) const MOUNTED: usize = 1;
pub(super) const UPLOADED: usize = 3;
pub(super) const PUT: usize = 4;

/// A layer of the build that is sent.
pub(super) fn own(export: &Export) -> String {
    layers(export.image.as_ref().unwrap().manifest.as_ref().unwrap()).last().unwrap().clone()
}

/// The sample, with an exchange as exporters have it.
pub(super) fn pushed() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    let export = sample::on(&mut evidence, Target::Registry);
    let (base, own) = (layers(&export.run_image.manifest)[0].clone(), own(export));
    let manifest = export.image.as_ref().unwrap().manifest.clone().unwrap();
    let put = WireRecord {
        content_type: Some("application/vnd.oci.image.manifest.v1+json".to_owned()),
        manifest: Some(SentManifest {
            digest: manifest.digest.clone(),
            media_type: Some("application/vnd.oci.image.manifest.v1+json".to_owned()),
            blobs: layers(&manifest),
        }),
        ..record(80, "PUT", "/v2/app/manifests/latest", 201)
    };
    export.wire = Some(vec![
        record(10, "HEAD", format!("/v2/app/blobs/{own}"), 404),
        record(20, "POST", format!("/v2/app/blobs/uploads/?mount={base}&from=run"), 201),
        record(30, "POST", "/v2/app/blobs/uploads/", 202),
        record(40, "PUT", format!("/v2/app/blobs/uploads/u1?digest={}", own.replace(':', "%3A")), 201),
        put,
    ]);
    evidence
}

/// Changes one record.
pub(super) fn with(at: usize, change: impl Fn(&mut WireRecord) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| change(&mut export.wire.as_mut().unwrap()[at])
}

/// Adds a copy of one record, changed.
pub(super) fn again(at: usize, change: impl Fn(&mut WireRecord) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let wire = export.wire.as_mut().unwrap();
        let mut copy = wire[at].clone();
        change(&mut copy);
        wire.push(copy);
    }
}

pub(super) fn at(sequence: u64, answered: u64) -> impl Fn(&mut WireRecord) + Copy + 'static {
    move |record| (record.sequence, record.answered) = (sequence, Some(answered))
}

/// A fault that every request meets.
pub(super) fn fault(kind: FaultKind) -> WireFault {
    let status = (kind == FaultKind::Status).then_some(503);
    WireFault {
        method: None,
        path: "*".to_owned(),
        times: None,
        kind,
        status,
        retry_after: None,
        seconds: None,
        without_tls: false,
    }
}

/// Another manifest under the tag, before the right one.
fn for_a_moment(blobs: impl Fn(&Export) -> Vec<String> + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let blobs = blobs(export);
        let mut other = export.wire.as_ref().unwrap()[PUT].clone();
        (other.sequence, other.answered) = (50, Some(51));
        other.manifest = Some(SentManifest { digest: Digest::of(b"other"), media_type: None, blobs });
        export.wire.as_mut().unwrap().insert(PUT, other);
    }
}

fn config(export: &Export) -> String {
    export.image_id().unwrap().to_string()
}

fn serves_the_app() -> Trials {
    let run_image = |export: &Export| SentManifest::of(&export.run_image.manifest.bytes).unwrap().blobs;
    let whole = |export: &Export| vec![config(export), own(export)];
    Trials::of("digest.tag-serves-app-image")
        .from(pushed)
        .rejects("an image without layers", for_a_moment(|export| vec![config(export)]))
        .rejects("an index", for_a_moment(|_| Vec::new()))
        .rejects("the run image", for_a_moment(run_image))
        .rejects(
            "the run image with the app's config",
            for_a_moment(move |export| run_image(export).into_iter().skip(1).chain([config(export)]).collect()),
        )
        .accepts("a first image with a layer of the app", for_a_moment(whole))
        .accepts("an index that is refused", |e| {
            for_a_moment(|_| Vec::new())(e);
            e.wire.as_mut().unwrap()[PUT].status = 400;
        })
        .accepts("an empty image under another tag", |e| {
            for_a_moment(|_| Vec::new())(e);
            let record = &mut e.wire.as_mut().unwrap()[PUT];
            record.target = record.target.replace("latest", "other");
        })
        .accepts("an empty image in another repository", |e| {
            for_a_moment(|_| Vec::new())(e);
            let record = &mut e.wire.as_mut().unwrap()[PUT];
            record.target = record.target.replace("/v2/app/", "/v2/other/");
        })
        .ignores("evidence of before manifests were kept", |e| {
            e.wire.as_mut().unwrap().iter_mut().for_each(|record| record.manifest = None);
        })
        .ignores("no recorder", |e| e.wire = None)
}

fn moves_last() -> Trials {
    let old = |e: &mut Export| {
        for record in e.wire.as_mut().unwrap() {
            (record.answered, record.manifest) = (None, None);
        }
    };
    Trials::of("digest.tag-moves-last")
        .from(pushed)
        .rejects("a blob after it", with(UPLOADED, at(90, 91)))
        .rejects("an upload that ends after it", with(UPLOADED, at(79, 91)))
        .rejects("a mount after it", with(MOUNTED, at(90, 91)))
        .rejects("an upload at a place that the registry chose, after it", |e| {
            let digest = own(e);
            let record = &mut e.wire.as_mut().unwrap()[UPLOADED];
            *record = self::record(90, "PUT", format!("/elsewhere/7?digest={digest}"), 201);
        })
        .rejects("a manifest by digest before its blobs, the tag after them", |e| {
            let digest = e.manifest_digest().unwrap().to_string();
            again(PUT, move |record| {
                at(35, 36)(record);
                record.target = format!("/v2/app/manifests/{digest}");
            })(e);
        })
        .rejects("in evidence without answers", move |e| {
            old(e);
            with(UPLOADED, |record| record.sequence = 90)(e);
        })
        .rejects("in evidence without manifests, in which the tag was read before", |e| {
            e.wire.as_mut().unwrap()[PUT].manifest = None;
            with(UPLOADED, at(90, 91))(e);
            e.wire.as_mut().unwrap().push(record(5, "GET", "/v2/app/manifests/latest", 200));
        })
        .rejects("an upload that is refused before it, and one that is done after it", |e| {
            again(UPLOADED, at(90, 91))(e);
            with(UPLOADED, |record| record.status = 400)(e);
        })
        .rejects("a blob that is found as it begins, and sent after it", |e| {
            with(UPLOADED, at(90, 91))(e);
            with(ASKED, |record| (record.status, record.answered) = (200, Some(80)))(e);
        })
        .accepts("an upload that ends as it begins", with(UPLOADED, at(79, 80)))
        .accepts("evidence without answers", old)
        .accepts("a blob that was found before, and sent once more", |e| {
            with(UPLOADED, at(90, 91))(e);
            with(ASKED, |record| record.status = 200)(e);
        })
        .accepts("a blob that was sent before, and once more", again(UPLOADED, at(90, 91)))
        .accepts(
            "the same blob for another repository",
            again(UPLOADED, |record| {
                at(90, 91)(record);
                record.target = record.target.replace("/v2/app/", "/v2/other/");
            }),
        )
        .accepts(
            "a blob that it does not name",
            again(UPLOADED, |record| {
                *record = self::record(90, "PUT", format!("/v2/app/blobs/uploads/u9?digest={}", Digest::of(b"x")), 201);
            }),
        )
        .accepts(
            "an upload that is refused",
            again(UPLOADED, |record| {
                at(90, 91)(record);
                record.status = 400;
            }),
        )
        .rejects(
            "a manifest before its blobs that the registry refuses",
            again(PUT, |record| {
                at(35, 36)(record);
                record.status = 400;
            }),
        )
        .accepts(
            "a manifest before its blobs that wants credentials first",
            again(PUT, |record| {
                at(35, 36)(record);
                record.status = 401;
            }),
        )
        .accepts(
            "a manifest that a fault of the registry keeps",
            again(PUT, |record| {
                at(35, 36)(record);
                (record.status, record.fault) = (404, Some(0));
            }),
        )
        .accepts("nothing but the manifest", |e| drop(e.wire.as_mut().unwrap().drain(..PUT)))
        .accepts("nothing but the manifest, and after it a blob that it does not name", |e| {
            let wire = e.wire.as_mut().unwrap();
            drop(wire.drain(..PUT));
            wire.push(record(90, "PUT", format!("/v2/app/blobs/uploads/u9?digest={}", Digest::of(b"x")), 201));
        })
        .ignores("in evidence without manifests, two that were put under the tag", |e| {
            e.wire.as_mut().unwrap()[PUT].manifest = None;
            again(PUT, at(35, 36))(e);
        })
        .ignores("no manifest", |e| drop(e.wire.as_mut().unwrap().pop()))
        .ignores("no recorder", |e| e.wire = None)
}

fn content_type() -> Trials {
    let typed = |text: &'static str| with(PUT, move |record| record.content_type = Some(text.to_owned()));
    Trials::of("wire.content-type")
        .from(pushed)
        .rejects("Docker's", typed("application/vnd.docker.distribution.manifest.v2+json"))
        .rejects("an index's", typed("application/vnd.oci.image.index.v1+json"))
        .rejects("JSON", typed("application/json"))
        .accepts(
            "with a parameter, which another row judges",
            typed("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        )
        .accepts("in capitals", typed("Application/vnd.oci.image.manifest.v1+json"))
        .accepts("none, which another row judges", with(PUT, |record| record.content_type = None))
        .accepts(
            "a manifest that is read",
            again(PUT, |record| {
                "GET".clone_into(&mut record.method);
                record.content_type = Some("application/json".to_owned());
            }),
        )
        .rejects(
            "a manifest that was refused for it",
            again(PUT, |record| {
                record.content_type = Some("application/json".to_owned());
                record.status = 415;
            }),
        )
        .ignores(
            "a manifest without mediaType",
            with(PUT, |record| record.manifest.as_mut().unwrap().media_type = None),
        )
        .ignores("no recorder", |e| e.wire = None)
}

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

fn refuse_all(evidence: &mut ScenarioEvidence, target: Target) {
    let good = evidence.exports.iter_mut().filter(|e| e.target == target && e.is_good_build());
    good.for_each(|export| export.outcome.end = End::Exited(3));
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

fn reported() -> Trials {
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

fn moves_nothing() -> Trials {
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

fn transient() -> Trials {
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

fn verifies() -> Trials {
    let trials = Trials::of(VERIFIES)
        .from(failed(VERIFIES, FaultKind::OtherBytes))
        .rejects("they are taken", |e| e.outcome.end = End::Exited(0))
        .rejects("a crash", |e| "panic: x\n\ngoroutine 1 [running]:".clone_into(&mut e.outcome.stderr))
        .rejects("the time limit", |e| e.outcome.end = End::TimedOut(120))
        .rejects("the tag moved", moved)
        .rejects("a report of success", report)
        .accepts("another exit code", |e| e.outcome.end = End::Exited(246));
    spared(trials)
}

/// An export that was given credentials and used them, and a build next to it without.
fn given_credentials() -> ScenarioEvidence {
    let mut evidence = pushed();
    sample::add_controls(&mut evidence);
    let export = sample::on(&mut evidence, Target::Registry);
    export.inputs.may_refuse = Some(USED.to_owned());
    export.inputs.faults = vec![fault(FaultKind::WantsCredentials)];
    export.outcome.credentials_printed = Some(Vec::new());
    export.wire.as_mut().unwrap().iter_mut().for_each(|record| record.had_credentials = true);
    evidence
}

fn credentials_used() -> Trials {
    let fails = |e: &mut Export| e.outcome.end = End::Exited(62);
    Trials::of(USED)
        .from(given_credentials)
        .rejects("the export fails", fails)
        .rejects("it fails without a request that has credentials", move |e| {
            e.wire.as_mut().unwrap().iter_mut().for_each(|record| record.had_credentials = false);
            fails(e);
        })
        .rejects("the time limit", |e| e.outcome.end = End::TimedOut(120))
        .accepts("the first request has none", |e| e.wire.as_mut().unwrap()[0].had_credentials = false)
        .accepts("no request but the last has any", |e| {
            e.wire.as_mut().unwrap().iter_mut().rev().skip(1).for_each(|record| record.had_credentials = false);
        })
        .accepts("they are printed, which another row judges", |e| {
            e.outcome.credentials_printed = Some(vec![Stream::Stderr]);
        })
        .whole("the good build was refused as well", Wanted::Follows("platform.exit-zero"), move |evidence, target| {
            refuse_all(evidence, target);
            fails(sample::on(evidence, target));
        })
        .ignores("a registry that wants none", |e| {
            e.wire.as_mut().unwrap().iter_mut().for_each(|record| record.had_credentials = false);
        })
        .ignores("a build without credentials that fails", move |e| {
            e.inputs.may_refuse = None;
            fails(e);
        })
        .ignores("no recorder", |e| e.wire = None)
}

fn credentials_not_printed() -> Trials {
    Trials::of(NOT_PRINTED)
        .from(given_credentials)
        .rejects("on standard output", |e| e.outcome.credentials_printed = Some(vec![Stream::Stdout]))
        .rejects("on standard error", |e| e.outcome.credentials_printed = Some(vec![Stream::Stderr]))
        .rejects("in a label", |e| e.outcome.credentials_printed = Some(vec![Stream::Config]))
        .rejects("in an annotation", |e| e.outcome.credentials_printed = Some(vec![Stream::Manifest]))
        .rejects("in the report", |e| e.outcome.credentials_printed = Some(vec![Stream::Report]))
        .rejects("on both", |e| e.outcome.credentials_printed = Some(vec![Stream::Stdout, Stream::Stderr]))
        .rejects("of an export that fails", |e| {
            e.outcome.end = End::Exited(62);
            e.outcome.credentials_printed = Some(vec![Stream::Stderr]);
        })
        .accepts("an export that fails", |e| e.outcome.end = End::Exited(62))
        .accepts("their name is printed", |e| "read CNB_REGISTRY_AUTH".clone_into(&mut e.outcome.stderr))
        .accepts("no recorder", |e| e.wire = None)
        .ignores("no credentials", |e| e.outcome.credentials_printed = None)
        .ignores("an export that fails before it uses them", |e| {
            e.outcome.end = End::Exited(1);
            e.wire.as_mut().unwrap().iter_mut().for_each(|record| record.had_credentials = false);
        })
}
