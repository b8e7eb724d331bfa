//! What requests tell in addition to what they ask: a credential, a variable, the name of the machine.

use crate::evidence::{Export, Private, WireRecord};
use crate::requirement::{Case, UNSEEN, not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view;

/// The first request that tells one of these.
pub(super) fn first(export: &Export, wire: &[WireRecord], of: &[Private]) -> Option<Finding> {
    let told = |record: &WireRecord| record.told.iter().flatten().find(|told| of.contains(&told.what)).cloned();
    let (record, told) = wire.iter().find_map(|record| Some((record, told(record)?)))?;
    let (message, expected) = match told.what {
        Private::Credential if told.header.as_deref() == Some("authorization") => {
            ("a registry was sent the credentials that are for another", "its own, or none")
        }
        Private::Credential if told.in_body => {
            ("a credential was uploaded, be it in the image or not", "blobs of what the build left alone")
        }
        Private::Credential => {
            ("a request told a credential elsewhere than in Authorization", "a credential in Authorization alone")
        }
        Private::Variable => ("a request told the value of a variable of the exporter's", "nothing but what is asked"),
        Private::Sender => ("a request told who runs the exporter", "nothing but what is asked"),
        Private::HostName => ("a request told the name of the exporter's machine", "nothing but what is asked"),
    };
    let place = match told.header {
        Some(name) => format!("in its header {name}"),
        None if told.in_body => "in its body".to_owned(),
        None => "in its target".to_owned(),
    };
    let observed = view::cut(&format!("{} {}: {place}", record.method, record.path()));
    Some(violated(message, expected, observed, export.at("export.json#/wire")))
}

/// Whether it was looked for at all.
pub(super) fn was_looked_for(wire: &[WireRecord]) -> bool {
    wire.iter().any(|record| record.told.is_some())
}

/// Whatever became of the export: what was sent was sent.
pub(super) fn surroundings_are_not_told(case: &Case<'_>) -> Finding {
    together(case.exports.iter().map(|export| {
        if let Some(trouble) = export.troubles.first() {
            return Finding::Error(trouble.clone());
        }
        let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
        if !was_looked_for(wire) {
            return not_applicable("no request was looked through for what it tells");
        }
        first(export, wire, &[Private::Variable, Private::HostName, Private::Sender]).unwrap_or(Finding::Holds)
    }))
}
