//! Flags over variables over defaults, and what is refused.

use super::*;

fn parse(words: &str, variables: &[(&str, &str)]) -> Result<Options, CliError> {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
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
    assert!(matches!(&error, CliError::PlatformApi(version, Phase::Exporter) if version == "999.0"));
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
    for (words, name) in [("-uid x a", "-uid"), ("-daemon=maybe a", "-daemon"), ("-log-level loud a", "-log-level")] {
        assert!(parse(words, &[]).unwrap_err().to_string().contains(name), "{words}");
    }
    for (name, value) in [
        ("SOURCE_DATE_EPOCH", "now"),
        ("CNB_USE_DAEMON", "maybe"),
        ("CNB_PARALLEL_EXPORT", "2"),
        ("CNB_GROUP_ID", "-1"),
        ("CNB_LOG_LEVEL", "loud"),
        ("CNB_EXEC_ENV", "a/b"),
    ] {
        let error = parse("a", &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
    assert!(parse("-app= a", &[]).is_err());
}

#[test]
fn a_time_beyond_the_last_is_refused_with_the_last() {
    assert!(parse("a", &[("SOURCE_DATE_EPOCH", "253402207200")]).is_ok());
    for value in ["253402207201", "253402300799", "9223372036854775807"] {
        let error = parse("a", &[("SOURCE_DATE_EPOCH", value)]).unwrap_err().to_string();
        assert!(error.contains("at most 253402207200"), "{error}");
    }
}

#[test]
fn values_that_are_no_text_are_refused_and_never_left_out() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = || OsString::from_vec(vec![b'/', 0xff]);
    let with = |name: &str| Environment::from([(name.to_owned(), bytes())]);
    let words = || [OsString::from("a")];
    assert!(matches!(read(words(), &with("CNB_PLATFORM_API")), Err(CliError::PlatformApi(..))));
    assert!(read(words(), &with("CNB_APP_DIR")).unwrap_err().to_string().contains("CNB_APP_DIR"));
    assert!(read([bytes()], &Environment::new()).unwrap_err().to_string().contains("<image>"));
    assert_eq!(read(words(), &with("CNB_RUN_PATH")).unwrap().run, PathBuf::from(bytes()));
}

#[test]
fn every_input_of_the_specification_has_its_flag_and_variable() {
    let folders = [
        ("-analyzed", "CNB_ANALYZED_PATH", (|o| o.analyzed.display().to_string()) as fn(&Options) -> String),
        ("-app", "CNB_APP_DIR", |o| o.app.clone()),
        ("-extended", "CNB_EXTENDED_DIR", |o| o.extended.display().to_string()),
        ("-group", "CNB_GROUP_PATH", |o| o.group.display().to_string()),
        ("-layers", "CNB_LAYERS_DIR", |o| o.layers.clone()),
        ("-project-metadata", "CNB_PROJECT_METADATA_PATH", |o| o.project_metadata.display().to_string()),
        ("-report", "CNB_REPORT_PATH", |o| o.report.display().to_string()),
        ("-run", "CNB_RUN_PATH", |o| o.run.display().to_string()),
        ("-insecure-registry", "CNB_INSECURE_REGISTRIES", |o| o.insecure_registries.join("+")),
        ("-process-type", "CNB_PROCESS_TYPE", |o| o.process_type.clone().unwrap_or_default()),
    ];
    for (flag, variable, shown) in folders {
        let by_variable = parse("a", &[(variable, "/v")]).unwrap();
        let by_flag = parse(&format!("{flag} /f a"), &[(variable, "/v")]).unwrap();
        assert_eq!((shown(&by_variable).as_str(), shown(&by_flag).as_str()), ("/v", "/f"), "{flag}");
    }
    for flag in ["-launcher", "-launcher-sbom", "-cache-dir", "-cache-image", "-launch-cache"] {
        assert!(parse(&format!("{flag}=/f -parallel a"), &[]).is_ok(), "{flag}");
    }
    let several = parse("-insecure-registry a:1 -insecure-registry=b:2 x", &[]).unwrap();
    assert_eq!(several.insecure_registries, ["a:1", "b:2"]);
    let listed = parse("x", &[("CNB_INSECURE_REGISTRIES", "a:1, b:2,")]).unwrap();
    assert_eq!(listed.insecure_registries, ["a:1", "b:2"]);
}

#[test]
fn an_unknown_flag_is_named_in_one_line() {
    let error = crate::failure::chain(&parse("-no-such-flag a", &[]).unwrap_err());
    assert!(error.contains("no-such-flag") && !error.contains('\n'), "{error}");
}

#[test]
fn paths_of_the_image_are_absolute_and_clean() {
    let options = parse("-app /a/./b//c/../d/ -layers /l/ x", &[]).unwrap();
    assert_eq!((options.app.as_str(), options.layers.as_str()), ("/a/b/d", "/l"));
    let relative = parse("-app x/../app a", &[]).unwrap();
    assert_eq!(relative.app, std::env::current_dir().unwrap().join("app").display().to_string());
    assert_eq!(parse("-app /one -app /two a", &[]).unwrap().app, "/two");
}
