//! The faults that a faulty exporter lists.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use judge::evidence::Target;
use judge::requirements;
use serde::Deserialize;

use super::SelfTestError;
use crate::error::Cause;

/// Version of the list that is read here.
const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    version: u32,
    faults: Vec<Fault>,
}

/// A fault as it is listed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub(super) name: String,
    pub(super) what: String,
    /// What is spoiled: `image`, `report`, `inputs`, `process`.
    pub(super) kind: String,
    pub(super) targets: Vec<Target>,
    /// Built-in scenarios, each with the numbers of its steps after `:` where some are enough.
    pub(super) scenarios: Vec<String>,
    /// Whether the registry export stands beside, unspoiled.
    pub(super) beside_the_registry: bool,
    /// Kinds of store in which a daemon shows it; empty where any does.
    #[serde(default)]
    pub(super) stores: Vec<String>,
    /// Requirements that it must trip, on each target on which they are judged.
    pub(super) trips: Vec<String>,
    /// Those that it must also trip in daemons with one kind of store, by that kind.
    #[serde(default)]
    pub(super) trips_in: BTreeMap<String, Vec<String>>,
}

impl Fault {
    /// Every requirement that it must trip somewhere.
    pub(super) fn all_trips(&self) -> impl Iterator<Item = &String> {
        self.trips.iter().chain(self.trips_in.values().flatten())
    }
}

/// Asks the program for its faults.
pub(super) fn list(program: &Path) -> Result<Vec<Fault>, SelfTestError> {
    let fail = |source: Cause| SelfTestError::List { path: program.to_path_buf(), source };
    let output =
        Command::new(program).args(["--list", "--format", "json"]).output().map_err(|error| fail(error.into()))?;
    if !output.status.success() {
        return Err(fail(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()).into()));
    }
    let list: List = serde_json::from_slice(&output.stdout).map_err(|error| fail(error.into()))?;
    if list.version != VERSION {
        return Err(fail(format!("its list has version {}, and {VERSION} is read here", list.version).into()));
    }
    for fault in &list.faults {
        if let Some(unknown) = fault.all_trips().find(|slug| requirements::named(slug).is_none()) {
            let what = format!("requirement {unknown}");
            return Err(SelfTestError::Unknown { fault: fault.name.clone(), what });
        }
    }
    Ok(list.faults)
}
