//! What the trials of the theme share.

use crate::digest::Digest;
use crate::evidence::Export;
use crate::sample;
use crate::trial::Trials;

pub(super) fn of(slug: &str) -> Trials {
    Trials::of(slug).from(sample::rebased)
}

pub(super) fn other_digest() -> String {
    Digest::of(b"another image").to_string()
}

/// Changes the image that was there before.
pub(in super::super) fn before(export: &mut Export, change: impl FnOnce(&mut Export)) {
    let after = export.image.take();
    export.image = export.rebase.as_ref().and_then(|rebase| rebase.app.clone());
    let (tags, report, daemon) = (export.tags.clone(), export.report.clone(), export.daemon.clone());
    change(export);
    let changed = export.image.take();
    export.rebase.as_mut().unwrap().app = changed;
    export.image = after;
    (export.tags, export.report, export.daemon) = (tags, report, daemon);
}
