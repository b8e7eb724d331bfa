//! How the exporter is called (`cnb-platform.md`, exporter).

use judge::evidence::Target;

use crate::exporter::PLATFORM_APIS;
use crate::generated::{Build, GivenBy};
use crate::promises::{Dimension, StepView, Value};
use crate::scenario::{CreationOrder, CredentialsBy, RegistryEndpoint};

/// Flags with their variables; `switch` has no value.
const INPUTS: [(&str, &str); 20] = [
    ("-analyzed", "CNB_ANALYZED_PATH"),
    ("-app", "CNB_APP_DIR"),
    ("-cache-dir", "CNB_CACHE_DIR"),
    ("-cache-image", "CNB_CACHE_IMAGE"),
    ("-daemon", "CNB_USE_DAEMON"),
    ("-extended", "CNB_EXTENDED_DIR"),
    ("-gid", "CNB_GROUP_ID"),
    ("-group", "CNB_GROUP_PATH"),
    ("-insecure-registry", "CNB_INSECURE_REGISTRIES"),
    ("-launch-cache", "CNB_LAUNCH_CACHE_DIR"),
    ("-layers", "CNB_LAYERS_DIR"),
    ("-layout", "CNB_USE_LAYOUT"),
    ("-layout-dir", "CNB_LAYOUT_DIR"),
    ("-log-level", "CNB_LOG_LEVEL"),
    ("-parallel", "CNB_PARALLEL_EXPORT"),
    ("-process-type", "CNB_PROCESS_TYPE"),
    ("-project-metadata", "CNB_PROJECT_METADATA_PATH"),
    ("-report", "CNB_REPORT_PATH"),
    ("-run", "CNB_RUN_PATH"),
    ("-uid", "CNB_USER_ID"),
];

/// Flags that have no variable.
const FLAGS_ALONE: [&str; 2] = ["-launcher", "-launcher-sbom"];

pub(super) fn dimensions() -> Vec<Dimension> {
    vec![
        flags(),
        variables(),
        both(),
        defaults(),
        given_by(),
        platform_apis(),
        targets(),
        tags(),
        users(),
        log_levels(),
        caches(),
        surroundings(),
    ]
}

fn flags() -> Dimension {
    let names = INPUTS.iter().map(|(flag, _)| *flag).chain(FLAGS_ALONE);
    let values =
        names.map(|flag| Value::new(format!("`{flag}`"), move |seen| seen.is_good() && seen.flag(flag).is_some()));
    Dimension::new("Flags", "Inputs given by their flag (Inputs).", values.collect())
}

fn is_by_variable(seen: &StepView<'_>, flag: &str, variable: &str) -> bool {
    seen.is_good() && seen.flag(flag).is_none() && seen.variable(variable).is_some()
}

fn variables() -> Dimension {
    let by = |&(flag, variable): &(&'static str, &'static str)| {
        Value::new(format!("`{variable}`"), move |seen| is_by_variable(seen, flag, variable))
    };
    let mut values: Vec<Value> = INPUTS.iter().map(by).collect();
    for name in ["SOURCE_DATE_EPOCH", "CNB_EXPERIMENTAL_MODE"] {
        values.push(Value::new(format!("`{name}`"), move |seen| seen.is_good() && seen.variable(name).is_some()));
    }
    for (name, by) in [
        ("`CNB_REGISTRY_AUTH`", CredentialsBy::Variable),
        ("`CNB_REGISTRY_AUTH` with a token", CredentialsBy::VariableWithToken),
    ] {
        values.push(Value::new(name, move |seen| seen.step.credentials_by == by));
    }
    Dimension::new("Variables", "Inputs given by their variable alone (Inputs).", values)
}

fn both() -> Dimension {
    let differ = |&(flag, variable): &(&'static str, &'static str)| {
        Value::new(format!("`{flag}` over `{variable}`"), move |seen| {
            seen.flag(flag).zip(seen.variable(variable)).is_some_and(|(ours, theirs)| ours != theirs)
        })
    };
    let named = [
        "-analyzed",
        "-app",
        "-gid",
        "-group",
        "-layers",
        "-process-type",
        "-project-metadata",
        "-report",
        "-run",
        "-uid",
    ];
    let pairs = INPUTS.iter().filter(|(flag, _)| named.contains(flag));
    Dimension::new("Flags over variables", "A variable contradicts a flag.", pairs.map(differ).collect())
}

const AT_THE_ROOT: &str = "it lies at the root of the machine, which the suite leaves alone";

