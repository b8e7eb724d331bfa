//! Files of the app and of launch layers.

use crate::generated::{Build, Kind as Made, TreeFile};
use crate::promises::{Dimension, StepView, Value};
use crate::scenario::materialise::{Kind, Node};

pub(super) fn dimensions() -> Vec<Dimension> {
    vec![kinds(), modes(), sizes(), names(), counts()]
}

/// Adds a file to the app of a generated build.
fn put(build: &mut Build, name: &str, kind: Made) {
    build.app.push(TreeFile { folders: Vec::new(), name: name.to_owned(), kind });
}

fn any(fits: impl Fn(&str, &Node) -> bool + 'static) -> impl Fn(&StepView<'_>) -> bool {
    move |seen| seen.exported().into_iter().any(|(path, node)| fits(path, node))
}

fn good(fits: impl Fn(&str, &Node) -> bool + 'static) -> impl Fn(&StepView<'_>) -> bool {
    move |seen| seen.is_good() && seen.exported().into_iter().any(|(path, node)| fits(path, node))
}

fn link(fits: fn(&str) -> bool) -> impl Fn(&StepView<'_>) -> bool {
    good(move |_, node| matches!(&node.kind, Kind::Symlink(target) if fits(target)))
}

fn kinds() -> Dimension {
    Dimension::new(
        "Kinds of files",
        "What an app or a launch layer holds.",
        vec![
            Value::new("a regular file", good(|_, node| matches!(node.kind, Kind::File(_))))
                .made(|build| put(build, "kind", Made::Text("text".to_owned(), 0o644))),
            Value::new("a file with holes", good(|_, node| matches!(node.kind, Kind::Sparse(_)))),
            Value::new("an empty folder", good(|_, node| node.kind == Kind::Directory))
                .made(|build| put(build, "kind", Made::EmptyFolder(0o755))),
            Value::new("a link within", link(|target| !target.starts_with('/') && !target.contains("..")))
                .made(|build| put(build, "kind", Made::Symlink("README.md".to_owned()))),
            Value::new("an absolute link", link(|target| target.starts_with('/')))
                .made(|build| put(build, "kind", Made::Symlink("/etc/passwd".to_owned()))),
            Value::new("a link upwards", link(|target| target.starts_with("..")))
                .made(|build| put(build, "kind", Made::Symlink("../other".to_owned()))),
            Value::new("a link of more than 255 bytes", link(|target| target.len() > 255)),
            Value::new("a hard link", good(|_, node| matches!(node.kind, Kind::HardLink(_)))).made(|build| {
                put(build, "linked", Made::Text("text".to_owned(), 0o644));
                put(build, "kind", Made::HardLink);
            }),
            Value::new("a socket", any(|_, node| node.kind == Kind::Socket)),
            Value::new("a pipe", any(|_, node| node.kind == Kind::Fifo)),
        ],
    )
}

fn modes() -> Dimension {
    fn make(build: &mut Build, mode: u32) {
        put(build, "moded", Made::Text("text".to_owned(), mode));
    }
    let file = |mode: u32| good(move |_, node| matches!(node.kind, Kind::File(_)) && node.mode == mode);
    let bit = |bit: u32| good(move |_, node| node.mode & bit != 0);
    Dimension::new(
        "Modes of files",
        "Permission bits.",
        vec![
            Value::new("644", file(0o644)).made(|build| make(build, 0o644)),
            Value::new("755", file(0o755)).made(|build| make(build, 0o755)),
            Value::new(
                "for the owner alone",
                good(|_, node| matches!(node.kind, Kind::File(_)) && node.mode.trailing_zeros() >= 6),
            )
            .made(|build| make(build, 0o600)),
            Value::new("setuid", bit(0o4000)).made(|build| make(build, 0o4755)),
            Value::new("setgid", bit(0o2000)).made(|build| make(build, 0o2755)),
            Value::new("sticky", bit(0o1000)).made(|build| make(build, 0o1644)),
            Value::new("unreadable", any(|_, node| node.mode & 0o444 == 0)),
        ],
    )
}

fn sizes() -> Dimension {
    fn make(build: &mut Build, size: u32) {
        put(build, "sized", Made::Bytes(size, 0o644));
    }
    let size = |range: std::ops::RangeInclusive<usize>| {
        good(move |_, node| matches!(&node.kind, Kind::File(bytes) if range.contains(&bytes.len())))
    };
    Dimension::new(
        "Sizes of files",
        "Around a block of a tar, and beyond buffers.",
        vec![
            Value::new("0", size(0..=0)).made(|build| make(build, 0)),
            Value::new("1 to 511", size(1..=511)).made(|build| make(build, 1)),
            Value::new("512", size(512..=512)).made(|build| make(build, 512)),
            Value::new("513", size(513..=513)).made(|build| make(build, 513)),
            Value::new("64 KiB and more", size(65_536..=usize::MAX)).made(|build| make(build, 65_537)),
            Value::new("8 MiB and more", size(8 << 20..=usize::MAX)),
        ],
    )
}

fn names() -> Dimension {
    fn make(build: &mut Build, name: &str) {
        put(build, name, Made::Text("text".to_owned(), 0o644));
    }
    fn is_plain(name: &str) -> bool {
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
    }
    let name = |fits: fn(&str) -> bool| good(move |path, _| path.split('/').any(fits));
    Dimension::new(
        "Names of files",
        "Characters and lengths.",
        vec![
            Value::new("plain", name(is_plain)).made(|build| make(build, "plain.txt")),
            Value::new("blanks", name(|name| name.trim().contains(' '))).made(|build| make(build, "with a blank")),
            Value::new("blanks at an end", name(|name| name != name.trim())),
            Value::new("a newline", name(|name| name.contains('\n'))).made(|build| make(build, "new\nline")),
            Value::new("a dot first", name(|name| name.starts_with('.'))),
            Value::new("a dash first", name(|name| name.starts_with('-'))).made(|build| make(build, "-dash")),
            Value::new("quotes and backslashes", name(|name| name.contains('"') && name.contains('\\'))),
            Value::new("not ASCII", name(|name| !name.is_ascii()))
                .made(|build| make(build, "\u{e9}-e\u{301}-\u{540d}")),
            Value::new("101 to 254 bytes", name(|name| (101..255).contains(&name.len())))
                .made(|build| make(build, &"n".repeat(101))),
            Value::new("255 bytes", name(|name| name.len() == 255)).made(|build| make(build, &"n".repeat(255))),
            Value::new("a path of more than 255", good(|path, _| path.len() > 255)),
            Value::new("a path of more than 1,000", good(|path, _| path.len() > 1000)),
        ],
    )
}

fn counts() -> Dimension {
    fn largest(seen: &StepView<'_>) -> usize {
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for (path, _) in seen.exported() {
            *counts.entry(path.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default() += 1;
        }
        counts.into_values().max().unwrap_or_default()
    }
    let has = |range: std::ops::RangeInclusive<usize>| {
        move |seen: &StepView<'_>| seen.is_good() && range.contains(&largest(seen))
    };
    Dimension::new(
        "Files in a folder",
        "The fullest folder.",
        vec![
            Value::new("one", has(1..=1)),
            Value::new("2 to 99", has(2..=99)),
            Value::new("100 and more", has(100..=usize::MAX)),
            Value::new("1,025 and more", has(1025..=usize::MAX)),
        ],
    )
}
