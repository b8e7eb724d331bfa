//! What is exported: generated files and those of `/usr/lib`, laid out as the phases before leave a build.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::registry::Registry;
use super::{Failure, ending};

/// Bytes of the large kinds.
const LARGE: u64 = 256 << 20;

/// Where a build has project metadata, for exporters that are given it.
pub(super) const METADATA: &str = "layers/project-metadata.toml";
/// Where it has none.
pub(super) const NO_METADATA: &str = "layers/no-project-metadata.toml";

/// A value for each of the seven keys.
const SEVEN: &str = "[source]\ntype = 'git'\n[source.version]\ncommit = '3f947a24cd0c7754833d1e7b665c17289a203c3d'\n\
    [source.metadata]\nrepository = 'https://git.example/app'\nauthors = 'A, B'\nversion = '1.2.3'\n\
    documentation-url = 'https://app.example/docs'\nname = 'app'\nlicenses = 'Apache-2.0'\n";

/// A kind of data.
pub(super) struct Data {
    /// How it is asked for.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) about: &'static str,
    /// Whether the second of two exports is measured.
    pub(super) rebuild: bool,
    /// How many times the bound's time the goal is.
    pub(super) goal: f64,
    fill: fn(&Path) -> io::Result<()>,
}

const ALL: [Data; 7] = [
    Data {
        name: "usr-lib",
        about: "256 MiB of files of /usr/lib, one layer",
        rebuild: false,
        goal: 1.3,
        fill: libraries,
    },
    Data { name: "one-file", about: "one file of 256 MiB, of /usr/lib", rebuild: false, goal: 1.5, fill: one_file },
    Data { name: "random", about: "one file of 256 MiB that does not shrink", rebuild: false, goal: 1.5, fill: random },
    Data {
        name: "small-files",
        about: "100,000 files of 1 KiB, one layer",
        rebuild: false,
        goal: 1.5,
        fill: small_files,
    },
    Data { name: "many-layers", about: "60 layers of 1 MiB", rebuild: false, goal: 1.5, fill: many_layers },
    Data { name: "nothing", about: "one layer of one byte", rebuild: false, goal: 1.5, fill: nothing },
    Data {
        name: "rebuild",
        about: "256 MiB of /usr/lib again, nothing changed",
        rebuild: true,
        goal: 1.5,
        fill: libraries,
    },
];

/// The kinds of these names, or all.
pub(super) fn all(names: &[String]) -> Result<Vec<&'static Data>, Failure> {
    const KINDS: &[Data] = &ALL;
    if let Some(name) = names.iter().find(|name| !KINDS.iter().any(|data| data.name == **name)) {
        let known: Vec<&str> = KINDS.iter().map(|data| data.name).collect();
        return Err(format!("--data {name}: it is one of {}", known.join(", ")).into());
    }
    Ok(KINDS.iter().filter(|data| names.is_empty() || names.iter().any(|name| name == data.name)).collect())
}

/// A build on disk.
pub(super) struct Build {
    folder: PathBuf,
}

impl Data {
    /// Writes the build, with a run image in the registry.
    pub(super) fn lay_out(&self, folder: &Path, registry: &Registry) -> Result<Build, Failure> {
        for (name, text) in [
            ("layers/group.toml", "[[group]]\nid='b'\nversion='1'\napi='0.10'\n"),
            ("layers/config/metadata.toml", "[[processes]]\ntype='web'\ncommand=['x']\n"),
            ("app/main", "main"),
            ("lifecycle/launcher", "launcher"),
            ("temporary/.keep", ""),
            (METADATA, SEVEN),
        ] {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(path, text)?;
        }
        let buildpack = folder.join("layers/b");
        fs::create_dir_all(&buildpack)?;
        (self.fill)(&buildpack)?;
        for entry in fs::read_dir(&buildpack)? {
            let mut file = entry?.path().into_os_string();
            file.push(".toml");
            fs::write(file, "[types]\nlaunch=true\n")?;
        }
        let build = Build { folder: folder.to_path_buf() };
        build.publish(registry)?;
        Ok(build)
    }
}

