//! What an exporter asks for of those who give credentials and tokens.

use std::collections::BTreeMap;

use crate::evidence::{Export, WireRecord};
use crate::requirement::{Case, Needs, REGISTRY, Requirement, Source, UNSEEN, not_applicable, together, violated};
use crate::verdict::{Finding, Level};
use crate::view;

/// The slug that a scenario names whose registry wants credentials that no one has.
const UNAUTHORIZED: &str = "errors.unauthorized";

fn each<'a>(case: &Case<'a>, judge: impl Fn(&'a Export, &'a [WireRecord]) -> Finding) -> Finding {
    together(case.exports.iter().map(|export| match (export.troubles.first(), export.wire.as_deref()) {
        (Some(trouble), _) => Finding::Error(trouble.clone()),
        (None, None) => Finding::Skipped(UNSEEN.to_owned()),
        (None, Some(wire)) => judge(export, wire),
    }))
}

/// Whatever became of the export: what was sent was sent.
pub(super) fn without_credentials_it_is_anonymous(case: &Case<'_>) -> Finding {
    each(case, |export, wire| {
        if export.inputs.expected_failure.as_deref() != Some(UNAUTHORIZED) {
            return not_applicable("no registry of this scenario wants credentials that the exporter lacks");
        }
        // Credentials that are good are for another registry.
        match wire.iter().find(|record| record.status == 401 && record.had_credentials) {
            Some(record) => violated(
                "a registry for which there are no credentials was sent some",
                "a request without Authorization",
                shown(record),
                export.at("export.json#/wire"),
            ),
            None if wire.iter().any(|record| record.status == 401) => Finding::Holds,
            None => not_applicable("the registry was not asked"),
        }
    })
}

/// How often one path may be refused: every blob of an image begins an upload at the same one.
const MOST: usize = 40;

pub(super) fn a_401_is_taken_for_an_answer(case: &Case<'_>) -> Finding {
    each(case, |export, wire| {
        let refused = wire.iter().filter(|record| record.status == 401);
        at_most(export, MOST, "answered 401", refused)
    })
}

pub(super) const ENDS: Requirement = Requirement::new(
    Level::Should,
    "wire.gives-up-on-failures",
    "a request that a registry fails is not made again and again",
    Source::own("wire"),
    failures_are_taken_for_an_answer,
)
.because("a registry that fails has too much to do already; clients that go on at once keep it from coming back")
.looks_like("the same request a thousand times within seconds, each answered 503 or by a closed connection")
.fix("repeat a request a few times, with longer and longer waits, and end the export then")
.when(
    "a recorder stood between exporter and registry, and a request was answered 429 or 5xx, or met a registry's fault",
)
.on(REGISTRY)
.needing(Needs::Process);

/// How often one path may fail: as for [`MOST`], and each a few times.
const MOST_FAILURES: usize = 100;

fn failures_are_taken_for_an_answer(case: &Case<'_>) -> Finding {
    each(case, |export, wire| {
        let is_failure = |record: &&WireRecord| record.status == 429 || record.status >= 500 || record.fault.is_some();
        at_most(export, MOST_FAILURES, "failed by the registry", wire.iter().filter(is_failure))
    })
}

/// Holds where none of these requests is there more than so many times.
fn at_most<'a>(export: &Export, most: usize, what: &str, requests: impl Iterator<Item = &'a WireRecord>) -> Finding {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for record in requests {
        *counts.entry((&record.method, record.path())).or_default() += 1;
    }
    if counts.is_empty() {
        return not_applicable(format!("no request was {what}"));
    }
    match counts.into_iter().find(|(_, count)| *count > most) {
        Some(((method, path), count)) => violated(
            format!("a request that is {what} is made again and again"),
            format!("at most {most} times"),
            view::cut(&format!("{method} {path}: {count} times")),
            export.at("export.json#/wire"),
        ),
        None => Finding::Holds,
    }
}

/// What pushing takes.
const ACTIONS: [&str; 2] = ["pull", "push"];

pub(super) fn tokens_are_for_what_is_needed(case: &Case<'_>) -> Finding {
    each(case, |export, wire| {
        let scopes: Vec<(&WireRecord, String)> = wire
            .iter()
            .filter(|record| !record.path().starts_with("/v2/"))
            .flat_map(|record| scopes(&record.target).into_iter().map(move |scope| (record, scope)))
            .collect();
        if scopes.is_empty() {
            return not_applicable("no token was asked for");
        }
        match scopes.iter().find(|(_, scope)| !is_needed(scope)) {
            Some((_, scope)) => violated(
                "a token was asked for that is good for more than an export does",
                "repository:NAME:pull,push at most",
                view::cut(scope),
                export.at("export.json#/wire"),
            ),
            None => Finding::Holds,
        }
    })
}

/// The scopes that a query asks for.
fn scopes(target: &str) -> Vec<String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let values = query.split('&').filter_map(|pair| pair.strip_prefix("scope="));
    let written = |text: &str| {
        let signs = [("%3A", ":"), ("%2C", ","), ("%2F", "/"), ("%2A", "*"), ("%20", " "), ("+", " ")];
        let lower = |text: String, sign: &str, by: &str| text.replace(sign, by).replace(&sign.to_lowercase(), by);
        signs.iter().fold(text.to_owned(), |text, (sign, by)| lower(text, sign, by))
    };
    values.flat_map(|value| written(value).split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn is_needed(scope: &str) -> bool {
    let named = scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'));
    named.is_some_and(|(name, actions)| !name.is_empty() && actions.split(',').all(|one| ACTIONS.contains(&one)))
}

fn shown(record: &WireRecord) -> String {
    view::cut(&format!("{} {}", record.method, record.path()))
}
