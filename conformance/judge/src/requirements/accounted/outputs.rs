//! What an export leaves for those who come after it: outputs that can be read, no process of its own, and a machine
//! that is as it was.

use super::super::platform::written::caches_and_scratch;
use crate::evidence::{End, Export};
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// The bit of a mode that lets a file's owner read it.
const BY_ITS_OWNER: u32 = 0o400;

pub(super) fn outputs_can_be_read(export: &Export) -> Finding {
    if export.output_modes.is_empty() {
        return Finding::Skipped("the modes of report and layouts were not noted".to_owned());
    }
    // Whether others may read it is left to the exporter: files that are made under another name first are closed to
    // them.
    match export.output_modes.iter().find(|(_, mode)| **mode & BY_ITS_OWNER == 0) {
        Some((path, mode)) => violated(
            format!("{path} cannot be read by its owner"),
            "a mode with which its owner reads it",
            format!("mode {mode:o}"),
            export.at("export.json#/output_modes"),
        ),
        None => written_by_no_other(export),
    }
}

/// The bit of a mode that lets everyone write.
const BY_EVERYONE: u32 = 0o002;

/// A umask that lets everyone write is the platform's own doing.
fn written_by_no_other(export: &Export) -> Finding {
    let umask = export.inputs.surroundings.get("umask").and_then(|text| u32::from_str_radix(text, 8).ok());
    if umask.is_some_and(|umask| umask & BY_EVERYONE == 0) {
        return Finding::Holds;
    }
    match export.output_modes.iter().find(|(_, mode)| **mode & BY_EVERYONE != 0) {
        Some((path, mode)) => violated(
            format!("{path} can be written by everyone"),
            "a mode with which no other user writes it",
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

/// Folders of the machine that are for what programs keep while they run, and for what they say.
const RUNNING: [&str; 4] = ["/run", "/var/run", "/var/log", "/dev"];
/// Folders of the machine for caches, and those of them that the library containers/image keeps.
const CACHES: [&str; 2] = ["/var/cache", "/var/lib/containers/cache"];

pub(super) fn the_machine_is_as_it_was(export: &Export) -> Finding {
    let Some(written) = &export.outcome.written else {
        return Finding::Skipped("writes outside of the build were not observed".to_owned());
    };
    if export.outcome.end != End::Exited(0) && written.is_empty() {
        return not_applicable("a refused build writes nothing");
    }
    let own = caches_and_scratch(export);
    let is_permitted = |path: &str| {
        let places = own.iter().map(String::as_str).chain(RUNNING).chain(CACHES);
        places.into_iter().any(|folder| path == folder || view::is_below(path, folder))
    };
    let others: Vec<&String> = written.iter().filter(|path| !is_permitted(path)).collect();
    let Some(first) = others.first() else { return Finding::Holds };
    violated(
        "the export writes a file of the machine that is neither its build's nor a cache",
        "files of the build, in folders for scratch files, in HOME and in caches alone",
        format!("{}{}", view::cut(first), view::and_more(others.len())),
        export.at("export.json#/outcome/written"),
    )
}
