//! Trials of single files: the launcher, links to it, the build's metadata, SBOMs.

use super::edits::{METADATA, entries, input, without};
use crate::digest::Digest;
use crate::evidence::{Entry, EntryKind, Export, FileFact, FileKind, ScenarioEvidence};
use crate::sample;
use crate::trial::Trials;

fn linked(path: &str, to: &str, like: &Entry) -> Entry {
    Entry { path: path.to_owned(), kind: EntryKind::HardLink, link: Some(to.to_owned()), content: None, ..like.clone() }
}

/// The launcher on disk becomes a link, next to the file that it was and another one.
fn link_on_disk(export: &mut Export, to: &str) {
    let path = export.inputs.launcher.clone();
    let launcher = export.inputs.files.iter_mut().find(|file| file.path == path).expect("the sample has a launcher");
    let file = FileFact { path: format!("{path}-1.0"), ..launcher.clone() };
    let other = FileFact { path: format!("{path}-0.9"), content: Some(Digest::of(b"another")), ..launcher.clone() };
    *launcher = FileFact { kind: FileKind::Symlink, content: None, link: Some(to.to_owned()), ..launcher.clone() };
    export.inputs.files.extend([file, other]);
}

pub(super) fn files() -> Vec<Trials> {
    let hard = |entries: &mut Vec<Entry>| {
        let mut link = entries[1].clone();
        entries[1].path = "/cnb/original".to_owned();
        link.kind = EntryKind::HardLink;
        link.link = Some("cnb/original".to_owned());
        link.content = None;
        entries.push(link);
    };
    vec![
        Trials::of("platform.launcher-layer")
            .rejects("no launcher", without(4))
            .rejects("other bytes", entries(4, |entries| entries[1].content = Some(Digest::of(b""))))
            .rejects("another path", entries(4, |entries| entries[1].path = "/cnb/launcher".to_owned()))
            .rejects("a link", entries(4, |entries| entries[1].kind = EntryKind::Symlink))
            .accepts("a hard link", entries(4, hard))
            .accepts(
                "a hard link to a hard link",
                entries(4, |entries| {
                    entries[1].path = "/cnb/original".to_owned();
                    let like = entries[1].clone();
                    entries.push(linked("/cnb/between", "./cnb/original", &like));
                    entries.push(linked("/cnb/lifecycle/launcher", "/cnb/between", &like));
                }),
            )
            .rejects(
                "hard links in a circle",
                entries(4, |entries| {
                    let like = entries.pop().unwrap();
                    entries.push(linked("/cnb/between", "cnb/lifecycle/launcher", &like));
                    entries.push(linked("/cnb/lifecycle/launcher", "cnb/between", &like));
                }),
            )
            .accepts("another mode", entries(4, |entries| entries[1].mode = 0o555))
            .accepts("a link on disk", |e| link_on_disk(e, "./x/../launcher-1.0"))
            .rejects("a link on disk to other bytes", |e| link_on_disk(e, "/cnb/lifecycle/launcher-0.9"))
            .ignores("a link on disk that leads nowhere", |e| link_on_disk(e, "nowhere"))
            .ignores("a link on disk to itself", |e| link_on_disk(e, "launcher"))
            .ignores("none is given", |e| e.inputs.files.retain(|file| file.path != "/cnb/lifecycle/launcher")),
        Trials::of("platform.process-symlinks")
            .rejects("none", without(6))
            .rejects("to another file", entries(6, |entries| entries[0].link = Some("/cnb/lifecycle/other".to_owned())))
            .rejects("a relative one", entries(6, |entries| entries[0].link = Some("../lifecycle/launcher".to_owned())))
            .rejects("a hard link", entries(6, |entries| entries[0].kind = EntryKind::HardLink))
            .rejects("another type's", entries(6, |entries| entries[0].path = "/cnb/process/Web".to_owned()))
            .accepts(
                "one more",
                entries(6, |entries| {
                    let mut more = entries[0].clone();
                    more.path = "/cnb/process/worker".to_owned();
                    entries.push(more);
                }),
            )
            .ignores("no process", input(METADATA, "")),
        Trials::of("platform.config-layer")
            .rejects("none", without(5))
            .rejects("another path", entries(5, |entries| entries[0].path = "/layers/config/Metadata.toml".to_owned()))
            .rejects("a folder", entries(5, |entries| entries[0].kind = EntryKind::Directory))
            .rejects(
                "hidden by a later layer",
                entries(6, |entries| {
                    let mut hidden = entries[0].clone();
                    hidden.path = "/layers/config/.wh.metadata.toml".to_owned();
                    entries.push(hidden);
                }),
            )
            .accepts("written anew", entries(5, |entries| entries[0].content = Some(Digest::of(b"x")))),
        Trials::of("platform.build-sbom-on-disk")
            .rejects("it is gone", |e| e.build_sboms.clear())
            .rejects("other bytes", |e| e.build_sboms[0].content = Some(Digest::of(b"")))
            .rejects("no bytes", |e| e.build_sboms[0].content = None)
            .rejects("it was moved", |e| e.build_sboms[0].path.push('x'))
            .accepts("one more", |e| {
                let mut more = e.build_sboms[0].clone();
                more.path.push('x');
                e.build_sboms.push(more);
            })
            .accepts("another mode", |e| e.build_sboms[0].mode = 0o600)
            .ignores("none given", |e| e.inputs.files.retain(|file| !file.path.contains("sbom/build"))),
    ]
}

