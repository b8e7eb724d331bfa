//! The exporter's command line and environment, as `cnb-platform.md` (section exporter) gives them.

use std::collections::BTreeMap;

use judge::evidence::Target;

use super::Exporter;
use super::left_out::{Stands, Unsaid, by_variables};
use super::placeholders::{CallPlaces, PLATFORM_API, Placeholders};
use crate::flags;
use crate::scenario::materialise::{APP, LAUNCH_CACHE, LAYERS, LAYOUT, LIFECYCLE, REPORT, RUN, TEMPORARY};
use crate::scenario::{ScenarioFile, Step};

/// Flags of the Platform API that have no value.
const SWITCHES: [&str; 3] = ["-daemon", "-layout", "-parallel"];

impl Exporter {
    /// Whether it is given this flag under this Platform API: one that its description leaves out is not, nor is one
    /// that is newer than the API. What is not a flag of the table of flags is always given.
    #[must_use]
    pub fn takes(&self, flag: &str, platform_api: &str) -> bool {
        is_of(flag, platform_api) && !self.program.leaves_out(flag)
    }
}

/// Whether this Platform API has the flag.
fn is_of(flag: &str, platform_api: &str) -> bool {
    let since = flags::named(flag).and_then(|flag| flag.since);
    since.and_then(version).zip(version(platform_api)).is_none_or(|(since, asked)| asked >= since)
}

/// A version of an API as numbers.
pub(crate) fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A flag of a step that is not given, and its value.
pub(crate) type Dropped<'a> = (&'a str, Option<&'a str>);

/// A step's own arguments that this exporter does not take under this Platform API, and those that are left.
pub(crate) fn step_arguments<'a>(
    exporter: &Exporter,
    step: &'a Step,
    platform_api: &str,
) -> (Vec<Dropped<'a>>, Vec<&'a str>) {
    let (mut dropped, mut left) = (Vec::new(), Vec::new());
    let mut arguments = step.arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        let (name, joined) = argument.split_once('=').map_or((argument, None), |(name, value)| (name, Some(value)));
        if exporter.takes(name, platform_api) {
            left.push(argument);
            continue;
        }
        // Its value goes with it.
        let value = if SWITCHES.contains(&name) { joined } else { joined.or_else(|| arguments.next()) };
        dropped.push((name, value));
    }
    (dropped, left)
}

/// A call, ready to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
}

/// How `exporter` is called for one step of a scenario, writing to `images`. What its description leaves out is said by
/// variables, as far as that can be: `unsayable` tells the rest.
#[must_use]
pub fn invocation(
    exporter: &Exporter,
    scenario: &ScenarioFile,
    step: &Step,
    images: &[String],
    call: &CallPlaces<'_>,
) -> Invocation {
    let (argv, unsaid) = command_line(exporter, scenario, step, images, call);
    let mut environment = environment(exporter, scenario, step, images, call);
    let in_place = in_place_of(&unsaid, &environment, step, call).0;
    environment.extend(in_place);
    Invocation { argv, environment }
}

/// Why this exporter cannot be told what the step has to say, because of a flag that its description leaves out; none
/// where it can. `has_sboms` says whether the step has SBOMs of a launcher: without them nothing lies in their folder.
pub(crate) fn unsayable(
    exporter: &Exporter,
    scenario: &ScenarioFile,
    step: &Step,
    images: &[String],
    call: &CallPlaces<'_>,
    has_sboms: bool,
) -> Option<String> {
    let (_, mut unsaid) = command_line(exporter, scenario, step, images, call);
    unsaid.retain(|(flag, _)| has_sboms || flag != "-launcher-sbom");
    let environment = environment(exporter, scenario, step, images, call);
    in_place_of(&unsaid, &environment, step, call).1
}

fn in_place_of(
    unsaid: &[Unsaid],
    environment: &BTreeMap<String, String>,
    step: &Step,
    call: &CallPlaces<'_>,
) -> (BTreeMap<String, String>, Option<String>) {
    let layers = call.build_dir.for_exporter(LAYERS);
    by_variables(unsaid, environment, &step.unset, |name| {
        let flag = flags::named(name);
        let default = flag.and_then(|flag| flag.default).map(|default| default.replace("{layers}", &layers));
        Stands { variable: flag.and_then(|flag| flag.variable), default }
    })
}

