//! What an exporter is given, as facts for the evidence.

use std::collections::BTreeMap;
use std::path::PathBuf;

use judge::evidence::{FileFact, Inputs, Machine, Target};

use super::context::StepBuild;
use super::error::{ExportError, service};
use super::store::Store;
use crate::exporter::Invocation;
use crate::observe::{REGISTRY_AUTH, file_facts};
use crate::scenario::materialise::{APP, BuildDir, LAYERS, LAYOUT, LIFECYCLE, RUN};
use crate::scenario::{CreationOrder, Scenario, Step, StepUser, UNPRIVILEGED};

/// Where the exporter is started.
pub(super) fn working_directory(step: &Step, build_dir: &BuildDir) -> PathBuf {
    build_dir.exporter_path.join(step.working_directory.as_deref().unwrap_or(APP))
}

/// User and group of a build: those that its step runs as, who own its files too.
pub(super) fn owner(step: &Step) -> (u32, u32) {
    user_of(step)
        .map_or_else(|| (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw()), |user| (user, user))
}

/// What the exporter is given by this call, which writes to `images`.
pub(super) fn inputs<S: Store>(
    build: StepBuild<'_>,
    store: &S,
    call: &Invocation,
    images: &[String],
) -> Result<Inputs, ExportError> {
    let StepBuild { shared, scenario, step, build_dir } = build;
    let mut files: Vec<FileFact> = Vec::new();
    for folder in [LAYERS, "cnb"] {
        files.extend(facts_of(build_dir, folder)?);
    }
    // The app's own folder is an input too: its mode says who may write there.
    files.extend(facts_with(build_dir, APP)?);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let told = CallArguments { call };
    let here = working_directory(step, build_dir).display().to_string();
    let path = |flag, variable, default: String| {
        told.what(flag, variable).map_or(default, |path| judge::view::cleaned(&path, &here))
    };
    let layers = path("-layers", "CNB_LAYERS_DIR", build_dir.for_exporter(LAYERS));
    let layers_file = |name: &str| format!("{layers}/{name}");
    let epoch = call.environment.get("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok());
    let secret = |name: &str| name == REGISTRY_AUTH;
    Ok(Inputs {
        argv: call.argv.clone(),
        environment: call
            .environment
            .iter()
            .filter(|(name, _)| !secret(name))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect(),
        images: images.to_vec(),
        app: path("-app", "CNB_APP_DIR", build_dir.for_exporter(APP)),
        analyzed: path("-analyzed", "CNB_ANALYZED_PATH", layers_file("analyzed.toml")),
        group: path("-group", "CNB_GROUP_PATH", layers_file("group.toml")),
        project_metadata: path("-project-metadata", "CNB_PROJECT_METADATA_PATH", layers_file("project-metadata.toml")),
        report: path("-report", "CNB_REPORT_PATH", layers_file("report.toml")),
        run: path("-run", "CNB_RUN_PATH", build_dir.for_exporter(RUN)),
        launcher: path("-launcher", "", build_dir.for_exporter(&format!("{LIFECYCLE}/launcher"))),
        launcher_sbom: path("-launcher-sbom", "", build_dir.for_exporter(LIFECYCLE)),
        layout_dir: (store.target() == Target::Layout).then(|| build_dir.for_exporter(LAYOUT)),
        layers: layers.clone(),
        process_type: told.what("-process-type", "CNB_PROCESS_TYPE"),
        source_date_epoch: epoch,
        uid: told.number("-uid", "CNB_USER_ID").unwrap_or(owner(step).0),
        gid: told.number("-gid", "CNB_GROUP_ID").unwrap_or(owner(step).1),
        files,
        expected_failure: step.expect_failure.clone(),
        may_refuse: step.may_refuse.clone(),
        surroundings: surroundings(scenario, step),
        run_as: user_of(step),
        project: Some(shared.services.names.project(&scenario.name)),
        machine: Some(machine(step)),
        faults: step.faults.clone(),
        previous_image: None,
        unreachable_limit: shared.options.exporter.unreachable_limit,
    })
}

/// The arguments of a call: by a flag, else by its variable (`cnb-platform.md`, exporter, Inputs).
struct CallArguments<'a> {
    call: &'a Invocation,
}

