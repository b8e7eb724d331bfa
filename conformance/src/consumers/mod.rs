//! `list consumers`: which tools read which of the nine keys, and from where. The rows are data, each with the file and
//! revision, the page or the run that it was taken from; counts are made from them and from nowhere else.

mod markdown;

use judge::view::RFC_KEYS;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::IntoStaticStr;

pub use markdown::render;

const TABLE: &str = include_str!("table.toml");

/// The table is compiled in: that it does not parse is this program's own fault.
#[derive(Debug, thiserror::Error)]
#[error("the built-in table of consumers is malformed")]
pub struct ConsumersError(#[from] toml::de::Error);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    consumer: Vec<Consumer>,
}

/// A tool that reads images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub what: String,
    /// How it is known what it reads.
    pub known_by: KnownBy,
    /// Where it looks, in its order.
    #[serde(default)]
    pub reads: Vec<KeyLocation>,
    /// Those of the nine keys that it gets from annotations of a single image's manifest.
    #[serde(default)]
    pub annotations: Vec<String>,
    /// Those of the nine keys that it gets from labels of the config.
    #[serde(default)]
    pub labels: Vec<String>,
    /// What counts where both are there.
    #[serde(default)]
    pub wins: Option<Wins>,
    /// Of which of the two it was not found whether it is read; the other is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_found: Option<Source>,
    /// What it does with them.
    pub then: String,
    /// Where that is written, or how it was seen.
    #[serde(default)]
    pub cited: Vec<Citation>,
}

/// How it is known what a tool reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "lowercase")]
pub enum KnownBy {
    /// Its source was read.
    Source,
    /// It was run in a test of this project.
    Run,
    /// Its documentation, or what its makers say, was read.
    Documentation,
    /// Nothing was found.
    #[strum(serialize = "not found")]
    NotFound,
}

impl KnownBy {
    /// As in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyLocation {
    /// Annotations of an index.
    #[serde(rename = "index annotation")]
    IndexAnnotation,
    /// Annotations of a manifest.
    #[serde(rename = "manifest annotation")]
    ManifestAnnotation,
    /// Labels in the config.
    #[serde(rename = "config label")]
    ConfigLabel,
    /// Other fields of the config.
    #[serde(rename = "config")]
    Config,
    /// An attestation next to the image.
    #[serde(rename = "attestation")]
    Attestation,
    /// The digest alone.
    #[serde(rename = "digest")]
    Digest,
}

impl KeyLocation {
    /// As in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IndexAnnotation => "index annotation",
            Self::ManifestAnnotation => "manifest annotation",
            Self::ConfigLabel => "config label",
            Self::Config => "config",
            Self::Attestation => "attestation",
            Self::Digest => "digest",
        }
    }
}

/// What counts where annotation and label are both there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wins {
    /// The annotation.
    Annotation,
    /// The label.
    Label,
    /// Both are kept, each apart.
    Apart,
}

/// One of the two kinds of facts about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Annotations of the manifest.
    Annotations,
    /// Labels of the config.
    Labels,
}

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// The repository or site.
    pub of: String,
    /// The file, page or thread.
    pub file: String,
    /// The revision, or what is known of the time.
    pub at: String,
}

impl Consumer {
    /// The keys that it gets where annotation and label are both there.
    #[must_use]
    pub fn both(&self) -> Vec<&str> {
        let has = |key: &&str| self.annotations.iter().chain(&self.labels).any(|one| one == key);
        RFC_KEYS.into_iter().filter(has).collect()
    }

    /// Whether it is known what the tool gets from one of the two.
    #[must_use]
    pub fn is_known_of(&self, source: Source) -> bool {
        self.known_by != KnownBy::NotFound && self.not_found != Some(source)
    }

    /// The keys that it gets from one of the two, in words.
    #[must_use]
    pub fn gained(&self, source: Source) -> String {
        let keys = match source {
            Source::Annotations => &self.annotations,
            Source::Labels => &self.labels,
        };
        match keys.len() {
            _ if !self.is_known_of(source) => NOT_FOUND.to_owned(),
            0 => NOTHING.to_owned(),
            all if all == RFC_KEYS.len() => "all nine".to_owned(),
            _ => keys.join(", "),
        }
    }

    /// As in tables, where nothing is read of the manifest itself.
    #[must_use]
    pub fn asks_the_index_alone(&self) -> bool {
        !self.reads.contains(&KeyLocation::ManifestAnnotation) && self.reads.contains(&KeyLocation::IndexAnnotation)
    }
}

/// What a table says where nothing is read.
pub const NOTHING: &str = "nothing";
/// What a table says where it is not known what is read.
pub const NOT_FOUND: &str = "not found";

/// How many tools get at least one of the nine keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Gain {
    /// From annotations.
    pub annotations: usize,
    /// From labels.
    pub labels: usize,
    /// Where both are there.
    pub both: usize,
    /// From annotations, and not from labels, as far as both are known.
    pub only_annotations: usize,
    /// From labels, and not from annotations, as far as both are known.
    pub only_labels: usize,
    /// From one of the two, where it is not known whether from the other too.
    pub not_found: usize,
}

