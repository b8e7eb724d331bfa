//! The dimensions by theme.

mod building;
mod calling;
mod files;
mod layers;
mod stores;
mod values;

use super::Dimension;

/// All of them, in the order of the document.
pub(super) fn all() -> Vec<Dimension> {
    [
        calling::dimensions,
        stores::dimensions,
        layers::dimensions,
        building::dimensions,
        files::dimensions,
        values::dimensions,
    ]
    .into_iter()
    .flat_map(|theme| theme())
    .collect()
}

/// The classes of values of annotations.
#[cfg(test)]
pub(super) fn classes() -> &'static [values::Class] {
    values::CLASSES
}
