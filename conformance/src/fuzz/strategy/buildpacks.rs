//! Buildpacks: layers of all combinations of types, processes, slices, labels and annotations that collide, SBOMs.

use oci_spec::image::{ANNOTATION_DESCRIPTION, ANNOTATION_TITLE, ANNOTATION_VERSION};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use super::text::{any_text, key, no_string, one_of, seldom, sometimes, text};
use super::tree::files;
use crate::generated::{Buildpack, Layer, Process};

const IDS: &[&str] = &["example/app", "example/jdk", "io.buildpacks.node", "a/b/c", "UPPER.case", "x-1"];
/// Three numbers without leading zeros: the specification has no other form.
const VERSIONS: &[&str] = &["1.0.0", "0.0.1", "21.0.10"];
const LAYERS: &[&str] = &["runtime", "jdk", "cache.d", "L", "a-b_c", "\u{fc}bersicht", "with space"];
const TYPES: &[&str] = &["web", "worker", "task.one", "x_y-1", "UPPER"];
const WORKING_DIRS: &[&str] = &["/workspace/a", "/tmp", "/with space/\u{e9}"];

/// Globs in Go's syntax, none malformed. They match folders, files, several, or nothing.
const GLOBS: &[&str] = &[
    "static",
    "*",
    "static/*",
    "*.txt",
    "bin/*/a",
    "a/*",
    "?",
    "[a-c]*",
    "[^a-z]*",
    "\u{fc}bersicht",
    "deep.d/main.txt",
    "nothing/that/is/there",
    "with space/*",
];

/// Keys of labels; the first ones are those of run images too.
const LABELS: &[&str] =
    &["com.example.team", "com.example.collides", ANNOTATION_TITLE, ANNOTATION_VERSION, "maintainer"];

const ANNOTATIONS: &[&str] = &["com.example.note", "com.example.collides", ANNOTATION_DESCRIPTION, ANNOTATION_TITLE];

/// One to three buildpacks.
pub(super) fn buildpacks() -> impl Strategy<Value = Vec<Buildpack>> {
    vec(buildpack(), 1..4)
}

fn buildpack() -> impl Strategy<Value = Buildpack> {
    let names = (one_of(IDS), one_of(VERSIONS), sometimes(30, Just("https://buildpack.example".to_owned())));
    let annotations = prop_oneof![9 => Just(Vec::new()), 1 => vec((one_of(ANNOTATIONS), any_text()), 1..4)];
    let pairs = (vec((one_of(LABELS), prop_oneof![5 => any_text(), 1 => Just(String::new())]), 0..3), annotations);
    let store = sometimes(20, any::<u32>().prop_map(|number| format!("kept-in-the-store-{number:08x}")));
    (vec(layer(), 0..4), vec(process(), 0..3), slices(), pairs, store, seldom(20), names).prop_map(
        |(layers, processes, slices, (labels, annotations), store, sbom, (id, version, homepage))| Buildpack {
            id,
            version,
            homepage,
            layers,
            processes,
            slices,
            labels,
            annotations,
            store,
            sbom,
        },
    )
}

fn layer() -> impl Strategy<Value = Layer> {
    let metadata = prop_oneof![3 => text().prop_map(toml::Value::from), 1 => no_string()];
    (files(4), vec((key(), metadata), 0..3), seldom(60), any::<bool>(), any::<bool>(), one_of(LAYERS)).prop_map(
        |(files, metadata, launch, build, cache, name)| Layer {
            name,
            launch,
            build,
            cache,
            metadata: metadata.into_iter().collect(),
            files,
        },
    )
}

fn process() -> impl Strategy<Value = Process> {
    let word = || prop_oneof![1 => one_of(&["serve", "--port", "8080", ""]), 1 => text()];
    (one_of(TYPES), vec(word(), 0..2), vec(word(), 0..3), sometimes(20, one_of(WORKING_DIRS))).prop_map(
        |(name, more, args, working_dir)| Process {
            name,
            command: std::iter::once("serve".to_owned()).chain(more).collect(),
            args,
            working_dir,
        },
    )
}

fn slices() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop_oneof![2 => Just(Vec::new()), 1 => vec(vec(one_of(GLOBS), 0..3), 1..4)]
}
