//! An old and a new run held against each other: what fails now and did not, what is mended, what was added and taken
//! away, and whose digests changed, with the fields that made them change.

mod address;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use judge::difference::{self, Output};
use judge::evidence::{Export, ScenarioEvidence};
use judge::verdict::{Answer, Verdict};
use serde::Serialize;

use crate::exit::Exit;
use crate::report::Report;
use crate::report::terminal::visible;

/// One side.
pub struct Side {
    /// Its report.
    pub report: Report,
    /// Its evidence, where that is at hand.
    pub evidence: Option<Vec<ScenarioEvidence>>,
}

/// What changed between two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The old exporter and the new one: name and sha256.
    pub exporters: [String; 2],
    /// Verdicts that are `fail` now and were `pass`, `warn` or `absent`: the regressions.
    pub newly_failing: Vec<Change>,
    /// Verdicts that were `fail` and are `pass`, `warn` or `absent`.
    pub fixed: Vec<Change>,
    /// Verdicts that changed in another way.
    pub changed: Vec<Change>,
    /// Failures of what the old run did not judge: it is not there, or was `n/a`, `skipped` or `error`.
    pub failing_and_new: Vec<Change>,
    /// Requirements that only the new run judged.
    pub added_requirements: Vec<String>,
    /// Requirements that only the old run judged.
    pub removed_requirements: Vec<String>,
    /// Scenarios that only the new run has.
    pub added_scenarios: Vec<String>,
    /// Scenarios that only the old run has.
    pub removed_scenarios: Vec<String>,
    /// Whether both sides have evidence, so that digests could be compared.
    pub digests_compared: bool,
    /// Exports whose digests changed.
    pub digests: Vec<DigestChange>,
    /// Exports whose digests are others only because the registry has another address.
    pub only_the_address: Vec<String>,
}

/// A verdict that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The verdict's id.
    pub id: String,
    /// What it was; none where it was not there.
    pub old: Option<Answer>,
    /// What it is.
    pub new: Answer,
    /// The new verdict's message.
    pub message: String,
}

/// An export whose image changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DigestChange {
    /// The export's id.
    pub export: String,
    /// The old manifest's digest, or the imageID where no manifest is kept.
    pub old: Option<String>,
    /// The new one.
    pub new: Option<String>,
    /// Fields of manifest, layers, config and report that differ otherwise than by the registry's address; empty where an
    /// image is missing.
    pub fields: Vec<FieldChange>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Where, as [`difference::Difference::field`] names it: `config.config.Env`.
    pub field: String,
    /// The old value, cut to a readable length; empty where there is none.
    pub old: String,
    /// The new one.
    pub new: String,
}

impl Changes {
    /// Whether something fails that did not.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.newly_failing.is_empty() { Exit::Conformant } else { Exit::NotConformant }
    }

    /// The changes as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "old  {}\nnew  {}", visible(&self.exporters[0]), visible(&self.exporters[1]))?;
        for (title, changes) in [
            ("newly failing", &self.newly_failing),
            ("failing, and not judged before", &self.failing_and_new),
            ("fixed", &self.fixed),
            ("changed", &self.changed),
        ] {
            section(out, title, changes.iter().map(line))?;
        }
        section(out, "requirements added", self.added_requirements.iter().cloned())?;
        section(out, "requirements removed", self.removed_requirements.iter().cloned())?;
        section(out, "scenarios added", self.added_scenarios.iter().cloned())?;
        section(out, "scenarios removed", self.removed_scenarios.iter().cloned())?;
        section(out, "digests changed", self.digests.iter().map(digest_lines))?;
        if !self.only_the_address.is_empty() {
            let count = self.only_the_address.len();
            writeln!(out, "\ndigests that are others only because the registry has another address: {count}")?;
        }
        if !self.digests_compared {
            writeln!(out, "\ndigests were not compared: that needs the evidence of both runs")?;
        }
        let count = self.newly_failing.len();
        writeln!(out, "\n{}", if count == 0 { "no regression".to_owned() } else { format!("regressions: {count}") })
    }
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) -> std::fmt::Result {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title} ({})", lines.len())?;
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

fn line(change: &Change) -> String {
    let old = change.old.map_or("not judged", Answer::name);
    format!("{}  {old} → {}  {}", change.id, change.new, visible(&change.message))
}

fn digest_lines(change: &DigestChange) -> String {
    let name = |digest: &Option<String>| digest.clone().unwrap_or_else(|| "no image".to_owned());
    let mut text = format!("{}  {} → {}", change.export, name(&change.old), name(&change.new));
    for field in &change.fields {
        let _ = write!(text, "\n      {}: {} → {}", visible(&field.field), shown(&field.old), shown(&field.new));
    }
    text
}

