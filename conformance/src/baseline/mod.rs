//! Known failures: a file that names them with a reason and an end date (`docs/baseline.schema.json`). They keep their
//! verdict and do not decide the exit code, until they pass again or their date has passed.

mod update;

use globset::{Glob, GlobMatcher};
use jiff::civil::Date;
use judge::verdict::{Answer, KnownFailure, Verdict};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Cause, context};
use crate::report::{BaselineFacts, Report};

pub use update::{Updated, updated};

/// Why a text is not a baseline. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file cannot be read.
    #[error("read the baseline {file}")]
    Read {
        /// The file.
        file: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is not of the format.
    #[error("read the baseline {file}")]
    Format {
        /// The file.
        file: String,
        /// What is wrong.
        source: Cause,
    },
}

/// The file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineFile {
    #[serde(default)]
    known: Vec<Known>,
}

/// One known failure, or several that its globs match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The requirement's slug.
    pub requirement: String,
    /// A glob over scenarios.
    #[serde(default = "any")]
    pub scenario: String,
    /// A glob over services.
    #[serde(default = "any")]
    pub service: String,
    /// Why it is known, in words.
    pub reason: String,
    /// The last day on which it may fail: YYYY-MM-DD.
    #[serde(default, deserialize_with = "date")]
    pub until: Option<String>,
}

impl Known {
    fn failure(&self) -> KnownFailure {
        KnownFailure { reason: self.reason.clone(), until: self.until.clone() }
    }
}

fn any() -> String {
    "*".to_owned()
}

/// A date of TOML's own, or in quotes.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::Datetime(date) => date.to_string(),
        toml::Value::String(text) => text,
        _ => return Err(serde::de::Error::custom("until is a date, such as 2030-01-31")),
    };
    text.parse::<Date>()
        .ok()
        .filter(|date| date.to_string() == text)
        .map(|_| Some(text))
        .ok_or_else(|| serde::de::Error::custom("until is a date, such as 2030-01-31"))
}

/// Known failures.
#[derive(Debug, Clone)]
pub struct Baseline {
    file: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    known: Known,
    until: Option<Date>,
    scenario: GlobMatcher,
    service: GlobMatcher,
}

impl Entry {
    fn matches(&self, verdict: &Verdict) -> bool {
        self.known.requirement == verdict.requirement
            && self.scenario.is_match(&verdict.scenario)
            && self.service.is_match(&verdict.service)
    }

    fn name(&self) -> String {
        format!("{} in {} on {}", self.known.requirement, self.known.scenario, self.known.service)
    }
}

/// Whether a TOML text is meant as a baseline.
#[must_use]
pub fn is_meant(text: &str) -> bool {
    let table: Option<toml::Table> = text.parse().ok();
    table.is_some_and(|table| table.contains_key("known"))
}

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// [`BaselineError`] naming the file and the entry.
    pub fn read(file: &std::path::Path) -> Result<Self, BaselineError> {
        let name = file.display().to_string();
        let text = crate::given::text(file).map_err(|source| BaselineError::Read { file: name.clone(), source })?;
        Self::parse(&text, &name)
    }

    /// Reads a text; `file` is what messages call it.
    ///
    /// # Errors
    /// [`BaselineError::Format`].
    pub fn parse(text: &str, file: &str) -> Result<Self, BaselineError> {
        let fail = |source: Cause| BaselineError::Format { file: file.to_owned(), source };
        let content: BaselineFile = toml::from_str(text).map_err(|error| fail(error.into()))?;
        let entries = content.known.into_iter().enumerate().map(|(index, known)| {
            entry(known).map_err(|error| fail(context(format!("known failure {}", index + 1))(error).into()))
        });
        Ok(Self { file: file.to_owned(), entries: entries.collect::<Result<_, _>>()? })
    }

    /// How many failures it names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a failure is known on a day.
    #[must_use]
    pub fn knows(&self, verdict: &Verdict, today: Date) -> bool {
        self.entry(verdict, today).is_some()
    }

    fn entry(&self, verdict: &Verdict, today: Date) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.holds(today) && entry.matches(verdict))
    }

    /// Marks what is known in a report, and settles its exit code anew; `today` is the day by which dates are taken.
    pub fn apply(&self, report: &mut Report, today: Date) {
        for verdict in report.verdicts.iter_mut().filter(|verdict| verdict.verdict == Answer::Fail) {
            let found = self.entry(verdict, today);
            verdict.known = found.map(|entry| entry.known.failure());
        }
        // What a quick run did not look at may still fail.
        let verdicts = if report.is_quick() { &[] } else { report.verdicts.as_slice() };
        let problems = self.entries.iter().filter_map(|entry| problem(entry, verdicts, today)).collect();
        let known = report.verdicts.iter().filter(|verdict| verdict.known.is_some()).count();
        report.baseline = Some(BaselineFacts { file: self.file.clone(), known, problems });
        if known > 0 {
            let decides = |headline: &&mut crate::report::headline::Headline| headline.profile == report.profile;
            for headline in report.headlines.iter_mut().filter(decides) {
                headline.text = format!("{}; {known} known", headline.text);
            }
        }
        report.settle(report.exit_code == crate::exit::Exit::Interrupted);
    }
}

impl Entry {
    fn holds(&self, today: Date) -> bool {
        self.until.is_none_or(|until| today <= until)
    }

    /// Whether what it names passes wherever it was judged.
    fn passes_again(&self, verdicts: &[Verdict]) -> bool {
        let mut passes = false;
        for verdict in verdicts.iter().filter(|verdict| self.matches(verdict)) {
            match verdict.verdict {
                Answer::Pass => passes = true,
                Answer::NotApplicable => {}
                _ => return false,
            }
        }
        passes
    }
}

fn entry(known: Known) -> Result<Entry, Cause> {
    if judge::requirements::named(&known.requirement).is_none() {
        let unknown = format!("no requirement is called '{}'; see conformance list requirements", known.requirement);
        return Err(unknown.into());
    }
    if known.reason.trim().is_empty() {
        return Err(format!("{} needs a reason", known.requirement).into());
    }
    let glob = |pattern: &str| {
        let read = Glob::new(pattern).map(|glob| glob.compile_matcher());
        read.map_err(context(format!("read {pattern}")))
    };
    Ok(Entry {
        scenario: glob(&known.scenario)?,
        service: glob(&known.service)?,
        until: known.until.as_deref().and_then(|until| until.parse().ok()),
        known,
    })
}

/// Why an entry fails the run: its date has passed, or what it names passes again wherever it was judged.
fn problem(entry: &Entry, verdicts: &[Verdict], today: Date) -> Option<String> {
    if let Some(until) = entry.until.filter(|_| !entry.holds(today)) {
        return Some(format!("{}: expired on {until}: fix the failure, or extend `until`", entry.name()));
    }
    entry.passes_again(verdicts).then(|| format!("{}: it passes now: remove the entry", entry.name()))
}

#[cfg(test)]
mod tests;
