//! The command line and environment of the Platform API's `rebaser` (`cnb-platform.md`, section rebaser, Inputs): flags
//! over variables over defaults, written as those of the exporter are.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

use super::flags::words;
use super::value::ArgValue;
use super::{CliError, Destination, Environment, Phase};
use crate::log::LogLevel;

/// Puts an app image on another run image; its annotations stay, and those of its base follow.
#[derive(Debug, Parser)]
#[command(name = "rebaser", version, disable_help_subcommand = true, args_override_self = true)]
struct Flags {
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help = "rebase in a Docker daemon [CNB_USE_DAEMON]")]
    daemon: Option<OsString>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help = "rebase also where it is not known to be safe [CNB_FORCE_REBASE]")]
    force: Option<OsString>,
    #[arg(
        long,
        value_name = "ID",
        allow_negative_numbers = true,
        help = "accepted; no file is made whose group matters [CNB_GROUP_ID]"
    )]
    gid: Option<OsString>,
    #[arg(long, value_name = "IMAGE", help = "deprecated name of -run-image")]
    image: Option<OsString>,
    #[arg(long, value_name = "HOST", help = "registry without TLS; may be repeated [CNB_INSECURE_REGISTRIES]")]
    insecure_registry: Vec<OsString>,
    // Taken so that it can be refused in words.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    layout: Option<OsString>,
    #[arg(long, value_name = "LEVEL", help = "error, warn, info or debug [CNB_LOG_LEVEL, info]")]
    log_level: Option<OsString>,
    #[arg(long, value_name = "IMAGE", help = "app image to rebase [the first <image>]")]
    previous_image: Option<OsString>,
    #[arg(long, value_name = "FILE", help = "report.toml [CNB_REPORT_PATH, <layers>/report.toml]")]
    report: Option<OsString>,
    #[arg(long, value_name = "IMAGE", help = "new run image [CNB_RUN_IMAGE, the name in the app image's label]")]
    run_image: Option<OsString>,
    #[arg(
        long,
        value_name = "ID",
        allow_negative_numbers = true,
        help = "accepted; no file is made whose owner matters [CNB_USER_ID]"
    )]
    uid: Option<OsString>,
    #[arg(value_name = "IMAGE", help = "tag that the rebased image is written to")]
    images: Vec<OsString>,
}

/// Every input, with defaults filled in.
#[derive(Debug, Clone)]
pub struct RebaseOptions {
    /// Where the images are: a registry, or a daemon.
    pub destination: Destination,
    /// `<force>`.
    pub force: bool,
    /// Registries that are spoken to without TLS.
    pub insecure_registries: Vec<String>,
    /// `<log-level>`.
    pub log_level: LogLevel,
    /// `<previous-image>`, where one is given.
    pub previous_image: Option<String>,
    /// `<report>`.
    pub report: PathBuf,
    /// `<run-image>`, where one is given.
    pub run_image: Option<String>,
    /// Every `<image>`, as given.
    pub images: Vec<String>,
    /// `SOURCE_DATE_EPOCH`, in seconds.
    pub source_date_epoch: Option<i64>,
    /// `CNB_REGISTRY_AUTH`: registry → Authorization header.
    pub registry_auth: Option<BTreeMap<String, String>>,
    /// What the user may not have meant.
    pub warnings: Vec<&'static str>,
}

