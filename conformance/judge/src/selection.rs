//! What is to be judged of a run, and what its repeat commands carry.

use std::collections::BTreeMap;

use globset::GlobSet;

use crate::evidence::Phase;
use crate::profile::Profile;

/// What is to be judged.
pub struct Selection {
    /// The profile that gives the levels.
    pub profile: Profile,
    /// Slugs to judge; none means all.
    pub requirements: Option<GlobSet>,
    /// The exporter as it is named in the repeat command: `--exporter X` or `--exporter-file F`, or empty.
    pub exporter_argument: String,
    /// The folders of scenarios that are not compiled in, by the scenario's name: the repeat command names them.
    pub scenario_folders: BTreeMap<String, String>,
    /// What else of the run's command line holds for every case, word by word: the repeat command carries it.
    pub conditions: Vec<String>,
    /// The only phase that is judged; none means all.
    pub phase: Option<Phase>,
}

impl Selection {
    /// All requirements under a profile, of all phases; repeat commands name neither exporter nor conditions.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        Self {
            profile,
            requirements: None,
            exporter_argument: String::new(),
            scenario_folders: BTreeMap::new(),
            conditions: Vec::new(),
            phase: None,
        }
    }
}
