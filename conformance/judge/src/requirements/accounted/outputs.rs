//! What an export leaves for those who come after it: outputs that can be read, and no process of its own.

use crate::evidence::{End, Export};
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;

/// The bit of a mode that lets a file's owner read it.
const BY_ITS_OWNER: u32 = 0o400;

pub(super) fn outputs_can_be_read(export: &Export) -> Finding {
    if export.output_modes.is_empty() {
        return Finding::Skipped("the modes of report and layouts were not noted".to_owned());
    }
    // Whether others may read it is left to the exporter: files that are made under another name first are closed to them.
    match export.output_modes.iter().find(|(_, mode)| **mode & BY_ITS_OWNER == 0) {
        Some((path, mode)) => violated(
            format!("{path} cannot be read by its owner"),
            "a mode with which its owner reads it",
            format!("mode {mode:o}"),
            export.at("export.json#/output_modes"),
        ),
        None => Finding::Holds,
    }
}

pub(super) fn every_process_has_ended(export: &Export) -> Finding {
    match export.outcome.outlived {
        _ if matches!(export.outcome.end, End::TimedOut(_)) => not_applicable("the exporter was ended"),
        None => Finding::Skipped("processes that outlive the exporter were not looked for".to_owned()),
        // One that refuses whatever it is given starts nothing.
        Some(0) if export.outcome.end != End::Exited(0) => not_applicable("no process of a refused build runs on"),
        Some(0) => Finding::Holds,
        Some(count) => violated(
            "a process of the exporter still runs a second after it has ended",
            "none",
            format!("{count} of them"),
            export.at("export.json#/outcome/outlived"),
        ),
    }
}
