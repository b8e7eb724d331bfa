//! Processes of this machine, as `/proc` shows them.

use std::collections::BTreeSet;

/// Every process below `root`, from `/proc`.
pub(crate) fn descendants(root: u32) -> Vec<i32> {
    let mut parents: Vec<(i32, i32)> = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // The name in the second field may hold anything, also parentheses; the parent comes second after it.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            parents.push((pid, parent));
        }
    }
    let mut found: BTreeSet<i32> = BTreeSet::from([i32::try_from(root).unwrap_or(0)]);
    loop {
        let before = found.len();
        found.extend(
            parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(pid, _)| *pid).collect::<Vec<_>>(),
        );
        if found.len() == before {
            break;
        }
    }
    found.into_iter().filter(|pid| *pid != i32::try_from(root).unwrap_or(0)).collect()
}
