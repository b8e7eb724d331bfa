//! What buildpacks leave next to their layers: processes, slices, labels, annotations, SBOMs, and the time.

use oci_spec::image::ANNOTATION_TITLE;
use toml::Table;

use crate::generated::{Build, Buildpack, Process};
use crate::promises::{Dimension, StepView, Value};
use crate::scenario::materialise::Kind;

pub(super) fn dimensions() -> Vec<Dimension> {
    vec![processes(), process_kinds(), slices(), labels(), annotations(), sboms(), times()]
}

/// The first buildpack of a generated build.
pub(super) fn first(build: &mut Build, change: impl FnOnce(&mut Buildpack)) {
    if let Some(buildpack) = build.buildpacks.first_mut() {
        change(buildpack);
    }
}

fn processes() -> Dimension {
    fn make(build: &mut Build, count: usize) {
        first(build, |buildpack| {
            buildpack.processes = (0..count).map(|number| Process::plain(&format!("type-{number}"))).collect();
        });
    }
    let count = |range: std::ops::RangeInclusive<usize>| {
        move |seen: &StepView<'_>| seen.is_good() && range.contains(&StepView::list(seen.metadata(), "processes").len())
    };
    Dimension::new(
        "Processes",
        "How many (metadata.toml).",
        vec![
            Value::new("none", count(0..=0)).made(|build| make(build, 0)),
            Value::new("one", count(1..=1)).made(|build| make(build, 1)),
            Value::new("two", count(2..=2)).made(|build| make(build, 2)),
            Value::new("ten and more", count(10..=usize::MAX)).made(|build| make(build, 11)),
            Value::unseen(
                "one type twice",
                "the builder leaves the last definition alone: the list is that of all types (launch.toml)",
            ),
        ],
    )
}

fn process_kinds() -> Dimension {
    fn default(seen: &StepView<'_>) -> bool {
        seen.metadata().is_some_and(|table| table.contains_key("buildpack-default-process-type"))
    }
    fn given(seen: &StepView<'_>) -> bool {
        seen.flag("-process-type").is_some() || seen.variable("CNB_PROCESS_TYPE").is_some()
    }
    let any = |fits: fn(&Table) -> bool| {
        move |seen: &StepView<'_>| seen.is_good() && StepView::list(seen.metadata(), "processes").into_iter().any(fits)
    };
    Dimension::new(
        "Process kinds",
        "Which is the entrypoint, and what processes have.",
        vec![
            Value::new("the buildpacks' default", |seen| seen.is_good() && default(seen) && !given(seen)),
            Value::new("neither default nor type", |seen| seen.is_good() && !default(seen) && !given(seen)),
            Value::new("a type", |seen| seen.is_good() && given(seen)),
            Value::new("a type that no process has", |seen| {
                let types = StepView::list(seen.metadata(), "processes");
                let has = |wanted: &str| {
                    types.iter().any(|table| table.get("type").and_then(toml::Value::as_str) == Some(wanted))
                };
                seen.flag("-process-type").is_some_and(|wanted| !has(wanted))
            }),
            Value::new(
                "without arguments",
                any(|table| table.get("args").and_then(toml::Value::as_array).is_none_or(Vec::is_empty)),
            ),
            Value::new(
                "with arguments",
                any(|table| table.get("args").and_then(toml::Value::as_array).is_some_and(|args| !args.is_empty())),
            ),
            Value::new("a working folder", any(|table| table.contains_key("working-dir"))),
        ],
    )
}

