//! What is rejected of what an export leaves on the machine (files that were there before, SBOMs, outputs, processes),
//! and what is not.

use crate::evidence::{Aspect, Change, ChangedFile, End, Export, FileFact, FileKind, LayoutRoot, Target};
use crate::sample;
use crate::trial::Trials;

pub(super) fn trials() -> Vec<Trials> {
    vec![inputs(), layouts(), sboms(), modes(), processes(), machine()]
}

fn changed(path: &'static str, change: Change, aspects: &'static [Aspect]) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let file = ChangedFile { path: path.to_owned(), kind: FileKind::File, change, aspects: aspects.to_vec() };
        export.changed_files.get_or_insert_default().push(file);
    }
}

fn altered(path: &'static str, aspects: &'static [Aspect]) -> impl Fn(&mut Export) + 'static {
    changed(path, Change::Altered, aspects)
}

fn gone(path: &'static str) -> impl Fn(&mut Export) + 'static {
    changed(path, Change::Removed, &[])
}

fn inputs() -> Trials {
    Trials::of("inputs.untouched")
        .rejects("a file of the app has other bytes", altered("/workspace/main", &[Aspect::Content]))
        .rejects("a file of the app has another mode", altered("/workspace/main", &[Aspect::Mode]))
        .rejects("a file of the app has another owner", altered("/workspace/main", &[Aspect::Owner]))
        .rejects("a file of the app is newer", altered("/workspace/main", &[Aspect::Time]))
        .rejects("a file of the app is a folder now", altered("/workspace/main", &[Aspect::Kind]))
        .rejects("a link points elsewhere", altered("/workspace/link", &[Aspect::Link]))
        .rejects("a file of the app is gone", gone("/workspace/main"))
        .rejects("it is not said in what it is another", altered("/layers/group.toml", &[]))
        .rejects("the folder of an output is gone", gone("/layers"))
        .rejects("the lifecycle's own file", altered("/cnb/lifecycle/launcher", &[Aspect::Mode]))
        .rejects("an SBOM of a buildpack", altered("/layers/sbom/launch/a_one/sbom.cdx.json", &[Aspect::Content]))
        .rejects("an SBOM of the lifecycle is gone", gone("/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json"))
        .rejects("the app is where scratch files go", |e| {
            e.inputs.environment.insert("TMPDIR".to_owned(), "/workspace".to_owned());
            gone("/workspace/main")(e);
        })
        .rejects("an input after an output", |e| {
            altered("/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json", &[Aspect::Content])(e);
            altered("/layers/config/metadata.toml", &[Aspect::Content])(e);
        })
        .accepts("a file more, which another row judges", changed("/workspace/more", Change::Added, &[]))
        .accepts("the report", |e| {
            let path = e.inputs.report.clone();
            e.changed_files = Some(vec![ChangedFile {
                path,
                kind: FileKind::File,
                change: Change::Altered,
                aspects: vec![Aspect::Content],
            }]);
        })
        .accepts("SBOMs of the lifecycle", |e| {
            altered("/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json", &[Aspect::Content])(e);
            altered("/layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json", &[Aspect::Time])(e);
        })
        .accepts("a cache", |e| {
            e.inputs.argv.splice(1..1, ["-cache-dir".to_owned(), "/elsewhere/cache".to_owned()]);
            gone("/elsewhere/cache/committed/old")(e);
            altered("/elsewhere/cache", &[Aspect::Mode])(e);
        })
        .accepts("scratch files", |e| {
            e.inputs.environment.insert("TMPDIR".to_owned(), "/elsewhere/tmp".to_owned());
            gone("/elsewhere/tmp/old")(e);
        })
        .ignores("it was not observed", |e| e.changed_files = None)
}

/// A layout with the image's folder and another image next to it.
fn layout(export: &mut Export, path: &str, change: Change, aspects: &[Aspect]) {
    export.inputs.layout_dir = Some("/layout".to_owned());
    let root = LayoutRoot {
        reference: "app.example/app:1".to_owned(),
        path: "app.example/app/1".to_owned(),
        present: true,
        oci_layout: None,
        index: None,
        blobs: Vec::new(),
        unread: Vec::new(),
        loose: None,
    };
    export.layout.as_mut().unwrap().roots = vec![root];
    export.changed_files =
        Some(vec![ChangedFile { path: path.to_owned(), kind: FileKind::File, change, aspects: aspects.to_vec() }]);
}

fn layouts() -> Trials {
    let of = |path: &'static str, change: Change, aspects: &'static [Aspect]| {
        move |export: &mut Export| layout(export, path, change, aspects)
    };
    let own = "/layout/app.example/app/1/index.json";
    let blob = "/layout/app.example/app/1/blobs/sha256/00";
    let other = "/layout/run.example/run/base/index.json";
    Trials::of("inputs.untouched")
        .on(&[Target::Layout])
        .rejects("a blob has other bytes", of(blob, Change::Altered, &[Aspect::Content]))
        .rejects("a blob is a link now", of(blob, Change::Altered, &[Aspect::Kind]))
        .rejects("a blob's link", of(blob, Change::Altered, &[Aspect::Time, Aspect::Link]))
        .rejects("the run image's index", of(other, Change::Altered, &[Aspect::Content]))
        .rejects("the run image is gone", of(other, Change::Removed, &[]))
        .rejects(
            "a folder whose name begins like that of the image",
            of("/layout/app.example/app/11/index.json", Change::Removed, &[]),
        )
        .rejects("a folder next to <layout-dir>", of("/layout-old/app.example/app/1/x", Change::Removed, &[]))
        .accepts("the image's index", of(own, Change::Altered, &[Aspect::Content]))
        .accepts("the image's folder", of("/layout/app.example/app/1", Change::Altered, &[Aspect::Mode]))
        .accepts("a blob is written again", of(blob, Change::Altered, &[Aspect::Time, Aspect::Mode]))
        .accepts("a blob that nothing names any more goes", of(blob, Change::Removed, &[]))
        .accepts("the image is elsewhere, for the port in its name", |e| {
            layout(e, "/layout/app.example_5000/app/1/index.json", Change::Altered, &[Aspect::Content]);
            e.layout.as_mut().unwrap().roots[0].present = false;
        })
}

fn file(path: &str, text: &str) -> FileFact {
    FileFact { text: None, ..sample::fact(path, text) }
}

/// The sample with the lifecycle's SBOM in this folder, and where it belongs.
fn with_sbom(folder: &'static str) -> impl Fn() -> crate::evidence::ScenarioEvidence + 'static {
    move || {
        let mut evidence = crate::sample::scenario();
        for export in &mut evidence.exports {
            folder.clone_into(&mut export.inputs.launcher_sbom);
            export.inputs.files.push(file(&format!("{folder}/lifecycle.sbom.cdx.json"), "lifecycle"));
            let path = "/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json";
            export.build_sboms.push(file(path, "lifecycle"));
        }
        evidence
    }
}

fn on_disk(path: &'static str, text: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.build_sboms.pop();
        export.build_sboms.push(file(path, text));
    }
}

fn sboms() -> Trials {
    const OTHER_NAME: &str = "/layers/sbom/build/buildpacksio_lifecycle/lifecycle.sbom.cdx.json";
    Trials::of("platform.lifecycle-sbom-on-disk")
        .from(with_sbom("/cnb/lifecycle"))
        .rejects("it is not there", |e| drop(e.build_sboms.pop()))
        .rejects("it is another", on_disk("/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json", "x"))
        .rejects("it is in another folder", on_disk("/layers/sbom/build/lifecycle/sbom.cdx.json", "lifecycle"))
        .rejects("it has another name", on_disk(OTHER_NAME, "lifecycle"))
        .ignores("there is none", |e| drop(e.inputs.files.pop()))
        .from(with_sbom("/elsewhere"))
        .rejects("it is not there, of another folder", |e| drop(e.build_sboms.pop()))
        .rejects(
            "it is another format's",
            on_disk("/layers/sbom/build/buildpacksio_lifecycle/sbom.spdx.json", "lifecycle"),
        )
        .accepts("it has another name, of another folder", on_disk(OTHER_NAME, "lifecycle"))
        .accepts("there are others next to it", |e| {
            e.build_sboms.push(file("/layers/sbom/build/buildpacksio_lifecycle/more.sbom.cdx.json", "x"));
        })
}

fn mode(path: &'static str, mode: u32) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.output_modes.insert(path.to_owned(), mode);
    }
}

