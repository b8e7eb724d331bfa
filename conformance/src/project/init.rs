//! The file that `conformance init` writes.

use std::path::Path;

/// A commented project file; what is not given stands there as a comment.
#[must_use]
pub fn template(exporter: Option<&Path>, description: Option<&Path>) -> String {
    let line = |key: &str, value: Option<&Path>, example: &str| match value {
        Some(value) => format!("{key} = {}", toml::Value::from(value.display().to_string())),
        None => format!("# {key} = {example}"),
    };
    TEMPLATE
        .replace("{exporter}", &line("exporter", exporter, "\"build/exporter\""))
        .replace("{description}", &line("description", description, "\"exporter.toml\""))
}

const TEMPLATE: &str = r#"# What conformance run, compare and doctor are told in this folder. Flags win.
# Every key: conformance docs project. Paths are relative to this file.

# The exporter to judge.
{exporter}

# How it is called, where that is not as the Platform API says: a file (conformance doctor --write exporter.toml makes
# one), or a built-in description (conformance list exporters).
{description}

# Which level counts: core, rfc-196, buildpack-annotations, strict, or a file of your own.
# profile = "rfc-196"

# Known failures, which do not decide the exit code: conformance baseline update known.toml REPORT.json makes them.
# baseline = "known.toml"

# Scenarios of your own in place of the built-in ones.
# scenarios = ["scenarios"]

# Where to export to. Default: all of them.
# targets = ["registry", "daemon", "layout"]

# The Platform API that the exporter is told.
# platform-api = "0.15"

# Scenarios at a time, and seconds after which an exporter is ended.
# jobs = 2
# timeout = 120

# Reports of a run that nothing narrows; FORMAT or FORMAT=FILE.
# reports = ["terminal", "json=conformance.json", "html=conformance.html"]

# [services]
# registry = "embedded"                           # embedded, container, executable or a URL
# daemons = ["unix:///var/run/docker.sock"]
# require = ["registry", "layout"]                # a missing one is an error
# limit = 90                                      # seconds that a service may be silent
# allow-push-from-daemon = false
"#;
