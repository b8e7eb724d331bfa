//! The command that repeats one case of a run. Everything under which the run was made is in it, so that what is judged
//! again is what was judged.

use crate::evidence::Target;
use crate::judge::Selection;
use crate::requirements;

/// The command for one requirement in one scenario on one target.
#[must_use]
pub fn command(selection: &Selection, scenario: &str, requirement: &str, target: Target) -> String {
    let mut words = vec!["conformance run".to_owned()];
    words.extend(Some(selection.exporter_argument.clone()).filter(|argument| !argument.is_empty()));
    words.push(format!("--profile {}", quoted(selection.profile.argument())));
    words.extend(selection.conditions.iter().map(|word| quoted(word)));
    if let Some(folder) = selection.scenario_folders.get(scenario) {
        words.push(format!("--scenarios {}", quoted(folder)));
    }
    words.push(format!("--scenario {} --requirement {}", quoted(&literal(scenario)), quoted(requirement)));
    words.extend(targets(requirement, target).iter().map(|target| format!("--target {target}")));
    words.join(" ")
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
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
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
