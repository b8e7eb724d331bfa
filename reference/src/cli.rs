//! The command line and environment of the Platform API's `exporter` (`cnb-platform.md`, section exporter, Inputs):
//! flags over variables over defaults. Both `-flag` and `--flag`, `-flag VALUE` and `-flag=VALUE` are taken, as
//! platforms write them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

use crate::log::LogLevel;

/// Platform API versions that this exporter speaks.
pub const PLATFORM_APIS: [&str; 4] = ["0.12", "0.13", "0.14", "0.15"];

/// Why the command line cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The platform speaks another version.
    #[error("speak Platform API '{0}': this exporter knows 0.12 to 0.15; set CNB_PLATFORM_API to one of them")]
    PlatformApi(String),
    /// A flag is unknown or has no value; the text is the parser's. Also the answer to `-help`.
    #[error("{0}")]
    Flags(clap::Error),
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

/// Exports an app image, annotated as RFC 196 proposes.
#[derive(Debug, Parser)]
#[command(name = "exporter", version, disable_help_subcommand = true)]
struct Flags {
    #[arg(long, value_name = "FILE", help = "analyzed.toml [CNB_ANALYZED_PATH, <layers>/analyzed.toml]")]
    analyzed: Option<PathBuf>,
    #[arg(long, value_name = "DIR", help = "application folder [CNB_APP_DIR, /workspace]")]
    app: Option<String>,
    #[arg(long, value_name = "DIR", help = "accepted; nothing is cached [CNB_CACHE_DIR]")]
    cache_dir: Option<String>,
    #[arg(long, value_name = "IMAGE", help = "accepted; nothing is cached [CNB_CACHE_IMAGE]")]
    cache_image: Option<String>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help = "export to a Docker daemon [CNB_USE_DAEMON]")]
    daemon: Option<String>,
    #[arg(long, value_name = "DIR", help = "extended run image [CNB_EXTENDED_DIR, <layers>/extended]")]
    extended: Option<PathBuf>,
    #[arg(long, value_name = "ID", help = "group that owns app and layers [CNB_GROUP_ID]")]
    gid: Option<String>,
    #[arg(long, value_name = "FILE", help = "group.toml [CNB_GROUP_PATH, <layers>/group.toml]")]
    group: Option<PathBuf>,
    #[arg(long, value_name = "HOST", help = "registry without TLS; may be repeated [CNB_INSECURE_REGISTRIES]")]
    insecure_registry: Vec<String>,
    #[arg(long, value_name = "DIR", help = "accepted; nothing is cached [CNB_LAUNCH_CACHE_DIR]")]
    launch_cache: Option<String>,
    #[arg(long, value_name = "DIR", help = "folder of the launcher's SBOMs [/cnb/lifecycle]")]
    launcher_sbom: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help = "launcher [/cnb/lifecycle/launcher]")]
    launcher: Option<PathBuf>,
    #[arg(long, value_name = "DIR", help = "layers folder [CNB_LAYERS_DIR, /layers]")]
    layers: Option<String>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help = "export to an OCI layout (experimental) [CNB_USE_LAYOUT]")]
    layout: Option<String>,
    #[arg(long, value_name = "DIR", help = "folder of OCI layouts [CNB_LAYOUT_DIR]")]
    layout_dir: Option<PathBuf>,
    #[arg(long, value_name = "LEVEL", help = "error, warn, info or debug [CNB_LOG_LEVEL, info]")]
    log_level: Option<String>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help = "export in parallel [CNB_PARALLEL_EXPORT]")]
    parallel: Option<String>,
    #[arg(long, value_name = "TYPE", help = "default process type [CNB_PROCESS_TYPE]")]
    process_type: Option<String>,
    #[arg(
        long,
        value_name = "FILE",
        help = "project-metadata.toml [CNB_PROJECT_METADATA_PATH, <layers>/project-metadata.toml]"
    )]
    project_metadata: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help = "report.toml [CNB_REPORT_PATH, <layers>/report.toml]")]
    report: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help = "run.toml [CNB_RUN_PATH, /cnb/run.toml]")]
    run: Option<PathBuf>,
    #[arg(long, value_name = "ID", help = "user that owns app and layers [CNB_USER_ID]")]
    uid: Option<String>,
    #[arg(value_name = "IMAGE", help = "tag that the app image is written to")]
    images: Vec<String>,
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
pub type Environment = BTreeMap<String, String>;

