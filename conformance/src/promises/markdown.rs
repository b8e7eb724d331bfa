//! The document.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Dimension;

const HEAD: &str = "# Promises

Generated from the code by `conformance list promises --format markdown > docs/promises.md`; a test fails when it is stale, and
when nothing shows a value that has no reason. Each dimension has values by equivalence class and boundary. Which scenarios show
a value is found by looking at their inputs. *Pairs* marks values that `conformance fuzz --pairs` combines with those of every
other dimension.
";

/// Scenarios that are named for a value; the others are counted.
const MOST: usize = 4;

pub(super) fn table(dimensions: &[Dimension], found: &[Vec<BTreeSet<String>>]) -> String {
    let values: usize = dimensions.iter().map(|dimension| dimension.values.len()).sum();
    let mut out = format!("{HEAD}\n{} dimensions, {values} values.\n", dimensions.len());
    for (dimension, shown) in dimensions.iter().zip(found) {
        let _ =
            write!(out, "\n## {}\n\n{}\n\n| value | scenarios | |\n|---|---|---|\n", dimension.name, dimension.what);
        for (value, names) in dimension.values.iter().zip(shown) {
            let scenarios = value.reason.map_or_else(|| scenarios(names), |reason| format!("none: {reason}"));
            let pairs = if value.make.is_some() { "pairs" } else { "" };
            let _ = writeln!(out, "| {} | {scenarios} | {pairs} |", value.name.replace('|', "\\|"));
        }
    }
    out
}

fn scenarios(names: &BTreeSet<String>) -> String {
    let mut text = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        let _ = write!(text, " and {} more", names.len() - MOST);
    }
    text
}
