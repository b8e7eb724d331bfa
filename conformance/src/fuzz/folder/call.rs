//! How the exporter is called in every step of a generated build.

use toml::{Table, Value};

use super::put;
use crate::generated::{Calling, GivenBy, RunToml};

/// Flag, variable, where the file lies by default, and where no default finds it.
const FILES: [(&str, &str, &str, &str); 3] = [
    ("-analyzed", "CNB_ANALYZED_PATH", "layers/analyzed.toml", "layers/given/analysis.toml"),
    ("-group", "CNB_GROUP_PATH", "layers/group.toml", "layers/given/buildpacks.toml"),
    ("-project-metadata", "CNB_PROJECT_METADATA_PATH", "layers/project-metadata.toml", "layers/given/project.toml"),
];

/// Adds the keys; `has_project` says whether there is a file of project metadata.
pub(super) fn add(call: &Calling, has_project: bool, step: &mut Table) {
    let (mut without, mut arguments, mut environment) = (Vec::new(), Vec::new(), Table::new());
    if call.files != GivenBy::Flag {
        without.extend(FILES.map(|(flag, ..)| flag));
    }
    if call.files == GivenBy::Variable {
        let mut moved = Table::new();
        for (_, variable, from, to) in FILES {
            put(&mut environment, variable, format!("{{build}}/{to}"));
            if has_project || !from.contains("project") {
                put(&mut moved, from, to);
            }
        }
        put(step, "move", moved);
    }
    if let Some(owner) = call.owner {
        without.extend(["-uid", "-gid"]);
        let owner = owner.to_string();
        arguments.extend(["-uid".to_owned(), owner.clone(), "-gid".to_owned(), owner]);
    }
    if let Some(level) = call.log_level {
        arguments.extend(["-log-level".to_owned(), level.to_owned()]);
    }
    if call.cache {
        arguments.extend(["-cache-dir".to_owned(), "{build}/cache".to_owned()]);
    }
    if let Some(umask) = call.umask {
        put(step, "umask", umask);
    }
    match call.run_toml {
        RunToml::AsAnalysed => {}
        RunToml::Empty => {
            let file =
                Table::from_iter([("path".to_owned(), "cnb/run.toml".into()), ("content".to_owned(), "".into())]);
            put(step, "files", vec![Value::from(file)]);
        }
        RunToml::Absent => {
            let removed = step.entry("remove").or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(paths) = removed {
                paths.push("cnb/run.toml".into());
            }
        }
    }
    // A call without anything of this is left as it was.
    if !without.is_empty() {
        put(step, "without", without);
    }
    if !arguments.is_empty() {
        put(step, "arguments", arguments);
    }
    if !environment.is_empty() {
        put(step, "environment", environment);
    }
}
