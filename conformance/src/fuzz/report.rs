//! What came of generated builds, for people and for programs.

use std::fmt::Write;

use judge::evidence::Target;
use judge::verdict::Verdict;
use serde::Serialize;

use super::corpus::KeptCase;
use super::{Failing, FuzzOptions};
use crate::exit::Exit;
use crate::prose::shortened;
use crate::report::terminal::{counted, visible};
use crate::run::{Options, selection};

/// Version of the JSON form that `docs/fuzz.md` describes.
pub const SCHEMA_VERSION: u32 = 2;

/// Everything that is told.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema: u32,
    /// The exporter's name.
    pub exporter: String,
    /// The profile that decided what a failure is.
    pub profile: String,
    /// What the cases were drawn from.
    pub seed: u64,
    /// Cases that were asked for.
    pub cases: u64,
    /// Pairs of values that the cases cover; none where they were drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Pairs>,
    /// Cases that were run and judged to their end.
    pub done: u64,
    /// Exports that were made for them, shrinking aside.
    pub exports: usize,
    /// Verdicts on them that say something about the exporter.
    pub judged: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Causes of failures, in the order in which they were found.
    pub failures: Vec<Failure>,
    /// What the suite or its services did not manage.
    pub troubles: Vec<Trouble>,
    /// What could not be removed from a registry that was given.
    pub left_behind: Vec<String>,
    /// The exit code.
    pub exit_code: Exit,
}

/// Pairs of values of the table of promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pairs {
    /// Those of the cases that were done.
    pub covered: usize,
    /// All that there are.
    pub of: usize,
}

/// A cause of failures: a requirement on a target, and what else failed for the same reason.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// What its requirements have in common: the slug, or with `*` where each annotation has a requirement of its own.
    pub cause: String,
    /// The requirement that was shrunk by: its slug.
    pub requirement: String,
    /// The target.
    pub target: Target,
    /// Cases in which that failed there, the first of which was shrunk.
    pub cases: Vec<u64>,
    /// The cause's other requirements and targets.
    pub also: Vec<Also>,
    /// Builds that were exported to shrink it.
    pub tries: usize,
    /// One sentence: the violation.
    pub message: String,
    /// What was to be seen.
    pub expected: String,
    /// What was seen.
    pub found: String,
    /// The kept scenario's folder; none where further failures were not kept.
    pub scenario: Option<String>,
    /// The folder of its evidence; none where it was not kept.
    pub evidence: Option<String>,
    /// The command that repeats it; none where the scenario was not kept.
    pub repeat: Option<String>,
    /// Whether the kept scenario failed again when it was run for its evidence.
    pub repeated: bool,
}

/// A further requirement or target of a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Also {
    /// Its slug.
    pub requirement: String,
    /// The target.
    pub target: Target,
    /// Cases in which it failed.
    pub cases: Vec<u64>,
}

/// A failure of the suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The case's number; none where it is of the whole run.
    pub case: Option<u64>,
    /// What happened.
    pub message: String,
}

impl Failure {
    pub(super) fn new(verdict: &Verdict, cause: String, cases: Vec<u64>) -> Self {
        Self {
            cause,
            requirement: verdict.requirement.clone(),
            target: verdict.target,
            cases,
            also: Vec::new(),
            tries: 0,
            message: verdict.message.clone(),
            expected: verdict.expected.clone(),
            found: verdict.found.clone(),
            scenario: None,
            evidence: None,
            repeat: None,
            repeated: false,
        }
    }

    /// Counts further cases of this cause.
    pub(super) fn count(&mut self, failing: &Failing, cases: Vec<u64>) {
        if self.requirement == failing.requirement && self.target == failing.target {
            self.cases.extend(cases);
            return;
        }
        let is_it = |also: &&mut Also| also.requirement == failing.requirement && also.target == failing.target;
        match self.also.iter_mut().find(is_it) {
            Some(known) => known.cases.extend(cases),
            None => self.also.push(Also { requirement: failing.requirement.clone(), target: failing.target, cases }),
        }
    }

    /// Says where it is kept, and what the kept scenario's own verdict says.
    pub(super) fn keep(&mut self, kept: &KeptCase, again: Option<&Verdict>, options: &Options) {
        if let Some(verdict) = again {
            self.repeated = true;
            self.message.clone_from(&verdict.message);
            self.expected.clone_from(&verdict.expected);
            self.found.clone_from(&verdict.found);
        }
        self.scenario = Some(kept.folder.display().to_string());
        self.evidence = Some(kept.evidence.display().to_string());
        self.repeat = Some(again.map_or_else(|| self.command(kept, options), |verdict| verdict.repeat.clone()));
    }

