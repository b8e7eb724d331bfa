//! What is rejected of an exchange with a registry that has TLS, and what must not be.

use super::super::clear::{KEEPS_TLS, PLAINTEXT};
use super::super::elsewhere::NO_LEAK;
use super::{PUT, again, fault, pushed, record, with};
use crate::evidence::{Channel, End, Export, FaultKind, ScenarioEvidence, Target, WireFault, WireRecord};
use crate::sample;
use crate::trial::Trials;

pub(super) fn trials() -> [Trials; 2] {
    [plaintext(), keeps_tls()]
}

/// The exchange under TLS, with credentials.
fn under_tls() -> ScenarioEvidence {
    let mut evidence = pushed();
    let wire = sample::on(&mut evidence, Target::Registry).wire.as_mut().unwrap();
    for record in wire {
        (record.channel, record.had_credentials) = (Some(Channel::Tls), true);
    }
    evidence
}

fn without_credentials(export: &mut Export) {
    export.wire.as_mut().unwrap().iter_mut().for_each(|record| record.had_credentials = false);
}

/// A further request, in the clear.
fn clear(change: impl Fn(&mut WireRecord) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let mut sent =
            WireRecord { channel: Some(Channel::Clear), ..record(5, "GET", "/v2/app/manifests/latest", 400) };
        change(&mut sent);
        export.wire.as_mut().unwrap().insert(0, sent);
    }
}

/// The same where the registry led.
fn led_to(record: &mut WireRecord) {
    (record.elsewhere, record.status) = (Some("127.0.0.2:4711".to_owned()), 200);
}

fn probe(record: &mut WireRecord) {
    "/v2/".clone_into(&mut record.target);
}

fn with_credentials(record: &mut WireRecord) {
    record.had_credentials = true;
}

fn plain(export: &mut Export) {
    export.wire.as_mut().unwrap().iter_mut().for_each(|record| record.channel = None);
}

fn plaintext() -> Trials {
    Trials::of(PLAINTEXT)
        .from(under_tls)
        .rejects("a manifest is asked for in the clear", clear(with_credentials))
        .rejects(
            "the first question is asked in the clear",
            clear(|record| {
                probe(record);
                with_credentials(record);
            }),
        )
        .rejects("a manifest is put in the clear", with(PUT, |record| record.channel = Some(Channel::Clear)))
        .rejects("an export that fails after it", |e| {
            clear(with_credentials)(e);
            e.outcome.end = End::Exited(62);
        })
        .follows(
            "where the registry led",
            NO_LEAK,
            clear(|record| {
                led_to(record);
                with_credentials(record);
            }),
        )
        .accepts("no credential is in the clear, and another row judges the rest", clear(|_| {}))
        .accepts("where the registry led, without credentials", clear(led_to))
        .accepts(
            "where the registry led, under TLS, with credentials, which another row judges",
            clear(|record| {
                led_to(record);
                with_credentials(record);
                record.channel = Some(Channel::Tls);
            }),
        )
        .accepts("an export that fails", |e| e.outcome.end = End::Exited(62))
        .ignores("no credentials", without_credentials)
        .ignores("a registry without TLS, and evidence of before", plain)
        .ignores("no recorder", |e| e.wire = None)
}

/// An exchange without credentials with a registry that leads to a place without TLS, to which no one went.
fn led_away() -> ScenarioEvidence {
    let mut evidence = under_tls();
    let export = sample::on(&mut evidence, Target::Registry);
    without_credentials(export);
    export.inputs.may_refuse = Some(KEEPS_TLS.to_owned());
    export.inputs.faults = vec![WireFault { without_tls: true, ..fault(FaultKind::Redirect) }];
    let answer = WireRecord {
        channel: Some(Channel::Tls),
        fault: Some(0),
        ..record(4, "GET", "/v2/run/manifests/sha256:0", 307)
    };
    export.wire.as_mut().unwrap().insert(0, answer);
    evidence
}

fn keeps_tls() -> Trials {
    let at_the_registry = Trials::of(KEEPS_TLS)
        .from(under_tls)
        .rejects("a manifest is asked for in the clear", clear(|_| {}))
        .rejects("a manifest is put in the clear", |e| {
            without_credentials(e);
            with(PUT, |record| record.channel = Some(Channel::Clear))(e);
        })
        .rejects(
            "the first question with something to read in it",
            clear(|record| {
                probe(record);
                record.request_bytes = 1;
            }),
        )
        .rejects(
            "the first question is a POST",
            clear(|record| {
                probe(record);
                "POST".clone_into(&mut record.method);
            }),
        )
        .rejects("with credentials first, then without", |e| {
            clear(|_| {})(e);
            clear(|record| {
                "/v2/app/manifests/other".clone_into(&mut record.target);
                with_credentials(record);
            })(e);
        })
        .follows("with credentials", PLAINTEXT, clear(with_credentials))
        .accepts("the first question is asked in both ways", clear(probe))
        .accepts(
            "with HEAD",
            clear(|record| {
                probe(record);
                "HEAD".clone_into(&mut record.method);
            }),
        )
        .accepts("no credentials", without_credentials)
        .accepts("the manifest once more under TLS", again(PUT, |record| record.sequence = 90))
        .ignores("a registry without TLS, and evidence of before", plain)
        .ignores("no recorder", |e| e.wire = None);
    at_the_registry
        .from(led_away)
        .rejects("a redirect is followed", clear(led_to))
        .rejects(
            "layers are sent where the registry led",
            clear(|record| {
                led_to(record);
                (record.method, record.status, record.request_bytes) = ("PUT".to_owned(), 201, 4096);
            }),
        )
        .rejects("a redirect is followed, and the export fails", |e| {
            clear(led_to)(e);
            e.outcome.end = End::Exited(62);
        })
        .follows(
            "with credentials",
            NO_LEAK,
            clear(|record| {
                led_to(record);
                with_credentials(record);
            }),
        )
        .accepts("the export ends there", |e| e.outcome.end = End::Exited(62))
        .accepts(
            "another host under TLS",
            clear(|record| {
                led_to(record);
                record.channel = Some(Channel::Tls);
            }),
        )
}
