//! What a run was, next to its exports: `run.json` of the evidence. With the exports it is all that judging needs.

use std::collections::{BTreeMap, BTreeSet};

use judge::evidence::{NotRun, Phase, ScenarioEvidence, StoreKind, Target};
use judge::verdict::Verdict;
use serde::{Deserialize, Serialize};

use crate::globs::Patterns;
use crate::shard::Shard;

/// A case that is judged where only some are; an array in `run.json` and in reports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(String, String, Target)", into = "(String, String, Target)")]
pub struct Case {
    /// The scenario.
    pub scenario: String,
    /// The requirement's slug.
    pub requirement: String,
    /// The target.
    pub target: Target,
}

impl Case {
    /// The case of a verdict.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        (verdict.scenario.clone(), verdict.requirement.clone(), verdict.target).into()
    }
}

impl From<(String, String, Target)> for Case {
    fn from((scenario, requirement, target): (String, String, Target)) -> Self {
        Self { scenario, requirement, target }
    }
}

impl From<Case> for (String, String, Target) {
    fn from(Case { scenario, requirement, target }: Case) -> Self {
        (scenario, requirement, target)
    }
}

/// What narrows a run beyond its scenarios.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFilter {
    /// The globs of `--requirement`.
    pub requirements: Patterns,
    /// The globs of `--scenario`; empty also where an earlier version wrote it.
    #[serde(default)]
    pub scenarios: Patterns,
    /// Only these cases; none means all.
    pub only: Option<BTreeSet<Case>>,
    /// Which part of the scenarios; none where the run was not shared out.
    pub shard: Option<Shard>,
    /// Whether the first scenario with a failure is the last.
    pub fail_fast: bool,
    /// Whether only a few telling scenarios were run; false also where an earlier version wrote it.
    #[serde(default)]
    pub quick: bool,
    /// Scenarios that match and were left out, because the run is quick, or they cannot show what it asks for; none
    /// also where an earlier version wrote it.
    #[serde(default)]
    pub left_out: usize,
}

impl RunFilter {
    /// Whether this case is one of those that were asked for.
    #[must_use]
    pub fn asks(&self, verdict: &Verdict) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&Case::of(verdict)))
    }
}

/// A run without its exports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`judge::evidence::EVIDENCE_VERSION`].
    pub version: u32,
    /// Whether the run came to its end; what stands below `started` is not known before.
    pub complete: bool,
    /// The program that observed; evidence may be judged again by a later one.
    pub tool: Tool,
    /// The exporter that was run, as the suite found it.
    pub exporter: ExporterFacts,
    /// How the command line named it: `--exporter X` or `--exporter-file F`; empty where the reference was meant by
    /// default.
    pub exporter_argument: String,
    /// The Platform API version that the exporter was told.
    pub platform_api: String,
    /// The deciding profile as the command line named it.
    pub profile: String,
    /// Targets that were asked for, whether or not their services were available.
    pub targets: Vec<Target>,
    /// Services that had to be observed, by the words of `--require`: see [`RequiredService`].
    pub require: Vec<String>,
    /// What narrowed the run.
    pub narrowed: RunFilter,
    /// Folders of scenarios that are not compiled in, by the scenario's name.
    pub scenario_folders: BTreeMap<String, String>,
    /// What else of the command line holds for every case, word by word; empty also where an earlier version wrote it.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// The only phase that was judged; none for all that are described, and where an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What names of repositories were drawn by; none where an earlier version gave them the scenarios' own.
    #[serde(default)]
    pub names: Option<String>,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// Wall time of the whole run in seconds; 0 until it has come to its end.
    pub seconds: f64,
    /// Where exporters saw their builds.
    pub paths: PathFacts,
    /// Every service that was used, and those that were not available.
    pub services: Vec<ServiceFacts>,
    /// What each scenario left, in the order in which they were run; filled in at the end.
    pub scenarios: Vec<ScenarioFacts>,
    /// What could not be removed at the end, in words; empty where all was.
    pub left_behind: Vec<String>,
    /// Whether a signal ended it before all was run.
    pub interrupted: bool,
}

/// A scenario without its exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioFacts {
    /// Name of the scenario, which is that of its folder.
    pub scenario: String,
    /// Ids of the exports that count, in the order in which they were made.
    pub exports: Vec<String>,
    /// Targets that the scenario asks for and that were not attempted, with the reason.
    pub not_run: Vec<NotRun>,
    /// Wall time in milliseconds of all its exports and of what was observed of them; `None` if the scenario did not
    /// start or did not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
}

/// The judging program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Name of the program: `conformance`.
    pub name: String,
    /// Version of the package.
    pub version: String,
    /// The catalogue's version.
    pub catalogue: String,
}

