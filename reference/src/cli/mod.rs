//! The command line and environment of the Platform API's `exporter` (`cnb-platform.md`, section exporter, Inputs):
//! flags over variables over defaults. Both `-flag` and `--flag`, `-flag VALUE` and `-flag=VALUE` are taken, as
//! platforms write them. Those of the `rebaser` are in [`rebaser`].

mod flags;
mod phase;
pub mod rebaser;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::failure::Reason;
use crate::log::LogLevel;
use flags::Flags;
pub use phase::Phase;
use value::ArgValue;

/// Platform API versions that exporter and rebaser speak.
pub const PLATFORM_APIS: [&str; 4] = ["0.12", "0.13", "0.14", "0.15"];

/// Why the command line cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The platform speaks another version.
    #[error("speak Platform API '{0}': this {1} knows 0.12 to 0.15; set CNB_PLATFORM_API to one of them")]
    PlatformApi(String, Phase),
    /// A flag is unknown or has no value; the text is the parser's.
    #[error("read the command line (-help lists the flags)")]
    Flags(#[source] Reason),
    /// No error: the answer to `-help` and `-version`.
    #[error(transparent)]
    Answer(clap::Error),
    /// A value is not what its flag or variable takes.
    #[error("read {name} '{value}': {reason}")]
    Value {
        /// The flag or variable.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it takes.
        reason: &'static str,
    },
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        if !error.use_stderr() {
            return Self::Answer(error);
        }
        // What is wrong, without the parser's hints.
        let text = error.to_string();
        Self::Flags(Reason::new(text.lines().next().unwrap_or_default().trim_start_matches("error: ")))
    }
}

/// Where the image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A registry.
    Registry,
    /// The Docker daemon at this address; none for the default one.
    Daemon(Option<String>),
    /// OCI layouts below this folder.
    Layout(PathBuf),
}

/// Every input, with defaults filled in.
#[derive(Debug, Clone)]
pub struct Options {
    /// `<analyzed>`.
    pub analyzed: PathBuf,
    /// `<app>`.
    pub app: String,
    /// Where to.
    pub destination: Destination,
    /// `<extended>`.
    pub extended: PathBuf,
    /// `<uid>`.
    pub uid: u32,
    /// `<gid>`.
    pub gid: u32,
    /// `<group>`.
    pub group: PathBuf,
    /// Registries that are spoken to without TLS.
    pub insecure_registries: Vec<String>,
    /// `<launcher>`.
    pub launcher: PathBuf,
    /// `<launcher-sbom>`.
    pub launcher_sbom: PathBuf,
    /// `<layers>`.
    pub layers: String,
    /// `<log-level>`.
    pub log_level: LogLevel,
    /// `<process-type>`.
    pub process_type: Option<String>,
    /// `<project-metadata>`.
    pub project_metadata: PathBuf,
    /// `<report>`.
    pub report: PathBuf,
    /// `<run>`.
    pub run: PathBuf,
    /// Every `<image>`, as given.
    pub images: Vec<String>,
    /// `SOURCE_DATE_EPOCH`, in seconds.
    pub source_date_epoch: Option<i64>,
    /// `CNB_EXEC_ENV`.
    pub exec_env: Option<String>,
    /// `CNB_REGISTRY_AUTH`: registry → Authorization header.
    pub registry_auth: Option<BTreeMap<String, String>>,
    /// The Platform API version.
    pub platform_api: String,
    /// Flags and variables that are accepted without effect.
    pub without_effect: Vec<&'static str>,
    /// A warning of the experimental gate.
    pub experimental_warning: Option<&'static str>,
}

/// Variables by name.
pub type Environment = BTreeMap<String, OsString>;