/// Program and arguments, and the flags that are left out of them by the description.
fn command_line(
    exporter: &Exporter,
    scenario: &ScenarioFile,
    step: &Step,
    images: &[String],
    call: &CallPlaces<'_>,
) -> (Vec<String>, Vec<Unsaid>) {
    let seen = |name: &str| call.build_dir.for_exporter(name);
    let mut argv = exporter.program.command();
    let mut unsaid: Vec<Unsaid> = Vec::new();
    let mut flag = |name: &str, value: Option<String>| {
        if step.without.iter().any(|without| without == name) || !is_of(name, call.platform_api) {
            return;
        }
        if exporter.program.leaves_out(name) {
            unsaid.push((name.to_owned(), value));
        } else {
            argv.push(name.to_owned());
            argv.extend(value);
        }
    };
    match call.target {
        Target::Registry => {}
        Target::Daemon => {
            flag("-daemon", None);
            flag("-launch-cache", Some(seen(LAUNCH_CACHE)));
        }
        Target::Layout => {
            flag("-layout", None);
            flag("-layout-dir", Some(seen(LAYOUT)));
        }
    }
    flag("-layers", Some(seen(LAYERS)));
    flag("-app", Some(seen(APP)));
    for (name, file) in
        [("-group", "group.toml"), ("-analyzed", "analyzed.toml"), ("-project-metadata", "project-metadata.toml")]
    {
        flag(name, Some(seen(&format!("{LAYERS}/{file}"))));
    }
    flag("-run", Some(seen(RUN)));
    flag("-report", Some(seen(REPORT)));
    flag("-launcher", Some(seen(&format!("{LIFECYCLE}/launcher"))));
    flag("-launcher-sbom", Some(seen(LIFECYCLE)));
    if let Some(process_type) = scenario.process_type_of(step) {
        flag("-process-type", Some(process_type.to_owned()));
    }
    flag("-uid", Some(call.owner.0.to_string()));
    flag("-gid", Some(call.owner.1.to_string()));
    for host in call.insecure_registries {
        flag("-insecure-registry", Some(host.clone()));
    }
    argv.extend(exporter.program.arguments.iter().cloned());
    let placeholders = Placeholders::of(scenario, step, images, call);
    let (dropped, left) = step_arguments(exporter, step, call.platform_api);
    argv.extend(left.into_iter().map(|word| placeholders.fill(word)));
    argv.extend(images.iter().cloned());
    let dropped = dropped.into_iter().filter(|(name, _)| is_of(name, call.platform_api));
    unsaid.extend(dropped.map(|(name, value)| (name.to_owned(), value.map(|value| placeholders.fill(value)))));
    (argv, unsaid)
}

/// The Platform API that a step is called by: its own, where it is one that there is.
pub(crate) fn platform_api<'a>(scenario: &'a ScenarioFile, step: &'a Step, usual: &'a str) -> &'a str {
    let own = step.environment.get(PLATFORM_API).or_else(|| scenario.environment.get(PLATFORM_API));
    let is_known = |text: &&String| version(text).is_some_and(|asked| Some(asked) <= version(super::NEWEST_API));
    own.filter(is_known).map_or(usual, String::as_str)
}

fn environment(
    exporter: &Exporter,
    scenario: &ScenarioFile,
    step: &Step,
    images: &[String],
    call: &CallPlaces<'_>,
) -> BTreeMap<String, String> {
    let placeholders = Placeholders::of(scenario, step, images, call);
    let mut found = call.environment(step.temporary.as_deref().unwrap_or(TEMPORARY));
    if call.target == Target::Layout {
        found.insert("CNB_EXPERIMENTAL_MODE".to_owned(), "silent".to_owned());
    }
    found.extend(exporter.program.environment.clone());
    let given = scenario.environment.iter().chain(&step.environment);
    found.extend(given.map(|(name, value)| (name.clone(), placeholders.fill(value))));
    for name in &step.unset {
        found.remove(name);
    }
    found
}
