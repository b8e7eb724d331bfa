//! Trials of requirements: mutations of good evidence that must be rejected, and near misses that must not be. Every
//! theme declares them next to its judges; `requirements/tests.rs` walks them all.

use std::rc::Rc;

use crate::evidence::{Export, ScenarioEvidence, Target};
use crate::requirements;
use crate::sample;
use crate::verdict::Finding;

/// Makes good evidence.
type Good = Rc<dyn Fn() -> ScenarioEvidence>;
/// Changes it, for the target that is judged.
type Change = Rc<dyn Fn(&mut ScenarioEvidence, Target)>;

/// What a trial's change has to lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A mutation: the requirement held before and does not any more.
    Rejected,
    /// A near miss: the requirement holds.
    Held,
    /// A near miss to which the requirement does not speak.
    NotJudged,
    /// The requirement held before, and what is told now is the one with this slug, from which it follows.
    Follows(&'static str),
}

impl Wanted {
    /// Whether the change is a fault, rather than a near miss.
    #[must_use]
    pub fn is_mutation(self) -> bool {
        matches!(self, Self::Rejected | Self::Follows(_))
    }
}

/// One change of good evidence, tried on each of its targets.
#[derive(Clone)]
pub struct Trial {
    /// The requirement.
    pub slug: String,
    /// What is changed, in a few words.
    pub name: String,
    /// What it has to lead to.
    pub wanted: Wanted,
    targets: Vec<Target>,
    good: Good,
    change: Change,
}

impl Trial {
    /// What the requirement's judge finds after the change.
    ///
    /// # Errors
    /// What is wrong with the judge, in a line.
    pub fn tried(&self, target: Target) -> Result<Finding, String> {
        let Self { slug, name, .. } = self;
        let mut evidence = (self.good)();
        let before = sample::find(&evidence, slug, target);
        if self.wanted.is_mutation() && before != Finding::Holds {
            return Err(format!("{slug} on {target}: good evidence, before '{name}', is not: {before:?}"));
        }
        let untouched = evidence.clone();
        (self.change)(&mut evidence, target);
        if evidence == untouched {
            return Err(format!("{slug} on {target}: '{name}' changes nothing"));
        }
        let after = sample::find(&evidence, slug, target);
        let is_it = match self.wanted {
            Wanted::Rejected => matches!(after, Finding::Violated(_) | Finding::Absent(_)),
            Wanted::Held => after == Finding::Holds,
            Wanted::NotJudged => matches!(after, Finding::NotApplicable(_) | Finding::Skipped(_)),
            Wanted::Follows(cause) => sample::root(&evidence, slug, target) == Some(cause),
        };
        let what = match self.wanted {
            Wanted::Rejected => "survives the mutation",
            Wanted::Held | Wanted::NotJudged => "rejects the near miss",
            Wanted::Follows(_) => "does not follow from what was to be its cause after",
        };
        if !is_it {
            return Err(format!("{slug} on {target} {what} '{name}': {after:?}"));
        }
        let first = evidence.exports.iter().chain(&evidence.rebases).next();
        match blemish(&after, first.map_or("", |export| &export.scenario)) {
            Some(blemish) => Err(format!("{slug} on {target} {blemish} for '{name}': {after:?}")),
            None => Ok(after),
        }
    }

    /// Its good evidence.
    #[must_use]
    pub fn good(&self) -> ScenarioEvidence {
        (self.good)()
    }

    /// Where the requirement is tried.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }
}

/// What would leave a person who reads of a violation without help.
fn blemish(finding: &Finding, scenario: &str) -> Option<&'static str> {
    let found = finding.violation()?;
    if found.expected == found.found {
        return Some("shows what it expected as what it found");
    }
    let is_named = found.evidence.strip_prefix(scenario).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1);
    (!is_named).then_some("names no evidence")
}

/// The trials of one requirement, declared one after another.
pub struct Trials {
    slug: String,
    targets: Vec<Target>,
    step: usize,
    good: Good,
    list: Vec<Trial>,
}

impl Trials {
    /// Trials on all of the requirement's targets, of the sample scenario.
    ///
    /// # Panics
    /// When there is no such requirement.
    #[must_use]
    pub fn of(slug: &str) -> Self {
        let row = requirements::named(slug).unwrap_or_else(|| panic!("no requirement {slug}"));
        Self {
            slug: slug.to_owned(),
            targets: row.targets.to_vec(),
            step: 1,
            good: Rc::new(sample::scenario),
            list: Vec::new(),
        }
    }

    /// The trials that follow change other good evidence.
    #[must_use]
    pub fn from(mut self, good: impl Fn() -> ScenarioEvidence + 'static) -> Self {
        self.good = Rc::new(good);
        self
    }

    /// The trials that follow are made on these targets alone.
    ///
    /// # Panics
    /// When the requirement is not judged on one of them.
    #[must_use]
    pub fn on(mut self, targets: &[Target]) -> Self {
        let row = requirements::named(&self.slug).expect("a requirement");
        assert!(targets.iter().all(|target| row.targets.contains(target)), "{} on {targets:?}", self.slug);
        self.targets = targets.to_vec();
        self
    }

    /// The trials that follow change the export of this step.
    #[must_use]
    pub fn step(mut self, step: usize) -> Self {
        self.step = step;
        self
    }

    /// A mutation of the target's export.
    #[must_use]
    pub fn rejects(self, name: impl Into<String>, change: impl Fn(&mut Export) + 'static) -> Self {
        self.add(name.into(), Wanted::Rejected, change)
    }

    /// A near miss of the target's export: the requirement holds.
    #[must_use]
    pub fn accepts(self, name: impl Into<String>, change: impl Fn(&mut Export) + 'static) -> Self {
        self.add(name.into(), Wanted::Held, change)
    }

    /// A near miss of the target's export: the requirement does not speak of it.
    #[must_use]
    pub fn ignores(self, name: impl Into<String>, change: impl Fn(&mut Export) + 'static) -> Self {
        self.add(name.into(), Wanted::NotJudged, change)
    }

    /// A mutation of the target's export that trips the requirement `cause`: this one is told as following from it.
    #[must_use]
    pub fn follows(self, name: impl Into<String>, cause: &'static str, change: impl Fn(&mut Export) + 'static) -> Self {
        self.add(name.into(), Wanted::Follows(cause), change)
    }

    fn add(self, name: String, wanted: Wanted, change: impl Fn(&mut Export) + 'static) -> Self {
        let step = self.step;
        self.whole(name, wanted, move |evidence, target| change(sample::step(evidence, target, step)))
    }

    /// A change of the whole scenario.
    #[must_use]
    pub fn whole(
        mut self,
        name: impl Into<String>,
        wanted: Wanted,
        change: impl Fn(&mut ScenarioEvidence, Target) + 'static,
    ) -> Self {
        let (slug, targets, good) = (self.slug.clone(), self.targets.clone(), Rc::clone(&self.good));
        self.list.push(Trial { slug, name: name.into(), wanted, targets, good, change: Rc::new(change) });
        self
    }

    /// What was declared.
    #[must_use]
    pub fn list(self) -> Vec<Trial> {
        self.list
    }
}

/// The trials of several requirements.
#[must_use]
pub fn all(of: impl IntoIterator<Item = Trials>) -> Vec<Trial> {
    of.into_iter().flat_map(Trials::list).collect()
}
