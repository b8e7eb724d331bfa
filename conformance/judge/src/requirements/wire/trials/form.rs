//! What is rejected of the form of requests, and what must not be.

use super::{PUT, UPLOADED, again, fault, pushed, record, with};
use crate::evidence::{Export, FaultKind, Form, ScenarioEvidence, Target, WireRecord};
use crate::sample;
use crate::trial::Trials;

pub(super) fn trials() -> [Trials; 4] {
    [upload(), chunked(), accepted(), length()]
}

const OCTETS: &str = "application/octet-stream";
const TYPES: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// Where a manifest is asked for.
const READ: usize = 5;

/// An exchange whose form is known.
fn formed() -> ScenarioEvidence {
    let mut evidence = pushed();
    let wire = sample::on(&mut evidence, Target::Registry).wire.as_mut().unwrap();
    wire.push(record(90, "GET", "/v2/app/manifests/latest", 200));
    for one in wire.iter_mut() {
        one.form = Some(Form::default());
    }
    for at in [UPLOADED, PUT] {
        wire[at].request_bytes = 100;
        wire[at].form.as_mut().unwrap().length = Some("100".to_owned());
    }
    wire[UPLOADED].content_type = Some(OCTETS.to_owned());
    wire[READ].form.as_mut().unwrap().accept = Some(TYPES.to_owned());
    evidence
}