fn slices() -> Dimension {
    fn globs(seen: &StepView<'_>) -> Vec<Vec<String>> {
        let paths = |table: &Table| -> Vec<String> {
            let all = table.get("paths").and_then(toml::Value::as_array);
            all.into_iter().flatten().filter_map(toml::Value::as_str).map(str::to_owned).collect()
        };
        if seen.is_good() {
            StepView::list(seen.metadata(), "slices").into_iter().map(paths).collect()
        } else {
            Vec::new()
        }
    }
    fn make(build: &mut Build, slices: &[&[&str]]) {
        let slice = |globs: &&[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
        first(build, |buildpack| buildpack.slices = slices.iter().map(slice).collect());
    }
    let any = |fits: fn(&str) -> bool| move |seen: &StepView<'_>| globs(seen).iter().flatten().any(|glob| fits(glob));
    Dimension::new(
        "Slices",
        "Path globs of Go's `filepath.Match` (Slices).",
        vec![
            Value::new("none", |seen| seen.is_good() && globs(seen).is_empty()).made(|build| make(build, &[])),
            Value::new("one", |seen| globs(seen).len() == 1).made(|build| make(build, &[&["*.md"]])),
            Value::new("several", |seen| globs(seen).len() > 1)
                .made(|build| make(build, &[&["*.md"], &["changes", "*"]])),
            Value::new("without globs", |seen| globs(seen).iter().any(Vec::is_empty))
                .made(|build| make(build, &[&[], &["*.md"]])),
            Value::new("`*`", any(|glob| glob.contains('*') && !glob.contains("**")))
                .made(|build| make(build, &[&["c*"]])),
            Value::new("`?`", any(|glob| glob.contains('?'))).made(|build| make(build, &[&["change?"]])),
            Value::new("classes of characters", any(|glob| glob.contains('[')))
                .made(|build| make(build, &[&["[a-c]hanges"]])),
            Value::new("`**`, which is no more than `*`", any(|glob| glob.contains("**")))
                .made(|build| make(build, &[&["**/*.md", "x/**"]])),
            Value::new("a folder", any(|glob| !glob.contains(['*', '?', '[', '.']))),
        ],
    )
}

fn pairs(seen: &StepView<'_>, key: &str) -> Vec<(String, String)> {
    let text = |table: &Table, key: &str| table.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
    StepView::list(seen.metadata(), key).into_iter().map(|table| (text(table, "key"), text(table, "value"))).collect()
}

fn has_twice(pairs: &[(String, String)]) -> bool {
    pairs.iter().enumerate().any(|(at, (key, _))| pairs[..at].iter().any(|(other, _)| other == key))
}

fn labels() -> Dimension {
    fn make(build: &mut Build, labels: &[(&str, &str)]) {
        let label = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        first(build, |buildpack| buildpack.labels = labels.iter().map(label).collect());
    }
    Dimension::new(
        "Labels of buildpacks",
        "`[[labels]]` (launch.toml).",
        vec![
            Value::new("none", |seen| seen.is_good() && pairs(seen, "labels").is_empty())
                .made(|build| make(build, &[])),
            Value::new("some", |seen| !pairs(seen, "labels").is_empty())
                .made(|build| make(build, &[("com.example.team", "one")])),
            Value::new("a key that two buildpacks set", |seen| has_twice(&pairs(seen, "labels"))),
            Value::new("a key that the run image has", |seen| {
                pairs(seen, "labels").iter().any(|(key, _)| seen.run_image().labels.contains_key(key))
            }),
            Value::new("a key of RFC 196", |seen| {
                pairs(seen, "labels").iter().any(|(key, _)| key.starts_with("org.opencontainers.image."))
            })
            .made(|build| make(build, &[(ANNOTATION_TITLE, "of a buildpack")])),
        ],
    )
}

fn annotations() -> Dimension {
    Dimension::new(
        "Annotations of buildpacks",
        "`[[annotations]]`, which the RFC's review asks for.",
        vec![
            Value::new("none", |seen| seen.is_good() && pairs(seen, "annotations").is_empty()),
            Value::new("some", |seen| !pairs(seen, "annotations").is_empty()),
            Value::new("a key that two buildpacks set", |seen| has_twice(&pairs(seen, "annotations"))),
            Value::new("a key that the platform gives too", |seen| {
                pairs(seen, "annotations").iter().any(|(key, _)| key.starts_with("org.opencontainers.image."))
            }),
        ],
    )
}

fn sboms() -> Dimension {
    fn make(build: &mut Build, buildpack_s: bool, launcher_s: bool) {
        first(build, |buildpack| buildpack.sbom = buildpack_s);
        build.launcher_sbom = launcher_s;
    }
    let has = |prefix: &'static str, parts: usize| {
        move |seen: &StepView<'_>| {
            let below = |path: &String| path.strip_prefix(prefix).map(|rest| rest.split('/').count());
            seen.is_good() && seen.files.keys().any(|path| below(path) == Some(parts))
        }
    };
    let ends = |name: &'static str| {
        move |seen: &StepView<'_>| {
            seen.files.iter().any(|(path, node)| path.contains(name) && matches!(node.kind, Kind::File(_)))
        }
    };
    Dimension::new(
        "Bills of materials",
        "For the launch, for the build, of layers, the launcher's and the lifecycle's (exporter, Outputs).",
        vec![
            Value::new("none", |seen| {
                seen.is_good() && !seen.files.keys().any(|path| path.contains("/sbom/") || path.contains(".sbom."))
            })
            .made(|build| make(build, false, false)),
            Value::new("a buildpack's for the launch", has("layers/sbom/launch/", 2))
                .made(|build| make(build, true, false)),
            Value::new("a buildpack's for the build", has("layers/sbom/build/", 2)),
            Value::new("a launch layer's", has("layers/sbom/launch/", 3)),
            Value::new("another layer's", has("layers/sbom/build/", 3)),
            Value::new("the launcher's", ends("launcher.sbom.")).made(|build| make(build, false, true)),
            Value::new("the lifecycle's", ends("lifecycle.sbom.")),
        ],
    )
}

fn times() -> Dimension {
    fn epoch(seen: &StepView<'_>) -> Option<i64> {
        seen.variable("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok())
    }
    Dimension::new(
        "Time of the image",
        "`SOURCE_DATE_EPOCH` (Build Reproducibility).",
        vec![
            Value::new("not set", |seen| epoch(seen).is_none()).made(|build| build.epoch = None),
            Value::new("0", |seen| epoch(seen) == Some(0)).made(|build| build.epoch = Some(0)),
            Value::new("a time", |seen| epoch(seen).is_some_and(|seconds| seconds > 0))
                .made(|build| build.epoch = Some(1_700_000_000)),
        ],
    )
}