/// Reads arguments (without the program's name) and variables.
///
/// # Errors
/// [`CliError`]; the Platform API version is looked at before anything else.
pub fn read(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> Result<Options, CliError> {
    let platform_api = platform_api(Phase::Exporter, environment)?;
    let flags = Flags::read(arguments)?;
    let find = |name, value, variable| ArgValue::find((name, value), variable, environment);
    let absolute = |given: Option<ArgValue>, default: &str| match given {
        Some(given) => given.absolute(),
        None => Ok(default.to_owned()),
    };
    let path = |given: Option<ArgValue>, default: PathBuf| given.map_or(Ok(default), ArgValue::path);
    let number = |given: Option<ArgValue>| given.map_or(Ok(0), |given| given.number());
    let layers = absolute(find("-layers", &flags.layers, "CNB_LAYERS_DIR"), "/layers")?;
    let below = |name: &str| PathBuf::from(format!("{layers}/{name}"));
    let (destination, experimental_warning) = destination(&flags, environment)?;
    let process_type = find("-process-type", &flags.process_type, "CNB_PROCESS_TYPE").map(|given| given.text());
    accepted(&flags, environment)?;
    Ok(Options {
        analyzed: path(find("-analyzed", &flags.analyzed, "CNB_ANALYZED_PATH"), below("analyzed.toml"))?,
        app: absolute(find("-app", &flags.app, "CNB_APP_DIR"), "/workspace")?,
        destination,
        extended: path(find("-extended", &flags.extended, "CNB_EXTENDED_DIR"), below("extended"))?,
        uid: number(find("-uid", &flags.uid, "CNB_USER_ID"))?,
        gid: number(find("-gid", &flags.gid, "CNB_GROUP_ID"))?,
        group: path(find("-group", &flags.group, "CNB_GROUP_PATH"), below("group.toml"))?,
        insecure_registries: insecure(&flags.insecure_registry, environment)?,
        launcher: path(find("-launcher", &flags.launcher, ""), "/cnb/lifecycle/launcher".into())?,
        launcher_sbom: path(find("-launcher-sbom", &flags.launcher_sbom, ""), "/cnb/lifecycle".into())?,
        log_level: find("-log-level", &flags.log_level, "CNB_LOG_LEVEL")
            .map_or(Ok(LogLevel::Info), |given| given.log_level())?,
        process_type: process_type.transpose()?.filter(|name| !name.is_empty()),
        project_metadata: path(
            find("-project-metadata", &flags.project_metadata, "CNB_PROJECT_METADATA_PATH"),
            below("project-metadata.toml"),
        )?,
        report: path(find("-report", &flags.report, "CNB_REPORT_PATH"), below("report.toml"))?,
        run: path(find("-run", &flags.run, "CNB_RUN_PATH"), "/cnb/run.toml".into())?,
        source_date_epoch: ArgValue::variable("SOURCE_DATE_EPOCH", environment)
            .map(|given| given.seconds())
            .transpose()?,
        exec_env: ArgValue::variable("CNB_EXEC_ENV", environment).map(|given| given.exec_env()).transpose()?,
        registry_auth: ArgValue::variable("CNB_REGISTRY_AUTH", environment)
            .map(|given| given.credentials())
            .transpose()?,
        without_effect: without_effect(&flags, environment),
        images: flags.images.into_iter().map(|image| ArgValue::image(image).text()).collect::<Result<_, _>>()?,
        layers,
        platform_api,
        experimental_warning,
    })
}

fn platform_api(phase: Phase, environment: &Environment) -> Result<String, CliError> {
    let given = environment.get("CNB_PLATFORM_API").filter(|value| !value.is_empty());
    let version = given.map_or_else(|| PLATFORM_APIS[3].to_owned(), |value| value.to_string_lossy().into_owned());
    if PLATFORM_APIS.contains(&version.as_str()) { Ok(version) } else { Err(CliError::PlatformApi(version, phase)) }
}

/// Flags that change nothing here must still be well-formed.
fn accepted(flags: &Flags, environment: &Environment) -> Result<(), CliError> {
    if let Some(given) = ArgValue::find(("-parallel", &flags.parallel), "CNB_PARALLEL_EXPORT", environment) {
        given.boolean()?;
    }
    Ok(())
}

/// Hosts as names of images have them: the flag's, else those of the variable, separated by commas.
fn insecure(flags: &[OsString], environment: &Environment) -> Result<Vec<String>, CliError> {
    if !flags.is_empty() {
        return flags.iter().map(|host| ArgValue::flag("-insecure-registry", host.clone()).text()).collect();
    }
    let Some(given) = ArgValue::variable("CNB_INSECURE_REGISTRIES", environment) else { return Ok(Vec::new()) };
    Ok(given.text()?.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect())
}

fn destination(flags: &Flags, environment: &Environment) -> Result<(Destination, Option<&'static str>), CliError> {
    let find = |name, value, variable| ArgValue::find((name, value), variable, environment);
    let boolean = |given: Option<ArgValue>| given.map_or(Ok(false), |given| given.boolean());
    let text = |name| ArgValue::variable(name, environment).map(|given| given.text()).transpose();
    let daemon = boolean(find("-daemon", &flags.daemon, "CNB_USE_DAEMON"))?;
    let layout = boolean(find("-layout", &flags.layout, "CNB_USE_LAYOUT"))?;
    let wrong = |reason| CliError::Value { name: "-layout", value: "true".to_owned(), reason };
    match (daemon, layout) {
        (true, true) => Err(wrong("exporting to multiple targets is unsupported; leave out -daemon or -layout")),
        (true, false) => Ok((Destination::Daemon(text("DOCKER_HOST")?), None)),
        (false, false) => Ok((Destination::Registry, None)),
        (false, true) => {
            let warning = match text("CNB_EXPERIMENTAL_MODE")?.as_deref() {
                Some("silent") => None,
                Some("warn") => Some("exporting to an OCI layout is experimental (CNB_EXPERIMENTAL_MODE=warn)"),
                _ => return Err(wrong("it is experimental; set CNB_EXPERIMENTAL_MODE to warn or silent")),
            };
            let folder = find("-layout-dir", &flags.layout_dir, "CNB_LAYOUT_DIR");
            let folder = folder.ok_or_else(|| wrong("it needs -layout-dir or CNB_LAYOUT_DIR"))?;
            Ok((Destination::Layout(folder.path()?), warning))
        }
    }
}

fn without_effect(flags: &Flags, environment: &Environment) -> Vec<&'static str> {
    [
        ("-cache-dir", &flags.cache_dir, "CNB_CACHE_DIR"),
        ("-cache-image", &flags.cache_image, "CNB_CACHE_IMAGE"),
        ("-launch-cache", &flags.launch_cache, "CNB_LAUNCH_CACHE_DIR"),
    ]
    .into_iter()
    .filter(|(flag, value, variable)| ArgValue::find((flag, value), variable, environment).is_some())
    .map(|(flag, _, _)| flag)
    .collect()
}
