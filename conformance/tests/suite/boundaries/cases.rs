//! Judge and maker share no code, and the judge does nothing but judge: held by what depends on what.

use bounded::Bounded as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every package that `root` needs to run, with tests and builds left in: more than enough.
fn reachable(root: &str) -> BTreeSet<String> {
    let lock: toml::Table = include_str!("../../../../Cargo.lock").parse().unwrap();
    let mut needs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let names = package.get("dependencies").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        let names = names.iter().map(|name| name.as_str().unwrap().split(' ').next().unwrap().to_owned());
        needs.entry(package["name"].as_str().unwrap().to_owned()).or_default().extend(names);
    }
    assert!(needs.contains_key(root), "{root}");
    let mut found = BTreeSet::from([root.to_owned()]);
    let mut left = vec![root.to_owned()];
    while let Some(name) = left.pop() {
        for next in needs.get(&name).into_iter().flatten() {
            if found.insert(next.clone()) {
                left.push(next.clone());
            }
        }
    }
    found
}

#[test]
fn the_suite_does_not_depend_on_the_reference_nor_the_reference_on_the_suite() {
    for package in ["conformance", "judge"] {
        assert!(!reachable(package).contains("reference"), "{package}");
    }
    for package in ["conformance", "judge"] {
        assert!(!reachable("reference").contains(package), "{package}");
    }
}

/// Asking a credential helper judges nothing, and makes nothing of an image. The other one is for tests.
#[test]
fn the_suite_and_the_reference_share_what_asks_credential_helpers_and_nothing_else() {
    let manifest: toml::Table = include_str!("../../../../Cargo.toml").parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap().iter().map(|member| member.as_str().unwrap());
    let own: BTreeSet<String> = members.map(|member| member.rsplit('/').next().unwrap().to_owned()).collect();
    let (suite, reference) = (reachable("conformance"), reachable("reference"));
    let shared: Vec<&String> = own.iter().filter(|name| suite.contains(*name) && reference.contains(*name)).collect();
    assert_eq!(shared, ["bounded", "credential-helper"]);
    assert!(!reachable("judge").contains("credential-helper"));
}

#[test]
fn the_judge_has_neither_network_nor_runtime() {
    let manifest: toml::Table = include_str!("../../../judge/Cargo.toml").parse().unwrap();
    let names: Vec<&str> = manifest["dependencies"].as_table().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["base64", "globset", "jiff", "serde", "serde_json", "sha2", "shlex", "spdx", "strum", "thiserror", "toml"]
    );
    let source = include_str!("../../../judge/src/judge/mod.rs");
    for word in ["std::fs", "std::net", "std::time::SystemTime", "Instant"] {
        assert!(!source.contains(word), "{word}");
    }
}

#[test]
fn every_dependency_has_a_licence_and_a_source_that_are_allowed() {
    let denied: toml::Table = include_str!("../../../../deny.toml").parse().unwrap();
    let banned = denied["bans"]["deny"].as_array().unwrap().iter().map(|one| one["crate"].as_str().unwrap());
    let banned: Vec<&str> = banned.collect();
    let allowed: Vec<&str> =
        denied["licenses"]["allow"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    // What other platforms would need is neither fetched nor shipped.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &platform])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output_in_time()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{}", packages.len());
    for package in packages {
        let text = package["license"].as_str().unwrap_or("none").replace('/', " OR ");
        let expression =
            spdx::Expression::parse(&text).unwrap_or_else(|error| panic!("{}: {text}: {error}", package["name"]));
        let is_allowed = expression.evaluate(|one| allowed.contains(&one.license.to_string().as_str()));
        assert!(is_allowed, "{} is under {text}, which deny.toml does not allow", package["name"]);
        assert!(!banned.contains(&package["name"].as_str().unwrap()), "{} is banned by deny.toml", package["name"]);
        // No source is this workspace; a git repository is one that no one has published.
        let is_published = package["source"].as_str().is_none_or(|source| source.starts_with("registry+"));
        assert!(is_published, "{} is from {}", package["name"], package["source"]);
    }
}

/// Adds the source files below a folder that no file next to them names as a module: no build would miss them.
fn orphans(folder: &Path, found: &mut Vec<String>) {
    let entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let sources: Vec<&PathBuf> =
        entries.iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    let texts: String = sources.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for path in sources {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_root = ["main", "lib", "mod"].contains(&name) || folder.ends_with("bin");
        let is_named = ["mod {};", "#[path = \"{}.rs\"]"];
        if !is_root && !is_named.iter().any(|form| texts.contains(&form.replace("{}", name))) {
            found.push(path.display().to_string());
        }
    }
    for below in entries.iter().filter(|path| path.is_dir()) {
        orphans(below, found);
    }
}

#[test]
fn every_source_file_is_a_part_of_a_build() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest: toml::Table = include_str!("../../../../Cargo.toml").parse().unwrap();
    let mut found = Vec::new();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        orphans(&root.join(member.as_str().unwrap()).join("src"), &mut found);
    }
    assert!(found.is_empty(), "no module names these files: {found:#?}");
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("lib.rs", "mod a;"), ("a.rs", ""), ("b.rs", "")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    orphans(folder.path(), &mut found);
    assert_eq!(found, [folder.path().join("b.rs").display().to_string()]);
}
