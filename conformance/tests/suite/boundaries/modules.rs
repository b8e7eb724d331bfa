//! One way down: which module may import which is a table in docs/architecture.md, and there is no circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use super::imports::{Module, Tree, ordered, paths, stripped};

type Arrows = BTreeMap<String, BTreeSet<String>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Every crate of the workspace that has modules.
const CRATES: [&str; 9] = [
    "conformance/src",
    "conformance/judge/src",
    "conformance/contacts/src",
    "reference/src",
    "reference/deflate/src",
    "bench/src",
    "fixtures/faulty-exporter/src",
    "fixtures/harmless-exporter/src",
    "fixtures/buildpacks/project-annotations/src",
];
/// Their trees, read once.
static TREES: LazyLock<BTreeMap<&str, Tree>> =
    LazyLock::new(|| CRATES.iter().map(|folder| (*folder, Tree::of_folder(&Path::new(ROOT).join(folder)))).collect());
/// A folder whose modules have a table of their own.
const RUN: (&str, &str) = ("conformance/src", "run");
const BEGIN: &str = "<!-- modules: begin -->\n";
const END: &str = "<!-- modules: end -->\n";

/// What a table may not have: in which module, and why.
#[derive(Debug, PartialEq, Eq)]
enum Breach {
    Circle(BTreeSet<String>),
    NotInTable(String, String),
    NotInSources(String, String),
    OrderOfTable(String, String),
}

/// Holds what sources import against a table, whose lines stand from the bottom up.
fn breaches(found: &Arrows, table: &[(String, BTreeSet<String>)]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if let Err(circle) = ordered(found) {
        breaches.push(Breach::Circle(circle));
    }
    let allowed: Arrows = table.iter().cloned().collect();
    let none = BTreeSet::new();
    for name in found.keys().chain(allowed.keys()).collect::<BTreeSet<_>>() {
        let (found, allowed) = (found.get(name).unwrap_or(&none), allowed.get(name).unwrap_or(&none));
        breaches.extend(found.difference(allowed).map(|other| Breach::NotInTable(name.clone(), other.clone())));
        breaches.extend(allowed.difference(found).map(|other| Breach::NotInSources(name.clone(), other.clone())));
    }
    for (at, (name, others)) in table.iter().enumerate() {
        let is_above = |other: &&String| !table[..at].iter().any(|(below, _)| below == *other);
        breaches.extend(others.iter().filter(is_above).map(|other| Breach::OrderOfTable(name.clone(), other.clone())));
    }
    breaches
}

/// The tables, each below its title.
fn tables() -> Vec<(String, Arrows)> {
    let mut found = Vec::new();
    for folder in CRATES {
        let tree = &TREES[folder];
        found.push((folder.to_owned(), tree.arrows(&[])));
        if folder == RUN.0 {
            found.push((format!("{}/{}", RUN.0, RUN.1), tree.arrows(&[RUN.1.to_owned()])));
        }
    }
    found
}

fn rendered(title: &str, arrows: &Arrows) -> String {
    let order = ordered(arrows).unwrap_or_else(|circle| panic!("{title}: a circle among {circle:?}"));
    let lines = order.iter().map(|name| {
        let others = &arrows[name];
        let others: Vec<&str> = order.iter().filter(|other| others.contains(*other)).map(String::as_str).collect();
        if others.is_empty() { format!("{name}\n") } else { format!("{name}: {}\n", others.join(" ")) }
    });
    format!("`{title}`\n\n```text\n{}```\n", lines.collect::<String>())
}

fn parsed(document: &str, title: &str) -> Vec<(String, BTreeSet<String>)> {
    let (_, table) = document.split_once(&format!("\n`{title}`\n\n```text\n")).unwrap_or_else(|| panic!("{title}"));
    let (table, _) = table.split_once("```").unwrap();
    let line = |line: &str| {
        let (name, others) = line.split_once(':').unwrap_or((line, ""));
        (name.to_owned(), others.split_whitespace().map(str::to_owned).collect())
    };
    table.lines().map(line).collect()
}

#[test]
fn modules_import_what_the_table_says_and_nothing_else() {
    let file = Path::new(ROOT).join("docs/architecture.md");
    let mut document = std::fs::read_to_string(&file).unwrap();
    let tables = tables();
    if std::env::var_os("RENEW_MODULES").is_some() {
        let text: Vec<String> = tables.iter().map(|(title, arrows)| rendered(title, arrows)).collect();
        let (before, rest) = document.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        document = format!("{before}{BEGIN}\n{}\n{END}{after}", text.join("\n"));
        std::fs::write(&file, &document).unwrap();
    }
    for (title, found) in tables {
        assert!(found.len() > 1, "{title}");
        let breaches = breaches(&found, &parsed(&document, &title));
        assert_eq!(
            breaches,
            [],
            "{title}: turn the arrow round; where it is right, add it to the table in docs/architecture.md"
        );
    }
}

