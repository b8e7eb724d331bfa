//! By which names an output can call what is wrong with the command line or a variable itself.

use super::super::platform_inputs as build;
use super::named::distinct;
use crate::evidence::Export;

/// Flags that take a number, with their variables.
const NUMBERS: [(&str, &str); 2] = [("uid", "CNB_USER_ID"), ("gid", "CNB_GROUP_ID")];
/// Flags that are set or not.
const SWITCHES: [(&str, &str); 3] =
    [("daemon", "CNB_USE_DAEMON"), ("layout", "CNB_USE_LAYOUT"), ("parallel", "CNB_PARALLEL_EXPORT")];
/// The flags of the exporter (`cnb-platform.md`, exporter, Usage).
const FLAGS: [&str; 24] = [
    "analyzed",
    "app",
    "cache-dir",
    "cache-image",
    "daemon",
    "extended",
    "gid",
    "group",
    "insecure-registry",
    "launch-cache",
    "launcher",
    "launcher-sbom",
    "layers",
    "layout",
    "layout-dir",
    "log-level",
    "parallel",
    "process-type",
    "project-metadata",
    "report",
    "run",
    "skip-layers",
    "stack",
    "uid",
];

/// Values that are not of their kind, and the flags and variables that have them.
pub(super) fn malformed_values(export: &Export) -> Vec<String> {
    let inputs = &export.inputs;
    let is_number = |value: &str| value.parse::<i64>().is_ok();
    let is_switch = |value: &str| value.parse::<bool>().is_ok();
    let all = NUMBERS.iter().map(|pair| (pair, &is_number as &dyn Fn(&str) -> bool));
    let all = all.chain(SWITCHES.iter().map(|pair| (pair, &is_switch as &dyn Fn(&str) -> bool)));
    let mut names = Vec::new();
    for ((flag, variable), is_it) in all {
        let joined =
            inputs.argv.iter().find_map(|word| word.trim_start_matches('-').strip_prefix(flag)?.strip_prefix('='));
        let next = build::given(&inputs.argv, flag).filter(|_| NUMBERS.iter().any(|(number, _)| number == flag));
        let set = inputs.environment.get(*variable).map(String::as_str);
        for (value, name) in [(joined.or(next), format!("-{flag}")), (set, (*variable).to_owned())] {
            if let Some(value) = value.filter(|value| !value.is_empty() && !is_it(value)) {
                names.extend(distinct(value));
                names.push(name);
            }
        }
    }
    names
}

/// Flags that are not of the table.
pub(super) fn unknown_flags(export: &Export) -> Vec<String> {
    let words = export.inputs.argv.iter().skip(1).filter(|word| word.starts_with('-'));
    let flags = words.map(|word| word.trim_start_matches('-').split('=').next().unwrap_or_default());
    flags.filter(|flag| !FLAGS.contains(flag)).flat_map(|flag| [format!("-{flag}"), flag.to_owned()]).collect()
}