    fn command(&self, kept: &KeptCase, options: &Options) -> String {
        let scenario_folders = [(kept.name.clone(), kept.folder.display().to_string())].into();
        let selection = judge::Selection { phase: None, requirements: None, scenario_folders, ..selection(options) };
        judge::repeat::command(&selection, &[&kept.name], &self.requirement, &[], self.target)
    }
}

impl Report {
    pub(super) fn new(settings: &FuzzOptions) -> Self {
        Self {
            schema: SCHEMA_VERSION,
            exporter: settings.options.exporter.name.clone(),
            profile: settings.options.profile.to_string(),
            seed: settings.seed,
            cases: settings.cases,
            pairs: None,
            done: 0,
            exports: 0,
            judged: 0,
            seconds: 0.0,
            failures: Vec::new(),
            troubles: Vec::new(),
            left_behind: Vec::new(),
            exit_code: Exit::Conformant,
        }
    }

    /// One trouble for each case and message, however many requirements it kept from being judged.
    pub(super) fn trouble(&mut self, case: u64, message: &str) {
        let trouble = Trouble { case: Some(case), message: message.to_owned() };
        if !self.troubles.contains(&trouble) {
            self.troubles.push(trouble);
        }
    }

    /// Sets the exit code; `so_far` is the code from other causes.
    pub(super) fn conclude(&mut self, so_far: Exit) {
        self.exit_code = Exit::strongest([
            (true, so_far),
            (!self.failures.is_empty(), Exit::NotConformant),
            (!self.troubles.is_empty(), Exit::SuiteFailed),
            (self.judged == 0, Exit::NothingJudged),
        ]);
    }

    /// The JSON form.
    ///
    /// # Errors
    /// The serialiser's.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// The form for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for failure in &self.failures {
            failure.tell(&mut text);
        }
        for trouble in &self.troubles {
            let of = trouble.case.map_or_else(|| "the suite".to_owned(), |case| format!("case {case}"));
            let _ = writeln!(text, "ERROR {of}: {}", visible(&trouble.message));
        }
        for name in &self.left_behind {
            let _ = writeln!(text, "left behind: {}", visible(name));
        }
        self.tally(&mut text);
        text
    }

    /// The causes, a line each, and the counts.
    fn tally(&self, text: &mut String) {
        for failure in &self.failures {
            let all = failure.also.iter().flat_map(|also| &also.cases).chain(&failure.cases);
            let count = all.collect::<std::collections::BTreeSet<_>>().len();
            let kept = failure.scenario.as_deref().unwrap_or("not kept");
            let _ = writeln!(text, "cause {:<40} {:>9}  {}", failure.cause, counted(count, "case"), visible(kept));
        }
        if let Some(pairs) = self.pairs {
            let _ = writeln!(
                text,
                "{} of {} pairs covered in {}",
                pairs.covered,
                pairs.of,
                counted(number(self.done), "build")
            );
        }
        let further: usize = self.failures.iter().map(|failure| failure.also.len()).sum();
        let _ = writeln!(
            text,
            "{} of {} of seed {}: {}, {}, {} of {} on their targets, {:.1} s",
            self.done,
            counted(number(self.cases), "case"),
            self.seed,
            counted(self.exports, "export"),
            counted(self.judged, "verdict"),
            counted(self.failures.len(), "cause"),
            counted(self.failures.len() + further, "failing requirement"),
            self.seconds
        );
    }
}

impl Failure {
    fn tell(&self, text: &mut String) {
        let first = self.cases.first().copied().unwrap_or_default();
        let _ =
            writeln!(text, "FAIL {} on {} in case {first}: {}", self.requirement, self.target, short(&self.message));
        let _ = writeln!(text, "  expected  {}", short(&self.expected));
        let _ = writeln!(text, "  found     {}", short(&self.found));
        if self.cases.len() > 1 {
            let _ = writeln!(text, "  and in {}", counted(self.cases.len() - 1, "further case"));
        }
        for also in &self.also {
            let _ = writeln!(
                text,
                "  also      {} on {} in {}",
                also.requirement,
                also.target,
                counted(also.cases.len(), "case")
            );
        }
        if let (Some(scenario), Some(evidence), Some(repeat)) = (&self.scenario, &self.evidence, &self.repeat) {
            let _ = writeln!(text, "  scenario  {scenario} (shrunk in {} tries)", self.tries);
            let _ = writeln!(text, "  evidence  {evidence}");
            let _ = writeln!(text, "  repeat    {repeat}");
            if !self.repeated {
                let _ = writeln!(text, "  It was not seen to fail again when it was run for its evidence.");
            }
        }
        text.push('\n');
    }
}

/// A number of builds as one that is counted.
fn number(of: u64) -> usize {
    usize::try_from(of).unwrap_or(usize::MAX)
}

/// At most so many characters of a value that may have 64 KiB.
fn short(text: &str) -> String {
    shortened(&visible(text), 200)
}
