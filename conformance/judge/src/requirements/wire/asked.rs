//! What an exporter asks for of those who give credentials and tokens.

use std::collections::BTreeMap;

use crate::evidence::{Export, WireRecord};
use crate::requirement::{Case, UNSEEN, not_applicable, together, violated};
use crate::verdict::Finding;
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
        let mut refused: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for record in wire.iter().filter(|record| record.status == 401) {
            *refused.entry((&record.method, record.path())).or_default() += 1;
        }
        if refused.is_empty() {
            return not_applicable("no request was answered 401");
        }
        match refused.into_iter().find(|(_, count)| *count > MOST) {
            Some(((method, path), count)) => violated(
                "a request that is answered 401 is made again and again",
                format!("at most {MOST} times"),
                view::cut(&format!("{method} {path}: {count} times")),
                export.at("export.json#/wire"),
            ),
            None => Finding::Holds,
        }
    })
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
