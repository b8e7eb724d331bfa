//! What came of a self-test, for people and for programs.

use std::collections::{BTreeMap, BTreeSet};

use judge::evidence::Target;
use judge::requirements;
use serde::Serialize;

use super::faults::Fault;
pub use super::matrix::{NotShown, Row};
use crate::exit::Exit;
use crate::record::ServiceFacts;

/// Version of the JSON form that `docs/trust.md` describes.
pub const SCHEMA_VERSION: u32 = 2;

/// Everything that is told.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema: u32,
    /// The exporter that was spoiled.
    pub exporter: String,
    /// Whether a fault may trip nothing but what it must.
    pub exact: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Exports that were made.
    pub exports: usize,
    /// Services that were used, and those that were not available.
    pub services: Vec<ServiceFacts>,
    /// The faults that were asked for.
    pub faults: Vec<FaultFacts>,
    /// A row for each fault and service.
    pub rows: Vec<Row>,
    /// How many of each.
    pub totals: Totals,
    /// Requirements that the faults that were asked for are to trip and did not, each with the reason; where all were,
    /// on all targets, also those that none is to trip.
    pub untripped: Vec<NotShown>,
    /// What the suite or its services did not manage.
    pub troubles: Vec<String>,
    /// What could not be removed from a registry that was given.
    pub left_behind: Vec<String>,
    /// The exit code.
    pub exit_code: Exit,
}

/// A fault.
#[derive(Debug, Clone, Serialize)]
pub struct FaultFacts {
    /// Its name.
    pub name: String,
    /// What it does.
    pub what: String,
    /// What is spoiled: `image`, `report`, `inputs`, `process`.
    pub kind: String,
    /// Where it can be applied.
    pub targets: Vec<Target>,
    /// Requirements that it must trip.
    pub trips: Vec<String>,
    /// Those that it must also trip in daemons with one kind of store, by that kind.
    pub trips_in: BTreeMap<String, Vec<String>>,
}

/// Counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Faults that were asked for.
    pub faults: usize,
    /// Faults on a service of which all is caught.
    pub caught: usize,
    /// Faults on a service of which something is missed.
    pub missed: usize,
    /// Faults on a service that tripped something else.
    pub also: usize,
    /// Faults on a service that were not run.
    pub skipped: usize,
    /// Faults on a service that could not be applied: the exporter has nothing that they spoil.
    pub not_applied: usize,
    /// Faults on a service that could trip nothing that they must, each for a reason that is told.
    pub not_shown: usize,
    /// Requirements that a fault tripped as it must.
    pub requirements: usize,
    /// Requirements that the faults that were asked for are to trip on these targets.
    pub to_trip: usize,
    /// Requirements of the catalogue.
    pub catalogue: usize,
}

/// What a self-test was asked for.
pub(super) struct Asked<'a> {
    /// The exporter's name.
    pub(super) exporter: &'a str,
    /// As of [`Report::exact`].
    pub(super) exact: bool,
    /// Whether all faults were asked for, on all targets.
    pub(super) all: bool,
    pub(super) faults: &'a [Fault],
}