fn modes() -> Trials {
    Trials::of("platform.outputs-readable")
        .rejects("a report that no one reads", mode("/report/report.toml", 0))
        .rejects("a report for others alone", mode("/report/report.toml", 0o244))
        .rejects("a blob that no one reads", mode("/layout/app.example/app/latest/blobs/sha256/00", 0))
        .rejects("a report that everyone writes", mode("/report/report.toml", 0o666))
        .rejects("an index that everyone writes", mode("/layout/app.example/app/latest/index.json", 0o602))
        .accepts("a report that everyone writes, because the umask says so", |e| {
            e.inputs.surroundings.insert("umask".to_owned(), "000".to_owned());
            mode("/report/report.toml", 0o666)(e);
        })
        .accepts("a report that its group writes", mode("/report/report.toml", 0o664))
        .accepts("a report for its owner alone", mode("/report/report.toml", 0o600))
        .accepts("an index that no one writes", mode("/layout/app.example/app/latest/index.json", 0o444))
        .ignores("modes were not noted", |export| export.output_modes.clear())
}

fn processes() -> Trials {
    Trials::of("platform.processes-ended")
        .rejects("one runs on", |export| export.outcome.outlived = Some(1))
        .rejects("many run on", |export| export.outcome.outlived = Some(200))
        .rejects("one of a refused build runs on", |export| {
            export.outcome.end = End::Exited(1);
            export.outcome.outlived = Some(1);
        })
        .ignores("nothing of a refused build runs on", |export| export.outcome.end = End::Exited(1))
        .ignores("it was not looked for", |export| export.outcome.outlived = None)
        .ignores("the exporter was ended", |export| {
            export.outcome.end = End::TimedOut(60);
            export.outcome.outlived = None;
        })
}