impl Tool {
    /// This program.
    #[must_use]
    pub fn this() -> Self {
        Self {
            name: "conformance".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            catalogue: judge::CATALOGUE_VERSION.to_owned(),
        }
    }
}

/// The judged program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExporterFacts {
    /// `name` of the exporter description.
    pub name: String,
    /// Absolute path of the executable.
    pub path: String,
    /// `sha256:` and the hash of its bytes.
    pub sha256: String,
}

/// Where builds were seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFacts {
    /// The build folder that every exporter saw.
    pub build: String,
    /// Whether each export had a mount namespace of its own.
    pub isolated: bool,
    /// Why not; none where it had.
    pub reason: Option<String>,
    /// Why exporters could see what is the suite's; none where it was kept from them, or an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed: Option<String>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// As `--require` names it: `registry`, `daemon:classic`, `layout`.
    pub name: String,
    /// What it is: `embedded`, `container`, `executable`, `url`, `docker`, `podman`, `disk`.
    pub kind: String,
    /// Its version; empty where it has none.
    pub version: String,
    /// A daemon's store; none for other services, and for a daemon that is not available.
    pub store: Option<String>,
    /// Whether anything was exported to it.
    pub observed: bool,
    /// Why this one, or why none.
    pub note: String,
}

impl ServiceFacts {
    /// Whether exports go to it. Registries next to the run's own are a scenario's inputs.
    #[must_use]
    pub fn is_target(&self) -> bool {
        RequiredService::parse(&self.name).is_ok()
    }
}

/// A service, as `--require` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredService {
    /// The registry.
    Registry,
    /// Layouts.
    Layout,
    /// Any daemon.
    Daemon,
    /// A daemon available with this store.
    AvailableDaemon(StoreKind),
    /// A daemon of the suite's own with this store.
    PrivateDaemon(StoreKind),
}

impl RequiredService {
    /// What daemons are called after `daemon:`, a number after `#` aside.
    const DAEMONS: [(&str, Self); 5] = [
        ("classic", Self::AvailableDaemon(StoreKind::Classic)),
        ("containerd", Self::AvailableDaemon(StoreKind::Containerd)),
        ("podman", Self::AvailableDaemon(StoreKind::Podman)),
        ("private-classic", Self::PrivateDaemon(StoreKind::Classic)),
        ("private-containerd", Self::PrivateDaemon(StoreKind::Containerd)),
    ];

    /// Reads a name.
    ///
    /// # Errors
    /// What may be given instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_number = |text: &str| text.parse::<u16>().is_ok();
        let found = match text.split_once(':') {
            None => match text {
                "registry" => Some(Self::Registry),
                "layout" => Some(Self::Layout),
                "daemon" => Some(Self::Daemon),
                _ => None,
            },
            Some(("daemon", store)) => {
                let (kind, number) = store.split_once('#').map_or((store, None), |(kind, number)| (kind, Some(number)));
                let known = Self::DAEMONS.into_iter().find(|(name, _)| *name == kind);
                known.filter(|_| number.is_none_or(is_number)).map(|(_, service)| service)
            }
            Some(_) => None,
        };
        found.ok_or_else(|| {
            let daemons = Self::DAEMONS.map(|(name, _)| format!("daemon:{name}")).join(", ");
            format!("there is no such service; give registry, layout, daemon or {daemons}")
        })
    }

    /// Whether it is a daemon.
    #[must_use]
    pub fn is_daemon(self) -> bool {
        matches!(self, Self::Daemon | Self::AvailableDaemon(_) | Self::PrivateDaemon(_))
    }

    /// Whether a daemon available can be it; private ones are made later.
    #[must_use]
    pub fn is_available_daemon(self) -> bool {
        matches!(self, Self::Daemon | Self::AvailableDaemon(_))
    }
}

/// Whether a service of this name is a daemon.
#[must_use]
pub fn is_daemon(service: &str) -> bool {
    RequiredService::parse(service).is_ok_and(RequiredService::is_daemon)
}

/// Whether `--require` of this word means this service.
#[must_use]
pub fn is_service(name: &str, wanted: &str) -> bool {
    name == wanted || name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(':'))
}

/// Scenarios without their exports, and how long those that were run took.
#[must_use]
pub(crate) fn scenarios(found: &[ScenarioEvidence], took: &BTreeMap<String, u64>) -> Vec<ScenarioFacts> {
    let facts = |scenario: &ScenarioEvidence| ScenarioFacts {
        scenario: scenario.scenario.clone(),
        exports: scenario.exports.iter().chain(&scenario.rebases).map(|export| export.id.clone()).collect(),
        not_run: scenario.not_run.clone(),
        milliseconds: took.get(&scenario.scenario).copied(),
    };
    found.iter().map(facts).collect()
}
