//! What the theme rejects, and what it must not.

mod config;
mod edits;
mod extension;
mod files;
mod labels;
mod layers;
mod previous;
mod process;

pub(super) use process::contradicted;

use crate::trial::{self, Trial};

pub(in super::super) fn trials() -> Vec<Trial> {
    let rows = process::process()
        .into_iter()
        .chain(config::base())
        .chain(layers::layers())
        .chain([layers::app()])
        .chain(files::files())
        .chain(config::run());
    trial::all(
        rows.chain(labels::metadata())
            .chain(labels::lifecycle())
            .chain(labels::layers_in_the_label())
            .chain([labels::app_in_the_label()])
            .chain(extension::trials())
            .chain(labels::more_labels())
            .chain(process::steps())
            .chain([previous::reused()])
            .chain([files::sboms(), process::flags(), process::written(), process::nothing_left()]),
    )
}