/// Reads arguments (without the program's name) and variables.
///
/// # Errors
/// [`CliError`]; the Platform API version is looked at before anything else.
pub fn read(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> Result<Options, CliError> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty()).cloned();
    let platform_api = variable("CNB_PLATFORM_API").unwrap_or_else(|| PLATFORM_APIS[3].to_owned());
    if !PLATFORM_APIS.contains(&platform_api.as_str()) {
        return Err(CliError::PlatformApi(platform_api));
    }
    let words = std::iter::once(OsString::from("exporter")).chain(arguments.into_iter().map(two_dashes));
    let flags = Flags::try_parse_from(words).map_err(CliError::Flags)?;
    let layers = flags.layers.clone().or_else(|| variable("CNB_LAYERS_DIR")).unwrap_or_else(|| "/layers".to_owned());
    let path = |flag: &Option<PathBuf>, name: &str, default: &str| {
        let given = flag.clone().or_else(|| variable(name).map(PathBuf::from));
        given.unwrap_or_else(|| match default.strip_prefix("<layers>/") {
            Some(rest) => PathBuf::from(&layers).join(rest),
            None => PathBuf::from(default),
        })
    };
    let (destination, experimental_warning) = destination(&flags, &variable)?;
    let unset = String::new();
    Ok(Options {
        analyzed: path(&flags.analyzed, "CNB_ANALYZED_PATH", "<layers>/analyzed.toml"),
        app: absolute(flags.app.clone().or_else(|| variable("CNB_APP_DIR")).unwrap_or_else(|| "/workspace".to_owned())),
        destination,
        extended: path(&flags.extended, "CNB_EXTENDED_DIR", "<layers>/extended"),
        uid: number("-uid", flags.uid.clone().or_else(|| variable("CNB_USER_ID")))?,
        gid: number("-gid", flags.gid.clone().or_else(|| variable("CNB_GROUP_ID")))?,
        group: path(&flags.group, "CNB_GROUP_PATH", "<layers>/group.toml"),
        insecure_registries: insecure(&flags, &variable),
        launcher: path(&flags.launcher, &unset, "/cnb/lifecycle/launcher"),
        launcher_sbom: path(&flags.launcher_sbom, &unset, "/cnb/lifecycle"),
        log_level: log_level(flags.log_level.clone().or_else(|| variable("CNB_LOG_LEVEL")))?,
        process_type: flags.process_type.clone().or_else(|| variable("CNB_PROCESS_TYPE")).filter(|t| !t.is_empty()),
        project_metadata: path(&flags.project_metadata, "CNB_PROJECT_METADATA_PATH", "<layers>/project-metadata.toml"),
        report: path(&flags.report, "CNB_REPORT_PATH", "<layers>/report.toml"),
        run: path(&flags.run, "CNB_RUN_PATH", "/cnb/run.toml"),
        source_date_epoch: epoch(variable("SOURCE_DATE_EPOCH"))?,
        exec_env: variable("CNB_EXEC_ENV"),
        registry_auth: registry_auth(variable("CNB_REGISTRY_AUTH"))?,
        without_effect: without_effect(&flags, &variable),
        images: flags.images,
        layers: absolute(layers),
        platform_api,
        experimental_warning,
    })
}

/// `-flag` as `--flag`; single letters and values stay as they are.
fn two_dashes(word: OsString) -> OsString {
    match word.to_str() {
        Some(text) if text.len() > 2 && text.starts_with('-') && !text.starts_with("--") => format!("-{text}").into(),
        _ => word,
    }
}

/// Paths are part of the image, so they must not depend on the working folder.
fn absolute(path: String) -> String {
    let full = std::path::absolute(&path).map_or(path, |path| path.display().to_string());
    if full.len() > 1 { full.trim_end_matches('/').to_owned() } else { full }
}

fn boolean(name: &'static str, value: Option<&str>) -> Result<bool, CliError> {
    match value {
        None | Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
        Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
        Some(other) => Err(CliError::Value { name, value: other.to_owned(), reason: "it takes true or false" }),
    }
}

fn number(name: &'static str, value: Option<String>) -> Result<u32, CliError> {
    let Some(value) = value else { return Ok(0) };
    value.parse().map_err(|_| CliError::Value { name, value, reason: "it takes a whole number" })
}

fn epoch(value: Option<String>) -> Result<Option<i64>, CliError> {
    let Some(value) = value else { return Ok(None) };
    let fits = |seconds: &i64| jiff::Timestamp::from_second(*seconds).is_ok();
    value.parse().ok().filter(fits).map(Some).ok_or(CliError::Value {
        name: "SOURCE_DATE_EPOCH",
        value,
        reason: "it takes seconds since 1970",
    })
}

fn log_level(value: Option<String>) -> Result<LogLevel, CliError> {
    let Some(value) = value else { return Ok(LogLevel::Info) };
    let reason = "it takes error, warn, info or debug";
    LogLevel::named(&value).ok_or(CliError::Value { name: "-log-level", value, reason })
}

/// The value is never shown: it holds credentials.
fn registry_auth(value: Option<String>) -> Result<Option<BTreeMap<String, String>>, CliError> {
    let Some(value) = value else { return Ok(None) };
    serde_json::from_str(&value).map(Some).map_err(|_| CliError::Value {
        name: "CNB_REGISTRY_AUTH",
        value: "…".to_owned(),
        reason: "it takes a JSON object of registry and Authorization header",
    })
}

