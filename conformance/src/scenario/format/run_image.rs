//! `[run-image]`: the run image that a scenario makes.

use std::collections::BTreeMap;

use serde::Deserialize;
use strum::IntoStaticStr;

/// The label that says whether newer run images of the name fit (Platform specification, Run Image).
const REBASABLE: &str = "io.buildpacks.rebasable";

/// A run image to be made and published.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RunImageFile {
    /// `[place/]repository:tag`.
    pub name: String,
    /// The manifest's format.
    pub format: ImageFormat,
    /// Whether its manifest leaves out `mediaType`.
    pub without_media_type: bool,
    /// Further names that `run.toml` lists as mirrors, as full references.
    pub mirrors: Vec<String>,
    /// Whether it stands behind an OCI index of two platforms, and by which digest the analysis refers to it.
    pub index: Option<IndexDigest>,
    /// `[place/]repository:tag` under which it is published too; the analysis chose this one of the mirrors.
    pub chosen_mirror: Option<String>,
    /// What `run-image.image` says literally, in place of the full name.
    pub analysed_name: Option<String>,
    /// How it comes into a daemon; none for the way in which the store keeps most of it.
    pub in_daemon: Option<Arrival>,
    /// What the index has in it, and what it says of each.
    pub index_entries: IndexEntries,
    /// Annotations of its manifest.
    pub annotations: BTreeMap<String, String>,
    /// Labels of its config.
    pub labels: BTreeMap<String, String>,
    /// `Env` of its config.
    pub env: Vec<String>,
    /// `User`.
    pub user: Option<String>,
    /// `Cmd`.
    pub cmd: Vec<String>,
    /// `ExposedPorts`.
    pub exposed_ports: Vec<String>,
    /// `Volumes`.
    pub volumes: Vec<String>,
    /// `StopSignal`.
    pub stop_signal: Option<String>,
    /// `os.version` of its config.
    pub os_version: Option<String>,
    /// `os.features` of its config.
    pub os_features: Vec<String>,
    /// `architecture` of its config; none for this machine's.
    pub architecture: Option<String>,
    /// `variant` of its config.
    pub variant: Option<String>,
    /// `author` of its config.
    pub author: Option<String>,
    /// Further fields of the config's `config`, as they are.
    pub config: toml::Table,
    /// Whether the config's `config` has nothing at all in it.
    pub empty_config: bool,
    /// Further fields of the config itself, as they are.
    pub fields: toml::Table,
    /// Further fields of its manifest, as they are.
    pub manifest: toml::Table,
    /// Further fields of the config's descriptor in the manifest, as they are.
    pub config_descriptor: toml::Table,
    /// What its history is.
    pub history: HistoryShape,
    /// How many further layers of one file each are on its layers.
    pub more_layers: u32,
    /// Its layers, from the bottom.
    pub layers: Vec<RunLayer>,
    /// What image extensions made of it.
    pub extension: Option<ExtensionFile>,
}

/// What image extensions made of a run image.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ExtensionFile {
    /// `<extended>`: a folder below `layers/`.
    pub folder: String,
    /// The layers that they added, from the bottom.
    pub layers: Vec<RunLayer>,
    /// Variables that they set.
    pub env: Vec<String>,
    /// The user that they left.
    pub user: Option<String>,
    /// Labels that they set.
    pub labels: BTreeMap<String, String>,
}

impl Default for ExtensionFile {
    fn default() -> Self {
        Self {
            folder: "layers/extended".to_owned(),
            layers: Vec::new(),
            env: Vec::new(),
            user: None,
            labels: BTreeMap::new(),
        }
    }
}

impl Default for RunImageFile {
    fn default() -> Self {
        let layer = |path: &str, text: &str| RunLayer {
            files: BTreeMap::from([(path.to_owned(), text.to_owned())]),
            ..RunLayer::default()
        };
        Self {
            name: "run:base".to_owned(),
            without_media_type: false,
            format: ImageFormat::Oci,
            mirrors: Vec::new(),
            index: None,
            chosen_mirror: None,
            analysed_name: None,
            in_daemon: None,
            index_entries: IndexEntries::default(),
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            env: vec!["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()],
            user: Some("1000:1000".to_owned()),
            cmd: Vec::new(),
            exposed_ports: Vec::new(),
            volumes: Vec::new(),
            stop_signal: None,
            os_version: None,
            os_features: Vec::new(),
            architecture: None,
            variant: None,
            author: None,
            config: toml::Table::new(),
            empty_config: false,
            fields: toml::Table::new(),
            manifest: toml::Table::new(),
            config_descriptor: toml::Table::new(),
            history: HistoryShape::default(),
            more_layers: 0,
            layers: vec![layer("etc/os-release", "ID=debian\nVERSION_ID=12\n"), layer("usr/share/base", "installed\n")],
            extension: None,
        }
    }
}

impl RunImageFile {
    /// Every annotation and label value that proves where it came from: not one that is empty, and not that of
    /// `io.buildpacks.rebasable`, whose two values others have too.
    #[must_use]
    pub fn sentinels(&self) -> Vec<String> {
        let of_layers = self.layers.iter().flat_map(|layer| &layer.annotations);
        let all = self.annotations.iter().chain(&self.labels).chain(of_layers);
        all.filter(|(key, value)| !value.is_empty() && *key != REBASABLE).map(|(_, value)| value.clone()).collect()
    }
}

/// The digest under which an image behind an index is analysed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexDigest {
    /// The index's own.
    Index,
    /// That of this platform's manifest.
    Manifest,
}

/// What an index has in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexEntries {
    /// Another platform's image and this one's.
    #[default]
    TwoPlatforms,
    /// This platform's image alone, without a word of its platform.
    WithoutPlatform,
    /// Another platform's image, this one's, and then the same architecture's of higher variants.
    Variants,
    /// An index for this platform, which has the image and an attestation in it.
    Nested,
}

/// What a run image's history is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryShape {
    /// An entry for each layer.
    #[default]
    Whole,
    /// An entry for each layer, and some that made none.
    WithEmptyLayers,
    /// There is none.
    Absent,
    /// It is null.
    Null,
    /// Entries that made no layer, and none for its layers.
    EmptyLayersAlone,
}

/// How the blob of a layer is made of its tar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerCompression {
    /// By gzip.
    #[default]
    Gzip,
    /// By zstd.
    Zstd,
    /// It is the tar.
    None,
}

/// How a run image comes into a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Arrival {
    /// The daemon pulls its tag.
    PulledByTag,
    /// The daemon pulls it by digest; no tag of it is there.
    PulledByDigest,
    /// A docker-archive is loaded.
    Loaded,
    /// The daemon makes it, by an import of its files.
    Made,
}

impl Arrival {
    /// As evidence has it.
    #[must_use]
    pub fn in_evidence(self) -> judge::evidence::Arrival {
        use judge::evidence::Arrival;
        match self {
            Self::PulledByTag => Arrival::PulledByTag,
            Self::PulledByDigest => Arrival::PulledByDigest,
            Self::Loaded => Arrival::Loaded,
            Self::Made => Arrival::Made,
        }
    }

    /// The word in scenarios and evidence.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The media types of a run image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageFormat {
    /// An OCI image manifest.
    Oci,
    /// A Docker image manifest, version 2, schema 2.
    DockerSchema2,
}

/// One layer of a run image.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLayer {
    /// Path without leading slash → text; none for a layer of an empty tar.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Annotations of its descriptor in the manifest, as lazy-loading formats use them.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// How it is compressed.
    #[serde(default)]
    pub compression: LayerCompression,
}
