//! The rebaser's command line and environment, as `cnb-platform.md` (section rebaser) gives them.

use std::collections::BTreeMap;

use judge::evidence::Target;

use super::Rebaser;
use super::command::Invocation;
use super::left_out::{Stands, Unsaid, by_variables};
use super::placeholders::CallPlaces;
use crate::flags;
use crate::scenario::materialise::{REPORT, TEMPORARY};
use crate::scenario::{ScenarioFile, Step};

/// Flags that the harness gives a rebaser and a description may leave out.
pub(super) const FLAGS: [&str; 8] =
    ["-daemon", "-force", "-run-image", "-previous-image", "-report", "-uid", "-gid", "-insecure-registry"];

/// What is rebased, and on what.
#[derive(Debug, Clone, Copy)]
pub struct RebaseCall<'a> {
    /// `-run-image`.
    pub run_image: Option<&'a str>,
    /// `-previous-image`.
    pub previous_image: Option<&'a str>,
    /// `-force`.
    pub force: bool,
}

/// The variables of those that exporters do not have (`cnb-platform.md`, rebaser, Inputs); `-previous-image` has none.
const OWN_VARIABLES: [(&str, &str); 2] = [("-force", "CNB_FORCE_REBASE"), ("-run-image", "CNB_RUN_IMAGE")];

/// How `rebaser` is called for one step of a scenario, writing to `images`. What its description leaves out is said by
/// variables, as far as that can be: `rebase_unsayable` tells the rest.
#[must_use]
pub fn rebase_invocation(
    rebaser: &Rebaser,
    scenario: &ScenarioFile,
    step: &Step,
    images: &[String],
    rebase: RebaseCall<'_>,
    call: &CallPlaces<'_>,
) -> Invocation {
    let (argv, unsaid) = command_line(rebaser, step, images, rebase, call);
    let mut environment = environment(rebaser, scenario, step, call);
    let in_place = by_variables(&unsaid, &environment, &step.unset, stands_for).0;
    environment.extend(in_place);
    Invocation { argv, environment }
}

/// Why this rebaser cannot be told what the step has to say, because of a flag that its description leaves out; none
/// where it can.
pub(crate) fn rebase_unsayable(
    rebaser: &Rebaser,
    scenario: &ScenarioFile,
    step: &Step,
    rebase: RebaseCall<'_>,
    call: &CallPlaces<'_>,
) -> Option<String> {
    let (_, unsaid) = command_line(rebaser, step, &[], rebase, call);
    by_variables(&unsaid, &environment(rebaser, scenario, step, call), &step.unset, stands_for).1
}

fn stands_for(flag: &str) -> Stands {
    let own = OWN_VARIABLES.iter().find(|(name, _)| *name == flag).map(|(_, variable)| *variable);
    // Where a rebaser's report lies without a flag, nothing is looked for.
    Stands { variable: own.or_else(|| flags::named(flag)?.variable), default: None }
}

/// Program and arguments, and the flags that are left out of them by the description.
fn command_line(
    rebaser: &Rebaser,
    step: &Step,
    images: &[String],
    rebase: RebaseCall<'_>,
    call: &CallPlaces<'_>,
) -> (Vec<String>, Vec<Unsaid>) {
    let mut argv = rebaser.program.command();
    let mut unsaid: Vec<Unsaid> = Vec::new();
    let mut flag = |name: &str, value: Option<String>| {
        if rebaser.program.leaves_out(name) {
            unsaid.push((name.to_owned(), value));
        } else {
            argv.push(name.to_owned());
            argv.extend(value);
        }
    };
    if call.target == Target::Daemon {
        flag("-daemon", None);
    }
    if rebase.force {
        flag("-force", None);
    }
    if let Some(run_image) = rebase.run_image {
        flag("-run-image", Some(run_image.to_owned()));
    }
    if let Some(previous) = rebase.previous_image {
        flag("-previous-image", Some(previous.to_owned()));
    }
    flag("-report", Some(call.build_dir.for_exporter(REPORT)));
    flag("-uid", Some(call.owner.0.to_string()));
    flag("-gid", Some(call.owner.1.to_string()));
    // The flag came with Platform API 0.13.
    if super::command::version(call.platform_api) >= Some((0, 13)) {
        for host in call.insecure_registries {
            flag("-insecure-registry", Some(host.clone()));
        }
    }
    argv.extend(rebaser.program.arguments.iter().cloned());
    argv.extend(step.arguments.iter().cloned());
    argv.extend(images.iter().cloned());
    (argv, unsaid)
}

fn environment(
    rebaser: &Rebaser,
    scenario: &ScenarioFile,
    step: &Step,
    call: &CallPlaces<'_>,
) -> BTreeMap<String, String> {
    let mut found = call.environment(TEMPORARY);
    found.extend(rebaser.program.environment.clone());
    found.extend(scenario.environment.clone());
    found.extend(step.environment.clone());
    for name in &step.unset {
        found.remove(name);
    }
    found
}
