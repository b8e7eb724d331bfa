//! Lines of hand-written pages are short enough to be read as source.

use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Columns of a line of prose.
const WIDTH: usize = 120;
/// Pages in `docs/` that are generated, the whole or most of them.
const GENERATED: [&str; 10] = [
    "alternatives.md",
    "consumers.md",
    "coverage.md",
    "demo.md",
    "open-questions.md",
    "promises.md",
    "requirements.md",
    "rfc-196.md",
    "stores.md",
    "trust.md",
];

/// The lines of a page that are too wide: tables, code, quotations and what is one word, such as a
/// link, may be.
fn too_wide(text: &str) -> Vec<usize> {
    let mut is_code = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let start = line.trim_start();
        if start.starts_with("```") {
            is_code = !is_code;
        }
        let longest = line.split(' ').map(|word| word.chars().count()).max().unwrap_or_default();
        let is_prose = !is_code && !start.starts_with(['|', '<', '#', '>']) && longest < WIDTH / 2;
        if is_prose && line.chars().count() > WIDTH {
            found.push(number + 1);
        }
    }
    found
}

/// All hand-written pages.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let at_the_root =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "reference/README.md", "registry-compose/README.md"];
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let is_written = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.extension().is_some_and(|extension| extension == "md") && !GENERATED.contains(&name)
    };
    at_the_root.iter().map(|name| root.join(name)).chain(docs.filter(is_written)).collect()
}

#[test]
fn lines_of_prose_are_at_most_120_wide() {
    let pages = pages();
    assert!(pages.len() > 15, "{pages:?}");
    for page in pages {
        let found = too_wide(&std::fs::read_to_string(&page).unwrap());
        assert!(found.is_empty(), "{}: break lines {found:?} at {WIDTH} columns", page.display());
    }
}

#[test]
fn a_wide_line_is_noticed_unless_it_is_code_a_table_or_one_word() {
    let wide = "word ".repeat(30);
    let word = "w".repeat(130);
    assert_eq!(too_wide(&format!("short\n{wide}\n```\n{wide}\n```\n| {wide} |\n{word}\n{wide}")), [2, 8]);
}