impl Report {
    pub(super) fn new(asked: &Asked<'_>, rows: Vec<Row>, judged: crate::report::Report) -> Self {
        let Asked { exporter, exact, all, faults } = *asked;
        let caught: BTreeSet<&str> = rows.iter().flat_map(|row| &row.caught).map(String::as_str).collect();
        let to_trip = |slug: &str| rows.iter().any(|row| must_trip(faults, row, slug));
        let untripped = untripped(faults, &rows, &caught, all);
        let count = |is: fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
        let totals = Totals {
            faults: faults.len(),
            caught: count(Row::is_caught),
            missed: count(|row| !row.missed.is_empty()),
            also: count(|row| !row.also.is_empty()),
            skipped: count(|row| row.skipped.is_some()),
            not_applied: count(|row| row.not_applied.is_some()),
            not_shown: count(Row::is_not_shown),
            to_trip: requirements::all().filter(|row| to_trip(row.id)).count(),
            requirements: caught.len(),
            catalogue: requirements::all().count(),
        };
        let of_rows = rows
            .iter()
            .flat_map(|row| row.troubles.iter().map(|said| format!("{} on {}: {said}", row.fault, row.service)));
        Self {
            schema: SCHEMA_VERSION,
            exporter: exporter.to_owned(),
            exact,
            seconds: 0.0,
            exports: judged.exports,
            services: judged.services,
            faults: faults.iter().map(FaultFacts::of).collect(),
            troubles: judged.troubles.into_iter().chain(of_rows).collect(),
            rows,
            totals,
            untripped,
            left_behind: judged.left_behind,
            exit_code: Exit::Conformant,
        }
    }

    /// The exit code, where nothing else ended the run.
    pub(super) fn conclude(&mut self, ended: Exit) {
        let totals = self.totals;
        let is_wrong = totals.missed > 0 || self.exact && totals.also > 0;
        let unshown = totals.skipped + totals.not_applied + totals.not_shown;
        self.exit_code = Exit::strongest([
            (true, ended),
            (is_wrong, Exit::NotConformant),
            (!self.troubles.is_empty(), Exit::SuiteFailed),
            (unshown == self.rows.len(), Exit::NothingJudged),
        ]);
    }

    /// The JSON form.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which would be a fault of this build.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

impl Row {
    /// Whether it was run and nothing is missed.
    #[must_use]
    pub fn is_caught(&self) -> bool {
        self.skipped.is_none() && self.missed.is_empty() && !self.caught.is_empty()
    }

    /// Whether it was run and applied, and nothing that it must trip can be tripped on this exporter.
    #[must_use]
    pub fn is_not_shown(&self) -> bool {
        let is_run = self.skipped.is_none() && self.not_applied.is_none();
        is_run && self.missed.is_empty() && self.caught.is_empty()
    }
}

impl FaultFacts {
    fn of(fault: &Fault) -> Self {
        Self {
            name: fault.name.clone(),
            what: fault.what.clone(),
            kind: fault.kind.clone(),
            targets: fault.targets.clone(),
            trips: fault.trips.clone(),
            trips_in: fault.trips_in.clone(),
        }
    }
}

/// Whether the row's fault is to trip a requirement there.
fn must_trip(faults: &[Fault], row: &Row, slug: &str) -> bool {
    let is_there = requirements::named(slug).is_some_and(|one| one.targets.contains(&row.target));
    is_there && faults.iter().any(|one| one.name == row.fault && one.all_trips().any(|trip| trip == slug))
}

fn untripped(faults: &[Fault], rows: &[Row], caught: &BTreeSet<&str>, is_all: bool) -> Vec<NotShown> {
    let mut found = Vec::new();
    for slug in requirements::all().map(|row| row.id).filter(|slug| !caught.contains(slug)) {
        let own = || rows.iter().filter(|row| must_trip(faults, row, slug));
        let not_shown =
            || own().flat_map(|row| &row.not_shown).find(|one| one.requirement == slug).map(|one| one.reason.clone());
        let is_missed = own().any(|row| row.missed.iter().any(|missed| missed == slug));
        let reason = if is_missed {
            Some("missed".to_owned())
        } else {
            not_shown()
                .or_else(|| own().find_map(|row| row.skipped.clone()))
                .or_else(|| {
                    own().find_map(|row| row.not_applied.as_ref().map(|why| format!("could not be applied: {why}")))
                })
                .or_else(|| own().next().map(|row| format!("{} is to trip it elsewhere", row.fault)))
                .or_else(|| is_all.then(|| "no fault is to trip it".to_owned()))
        };
        found.extend(reason.map(|reason| NotShown { requirement: slug.to_owned(), reason }));
    }
    found
}
