//! The rebaser's command line and environment, as `cnb-platform.md` (section rebaser) gives them.

use std::collections::BTreeMap;

use judge::evidence::Target;

use super::Rebaser;
use super::command::Invocation;
use super::left_out::{Stands, Unsaid, by_variables};
use super::placeholders::CallPlaces;
use crate::flags;
use crate::scenario::materialise::{DOCKER_CONFIG, REPORT, TEMPORARY};
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
    let mut argv = vec![rebaser.program.display().to_string()];
    argv.extend(rebaser.before.iter().cloned());
    let mut unsaid: Vec<Unsaid> = Vec::new();
    let mut flag = |name: &str, value: Option<String>| {
        if rebaser.leave_out.iter().any(|left_out| left_out == name) {
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
    flag("-report", Some(call.places.seen(REPORT)));
    flag("-uid", Some(call.owner.0.to_string()));
    flag("-gid", Some(call.owner.1.to_string()));
    // The flag came with Platform API 0.13.
    if super::command::version(call.platform_api) >= Some((0, 13)) {
        for host in call.insecure_registries {
            flag("-insecure-registry", Some(host.clone()));
        }
    }
    argv.extend(rebaser.arguments.iter().cloned());
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
    let mut found = BTreeMap::from(
        [
            ("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())),
            ("HOME", call.places.seen(TEMPORARY)),
            ("TMPDIR", call.places.seen(TEMPORARY)),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("DOCKER_CONFIG", call.places.seen(DOCKER_CONFIG)),
            ("CNB_PLATFORM_API", call.platform_api.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if let Some(host) = call.docker_host.filter(|_| call.target == Target::Daemon) {
        found.insert("DOCKER_HOST".to_owned(), host.to_owned());
    }
    found.extend(rebaser.environment.clone());
    found.extend(scenario.environment.clone());
    found.extend(step.environment.clone());
    for name in &step.unset {
        found.remove(name);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::scenario::materialise::Places;

    fn rebaser() -> Rebaser {
        Rebaser {
            program: PathBuf::from("/cnb/lifecycle/rebaser"),
            before: vec!["first".to_owned()],
            arguments: vec!["-own".to_owned()],
            leave_out: Vec::new(),
            environment: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
            targets: vec![Target::Registry],
            platform_api: None,
        }
    }

    fn line(rebaser: &Rebaser, target: Target, rebase: RebaseCall<'_>, platform_api: &str) -> Invocation {
        let places = Places { here: PathBuf::from("/here"), seen: PathBuf::from("/build") };
        let call = CallPlaces {
            places: &places,
            target,
            insecure_registries: &["127.0.0.1:1".to_owned()],
            docker_host: Some("unix:///d.sock"),
            platform_api,
            owner: (0, 0),
        };
        let file: ScenarioFile = toml::from_str("why = 'x.'\n").unwrap();
        rebase_invocation(rebaser, &file, &Step::default(), &["h/app:1".to_owned()], rebase, &call)
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
        assert_eq!(found.environment["DOCKER_HOST"], "unix:///d.sock");
        let mut without = rebaser();
        without.leave_out = vec!["-run-image".to_owned(), "-uid".to_owned()];
        let found = line(&without, Target::Registry, whole, "0.13");
        assert_eq!(
            (found.environment["CNB_RUN_IMAGE"].as_str(), &found.environment["CNB_USER_ID"][..]),
            ("h/run:2", "0")
        );
        let words = found.argv.join(" ");
        assert!(!words.contains("-run-image") && !words.contains("h/run:2") && !words.contains("-uid"), "{words}");
    }

    #[test]
    fn what_has_no_variable_cannot_be_said_without_its_flag() {
        let mut without = rebaser();
        without.leave_out = FLAGS.map(str::to_owned).to_vec();
        let places = Places { here: PathBuf::from("/here"), seen: PathBuf::from("/build") };
        let call = CallPlaces {
            places: &places,
            target: Target::Daemon,
            insecure_registries: &[],
            docker_host: None,
            platform_api: "0.15",
            owner: (0, 0),
        };
        let file: ScenarioFile = toml::from_str("why = 'x.'\n").unwrap();
        let reason = |previous_image| {
            let rebase = RebaseCall { run_image: Some("h/run:2"), previous_image, force: true };
            rebase_unsayable(&without, &file, &Step::default(), rebase, &call)
        };
        assert_eq!(reason(None), None);
        assert!(reason(Some("h/app:0")).unwrap().contains("leaves out -previous-image,"));
    }
}
