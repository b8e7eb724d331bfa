//! Project metadata: the seven keys of RFC 196 and others, strings and not, whole tables absent.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};

use super::text::{any_text, key, no_string, one_of, seldom, sometimes};

/// Keys that look like those of the RFC in a table where they are not.
const OTHERS: &[&str] =
    &["title", "url", "Name", "description", "commit", "repository", "source", "license", "describe", "tag"];

/// The RFC's keys in `source.version`.
const VERSION: &[&str] = &["commit"];

/// Those in `source.metadata`.
const METADATA: &[&str] = &["repository", "authors", "version", "documentation-url", "name", "licenses"];

/// What a project says of itself, as it usually is.
const USUAL: &[&str] = &[
    "shop",
    "https://git.example/team/shop",
    "https://docs.example/shop?lang=en&page=1",
    "0f343b0931126a20f133d67c2b018a3b5d1e7c44",
    "v1.4.2-3-g0f343b0",
    "Ada Lovelace <ada@mail.example>, Grace Hopper <grace@mail.example>",
    "MIT",
    "Apache-2.0 OR MIT",
    "GPL-2.0-or-later WITH Classpath-exception-2.0",
    "LicenseRef-shop",
    "no licence at all",
];

/// `project-metadata.toml`, or none in one of ten cases.
pub(super) fn project_file() -> impl Strategy<Value = Option<toml::Table>> {
    sometimes(90, project())
}

/// What a `project-metadata.toml` holds.
pub(super) fn project() -> impl Strategy<Value = toml::Table> {
    let source = (sometimes(70, one_of(&["git", "project", "image"])), table(VERSION), table(METADATA))
        .prop_map(|(kind, version, metadata)| source(kind, version, metadata));
    // The file's schema has this table alone.
    sometimes(95, source)
        .prop_map(|source| source.map(|source| ("source".to_owned(), source.into())).into_iter().collect())
}

fn source(kind: Option<String>, version: Option<toml::Table>, metadata: Option<toml::Table>) -> toml::Table {
    let mut source = toml::Table::new();
    source.extend(kind.map(|kind| ("type".to_owned(), kind.into())));
    source.extend(version.map(|table| ("version".to_owned(), table.into())));
    source.extend(metadata.map(|table| ("metadata".to_owned(), table.into())));
    source
}

/// A table with any of `keys` and some others, or none.
fn table(keys: &'static [&'static str]) -> impl Strategy<Value = Option<toml::Table>> {
    let known: Vec<_> = keys
        .iter()
        .map(|key| sometimes(65, value()).prop_map(move |value| value.map(|value| ((*key).to_owned(), value))))
        .collect();
    let others = vec((prop_oneof![3 => one_of(OTHERS), 1 => key()], value()), 0..2);
    let own: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let filled = (known, others).prop_map(move |(known, others)| {
        let others = others.into_iter().filter(|(key, _)| !own.contains(key));
        known.into_iter().flatten().chain(others).collect::<toml::Table>()
    });
    (seldom(8), filled).prop_map(|(gone, table)| (!gone).then_some(table))
}

fn value() -> impl Strategy<Value = toml::Value> {
    prop_oneof![
        4 => one_of(USUAL).prop_map(toml::Value::from),
        8 => any_text().prop_map(toml::Value::from),
        1 => Just(toml::Value::from("")),
        2 => no_string(),
    ]
}
