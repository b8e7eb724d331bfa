//! A generated build: what is drawn and shrunk. It may name a thing twice or put a file below another; what cannot be
//! laid out is left out when it becomes a scenario, so that every drawn build is a valid one.

/// Everything of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// The exports that are made of it.
    pub course: Course,
    /// The app folder.
    pub app: Vec<TreeFile>,
    /// Buildpacks in order of execution; at least one.
    pub buildpacks: Vec<Buildpack>,
    /// Whether the lifecycle's and the launcher's SBOMs are there.
    pub launcher_sbom: bool,
    /// The run image.
    pub run_image: RunImage,
    /// `project-metadata.toml`; none where there is no such file.
    pub project: Option<toml::Table>,
    /// Every `<image>`.
    pub images: Vec<String>,
    /// Which of the processes is the buildpacks' default.
    pub default_process: Option<usize>,
    /// Which of the processes is given as `-process-type`.
    pub process_type: Option<usize>,
    /// `SOURCE_DATE_EPOCH`, in seconds.
    pub epoch: Option<u32>,
}

/// What is exported, one export after another.
#[derive(Debug, Clone, PartialEq)]
pub enum Course {
    /// The build once.
    Once,
    /// The same build twice.
    Twice,
    /// Once, and the run image's tag moves after the analysis.
    TagMoved,
    /// Twice, and the tag moves before the second export.
    TagMovedLater,
    /// The second build has other app files and finds the first as its previous image.
    OtherApp,
    /// So, and has the metadata alone of the first buildpack's launch layers.
    LayersReused,
    /// The second build differs in nothing but this project metadata.
    OtherProject(toml::Table),
}

/// A buildpack and what it contributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Buildpack {
    /// Its id; a later buildpack of an id that is taken is left out.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its homepage.
    pub homepage: Option<String>,
    /// Its layers; a later one of a name that is taken is left out.
    pub layers: Vec<Layer>,
    /// Processes; a later one of a type that is taken is left out.
    pub processes: Vec<Process>,
    /// Globs of each slice.
    pub slices: Vec<Vec<String>>,
    /// Labels; a later one of a key that the same buildpack has is left out.
    pub labels: Vec<(String, String)>,
    /// Annotations; likewise.
    pub annotations: Vec<(String, String)>,
    /// What its `store.toml` keeps.
    pub store: Option<String>,
    /// Whether it has SBOMs, for itself and each of its layers.
    pub sbom: bool,
}

/// A layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// `types.launch`.
    pub launch: bool,
    /// `types.build`.
    pub build: bool,
    /// `types.cache`.
    pub cache: bool,
    /// `[metadata]`.
    pub metadata: toml::Table,
    /// Its files.
    pub files: Vec<TreeFile>,
}

/// A process.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// Its type.
    pub name: String,
    /// Program and fixed arguments.
    pub command: Vec<String>,
    /// Further arguments.
    pub args: Vec<String>,
    /// Its working folder.
    pub working_dir: Option<String>,
}

/// One file of the app folder or of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeFile {
    /// The folders that it lies in.
    pub folders: Vec<String>,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A regular file with this text and mode.
    Text(String, u32),
    /// A regular file of so many made-up bytes and this mode.
    Bytes(u32, u32),
    /// A symbolic link.
    Symlink(String),
    /// A hard link to the first regular file of the tree; left out where there is none.
    HardLink,
    /// An empty folder of this mode.
    EmptyFolder(u32),
}

/// The run image.
#[derive(Debug, Clone, PartialEq)]
pub struct RunImage {
    /// Whether it is a Docker schema 2 image, which has no annotations.
    pub docker: bool,
    /// Keys of annotations, each with what its value ends in: the rest makes it unlike all other inputs.
    pub annotations: Vec<(String, String)>,
    /// Labels, likewise.
    pub labels: Vec<(String, String)>,
    /// Files in each of its layers.
    pub layers: Vec<u8>,
    /// Variables besides PATH.
    pub env: Vec<String>,
    /// `User`.
    pub user: Option<String>,
    /// `Cmd`.
    pub cmd: Vec<String>,
    /// `ExposedPorts`.
    pub ports: Vec<String>,
    /// `Volumes`.
    pub volumes: Vec<String>,
    /// `StopSignal`.
    pub stop_signal: Option<String>,
    /// `os.version`.
    pub os_version: Option<String>,
    /// Whether `run.toml` lists a mirror.
    pub mirror: bool,
}
