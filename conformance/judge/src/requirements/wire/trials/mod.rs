//! What the theme rejects, and what it must not.

mod asking;
mod contacts;
mod credentials;
mod faults;
mod form;
mod leaks;
mod sending;
mod tls;
mod uploads;

use crate::evidence::{
    Document, End, Export, FaultKind, ScenarioEvidence, SentManifest, Target, WireFault, WireRecord,
};
use crate::json::Json;
use crate::sample;
use crate::trial::{self, Trial};

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(
        [
            sending::moves_last(),
            sending::serves_the_app(),
            sending::content_type(),
            uploads::no_reupload(),
            uploads::mount(),
            faults::reported(),
            faults::moves_nothing(),
            faults::ended(),
            faults::transient(),
            faults::verifies(),
            faults::confirms(),
            credentials::credentials_used(),
            credentials::credentials_not_printed(),
            contacts::trials(),
        ]
        .into_iter()
        .chain(tls::trials())
        .chain(asking::trials())
        .chain(leaks::trials())
        .chain(form::trials()),
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

pub(super) fn refuse_all(evidence: &mut ScenarioEvidence, target: Target) {
    let good = evidence.exports.iter_mut().filter(|e| e.target == target && e.is_good_build());
    good.for_each(|export| export.outcome.end = End::Exited(3));
}
