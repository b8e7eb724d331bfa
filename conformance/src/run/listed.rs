//! The build folder listed before an export and again after it: what the exporter changed there. It holds every input,
//! and every place that an export may write to.

use judge::evidence::ChangedFile;

use crate::observe::Snapshot;
use crate::scenario::materialise::Places;

/// The build folder as it was before an export.
pub(super) struct Listed(Snapshot);

impl Listed {
    /// Lists it; none where that cannot be done.
    pub(super) fn before(places: &Places) -> Option<Self> {
        Snapshot::of(&places.here, &places.seen("")).ok().map(Self)
    }

    /// What is otherwise now; none where it cannot be listed.
    pub(super) fn changes(&self, places: &Places) -> Option<Vec<ChangedFile>> {
        self.0.changes(&places.here, &places.seen("")).ok()
    }
}
