//! The command line against the environment.

use super::super::errors;
use super::{config, files, labels};
use crate::evidence::{Export, Image};
use crate::requirement::{Case, not_applicable, together, violated};
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

/// [`crate::evidence::Inputs`] has what the flags say, so the judges of what they give say whether they counted.
const PAIRS: [Pair; 8] = [
    Pair::of("app", "CNB_APP_DIR", the_folders_are_the_flags),
    Pair::of("layers", "CNB_LAYERS_DIR", the_folders_are_the_flags),
    Pair::of("process-type", "CNB_PROCESS_TYPE", config::the_entrypoint_is_the_process),
    Pair::of("report", "CNB_REPORT_PATH", |export, _| super::the_report_is_there(export)),
    Pair::of("analyzed", "CNB_ANALYZED_PATH", config::the_base_layers_come_first),
    Pair::of("group", "CNB_GROUP_PATH", labels::the_build_metadata_is_in_its_label).in_label(labels::BUILD),
    Pair::of("project-metadata", "CNB_PROJECT_METADATA_PATH", labels::the_project_metadata_is_in_its_label)
        .in_label(labels::PROJECT),
    Pair::of("run", "CNB_RUN_PATH", labels::the_run_image_is_in_the_label).in_label(labels::LIFECYCLE),
];

fn the_folders_are_the_flags(export: &Export, image: &Image) -> Finding {
    together([
        config::the_environment_is_set(export, image),
        config::the_working_dir_is_the_app(export, image),
        files::the_build_metadata_is_there(export, image),
    ])
}

/// The value that the command line gives a flag, with one dash or two, after a space or `=`; the last one counts.
fn given<'a>(argv: &'a [String], flag: &str) -> Option<&'a str> {
    let mut found = None;
    for (index, argument) in argv.iter().enumerate() {
        let Some(rest) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else { continue };
        if rest == flag {
            found = argv.get(index + 1).map(String::as_str).or(found);
        } else if let Some(value) = rest.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
            found = Some(value);
        }
    }
    found
}

pub(super) fn the_flag_wins(export: &Export, image: &Image) -> Finding {
    let contradicted = PAIRS.iter().filter_map(|pair| {
        let value = export.inputs.environment.get(pair.variable)?;
        let flag = given(&export.inputs.argv, pair.flag)?;
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
