//! Controls: a refusal says something of a fault only where the same exporter, called in the same way, accepted a build
//! without it.

use std::collections::BTreeSet;

use super::Case;
use crate::evidence::{Export, Inputs};
use crate::verdict::Finding;

/// The cause of what cannot be judged because a good build was refused.
pub const EXIT_ZERO: &[&str] = &["platform.exit-zero"];

/// The same for rebases.
pub const REBASE_EXIT_ZERO: &[&str] = &["rebase.exit-zero"];

/// What a fault brings to the command line and the environment: the control need not have it.
const BROUGHT: [(&str, &[&str]); 7] = [
    ("digest.source-date-epoch", &["SOURCE_DATE_EPOCH"]),
    ("errors.malformed-value", &["uid", "gid", "parallel", "CNB_USER_ID", "CNB_GROUP_ID", "CNB_PARALLEL_EXPORT"]),
    ("errors.unknown-flag", &["no-such-flag"]),
    ("errors.platform-api", &["CNB_PLATFORM_API"]),
    ("platform.api-checked-first", &["CNB_PLATFORM_API"]),
    ("errors.daemon-down", &["DOCKER_HOST"]),
    ("errors.layout-and-daemon", &["daemon", "CNB_USE_DAEMON"]),
];

/// Variables of the surroundings, which differ from step to step and make no other way of calling.
const AROUND: [&str; 8] = ["TZ", "LC_ALL", "LANG", "TMPDIR", "HOME", "PATH", "PWD", "HOSTNAME"];

impl<'a> Case<'a> {
    /// A build that the exporter accepted at this service, called as for the refused one except for its fault: one of
    /// this scenario, else one of another scenario of the run.
    #[must_use]
    pub fn control(&self, refused: &Export) -> Option<&'a Export> {
        let others = self.run.iter().filter(|other| other.scenario != self.scenario.scenario);
        let exports = self.scenario.exports.iter().chain(others.flat_map(|other| &other.exports));
        exports
            .filter(|export| export.target == refused.target && export.service == refused.service)
            .filter(|export| export.is_good_build() && export.outcome.succeeded() && export.troubles.is_empty())
            .find(|export| called_alike(refused, export))
    }

    /// Why nothing can be said of a refusal, where that is so: no such build was accepted. One that was refused as well
    /// is what this follows from.
    #[must_use]
    pub fn uncontrolled(&self, refused: &Export) -> Option<Finding> {
        if self.control(refused).is_some() {
            return None;
        }
        let good_was_refused = self.good().any(|export| !export.outcome.succeeded());
        Some(if good_was_refused {
            Finding::skipped_after("the build without the fault was refused as well", EXIT_ZERO)
        } else {
            Finding::Skipped(
                "no build without the fault was accepted here, called with the same user, flags and variables"
                    .to_owned(),
            )
        })
    }
}

fn called_alike(refused: &Export, control: &Export) -> bool {
    let (ours, theirs) = (&refused.inputs, &control.inputs);
    let slug = ours.expected_failure.as_deref().or(ours.may_refuse.as_deref()).unwrap_or_default();
    let brought = BROUGHT.iter().find(|(known, _)| *known == slug).map_or(&[][..], |(_, brought)| brought);
    let user = |inputs: &Inputs| (inputs.uid, inputs.gid, inputs.run_as);
    let known = flags(theirs);
    user(ours) == user(theirs)
        && flags(ours).iter().all(|flag| known.contains(flag) || brought.contains(flag))
        && ours.environment.iter().filter(|(name, _)| !brought.contains(&name.as_str())).all(|(name, value)| {
            let is_said = |other: &String| name == PROCESS_TYPE || is_alike(value, other);
            AROUND.contains(&name.as_str()) || theirs.environment.get(name).is_some_and(is_said)
        })
}

/// Of a flag the name alone is compared; this variable says what `-process-type` does, to exporters that do not take
/// it.
const PROCESS_TYPE: &str = "CNB_PROCESS_TYPE";

