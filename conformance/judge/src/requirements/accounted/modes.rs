//! Modes that open what they are on: to everyone for writing, or to the owner's rights for who executes it. An input
//! may have them; an entry that has no input may not.

use super::super::platform_inputs as inputs;
use super::layers::{is_in_a_layer_to_re_use, on_disk};
use crate::evidence::{Entry, EntryKind, Export, Image};
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

/// Set-user-ID and set-group-ID.
const RIGHTS: u32 = 0o6000;
/// A sticky folder may be written by everyone: what others put there no one else can take away.
const STICKY: u32 = 0o1000;
const BY_EVERYONE: u32 = 0o002;

/// The bits of an entry's mode that open it.
fn opened(entry: &Entry) -> u32 {
    let rights = if entry.kind == EntryKind::File { entry.mode & RIGHTS } else { 0 };
    let is_shared = entry.kind == EntryKind::Directory && entry.mode & STICKY != 0;
    rights | if is_shared { 0 } else { entry.mode & BY_EVERYONE }
}

pub(super) fn nothing_is_opened(export: &Export, image: &Image) -> Finding {
    let layers = inputs::layers(export);
    for (path, entry) in view::new_files(export, image) {
        if !matches!(entry.kind, EntryKind::File | EntryKind::Directory) || is_in_a_layer_to_re_use(&layers, &path) {
            continue;
        }
        let given = export.inputs.file(on_disk(export, &path)).map_or(0, |file| file.mode);
        let more = opened(entry) & !given;
        if more != 0 {
            let what = if more & RIGHTS == 0 { "can be written by everyone" } else { "gives its owner's rights" };
            let message = format!("{path} {what}, and no input is so");
            let found = format!("mode {:o}", entry.mode);
            return violated(
                message,
                format!("mode {:o}", entry.mode & !more),
                found,
                export.at("export.json#/image/layers"),
            );
        }
    }
    Finding::Holds
}
