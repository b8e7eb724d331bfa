//! The programs that are called: how, where they are found, and the digest of their bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use super::DescriptionError;

/// A program, and what its description says of every call.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its file, absolute.
    pub path: PathBuf,
    /// Arguments before the flags of the Platform API.
    pub before: Vec<String>,
    /// Arguments after the flags and before `<image>`.
    pub arguments: Vec<String>,
    /// Flags of the Platform API that it does not take.
    pub leave_out: Vec<String>,
    /// Further variables.
    pub environment: BTreeMap<String, String>,
}

impl Program {
    /// A program that is called as the Platform API says.
    #[must_use]
    pub fn plain(path: PathBuf) -> Self {
        Self { path, before: Vec::new(), arguments: Vec::new(), leave_out: Vec::new(), environment: BTreeMap::new() }
    }

    /// This program started by the one at `path`, which is given `word` and then this program's command.
    #[must_use]
    pub fn behind(&self, path: &Path, word: &str) -> Self {
        let before = std::iter::once(word.to_owned()).chain(self.command()).collect();
        Self { path: path.to_path_buf(), before, ..self.clone() }
    }

    /// The file, and the arguments before the flags.
    pub(in crate::exporter) fn command(&self) -> Vec<String> {
        std::iter::once(self.path.display().to_string()).chain(self.before.iter().cloned()).collect()
    }

    /// Whether its description leaves the flag out.
    pub(in crate::exporter) fn leaves_out(&self, flag: &str) -> bool {
        self.leave_out.iter().any(|left_out| left_out == flag)
    }

    /// The keys of a description that say how it is called now.
    pub(super) fn described(&self) -> toml::Table {
        let mut table = toml::Table::new();
        table.insert("command".to_owned(), self.command().into());
        for (key, words) in [("arguments", &self.arguments), ("leave-out", &self.leave_out)] {
            if !words.is_empty() {
                table.insert(key.to_owned(), words.clone().into());
            }
        }
        if !self.environment.is_empty() {
            let variables = self.environment.iter().map(|(name, value)| (name.clone(), value.clone().into()));
            table.insert("environment".to_owned(), toml::Value::Table(variables.collect()));
        }
        table
    }
}

/// What a program is to be, and the flag that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    pub(super) name: &'static str,
    pub(super) flag: &'static str,
}

impl Role {
    pub(super) const EXPORTER: Self = Self { name: "exporter", flag: "--exporter" };
    pub(super) const REBASER: Self = Self { name: "rebaser", flag: "--rebaser" };
    /// What spoils exporters in a self-test.
    pub const FAULTY: Self = Self { name: "faulty exporter", flag: "--faulty" };

    /// The program at a path that is to be this.
    ///
    /// # Errors
    /// [`DescriptionError`] when it is not there, or not executable.
    pub fn at(self, path: &Path) -> Result<PathBuf, DescriptionError> {
        find_as_given(path, self)
    }
}

/// A program is looked for next to the description, then next to this program, then on PATH.
pub(super) fn find(program: &str, folder: Option<&Path>, role: Role) -> Result<PathBuf, DescriptionError> {
    if program.contains('/') {
        let path = folder.map_or_else(|| PathBuf::from(program), |folder| folder.join(program));
        return find_as_given(&path, role);
    }
    let beside = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    folder
        .map(Path::to_path_buf)
        .into_iter()
        .chain(beside)
        .chain(std::env::split_paths(&on_path))
        .map(|folder| folder.join(program))
        .find(|path| is_executable(path))
        .map_or_else(
            || Err(DescriptionError::Missing { role, program: program.to_owned() }),
            |path| find_as_given(&path, role),
        )
}

pub(super) fn find_as_given(path: &Path, role: Role) -> Result<PathBuf, DescriptionError> {
    let missing = || DescriptionError::Missing { role, program: path.display().to_string() };
    let absolute = std::fs::canonicalize(path).map_err(|_| missing())?;
    if !is_executable(&absolute) {
        return Err(DescriptionError::NotExecutable { role, path: path.to_path_buf() });
    }
    // A program may read the name it was called by, so links are kept.
    std::path::absolute(path).map_err(|_| missing())
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

pub(super) fn hash(path: &Path) -> Result<String, DescriptionError> {
    let fail = |source| DescriptionError::Read { path: path.to_path_buf(), source };
    let mut file = crate::given::regular(path).map_err(fail)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer).map_err(fail)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
    }
    Ok(judge::digest::Digest::from_sha256(context.finish().as_ref()).to_string())
}
