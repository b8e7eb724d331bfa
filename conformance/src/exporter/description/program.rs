//! The programs that are called: where they are found, and the digest of their bytes.

use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use super::DescriptionError;

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
