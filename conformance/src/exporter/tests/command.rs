use std::collections::BTreeMap;
use std::path::PathBuf;

use judge::evidence::Target;

use super::{on, scenario};
use crate::exporter::{Exporter, Program, invocation, step_arguments, unsayable};
use crate::scenario::Step;

fn exporter(description: usize) -> Exporter {
    let (_, text) = crate::exporter::built_in_descriptions()[description];
    let table: toml::Table = text.parse().unwrap();
    let list =
        |key: &str| -> Vec<String> { table.get(key).map_or_else(Vec::new, |value| value.clone().try_into().unwrap()) };
    let command = list("command");
    Exporter {
        name: "x".to_owned(),
        program: Program {
            path: PathBuf::from(&command[0]),
            before: command[1..].to_vec(),
            arguments: list("arguments"),
            leave_out: list("leave-out"),
            environment: table.get("environment").map_or_else(BTreeMap::new, |v| v.clone().try_into().unwrap()),
        },
        sha256: String::new(),
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
    let registries = ["127.0.0.1:5000".to_owned()];
    let call = on(target, if target == Target::Registry { &registries } else { &[] });
    let scenario = scenario("process-type = 'web'\n");
    let images = ["127.0.0.1:5000/app:1".to_owned(), "127.0.0.1:5000/app:2".to_owned()];
    let mut found = invocation(&exporter(description), &scenario, &Step::default(), &images, &call);
    found.environment.remove("PATH");
    let lines: Vec<String> = found.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}\n{}", lines.join("\n"), found.argv.join("\n"))
}

#[test]
fn a_step_has_images_arguments_process_type_and_registries_of_its_own() {
    let registries = ["127.0.0.1:1".to_owned(), "127.0.0.1:2".to_owned()];
    let call = on(Target::Registry, &registries);
    let text = "process-type = 'web'\n[[steps]]\nprocess-type = 'worker'\narguments = ['-parallel']\n\
        temporary = 'other'\n";
    let scenario = scenario(text);
    let mut exporter = exporter(0);
    let found = invocation(&exporter, &scenario, &scenario.steps[0], &["a:1".to_owned()], &call);
    let line = found.argv.join(" ");
    assert!(line.contains("-process-type worker"), "{line}");
    let end = "-insecure-registry 127.0.0.1:1 -insecure-registry 127.0.0.1:2 -parallel a:1";
    assert!(line.ends_with(end), "{line}");
    assert_eq!(found.environment["TMPDIR"], "/build/other");
    exporter.program.leave_out.push("-parallel".to_owned());
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
    let registries = ["h:1".to_owned()];
    let call = on(Target::Registry, &registries);
    let scenario = scenario(text);
    let (step, images) = (&scenario.steps[step], ["h:1/app:latest".to_owned()]);
    let usual = invocation(&exporter(0), &scenario, step, &images, &call);
    let mut exporter = exporter(0);
    exporter.program.leave_out = vec![left_out.to_owned()];
    if let Some(reason) = unsayable(&exporter, &scenario, step, &images, &call, text.contains("sbom")) {
        return Err(reason);
    }
    Ok(super::in_place(left_out, &usual, &invocation(&exporter, &scenario, step, &images, &call)))
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
        ("-launcher-sbom", "[[steps]]\n[[steps.files]]\npath = 'lifecycle/launcher.sbom.cdx.json'\ncontent = '{}'\n"),
        ("-report", "environment = { CNB_REPORT_PATH = '/else' }\n[[steps]]\n"),
        ("-uid", "[[steps]]\nunset = ['CNB_USER_ID']\n"),
    ] {
        let reason = in_place(flag, text, 0).unwrap_err();
        assert!(reason.contains(&format!("leaves out {flag},")), "{reason}");
    }
}

#[test]
fn a_daemon_export_has_a_launch_cache_unless_the_step_has_none() {
    let call = on(Target::Daemon, &[]);
    let scenario = scenario("[[steps]]\n[[steps]]\nwithout = ['-launch-cache']\n");
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
