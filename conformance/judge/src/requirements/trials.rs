//! The trials of all themes, and the good evidence that they begin with.

use std::collections::BTreeSet;

use super::{
    accounted, annotations, base, buildpack, daemon, digest, errors, layout, manifest, platform, rebase, sentences,
    source, wire,
};
use crate::evidence::{ScenarioEvidence, Target};
use crate::trial::Trial;

/// Every theme with its trials, in catalogue order.
pub(crate) fn trials() -> Vec<(&'static str, Vec<Trial>)> {
    vec![
        ("annotations", annotations::trials::trials()),
        ("base", base::trials::trials()),
        ("source", source::trials::trials()),
        ("buildpack", buildpack::trials::trials()),
        ("digest", digest::trials::trials()),
        ("wire", wire::trials::trials()),
        ("manifest, config, labels, layers", manifest::trials::trials()),
        ("daemon", daemon::trials::trials()),
        ("daemon, stores", daemon::stores::trials::trials()),
        ("layout", layout::trials::trials()),
        ("platform", platform::trials::trials()),
        ("errors", errors::trials::trials()),
        ("accounted", accounted::trials::trials()),
        ("sentences", sentences::trials::trials()),
        ("rebase", rebase::trials::trials()),
    ]
}

/// The distinct good evidence of all trials, each with the requirements and targets that are tried on it.
pub(crate) fn goods() -> Vec<(ScenarioEvidence, BTreeSet<(String, Target)>)> {
    let mut goods: Vec<(ScenarioEvidence, BTreeSet<(String, Target)>)> = Vec::new();
    for trial in trials().into_iter().flat_map(|(_, trials)| trials) {
        let good = trial.good();
        let known = goods.iter().position(|(known, _)| *known == good).unwrap_or_else(|| {
            goods.push((good, BTreeSet::new()));
            goods.len() - 1
        });
        goods[known].1.extend(trial.targets().iter().map(|target| (trial.slug.clone(), *target)));
    }
    goods
}
