//! The table's form, and its reading.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// The table is compiled in: that it does not parse is this program's own fault.
#[derive(Debug, thiserror::Error)]
#[error("the built-in table {name} of sentences is malformed")]
pub struct TableError {
    name: &'static str,
    source: Box<toml::de::Error>,
}

/// All documents, and what no sentence asks.
#[derive(Debug)]
pub struct Table {
    /// In the order in which they are told.
    pub documents: Vec<Document>,
    /// Requirements that stand on no sentence that was walked.
    pub own: Vec<Own>,
}

/// One file of the specifications.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Document {
    /// The file's name.
    pub file: String,
    /// Sections that were walked.
    #[serde(default, rename = "section")]
    pub sections: Vec<Section>,
    /// Sections that bind no exporter.
    #[serde(default)]
    pub set_aside: Vec<SetAside>,
}

/// A section that was walked sentence by sentence.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its heading, after as many of those above it as tell it apart; of several the outermost is meant. Empty for what
    /// stands before all headings.
    pub name: String,
    /// Its sentences.
    pub rows: Vec<Row>,
}

/// A section, with all below it, whose sentences are not walked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAside {
    /// Its heading, as in [`Section::name`].
    pub section: String,
    /// Why.
    pub because: Reason,
    /// Whether it is the section alone, without those below it.
    #[serde(default)]
    pub only: bool,
}

/// A sentence.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Some of its words, in their order.
    pub words: String,
    /// The strongest of its keywords.
    pub level: Keyword,
    /// What judges it, or why nothing does.
    #[serde(flatten)]
    pub why: Why,
}

/// What became of a sentence.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// These requirements judge it.
    By(Vec<String>),
    /// Nothing does, for this reason.
    Because(Reason),
}

/// Keywords of RFC 2119 by their weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Keyword {
    /// MUST, SHALL, REQUIRED.
    Must,
    /// SHOULD, RECOMMENDED.
    Should,
    /// MAY, OPTIONAL.
    May,
    /// None of them, though it fixes something of the output.
    #[strum(serialize = "states")]
    States,
}

impl Keyword {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Must, Self::Should, Self::May, Self::States];

    /// As in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Why no requirement judges a sentence. The list is closed: what fits none of it has to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Reason {
    /// It binds the platform.
    Platforms,
    /// It binds those who make base images.
    BaseImages,
    /// It binds buildpacks.
    Buildpacks,
    /// It binds another phase of the lifecycle.
    OtherPhase,
    /// It binds the launcher.
    Launcher,
    /// It binds registries.
    Registries,
    /// It binds those who read images.
    Readers,
    /// It speaks of specifications.
    Specifications,
    /// It permits and obliges to nothing.
    Permission,
    /// It speaks of what is not an app image.
    NotAnAppImage,
    /// It speaks of Windows images.
    Windows,
    /// No form is fixed.
    OpenForm,
    /// It cannot be seen from outside.
    Unseen,
    /// Nothing in the suite provokes it.
    NotProvoked,
}

impl Reason {
    /// Its word in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// In a sentence.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Platforms => "it binds the platform or its operator, who call the exporter",
            Self::BaseImages => "it binds those who make base images; the exporter keeps what they wrote",
            Self::Buildpacks => "it binds buildpacks, whose output is an input here",
            Self::OtherPhase => "it binds another phase of the lifecycle, whose output is an input here",
            Self::Launcher => "it binds the launcher, in a container of the image",
            Self::Registries => "it binds the registry",
            Self::Readers => "it says how to read, and an exporter's image is what it writes",
            Self::Specifications => "it speaks of specifications, their versions and those who write them",
            Self::Permission => "it permits something and obliges to nothing",
            Self::NotAnAppImage => "it speaks of artifacts, subjects or referrers, and an app image is none",
            Self::Windows => "it speaks of images for Windows, and the suite's run images are for Linux",
            Self::OpenForm => {
                "no form is fixed for it, of a cache, of a log or of an effect, so that nothing can be asked"
            }
            Self::Unseen => "it cannot be seen from outside",
            Self::NotProvoked => "it shows next to a registry or a failure that nothing in the suite provokes",
        }
    }
}

/// Requirements that stand on no sentence of a document that is walked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Their slugs.
    pub requirements: Vec<String>,
    /// What they stand on.
    pub because: String,
}

#[derive(Deserialize)]
struct OwnFile {
    own: Vec<Own>,
}

macro_rules! documents {
    ($($name:literal,)*) => { [$(($name, include_str!(concat!("table/", $name, ".toml"))),)*] };
}

/// The documents, the nearest to an exporter first.
const DOCUMENTS: [(&str, &str); 17] = documents![
    "rfc-196-oci-annotations",
    "cnb-platform",
    "cnb-buildpack",
    "rfc-0034-image-labels",
    "rfc-0119-export-to-oci-layout",
    "rfc-0129-run-image-metadata-in-report",
    "rfc-0130-buildpack-package-annotations",
    "cnb-project-descriptor",
    "oci-image-annotations",
    "oci-image-manifest",
    "oci-image-descriptor",
    "oci-image-config",
    "oci-image-layer",
    "oci-image-image-index",
    "oci-image-image-layout",
    "oci-image-media-types",
    "oci-distribution",
];

/// The whole table.
///
/// # Errors
/// [`TableError`] when a built-in file of it is malformed.
pub fn table() -> Result<Table, TableError> {
    let wrong = |name| move |source| TableError { name, source: Box::new(source) };
    let documents = DOCUMENTS.iter().map(|(name, text)| toml::from_str(text).map_err(wrong(name)));
    let own: OwnFile = toml::from_str(include_str!("table/own.toml")).map_err(wrong("own"))?;
    Ok(Table { documents: documents.collect::<Result<_, _>>()?, own: own.own })
}
