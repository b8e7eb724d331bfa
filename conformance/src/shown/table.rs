//! The table as a text: a line for each requirement, with the scenarios that were seen to show it, or those that were
//! not where these are fewer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The text, as it is compiled in. `RENEW_SHOWN=1` of the suite's tests adds what runs show.
const TEXT: &str = include_str!("table.txt");

static BUILT_IN: LazyLock<Result<Table, TableError>> = LazyLock::new(|| Table::parse(TEXT));

/// Why a text is not a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read line {line} of the table of what scenarios show: {reason}")]
pub struct TableError {
    line: usize,
    reason: &'static str,
}

/// Which scenario was seen to show which requirement: it was judged there, whatever the verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    scenarios: BTreeSet<String>,
    shown: BTreeMap<String, Row>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    seen: BTreeSet<String>,
    /// Whether what an exporter does decides where it is judged, rather than the scenario: then any may show it.
    anywhere: bool,
}

impl Table {
    /// The one that is compiled in.
    ///
    /// # Errors
    /// [`TableError`] where it is malformed: a fault of this build.
    pub fn built_in() -> Result<&'static Self, TableError> {
        BUILT_IN.as_ref().map_err(Clone::clone)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`TableError`] naming the line.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut table = Self::default();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty()) {
            let wrong = |reason| TableError { line: number + 1, reason };
            let (name, rest) = line.split_once(": ").ok_or_else(|| wrong("there is no ': '"))?;
            let mut words = rest.split(' ');
            let kind = words.next().unwrap_or_default();
            let named: BTreeSet<String> = words.map(str::to_owned).collect();
            if (name, kind) == ("scenarios", "all") {
                table.scenarios = named;
                continue;
            }
            let row = match kind {
                "only" | "anywhere" => Row { seen: named, anywhere: kind == "anywhere" },
                "but" => Row { seen: table.scenarios.difference(&named).cloned().collect(), anywhere: false },
                _ => return Err(wrong("it is neither 'only', 'but' nor 'anywhere'")),
            };
            table.shown.insert(name.to_owned(), row);
        }
        Ok(table)
    }

    /// The text that [`Self::parse`] reads.
    #[must_use]
    pub fn text(&self) -> String {
        let listed = |names: &mut dyn Iterator<Item = &String>| -> String {
            names.fold(String::new(), |listed, name| listed + " " + name)
        };
        let mut out = format!(
            "# Generated: RENEW_SHOWN=1 cargo test -p conformance --test suite. Which scenarios were seen to show a requirement.\n\
             scenarios: all{}\n",
            listed(&mut self.scenarios.iter())
        );
        for (requirement, row) in &self.shown {
            let only = listed(&mut row.seen.iter());
            let but = listed(&mut self.scenarios.difference(&row.seen));
            let (kind, names) = match row.anywhere {
                true => ("anywhere", only),
                false if only.len() <= but.len() => ("only", only),
                false => ("but", but),
            };
            let _ = writeln!(out, "{requirement}: {kind}{names}");
        }
        out
    }

    /// Adds that a scenario shows a requirement.
    pub fn add(&mut self, requirement: &str, scenario: &str) {
        self.scenarios.insert(scenario.to_owned());
        self.shown.entry(requirement.to_owned()).or_default().seen.insert(scenario.to_owned());
    }

    /// Says that any scenario may show a requirement: an exporter that does otherwise than a right one made one show it
    /// that did not else.
    pub fn open(&mut self, requirement: &str) {
        self.shown.entry(requirement.to_owned()).or_default().anywhere = true;
    }

    /// Strikes off scenarios and requirements that are not there any more.
    pub fn retain(&mut self, is_scenario: impl Fn(&str) -> bool, is_requirement: impl Fn(&str) -> bool) {
        self.scenarios.retain(|name| is_scenario(name));
        self.shown.retain(|id, _| is_requirement(id));
        self.shown.values_mut().for_each(|row| row.seen.retain(|name| is_scenario(name)));
    }

    /// The scenarios that it knows.
    pub fn scenarios(&self) -> impl Iterator<Item = &str> {
        self.scenarios.iter().map(String::as_str)
    }

    /// The requirements that it knows.
    pub fn requirements(&self) -> impl Iterator<Item = &str> {
        self.shown.keys().map(String::as_str)
    }

    /// Whether a scenario was seen to show a requirement.
    #[must_use]
    pub fn was_seen(&self, requirement: &str, scenario: &str) -> bool {
        self.shown.get(requirement).is_some_and(|row| row.seen.contains(scenario))
    }

    /// Whether a scenario may show a requirement: so it may where it is not known that it cannot.
    #[must_use]
    pub fn can_show(&self, requirement: &str, scenario: &str) -> bool {
        let can = |row: &Row| row.anywhere || row.seen.contains(scenario);
        !self.scenarios.contains(scenario) || self.shown.get(requirement).is_none_or(can)
    }
}