impl Gain {
    /// Counts the tools of which `wanted` is so.
    #[must_use]
    pub fn of(consumers: &[Consumer], wanted: impl Fn(&str) -> bool) -> Self {
        let mut gain = Self::default();
        for consumer in consumers {
            let has = |keys: &[String]| keys.iter().any(|key| wanted(key));
            let (annotations, labels) = (has(&consumer.annotations), has(&consumer.labels));
            gain.annotations += usize::from(annotations);
            gain.labels += usize::from(labels);
            gain.both += usize::from(annotations || labels);
            let both_known = consumer.not_found.is_none();
            gain.only_annotations += usize::from(annotations && !labels && both_known);
            gain.only_labels += usize::from(labels && !annotations && both_known);
            gain.not_found += usize::from((annotations || labels) && !both_known);
        }
        gain
    }
}

/// The table.
///
/// # Errors
/// [`ConsumersError`] where it is malformed.
pub fn table() -> Result<Vec<Consumer>, ConsumersError> {
    Ok(toml::from_str::<Table>(TABLE)?.consumer)
}

/// The table as lines for people: name, how it is known, and the keys from annotations and from labels.
#[must_use]
pub fn lines(consumers: &[Consumer]) -> Vec<String> {
    let line = |one: &Consumer| {
        let of = |keys: &[String], source| match keys {
            _ if !one.is_known_of(source) => NOT_FOUND.to_owned(),
            [] => "-".to_owned(),
            keys => keys.join(","),
        };
        let (annotations, labels) = (of(&one.annotations, Source::Annotations), of(&one.labels, Source::Labels));
        format!("{:<28} {:<13} annotations {annotations}  labels {labels}", one.name, one.known_by.name())
    };
    consumers.iter().map(line).collect()
}

/// The table as an array of objects, each with `id`.
#[must_use]
pub fn json(consumers: &[Consumer]) -> Value {
    let with_id = |one: &Consumer| {
        let mut value = json!(one);
        value["id"] = json!(one.name);
        value
    };
    consumers.iter().map(with_id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_cited_or_says_that_nothing_was_found() {
        for row in table().unwrap() {
            let found = row.known_by != KnownBy::NotFound;
            assert_eq!(found, !row.cited.is_empty(), "{}", row.name);
            if !found {
                assert!(row.reads.is_empty() && row.both().is_empty(), "{}", row.name);
            }
            for key in row.annotations.iter().chain(&row.labels) {
                assert!(RFC_KEYS.contains(&key.as_str()), "{}: {key}", row.name);
            }
            let reads = |place| row.reads.contains(&place);
            assert!(row.annotations.is_empty() || reads(KeyLocation::ManifestAnnotation), "{}", row.name);
            assert!(row.labels.is_empty() || reads(KeyLocation::ConfigLabel), "{}", row.name);
            assert_eq!(row.wins.is_some(), !row.annotations.is_empty() && !row.labels.is_empty(), "{}", row.name);
            let not_found = match row.not_found {
                None => &[][..],
                Some(Source::Annotations) => &row.annotations,
                Some(Source::Labels) => &row.labels,
            };
            assert!(not_found.is_empty(), "{}", row.name);
        }
    }

    #[test]
    fn what_is_known_by_source_names_a_revision() {
        let is_revision = |at: &str| at.len() == 40 && at.chars().all(|c| c.is_ascii_hexdigit());
        for row in table().unwrap().iter().filter(|row| row.known_by == KnownBy::Source) {
            assert!(row.cited.iter().any(|cited| is_revision(&cited.at)), "{}", row.name);
        }
    }

    #[test]
    fn a_tool_counts_once_for_each_place() {
        let row = |annotations: &[&str], labels: &[&str]| Consumer {
            name: String::new(),
            what: String::new(),
            known_by: KnownBy::Run,
            reads: Vec::new(),
            annotations: annotations.iter().map(|key| (*key).to_owned()).collect(),
            labels: labels.iter().map(|key| (*key).to_owned()).collect(),
            wins: None,
            not_found: None,
            then: String::new(),
            cited: Vec::new(),
        };
        let rows = [row(&["source", "title"], &[]), row(&["source"], &["source"]), row(&[], &["title"]), row(&[], &[])];
        let gain = Gain::of(&rows, |_| true);
        let expected = Gain { annotations: 2, labels: 2, both: 3, only_annotations: 1, only_labels: 1, not_found: 0 };
        assert_eq!(gain, expected);
        assert_eq!(Gain::of(&rows, |key| key == "title").annotations, 1);
        // What is not known is not counted as not read.
        let rows = rows.map(|one| Consumer { not_found: Some(Source::Labels), ..one });
        let gain = Gain::of(&rows, |_| true);
        assert_eq!((gain.annotations, gain.only_annotations, gain.not_found), (2, 0, 3));
        assert_eq!(rows[0].gained(Source::Labels), NOT_FOUND);
    }

    #[test]
    fn the_document_is_current() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/consumers.md");
        let renew = "renew it: conformance list consumers --format markdown > docs/consumers.md";
        assert_eq!(std::fs::read_to_string(file).unwrap(), render(&table().unwrap()), "{renew}");
    }
}
