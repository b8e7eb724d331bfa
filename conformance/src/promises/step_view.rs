//! A step of a scenario as predicates see it: the call, and the inputs as they are laid out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use judge::evidence::Target;
use toml::Table;

use crate::exporter::{CallPlaces, Exporter, Invocation, Program, invocation};
use crate::scenario::materialise::{
    Analysis, BuildDir, Kind, MaterialiseError, Node, Previous, buildpack_folder, tree,
};
use crate::scenario::{RegistryEndpoint, RunImageFile, Scenario, Step};

/// Where the build is, for paths of a call.
const BUILD: &str = "/build";
/// The registry, for names of a call.
const HOST: &str = "127.0.0.1:5000";

/// One step on one target.
pub struct StepView<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The step.
    pub step: &'a Step,
    /// Its number, from 1.
    pub number: usize,
    /// The target.
    pub target: Target,
    /// The command line and the environment.
    pub call: Invocation,
    /// Files by path below the build folder.
    pub(crate) files: BTreeMap<String, Node>,
    /// Tables of the input files that can be read.
    tables: BTreeMap<String, Table>,
}

/// Every step of a scenario on every target that it is made on.
pub(super) fn all(scenario: &Scenario) -> Result<Vec<StepView<'_>>, MaterialiseError> {
    let mut found = Vec::new();
    // A rebase has no build.
    let builds = scenario.file.steps.iter().enumerate().filter(|(_, step)| step.rebase.is_none());
    for (index, step) in builds {
        for target in scenario.file.targets.iter().filter(|target| step.is_made_on(**target)) {
            found.push(StepView::new(scenario, step, index + 1, *target)?);
        }
    }
    Ok(found)
}

impl<'a> StepView<'a> {
    /// Looks at a step.
    ///
    /// # Errors
    /// [`MaterialiseError`] where its files cannot be laid out.
    pub fn new(
        scenario: &'a Scenario,
        step: &'a Step,
        number: usize,
        target: Target,
    ) -> Result<Self, MaterialiseError> {
        let files = tree(scenario, step, &analysis(&scenario.file.run_image, step))?;
        let is_table = |path: &str| path.rsplit_once('.').is_some_and(|(_, ending)| ending == "toml");
        let read = |node: &Node| match &node.kind {
            Kind::File(bytes) => std::str::from_utf8(bytes).ok()?.parse::<Table>().ok(),
            _ => None,
        };
        let of_files = files.iter().filter(|(path, _)| is_table(path));
        let tables = of_files.filter_map(|(path, node)| Some((path.clone(), read(node)?))).collect();
        Ok(Self { scenario, step, number, target, call: call(scenario, step, target), files, tables })
    }

    /// Whether it is to succeed.
    pub(super) fn is_good(&self) -> bool {
        self.step.expect_failure.is_none()
    }

    /// Every `<image>`.
    pub(super) fn images(&self) -> &[String] {
        self.scenario.file.images_of(self.step)
    }

    /// The run image.
    pub(super) fn run_image(&self) -> &RunImageFile {
        &self.scenario.file.run_image
    }

