//! The command line against the environment.

use super::super::errors;
use super::{config, files, inputs, labels};
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{Case, holds_when, not_applicable, together, toml_input, violated};
use crate::verdict::Finding;
use crate::view;

/// A flag, its variable, and what is to be seen when the flag's value counts.
struct Pair {
    flag: &'static str,
    variable: &'static str,
    shows: fn(&Export, &Image) -> Finding,
    /// The label that shows it: one that is not there shows nothing.
    label: Option<&'static str>,
}

impl Pair {
    const fn of(flag: &'static str, variable: &'static str, shows: fn(&Export, &Image) -> Finding) -> Self {
        Self { flag, variable, shows, label: None }
    }

    const fn in_label(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }
}

/// [`crate::evidence::Inputs`] has what the flags say, so judges of what follows from a flag, and from nothing else,
/// say whether it counted.
const PAIRS: [Pair; 8] = [
    Pair::of("app", "CNB_APP_DIR", the_app_is_the_flag_s),
    Pair::of("layers", "CNB_LAYERS_DIR", the_layers_are_the_flag_s),
    Pair::of("process-type", "CNB_PROCESS_TYPE", config::the_entrypoint_is_the_process),
    Pair::of("report", "CNB_REPORT_PATH", |export, _| the_report_is_at_the_flag_s_path(export)),
    Pair::of("analyzed", "CNB_ANALYZED_PATH", config::the_base_layers_come_first),
    Pair::of("group", "CNB_GROUP_PATH", the_group_was_read).in_label(labels::BUILD),
    Pair::of("project-metadata", "CNB_PROJECT_METADATA_PATH", the_project_metadata_were_read).in_label(labels::PROJECT),
    Pair::of("run", "CNB_RUN_PATH", labels::the_run_image_s_names_are_in_the_label).in_label(crate::view::LIFECYCLE),
];

/// A label that has one of the group's buildpacks was made of the group, whatever else may be wrong with it.
fn the_group_was_read(export: &Export, image: &Image) -> Finding {
    let label = view::json_label(image, labels::BUILD);
    let list = label.as_ref().and_then(|label| label.get("buildpacks")?.items()).unwrap_or_default();
    let has = |id: &str| list.iter().any(|entry| entry.get("id").and_then(Json::as_str) == Some(id));
    if inputs::buildpacks(export).iter().any(|buildpack| has(&buildpack.id)) {
        return Finding::Holds;
    }
    labels::the_buildpacks_are_in_the_label(export, image)
}

/// Likewise a label that has one of the file's values.
fn the_project_metadata_were_read(export: &Export, image: &Image) -> Finding {
    let label = view::labels(image).get(labels::PROJECT).cloned().unwrap_or_default();
    let file = toml_input(&export.inputs, &export.inputs.project_metadata).unwrap_or_default();
    let mut values = Vec::new();
    file.values().for_each(|value| labels::strings(value, &mut values));
    if values.iter().any(|value| !value.is_empty() && label.contains(value.as_str())) {
        return Finding::Holds;
    }
    labels::the_project_metadata_is_in_its_label(export, image)
}

fn the_app_is_the_flag_s(export: &Export, image: &Image) -> Finding {
    together([
        config::the_variable_is(export, image, config::APP, &export.inputs.app),
        config::the_working_dir_is_the_app(export, image),
    ])
}

fn the_layers_are_the_flag_s(export: &Export, image: &Image) -> Finding {
    together([
        config::the_variable_is(export, image, config::LAYERS, &export.inputs.layers),
        files::the_build_metadata_is_there(export, image),
    ])
}

/// Where the report lies says nothing about what it says.
fn the_report_is_at_the_flag_s_path(export: &Export) -> Finding {
    holds_when(export.report.is_some(), || {
        violated("there is no report.toml", &export.inputs.report, "nothing", export.at("export.json#/report"))
    })
}

pub(super) fn the_flag_wins(export: &Export, image: &Image) -> Finding {
    let contradicted = PAIRS.iter().filter_map(|pair| {
        let value = export.inputs.environment.get(pair.variable)?;
        let flag = inputs::given(&export.inputs.argv, pair.flag)?;
        pair.label.is_none_or(|label| view::json_label(image, label).is_some()).then_some(())?;
        (flag != value).then_some((pair, flag, value))
    });
    let findings: Vec<Finding> = contradicted
        .map(|(pair, flag, value)| match (pair.shows)(export, image) {
            Finding::Violated(found) => violated(
                format!("-{} does not win over {}: {}", pair.flag, pair.variable, found.message),
                format!("what follows from {flag}: {}", found.expected),
                format!("{} (the variable says {value})", found.found),
                found.evidence,
            ),
            finding => finding,
        })
        .collect();
    if findings.is_empty() {
        return not_applicable("no variable contradicts a flag of whose value the image shows anything");
    }
    together(findings)
}

pub(super) fn the_platform_api_is_checked_first(case: &Case<'_>) -> Finding {
    let exports = errors::refused(case, "platform.api-checked-first");
    if exports.is_empty() {
        return not_applicable("no export of this scenario has malformed inputs and an unsupported platform API");
    }
    together(exports.into_iter().map(|export| {
        if let Some(trouble) = export.troubles.first() {
            return Finding::Error(trouble.clone());
        }
        let code = errors::exits_with(export, Some(errors::PLATFORM_API));
        match case.uncontrolled(export).filter(|_| !export.outcome.succeeded()) {
            Some(reason) => reason,
            None => together([code, errors::moves_nothing(export, false)]),
        }
    }))
}
