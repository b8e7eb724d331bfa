//! What the faulty exporter tells of each export: whether there was anything to spoil. It is asked by a variable that
//! names a file for each case; a faulty exporter that writes nothing there is taken to have spoiled something.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use judge::evidence::{ScenarioEvidence, Target};
use serde::Deserialize;

use super::case::Case;
use super::faults::Fault;
use crate::alike;
use crate::held::Held;

/// The variable that names the file.
const VARIABLE: &str = "FAULTY_EXPORTER_MARK";

/// A line: one export.
#[derive(Debug, Clone, Deserialize)]
struct Mark {
    /// The daemon's address, where one was exported to.
    daemon: Option<String>,
    spoiled: bool,
    #[serde(default)]
    cannot_trip: Vec<String>,
    #[serde(default)]
    failed: Option<String>,
}

/// The files of all cases, which are removed with it.
pub(super) struct Marks {
    folder: Held,
}

/// Why a fault may have changed nothing in the exports of some cases on one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unspoiled {
    /// Why nothing was spoiled in any of them; none where something was, or where it is not known.
    pub(super) nothing: Option<String>,
    /// Requirements that the exports give nothing to trip by.
    pub(super) cannot_trip: BTreeSet<String>,
}

impl Marks {
    /// Has every spoiled case tell.
    pub(super) fn asked_for(cases: &mut [Case]) -> io::Result<Self> {
        let marks = Self { folder: Held::temporary()? };
        // Some steps run as other users, and every one of them tells.
        fs::set_permissions(marks.folder.path(), fs::Permissions::from_mode(0o711))?;
        for case in cases.iter_mut().filter(|case| case.fault.is_some()) {
            let file = marks.file(case);
            fs::write(&file, "")?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o666))?;
            case.scenario.file.environment.insert(VARIABLE.to_owned(), file.display().to_string());
        }
        Ok(marks)
    }

    fn file(&self, case: &Case) -> PathBuf {
        self.folder.path().join(&case.scenario.name)
    }

    /// What one fault's cases reported on a service; `daemon` is its address.
    fn told(&self, cases: &[&Case], daemon: Option<&str>) -> Unspoiled {
        let all = cases.iter().flat_map(|case| read(&self.file(case)));
        let marks: Vec<Mark> = all.filter(|mark| daemon.is_none() || mark.daemon.as_deref() == daemon).collect();
        let nothing = || match marks.iter().find_map(|mark| mark.failed.clone()) {
            Some(reason) => format!("the faulty exporter could not: {reason}"),
            None => "there was nothing to spoil".to_owned(),
        };
        Unspoiled {
            nothing: (!marks.is_empty() && !marks.iter().any(|mark| mark.spoiled)).then(nothing),
            cannot_trip: marks.iter().flat_map(|mark| mark.cannot_trip.iter().cloned()).collect(),
        }
    }
}

fn read(file: &Path) -> Vec<Mark> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What is known of the exports apart from their verdicts.
pub(super) struct KnownExports<'a> {
    pub(super) marks: Option<&'a Marks>,
    pub(super) evidence: &'a [ScenarioEvidence],
}

impl KnownExports<'_> {
    /// What came of a fault's cases on a service.
    pub(super) fn of(&self, fault: &Fault, own: &[&Case], cases: &[Case], target: Target, service: &str) -> Unspoiled {
        let daemon = (target == Target::Daemon).then(|| self.daemon(own, service)).flatten();
        let mut told = self.marks.map(|marks| marks.told(own, daemon.as_deref())).unwrap_or_default();
        // What is put in the exporter's way may leave it cold. An image, though, is spoiled where it lies: if that
        // cannot be seen, it is the suite that does not see it.
        let is_around = matches!(fault.kind.as_str(), "inputs" | "process");
        if told.nothing.is_none() && is_around && self.leaves_no_trace(own, cases, service) {
            told.nothing = Some("the exporter does the same with it".to_owned());
        }
        told
    }

    fn exports<'e>(&'e self, case: &'e Case, service: &'e str) -> impl Iterator<Item = &'e judge::evidence::Export> {
        let own = self.evidence.iter().filter(|scenario| scenario.scenario == case.scenario.name);
        own.flat_map(|scenario| scenario.exports.iter().chain(&scenario.rebases))
            .filter(move |export| export.service == service)
    }

    /// The address of a daemon, as its exports were told it.
    fn daemon(&self, own: &[&Case], service: &str) -> Option<String> {
        let mut exports = own.iter().flat_map(|case| self.exports(case, service));
        exports.find_map(|export| export.inputs.environment.get("DOCKER_HOST").cloned())
    }

    /// Whether every export is the same as its unspoiled twin.
    fn leaves_no_trace(&self, own: &[&Case], cases: &[Case], service: &str) -> bool {
        !own.is_empty()
            && own.iter().all(|case| {
                let Some(twin) = cases.iter().find(|other| other.fault.is_none() && other.is_twin(case)) else {
                    return false;
                };
                let (spoiled, plain): (Vec<_>, Vec<_>) =
                    (self.exports(case, service).collect(), self.exports(twin, service).collect());
                !spoiled.is_empty()
                    && spoiled.len() == plain.len()
                    && spoiled.iter().zip(&plain).all(|(one, two)| alike::are(one, two))
            })
    }
}