    /// The value of a flag; empty for one without.
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        let at = self.call.argv.iter().rposition(|word| word == name)?;
        Some(self.call.argv.get(at + 1).filter(|next| !next.starts_with('-')).map_or("", String::as_str))
    }

    /// The value of a variable that is set.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.call.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What an input is told as: by flag, else by variable, else by default, as a path below the build folder.
    fn input(&self, flag: &str, variable: &str, default: &str) -> String {
        let told = self.flag(flag).or_else(|| self.variable(variable));
        let told = told.map(|path| judge::view::cleaned(path, BUILD));
        told.and_then(|path| path.strip_prefix("/build/").map(str::to_owned)).unwrap_or_else(|| default.to_owned())
    }

    fn table(&self, path: &str) -> Option<&Table> {
        self.tables.get(path)
    }

    /// `group.toml`.
    pub(super) fn group(&self) -> Option<&Table> {
        self.table(&self.input("-group", "CNB_GROUP_PATH", "layers/group.toml"))
    }

    /// `run.toml`.
    pub(super) fn run_toml(&self) -> Option<&Table> {
        self.table(&self.input("-run", "CNB_RUN_PATH", "cnb/run.toml"))
    }

    /// `metadata.toml`.
    pub(super) fn metadata(&self) -> Option<&Table> {
        self.table("layers/config/metadata.toml")
    }

    /// `project-metadata.toml`.
    pub(super) fn project(&self) -> Option<&Table> {
        self.table(&self.input("-project-metadata", "CNB_PROJECT_METADATA_PATH", "layers/project-metadata.toml"))
    }

    /// The tables of an array in a file.
    pub(super) fn list<'t>(table: Option<&'t Table>, key: &str) -> Vec<&'t Table> {
        let list = table.and_then(|table| table.get(key)?.as_array());
        list.into_iter().flatten().filter_map(toml::Value::as_table).collect()
    }

    /// Folders of the group's buildpacks below `<layers>`.
    pub(super) fn buildpacks(&self) -> Vec<String> {
        let ids = Self::list(self.group(), "group").into_iter().filter_map(|entry| entry.get("id")?.as_str());
        ids.map(|id| format!("layers/{}/", buildpack_folder(id))).collect()
    }

    /// Every layer: its path without ending, and its table.
    pub(super) fn layers(&self) -> Vec<(&str, &Table)> {
        let not_layers = ["store.toml", "launch.toml", "build.toml", "plan.toml"];
        let folders = self.buildpacks();
        let is_layer = |path: &str| {
            folders.iter().any(|folder| {
                path.strip_prefix(folder.as_str())
                    .is_some_and(|rest| !rest.contains('/') && !not_layers.contains(&rest))
            })
        };
        let of_layers = self.tables.iter().filter(|(path, _)| is_layer(path));
        of_layers.filter_map(|(path, table)| Some((path.strip_suffix(".toml")?, table))).collect()
    }

    /// Files and folders of the app and of launch layers, by path below their folder.
    pub(crate) fn exported(&self) -> Vec<(&str, &Node)> {
        let mut roots = vec!["workspace/".to_owned()];
        for (path, table) in self.layers() {
            if table.get("types").and_then(|types| types.get("launch")?.as_bool()) == Some(true) {
                roots.push(format!("{path}/"));
            }
        }
        let below = |path: &'_ str| roots.iter().find(|root| path.starts_with(root.as_str())).map(String::len);
        self.files.iter().filter_map(|(path, node)| Some((&path[below(path)?..], node))).collect()
    }

    /// The value of each of the seven keys.
    pub(super) fn values(&self) -> Vec<(&'static str, &toml::Value)> {
        let source = self.project().and_then(|table| table.get("source"));
        let value = |(table, key): (&str, &'static str)| Some((key, source?.get(table)?.get(key)?));
        crate::scenario::KEYS.into_iter().filter_map(value).collect()
    }
}

fn analysis(image: &RunImageFile, step: &Step) -> Analysis {
    let name = |name: &String| format!("{HOST}/{}", RegistryEndpoint::split(name).1);
    let listed = image.analysed_name.clone().unwrap_or_else(|| name(&image.name));
    let mirror = image.chosen_mirror.as_ref().map(name);
    Analysis {
        run_image: mirror.clone().unwrap_or_else(|| listed.clone()),
        reference: format!("{HOST}/run@sha256:{}", "0".repeat(64)),
        listed,
        mirrors: mirror.into_iter().chain(image.mirrors.iter().cloned()).collect(),
        previous: step.previous_image.then(|| Previous { reference: format!("{HOST}/app@sha256:0"), metadata: None }),
        extension: None,
    }
}

/// How an exporter that takes everything is called.
fn call(scenario: &Scenario, step: &Step, target: Target) -> Invocation {
    let exporter = Exporter {
        name: "any".to_owned(),
        program: Program::plain(PathBuf::from("exporter")),
        sha256: String::new(),
        targets: Target::ALL.to_vec(),
        refused: BTreeMap::new(),
        distrust: None,
        platform_apis: Vec::new(),
        asked_platform_api: None,
        unreachable_limit: 0,
        extensions: false,
        rebaser: None,
        argument: String::new(),
    };
    let build_dir = BuildDir { host_path: PathBuf::from(BUILD), exporter_path: PathBuf::from(BUILD) };
    let registries = [HOST.to_owned()];
    let api = exporter.first_platform_api();
    let call = CallPlaces {
        build_dir: &build_dir,
        target,
        insecure_registries: if target == Target::Registry { &registries } else { &[] },
        docker_host: Some("unix:///run/docker.sock"),
        platform_api: crate::exporter::platform_api(&scenario.file, step, &api),
        owner: if step.user.is_some() {
            (crate::scenario::UNPRIVILEGED, crate::scenario::UNPRIVILEGED)
        } else {
            (0, 0)
        },
    };
    let images: Vec<String> = scenario
        .file
        .images_of(step)
        .iter()
        .map(|name| format!("{HOST}/{}", RegistryEndpoint::split(name).1))
        .collect();
    invocation(&exporter, &scenario.file, step, &images, &call)
}