impl Build {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Has the run image in the registry, and its digest in `analyzed.toml`.
    pub(super) fn publish(&self, registry: &Registry) -> Result<(), Failure> {
        let reference = registry.publish_run_image()?;
        let text = format!("[run-image]\nimage='{}/run:1'\nreference='{reference}'\n", registry.host);
        Ok(fs::write(self.path("layers/analyzed.toml"), text)?)
    }

    /// For a rebuild, what the analyzer found.
    pub(super) fn with_previous(&self, registry: &Registry, repository: &str) -> Result<(), Failure> {
        let file = self.path("layers/analyzed.toml");
        let text = fs::read_to_string(&file)?;
        let run = text.find("[run-image]").map_or("", |at| &text[at..]);
        let found = registry.digest_of(repository)?;
        let image = found.map(|digest| format!("[image]\nreference='{}/{repository}@{digest}'\n", registry.host));
        Ok(fs::write(file, format!("{}{run}", image.unwrap_or_default()))?)
    }
}

/// Files of `/usr/lib` in the order of their paths, until there are enough bytes.
fn libraries(buildpack: &Path) -> io::Result<()> {
    let mut left = LARGE;
    copy(Path::new("/usr/lib"), &buildpack.join("data"), &mut left)
}

fn copy(from: &Path, to: &Path, left: &mut u64) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut names = fs::read_dir(from)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    for name in names {
        let (from, to) = (from.join(&name), to.join(&name));
        let facts = fs::symlink_metadata(&from)?;
        if *left == 0 {
            return Ok(());
        }
        if facts.is_dir() {
            copy(&from, &to, left)?;
        } else if facts.is_file() && facts.len() <= *left {
            fs::copy(&from, &to)?;
            *left -= facts.len();
        }
    }
    Ok(())
}

/// The same as one file.
fn one_file(buildpack: &Path) -> io::Result<()> {
    let parts = buildpack.with_file_name("parts");
    let mut left = LARGE;
    copy(Path::new("/usr/lib"), &parts, &mut left)?;
    fs::create_dir(buildpack.join("data"))?;
    let mut out = io::BufWriter::new(fs::File::create(buildpack.join("data/file"))?);
    join(&parts, &mut out)?;
    out.flush()?;
    fs::remove_dir_all(parts)
}

fn join(folder: &Path, out: &mut impl io::Write) -> io::Result<()> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            join(&path, out)?;
        } else {
            io::copy(&mut fs::File::open(path)?, out)?;
        }
    }
    Ok(())
}

fn random(buildpack: &Path) -> io::Result<()> {
    fs::create_dir(buildpack.join("data"))?;
    let mut file = fs::File::create(buildpack.join("data/file"))?;
    io::copy(&mut fs::File::open("/dev/urandom")?.take(LARGE), &mut file).map(|_| ())
}

fn small_files(buildpack: &Path) -> io::Result<()> {
    for folder in 0..100 {
        let path = buildpack.join(format!("data/{folder}"));
        fs::create_dir_all(&path)?;
        if ending::is_asked_for() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        for file in 0..1000 {
            let text = format!("file {file} of folder {folder}\n").repeat(64);
            fs::write(path.join(file.to_string()), &text.as_bytes()[..1024])?;
        }
    }
    Ok(())
}

/// Half of each does not shrink.
fn many_layers(buildpack: &Path) -> io::Result<()> {
    let mut random = fs::File::open("/dev/urandom")?;
    for layer in 0..60 {
        let path = buildpack.join(format!("data-{layer}"));
        fs::create_dir(&path)?;
        let mut bytes = vec![0; 1 << 20];
        random.read_exact(&mut bytes[..1 << 19])?;
        fs::write(path.join("file"), bytes)?;
    }
    Ok(())
}

fn nothing(buildpack: &Path) -> io::Result<()> {
    fs::create_dir(buildpack.join("data"))?;
    fs::write(buildpack.join("data/file"), "x")
}
