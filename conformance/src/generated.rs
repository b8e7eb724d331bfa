//! A generated build: what is drawn and shrunk. It may name a thing twice or put a file below another; what cannot be
//! laid out is left out when it becomes a scenario, so that every drawn build is a valid one.

/// Everything of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// The exports that are made of it.
    pub sequence: Sequence,
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
    /// How the exporter is called.
    pub call: Calling,
}

/// How the exporter is called, as far as it is not drawn but combined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calling {
    /// What names `analyzed.toml`, `group.toml` and `project-metadata.toml`.
    pub files: GivenBy,
    /// `<uid>` and `<gid>`; none for the user who runs the suite.
    pub owner: Option<u32>,
    /// `<log-level>`.
    pub log_level: Option<&'static str>,
    /// Whether there is a `<cache-dir>`.
    pub cache: bool,
    /// The umask, as octal text.
    pub umask: Option<&'static str>,
    /// `run.toml`.
    pub run_toml: RunToml,
}

/// What names an input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GivenBy {
    /// Its flag.
    #[default]
    Flag,
    /// Its variable alone; it lies where no default finds it.
    Variable,
    /// Nothing: it lies where its default finds it.
    Default,
}

/// What there is of `run.toml`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunToml {
    /// The image that was analysed.
    #[default]
    AsAnalysed,
    /// No image.
    Empty,
    /// No file.
    Absent,
}

impl Build {
    /// A plain build, which values are given to.
    #[must_use]
    pub fn plain() -> Self {
        let mut buildpack = Buildpack::plain("example/app");
        buildpack.layers = vec![Layer::plain("runtime")];
        buildpack.processes = vec![Process::plain("web")];
        Self {
            sequence: Sequence::Once,
            app: Vec::new(),
            buildpacks: vec![buildpack],
            launcher_sbom: false,
            run_image: RunImage::plain(),
            project: None,
            images: vec!["app:latest".to_owned()],
            default_process: None,
            process_type: None,
            epoch: None,
            call: Calling::default(),
        }
    }
}

impl Buildpack {
    /// A buildpack that leaves nothing.
    #[must_use]
    pub fn plain(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            version: "1.0.0".to_owned(),
            homepage: None,
            layers: Vec::new(),
            processes: Vec::new(),
            slices: Vec::new(),
            labels: Vec::new(),
            annotations: Vec::new(),
            store: None,
            sbom: false,
        }
    }
}

impl Layer {
    /// A launch layer with a file.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        let file = TreeFile { folders: Vec::new(), name: "file".to_owned(), kind: Kind::Text(name.to_owned(), 0o644) };
        Self {
            name: name.to_owned(),
            launch: true,
            build: false,
            cache: false,
            metadata: toml::Table::new(),
            files: vec![file],
        }
    }
}

impl Process {
    /// A process without arguments.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), command: vec!["serve".to_owned()], args: Vec::new(), working_dir: None }
    }
}

impl RunImage {
    /// A run image of two layers that says nothing of itself.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            docker: false,
            annotations: Vec::new(),
            labels: Vec::new(),
            layers: vec![1, 1],
            env: Vec::new(),
            user: Some("1000:1000".to_owned()),
            cmd: Vec::new(),
            ports: Vec::new(),
            volumes: Vec::new(),
            stop_signal: None,
            os_version: None,
            mirror: false,
        }
    }
}

/// What is exported, one export after another.
#[derive(Debug, Clone, PartialEq)]
pub enum Sequence {
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
    /// Variables other than PATH.
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
