//! What is rejected of how credentials and tokens are asked for, and what must not be.

use super::{pushed, record};
use crate::evidence::{Channel, End, Export, ScenarioEvidence, Target, WireRecord};
use crate::sample;
use crate::trial::{Trials, Wanted};

pub(super) fn trials() -> [Trials; 5] {
    [certificates(), anonymous(), given_up(), given_up_on_failures(), scopes()]
}

/// An export that was refused for this, in which these requests were made.
fn refused(slug: &'static str, asked: fn() -> Vec<WireRecord>) -> impl Fn() -> ScenarioEvidence + 'static {
    move || {
        let mut evidence = sample::refused(slug, "ERROR: host.example");
        for export in evidence.exports.iter_mut().filter(|export| export.target == Target::Registry) {
            export.wire = Some(asked());
        }
        sample::add_controls(&mut evidence);
        evidence
    }
}

fn sent(change: impl Fn(&mut WireRecord) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let mut one = record(1, "GET", "/v2/app/manifests/latest", 401);
        change(&mut one);
        export.wire.as_mut().unwrap().push(one);
    }
}

fn certificates() -> Trials {
    let under = |channel: Channel, had_credentials: bool| {
        sent(move |one| (one.channel, one.had_credentials) = (Some(channel), had_credentials))
    };
    Trials::of("wire.certificates-verified")
        .from(refused("errors.doubtful-certificate", Vec::new))
        .rejects("credentials are sent", under(Channel::Doubtful, true))
        .rejects("the first question is sent", under(Channel::Doubtful, false))
        .rejects("it is sent, and the export succeeds", move |e| {
            under(Channel::Doubtful, false)(e);
            e.outcome.end = End::Exited(0);
        })
        .accepts("another registry under TLS", under(Channel::Tls, true))
        .accepts("a question in the clear, which another row judges", under(Channel::Clear, false))
        .ignores("another reason", |e| e.inputs.expected_failure = Some("errors.unauthorized".to_owned()))
        .ignores("no recorder", |e| e.wire = None)
        .whole("no good build", Wanted::NotJudged, |e, target| {
            e.exports.retain(|e| e.target != target || e.inputs.expected_failure.is_some());
        })
}

fn anonymous() -> Trials {
    Trials::of("wire.anonymous-without-credentials")
        .from(refused("errors.unauthorized", || vec![record(1, "GET", "/v2/", 401)]))
        .rejects("a password is guessed", sent(|one| one.had_credentials = true))
        .rejects("a password is guessed, and the export succeeds", |e| {
            sent(|one| one.had_credentials = true)(e);
            e.outcome.end = End::Exited(0);
        })
        .accepts("a question without", sent(|_| {}))
        .accepts(
            "credentials of another registry are sent there",
            sent(|one| {
                (one.had_credentials, one.status) = (true, 200);
            }),
        )
        .ignores("it was not asked", |e| e.wire = Some(Vec::new()))
        .ignores("another reason", |e| e.inputs.expected_failure = Some("errors.no-image".to_owned()))
        .ignores("no recorder", |e| e.wire = None)
}

/// The exchange with one more request before it.
fn with_one_more(one: WireRecord) -> ScenarioEvidence {
    let mut evidence = pushed();
    sample::on(&mut evidence, Target::Registry).wire.as_mut().unwrap().insert(0, one);
    evidence
}

fn given_up() -> Trials {
    let times = |count: u64| {
        move |export: &mut Export| {
            for sequence in 0..count {
                export.wire.as_mut().unwrap().push(record(100 + sequence, "HEAD", "/v2/app/blobs/sha256:0", 401));
            }
        }
    };
    Trials::of("wire.gives-up-on-401")
        .from(|| with_one_more(record(1, "GET", "/v2/", 401)))
        .rejects("a question is asked 41 times", times(41))
        .rejects("of an export that fails", move |e| {
            times(100)(e);
            e.outcome.end = End::Exited(1);
        })
        .accepts("as many blobs begin an upload at one place", times(40))
        .accepts("many questions once each", |e| {
            for sequence in 0..200 {
                let path = format!("/v2/app/blobs/sha256:{sequence}");
                e.wire.as_mut().unwrap().push(record(100 + sequence, "HEAD", path, 401));
            }
        })
        .ignores("no 401", |e| e.wire.as_mut().unwrap().retain(|one| one.status != 401))
        .ignores("no recorder", |e| e.wire = None)
}

fn given_up_on_failures() -> Trials {
    let times = |count: u64, status: u16| {
        move |export: &mut Export| {
            for sequence in 0..count {
                export.wire.as_mut().unwrap().push(record(100 + sequence, "POST", "/v2/app/blobs/uploads/", status));
            }
        }
    };
    Trials::of("wire.gives-up-on-failures")
        .from(|| with_one_more(record(1, "GET", "/v2/", 503)))
        .rejects("a request is failed 101 times", times(101, 503))
        .rejects("too many requests are told of, and more come", times(200, 429))
        .rejects("of an export that fails", move |e| {
            times(200, 500)(e);
            e.outcome.end = End::Exited(1);
        })
        .rejects("a fault that has no status", |e| {
            let met = |sequence: u64| WireRecord {
                fault: Some(0),
                ..record(100 + sequence, "PUT", "/v2/app/blobs/uploads/x", 0)
            };
            e.wire.as_mut().unwrap().extend((0..101_u64).map(met));
        })
        .accepts("each of many blobs is tried again", times(100, 503))
        .accepts("many uploads begin well", times(300, 202))
        .ignores("no failure", |e| e.wire.as_mut().unwrap().retain(|one| one.status < 500))
        .ignores("no recorder", |e| e.wire = None)
}

fn scopes() -> Trials {
    let asked = |query: &'static str| {
        move |export: &mut Export| {
            export.wire.as_mut().unwrap().insert(0, record(1, "GET", format!("/token?{query}"), 200));
        }
    };
    Trials::of("wire.token-scope")
        .from(|| with_one_more(record(2, "GET", "/token?service=x&scope=repository:app:pull,push", 200)))
        .rejects("to delete", asked("service=x&scope=repository:app:pull,push,delete"))
        .rejects("everything", asked("scope=repository%3Aapp%3A*"))
        .rejects("the list of all repositories", asked("scope=repository:app:pull&scope=registry:catalog:*"))
        .rejects("a second in one value", asked("scope=repository:app:pull+registry%3acatalog%3a%2A"))
        .accepts("to read", asked("service=x&scope=repository:app:pull"))
        .accepts("to write, and to mount", asked("scope=repository%3Aapp%3Apush%2Cpull&scope=repository:run:pull"))
        .accepts("a repository with a port and a path", asked("scope=repository:team/app:5000/x:pull"))
        .ignores("no scope", |e| "/token?service=x".clone_into(&mut e.wire.as_mut().unwrap()[0].target))
        .ignores("no token", |e| drop(e.wire.as_mut().unwrap().remove(0)))
        .ignores("no recorder", |e| e.wire = None)
}
