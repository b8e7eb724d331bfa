//! Values of flags: what is read from one word, and what is wrong with it when something is.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use judge::evidence::{Phase, Target};
use judge::profile::Profile;

use crate::error::chain;
use crate::masked::without_credentials;
use crate::profile_file;
use crate::record::RequiredService;
use crate::report::ReportFormat;

/// A report to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportArgument<Format = ReportFormat> {
    /// Its format.
    pub format: Format,
    /// The file; standard output without one.
    pub file: Option<PathBuf>,
}

/// Formats of what is said of generated builds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PlainFormat {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
}

/// Formats of a comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// For a comment.
    Markdown,
    /// A page for people.
    Html,
}

/// Formats of a self-test's report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SelfTestFormat {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// A section of a document.
    Markdown,
}

pub(crate) fn profile(text: &str) -> Result<Profile, String> {
    profile_file::named(text).map_err(|error| format!("failed to {}", chain(&error)))
}

/// A list, so that shells complete it.
pub(super) fn target() -> impl TypedValueParser<Value = Target> {
    PossibleValuesParser::new(Target::ALL.map(Target::name)).try_map(|text| text.parse::<Target>())
}

pub(super) fn phase(text: &str) -> Result<Phase, String> {
    text.parse().map_err(|_| "a phase is exporter or rebaser".to_owned())
}

pub(crate) fn platform_api(text: &str) -> Result<String, String> {
    let is_number = |part: &str| !part.is_empty() && part.len() < 9 && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((major, minor)) if is_number(major) && is_number(minor) => Ok(text.to_owned()),
        _ => Err("a version is two numbers with a dot between, such as 0.15".to_owned()),
    }
}

/// The format and the file of a `--report`.
pub(crate) fn report<Format: ValueEnum + 'static>(text: &str) -> Result<ReportArgument<Format>, String> {
    let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(PathBuf::from(file))));
    let Ok(format) = Format::from_str(name, false) else {
        return Err(format!("formats are {}, and =FILE after them", names::<Format>().join(", ")));
    };
    if file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
        return Err("name a file after '='".to_owned());
    }
    Ok(ReportArgument { format, file })
}

pub(super) fn names<Format: ValueEnum>() -> Vec<String> {
    let values = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    values.map(|value| value.get_name().to_owned()).collect()
}

/// A service that can be required.
pub(crate) fn service(text: &str) -> Result<String, String> {
    RequiredService::parse(text).map(|_| text.to_owned())
}

/// A daemon's address, as `DOCKER_HOST` spells it.
pub(crate) fn daemon_host(text: &str) -> Result<String, String> {
    let is_whole = |rest: &str| !rest.is_empty();
    let is_known =
        ["unix://", "tcp://", "http://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(is_whole));
    if without_credentials(text) != text {
        return Err("an address with a user or a password is not taken: leave out what stands before @".to_owned());
    }
    if is_known { Ok(text.to_owned()) } else { Err("give unix:///path/of/docker.sock or tcp://host:port".to_owned()) }
}