fn defaults() -> Dimension {
    let neither = |flag: &'static str| {
        let variable = INPUTS.iter().find(|(name, _)| *name == flag).map_or("", |(_, variable)| *variable);
        Value::new(format!("`{flag}`"), move |seen| {
            seen.is_good() && seen.flag(flag).is_none() && seen.variable(variable).is_none()
        })
    };
    let own = [
        "-analyzed",
        "-daemon",
        "-extended",
        "-group",
        "-layout",
        "-log-level",
        "-parallel",
        "-project-metadata",
        "-report",
    ];
    let mut values: Vec<Value> = own.into_iter().map(neither).collect();
    values.extend(
        ["`-app`", "`-launcher`", "`-launcher-sbom`", "`-layers`", "`-run`"]
            .map(|name| Value::unseen(name, AT_THE_ROOT)),
    );
    Dimension::new("Defaults", "Inputs given neither by flag nor by variable (Inputs, Default Value).", values)
}

fn given_by() -> Dimension {
    let of = |seen: &StepView<'_>| (seen.flag("-group").is_some(), seen.variable("CNB_GROUP_PATH").is_some());
    Dimension::new(
        "How files are named",
        "`-analyzed`, `-group` and `-project-metadata` by flag, by variable and by default.",
        vec![
            Value::new("by flag", move |seen| of(seen) == (true, false)).made(|build| build.call.files = GivenBy::Flag),
            Value::new("by variable", move |seen| of(seen) == (false, true))
                .made(|build| build.call.files = GivenBy::Variable),
            Value::new("by default", move |seen| of(seen) == (false, false))
                .made(|build| build.call.files = GivenBy::Default),
            Value::new("a path with blanks", |seen| seen.call.argv.iter().any(|word| word.contains("with blanks/"))),
            Value::new("a path that ends in a slash", |seen| seen.call.argv.iter().any(|word| word.ends_with('/'))),
            Value::new("a path with `//`, `.` and `..`", |seen| {
                ["//", "/./", "/../"].iter().all(|odd| seen.call.argv.iter().any(|word| word.contains(odd)))
            }),
        ],
    )
}

fn platform_apis() -> Dimension {
    let is =
        |api: &'static str| move |seen: &StepView<'_>| seen.is_good() && seen.variable("CNB_PLATFORM_API") == Some(api);
    let mut values: Vec<Value> = PLATFORM_APIS.into_iter().rev().map(|api| Value::new(api, is(api))).collect();
    values.push(Value::new("one that there is not", |seen| {
        !seen.is_good() && seen.variable("CNB_PLATFORM_API").is_some_and(|api| !api.starts_with("0.1"))
    }));
    Dimension::new("Platform API", "`CNB_PLATFORM_API` (Platform API Compatibility).", values)
}

fn targets() -> Dimension {
    let is = |target: Target| Value::new(target.name(), move |seen| seen.is_good() && seen.target == target);
    Dimension::new("Targets", "Where the image goes.", Target::ALL.map(is).into())
}

fn set(build: &mut Build, images: &[&str]) {
    build.images = images.iter().map(|image| (*image).to_owned()).collect();
}

fn has_tag(image: &str) -> bool {
    image.rsplit('/').next().is_some_and(|name| name.contains([':', '@']))
}

fn distinct(seen: &StepView<'_>) -> usize {
    let mut images = seen.images().to_vec();
    images.sort();
    images.dedup();
    images.len()
}

fn tags() -> Dimension {
    let further = |count: usize| {
        move |seen: &StepView<'_>| seen.is_good() && distinct(seen) == count + 1 && seen.images().len() == count + 1
    };
    let tag = |image: &str| has_tag(image).then(|| image.rsplit(':').next().unwrap_or_default().to_owned());
    let has = move |fits: fn(&str) -> bool| {
        move |seen: &StepView<'_>| {
            seen.is_good() && seen.images().iter().filter_map(|image| tag(image)).any(|tag| fits(&tag))
        }
    };
    Dimension::new(
        "Tags",
        "Every `<image>`.",
        vec![
            Value::new("none at all", |seen| seen.images().is_empty()),
            Value::new("one", further(0)).made(|build| set(build, &["app:latest"])),
            Value::new("one further", further(1)).made(|build| set(build, &["app:latest", "app:1.2"])),
            Value::new("two further", further(2)).made(|build| set(build, &["app:1", "app:1.2", "app:stable"])),
            Value::new("five further", further(5))
                .made(|build| set(build, &["app:1", "app:2", "app:3", "app:4", "app:5", "other/app:6"])),
            Value::new("one given twice", |seen| seen.is_good() && distinct(seen) < seen.images().len())
                .made(|build| set(build, &["app:1", "app:1"])),
            Value::new("without tag", |seen| seen.is_good() && seen.images().iter().any(|image| !has_tag(image)))
                .made(|build| set(build, &["team/app"])),
            Value::new("in a repository of several parts", |seen| {
                seen.is_good()
                    && seen.images().iter().any(|image| RegistryEndpoint::split(image).1.matches('/').count() > 1)
            }),
            Value::new("with upper-case letters", has(|tag| tag.contains(char::is_uppercase))),
            Value::new("with a tag of 128 characters", has(|tag| tag.len() == 128)),
            Value::new("by digest", |seen| seen.images().iter().any(|image| image.contains('@'))),
            Value::new("that is not a reference", |seen| seen.images().iter().any(|image| image.contains(' '))),
            Value::new("in two registries", |seen| {
                let mut places: Vec<RegistryEndpoint> =
                    seen.images().iter().map(|image| RegistryEndpoint::split(image).0).collect();
                places.dedup();
                places.len() > 1
            }),
        ],
    )
}

