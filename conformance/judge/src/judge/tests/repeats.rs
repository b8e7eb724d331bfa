//! The command that a report prints to repeat a case.

use super::*;
use crate::profile::CustomProfile;
use crate::repeat::quoted;

#[test]
fn the_repeat_command_runs_what_is_compared() {
    let repeat = |profile: Profile, exporter: &str, id: &str, target: Target| {
        let selection = Selection { exporter_argument: exporter.to_owned(), ..selection(profile) };
        one(&judge(&[sample::scenario()], &selection).verdicts, id, target).repeat.clone()
    };
    let run = "conformance run --exporter mine --profile core --scenario sample --requirement";
    for (id, target, targets) in [
        ("base.pair", Target::Layout, "--target layout"),
        ("daemon.says-so", Target::Daemon, "--target registry --target daemon"),
        ("layout.same-annotations", Target::Layout, "--target registry --target layout"),
        ("buildpack.same-on-every-target", Target::Layout, "--target registry --target layout"),
        ("platform.env", Target::Registry, "--target registry"),
    ] {
        assert_eq!(repeat(Profile::Core, "--exporter mine", id, target), format!("{run} {id} {targets}"));
    }
    assert_eq!(
        repeat(Profile::Strict, "", "platform.env", Target::Daemon),
        "conformance run --profile strict --scenario sample --requirement platform.env --target daemon"
    );
    let elsewhere = Selection {
        scenario_folders: [("sample".to_owned(), "/builds/our sample".to_owned())].into(),
        ..selection(Profile::Core)
    };
    let found = judge(&[sample::scenario()], &elsewhere);
    assert!(
        one(&found.verdicts, "platform.env", Target::Registry)
            .repeat
            .contains(" --scenarios '/builds/our sample' --scenario sample ")
    );
    let conditions = ["--platform-api", "0.12", "--daemon", "unix:///a socket"].map(str::to_owned).to_vec();
    let under = judge(&[sample::scenario()], &Selection { conditions, ..selection(Profile::Core) });
    assert!(
        one(&under.verdicts, "platform.env", Target::Registry)
            .repeat
            .contains(" --profile core --platform-api 0.12 --daemon 'unix:///a socket' --scenario sample ")
    );
    let own = CustomProfile::parse("name='ours'\nextends='core'\n", "our profile.toml").unwrap();
    assert!(
        repeat(Profile::Custom(Box::new(own)), "", "platform.env", Target::Daemon)
            .contains(" --profile 'our profile.toml' ")
    );
}

#[test]
fn a_shell_reads_a_quoted_text_as_one_word() {
    for plain in ["core", "a/b-c_d.e:f@h+j"] {
        assert_eq!(quoted(plain), plain);
    }
    for text in ["", "it's $HOME", "a=b,c%d", "two words", "!x", "\\", "*?[a]", "\"", "`id`", "line\nline"] {
        let line = format!("printf %s {}", quoted(text));
        let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), text, "{line}");
    }
}

#[test]
fn the_repeat_command_runs_the_control_of_a_refusal_too() {
    let control = sample::scenario();
    let mut refused = sample::scenario();
    refused.scenario = "refused".to_owned();
    for export in &mut refused.exports {
        "refused".clone_into(&mut export.scenario);
        export.inputs.expected_failure = Some("errors.special-file".to_owned());
        export.outcome.end = End::Exited(21);
    }
    let all = [control.clone(), refused.clone()];
    let repeat = |evidence: &[ScenarioEvidence], scenario: &str, id: &str| {
        let verdicts = judge(evidence, &selection(Profile::Core)).verdicts;
        let found = verdicts.into_iter().find(|verdict| verdict.scenario == scenario && verdict.requirement == id);
        found.unwrap().repeat
    };
    let own = format!(" --scenario {} ", control.scenario);
    let both = format!(" --scenario refused{own}");
    assert!(repeat(&all, "refused", "errors.special-file").contains(&both));
    assert!(!repeat(&all[1..], "refused", "errors.special-file").contains(&own), "there is none");
    assert!(!repeat(&all, "refused", "annotations.unique-keys").contains(&own), "it is not judged by a refusal");
    assert!(!repeat(&all, &control.scenario, "errors.special-file").contains("refused"));
}