fn shown(value: &str) -> String {
    const LONGEST: usize = 120;
    let cut: String = value.chars().take(LONGEST).collect();
    let more = if cut.len() < value.len() { "…" } else { "" };
    if value.is_empty() { "(absent)".to_owned() } else { visible(&cut) + more }
}

/// What changed from `old` to `new`.
#[must_use]
pub fn compare(old: &Side, new: &Side) -> Changes {
    let before: BTreeMap<&str, &Verdict> = old.report.verdicts.iter().map(|verdict| (&*verdict.id, verdict)).collect();
    let mut changes = blank(old, new);
    for verdict in &new.report.verdicts {
        let was = before.get(verdict.id.as_str()).map(|verdict| verdict.verdict);
        let change =
            Change { id: verdict.id.clone(), old: was, new: verdict.verdict, message: verdict.message.clone() };
        match (was, verdict.verdict) {
            (Some(old), new) if old == new => {}
            (Some(old), Answer::Fail) if is_judged(old) => changes.newly_failing.push(change),
            (_, Answer::Fail) => changes.failing_and_new.push(change),
            (Some(Answer::Fail), new) if is_judged(new) => changes.fixed.push(change),
            (Some(_), _) => changes.changed.push(change),
            (None, _) => {}
        }
    }
    if let (Some(old), Some(new)) = (&old.evidence, &new.evidence) {
        changes.digests_compared = true;
        (changes.digests, changes.only_the_address) = digests(old, new);
    }
    changes
}

/// Whether a verdict says something about the exporter.
fn is_judged(answer: Answer) -> bool {
    matches!(answer, Answer::Pass | Answer::Fail | Answer::Warn | Answer::Absent)
}

fn blank(old: &Side, new: &Side) -> Changes {
    let exporter = |side: &Side| format!("{} {}", side.report.exporter.name, side.report.exporter.sha256);
    let requirements = |side: &Side| -> BTreeSet<String> {
        side.report.verdicts.iter().map(|verdict| verdict.requirement.clone()).collect()
    };
    let scenarios = |side: &Side| -> BTreeSet<String> { side.report.scenarios.iter().cloned().collect() };
    let less = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect();
    Changes {
        exporters: [exporter(old), exporter(new)],
        newly_failing: Vec::new(),
        fixed: Vec::new(),
        changed: Vec::new(),
        failing_and_new: Vec::new(),
        added_requirements: less(&requirements(new), &requirements(old)),
        removed_requirements: less(&requirements(old), &requirements(new)),
        added_scenarios: less(&scenarios(new), &scenarios(old)),
        removed_scenarios: less(&scenarios(old), &scenarios(new)),
        digests_compared: false,
        digests: Vec::new(),
        only_the_address: Vec::new(),
    }
}

/// Exports whose digests changed, and those where only the registry's address did.
fn digests(old: &[ScenarioEvidence], new: &[ScenarioEvidence]) -> (Vec<DigestChange>, Vec<String>) {
    let (before, after) = (exports(old), exports(new));
    let (mut changed, mut only_the_address) = (Vec::new(), Vec::new());
    for (id, old, new) in after.into_iter().filter_map(|(id, new)| Some((id, *before.get(id)?, new))) {
        let (was, is) = (digest(old), digest(new));
        if was == is {
            continue;
        }
        if address::alone_differs(old, new) {
            only_the_address.push(id.to_owned());
        } else {
            changed.push(DigestChange { export: id.to_owned(), old: was, new: is, fields: fields(old, new) });
        }
    }
    (changed, only_the_address)
}

fn exports(evidence: &[ScenarioEvidence]) -> BTreeMap<&str, &Export> {
    evidence.iter().flat_map(|scenario| &scenario.exports).map(|export| (export.id.as_str(), export)).collect()
}

fn fields(old_export: &Export, new_export: &Export) -> Vec<FieldChange> {
    let (Some(old), Some(new)) = (Output::stored(old_export), Output::stored(new_export)) else { return Vec::new() };
    let found = difference::compare(&old, &new).differences.into_iter();
    let found = found.filter(|one| !address::is_the_same((old_export, &one.left), (new_export, &one.right)));
    found.map(|one| FieldChange { field: one.field, old: one.left, new: one.right }).collect()
}

fn digest(export: &Export) -> Option<String> {
    export.manifest_digest().or_else(|| export.image_id()).map(ToString::to_string)
}

#[cfg(test)]
mod tests;
