//! Files of the app folder and of layers: odd names, modes, links and empty folders.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

use super::text::{any_text, one_of};
use crate::generated::{Kind, TreeFile};

/// Folders; plain ones are those that slices name.
const FOLDERS: &[&str] =
    &["static", "bin", "a", "\u{fc}bersicht", "with space", "deep.d", "a-folder-with-a-long-name-that-fills-a-header"];

/// Names. None begins with `.wh.`, which no layer can hold.
const NAMES: &[&str] = &[
    "a",
    "main.txt",
    "B",
    "site.css",
    ".hidden",
    "...",
    "-dash",
    "with space",
    " leading",
    "trailing ",
    "\u{e9}",
    "e\u{301}",
    "\u{540d}\u{524d}.txt",
    "\u{1f600}",
    "new\nline",
    "tab\there",
    "quote'\"",
    "back\\slash",
    "glob[1]*?",
    "%41$HOME",
    "~",
    "#",
    "\u{202e}txt",
    "one-hundred-and-one-bytes-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-012345678",
];

/// Where links point: to what is there or not, out of the tree, and further than a header holds.
const TARGETS: &[&str] = &[
    "a",
    "main.txt",
    "../a",
    "nowhere",
    "/etc/passwd",
    "static/",
    "e\u{301}",
    ".",
    "a//b/./c",
    "a-target-of-more-than-one-hundred-bytes/0123456789-0123456789-0123456789-0123456789-0123456789/0123456789",
];

/// Modes of files. The owner can read all of them.
const MODES: &[u32] = &[0o644, 0o755, 0o600, 0o400, 0o444, 0o777, 0o4755, 0o2755, 0o6711, 0o1644];

/// Modes of empty folders. The owner can list all of them.
const FOLDER_MODES: &[u32] = &[0o755, 0o700, 0o555, 0o777, 0o1777, 0o2775];

/// A tree of up to `most` files.
pub(super) fn files(most: usize) -> impl Strategy<Value = Vec<TreeFile>> {
    vec(file(), 0..=most)
}

fn file() -> impl Strategy<Value = TreeFile> {
    let long = Just("b".repeat(255));
    let name = prop_oneof![30 => one_of(NAMES), 1 => long];
    (vec(one_of(FOLDERS), 0..4), name, kind()).prop_map(|(folders, name, kind)| TreeFile { folders, name, kind })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        10 => (prop_oneof![Just(String::new()), any_text()], select(MODES)).prop_map(|(text, mode)| Kind::Text(text, mode)),
        2 => (0_u32..40_000, select(MODES)).prop_map(|(size, mode)| Kind::Bytes(size, mode)),
        3 => one_of(TARGETS).prop_map(Kind::Symlink),
        2 => Just(Kind::HardLink),
        2 => select(FOLDER_MODES).prop_map(Kind::EmptyFolder),
    ]
}