fn machine() -> Trials {
    let writes = |path: &'static str| move |export: &mut Export| export.outcome.written = Some(vec![path.to_owned()]);
    Trials::of("platform.machine-untouched")
        .rejects("a file of the system", writes("/etc/hosts"))
        .rejects("a folder of programs", writes("/opt/exporter/state.json"))
        .rejects("a folder that is called cache", writes("/opt/exporter/cache/credentials.json"))
        .rejects("a hidden folder that is called so", writes("/srv/.cache/state"))
        .accepts("a cache of a program", writes("/var/cache/exporter/index"))
        .rejects("a file that is called cache", writes("/var/lib/cache"))
        .rejects("a folder with the beginning of a permitted one", writes("/runtime/state"))
        .rejects("one of many", |export| {
            export.outcome.written = Some(["/run/x", "/srv/x", "/srv/y"].map(str::to_owned).into());
        })
        .rejects("one of a refused build", |export| {
            export.outcome.end = End::Exited(1);
            export.outcome.written = Some(vec!["/srv/x".to_owned()]);
        })
        .accepts("a cache of the machine", writes("/var/lib/containers/cache/blob-info-cache-v1.sqlite"))
        .accepts("what programs keep while they run", writes("/run/containers/lock"))
        .accepts("a log", writes("/var/log/exporter.log"))
        .accepts("a file of its home", |export| {
            export.inputs.environment.insert("HOME".to_owned(), "/home/someone".to_owned());
            export.outcome.written = Some(vec!["/home/someone/.docker/state".to_owned()]);
        })
        .ignores("nothing of a refused build", |export| export.outcome.end = End::Exited(1))
        .ignores("writes were not observed", |export| export.outcome.written = None)
}
