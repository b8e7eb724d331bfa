//! The exporter's command line and environment, as `cnb-platform.md` (section exporter) gives them.

use std::collections::BTreeMap;

use judge::evidence::Target;

use super::Exporter;
use super::left_out::{Stands, Unsaid, by_variables};
use super::placeholders::{CallPlaces, Placeholders};
use crate::flags;
use crate::scenario::materialise::{
    APP, DOCKER_CONFIG, LAUNCH_CACHE, LAYERS, LAYOUT, LIFECYCLE, REPORT, RUN, TEMPORARY,
};
use crate::scenario::{ScenarioFile, Step};

/// Flags of the Platform API that have no value.
const SWITCHES: [&str; 3] = ["-daemon", "-layout", "-parallel"];

impl Exporter {
    /// Whether it is given this flag under this Platform API: one that its description leaves out is not, nor is one
    /// that is newer than the API. What is not a flag of the table of flags is always given.
    #[must_use]
    pub fn takes(&self, flag: &str, platform_api: &str) -> bool {
        is_of(flag, platform_api) && !self.leaves_out(flag)
    }

    /// Whether its description leaves the flag out.
    fn leaves_out(&self, flag: &str) -> bool {
        self.leave_out.iter().any(|left_out| left_out == flag)
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
    let layers = call.places.seen(LAYERS);
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
    let seen = |name: &str| call.places.seen(name);
    let mut argv = vec![exporter.program.display().to_string()];
    let mut unsaid: Vec<Unsaid> = Vec::new();
    argv.extend(exporter.before.iter().cloned());
    let mut flag = |name: &str, value: Option<String>| {
        if step.without.iter().any(|without| without == name) || !is_of(name, call.platform_api) {
            return;
        }
        if exporter.leaves_out(name) {
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
    argv.extend(exporter.arguments.iter().cloned());
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

/// The variable that names the Platform API.
const PLATFORM_API: &str = "CNB_PLATFORM_API";

fn environment(
    exporter: &Exporter,
    scenario: &ScenarioFile,
    step: &Step,
    images: &[String],
    call: &CallPlaces<'_>,
) -> BTreeMap<String, String> {
    let placeholders = Placeholders::of(scenario, step, images, call);
    let mut found = BTreeMap::from(
        [
            ("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())),
            ("HOME", call.places.seen(TEMPORARY)),
            ("TMPDIR", call.places.seen(step.temporary.as_deref().unwrap_or(TEMPORARY))),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("DOCKER_CONFIG", call.places.seen(DOCKER_CONFIG)),
            (PLATFORM_API, call.platform_api.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if call.target == Target::Layout {
        found.insert("CNB_EXPERIMENTAL_MODE".to_owned(), "silent".to_owned());
    }
    if let Some(host) = call.docker_host
        && call.target == Target::Daemon
    {
        found.insert("DOCKER_HOST".to_owned(), host.to_owned());
    }
    found.extend(exporter.environment.clone());
    let given = scenario.environment.iter().chain(&step.environment);
    found.extend(given.map(|(name, value)| (name.clone(), placeholders.fill(value))));
    for name in &step.unset {
        found.remove(name);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::materialise::Places;
    use std::path::PathBuf;

    fn exporter(description: usize) -> Exporter {
        let (_, text) = crate::exporter::built_in_descriptions()[description];
        let table: toml::Table = text.parse().unwrap();
        let list = |key: &str| -> Vec<String> {
            table.get(key).map_or_else(Vec::new, |value| value.clone().try_into().unwrap())
        };
        let command = list("command");
        Exporter {
            name: "x".to_owned(),
            program: PathBuf::from(&command[0]),
            sha256: String::new(),
            before: command[1..].to_vec(),
            arguments: list("arguments"),
            leave_out: list("leave-out"),
            environment: table.get("environment").map_or_else(BTreeMap::new, |v| v.clone().try_into().unwrap()),
            targets: Vec::new(),
            refused: BTreeMap::new(),
            distrust: None,
            platform_apis: Vec::new(),
            asked_platform_api: None,
            unreachable_limit: 120,
            extensions: false,
            rebaser: None,
            argument: String::new(),
        }
    }

    fn call(target: Target, description: usize) -> String {
        let places = Places { here: PathBuf::from("/here"), seen: PathBuf::from("/build") };
        let registries = ["127.0.0.1:5000".to_owned()];
        let call = CallPlaces {
            places: &places,
            target,
            insecure_registries: if target == Target::Registry { &registries } else { &[] },
            docker_host: Some("unix:///run/d.sock"),
            platform_api: "0.15",
            owner: (0, 0),
        };
        let scenario: ScenarioFile = toml::from_str("why = 'x.'\nprocess-type = 'web'\n").unwrap();
        let images = ["127.0.0.1:5000/app:1".to_owned(), "127.0.0.1:5000/app:2".to_owned()];
        let mut found = invocation(&exporter(description), &scenario, &Step::default(), &images, &call);
        found.environment.remove("PATH");
        let lines: Vec<String> = found.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}\n{}", lines.join("\n"), found.argv.join("\n"))
    }

    #[test]
    fn a_step_has_images_arguments_process_type_and_registries_of_its_own() {
        let places = Places { here: PathBuf::from("/here"), seen: PathBuf::from("/build") };
        let call = CallPlaces {
            places: &places,
            target: Target::Registry,
            insecure_registries: &["127.0.0.1:1".to_owned(), "127.0.0.1:2".to_owned()],
            docker_host: None,
            platform_api: "0.15",
            owner: (0, 0),
        };
        let text = "why = 'x.'\nprocess-type = 'web'\n[[steps]]\nprocess-type = 'worker'\narguments = ['-parallel']\n\
            temporary = 'other'\n";
        let scenario: ScenarioFile = toml::from_str(text).unwrap();
        let mut exporter = exporter(0);
        let found = invocation(&exporter, &scenario, &scenario.steps[0], &["a:1".to_owned()], &call);
        let line = found.argv.join(" ");
        assert!(line.contains("-process-type worker"), "{line}");
        let end = "-insecure-registry 127.0.0.1:1 -insecure-registry 127.0.0.1:2 -parallel a:1";
        assert!(line.ends_with(end), "{line}");
        assert_eq!(found.environment["TMPDIR"], "/build/other");
        exporter.leave_out.push("-parallel".to_owned());
        let found = invocation(&exporter, &scenario, &scenario.steps[0], &[], &call);
        assert!(!found.argv.contains(&"-parallel".to_owned()));
    }

    #[test]
    fn a_flag_that_is_newer_than_the_platform_api_is_not_given() {
        let exporter = exporter(0);
        for (api, flag, expected) in [
            ("0.12", "-insecure-registry", false),
            ("0.13", "-insecure-registry", true),
            ("0.12", "-parallel", false),
            ("0.12", "-layout", true),
            ("0.11", "-layout", false),
            ("1.0", "-parallel", true),
            ("0.9", "-run", false),
            ("0.9", "-uid", true),
            ("0.12", "--of-the-exporter", true),
        ] {
            assert_eq!(exporter.takes(flag, api), expected, "{flag} at {api}");
        }
        let words = ["-parallel", "-insecure-registry", "h:1", "-process-type=x", "-insecure-registry=h:2", "--own"];
        let step = Step { arguments: words.map(str::to_owned).to_vec(), ..Step::default() };
        let (dropped, left) = step_arguments(&exporter, &step, "0.12");
        let registry = "-insecure-registry";
        assert_eq!(dropped, [("-parallel", None), (registry, Some("h:1")), (registry, Some("h:2"))]);
        assert_eq!(left, ["-process-type=x", "--own"]);
        assert_eq!(step_arguments(&exporter, &step, "0.13").0, []);
    }

    /// What is said in place of a flag that is left out: the variables that are more than usual, or why nothing is.
    fn in_place(left_out: &str, text: &str, step: usize) -> Result<String, String> {
        let places = Places { here: PathBuf::from("/here"), seen: PathBuf::from("/build") };
        let call = CallPlaces {
            places: &places,
            target: Target::Registry,
            insecure_registries: &["h:1".to_owned()],
            docker_host: None,
            platform_api: "0.15",
            owner: (0, 0),
        };
        let scenario: ScenarioFile = toml::from_str(&format!("why = 'x.'\n{text}")).unwrap();
        let (step, images) = (&scenario.steps[step], ["h:1/app:latest".to_owned()]);
        let usual = invocation(&exporter(0), &scenario, step, &images, &call);
        let mut exporter = exporter(0);
        exporter.leave_out = vec![left_out.to_owned()];
        if let Some(reason) = unsayable(&exporter, &scenario, step, &images, &call, text.contains("sbom")) {
            return Err(reason);
        }
        let found = invocation(&exporter, &scenario, step, &images, &call);
        assert!(!found.argv.iter().any(|word| word == left_out), "{:?}", found.argv);
        let more = found.environment.iter().filter(|(name, value)| usual.environment.get(*name) != Some(value));
        Ok(more.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_is_left_out_is_said_by_default_or_variable_or_the_step_is_not_made() {
        let plain = "[[steps]]\n";
        for (flag, text, expected) in [
            ("-group", plain, ""),
            ("-analyzed", plain, ""),
            ("-process-type", plain, ""),
            ("-process-type", "[[steps]]\nprocess-type = 'web'\n", "CNB_PROCESS_TYPE=web"),
            ("-report", plain, "CNB_REPORT_PATH=/build/report/report.toml"),
            ("-run", plain, "CNB_RUN_PATH=/build/cnb/run.toml"),
            ("-layers", plain, "CNB_LAYERS_DIR=/build/layers"),
            ("-insecure-registry", plain, "CNB_INSECURE_REGISTRIES=h:1"),
            ("-launcher-sbom", plain, ""),
            ("-uid", "[[steps]]\nwithout = ['-uid']\narguments = ['-uid', '7']\n", "CNB_USER_ID=7"),
            ("-parallel", "[[steps]]\narguments = ['-parallel']\n", "CNB_PARALLEL_EXPORT=true"),
            (
                "-group",
                "[[steps]]\nwithout = ['-group']\narguments = ['-group={build}/a b.toml']\n",
                "CNB_GROUP_PATH=/build/a b.toml",
            ),
            ("-report", "[[steps]]\nwithout = ['-report']\n", ""),
        ] {
            assert_eq!(in_place(flag, text, 0).as_deref(), Ok(expected), "{flag}: {text}");
        }
        for (flag, text) in [
            ("-launcher", plain),
            (
                "-launcher-sbom",
                "[[steps]]\n[[steps.files]]\npath = 'lifecycle/launcher.sbom.cdx.json'\ncontent = '{}'\n",
            ),
            ("-report", "environment = { CNB_REPORT_PATH = '/else' }\n[[steps]]\n"),
            ("-uid", "[[steps]]\nunset = ['CNB_USER_ID']\n"),
        ] {
            let reason = in_place(flag, text, 0).unwrap_err();
            assert!(reason.contains(&format!("leaves out {flag},")), "{reason}");
        }
    }

    #[test]
    fn a_daemon_export_has_a_launch_cache_unless_the_step_has_none() {
        let places = Places { here: PathBuf::from("/here"), seen: PathBuf::from("/build") };
        let call = CallPlaces {
            places: &places,
            target: Target::Daemon,
            insecure_registries: &[],
            docker_host: None,
            platform_api: "0.15",
            owner: (0, 0),
        };
        let text = "why = 'x.'\n[[steps]]\n[[steps]]\nwithout = ['-launch-cache']\n";
        let scenario: ScenarioFile = toml::from_str(text).unwrap();
        let line = |step: usize| invocation(&exporter(0), &scenario, &scenario.steps[step], &[], &call).argv.join(" ");
        assert!(line(0).contains("-daemon -launch-cache /build/launch-cache "), "{}", line(0));
        assert!(!line(1).contains("-launch-cache"), "{}", line(1));
    }

    #[test]
    fn the_platform_api_s_command_line_on_every_target() {
        for target in Target::ALL {
            insta::assert_snapshot!(format!("reference-{target}"), call(target, 0));
        }
    }

    #[test]
    fn the_go_lifecycle_s_command_line_on_every_target() {
        for target in Target::ALL {
            insta::assert_snapshot!(format!("lifecycle-{target}"), call(target, 1));
        }
    }
}
