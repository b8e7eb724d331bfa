//! Where a registry has TLS: what is sent without it all the same.

use super::elsewhere::NO_LEAK;
use crate::evidence::{Channel, Export, WireRecord};
use crate::requirement::{Case, UNSEEN, not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view;

/// The slug of what holds for credentials.
pub(super) const PLAINTEXT: &str = "wire.plaintext";
/// The slug that a scenario names whose registry has a certificate that is not to be trusted.
const DOUBTFUL: &str = "errors.doubtful-certificate";
/// The slug that a scenario names which has the registry lead to a place without TLS: an exporter need not follow.
pub(super) const KEEPS_TLS: &str = "wire.keeps-tls";

/// Whatever became of the export: what was sent was sent.
pub(super) fn nothing_is_sent_under_a_doubtful_certificate(case: &Case<'_>) -> Finding {
    let asked = case.exports.iter().filter(|export| export.inputs.expected_failure.as_deref() == Some(DOUBTFUL));
    let findings: Vec<Finding> = asked
        .map(|export| {
            if let Some(trouble) = export.troubles.first() {
                return Finding::Error(trouble.clone());
            }
            let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
            let sent = || wire.iter().filter(|record| record.channel == Some(Channel::Doubtful));
            match sent().find(|record| record.had_credentials).or_else(|| sent().next()) {
                Some(record) if record.had_credentials => violated(
                    "credentials were sent under a certificate that is not to be trusted",
                    "no request",
                    shown(record),
                    place(export),
                ),
                Some(record) => violated(
                    "a request was sent under a certificate that is not to be trusted",
                    "no request",
                    shown(record),
                    place(export),
                ),
                // An exporter that refuses every build has looked at no certificate.
                None => case.uncontrolled(export).unwrap_or(Finding::Holds),
            }
        })
        .collect();
    if findings.is_empty() {
        return not_applicable("no registry of this scenario has a certificate that is not to be trusted");
    }
    together(findings)
}

/// Whatever became of the export: what was sent was sent.
pub(super) fn credentials_stay_under_tls(case: &Case<'_>) -> Finding {
    each(case, |export, wire| {
        if let Some(record) = wire.iter().find(|record| record.is_in_the_clear() && record.had_credentials) {
            let message = "credentials for a registry that has TLS were sent in the clear";
            let found = violated(message, "Authorization under TLS alone", shown(record), place(export));
            // To another host they must not go in any way.
            return if record.is_to_the_registry() { found } else { found.following(&[NO_LEAK]) };
        }
        if wire.iter().any(|record| record.channel == Some(Channel::Tls) && record.had_credentials) {
            return Finding::Holds;
        }
        not_applicable("the exporter sent no credentials at all")
    })
}

pub(super) fn all_stays_under_tls(case: &Case<'_>) -> Finding {
    each(case, |export, wire| {
        let left = |record: &&WireRecord| record.is_in_the_clear() && !is_probe(record);
        let first = wire.iter().find(|record| left(record) && !record.had_credentials);
        let Some(record) = first.or_else(|| wire.iter().find(left)) else { return Finding::Holds };
        let message = "what is for a registry that has TLS was asked or sent in the clear";
        let found = violated(message, "every request under TLS", shown(record), place(export));
        if record.had_credentials { found.following(&[PLAINTEXT, NO_LEAK]) } else { found }
    })
}

/// Asks of each export before which a recorder spoke TLS.
fn each<'a>(case: &Case<'a>, judge: impl Fn(&'a Export, &'a [WireRecord]) -> Finding) -> Finding {
    together(case.exports.iter().map(|export| {
        if let Some(trouble) = export.troubles.first() {
            return Finding::Error(trouble.clone());
        }
        match export.wire.as_deref() {
            None => Finding::Skipped(UNSEEN.to_owned()),
            Some(wire) if wire.iter().all(|record| record.channel.is_none()) => {
                not_applicable("the registry has no TLS, or nothing was sent to it")
            }
            Some(wire) => judge(export, wire),
        }
    }))
}

/// Whether it finds out how the registry is spoken to, and tells nothing: clients ask a registry on loopback in both
/// ways at once.
fn is_probe(record: &WireRecord) -> bool {
    matches!(record.method.as_str(), "GET" | "HEAD")
        && matches!(record.path(), "/v2/" | "/v2")
        && !record.had_credentials
        && record.request_bytes == 0
}

fn shown(record: &WireRecord) -> String {
    let at = record.elsewhere.as_deref().map_or_else(String::new, |host| format!(" at {host}"));
    view::cut(&format!("{} {}{at}", record.method, record.path()))
}

fn place(export: &Export) -> String {
    export.at("export.json#/wire")
}
