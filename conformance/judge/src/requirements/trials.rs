//! The trials of all themes, and the good evidence that they begin with.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{
    accounted, annotations, base, buildpack, daemon, digest, errors, layout, manifest, platform, rebase, sentences,
    source, wire,
};
use crate::evidence::{ScenarioEvidence, Target};
use crate::trial::Trial;
use crate::verdict::Violation;

/// Every theme with its trials, and a test that walks them: by its name a theme's judges are tried alone.
macro_rules! themes {
    ($($test:ident: $name:literal => $trials:path,)*) => {
        /// Every theme with its trials, in catalogue order.
        pub(crate) fn trials() -> Vec<(&'static str, Vec<Trial>)> {
            vec![$(($name, $trials())),*]
        }

        $(
            #[test]
            fn $test() {
                try_all(stringify!($test), &$trials());
            }
        )*
    };
}

themes! {
    annotations_are_tried: "annotations" => annotations::trials::trials,
    base_is_tried: "base" => base::trials::trials,
    source_is_tried: "source" => source::trials::trials,
    buildpack_is_tried: "buildpack" => buildpack::trials::trials,
    digest_is_tried: "digest" => digest::trials::trials,
    wire_is_tried: "wire" => wire::trials::trials,
    manifest_is_tried: "manifest, config, labels, layers" => manifest::trials::trials,
    daemon_is_tried: "daemon" => daemon::trials::trials,
    stores_are_tried: "daemon, stores" => daemon::stores::trials::trials,
    layout_is_tried: "layout" => layout::trials::trials,
    platform_is_tried: "platform" => platform::trials::trials,
    errors_are_tried: "errors" => errors::trials::trials,
    accounted_is_tried: "accounted" => accounted::trials::trials,
    sentences_are_tried: "sentences" => sentences::trials::trials,
    rebase_is_tried: "rebase" => rebase::trials::trials,
}

/// Fails when a judge accepts a mutation or rejects a near miss, and when what a person reads of a violation is not
/// what the theme's snapshot has.
fn try_all(test: &str, trials: &[Trial]) {
    let (mut complaints, mut told) = (Vec::new(), String::new());
    for trial in trials {
        let tried = trial.targets().iter().map(|target| trial.tried(*target));
        let (found, wrong): (Vec<_>, Vec<_>) = tried.partition(Result::is_ok);
        complaints.extend(wrong.into_iter().filter_map(Result::err));
        let Some(Ok(first)) = found.first() else { continue };
        if let Some(violation) = first.violation() {
            let Violation { message, expected, found, evidence } = violation;
            let _ = writeln!(told, "{}: {}", trial.slug, trial.name);
            for (what, text) in [("said", message), ("expected", expected), ("found", found), ("at", evidence)] {
                let _ = writeln!(told, "  {what:<8}  {}", text.replace('\n', "\\n"));
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    insta::assert_snapshot!(test, told);
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
