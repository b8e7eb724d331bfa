//! Two runs' outputs of one export, field by field.

use judge::difference::{self, Output};
use judge::evidence::Export;

use super::FieldChange;

/// Fields of manifest, config, layers and report that differ between two exports' images; none where either is no image.
pub(super) fn changed(old: &Export, new: &Export) -> Vec<FieldChange> {
    let (Some(old), Some(new)) = (Output::stored(old), Output::stored(new)) else { return Vec::new() };
    let found = difference::compare(&old, &new).differences.into_iter();
    found.map(|one| FieldChange { field: one.field, old: one.left, new: one.right }).collect()
}