/// Paths and references differ between builds, words do not.
fn is_alike(one: &str, other: &str) -> bool {
    one == other || one.contains('/') && other.contains('/')
}

/// The names of the flags on the command line.
fn flags(inputs: &Inputs) -> BTreeSet<&str> {
    let dashed = inputs.argv.iter().skip(1).filter_map(|argument| argument.strip_prefix('-'));
    dashed.map(|flag| flag.trim_start_matches('-').split('=').next().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{End, ScenarioEvidence, Target};
    use crate::sample;

    /// A refused export first, and its control.
    fn evidence() -> ScenarioEvidence {
        let mut evidence = sample::refused("errors.missing-analyzed", "");
        sample::add_controls(&mut evidence);
        evidence
    }

    fn is_controlled(evidence: &ScenarioEvidence, run: &[ScenarioEvidence]) -> bool {
        let exports: Vec<&Export> = evidence.exports.iter().filter(|e| e.target == Target::Registry).collect();
        let refused = exports[0];
        let case = Case { scenario: evidence, target: Target::Registry, service: &refused.service, exports, run };
        assert_eq!(case.control(refused).is_some(), case.uncontrolled(refused).is_none());
        case.control(refused).is_some()
    }

    #[test]
    fn the_control_is_called_as_the_refused_export_is() {
        type Change = fn(&mut Export);
        assert!(is_controlled(&evidence(), &[]));
        let changes: [(&str, Change); 6] = [
            ("another user", |e| e.inputs.run_as = Some(65_534)),
            ("another uid", |e| e.inputs.uid += 1),
            ("a flag more", |e| e.inputs.argv.push("-new".to_owned())),
            ("a flag with a value", |e| e.inputs.argv.push("--new=x".to_owned())),
            ("a variable more", |e| drop(e.inputs.environment.insert("NEW".to_owned(), "1".to_owned()))),
            ("another service", |e| e.service = "registry:other".to_owned()),
        ];
        for (what, change) in changes {
            let mut evidence = evidence();
            change(sample::on(&mut evidence, Target::Registry));
            assert!(!is_controlled(&evidence, &[]), "{what}");
        }
        let mut without = evidence();
        without.exports.retain(|export| export.step == 1);
        assert!(!is_controlled(&without, &[]));
        let mut refused = evidence();
        sample::step(&mut refused, Target::Registry, 2).outcome.end = End::Exited(1);
        assert!(!is_controlled(&refused, &[]));
        // What the fault itself brings is not another way of calling.
        let mut fault = evidence();
        let export = sample::on(&mut fault, Target::Registry);
        export.inputs.expected_failure = Some("errors.platform-api".to_owned());
        export.inputs.environment.insert("CNB_PLATFORM_API".to_owned(), "999.0".to_owned());
        assert!(is_controlled(&fault, &[]));
        // A variable in place of a flag may say another process type, as the flag may.
        let mut by_variable = evidence();
        let mut set = |step: usize, value: &str| {
            let export = sample::step(&mut by_variable, Target::Registry, step);
            export.inputs.environment.insert("CNB_PROCESS_TYPE".to_owned(), value.to_owned());
        };
        set(1, "no-such-process");
        set(2, "web");
        assert!(is_controlled(&by_variable, &[]));
        sample::step(&mut by_variable, Target::Registry, 2).inputs.environment.remove("CNB_PROCESS_TYPE");
        assert!(!is_controlled(&by_variable, &[]));
    }

    #[test]
    fn another_scenario_of_the_run_can_have_the_control() {
        let mut alone = evidence();
        alone.exports.retain(|export| export.step == 1);
        let mut other = sample::scenario();
        "minimal".clone_into(&mut other.scenario);
        assert!(is_controlled(&alone, std::slice::from_ref(&other)));
        other.exports.iter_mut().for_each(|export| export.outcome.end = End::Exited(3));
        assert!(!is_controlled(&alone, std::slice::from_ref(&other)));
    }
}