fn typed(text: Option<&'static str>) -> impl Fn(&mut WireRecord) + Copy + 'static {
    move |record| record.content_type = text.map(str::to_owned)
}

fn without_length(record: &mut WireRecord) {
    record.form.as_mut().unwrap().length = None;
}

/// Evidence of before it was kept.
fn unknown(export: &mut Export) {
    export.wire.as_mut().unwrap().iter_mut().for_each(|record| record.form = None);
}

/// The blob is streamed by PATCH, and its upload ended by a PUT without a body: go-containerregistry, docker, skopeo.
fn streamed(export: &mut Export) {
    let wire = export.wire.as_mut().unwrap();
    let patch = WireRecord {
        request_bytes: 100,
        form: Some(Form::default()),
        content_type: None,
        ..record(35, "PATCH", "/v2/app/blobs/uploads/u1", 202)
    };
    (wire[UPLOADED].request_bytes, wire[UPLOADED].content_type) = (0, None);
    without_length(&mut wire[UPLOADED]);
    wire.insert(UPLOADED, patch);
}

fn upload() -> Trials {
    Trials::of("wire.upload-form")
        .from(formed)
        .rejects("no Content-Length", with(UPLOADED, without_length))
        .rejects("no Content-Type", with(UPLOADED, typed(None)))
        .rejects("a form's", with(UPLOADED, typed(Some("application/x-www-form-urlencoded"))))
        .rejects("the layer's own", with(UPLOADED, typed(Some("application/vnd.oci.image.layer.v1.tar+gzip"))))
        .rejects(
            "in one POST, without Content-Length",
            with(UPLOADED, |record| {
                "POST".clone_into(&mut record.method);
                without_length(record);
            }),
        )
        .accepts("in capitals", with(UPLOADED, typed(Some("Application/Octet-Stream"))))
        .accepts("a manifest without Content-Length, which another row judges", with(PUT, without_length))
        .ignores("streamed by PATCH", streamed)
        .ignores("an empty PUT", with(UPLOADED, |record| record.request_bytes = 0))
        .ignores("its form is not known", unknown)
        .ignores("no recorder", |e| e.wire = None)
}

/// Two chunks, and a PUT that ends the upload with a third.
fn in_chunks() -> ScenarioEvidence {
    let mut evidence = formed();
    let export = sample::on(&mut evidence, Target::Registry);
    let patch = |sequence, state: &str| WireRecord {
        request_bytes: 100,
        form: Some(Form::default()),
        ..record(sequence, "PATCH", format!("/v2/app/blobs/uploads/u1?_state={state}"), 202)
    };
    let wire = export.wire.as_mut().unwrap();
    wire.splice(UPLOADED..UPLOADED, [patch(35, "a"), patch(37, "b")]);
    // What comes after the upload is no matter here.
    wire.truncate(UPLOADED + 3);
    say([Some("0-99"), Some("100-199"), Some("200-299")])(export);
    evidence
}

/// The ranges that they say.
fn say(ranges: [Option<&'static str>; 3]) -> impl Fn(&mut Export) + 'static {
    move |export| {
        for (record, range) in export.wire.as_mut().unwrap()[UPLOADED..].iter_mut().zip(ranges) {
            record.form.as_mut().unwrap().range = range.map(str::to_owned);
        }
    }
}

fn chunked() -> Trials {
    const FIRST: Option<&str> = Some("0-99");
    const SECOND: Option<&str> = Some("100-199");
    Trials::of("wire.chunks-in-order")
        .from(in_chunks)
        .rejects("the end is not included", say([Some("0-100"), Some("100-200"), None]))
        .rejects("the first begins with 1", say([Some("1-100"), Some("101-200"), None]))
        .rejects("with a unit", say([Some("bytes 0-99/*"), SECOND, None]))
        .rejects("with a blank", say([Some("0 - 99"), SECOND, None]))
        .rejects("a gap", say([FIRST, Some("200-299"), None]))
        .rejects("the same range again", say([FIRST, FIRST, None]))
        .rejects("the last, with the PUT", say([FIRST, SECOND, FIRST]))
        .rejects("one that was refused for it", |e| {
            say([FIRST, Some("9-108"), None])(e);
            e.wire.as_mut().unwrap()[UPLOADED + 1].status = 416;
        })
        .accepts("the last without a range", say([FIRST, SECOND, None]))
        .accepts("the second at another place", |e| {
            say([FIRST, SECOND, None])(e);
            "/v2/app/blobs/uploads/u1-2".clone_into(&mut e.wire.as_mut().unwrap()[UPLOADED + 1].target);
        })
        .accepts("two uploads", |e| {
            let wire = e.wire.as_mut().unwrap();
            let mut other = wire[UPLOADED].clone();
            "/v2/app/blobs/uploads/u2".clone_into(&mut other.target);
            wire.insert(UPLOADED + 1, other);
        })
        .ignores("requests are repeated because the registry fails", |e| {
            say([SECOND, SECOND, None])(e);
            e.inputs.faults = vec![fault(FaultKind::ResetAfter)];
        })
        .ignores("streamed without a range", say([None; 3]))
        .ignores("its form is not known", unknown)
        .ignores("no recorder", |e| e.wire = None)
}

fn accepted() -> Trials {
    let accept = |text: Option<&'static str>| {
        with(READ, move |record| record.form.as_mut().unwrap().accept = text.map(str::to_owned))
    };
    Trials::of("wire.manifest-accepted")
        .from(formed)
        .rejects("none", accept(None))
        .rejects("anything", accept(Some("*/*")))
        .rejects("JSON", accept(Some("application/json")))
        .rejects("none, with HEAD", |e| {
            let record = &mut e.wire.as_mut().unwrap()[READ];
            "HEAD".clone_into(&mut record.method);
            record.form = Some(Form::default());
        })
        .accepts("one type alone", accept(Some("application/vnd.oci.image.manifest.v1+json")))
        .accepts("a type and anything", accept(Some("application/vnd.oci.image.index.v1+json;q=0.9, */*")))
        .accepts(
            "a blob without Accept",
            again(READ, |record| {
                "/v2/app/blobs/sha256:0".clone_into(&mut record.target);
                record.form = Some(Form::default());
            }),
        )
        .ignores("no manifest is read", |e| drop(e.wire.as_mut().unwrap().remove(READ)))
        .ignores("its form is not known", unknown)
        .ignores("no recorder", |e| e.wire = None)
}

fn length() -> Trials {
    Trials::of("wire.manifest-length")
        .from(formed)
        .rejects("none", with(PUT, without_length))
        .accepts("a blob without, which another row judges", with(UPLOADED, without_length))
        .ignores("no manifest is put", |e| drop(e.wire.as_mut().unwrap().remove(PUT)))
        .ignores("its form is not known", unknown)
        .ignores("no recorder", |e| e.wire = None)
}
