//! `merge`, `show` and `baseline`: stored reports.

use std::io::ErrorKind;
use std::path::Path;

use crate::baseline;
use crate::cli::{MergeArguments, ShowArguments, ShownArguments};
use crate::error::context;
use crate::exit::Exit;
use crate::merge;
use crate::report::json;

use super::output::conclude;
use super::selection::{known, profile_named};
use super::{Failure, print, wanted};

pub(super) fn merge(arguments: MergeArguments, shown: ShownArguments) -> Result<Exit, Failure> {
    let known = known(arguments.baseline.as_deref())?;
    let wanted = wanted(arguments.report)?;
    let mut reports = Vec::new();
    for file in &arguments.reports {
        reports.push((file.display().to_string(), json::read(file).map_err(Failure::usage)?));
    }
    let name = reports.first().map(|(_, report)| report.profile.clone()).unwrap_or_default();
    let profile = profile_named(arguments.profile, &name)?;
    if profile.name() != name {
        return Err(Failure::usage(format!("merge reports: they are of profile {name}, not {}", profile.name())));
    }
    conclude(merge::merge(reports, &profile).map_err(Failure::usage)?, known, &wanted, shown)
}

/// A stored report once more.
pub(super) fn show(arguments: &ShowArguments, shown: ShownArguments) -> Result<Exit, Failure> {
    let known = known(arguments.baseline.as_deref())?;
    let wanted = wanted(arguments.report.clone())?;
    conclude(json::read(&arguments.stored).map_err(Failure::usage)?, known, &wanted, shown)
}

pub(super) fn update_baseline(file: &Path, report: &Path) -> Result<Exit, Failure> {
    let report = json::read(report).map_err(Failure::usage)?;
    let text = match crate::given::text(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
    .map_err(context(format!("read the baseline {}", file.display())))
    .map_err(Failure::usage)?;
    let new = baseline::updated(&text, &file.display().to_string(), &report).map_err(Failure::usage)?;
    if new.text != text {
        replace(file, &new.text)
            .map_err(context(format!("write the baseline {}", file.display())))
            .map_err(Failure::suite)?;
    }
    let mut lines: Vec<String> = new.struck.iter().map(|name| format!("removed     {name}")).collect();
    lines.extend(new.added.iter().map(|name| format!("added       {name}")));
    lines.push(format!("{} added, {} removed\n", new.added.len(), new.struck.len()));
    print(&lines.join("\n"))
}

/// Replaces a file as a whole, or not at all.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    std::fs::write(temporary.path(), text)?;
    let mode = std::fs::metadata(file)
        .map_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o644), |metadata| metadata.permissions());
    std::fs::set_permissions(temporary.path(), mode)?;
    temporary.persist(file).map(|_| ()).map_err(|error| error.error)
}
