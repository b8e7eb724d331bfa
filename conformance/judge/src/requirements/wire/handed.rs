//! Credentials that an exporter is given for a registry: it uses them, and tells no one.

use crate::evidence::{Export, Stream};
use crate::requirement::{Case, UNSEEN, not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view;

/// The slug that a scenario names which gives credentials: an exporter need not use them.
pub(super) const USED: &str = "wire.credentials-used";
/// The slug of what it prints.
pub(super) const NOT_PRINTED: &str = "wire.credentials-not-printed";

pub(super) fn they_are_used(case: &Case<'_>) -> Finding {
    let given = case.exports.iter().filter(|export| export.inputs.may_refuse.as_deref() == Some(USED));
    let findings: Vec<Finding> = given.map(|export| is_used(case, export)).collect();
    if findings.is_empty() {
        return not_applicable("no export of this scenario is given credentials that the registry wants");
    }
    together(findings)
}

fn is_used(case: &Case<'_>, export: &Export) -> Finding {
    if let Some(trouble) = export.troubles.first() {
        return Finding::Error(trouble.clone());
    }
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    if export.outcome.succeeded() {
        let had_some = wire.iter().any(|record| record.had_credentials);
        return if had_some { Finding::Holds } else { not_applicable("the registry wanted no credentials") };
    }
    case.uncontrolled(export).unwrap_or_else(|| {
        violated(
            "the registry wants credentials, the exporter was given them, and the export failed",
            "exit 0",
            view::ended(export),
            view::last_words_at(export),
        )
    })
}

pub(super) fn they_are_not_printed(case: &Case<'_>) -> Finding {
    let used = |export: &Export| export.wire.iter().flatten().any(|record| record.had_credentials);
    together(case.exports.iter().map(|export| match export.outcome.credentials_printed.as_deref() {
        None => not_applicable("the exporter was given no credentials"),
        Some([]) if export.outcome.succeeded() || used(export) => Finding::Holds,
        Some([]) => not_applicable("the exporter failed before it used the credentials that it was given"),
        Some([stream, ..]) => violated(
            match stream {
                Stream::Stdout | Stream::Stderr => "the exporter printed a credential that it was given",
                Stream::Config | Stream::Manifest => "the exporter put a credential that it was given into the image",
                Stream::Report => "the exporter put a credential that it was given into the report",
                Stream::File => "the exporter left a file with a credential that it was given",
            },
            "no credential",
            "a password or token, which is left out of what is kept",
            export.at(stream.file()),
        ),
    }))
}
