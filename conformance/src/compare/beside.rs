//! Both runs side by side: what each came to, and the requirements of which they came to something else.

use std::collections::BTreeMap;

use judge::requirements;
use serde::Serialize;

use super::Side;
use crate::report::groups::{Tally, standings};

/// Two runs, requirement by requirement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Beside {
    /// How many requirements hold, are broken and so on, in words.
    pub tallies: [String; 2],
    /// The requirements that differ, in catalogue order.
    pub rows: Vec<Row>,
}

/// A requirement that came to something else in each run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its slug.
    pub requirement: String,
    /// What it came to, old and new: as the tally counts it.
    pub standings: [String; 2],
}

pub(super) fn beside(old: &Side, new: &Side) -> Beside {
    let both = [standings(&old.report), standings(&new.report)];
    let mut order: Vec<&str> = requirements::all().map(|row| row.id).collect();
    // An older report may have what is not in this catalogue.
    let others = both.iter().flat_map(BTreeMap::keys).copied().filter(|slug| requirements::named(slug).is_none());
    order.extend(others);
    // What only one run was asked for, or has in its catalogue, is counted elsewhere.
    let row = |slug: &str| {
        let standings = [*both[0].get(slug)?, *both[1].get(slug)?];
        let differ = standings[0] != standings[1];
        differ.then(|| Row { requirement: slug.to_owned(), standings: standings.map(str::to_owned) })
    };
    let mut rows: Vec<Row> = order.into_iter().filter_map(row).collect();
    rows.dedup();
    Beside { tallies: [old, new].map(|side| Tally::of(&side.report).words()), rows }
}
