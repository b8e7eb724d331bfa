use std::collections::BTreeMap;
use std::path::PathBuf;

use judge::evidence::Target;

use super::{in_place, on, scenario};
use crate::exporter::rebaser::FLAGS;
use crate::exporter::{CallPlaces, Invocation, Program, RebaseCall, Rebaser, rebase_invocation, rebase_unsayable};
use crate::scenario::Step;

fn rebaser() -> Rebaser {
    Rebaser {
        program: Program {
            path: PathBuf::from("/cnb/lifecycle/rebaser"),
            before: vec!["first".to_owned()],
            arguments: vec!["-own".to_owned()],
            leave_out: Vec::new(),
            environment: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
        },
        targets: vec![Target::Registry],
        platform_api: None,
    }
}

fn line(rebaser: &Rebaser, target: Target, rebase: RebaseCall<'_>, platform_api: &str) -> Invocation {
    let registries = ["127.0.0.1:1".to_owned()];
    let call = CallPlaces { platform_api, ..on(target, &registries) };
    rebase_invocation(rebaser, &scenario(""), &Step::default(), &["h/app:1".to_owned()], rebase, &call)
}

#[test]
fn it_is_called_as_the_platform_api_says() {
    let plain = RebaseCall { run_image: None, previous_image: None, force: false };
    let found = line(&rebaser(), Target::Registry, plain, "0.15");
    let report = "-report /build/report/report.toml -uid 0 -gid 0";
    assert_eq!(
        found.argv.join(" "),
        format!("/cnb/lifecycle/rebaser first {report} -insecure-registry 127.0.0.1:1 -own h/app:1")
    );
    assert_eq!((found.environment["A"].as_str(), found.environment["CNB_PLATFORM_API"].as_str()), ("1", "0.15"));
    assert!(!found.environment.contains_key("DOCKER_HOST"));
    let whole = RebaseCall { run_image: Some("h/run:2"), previous_image: Some("h/app:0"), force: true };
    let found = line(&rebaser(), Target::Daemon, whole, "0.12");
    assert_eq!(
        found.argv.join(" "),
        format!(
            "/cnb/lifecycle/rebaser first -daemon -force -run-image h/run:2 -previous-image h/app:0 {report} -own h/app:1"
        )
    );
    assert_eq!(found.environment["DOCKER_HOST"], "unix:///run/d.sock");
}

#[test]
fn what_is_left_out_is_said_by_a_variable_or_the_step_is_not_made() {
    let whole = RebaseCall { run_image: Some("h/run:2"), previous_image: Some("h/app:0"), force: true };
    let usual = line(&rebaser(), Target::Daemon, whole, "0.13");
    let without = |flags: &[&str]| {
        let mut rebaser = rebaser();
        rebaser.program.leave_out = flags.iter().map(|flag| (*flag).to_owned()).collect();
        rebaser
    };
    for (flag, expected) in [
        ("-daemon", "CNB_USE_DAEMON=true"),
        ("-force", "CNB_FORCE_REBASE=true"),
        ("-run-image", "CNB_RUN_IMAGE=h/run:2"),
        ("-report", "CNB_REPORT_PATH=/build/report/report.toml"),
        ("-uid", "CNB_USER_ID=0"),
        ("-gid", "CNB_GROUP_ID=0"),
        ("-insecure-registry", "CNB_INSECURE_REGISTRIES=127.0.0.1:1"),
    ] {
        let found = line(&without(&[flag]), Target::Daemon, whole, "0.13");
        assert_eq!(in_place(flag, &usual, &found), expected, "{flag}");
    }
    let reason = |previous_image| {
        let rebase = RebaseCall { previous_image, ..whole };
        rebase_unsayable(&without(&FLAGS), &scenario(""), &Step::default(), rebase, &on(Target::Daemon, &[]))
    };
    assert_eq!(reason(None), None);
    assert!(reason(Some("h/app:0")).unwrap().contains("leaves out -previous-image,"));
}
