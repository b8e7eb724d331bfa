//! What is rejected of what requests tell, and what must not be.

use super::super::elsewhere::NO_LEAK;
use super::{fault, pushed, record, with};
use crate::evidence::{End, Export, FaultKind, Leak, Private, ScenarioEvidence, Target, WireRecord};
use crate::sample;
use crate::trial::Trials;

pub(super) fn trials() -> [Trials; 2] {
    [no_leak(), surroundings()]
}

fn told(what: Private, header: Option<&'static str>) -> impl Fn(&mut WireRecord) + Copy + 'static {
    move |record| record.told = Some(vec![Leak { what, header: header.map(str::to_owned), in_body: false }])
}

/// Evidence of before it was looked for.
fn forget(export: &mut Export) {
    export.wire.as_mut().unwrap().iter_mut().for_each(|record| record.told = None);
}

/// An export that was led to another host, and had credentials for the registry.
fn led_elsewhere() -> ScenarioEvidence {
    let mut evidence = pushed();
    let export = sample::on(&mut evidence, Target::Registry);
    export.inputs.may_refuse = Some(NO_LEAK.to_owned());
    export.inputs.faults = vec![fault(FaultKind::WantsCredentials), fault(FaultKind::Redirect)];
    let wire = export.wire.as_mut().unwrap();
    for record in wire.iter_mut() {
        (record.had_credentials, record.told) = (true, Some(Vec::new()));
    }
    let there = WireRecord {
        elsewhere: Some("127.0.0.2:4711".to_owned()),
        ..record(6, "GET", "/v2/run/manifests/sha256:0", 200)
    };
    wire.insert(0, there);
    evidence
}

fn no_leak() -> Trials {
    let leaks = with(0, |record| record.had_credentials = true);
    Trials::of(NO_LEAK)
        .from(led_elsewhere)
        .rejects("Authorization after a redirect", leaks)
        .rejects("Authorization with an upload", |e| {
            with(0, |record| {
                (record.method, record.status, record.had_credentials) = ("PUT".to_owned(), 201, true);
            })(e);
        })
        .rejects("Authorization in an export that fails after it", |e| {
            with(0, |record| record.had_credentials = true)(e);
            e.outcome.end = End::Exited(62);
        })
        .accepts("an export that fails after it followed", |e| e.outcome.end = End::Exited(62))
        .ignores("it did not follow, and credentials in other places were not looked for", |e| {
            e.wire.as_mut().unwrap().remove(0);
            forget(e);
        })
        .accepts("it did not follow", |e| drop(e.wire.as_mut().unwrap().remove(0)))
        .rejects("a password in User-Agent", with(1, told(Private::Credential, Some("user-agent"))))
        .rejects("the credentials of another registry", with(1, told(Private::Credential, Some("authorization"))))
        .rejects("a password in a query", with(2, told(Private::Credential, None)))
        .rejects(
            "a password in an upload",
            with(2, |record| {
                record.told = Some(vec![Leak { what: Private::Credential, header: None, in_body: true }]);
            }),
        )
        .rejects("a password in a header of an export without credentials in Authorization", |e| {
            e.wire.as_mut().unwrap().iter_mut().for_each(|record| record.had_credentials = false);
            with(1, told(Private::Credential, Some("user-agent")))(e);
        })
        .accepts("the host's name, which another row judges", with(1, told(Private::HostName, Some("user-agent"))))
        .ignores("it had no credentials", |e| {
            e.wire.as_mut().unwrap().iter_mut().for_each(|record| record.had_credentials = false);
        })
        .ignores("no recorder", |e| e.wire = None)
}

/// Requests that were looked through, and tell nothing.
fn looked_through() -> ScenarioEvidence {
    let mut evidence = pushed();
    for record in sample::on(&mut evidence, Target::Registry).wire.iter_mut().flatten() {
        record.told = Some(Vec::new());
    }
    evidence
}

fn surroundings() -> Trials {
    Trials::of("wire.surroundings-not-told")
        .from(looked_through)
        .rejects("the host's name in User-Agent", with(0, told(Private::HostName, Some("user-agent"))))
        .rejects("an address in From", with(0, told(Private::Sender, Some("from"))))
        .rejects("a variable in User-Agent", with(0, told(Private::Variable, Some("user-agent"))))
        .rejects("a variable in a query", with(2, told(Private::Variable, None)))
        .rejects("of an export that fails after it", |e| {
            with(0, told(Private::HostName, Some("x-host")))(e);
            e.outcome.end = End::Exited(62);
        })
        .accepts("a password, which another row judges", with(0, told(Private::Credential, Some("user-agent"))))
        .accepts("an export that fails", |e| e.outcome.end = End::Exited(62))
        .ignores("it was not looked for", forget)
        .ignores("no recorder", |e| e.wire = None)
}
