//! The build folder listed before an export and again after it: what the exporter changed there. It holds every input,
//! and every place that an export may write to.

use judge::evidence::ChangedFile;

use crate::observe::Snapshot;
use crate::scenario::materialise::BuildDir;

/// The build folder as it was before an export.
pub(super) struct Listed(Snapshot);

impl Listed {
    /// Lists it; none where that cannot be done.
    pub(super) fn before(build_dir: &BuildDir) -> Option<Self> {
        Snapshot::of(&build_dir.host_path, &build_dir.for_exporter("")).ok().map(Self)
    }

    /// What is otherwise now; none where it cannot be listed.
    pub(super) fn changes(&self, build_dir: &BuildDir) -> Option<Vec<ChangedFile>> {
        self.0.changes(&build_dir.host_path, &build_dir.for_exporter("")).ok()
    }
}