fn users() -> Dimension {
    let owner = |seen: &StepView<'_>| {
        let given = seen.flag("-uid").or_else(|| seen.variable("CNB_USER_ID"));
        given.and_then(|uid| uid.parse::<u32>().ok())
    };
    Dimension::new(
        "Users",
        "Who runs the exporter, and whom `<uid>` and `<gid>` name.",
        vec![
            Value::new("the suite's own", |seen| seen.is_good() && seen.step.user.is_none()),
            Value::new("one without rights", |seen| seen.is_good() && seen.step.user.is_some()),
            Value::new("owner 0", move |seen| owner(seen) == Some(0)).made(|build| build.call.owner = None),
            Value::new("another owner", move |seen| owner(seen).is_some_and(|uid| (1000..60_000).contains(&uid)))
                .made(|build| build.call.owner = Some(1001)),
            Value::new("an owner beyond what a header holds", move |seen| {
                owner(seen).is_some_and(|uid| uid > 2_097_151)
            })
            .made(|build| build.call.owner = Some(2_147_483_647)),
        ],
    )
}

fn log_levels() -> Dimension {
    fn level<'a>(seen: &'a StepView<'_>) -> Option<&'a str> {
        seen.flag("-log-level").or_else(|| seen.variable("CNB_LOG_LEVEL"))
    }
    Dimension::new(
        "Log levels",
        "`<log-level>`.",
        vec![
            Value::new("not given", |seen| level(seen).is_none()).made(|build| build.call.log_level = None),
            Value::new("info", |seen| level(seen) == Some("info")).made(|build| build.call.log_level = Some("info")),
            Value::new("debug", |seen| level(seen) == Some("debug")).made(|build| build.call.log_level = Some("debug")),
            Value::new("warn", |seen| level(seen) == Some("warn")).made(|build| build.call.log_level = Some("warn")),
            Value::new("error", |seen| level(seen) == Some("error")).made(|build| build.call.log_level = Some("error")),
        ],
    )
}

fn caches() -> Dimension {
    let has = |flag: &'static str, variable: &'static str| {
        move |seen: &StepView<'_>| seen.flag(flag).is_some() || seen.variable(variable).is_some()
    };
    let folder = has("-cache-dir", "CNB_CACHE_DIR");
    let image = has("-cache-image", "CNB_CACHE_IMAGE");
    let both = has("-cache-dir", "CNB_CACHE_DIR");
    let parallel = has("-parallel", "CNB_PARALLEL_EXPORT");
    Dimension::new(
        "Caches",
        "`<cache-dir>`, `<cache-image>`, `<parallel>`.",
        vec![
            Value::new("none", move |seen| !folder(seen) && !image(seen)).made(|build| build.call.cache = false),
            Value::new("a folder", both).made(|build| build.call.cache = true),
            Value::new("an image", has("-cache-image", "CNB_CACHE_IMAGE")),
            Value::new("a folder, in parallel", move |seen| {
                parallel(seen) && (seen.flag("-cache-dir").is_some() || seen.variable("CNB_CACHE_DIR").is_some())
            }),
        ],
    )
}

fn surroundings() -> Dimension {
    let variable = |name: &'static str, usual: &'static str| {
        move |seen: &StepView<'_>| seen.variable(name).is_some_and(|value| value != usual)
    };
    Dimension::new(
        "Surroundings",
        "What is around the process and no part of the build (Build Reproducibility).",
        vec![
            Value::new("another time zone", variable("TZ", "UTC")),
            Value::new("another locale", variable("LC_ALL", "C.UTF-8")),
            Value::new("another umask", |seen| seen.step.umask.is_some()).made(|build| build.call.umask = Some("077")),
            Value::new("the usual umask", |seen| seen.step.umask.is_none()).made(|build| build.call.umask = None),
            Value::new("another working folder", |seen| seen.step.working_directory.is_some()),
            Value::new("what the build before left in HOME and caches", |seen| seen.step.kept_state),
            Value::new("another TMPDIR", |seen| seen.step.temporary.is_some()),
            Value::new("another host name", |seen| seen.step.hostname.is_some()),
            Value::new("other file times", |seen| seen.step.file_times.is_some()),
            Value::new("another order of creation", |seen| seen.step.creation_order == Some(CreationOrder::Reversed)),
        ],
    )
}
