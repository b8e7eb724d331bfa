//! What is rejected of the use that is made of credentials, and of what is printed of them, and what is not.

use super::super::handed::{NOT_PRINTED, USED};
use super::{fault, pushed, refuse_all};
use crate::evidence::{End, Export, FaultKind, ScenarioEvidence, Stream, Target};
use crate::sample;
use crate::trial::{Trials, Wanted};

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

pub(super) fn credentials_used() -> Trials {
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

pub(super) fn credentials_not_printed() -> Trials {
    Trials::of(NOT_PRINTED)
        .from(given_credentials)
        .rejects("on standard output", |e| e.outcome.credentials_printed = Some(vec![Stream::Stdout]))
        .rejects("on standard error", |e| e.outcome.credentials_printed = Some(vec![Stream::Stderr]))
        .rejects("in a label", |e| e.outcome.credentials_printed = Some(vec![Stream::Config]))
        .rejects("in an annotation", |e| e.outcome.credentials_printed = Some(vec![Stream::Manifest]))
        .rejects("in a file that it left", |e| e.outcome.credentials_printed = Some(vec![Stream::File]))
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