/// Reads arguments (without the program's name) and variables.
///
/// # Errors
/// [`CliError`]; the Platform API version is looked at before anything else.
pub fn read(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<RebaseOptions, CliError> {
    super::platform_api(Phase::Rebaser, environment)?;
    let flags = Flags::try_parse_from(words("rebaser", arguments))?;
    let find = |name, value, variable| ArgValue::find((name, value), variable, environment);
    let text = |given: Option<ArgValue>| given.map(|given| given.text()).transpose();
    let named = |given: Option<ArgValue>| text(given).map(|text| text.filter(|text| !text.is_empty()));
    let boolean = |given: Option<ArgValue>| given.map_or(Ok(false), |given| given.boolean());
    no_layout(&flags, environment)?;
    // Well-formed, though nothing is made that would be theirs.
    for given in [find("-uid", &flags.uid, "CNB_USER_ID"), find("-gid", &flags.gid, "CNB_GROUP_ID")] {
        given.map(|given| given.number()).transpose()?;
    }
    let (flag, warnings) = run_image_flag(&flags)?;
    let daemon = boolean(find("-daemon", &flags.daemon, "CNB_USE_DAEMON"))?;
    let host = text(ArgValue::variable("DOCKER_HOST", environment))?;
    let layers =
        ArgValue::variable("CNB_LAYERS_DIR", environment).map_or(Ok("/layers".to_owned()), |it| it.absolute())?;
    Ok(RebaseOptions {
        destination: if daemon { Destination::Daemon(host) } else { Destination::Registry },
        force: boolean(find("-force", &flags.force, "CNB_FORCE_REBASE"))?,
        insecure_registries: super::insecure(&flags.insecure_registry, environment)?,
        log_level: find("-log-level", &flags.log_level, "CNB_LOG_LEVEL")
            .map_or(Ok(LogLevel::Info), |given| given.log_level())?,
        previous_image: named(find("-previous-image", &flags.previous_image, ""))?,
        report: find("-report", &flags.report, "CNB_REPORT_PATH")
            .map_or_else(|| Ok(PathBuf::from(format!("{layers}/report.toml"))), ArgValue::path)?,
        run_image: named(find("-run-image", flag, "CNB_RUN_IMAGE"))?,
        source_date_epoch: ArgValue::variable("SOURCE_DATE_EPOCH", environment)
            .map(|given| given.seconds())
            .transpose()?,
        registry_auth: ArgValue::variable("CNB_REGISTRY_AUTH", environment)
            .map(|given| given.credentials())
            .transpose()?,
        images: flags.images.iter().map(|image| ArgValue::image(image.clone()).text()).collect::<Result<_, _>>()?,
        warnings,
    })
}

/// The run image by either of its two flags.
fn run_image_flag(flags: &Flags) -> Result<(&Option<OsString>, Vec<&'static str>), CliError> {
    match (&flags.run_image, &flags.image) {
        (Some(_), Some(old)) => Err(CliError::Value {
            name: "-image",
            value: old.to_string_lossy().into_owned(),
            reason: "it is the deprecated name of -run-image, which is given too; give -run-image alone",
        }),
        (None, Some(_)) => Ok((&flags.image, vec!["-image is deprecated; use -run-image"])),
        (_, None) => Ok((&flags.run_image, Vec::new())),
    }
}

/// The Platform API's rebaser has no layouts. One who asks for them does not want a registry to be written to.
fn no_layout(flags: &Flags, environment: &Environment) -> Result<(), CliError> {
    let given = ArgValue::find(("-layout", &flags.layout), "CNB_USE_LAYOUT", environment);
    if given.map_or(Ok(false), |given| given.boolean())? {
        return Err(CliError::Value {
            name: if flags.layout.is_some() { "-layout" } else { "CNB_USE_LAYOUT" },
            value: "true".to_owned(),
            reason: "the Platform API's rebaser reads and writes no OCI layout; rebase in a registry or a daemon",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str, variables: &[(&str, &str)]) -> Result<RebaseOptions, CliError> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        read(words.split_whitespace().map(OsString::from), &environment)
    }

    #[test]
    fn flags_go_over_variables_and_variables_over_defaults() {
        let options = parse("a", &[]).unwrap();
        assert_eq!((&options.destination, options.force), (&Destination::Registry, false));
        assert_eq!((options.run_image, options.previous_image), (None, None));
        assert_eq!(options.report, PathBuf::from("/layers/report.toml"));
        let variables = [
            ("CNB_USE_DAEMON", "true"),
            ("CNB_FORCE_REBASE", "true"),
            ("CNB_RUN_IMAGE", "run:1"),
            ("CNB_LAYERS_DIR", "/l"),
            ("CNB_INSECURE_REGISTRIES", "a, b"),
        ];
        let options = parse("a b", &variables).unwrap();
        assert_eq!((&options.destination, options.force), (&Destination::Daemon(None), true));
        assert_eq!((options.run_image.as_deref(), options.images.len()), (Some("run:1"), 2));
        assert_eq!((options.report, options.insecure_registries.len()), ("/l/report.toml".into(), 2));
        let words = "-daemon=false -force=false -run-image run:2 -report /r -previous-image p -insecure-registry c a";
        let options = parse(words, &variables).unwrap();
        assert_eq!((&options.destination, options.force), (&Destination::Registry, false));
        assert_eq!((options.run_image.as_deref(), options.previous_image.as_deref()), (Some("run:2"), Some("p")));
        assert_eq!((options.report, options.insecure_registries), ("/r".into(), vec!["c".to_owned()]));
    }

    #[test]
    fn the_deprecated_name_of_the_run_image_is_taken_alone_and_with_a_warning() {
        let options = parse("-image run:1 a", &[("CNB_RUN_IMAGE", "other")]).unwrap();
        assert_eq!((options.run_image.as_deref(), options.warnings.len()), (Some("run:1"), 1));
        assert!(parse("-image run:1 -run-image run:1 a", &[]).unwrap_err().to_string().contains("-image"));
        assert_eq!(parse("-run-image= a", &[]).unwrap().run_image, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (words, variables, named) in [
            ("-layout a", &[][..], "-layout"),
            ("a", &[("CNB_USE_LAYOUT", "true")], "CNB_USE_LAYOUT"),
            ("-uid x a", &[], "-uid"),
            ("-force=maybe a", &[], "-force"),
            ("-nonsense a", &[("CNB_PLATFORM_API", "9.0")], "this rebaser knows 0.12 to 0.15"),
            ("-app x a", &[], "--app"),
        ] {
            let error = crate::failure::chain(&parse(words, variables).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
        assert!(parse("a", &[("CNB_USE_LAYOUT", "false")]).is_ok());
    }
}
