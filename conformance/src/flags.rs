//! The flags that harness or scenarios give to an exporter.

/// Flags that the harness or a scenario gives and a description may leave out, and the Platform API that brought each
/// which came with 0.12 or later: what is older is not judged.
pub(crate) const FLAGS: [(&str, Option<&str>); 18] = [
    ("-daemon", None),
    ("-layout", Some("0.12")),
    ("-layout-dir", Some("0.12")),
    ("-layers", None),
    ("-app", None),
    ("-group", None),
    ("-analyzed", None),
    ("-project-metadata", None),
    ("-run", Some("0.12")),
    ("-report", None),
    ("-launch-cache", None),
    ("-launcher", None),
    ("-launcher-sbom", None),
    ("-process-type", None),
    ("-uid", None),
    ("-gid", None),
    ("-insecure-registry", Some("0.13")),
    ("-parallel", Some("0.13")),
];

/// Whether the harness or a scenario gives this flag, and a description may leave it out.
pub(crate) fn is_flag(name: &str) -> bool {
    FLAGS.iter().any(|(flag, _)| *flag == name)
}