/// Where SBOMs for launch are.
pub(super) fn sboms() -> Trials {
    Trials::of("platform.sbom-paths")
        .rejects("one that no one may read", entries(1, |entries| entries[0].mode = 0))
        .rejects("none", without(1))
        .rejects("the launcher's is lost", entries(1, |entries| drop(entries.pop())))
        .rejects("the buildpack's is lost", entries(1, |entries| drop(entries.remove(0))))
        .rejects(
            "the two changed places",
            entries(1, |entries| {
                let content = entries[0].content.clone();
                entries[0].content = entries[1].content.clone();
                entries[1].content = content;
            }),
        )
        .rejects(
            "another path",
            entries(1, |entries| entries[0].path = "/layers/sbom/launch/a_one/SBOM.cdx.json".to_owned()),
        )
        .accepts(
            "one more",
            entries(1, |entries| {
                let mut more = entries[0].clone();
                more.path = "/layers/sbom/launch/sbom.legacy.json".to_owned();
                entries.push(more);
            }),
        )
        .rejects(
            "the launcher's has another name",
            entries(1, |entries| launcher_sbom(entries, "launcher.sbom.cdx.json")),
        )
        .ignores("none given", |e| e.inputs.files.retain(|file| !file.path.contains("sbom")))
        .from(in_another_folder)
        .accepts("the name of the folder", entries(1, |entries| launcher_sbom(entries, "launcher.sbom.cdx.json")))
        .accepts("any name", entries(1, |entries| launcher_sbom(entries, "x.y.sbom.cdx.json")))
        .rejects("a name of another format", entries(1, |entries| launcher_sbom(entries, "launcher.sbom.spdx.json")))
        .rejects("a name that is not an SBOM's", entries(1, |entries| launcher_sbom(entries, "launcher.cdx.json")))
        .rejects("a folder further down", entries(1, |entries| launcher_sbom(entries, "x/sbom.cdx.json")))
        .rejects("another folder's is lost", entries(1, |entries| drop(entries.pop())))
        .rejects(
            "another folder's of other bytes",
            entries(1, |entries| {
                launcher_sbom(entries, "launcher.sbom.cdx.json");
                entries[1].content = Some(Digest::of(b"x"));
            }),
        )
}

/// The launcher's SBOM under another name.
fn launcher_sbom(entries: &mut [Entry], name: &str) {
    entries[1].path = format!("/layers/sbom/launch/buildpacksio_lifecycle/launcher/{name}");
}

/// The launcher's SBOM comes of a `<launcher-sbom>` that is not the lifecycle's usual folder.
fn in_another_folder() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        "/build/sboms".clone_into(&mut export.inputs.launcher_sbom);
        let of_it =
            export.inputs.files.iter_mut().filter(|file| file.path.starts_with("/cnb/lifecycle/launcher.sbom."));
        of_it.for_each(|file| file.path = file.path.replace("/cnb/lifecycle", "/build/sboms"));
        export.inputs.files.sort_by(|a, b| a.path.cmp(&b.path));
    }
    evidence
}