fn insecure(flags: &Flags, variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    if !flags.insecure_registry.is_empty() {
        return flags.insecure_registry.clone();
    }
    let listed = variable("CNB_INSECURE_REGISTRIES").unwrap_or_default();
    listed.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

fn destination(
    flags: &Flags,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(Destination, Option<&'static str>), CliError> {
    let daemon = boolean("-daemon", flags.daemon.clone().or_else(|| variable("CNB_USE_DAEMON")).as_deref())?;
    let layout = boolean("-layout", flags.layout.clone().or_else(|| variable("CNB_USE_LAYOUT")).as_deref())?;
    let wrong = |name, reason| CliError::Value { name, value: "true".to_owned(), reason };
    match (daemon, layout) {
        (true, true) => {
            Err(wrong("-layout", "exporting to multiple targets is unsupported; leave out -daemon or -layout"))
        }
        (true, false) => Ok((Destination::Daemon(variable("DOCKER_HOST")), None)),
        (false, false) => Ok((Destination::Registry, None)),
        (false, true) => {
            let warning = match variable("CNB_EXPERIMENTAL_MODE").as_deref() {
                Some("silent") => None,
                Some("warn") => Some("exporting to an OCI layout is experimental (CNB_EXPERIMENTAL_MODE=warn)"),
                _ => return Err(wrong("-layout", "it is experimental; set CNB_EXPERIMENTAL_MODE to warn or silent")),
            };
            let folder = flags.layout_dir.clone().or_else(|| variable("CNB_LAYOUT_DIR").map(PathBuf::from));
            let folder = folder.ok_or_else(|| wrong("-layout", "it needs -layout-dir or CNB_LAYOUT_DIR"))?;
            Ok((Destination::Layout(folder), warning))
        }
    }
}

fn without_effect(flags: &Flags, variable: &dyn Fn(&str) -> Option<String>) -> Vec<&'static str> {
    [
        ("-cache-dir", &flags.cache_dir, "CNB_CACHE_DIR"),
        ("-cache-image", &flags.cache_image, "CNB_CACHE_IMAGE"),
        ("-launch-cache", &flags.launch_cache, "CNB_LAUNCH_CACHE_DIR"),
    ]
    .into_iter()
    .filter(|(_, given, name)| given.is_some() || variable(name).is_some())
    .map(|(flag, _, _)| flag)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str, variables: &[(&str, &str)]) -> Result<Options, CliError> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read(words.split_whitespace().map(OsString::from), &environment)
    }

    #[test]
    fn flags_go_over_variables_and_variables_over_defaults() {
        let options = parse("a", &[]).unwrap();
        assert_eq!((options.app.as_str(), options.layers.as_str()), ("/workspace", "/layers"));
        assert_eq!(options.analyzed, PathBuf::from("/layers/analyzed.toml"));
        let variables =
            [("CNB_APP_DIR", "/one"), ("CNB_LAYERS_DIR", "/l"), ("CNB_USER_ID", "7"), ("CNB_USE_DAEMON", "true")];
        let options = parse("a", &variables).unwrap();
        assert_eq!((options.app.as_str(), options.uid), ("/one", 7));
        assert_eq!(options.report, PathBuf::from("/l/report.toml"));
        assert_eq!(options.destination, Destination::Daemon(None));
        let options = parse("-app /two --uid=8 -daemon=false -layers /m a b", &variables).unwrap();
        assert_eq!((options.app.as_str(), options.uid, options.images.len()), ("/two", 8, 2));
        assert_eq!(options.destination, Destination::Registry);
        assert_eq!(options.group, PathBuf::from("/m/group.toml"));
    }

    #[test]
    fn the_platform_api_is_looked_at_first() {
        let error = parse("-no-such-flag", &[("CNB_PLATFORM_API", "999.0")]).unwrap_err();
        assert!(matches!(&error, CliError::PlatformApi(version) if version == "999.0"));
        assert!(error.to_string().contains("0.12 to 0.15"));
        assert!(parse("a", &[("CNB_PLATFORM_API", "0.12")]).is_ok());
    }

    #[test]
    fn layout_is_behind_the_experimental_gate() {
        for mode in [&[][..], &[("CNB_EXPERIMENTAL_MODE", "error")]] {
            assert!(parse("-layout -layout-dir /d a", mode).is_err());
        }
        let options = parse("-layout -layout-dir /d a", &[("CNB_EXPERIMENTAL_MODE", "warn")]).unwrap();
        assert!(options.experimental_warning.is_some());
        let options = parse("-layout -layout-dir /d a", &[("CNB_EXPERIMENTAL_MODE", "silent")]).unwrap();
        assert_eq!((options.experimental_warning, options.destination), (None, Destination::Layout("/d".into())));
        let error = parse("-layout -daemon -layout-dir /d a", &[]).unwrap_err().to_string();
        assert!(error.contains("multiple targets"), "{error}");
    }

    #[test]
    fn credentials_are_not_shown() {
        let error = parse("a", &[("CNB_REGISTRY_AUTH", "{secret")]).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn wrong_values_name_their_flag() {
        for (words, name) in [("-uid x a", "-uid"), ("-daemon=maybe a", "-daemon"), ("-log-level loud a", "-log-level")]
        {
            assert!(parse(words, &[]).unwrap_err().to_string().contains(name), "{words}");
        }
        assert!(parse("a", &[("SOURCE_DATE_EPOCH", "now")]).is_err());
    }
}
