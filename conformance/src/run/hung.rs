//! In which steps of a run the exporter hung where the registry gave no answer: each such wait has to be made once.

use std::sync::{Mutex, PoisonError};

use judge::evidence::{FaultKind, Hang};

use crate::scenario::{Scenario, Step};

/// What is known so far. Scenarios run side by side: two of them may begin such a wait before either is over.
#[derive(Default)]
pub(super) struct Hung(Mutex<Vec<(FaultKind, Hang)>>);

/// Whether the exporter gets no answer, and may wait for one without end.
fn gives_no_answer(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Stall | FaultKind::ResetBefore | FaultKind::ResetDuring | FaultKind::ResetAfter | FaultKind::Trickle
    )
}

fn kinds(step: &Step) -> impl Iterator<Item = FaultKind> {
    step.faults.iter().map(|fault| fault.kind).filter(|kind| gives_no_answer(*kind))
}

impl Hung {
    /// Notes that the exporter was ended by its limit in this step.
    pub(super) fn note(&self, scenario: &Scenario, number: usize, step: &Step) {
        let hang = Hang { scenario: scenario.name.clone(), step: number };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(kinds(step).map(|kind| (kind, hang.clone())));
    }

    /// Where it hung on a fault of a kind that this step has, too.
    pub(super) fn shown(&self, step: &Step) -> Option<Hang> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds(step).find_map(|kind| all.iter().find(|(known, _)| *known == kind)).map(|(_, hang)| hang.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_known_to_hang_by_the_kind_of_its_fault() {
        let text = "why = 'x'\ntargets = ['registry']\n[[steps]]\nfaults = [{ path = '*', kind = 'stall', seconds = 1 }]\n\
                    [[steps]]\nfaults = [{ path = 'a', kind = 'stall', seconds = 2, times = 1 }]\n\
                    [[steps]]\nfaults = [{ path = '*', kind = 'reset-before' }]\n\
                    [[steps]]\nfaults = [{ path = '*', kind = 'status', status = 500 }]\n[[steps]]\n";
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("one")).unwrap();
        std::fs::write(folder.path().join("one/scenario.toml"), text).unwrap();
        let scenario = crate::scenario::from_folder(folder.path()).unwrap().remove(0);
        let steps = &scenario.file.steps;
        let hung = Hung::default();
        assert_eq!(hung.shown(&steps[0]), None);
        hung.note(&scenario, 4, &steps[3]);
        assert!(steps.iter().all(|step| hung.shown(step).is_none()));
        hung.note(&scenario, 1, &steps[0]);
        let known: Vec<_> = steps.iter().map(|step| hung.shown(step).map(|hang| hang.step)).collect();
        assert_eq!(known, [Some(1), Some(1), None, None, None]);
    }
}
