//! A generated build as a scenario's folder: `scenario.toml` and the inputs, and from them the scenario that is run.
//! The folder comes first, so that what is run and what is kept are one.

mod buildpacks;
mod call;
mod run_image;
mod tree;

use std::path::PathBuf;

use toml::{Table, Value};

use crate::generated::{Build, Sequence};
use crate::scenario::{self, Origin, Scenario, ScenarioError, SourceFile};
use tree::Tree;

/// The folder that a later step is laid over with.
const OVERLAY: &str = "step-2";

/// The scenario of a build.
///
/// # Errors
/// [`ScenarioError`] where the build is not a valid scenario: a fault of the generator.
pub fn scenario(build: &Build, name: &str) -> Result<Scenario, ScenarioError> {
    scenario::assemble(name.to_owned(), Origin::Folder(PathBuf::from(name)), files(build))
}

/// Every file of a build's folder, by path.
#[must_use]
pub fn files(build: &Build) -> Vec<SourceFile> {
    let mut made = Tree::default();
    let mut files = vec![
        text_file("app/README.md", "# A generated build\n".to_owned()),
        text_file("app/changes", "first\n".to_owned()),
    ];
    // What is copied from the folder is not a file that an entry may lie over.
    for path in ["app/README.md", "app/changes"] {
        made.taken(path);
    }
    made.add("app", &build.app);
    files.extend(buildpacks::files(build, &mut made));
    if let Some(project) = &build.project {
        files.push(toml_file("layers/project-metadata.toml", project));
    }
    if build.launcher_sbom {
        files.push(text_file("lifecycle/lifecycle.sbom.cdx.json", sbom("lifecycle")));
        files.push(text_file("lifecycle/launcher.sbom.cdx.json", sbom("launcher")));
    }
    match &build.sequence {
        Sequence::OtherApp | Sequence::LayersReused => {
            files.push(text_file(&format!("{OVERLAY}/app/changes"), "second\n".to_owned()));
        }
        Sequence::OtherProject(project) => {
            files.push(toml_file(&format!("{OVERLAY}/layers/project-metadata.toml"), project));
        }
        Sequence::Once | Sequence::Twice | Sequence::TagMoved | Sequence::TagMovedLater => {}
    }
    files.push(toml_file("scenario.toml", &scenario_file(build, made)));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn scenario_file(build: &Build, made: Tree) -> Table {
    let mut file = Table::new();
    put(&mut file, "why", "A generated build that an exporter must export as any other.");
    put(&mut file, "images", build.images.clone());
    if let Some(process) = buildpacks::chosen(build, build.process_type) {
        put(&mut file, "process-type", process);
    }
    if let Some(epoch) = build.epoch {
        put(&mut file, "environment", Table::from_iter([("SOURCE_DATE_EPOCH".to_owned(), epoch.to_string().into())]));
    }
    put(&mut file, "run-image", run_image::table(&build.run_image));
    put(&mut file, "files", made.entries());
    put(&mut file, "steps", steps(build));
    file
}

fn steps(build: &Build) -> Vec<Value> {
    let step = |keys: &[(&str, Value)]| -> Value {
        let mut step: Table = keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        call::add(&build.call, build.project.is_some(), &mut step);
        step.into()
    };
    let plain = || step(&[]);
    let moved = || step(&[("move-run-image-tag", true.into())]);
    let over = ("overlay", Value::from(OVERLAY));
    let previous = ("previous-image", Value::from(true));
    match &build.sequence {
        Sequence::Once => vec![plain()],
        Sequence::Twice => vec![plain(), plain()],
        Sequence::TagMoved => vec![moved()],
        Sequence::TagMovedLater => vec![plain(), moved()],
        Sequence::OtherApp => vec![plain(), step(&[over, previous])],
        Sequence::LayersReused => {
            vec![plain(), step(&[over, previous, ("remove", buildpacks::reusable(build).into())])]
        }
        Sequence::OtherProject(_) => vec![plain(), step(&[over])],
    }
}

fn put(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

fn text_file(path: &str, text: String) -> SourceFile {
    SourceFile { path: path.to_owned(), content: text.into_bytes() }
}

fn toml_file(path: &str, table: &Table) -> SourceFile {
    text_file(path, table.to_string())
}

fn sbom(name: &str) -> String {
    format!("{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"name\":\"{name}\"}}\n")
}
