//! What people write: scenarios, descriptions, baselines, profiles, project files.

use std::path::Path;
use std::time::Duration;

use conformance::baseline::Baseline;
use conformance::exporter;
use conformance::project::Project;
use judge::profile::CustomProfile;

use super::bytes::tried;

const SECOND: Duration = Duration::from_secs(5);

/// The blocks of TOML in a document.
fn examples(document: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(document)).unwrap();
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let found: Vec<Vec<u8>> = blocks.map(|block| block.as_bytes().to_vec()).collect();
    assert!(!found.is_empty(), "{document}");
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn descriptions_of_exporters() {
    let inputs: Vec<_> =
        exporter::built_in_descriptions().into_iter().map(|(_, text)| text.as_bytes().to_vec()).collect();
    tried("description", &inputs, SECOND, |_, bytes| drop(exporter::check_text(&text(bytes), "description.toml")));
}

#[test]
fn baselines() {
    let known = "[[known]]\nrequirement = \"base.pair\"\nscenario = \"minimal\"\nservice = \"registry\"\n\
                 reason = \"x\"\nuntil = \"2027-01-01\"\n";
    tried("baseline", &[known.into()], SECOND, |_, bytes| drop(Baseline::parse(&text(bytes), "known.toml")));
}

#[test]
fn profiles() {
    tried("profile", &examples("profile.md"), SECOND, |_, bytes| drop(CustomProfile::parse(&text(bytes), "own.toml")));
}

#[test]
fn project_files() {
    let project = "exporter = 'build/exporter'\ndescription = 'lifecycle'\nprofile = 'core'\nbaseline = 'known.toml'\n";
    tried("project", &[project.into()], SECOND, |_, bytes| {
        drop(Project::parse(&text(bytes), Path::new("conformance.toml")));
    });
}

#[test]
fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/scenarios");
    let inputs: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path().join("scenario.toml")).unwrap())
        .filter(|bytes| bytes.len() < 8000)
        .collect();
    let place = tempfile::tempdir().unwrap();
    let own = place.path().join("changed");
    std::fs::create_dir(&own).unwrap();
    tried("scenario", &inputs, SECOND, |_, bytes| {
        std::fs::write(own.join("scenario.toml"), bytes).unwrap();
        drop(conformance::scenario::from_folder(place.path()));
    });
}
