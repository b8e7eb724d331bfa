use clap::CommandFactory as _;
use clap::FromArgMatches as _;

use super::*;
use crate::cli::{Cli, Command, RunArguments};

/// The template with everything in it that stands there as a comment.
fn whole() -> String {
    let is_key = |line: &str| {
        let key = line.trim_start_matches("# ").split(" = ").next().unwrap_or_default();
        line.starts_with("# ") && (KEYS.contains(&key) || SERVICE_KEYS.contains(&key) || key == "[services]")
    };
    let uncommented = |line: &str| if is_key(line) { line[2..].to_owned() } else { line.to_owned() };
    template(Some(Path::new("build/exporter")), Some(Path::new("exporter.toml")))
        .lines()
        .map(|line| uncommented(line) + "\n")
        .collect()
}

fn parsed(text: &str) -> Result<Project, String> {
    Project::parse(text, Path::new("conformance.toml")).map_err(|error| crate::error::chain(&error))
}

fn run(words: &[&str], text: &str) -> RunArguments {
    let matches = Cli::command().try_get_matches_from([&["conformance", "run"], words].concat()).unwrap();
    let Command::Run(mut arguments) = Cli::from_arg_matches(&matches).unwrap().command else { panic!() };
    Project::parse(text, Path::new("sub/conformance.toml"))
        .unwrap()
        .complete_run(&mut arguments, matches.subcommand().unwrap().1);
    *arguments
}

#[test]
fn the_template_has_every_key_and_meets_the_schema() {
    let text = whole();
    let table: toml::Table = text.parse().unwrap();
    let mut keys: Vec<&str> = table.keys().map(String::as_str).collect();
    let mut known = KEYS;
    keys.sort_unstable();
    known.sort_unstable();
    assert_eq!(keys, known);
    let services = table["services"].as_table().unwrap();
    assert_eq!(services.len(), SERVICE_KEYS.len());
    parsed(&text).unwrap();
    parsed(&template(None, None)).unwrap();
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../../docs/project.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let instance = serde_json::to_value(&table).unwrap();
    assert!(
        validator.is_valid(&instance),
        "{:?}",
        validator.iter_errors(&instance).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    let document = include_str!("../../../docs/project.md");
    for key in KEYS.iter().chain(&SERVICE_KEYS) {
        assert!(document.contains(&format!("{key}`")), "docs/project.md does not name {key}");
    }
    for wrong in ["exportr = 'x'", "jobs = 0", "targets = ['disk']", "[services]\nlimit = 'x'", "services = 3"] {
        let instance = serde_json::to_value(wrong.parse::<toml::Table>().unwrap()).unwrap();
        assert!(!validator.is_valid(&instance) && parsed(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_key() {
    for (text, named) in [
        ("exportr = 'x'", "there is no key exportr (did you mean exporter?)"),
        ("zzz = 1", "known are exporter, description"),
        ("registry = 'embedded'", "did you mean services.registry?"),
        ("[services]\nregistri = 'embedded'", "there is no key services.registri (did you mean services.registry?)"),
        ("[services]\njobs = 2", "did you mean jobs, before the first table?"),
        ("jobs = '2'", "jobs = '2'"),
        ("jobs = 0", "jobs: 0 is not within 1 to 256"),
        ("profile = 'lax'", "profile: failed to read the profile"),
        ("reports = ['pdf']", "reports: formats are"),
        ("platform-api = 'new'", "platform-api: a version is two numbers"),
        ("services.registry = 'x'", "services.registry: "),
        ("services.daemons = ['x']", "services.daemons: give unix:"),
        ("services.require = ['x']", "services.require: there is no such service"),
        ("jobs = ", "line 1"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains(named) && error.contains("conformance.toml"), "{text}: {error}");
    }
}

#[test]
fn what_is_no_file_of_a_fair_size_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.toml");
    std::fs::write(&large, "#".repeat(100_000)).unwrap();
    for (path, named) in [
        (folder.path().to_path_buf(), "it is a folder"),
        (PathBuf::from("/dev/zero"), "not a regular file"),
        (large, "more than 65536 bytes"),
        (folder.path().join("none"), "No such file"),
    ] {
        let error = crate::error::chain(&Project::read(&path).unwrap_err());
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn flags_win_and_paths_are_relative_to_the_file() {
    let text = "exporter = 'build/exporter'\ndescription = 'lifecycle'\nprofile = 'core'\nbaseline = 'known.toml'\n\
                targets = ['layout']\njobs = 3\ntimeout = 9\nreports = ['json=r.json']\n\
                [services]\nregistry = 'embedded'\nrequire = ['layout', 'registry']\nlimit = 7\n";
    let all = run(&[], text);
    assert_eq!(all.exporter.exporter.as_deref(), Some(Path::new("sub/build/exporter")));
    assert_eq!(all.exporter.exporter_file.as_deref(), Some(Path::new("lifecycle")));
    assert_eq!(all.baseline.as_deref(), Some(Path::new("sub/known.toml")));
    assert_eq!(all.report[0].file.as_deref(), Some(Path::new("sub/r.json")));
    let conditions = &all.conditions;
    assert_eq!((conditions.pace.jobs, conditions.pace.timeout, conditions.profile.name()), (Some(3), 9, "core"));
    assert_eq!((conditions.services.service_limit, conditions.services.require.len()), (7, 2));
    let words = ["--exporter", "x", "--profile", "strict", "--timeout", "120", "--target", "registry", "--jobs", "1"];
    let flags = run(&words, text);
    assert_eq!((flags.exporter.exporter_file, flags.report.len()), (None, 0));
    let conditions = &flags.conditions;
    assert_eq!((conditions.pace.jobs, conditions.pace.timeout, conditions.profile.name()), (Some(1), 120, "strict"));
    assert_eq!(
        (&conditions.target[..], &conditions.services.require[..]),
        (&[Target::Registry][..], &["registry".to_owned()][..])
    );
    assert_eq!(run(&["--quick"], text).conditions.target, []);
}
