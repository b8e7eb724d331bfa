use std::fmt::Write;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{case_name, draw::draw, folder, kept, strategy};
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
        let place = kept::write(root.path(), "kept", &folder::files(&build)).unwrap();
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
    let first = kept::write(root.path(), "one", &files).unwrap();
    let second = kept::write(root.path(), "one", &files).unwrap();
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
