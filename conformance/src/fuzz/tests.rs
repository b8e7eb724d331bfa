use std::fmt::Write;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{case_name, corpus, draw::draw, folder, strategy};
use crate::scenario::{Scenario, from_folder};

/// All that a scenario is run from.
fn told(scenario: &Scenario) -> String {
    let mut text = format!("{:#?}\n", scenario.file);
    for file in &scenario.files {
        writeln!(text, "{} {:?}", file.path, file.content).unwrap();
    }
    text
}

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_kept_scenario_reads_back_as_it_was_run(build in strategy::build()) {
        let root = tempfile::tempdir().unwrap();
        let place = corpus::write(root.path(), "kept", &folder::files(&build)).unwrap();
        let read = from_folder(&place.folder).unwrap();
        prop_assert_eq!(read.len(), 1);
        prop_assert_eq!(told(&read[0]), told(&folder::scenario(&build, "kept").unwrap()));
        let project: Option<toml::Table> = read[0]
            .files
            .iter()
            .find(|file| file.path == "layers/project-metadata.toml")
            .map(|file| std::str::from_utf8(&file.content).unwrap().parse().unwrap());
        prop_assert_eq!(project, build.project);
    }
}

#[test]
fn the_same_seed_gives_the_same_cases_in_any_order() {
    let forth: Vec<_> = (0..30).map(|number| draw(7, number).unwrap().current()).collect();
    let mut back: Vec<_> = (0..30).rev().map(|number| draw(7, number).unwrap().current()).collect();
    back.reverse();
    assert!(forth == back);
    assert!(forth.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(forth[0] != draw(8, 0).unwrap().current());
}

#[test]
fn a_scenario_that_is_there_is_not_written_over() {
    let root = tempfile::tempdir().unwrap();
    let files = folder::files(&draw(1, 0).unwrap().current());
    let first = corpus::write(root.path(), "one", &files).unwrap();
    let second = corpus::write(root.path(), "one", &files).unwrap();
    assert_eq!((first.name.as_str(), second.name.as_str()), ("one", "one-2"));
}

#[test]
fn every_kind_of_build_is_drawn() {
    let builds: Vec<_> = (0..400).map(|number| draw(1, number).unwrap().current()).collect();
    let text = format!("{builds:?}");
    for kind in ["TagMoved,", "TagMovedLater", "Twice", "OtherApp", "LayersReused", "OtherProject", "HardLink"] {
        assert!(text.contains(kind), "{kind}");
    }
    assert!(builds.iter().any(|build| build.project.is_none()) && builds.iter().any(|build| build.run_image.docker));
    assert!(builds.iter().any(|build| build.images.len() == 3));
    assert!(builds.iter().any(|build| build.buildpacks.iter().any(|buildpack| !buildpack.annotations.is_empty())));
    let sizes = builds.iter().enumerate().map(|(at, build)| {
        let scenario = folder::scenario(build, &case_name(at as u64)).unwrap();
        scenario.files.iter().map(|file| file.content.len()).max().unwrap()
    });
    assert!(sizes.max().unwrap() > 30_000);
}

/// What makes a drawn build invalid by the specifications, if anything does.
fn invalid(build: &crate::generated::Build) -> Option<String> {
    let files = folder::files(build);
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path)?;
        std::str::from_utf8(&file.content).ok()?.parse::<toml::Table>().ok()
    };
    for path in ["layers/project-metadata.toml", "step-2/layers/project-metadata.toml"] {
        let table = text(path).unwrap_or_default();
        if let Some(other) = table.keys().find(|key| *key != "source") {
            return Some(format!("{path} has {other}"));
        }
        let source = table.get("source").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        if let Some(other) = source.keys().find(|key| !["type", "version", "metadata"].contains(&key.as_str())) {
            return Some(format!("{path} has source.{other}"));
        }
    }
    let scenario = text("scenario.toml").unwrap();
    let removed = scenario["steps"].as_array().unwrap().iter().filter_map(|step| step.get("remove")?.as_array());
    for path in removed.flatten().filter_map(toml::Value::as_str) {
        let types = text(&format!("{path}.toml")).unwrap()["types"].clone();
        if types.get("cache").is_some() || types.get("launch").is_none() {
            return Some(format!("{path} has no folder and is {types}"));
        }
    }
    let has_folder = |path: &str| {
        let mut all = scenario["files"].as_array().unwrap().iter().filter_map(|file| file["path"].as_str());
        all.any(|file| file == path || file.starts_with(&format!("{path}/")))
    };
    for (file, types) in files.iter().filter_map(|file| {
        let table: toml::Table = std::str::from_utf8(&file.content).ok()?.parse().ok()?;
        Some((file, table.get("types")?.as_table()?.clone()))
    }) {
        let folder = file.path.strip_suffix(".toml").unwrap();
        if types.is_empty() == has_folder(folder) || types.is_empty() != has_folder(&format!("{folder}.ignore")) {
            return Some(format!("{folder} lies elsewhere than its types {types} say"));
        }
    }
    let group = text("layers/group.toml").unwrap();
    let mut versions = group["group"].as_array().unwrap().iter().map(|member| member["version"].as_str().unwrap());
    let is_number = |part: &str| part.parse::<u32>().is_ok_and(|number| number.to_string() == part);
    versions
        .find(|version| version.split('.').count() != 3 || !version.split('.').all(is_number))
        .map(|version| format!("the version {version}"))
}

#[test]
fn every_drawn_build_is_one_that_the_specifications_allow() {
    for number in 0..600 {
        let build = draw(5, number).unwrap().current();
        assert_eq!(invalid(&build), None, "case {number}");
    }
    let mut other = draw(5, 0).unwrap().current();
    other.project = Some(toml::toml! { [other] key = "value" });
    assert!(invalid(&other).is_some(), "what is invalid is seen to be");
    other.project = None;
    other.buildpacks[0].version = "1.0.0-rc.1".to_owned();
    assert!(invalid(&other).is_some());
}
