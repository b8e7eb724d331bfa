//! Where credentials go: to no other host, wherever the registry leads, and nowhere but into Authorization.

use super::told;
use crate::evidence::{Export, Private, WireRecord};
use crate::requirement::{Case, UNSEEN, not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view;

/// The slug that a scenario names which has the registry lead elsewhere: an exporter need not follow.
pub(super) const NO_LEAK: &str = "wire.no-credential-leak";

/// Whatever became of the export: what was sent was sent.
pub(super) fn credentials_stay_at_their_registry(case: &Case<'_>) -> Finding {
    together(case.exports.iter().map(|export| of_one(export)))
}

fn of_one(export: &Export) -> Finding {
    if let Some(trouble) = export.troubles.first() {
        return Finding::Error(trouble.clone());
    }
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    if let Some(found) = told::first(export, wire, &[Private::Credential]) {
        return found;
    }
    let elsewhere: Vec<&WireRecord> = wire.iter().filter(|record| !record.is_to_the_registry()).collect();
    if elsewhere.is_empty() && !told::was_looked_for(wire) {
        return not_applicable("the registry led to no other host, or the exporter did not follow");
    }
    match elsewhere.into_iter().find(|record| record.had_credentials) {
        Some(record) => violated(
            "credentials for the registry were sent to another host",
            "a request without Authorization",
            view::cut(&format!(
                "{} {} at {}",
                record.method,
                record.path(),
                record.elsewhere.as_deref().unwrap_or_default()
            )),
            export.at("export.json#/wire"),
        ),
        // Without credentials nothing could have been sent along.
        None if wire.iter().any(|record| record.had_credentials) => Finding::Holds,
        None => not_applicable("the exporter sent no credentials at all"),
    }
}
