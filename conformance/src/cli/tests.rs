//! The command line as a whole.

use clap::CommandFactory as _;

use super::values::names;
use super::*;

fn refused(words: &[&str]) -> Option<clap::error::ErrorKind> {
    Cli::try_parse_from(words).err().map(|error| error.kind())
}

#[test]
fn the_command_line_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn help_and_the_project_file_name_the_newest_platform_api() {
    let newest = crate::exporter::NEWEST_API;
    let init = include_str!("../project/init.rs");
    assert!(init.contains(&format!("# platform-api = \"{newest}\"")), "{newest}");
    for mut command in Cli::command().get_subcommands().cloned() {
        let help = command.render_long_help().to_string();
        if help.contains("--platform-api") {
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(help.contains(&format!("the description's, else {newest})")), "{}", command.get_name());
        }
    }
}

#[test]
fn every_condition_of_a_run_is_one_of_a_comparison_and_none_goes_with_stored_runs() {
    let conditions = RunConditions::augment_args(clap::Command::new("conditions"));
    let names: Vec<String> =
        conditions.get_arguments().filter_map(|option| Some(option.get_long()?.to_owned())).collect();
    for name in ["platform-api", "require", "jobs", "timeout", "allow-push-from-daemon", "profile", "daemon"] {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
    for name in names {
        let value = match name.as_str() {
            "allow-push-from-daemon" => None,
            "profile" => Some("core"),
            "platform-api" => Some("0.12"),
            "target" | "require" => Some("layout"),
            "registry" => Some("embedded"),
            "daemon" => Some("tcp://127.0.0.1:1"),
            _ => Some("7"),
        };
        let option = value.map_or_else(|| format!("--{name}"), |value| format!("--{name}={value}"));
        let both = ["conformance", "compare", "--exporter", "a", "--exporter", "b", &option];
        assert_eq!(refused(&both), None, "{option}");
        assert_eq!(refused(&["conformance", "run", &option]), None, "{option}");
        let stored = ["conformance", "compare", "old", "new", &option];
        assert_eq!(refused(&stored), Some(clap::error::ErrorKind::ArgumentConflict), "{option}");
    }
    assert_eq!(refused(&["conformance", "compare", "old", "new", "--report=json"]), None);
    assert_eq!(
        refused(&["conformance", "compare", "--report=json"]),
        Some(clap::error::ErrorKind::MissingRequiredArgument)
    );
}

#[test]
fn every_command_refuses_the_formats_that_it_does_not_write() {
    let formats = names::<ReportFormat>();
    let formats: Vec<&str> = formats.iter().map(String::as_str).collect();
    for (command, written) in [
        ("run", &formats[..]),
        ("fuzz", &["terminal", "json"]),
        ("compare", &["terminal", "json", "markdown", "html"]),
        ("self-test", &["terminal", "json", "markdown"]),
    ] {
        for format in &formats {
            let words = ["conformance", command, &format!("--report={format}")];
            let words = if command == "compare" { [&words[..], &["old", "new"]].concat() } else { words.to_vec() };
            let expected = (!written.contains(format)).then_some(clap::error::ErrorKind::ValueValidation);
            assert_eq!(refused(&words), expected, "{words:?}");
        }
    }
}
