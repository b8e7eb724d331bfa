//! The command that repeats one case of a run. Everything under which the run was made is in it, so that what is judged
//! again is what was judged.

use std::collections::BTreeSet;

use crate::evidence::Target;
use crate::requirements;
use crate::selection::Selection;

/// The command for one requirement in one scenario on one target. `scenarios` are that one and those whose builds are
/// controls of its refusals; `followed_by` names what weighs in it.
#[must_use]
pub fn command(
    selection: &Selection,
    scenarios: &[&str],
    requirement: &str,
    followed_by: &[String],
    target: Target,
) -> String {
    let mut words = vec!["conformance run".to_owned()];
    words.extend(Some(selection.exporter_argument.clone()).filter(|argument| !argument.is_empty()));
    words.push(format!("--profile {}", quoted(selection.profile.argument())));
    words.extend(selection.conditions.iter().map(|word| quoted(word)));
    let folders: BTreeSet<&String> =
        scenarios.iter().filter_map(|scenario| selection.scenario_folders.get(*scenario)).collect();
    words.extend(folders.iter().map(|folder| format!("--scenarios {}", quoted(folder))));
    words.extend(scenarios.iter().map(|scenario| format!("--scenario {}", quoted(&literal(scenario)))));
    let asked: Vec<&str> =
        std::iter::once(requirement).chain(heavier(selection, requirement, followed_by, target)).collect();
    words.extend(asked.iter().map(|slug| format!("--requirement {}", quoted(slug))));
    let targets: BTreeSet<Target> = asked.iter().flat_map(|slug| self::targets(slug, target)).collect();
    words.extend(targets.iter().map(|target| format!("--target {target}")));
    words.join(" ")
}

/// The heaviest of what follows, where that is heavier: without it the cause would weigh less when it is repeated.
fn heavier<'a>(selection: &Selection, requirement: &str, followed_by: &'a [String], target: Target) -> Option<&'a str> {
    let level = |slug: &str| requirements::named(slug).map(|row| selection.profile.level(row, target));
    let heaviest = followed_by.iter().map(String::as_str).max_by_key(|slug| level(slug))?;
    (level(heaviest) > level(requirement)).then_some(heaviest)
}

/// The targets without which a requirement cannot be judged on one of them.
#[must_use]
pub fn targets(requirement: &str, target: Target) -> Vec<Target> {
    if requirements::compares_with_registry(requirement) && target != Target::Registry {
        vec![Target::Registry, target]
    } else {
        vec![target]
    }
}

/// The text as one word of a shell's command line.
#[must_use]
pub fn quoted(text: &str) -> String {
    // No command line has a NUL, so that one is not a reason to fail.
    shlex::Quoter::new().allow_nul(true).quote(text).unwrap_or_else(|_| text.into()).into_owned()
}

/// The glob that means this name alone.
fn literal(name: &str) -> String {
    name.chars().fold(String::new(), |mut glob, c| {
        if "*?[]{}\\!".contains(c) {
            glob.push('\\');
        }
        glob.push(c);
        glob
    })
}