impl CallArguments<'_> {
    /// The value of a flag, the last one where it is there more than once, else that of its variable; none where both
    /// are missing or empty.
    fn what(&self, flag: &str, variable: &str) -> Option<String> {
        let words = self.call.argv.iter().map(String::as_str);
        let next = self.call.argv.iter().skip(1).map(String::as_str).map(Some).chain([None]);
        let value = |(word, next): (&str, Option<&str>)| {
            let rest = word.strip_prefix(flag)?;
            rest.strip_prefix('=').map_or_else(|| next.filter(|_| rest.is_empty()), Some).map(str::to_owned)
        };
        let given = words.zip(next).filter_map(value).last();
        given.or_else(|| self.call.environment.get(variable).cloned()).filter(|text| !text.is_empty())
    }

    fn number(&self, flag: &str, variable: &str) -> Option<u32> {
        self.what(flag, variable)?.parse().ok()
    }
}

/// The user that a step runs as, where it is not the one who runs the suite.
pub(super) fn user_of(step: &Step) -> Option<u32> {
    step.user.map(|StepUser::Unprivileged| UNPRIVILEGED)
}

/// What the exporter can ask the system for.
fn machine(step: &Step) -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let user = user_of(step).map_or_else(nix::unistd::geteuid, nix::unistd::Uid::from_raw);
    let user = nix::unistd::User::from_uid(user).ok().flatten().map(|user| user.name);
    Machine {
        hostname: step.hostname.clone().unwrap_or_else(|| read("/proc/sys/kernel/hostname")),
        kernel: read("/proc/sys/kernel/osrelease"),
        user: user.unwrap_or_default(),
    }
}

/// What is around the exporter and not as usual, by the names that the evidence has for it.
fn surroundings(scenario: &Scenario, step: &Step) -> BTreeMap<String, String> {
    let variable = |name: &str| {
        let of_step = step.environment.get(name).or_else(|| scenario.file.environment.get(name));
        if step.unset.iter().any(|unset| unset == name) { Some("unset".to_owned()) } else { of_step.cloned() }
    };
    let given = [
        ("TZ", variable("TZ").filter(|zone| zone != "UTC")),
        ("locale", variable("LC_ALL").filter(|locale| locale != "C.UTF-8").or_else(|| variable("LANG"))),
        ("TMPDIR", step.temporary.clone().or_else(|| variable("TMPDIR"))),
        ("umask", step.umask.clone()),
        ("kept-state", step.kept_state.then(|| "of the step before".to_owned())),
        ("working-directory", step.working_directory.clone()),
        ("hostname", step.hostname.clone()),
        ("PATH", variable("PATH")),
        ("HOME", variable("HOME")),
        ("USER", variable("USER")),
        ("kernel", step.other_kernel.then(|| "2.6".to_owned())),
        ("processors", step.processors.map(|count| count.to_string())),
        ("file-times", step.file_times.map(|seconds| seconds.to_string())),
        ("creation-order", step.creation_order.map(|CreationOrder::Reversed| "reversed".to_owned())),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The files strictly below a folder.
pub(super) fn facts_of(build_dir: &BuildDir, name: &str) -> Result<Vec<FileFact>, ExportError> {
    let seen = build_dir.for_exporter(name);
    Ok(facts_with(build_dir, name)?.into_iter().filter(|fact| fact.path != seen).collect())
}

/// A folder and the files below it.
fn facts_with(build_dir: &BuildDir, name: &str) -> Result<Vec<FileFact>, ExportError> {
    let seen = build_dir.for_exporter(name);
    file_facts(&build_dir.on_host(name), &seen).map_err(|error| service("read the inputs", error))
}
