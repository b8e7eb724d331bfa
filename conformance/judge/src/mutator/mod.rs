//! The generic mutator: it knows no requirement, changes every field of good evidence, and asks whether anyone notices.
//! What goes unnoticed is justified in `justified.rs`, and counted in `docs/trust.md`.

mod document;
mod justified;
mod note;
mod part;
mod question;
mod tree;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::evidence::Target;
use crate::json::Json;
use question::{Good, Questions};

/// Whether anyone noticed, by mutation: `alter registry image.config#/os`. A field that is in several good evidences,
/// or in several exports of one, is noticed when it is in one of them.
type Noticed = BTreeMap<String, bool>;

/// Parts that say what was given and not what an export left: the same wherever an image is exported to.
const GIVEN: [&str; 2] = ["inputs", "run_image"];

/// Mutates all good evidence: first the sample, of which everything is asked, then what the other trials begin with.
fn mutated() -> Noticed {
    let goods = question::all();
    let (sample, others) = goods.split_at(1);
    let first = on_all_cores(sample, &Noticed::new());
    let mut all = on_all_cores(others, &first);
    for (key, is_noticed) in first {
        *all.entry(key).or_default() |= is_noticed;
    }
    all
}

fn on_all_cores(goods: &[Good], first: &Noticed) -> Noticed {
    let exports = goods.iter().flat_map(|good| (0..good.evidence.exports.len()).map(move |index| (good, index)));
    let jobs: Vec<(&Good, usize)> = exports.collect();
    let (next, noticed) = (AtomicUsize::new(0), Mutex::new(Noticed::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((good, index)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    mutate(good, *index, first, &noticed);
                }
            });
        }
    });
    noticed.into_inner().unwrap()
}

/// Mutates one export, and those at the same target that are the same in the mutated part: an exporter that errs does
/// so every time.
fn mutate(good: &Good, index: usize, first: &Noticed, noticed: &Mutex<Noticed>) {
    let original = good.evidence.exports[index].clone();
    let mut questions = Questions::of(good, original.target);
    if questions.is_empty() {
        return;
    }
    let is_sealed = part::is_sealed(&original);
    // What was given, and what is as in the sample, is mutated once, where everything is asked.
    let known = part::as_in_the_sample(&original);
    let is_known = |at: &str| known.iter().any(|place| at.starts_with(place));
    let is_done = |name: &str, at: &str, key: &str| {
        let tried = first.get(key).copied();
        let is_noticed = || noticed.lock().unwrap().get(key).copied().unwrap_or(false);
        tried == Some(true) || tried.is_some() && (GIVEN.contains(&name) || is_known(at)) || is_noticed()
    };
    let mut evidence = good.evidence.clone();
    let alike = |name: &str| -> Vec<usize> {
        let all = good.evidence.exports.iter().enumerate();
        let same = all.filter(|(_, export)| export.target == original.target && part::is_same(export, &original, name));
        same.map(|(index, _)| index).collect()
    };
    for (name, node) in part::parts(&original) {
        if GIVEN.contains(&name) && original.target != Target::Registry {
            continue;
        }
        let alike = alike(name);
        let mut try_it = |what: &str, at: &str, make: &dyn Fn() -> Option<Json>| {
            let key = format!("{what} {} {at}", original.target);
            let Some(made) = (!is_done(name, at, &key)).then(make).flatten() else { return };
            let mut is_other = false;
            for index in &alike {
                let export = &mut evidence.exports[*index];
                if part::put(export, name, &made).is_some() && is_sealed {
                    part::follow(export, &original, at);
                }
                is_other |= *export != good.evidence.exports[*index];
            }
            if is_other {
                let is_now = questions.notice(&evidence);
                *noticed.lock().unwrap().entry(key).or_default() |= is_now;
            }
            for index in &alike {
                part::restore(
                    &mut evidence.exports[*index],
                    &good.evidence.exports[*index],
                    name,
                    is_sealed && at.contains('#'),
                );
            }
        };
        try_it("drop", name, &|| Some(Json::Null));
        tree::each(&node, tree::Tree::Evidence, name, &mut try_it);
    }
}

#[test]
fn every_mutation_is_noticed_or_justified_and_the_note_says_so() {
    let noticed = mutated();
    let survivors: Vec<&String> = noticed.iter().filter(|(_, is)| !**is).map(|(key, _)| key).collect();
    let unjustified: Vec<&&String> = survivors.iter().filter(|key| justified::reason(key).is_none()).collect();
    assert!(unjustified.is_empty(), "{} survive: {unjustified:#?}", unjustified.len());
    let all = justified::JUSTIFIED.iter().enumerate();
    let patterns = all.flat_map(|(index, entry)| entry.patterns.iter().map(move |pattern| (index, pattern)));
    let fits_none = |(index, pattern): &(usize, &&str)| {
        !survivors.iter().any(|key| justified::reason(key) == Some(*index) && justified::fits(pattern, key))
    };
    let idle: Vec<&&str> = patterns.filter(fits_none).map(|(_, pattern)| pattern).collect();
    assert!(idle.is_empty(), "these justify nothing any more: {idle:#?}");
    let section = note::section(&noticed);
    assert!(note::holds(&section), "docs/trust.md is stale; {}=1 in the environment renews it", note::RENEW);
}

#[test]
fn a_pattern_stands_for_what_it_says() {
    for (pattern, text, is_it) in
        [("a*c", "abbc", true), ("a*c", "ab", false), ("a*", "a", true), ("*.x", "a.y", false), ("a", "ab", false)]
    {
        assert_eq!(justified::fits(pattern, text), is_it, "{pattern} {text}");
    }
}
