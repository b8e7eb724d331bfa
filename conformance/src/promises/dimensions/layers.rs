//! Buildpacks and their layers.

use toml::Table;

use super::building::first;
use crate::generated::{Build, Buildpack, Layer};
use crate::promises::{Dimension, StepView, Value};

/// So many buildpacks, of which the further ones have a layer each.
fn buildpacks_of(build: &mut Build, count: usize) {
    let Some(pattern) = build.buildpacks.first().cloned() else { return };
    for number in build.buildpacks.len()..count {
        let mut further = Buildpack::plain(&format!("example/further-{number}"));
        further.layers = vec![Layer::plain("only")];
        build.buildpacks.push(further);
    }
    build.buildpacks.truncate(count.max(1));
    build.buildpacks[0] = pattern;
}

pub(super) fn dimensions() -> Vec<Dimension> {
    vec![buildpacks(), layer_counts(), layer_types()]
}

fn buildpacks() -> Dimension {
    let count = |seen: &StepView<'_>| StepView::list(seen.group(), "group").len();
    let is = move |range: std::ops::RangeInclusive<usize>| move |seen: &StepView<'_>| range.contains(&count(seen));
    let id = |fits: fn(&str) -> bool| {
        move |seen: &StepView<'_>| {
            let ids = StepView::list(seen.group(), "group").into_iter().filter_map(|member| member.get("id")?.as_str());
            ids.into_iter().any(fits)
        }
    };
    Dimension::new(
        "Buildpacks",
        "Members of the group (group.toml).",
        vec![
            Value::new("one", is(1..=1)).made(|build| buildpacks_of(build, 1)),
            Value::new("two", is(2..=2)).made(|build| buildpacks_of(build, 2)),
            Value::new("ten and more", is(10..=usize::MAX)).made(|build| buildpacks_of(build, 11)),
            Value::new("with homepage", |seen| {
                StepView::list(seen.group(), "group").iter().any(|member| member.contains_key("homepage"))
            }),
            Value::new("without homepage", |seen| {
                StepView::list(seen.group(), "group").iter().any(|member| !member.contains_key("homepage"))
            }),
            Value::new("an ID of one part", id(|id| !id.contains('/'))),
            Value::new("an ID of three parts", id(|id| id.matches('/').count() > 1)),
            Value::new("an ID with dots", id(|id| id.contains('.'))),
            Value::new("of several Buildpack APIs", |seen| {
                let members = StepView::list(seen.group(), "group");
                members.iter().any(|member| member.get("api") != members[0].get("api"))
            }),
            Value::new("next to image extensions", |seen| !StepView::list(seen.group(), "group-extensions").is_empty()),
            Value::unseen(
                "one of them twice",
                "no specification says what a group with one ID twice means: both would have one folder",
            ),
        ],
    )
}

fn layer_counts() -> Dimension {
    fn counts(seen: &StepView<'_>) -> Vec<usize> {
        let layers = seen.layers();
        let of = |folder: &String| layers.iter().filter(|(path, _)| path.starts_with(folder.as_str())).count();
        seen.buildpacks().iter().map(of).collect()
    }
    fn make(build: &mut Build, count: usize) {
        first(build, |buildpack| {
            let own = buildpack.layers.first().cloned().unwrap_or_else(|| Layer::plain("runtime"));
            let further = (1..count).map(|number| Layer::plain(&format!("layer-{number}")));
            buildpack.layers = std::iter::once(own).chain(further).take(count).collect();
        });
    }
    let has = |range: std::ops::RangeInclusive<usize>| {
        move |seen: &StepView<'_>| counts(seen).iter().any(|count| range.contains(count))
    };
    Dimension::new(
        "Layers of a buildpack",
        "How many.",
        vec![
            Value::new("none", has(0..=0)),
            Value::new("one", has(1..=1)).made(|build| make(build, 1)),
            Value::new("two", has(2..=2)).made(|build| make(build, 2)),
            Value::new("ten and more", has(10..=usize::MAX)).made(|build| make(build, 11)),
        ],
    )
}

fn put(table: &mut Table, key: &str) {
    table.insert(key.to_owned(), "1.0".into());
}

fn layer_types() -> Dimension {
    fn types(table: &Table) -> [bool; 3] {
        let is = |key: &str| table.get("types").and_then(|types| types.get(key)?.as_bool()) == Some(true);
        [is("launch"), is("build"), is("cache")]
    }
    /// The last layer is given the types, so that the first stays a launch layer where there are two.
    fn last(build: &mut Build, change: impl FnOnce(&mut Layer)) {
        first(build, |buildpack| {
            if let Some(layer) = buildpack.layers.last_mut() {
                change(layer);
            }
        });
    }
    fn make(build: &mut Build, [launch, is_build, cache]: [bool; 3]) {
        last(build, |layer| (layer.launch, layer.build, layer.cache) = (launch, is_build, cache));
    }
    let has =
        |wanted: [bool; 3]| move |seen: &StepView<'_>| seen.layers().iter().any(|(_, table)| types(table) == wanted);
    Dimension::new(
        "Layer types",
        "`launch`, `build`, `cache` (Layer Types).",
        vec![
            Value::new("launch", has([true, false, false])).made(|build| make(build, [true, false, false])),
            Value::new("build", has([false, true, false])).made(|build| make(build, [false, true, false])),
            Value::new("cache", has([false, false, true])).made(|build| make(build, [false, false, true])),
            Value::new("launch and build", has([true, true, false])).made(|build| make(build, [true, true, false])),
            Value::new("launch and cache", has([true, false, true])).made(|build| make(build, [true, false, true])),
            Value::new("build and cache", has([false, true, true])).made(|build| make(build, [false, true, true])),
            Value::new("all three", has([true, true, true])).made(|build| make(build, [true, true, true])),
            Value::new("a folder without TOML file", |seen| {
                let layers = seen.layers();
                let is_described = |path: &str| layers.iter().any(|(layer, _)| path.starts_with(&format!("{layer}/")));
                let folders = seen.buildpacks();
                let is_layer_s = |path: &str| {
                    folders
                        .iter()
                        .any(|folder| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.contains('/')))
                };
                seen.is_good() && seen.files.keys().any(|path| is_layer_s(path) && !is_described(path))
            }),
            Value::new("metadata of its own", |seen| {
                seen.layers().iter().any(|(_, table)| table.contains_key("metadata"))
            })
            .made(|build| last(build, |layer| put(&mut layer.metadata, "version"))),
        ],
    )
}
