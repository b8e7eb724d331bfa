//! How much memory and disk a run may take, whatever an exporter made or a file of the user's holds, in one place. How
//! long it may take is in [`crate::limits`]. What an exporter made beyond this is told by a verdict on it; what a file
//! of the user's holds beyond it, by one message that names the file.

/// Most bytes of a manifest, index, config, report or layout file: what is larger is not read into memory.
pub const DOCUMENT: usize = 16 << 20;
/// Most bytes of one blob.
pub const BLOB: u64 = 8 << 30;
/// Most bytes of all blobs of one layout.
pub const LAYOUT: u64 = 4 << 30;
/// Most bytes of all blobs that a run keeps.
pub const KEPT_BLOBS: u64 = 32 << 30;
/// Most bytes that a layer decompresses to.
pub const UNCOMPRESSED: u64 = 8 << 30;
/// Most entries of one layer's tar.
pub const ENTRIES: usize = 300_000;
/// Most memory of the listing of one layer.
pub const LISTING: usize = 48 << 20;
/// Most memory of what is kept of the listing of a layer that has no room for all of it.
pub const START_OF_LISTING: usize = 1 << 20;
/// Most memory of the listings of all layers of a run: they are there until it is judged.
pub const LISTINGS: usize = 112 << 20;

/// Most bytes of a file that a person writes: a scenario's, a description, a profile, a baseline.
pub const TEXT: u64 = 4 << 20;
/// Most bytes of a file in a scenario's folder.
pub const SOURCE: u64 = 64 << 20;
/// Most bytes of a file that the suite wrote and reads again: a report, an index of evidence, an export.
pub const RECORD: u64 = 64 << 20;
/// Most bytes of what is read of one stored run: a hundred exports have 4 MiB.
pub const EVIDENCE: u64 = 128 << 20;
/// Most bytes of what a bundle holds except for blobs, which are hashed on their way and take no room.
pub const BUNDLE: u64 = 256 << 20;
/// Most files of a bundle.
pub const BUNDLE_FILES: usize = 100_000;
