//! Fields of the config by which a container runs: each is the run image's, or one that the specification sets.

use std::collections::{HashMap, HashSet};

use super::at;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

/// How a field has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// As in the run image.
    Kept,
    /// As in the run image, or nothing: it speaks of an entrypoint that the image does not have any more.
    KeptOrNothing,
    /// Nothing, or as in the run image: an image that is run has no use for it.
    OfTheRunImage,
}

/// Fields of `config` that are neither set by the specification (Entrypoint, Env, Labels, `WorkingDir`) nor asked for
/// by `platform.base-config-preserved`, and that change what a container does. Others are an engine's or a vendor's,
/// and free.
const FIELDS: [(&str, Rule); 11] = [
    ("Cmd", Rule::KeptOrNothing),
    ("Healthcheck", Rule::Kept),
    ("Shell", Rule::Kept),
    ("StopTimeout", Rule::Kept),
    ("OnBuild", Rule::OfTheRunImage),
    ("Tty", Rule::OfTheRunImage),
    ("OpenStdin", Rule::OfTheRunImage),
    ("NetworkDisabled", Rule::OfTheRunImage),
    ("Memory", Rule::OfTheRunImage),
    ("MemorySwap", Rule::OfTheRunImage),
    ("CpuShares", Rule::OfTheRunImage),
];

/// Null, false and what is empty are as nothing.
fn value(config: Option<&Json>, key: &str) -> Option<serde_json::Value> {
    let found = config?.at(&["config", key])?;
    let is_nothing = match found {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(true) | Json::Number(_) => false,
    };
    (!is_nothing).then(|| found.to_value())
}

pub(super) fn every_field_is_explained(export: &Export, image: &Image) -> Finding {
    let (base, config) = (view::json(Some(export.run_image.base_config())), view::json(image.config.as_ref()));
    for (key, rule) in FIELDS {
        let (expected, found) = (value(base.as_deref(), key), value(config.as_deref(), key));
        // Engines write limits that are none as 0.
        let is_none = found.as_ref().is_none_or(|found| *found == serde_json::json!(0));
        let is_permitted = rule != Rule::Kept && is_none;
        if expected != found && !is_permitted {
            return violated(
                format!("config.{key} is neither the run image's nor asked for by the build"),
                view::shown(expected),
                view::shown(found),
                at(export, &format!("config/{key}")),
            );
        }
    }
    every_variable_has_one_value(export, base.as_deref(), config.as_deref())
}

/// Variables by which something else than the program decides what it does: the dynamic linker, shells, interpreters
/// and virtual machines, and proxies, through which everything goes that it sends.
const DECIDING: [&str; 22] = [
    "BASH_ENV",
    "ENV",
    "SHELLOPTS",
    "IFS",
    "PROMPT_COMMAND",
    "GCONV_PATH",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "CLASSPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PERL5OPT",
    "PERL5LIB",
    "RUBYOPT",
    "RUBYLIB",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
];

/// What of a variable would be expected in place of it, where it decides what every program does and no input asks for
/// it.
fn deciding(export: &Export, entry: &str) -> Option<&'static str> {
    let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
    let given = |name: &str| export.inputs.environment.get(name).map(String::as_str);
    // What the launcher reads (`cnb-platform.md`, launcher, Inputs). An exporter may tell it what it was told itself.
    let of_the_launcher = match name {
        "CNB_PLATFORM_API" => value != export.platform_api,
        "CNB_EXEC_ENV" => value != given(name).unwrap_or("production"),
        "CNB_PROCESS_TYPE" => true,
        _ => false,
    };
    if of_the_launcher {
        return Some("nothing that the launcher takes for another process, API or environment than the build's");
    }
    let decides = name.starts_with("LD_") || DECIDING.iter().any(|known| known.eq_ignore_ascii_case(name));
    decides.then_some("the run image's variables, and those of the specification")
}

/// More variables than the specification names are free, but for those that change every program, and for a second
/// value of one: engines and programs disagree on which of two counts.
fn every_variable_has_one_value(export: &Export, base: Option<&Json>, config: Option<&Json>) -> Finding {
    let name = |entry: &'_ str| entry.find('=').unwrap_or(entry.len());
    let (old, new) = (view::variables(base), view::variables(config));
    let old: HashSet<&str> = old.into_iter().collect();
    // Of each name the first entry, and the first that is another: a hostile config has a hundred thousand.
    let mut first: HashMap<&str, (&str, Option<&str>)> = HashMap::with_capacity(new.len());
    for entry in &new {
        let (one, other) = first.entry(&entry[..name(entry)]).or_insert((entry, None));
        if one != entry {
            other.get_or_insert(entry);
        }
    }
    for entry in new.iter().filter(|entry| !old.contains(*entry)) {
        if let Some(expected) = deciding(export, entry) {
            let message = "Env has a variable that changes every program of the image and is not the run image's";
            return violated(message, expected, view::cut(entry), at(export, "config/Env"));
        }
        let name = &entry[..name(entry)];
        let twin = first.get(name).and_then(|(one, other)| if one == entry { *other } else { Some(one) });
        if let Some(twin) = twin {
            let message = format!("Env has two values of {name}");
            let found = format!("{} and {}", view::cut(twin), view::cut(entry));
            return violated(message, "one value of each variable", found, at(export, "config/Env"));
        }
    }
    Finding::Holds
}
