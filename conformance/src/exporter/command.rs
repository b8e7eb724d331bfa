//! The exporter's command line and environment, as `cnb-platform.md` (section exporter) gives them.

use std::collections::BTreeMap;

use judge::evidence::Target;

use super::Exporter;
use crate::scenario::materialise::{APP, DOCKER_CONFIG, LAYERS, LAYOUT, LIFECYCLE, Places, REPORT, RUN, TEMPORARY};
use crate::scenario::{ScenarioFile, Step};

/// Flags that the harness or a scenario gives and a description may leave out.
pub(super) const FLAGS: [&str; 17] = [
    "-daemon",
    "-layout",
    "-layout-dir",
    "-layers",
    "-app",
    "-group",
    "-analyzed",
    "-project-metadata",
    "-run",
    "-report",
    "-launcher",
    "-launcher-sbom",
    "-process-type",
    "-uid",
    "-gid",
    "-insecure-registry",
    "-parallel",
];

/// What of the surroundings goes into a call.
#[derive(Debug, Clone)]
pub struct CallPlaces<'a> {
    /// Folders of this build.
    pub places: &'a Places,
    /// Target of the export.
    pub target: Target,
    /// `host:port` of every registry in use that is spoken to without TLS.
    pub insecure_registries: &'a [String],
    /// The daemon's address, for `DOCKER_HOST`.
    pub docker_host: Option<&'a str>,
    /// The Platform API version.
    pub platform_api: &'a str,
    /// User and group to run and to export as.
    pub owner: (u32, u32),
}

/// A call, ready to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
}

/// How `exporter` is called for one step of a scenario, writing to `images`.
#[must_use]
pub fn invocation(
    exporter: &Exporter,
    scenario: &ScenarioFile,
    step: &Step,
    images: &[String],
    call: &CallPlaces<'_>,
) -> Invocation {
    let seen = |name: &str| call.places.seen(name);
    let mut argv = vec![exporter.program.display().to_string()];
    argv.extend(exporter.before.iter().cloned());
    let mut flag = |name: &str, value: Option<String>| {
        if !exporter.leave_out.iter().any(|left_out| left_out == name) {
            argv.push(name.to_owned());
            argv.extend(value);
        }
    };
    match call.target {
        Target::Registry => {}
        Target::Daemon => flag("-daemon", None),
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
    argv.extend(step.arguments.iter().filter(|argument| !exporter.leave_out.contains(argument)).cloned());
    argv.extend(images.iter().cloned());
    Invocation { argv, environment: environment(exporter, scenario, step, call) }
}

fn environment(
    exporter: &Exporter,
    scenario: &ScenarioFile,
    step: &Step,
    call: &CallPlaces<'_>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::from(
        [
            ("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())),
            ("HOME", call.places.seen(TEMPORARY)),
            ("TMPDIR", call.places.seen(step.temporary.as_deref().unwrap_or(TEMPORARY))),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("DOCKER_CONFIG", call.places.seen(DOCKER_CONFIG)),
            ("CNB_PLATFORM_API", call.platform_api.to_owned()),
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
    let given = exporter.environment.iter().chain(&scenario.environment).chain(&step.environment);
    found.extend(given.map(|(name, value)| (name.clone(), value.clone())));
    for name in &step.unset {
        found.remove(name);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
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
            platform_api: None,
            unreachable_limit: 120,
            extensions: false,
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