#[test]
fn no_folder_of_the_workspace_has_a_circle() {
    let mut circles = Vec::new();
    for (folder, tree) in &*TREES {
        for inside in tree.folders() {
            let mut arrows = tree.arrows(&inside);
            // What the folder's own file has is for those in it.
            for others in arrows.values_mut() {
                others.remove("mod");
            }
            circles.extend(ordered(&arrows).err().map(|circle| (format!("{folder}/{}", inside.join("/")), circle)));
        }
    }
    assert_eq!(circles, []);
}

#[test]
fn every_crate_with_modules_is_looked_at() {
    let manifest: toml::Table = include_str!("../../../../Cargo.toml").parse().unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let folder = format!("{}/src", member.as_str().unwrap());
        let place = Path::new(ROOT).join(&folder);
        let has_modules =
            TREES.contains_key(folder.as_str()) || Tree::of_folder(&place).folders().contains(&Module::new());
        assert_eq!(has_modules, CRATES.contains(&folder.as_str()), "{folder}");
    }
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let module = |name: &str| name.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    Tree::of(&files.iter().map(|(name, text)| (module(name), stripped(text))).collect())
}

fn table(lines: &[(&str, &[&str])]) -> Vec<(String, BTreeSet<String>)> {
    let names = |others: &[&str]| others.iter().map(|other| (*other).to_owned()).collect();
    lines.iter().map(|(name, others)| ((*name).to_owned(), names(others))).collect()
}

fn pair(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

#[test]
fn a_circle_is_found_whatever_the_table_says() {
    let tree = tree(&[
        ("", ""),
        ("a", "use crate::b::{self, Thing as Other};"),
        ("b", "fn f() { super::c::g(1) }"),
        ("c", "use super::{d, a::x};"),
        ("d", ""),
        ("e", "use crate::a;"),
    ]);
    let arrows = tree.arrows(&[]);
    let circle = ["a", "b", "c"].map(str::to_owned).into();
    assert_eq!(ordered(&arrows), Err(circle), "neither what it needs nor what needs it is of the circle");
    let all = table(&[("d", &[]), ("a", &["b"]), ("b", &["c"]), ("c", &["a", "d"]), ("e", &["a"])]);
    let found = breaches(&arrows, &all);
    assert!(matches!(&found[0], Breach::Circle(circle) if circle.len() == 3), "{found:?}");
}

#[test]
fn an_arrow_that_the_table_does_not_have_is_found_and_one_that_is_gone() {
    let arrows = tree(&[("", ""), ("a", ""), ("b", "use crate::a;"), ("c", "use crate::a;")]).arrows(&[]);
    assert_eq!(breaches(&arrows, &table(&[("a", &[]), ("b", &["a"]), ("c", &["a"])])), []);
    let (b, c) = (pair("b", "a"), pair("c", "b"));
    let found = breaches(&arrows, &table(&[("a", &[]), ("b", &[]), ("c", &["a", "b"])]));
    assert_eq!(found, [Breach::NotInTable(b.0.clone(), b.1.clone()), Breach::NotInSources(c.0, c.1)]);
    let found = breaches(&arrows, &table(&[("b", &["a"]), ("a", &[]), ("c", &["a"])]));
    assert_eq!(found, [Breach::OrderOfTable(b.0, b.1)]);
}

#[test]
fn what_is_deeper_counts_for_the_module_that_it_is_in() {
    let tree = tree(&[
        ("", ""),
        ("run", "mod a; use a::X;"),
        ("run/a", "use super::super::record::R; use super::Own;"),
        ("run/b", ""),
        ("run/b/deep", "use super::super::a::X; use crate::run::a;"),
        ("record", ""),
    ]);
    let named = |found: &Arrows, name: &str| found[name].iter().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(named(&tree.arrows(&[]), "run"), "record");
    let run = tree.arrows(&["run".to_owned()]);
    assert_eq!(named(&run, "a"), "mod", "what it imports of the folder's own file");
    assert_eq!(named(&run, "b"), "a");
    assert!(ordered(&run).is_err(), "the folder's file is above all that is in it");
}

#[test]
fn what_is_no_import_does_not_count() {
    let source = r##"
        // use crate::comment;
        /* crate::block::x() */
        //! [`crate::link`]
        const A: &str = "crate::text::\" crate::still";
        const B: &str = r#"crate::raw::"x" "#;
        const C: [char; 3] = ['"', '\'', 'x'];
        fn f<'a>(_: &'a str) -> &'a str { crate::real::g('"') }
        pub(in crate::run) struct D;
        #[cfg(test)]
        #[expect(clippy::all)]
        mod tests { use crate::only_tests::X; fn g() { let _ = [1; 2]; } }
        #[cfg(test)]
        use crate::{one, two};
        #[cfg(test)]
        mod cases;
        use self::inner::Y;
    "##;
    let found: BTreeSet<String> = paths(&stripped(source)).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["crate::real::g", "self::inner::Y"].map(str::to_owned).into());
}
