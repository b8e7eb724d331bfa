//! An old and a new run compared: what fails now and did not, what is fixed, what was added and taken
//! away, and whose digests changed, with the fields that made them change.

mod address;
mod asked;
mod beside;
mod groups;
#[cfg(test)]
pub(crate) mod sample;
mod text;

use std::collections::BTreeMap;

use judge::difference::{self, Output};
use judge::evidence::{Export, ScenarioEvidence, Target};
use judge::verdict::{Answer, Verdict};
use serde::Serialize;

pub use asked::OnlyThere;
pub use beside::{Beside, Row};

use crate::alike;
use crate::exit::Exit;
use crate::report::Report;

/// One side.
pub struct Side {
    /// Its report.
    pub report: Report,
    /// Its evidence, where that is available.
    pub evidence: Option<Vec<ScenarioEvidence>>,
}

/// What changed between two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The old exporter and the new one: name and sha256.
    pub exporters: [String; 2],
    /// What each came to, and where they differ.
    pub beside: Beside,
    /// Verdicts that are `fail` now and were `pass`, `warn` or `absent`: the regressions.
    pub newly_failing: Vec<Change>,
    /// Verdicts that were `fail` and are `pass`, `warn` or `absent`.
    pub fixed: Vec<Change>,
    /// Verdicts that changed in another way.
    pub changed: Vec<Change>,
    /// Failures of what the old run did not judge: it is not there, or was `n/a`, `skipped` or `error`.
    pub failing_and_new: Vec<Change>,
    /// Verdicts that changed though the evidence of their exports is the same in both runs, except for what varies: the
    /// suite judged otherwise, not the exporter acted so.
    pub judged_differently: Vec<Change>,
    /// Requirements that only the new run judged.
    pub added_requirements: OnlyThere,
    /// Requirements that only the old run judged.
    pub removed_requirements: OnlyThere,
    /// Scenarios that only the new run has.
    pub added_scenarios: OnlyThere,
    /// Scenarios that only the old run has.
    pub removed_scenarios: OnlyThere,
    /// What is to be known before anything is concluded from the changes; none where there is nothing.
    pub note: Option<String>,
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
    /// The old manifest's digest, or the imageID where no manifest is kept; none where there was no image.
    pub old: Option<String>,
    /// The new one, likewise.
    pub new: Option<String>,
    /// Fields of manifest, layers, config and report that differ otherwise than by the registry's address; empty where
    /// an image is missing.
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
        text::render(self, text::Form::Terminal)
    }

    /// The changes as a page.
    #[must_use]
    pub fn html(&self) -> String {
        let body = text::render(self, text::Form::Html);
        text::PAGE.replace("{{body}}", &body)
    }

    /// The changes as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        text::render(self, text::Form::Markdown)
    }
}

/// What changed from `old` to `new`.
#[must_use]
pub fn compare(old: &Side, new: &Side) -> Changes {
    let before: BTreeMap<&str, &Verdict> = old.report.verdicts.iter().map(|verdict| (&*verdict.id, verdict)).collect();
    let mut changes = blank(old, new);
    let evidence = old.evidence.as_ref().zip(new.evidence.as_ref());
    let evidence = evidence.map(|(old, new)| Both { old: exports(old), new: exports(new) });
    for verdict in &new.report.verdicts {
        let was = before.get(verdict.id.as_str()).map(|verdict| verdict.verdict);
        let change =
            Change { id: verdict.id.clone(), old: was, new: verdict.verdict, message: verdict.message.clone() };
        let is_both = was.is_some_and(is_judged) && is_judged(verdict.verdict);
        match (was, verdict.verdict) {
            (Some(old), new) if old == new => {}
            _ if is_both && evidence.as_ref().is_some_and(|evidence| evidence.is_the_same(verdict)) => {
                changes.judged_differently.push(change);
            }
            (Some(_), Answer::Fail) if is_both => changes.newly_failing.push(change),
            (_, Answer::Fail) => changes.failing_and_new.push(change),
            (Some(Answer::Fail), _) if is_both => changes.fixed.push(change),
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

/// The exports of both runs by their ids.
struct Both<'a> {
    old: BTreeMap<&'a str, &'a Export>,
    new: BTreeMap<&'a str, &'a Export>,
}

impl Both<'_> {
    /// Whether all that a verdict can rest on is the same in both: its own exports, and the registry's where it
    /// compares with them.
    fn is_the_same(&self, verdict: &Verdict) -> bool {
        let beside = judge::requirements::compares_with_registry(&verdict.requirement);
        let is_beside =
            |export: &Export| beside && export.scenario == verdict.scenario && export.target == Target::Registry;
        let ids = |side: &BTreeMap<&str, &Export>| -> Vec<String> {
            let of_it = side.values().filter(|export| verdict.exports.contains(&export.id) || is_beside(export));
            of_it.map(|export| export.id.clone()).collect()
        };
        let (old, new) = (ids(&self.old), ids(&self.new));
        let are_alike = |id: &String| alike::are(self.old[id.as_str()], self.new[id.as_str()]);
        !new.is_empty() && old == new && new.iter().all(are_alike)
    }
}

fn blank(old: &Side, new: &Side) -> Changes {
    let exporter = |side: &Side| format!("{} {}", side.report.exporter.name, side.report.exporter.sha256);
    let (one, two) = (&old.report.tool.catalogue, &new.report.tool.catalogue);
    let has_evidence = old.evidence.is_some() && new.evidence.is_some();
    let note = (one != two && !has_evidence).then(|| {
        format!(
            "the runs were judged by catalogues {one} and {two}: what changed may be judged differently rather than done so; \
             compare the evidence of both"
        )
    });
    Changes {
        exporters: [exporter(old), exporter(new)],
        beside: beside::beside(old, new),
        newly_failing: Vec::new(),
        fixed: Vec::new(),
        changed: Vec::new(),
        failing_and_new: Vec::new(),
        judged_differently: Vec::new(),
        added_requirements: asked::requirements(new, old),
        removed_requirements: asked::requirements(old, new),
        added_scenarios: asked::scenarios(new, old),
        removed_scenarios: asked::scenarios(old, new),
        note,
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

/// The digest of what an export made; a refused one leaves under its tag what was there before.
fn digest(export: &Export) -> Option<String> {
    if !export.outcome.succeeded() {
        return None;
    }
    export.manifest_digest().or_else(|| export.image_id()).map(ToString::to_string)
}

#[cfg(test)]
mod tests;
