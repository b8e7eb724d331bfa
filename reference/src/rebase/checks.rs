//! Whether a rebase is known to be safe (`cnb-platform.md`, rebaser): without `-force` what is not is refused.

use serde_json::Value;

use crate::image_name::ImageName;
use crate::inputs::RunImages;

/// Why a rebase is not known to be safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// The app image says so.
    #[error("the app image's label io.buildpacks.rebasable is false")]
    NotRebasable,
    /// Another target.
    #[error("the app image's {what} is '{app}', that of the run image '{run}'")]
    Target {
        /// The part of the target.
        what: &'static str,
        /// The app image's.
        app: String,
        /// The new run image's.
        run: String,
    },
    /// Another run image.
    #[error("the app image's label names the run image {}, and not this one", listed(names))]
    Name {
        /// The names in the label.
        names: RunImages,
    },
}

fn listed(names: &RunImages) -> String {
    if names.image.is_empty() {
        return "by no name".to_owned();
    }
    let all: Vec<&str> = std::iter::once(&names.image).chain(&names.mirrors).map(String::as_str).collect();
    all.join(" or ")
}

/// Parts of the target: what messages call them, and where a config has them.
const TARGET: [(&str, &str); 5] = [
    ("operating system", "/os"),
    ("architecture", "/architecture"),
    ("variant", "/variant"),
    ("distribution", "/config/Labels/io.buildpacks.base.distro.name"),
    ("distribution's version", "/config/Labels/io.buildpacks.base.distro.version"),
];

/// All that speaks against a rebase of an app image on a run image, by their configs. What either leaves out
/// contradicts nothing.
pub(super) fn checks(app: &Value, run: &Value, is_named: bool, names: &RunImages) -> Vec<Unsafe> {
    let mut found = Vec::new();
    if app["config"]["Labels"]["io.buildpacks.rebasable"] == "false" {
        found.push(Unsafe::NotRebasable);
    }
    if !is_named {
        found.push(Unsafe::Name { names: names.clone() });
    }
    for (what, pointer) in TARGET {
        let of = |config: &Value| config.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (app, run) = (of(app), of(run));
        if app != run && !app.is_empty() && !run.is_empty() {
            found.push(Unsafe::Target { what, app, run });
        }
    }
    found
}

/// Whether a run image is one of those in the label: the same repository and tag. A digest next to the tag only says
/// which version of it is meant.
pub(super) fn is_named(names: &RunImages, run: &ImageName) -> bool {
    let mut all = std::iter::once(&names.image).chain(&names.mirrors).filter_map(|name| ImageName::parse(name).ok());
    all.any(|name| {
        let same_tag = name.tag_or_latest() == run.tag_or_latest();
        name.context() == run.context() && same_tag && (run.tag.is_some() || name.digest == run.digest)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(os: &str, architecture: &str, variant: &str, distribution: &[(&str, &str)]) -> Value {
        let labels = distribution.iter().map(|(key, value)| {
            let key = format!("io.buildpacks.base.distro.{key}");
            (key, json!(value))
        });
        json!({ "os": os, "architecture": architecture, "variant": variant,
                "config": { "Labels": labels.collect::<serde_json::Map<_, _>>() } })
    }

    #[test]
    fn each_part_of_the_target_has_to_match_where_both_say_it() {
        let app = config("linux", "arm", "v7", &[("name", "ubuntu"), ("version", "22.04")]);
        let found = |run: Value| checks(&app, &run, true, &RunImages::default()).len();
        assert_eq!(found(app.clone()), 0);
        assert_eq!(found(config("linux", "arm", "", &[])), 0);
        for (run, count) in [
            (config("windows", "arm", "v7", &[]), 1),
            (config("linux", "amd64", "", &[]), 1),
            (config("linux", "arm", "v6", &[]), 1),
            (config("linux", "arm", "v7", &[("name", "debian")]), 1),
            (config("linux", "arm", "v7", &[("name", "debian"), ("version", "12")]), 2),
        ] {
            assert_eq!(found(run), count);
        }
    }

    #[test]
    fn false_alone_is_not_rebasable() {
        for (value, count) in [(json!("false"), 1), (json!("true"), 0), (Value::Null, 0), (json!(""), 0)] {
            let app = json!({ "config": { "Labels": { "io.buildpacks.rebasable": value } } });
            assert_eq!(checks(&app, &Value::Null, true, &RunImages::default()).len(), count, "{value}");
        }
    }

    #[test]
    fn a_name_is_compared_as_a_whole_and_a_digest_beside_the_tag_is_not() {
        let digest = crate::digest::Digest::of(b"x");
        let known = RunImages { image: "run:1".to_owned(), mirrors: vec!["m.example/run".to_owned()] };
        let named = |text: &str| is_named(&known, &ImageName::parse(text).unwrap());
        assert!(named("run:1") && named("docker.io/library/run:1") && named("m.example/run:latest"));
        assert!(named(&format!("run:1@{digest}")));
        assert!(!named("run:2") && !named("run") && !named("m.example/other") && !named("other.example/run"));
        assert!(!named(&format!("m.example/run@{digest}")));
        assert!(!is_named(&RunImages::default(), &ImageName::parse("run:1").unwrap()));
        let pinned = RunImages { image: format!("m.example/run@{digest}"), mirrors: Vec::new() };
        assert!(is_named(&pinned, &ImageName::parse(&pinned.image).unwrap()));
    }
}
