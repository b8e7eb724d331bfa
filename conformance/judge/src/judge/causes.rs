//! One cause, one failure: which of a case's findings are told, and which follow from one that is.

use std::collections::{BTreeMap, BTreeSet};

use crate::requirement::{Case, Requirement};
use crate::requirements;
use crate::verdict::Finding;

/// The findings of one case, asked as they are needed.
pub(crate) struct Causes<'c, 'a> {
    case: &'c Case<'a>,
    known: BTreeMap<&'static str, Finding>,
}

impl<'c, 'a> Causes<'c, 'a> {
    pub(crate) fn of(case: &'c Case<'a>) -> Self {
        Self { case, known: BTreeMap::new() }
    }

    /// As if the judges had found this.
    #[cfg(test)]
    pub(crate) fn knowing(case: &'c Case<'a>, known: BTreeMap<&'static str, Finding>) -> Self {
        Self { case, known }
    }

    /// What the requirement's judge found.
    pub(crate) fn finding(&mut self, row: &'static Requirement) -> Finding {
        self.known.entry(row.id).or_insert_with(|| crate::ask::ask(self.case, row)).clone()
    }

    /// The requirement whose verdict stands for this one's: one from which the finding follows, which is violated in
    /// this case, and which is told. None where the finding stands for itself.
    ///
    /// Of requirements that follow from each other in a circle, the first by name stands for all: what is told by
    /// itself is the same from wherever the question comes, so that no cause is lost.
    pub(crate) fn root(
        &mut self,
        row: &'static Requirement,
        is_told: &dyn Fn(&'static Requirement) -> bool,
    ) -> Option<&'static str> {
        let mut told = self.told(row.id, is_told);
        told.insert(row.id);
        let mut ends = told.clone();
        ends.retain(|id| self.told(id, is_told).iter().all(|next| self.told(next, is_told).contains(id) || next == id));
        ends.first().copied().filter(|id| *id != row.id)
    }

    /// A violated requirement from which the finding follows, told or not.
    pub(crate) fn cause(&mut self, row: &'static Requirement) -> Option<&'static str> {
        self.next(row.id).first().copied()
    }

    /// All that is told and that the finding follows from, by whatever way.
    fn told(&mut self, id: &'static str, is_told: &dyn Fn(&'static Requirement) -> bool) -> BTreeSet<&'static str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            open.extend(self.next(id).into_iter().filter(|next| reached.insert(*next)));
        }
        reached.retain(|id| requirements::named(id).is_some_and(is_told));
        reached
    }

    /// The violated requirements that the finding names as what it follows from.
    fn next(&mut self, id: &'static str) -> Vec<&'static str> {
        let Some(row) = requirements::named(id) else { return Vec::new() };
        let Finding::Follows { from, .. } = self.finding(row) else { return Vec::new() };
        from.iter().copied().filter(|cause| *cause != id && self.is_violated(cause)).collect()
    }

    fn is_violated(&mut self, id: &str) -> bool {
        let row = requirements::named(id).filter(|row| row.targets.contains(&self.case.target));
        row.is_some_and(|row| self.finding(row).violation().is_some())
    }
}
