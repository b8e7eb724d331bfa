//! The flags as they are written. Values stay what the system gave, so that one that is not text can be refused by
//! the name of its flag.

use std::ffi::OsString;

use clap::Parser;

/// Exports an app image, annotated as RFC 196 proposes.
#[derive(Debug, Parser)]
#[command(name = "exporter", version, disable_help_subcommand = true, args_override_self = true)]
pub(super) struct Flags {
    #[arg(long, value_name = "FILE", help = "analyzed.toml [CNB_ANALYZED_PATH, <layers>/analyzed.toml]")]
    pub(super) analyzed: Option<OsString>,
    #[arg(long, value_name = "DIR", help = "application folder [CNB_APP_DIR, /workspace]")]
    pub(super) app: Option<OsString>,
    #[arg(long, value_name = "DIR", help = "accepted; nothing is cached [CNB_CACHE_DIR]")]
    pub(super) cache_dir: Option<OsString>,
    #[arg(long, value_name = "IMAGE", help = "accepted; nothing is cached [CNB_CACHE_IMAGE]")]
    pub(super) cache_image: Option<OsString>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help = "export to a Docker daemon [CNB_USE_DAEMON]")]
    pub(super) daemon: Option<OsString>,
    #[arg(long, value_name = "DIR", help = "folder of the extended run image [CNB_EXTENDED_DIR, <layers>/extended]")]
    pub(super) extended: Option<OsString>,
    #[arg(
        long,
        value_name = "ID",
        allow_negative_numbers = true,
        help = "group that owns app and layers [CNB_GROUP_ID]"
    )]
    pub(super) gid: Option<OsString>,
    #[arg(long, value_name = "FILE", help = "group.toml [CNB_GROUP_PATH, <layers>/group.toml]")]
    pub(super) group: Option<OsString>,
    #[arg(long, value_name = "HOST", help = "registry without TLS; may be repeated [CNB_INSECURE_REGISTRIES]")]
    pub(super) insecure_registry: Vec<OsString>,
    #[arg(long, value_name = "DIR", help = "accepted; nothing is cached [CNB_LAUNCH_CACHE_DIR]")]
    pub(super) launch_cache: Option<OsString>,
    #[arg(long, value_name = "DIR", help = "folder of the launcher's SBOMs [/cnb/lifecycle]")]
    pub(super) launcher_sbom: Option<OsString>,
    #[arg(long, value_name = "FILE", help = "launcher [/cnb/lifecycle/launcher]")]
    pub(super) launcher: Option<OsString>,
    #[arg(long, value_name = "DIR", help = "layers folder [CNB_LAYERS_DIR, /layers]")]
    pub(super) layers: Option<OsString>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help = "export to an OCI layout (experimental) [CNB_USE_LAYOUT]")]
    pub(super) layout: Option<OsString>,
    #[arg(long, value_name = "DIR", help = "folder of OCI layouts [CNB_LAYOUT_DIR]")]
    pub(super) layout_dir: Option<OsString>,
    #[arg(long, value_name = "LEVEL", help = "error, warn, info or debug [CNB_LOG_LEVEL, info]")]
    pub(super) log_level: Option<OsString>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help = "accepted; there is no cache to export next to the image [CNB_PARALLEL_EXPORT]")]
    pub(super) parallel: Option<OsString>,
    #[arg(long, value_name = "TYPE", help = "default process type [CNB_PROCESS_TYPE]")]
    pub(super) process_type: Option<OsString>,
    #[arg(
        long,
        value_name = "FILE",
        help = "project-metadata.toml [CNB_PROJECT_METADATA_PATH, <layers>/project-metadata.toml]"
    )]
    pub(super) project_metadata: Option<OsString>,
    #[arg(long, value_name = "FILE", help = "report.toml [CNB_REPORT_PATH, <layers>/report.toml]")]
    pub(super) report: Option<OsString>,
    #[arg(long, value_name = "FILE", help = "run.toml [CNB_RUN_PATH, /cnb/run.toml]")]
    pub(super) run: Option<OsString>,
    #[arg(
        long,
        value_name = "ID",
        allow_negative_numbers = true,
        help = "user that owns app and layers [CNB_USER_ID]"
    )]
    pub(super) uid: Option<OsString>,
    #[arg(value_name = "IMAGE", help = "tag that the app image is written to")]
    pub(super) images: Vec<OsString>,
}

impl Flags {
    /// Reads the words of a command line, without the program's name.
    pub(super) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(words("exporter", arguments))
    }
}

/// The words as the parser wants them, after the program's name.
pub(super) fn words(
    program: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let mut ended = false;
    let words = arguments.into_iter().map(move |word| {
        ended |= word == "--";
        if ended { word } else { two_dashes(word) }
    });
    std::iter::once(OsString::from(program)).chain(words)
}

/// `-flag` as `--flag`; single letters and values stay as they are.
fn two_dashes(word: OsString) -> OsString {
    let bytes = word.as_encoded_bytes();
    // No flag begins with a digit: that is a number, to be refused as one.
    let is_number = bytes.get(1).is_some_and(u8::is_ascii_digit);
    if bytes.len() > 2 && bytes.starts_with(b"-") && !bytes.starts_with(b"--") && !is_number {
        let mut longer = OsString::from("-");
        longer.push(word);
        return longer;
    }
    word
}
