//! Contributed annotations seen to be there, to collide, and to be lost.

use super::*;
use crate::evidence::Target;
use crate::sample::{self, annotate, contribute, find, on};

const ON: Target = Target::Registry;
const TEAM: &str = "com.example.team";

#[test]
fn contributed_keys_are_there_byte_for_byte() {
    let id = "buildpack.annotations-present";
    for target in WITH_MANIFEST.iter().copied() {
        assert!(matches!(find(&sample::scenario(), id, target), Finding::NotApplicable(_)));
        assert_eq!(find(&sample::contributed(), id, target), Finding::Holds);
        for bad in [None, Some("last "), Some("LAST"), Some("sentinel-annotation")] {
            let mut evidence = sample::contributed();
            annotate(on(&mut evidence, target), TEAM, bad);
            assert!(matches!(find(&evidence, id, target), Finding::Absent(_)), "{bad:?}");
        }
    }
}

#[test]
fn a_key_that_others_give_is_open_and_who_won_is_seen() {
    let mut evidence = sample::scenario();
    let title = "org.opencontainers.image.title";
    contribute(on(&mut evidence, ON), &[(title, "theirs"), ("org.opencontainers.image.base.name", "theirs")]);
    annotate(on(&mut evidence, ON), title, Some("N\u{e4}me"));
    assert!(matches!(find(&evidence, "buildpack.annotations-present", ON), Finding::NotApplicable(_)));
    let exports = evidence.exports.iter().filter(|export| export.target == ON).collect();
    let case = Case { scenario: &evidence, target: ON, service: "registry", exports, run: &[] };
    let annotating = crate::requirements::annotating::Annotating::of(std::slice::from_ref(&evidence));
    let seen: Vec<String> = crate::requirements::observations(&case, &annotating)
        .into_iter()
        .filter(|observation| observation.question == "who-wins-a-key-of-several")
        .map(|observation| observation.answer)
        .collect();
    let (base, title) = (
        "base.name, of the exporter and a buildpack: the buildpack",
        "title, of the platform and a buildpack: the platform",
    );
    assert_eq!(seen, [base, title]);
}
