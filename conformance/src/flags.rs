//! The flags that harness or scenarios give to an exporter.

/// A flag of the Platform API's exporter (`cnb-platform.md`, exporter, Inputs).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// Its name, with the dash.
    pub(crate) name: &'static str,
    /// The Platform API that brought it, where it came with 0.12 or later: what is older is not judged.
    pub(crate) since: Option<&'static str>,
    /// The variable that says the same.
    pub(crate) variable: Option<&'static str>,
    /// What holds where neither is given; `{layers}` stands for `<layers>`.
    pub(crate) default: Option<&'static str>,
}

const fn flag(
    name: &'static str,
    since: Option<&'static str>,
    variable: Option<&'static str>,
    default: Option<&'static str>,
) -> Flag {
    Flag { name, since, variable, default }
}

/// Flags that the harness or a scenario gives and a description may leave out.
pub(crate) const FLAGS: [Flag; 18] = [
    flag("-daemon", None, Some("CNB_USE_DAEMON"), None),
    flag("-layout", Some("0.12"), Some("CNB_USE_LAYOUT"), None),
    flag("-layout-dir", Some("0.12"), Some("CNB_LAYOUT_DIR"), None),
    flag("-layers", None, Some("CNB_LAYERS_DIR"), Some("/layers")),
    flag("-app", None, Some("CNB_APP_DIR"), Some("/workspace")),
    flag("-group", None, Some("CNB_GROUP_PATH"), Some("{layers}/group.toml")),
    flag("-analyzed", None, Some("CNB_ANALYZED_PATH"), Some("{layers}/analyzed.toml")),
    flag("-project-metadata", None, Some("CNB_PROJECT_METADATA_PATH"), Some("{layers}/project-metadata.toml")),
    flag("-run", Some("0.12"), Some("CNB_RUN_PATH"), Some("/cnb/run.toml")),
    flag("-report", None, Some("CNB_REPORT_PATH"), Some("{layers}/report.toml")),
    flag("-launch-cache", None, Some("CNB_LAUNCH_CACHE_DIR"), None),
    flag("-launcher", None, None, Some("/cnb/lifecycle/launcher")),
    flag("-launcher-sbom", None, None, Some("/cnb/lifecycle")),
    flag("-process-type", None, Some("CNB_PROCESS_TYPE"), None),
    flag("-uid", None, Some("CNB_USER_ID"), None),
    flag("-gid", None, Some("CNB_GROUP_ID"), None),
    flag("-insecure-registry", Some("0.13"), Some("CNB_INSECURE_REGISTRIES"), None),
    flag("-parallel", Some("0.13"), Some("CNB_PARALLEL_EXPORT"), None),
];

/// The flag of this name that the harness or a scenario gives, and a description may leave out.
pub(crate) fn named(name: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.name == name)
}

/// Whether the harness or a scenario gives this flag, and a description may leave it out.
pub(crate) fn is_flag(name: &str) -> bool {
    named(name).is_some()
}
