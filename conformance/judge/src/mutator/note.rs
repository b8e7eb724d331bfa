//! The section of `docs/trust.md` that is made of trials and mutations, and whether the note has it as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Noticed;
use super::justified::{self, JUSTIFIED};
use crate::requirements::{all, trials::trials};

/// What a mutation has to be called for: `RENEW_NOTE=1 cargo test -p judge --lib mutator` writes the section anew.
pub(super) const RENEW: &str = "RENEW_NOTE";
const MARKS: [&str; 2] = ["<!-- mutations -->\n", "<!-- /mutations -->\n"];
const NOTE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/trust.md");

fn themes() -> String {
    let mut text = String::from("| theme | requirements | mutations | near misses |\n|---|---|---|---|\n");
    let mut sums = [0; 3];
    for (theme, trials) in trials() {
        let is_own = |id: &str| trials.iter().any(|trial| trial.slug == id);
        let mutations = trials.iter().filter(|trial| trial.wanted.is_mutation()).count();
        let counts = [all().filter(|row| is_own(row.id)).count(), mutations, trials.len() - mutations];
        let _ = writeln!(text, "| {theme} | {} | {} | {} |", counts[0], counts[1], counts[2]);
        (0..3).for_each(|index| sums[index] += counts[index]);
    }
    let _ = writeln!(text, "| in all | {} | {} | {} |", sums[0], sums[1], sums[2]);
    text
}

/// The section: trials by theme, mutations by kind, and what goes unnoticed with the reason.
pub(super) fn section(noticed: &Noticed) -> String {
    let mut kinds: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut survivors = vec![0; JUSTIFIED.len()];
    for (mutation, is_noticed) in noticed {
        let kind = mutation.split(' ').next().unwrap_or_default();
        kinds.entry(kind).or_default()[usize::from(!is_noticed)] += 1;
        if let Some(index) = justified::reason(mutation).filter(|_| !is_noticed) {
            survivors[index] += 1;
        }
    }
    let mut text = themes();
    let (all, caught) = (noticed.len(), noticed.values().filter(|is| **is).count());
    let _ = writeln!(text, "\nThe generic mutator: {all} mutations, {caught} noticed, {} justified.\n", all - caught);
    text.push_str("| a field is | noticed | justified |\n|---|---|---|\n");
    for (kind, [caught, missed]) in kinds {
        let _ = writeln!(text, "| {kind} | {caught} | {missed} |");
    }
    text.push_str("\n| unnoticed | how many | why |\n|---|---|---|\n");
    for (entry, count) in JUSTIFIED.iter().zip(survivors) {
        let patterns: Vec<String> = entry.patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
        let _ = writeln!(text, "| {} | {count} | {} |", patterns.join(", "), entry.why);
    }
    text
}

/// Whether the note has this section; it is written anew where that is asked for.
pub(super) fn holds(section: &str) -> bool {
    let note = std::fs::read_to_string(NOTE).expect("the note");
    let (before, rest) = note.split_once(MARKS[0]).expect("a mark");
    let (found, after) = rest.split_once(MARKS[1]).expect("a mark");
    if found != section && std::env::var_os(RENEW).is_some() {
        let text = [before, MARKS[0], section, MARKS[1], after].concat();
        std::fs::write(NOTE, text).expect("a note that can be written");
        return true;
    }
    found == section
}
