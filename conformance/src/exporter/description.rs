//! Exporter descriptions: a small TOML file that says how a given exporter is called. `docs/exporter-description.md`
//! describes every key.

use crate::error::Cause;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use judge::evidence::Target;
use ring::digest::{Context, SHA256};
use serde::Deserialize;

/// Why an exporter cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// The file cannot be read.
    #[error(
        "read the exporter description {} (built in are {})",
        path.display(),
        built_in_descriptions().map(|(name, _)| name).join(" and ")
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not a description.
    #[error("read the exporter description {file} (conformance docs exporter-description lists every key)")]
    Format {
        /// The file.
        file: String,
        /// What is wrong, with line and key.
        source: Cause,
    },
    /// There is no such program.
    #[error("find the {} {program}: there is no such file; give {} the path of an executable", role.name, role.flag)]
    Missing {
        /// What it is to be.
        role: Role,
        /// What was looked for.
        program: String,
    },
    /// The program cannot be executed.
    #[error(
        "run the {} {}: it is not an executable file; give {} the path of one",
        role.name,
        path.display(),
        role.flag
    )]
    NotExecutable {
        /// What it is to be.
        role: Role,
        /// The file.
        path: PathBuf,
    },
}

/// What a program is to be, and the flag that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    name: &'static str,
    flag: &'static str,
}

impl Role {
    const EXPORTER: Self = Self { name: "exporter", flag: "--exporter" };
    const REBASER: Self = Self { name: "rebaser", flag: "--rebaser" };
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

/// The description file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DescriptionFile {
    name: String,
    #[serde(default)]
    command: Vec<String>,
    rebaser: Option<RebaserFile>,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    leave_out: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default = "all_targets")]
    targets: Vec<Target>,
    #[serde(default = "all_phases")]
    phases: Vec<Phase>,
    platform_api: Option<String>,
    #[serde(default)]
    platform_apis: Vec<String>,
    unreachable_limit: Option<u64>,
    #[serde(default)]
    extensions: bool,
}

/// `[rebaser]`: how the rebaser that belongs to an exporter, or that stands alone, is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RebaserFile {
    command: Vec<String>,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    leave_out: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default = "rebased_targets")]
    targets: Vec<Target>,
    platform_api: Option<String>,
}

impl DescriptionFile {
    /// That of a program of which nothing more is known: it is called as the Platform API says.
    fn plain(path: &Path) -> Self {
        let name = path.file_name().map_or_else(|| "exporter".to_owned(), |name| name.to_string_lossy().into_owned());
        Self {
            name,
            command: vec![path.display().to_string()],
            rebaser: None,
            arguments: Vec::new(),
            leave_out: Vec::new(),
            environment: BTreeMap::new(),
            targets: all_targets(),
            phases: all_phases(),
            platform_api: None,
            platform_apis: Vec::new(),
            unreachable_limit: None,
            extensions: false,
        }
    }
}

/// A phase of the lifecycle that an exporter brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    Export,
    Rebase,
}

fn all_targets() -> Vec<Target> {
    Target::ALL.to_vec()
}

fn rebased_targets() -> Vec<Target> {
    vec![Target::Registry, Target::Daemon]
}

fn all_phases() -> Vec<Phase> {
    vec![Phase::Export]
}

/// An exporter that can be called.
#[derive(Debug, Clone)]
pub struct Exporter {
    /// Its name in reports.
    pub name: String,
    /// The program, absolute.
    pub program: PathBuf,
    /// sha256 of the program's bytes, as `sha256:<hex>`.
    pub sha256: String,
    /// Arguments before the flags of the Platform API.
    pub before: Vec<String>,
    /// Arguments after the flags and before `<image>`.
    pub arguments: Vec<String>,
    /// Flags of the Platform API that it does not take.
    pub leave_out: Vec<String>,
    /// Further variables.
    pub environment: BTreeMap<String, String>,
    /// Targets that it has.
    pub targets: Vec<Target>,
    /// Targets of these that a control export before the run showed it not to have, and how.
    pub refused: BTreeMap<Target, String>,
    /// Why nothing that it sends under TLS can be recorded, where a control export before the run showed that.
    pub distrust: Option<String>,
    /// Platform API versions that it may speak, in the order in which they are tried, where the command line gives none.
    pub platform_apis: Vec<String>,
    /// The Platform API version that the command line gives: the only one that is tried.
    pub asked_platform_api: Option<String>,
    /// Seconds within which it must give up an unreachable registry.
    pub unreachable_limit: u64,
    /// Whether it exports images whose run image was extended.
    pub extensions: bool,
    /// The rebaser, where one is described.
    pub rebaser: Option<Rebaser>,
    /// The argument that names it in a repeat command.
    pub argument: String,
}

/// A rebaser that can be called.
#[derive(Debug, Clone)]
pub struct Rebaser {
    /// The program, absolute.
    pub program: PathBuf,
    /// Arguments before the flags of the Platform API.
    pub before: Vec<String>,
    /// Arguments after the flags and before `<image>`.
    pub arguments: Vec<String>,
    /// Flags of the Platform API that it does not take.
    pub leave_out: Vec<String>,
    /// Further variables.
    pub environment: BTreeMap<String, String>,
    /// Where it rebases.
    pub targets: Vec<Target>,
    /// The Platform API version that it is told, where it is another one than the exporter's.
    pub platform_api: Option<String>,
}

impl Rebaser {
    /// The rebaser at `path`, called as the Platform API says.
    ///
    /// # Errors
    /// [`DescriptionError`] when there is no such executable.
    pub fn at(path: &Path) -> Result<Self, DescriptionError> {
        Ok(Self {
            program: find_as_given(path, Role::REBASER)?,
            before: Vec::new(),
            arguments: Vec::new(),
            leave_out: Vec::new(),
            environment: BTreeMap::new(),
            targets: rebased_targets(),
            platform_api: None,
        })
    }

    fn from_description(file: RebaserFile, folder: Option<&Path>) -> Result<Self, DescriptionError> {
        Ok(Self {
            program: find(&file.command[0], folder, Role::REBASER)?,
            before: file.command[1..].to_vec(),
            arguments: file.arguments,
            leave_out: file.leave_out,
            environment: file.environment,
            targets: file.targets,
            platform_api: file.platform_api,
        })
    }

    /// The table by which it is called now.
    fn described(&self) -> toml::Table {
        let words = |words: Vec<String>| toml::Value::from(words);
        let program = std::iter::once(self.program.display().to_string());
        let mut table = toml::Table::new();
        table.insert("command".to_owned(), words(program.chain(self.before.iter().cloned()).collect()));
        for (key, list) in [("arguments", &self.arguments), ("leave-out", &self.leave_out)] {
            if !list.is_empty() {
                table.insert(key.to_owned(), words(list.clone()));
            }
        }
        if self.targets != rebased_targets() {
            let names = self.targets.iter().map(|target| target.name().to_owned()).collect();
            table.insert("targets".to_owned(), words(names));
        }
        if let Some(version) = &self.platform_api {
            table.insert("platform-api".to_owned(), version.clone().into());
        }
        if !self.environment.is_empty() {
            let variables = self.environment.iter().map(|(name, value)| (name.clone(), value.clone().into()));
            table.insert("environment".to_owned(), toml::Value::Table(variables.collect()));
        }
        table
    }
}

/// The descriptions that are compiled in: name and text.
#[must_use]
pub fn built_in_descriptions() -> [(&'static str, &'static str); 2] {
    [
        ("reference", include_str!("../../../fixtures/exporters/reference.toml")),
        ("lifecycle", include_str!("../../../fixtures/exporters/lifecycle.toml")),
    ]
}

/// The program that a description names, where the text is one.
#[must_use]
pub fn program_of(text: &str) -> Option<String> {
    toml::from_str::<DescriptionFile>(text).ok()?.command.into_iter().next()
}

impl Exporter {
    /// The description by which it is called now, as a file: what its description says, and what was found since.
    #[must_use]
    pub fn described(&self) -> String {
        let mut table = toml::Table::new();
        let mut put = |key: &str, value: toml::Value| table.insert(key.to_owned(), value);
        put("name", self.name.clone().into());
        let program = self.program.display().to_string();
        put("command", std::iter::once(program).chain(self.before.iter().cloned()).collect::<Vec<_>>().into());
        for (key, words) in [("arguments", &self.arguments), ("leave-out", &self.leave_out)] {
            if !words.is_empty() {
                put(key, words.clone().into());
            }
        }
        let has = |target: &&Target| self.targets.contains(target) && !self.refused.contains_key(target);
        let targets: Vec<String> = Target::ALL.iter().filter(has).map(|target| target.name().to_owned()).collect();
        if targets.len() < Target::ALL.len() {
            put("targets", targets.into());
        }
        match (&self.asked_platform_api, self.platform_apis.as_slice()) {
            (Some(one), _) | (None, [one]) => drop(put("platform-api", one.clone().into())),
            (None, []) => {}
            (None, several) => drop(put("platform-apis", several.to_vec().into())),
        }
        if self.unreachable_limit != UNREACHABLE_LIMIT {
            put("unreachable-limit", i64::try_from(self.unreachable_limit).unwrap_or(i64::MAX).into());
        }
        if self.extensions {
            put("extensions", true.into());
        }
        if !self.environment.is_empty() {
            let variables = self.environment.iter().map(|(name, value)| (name.clone(), value.clone().into()));
            put("environment", toml::Value::Table(variables.collect()));
        }
        if let Some(rebaser) = &self.rebaser {
            put("rebaser", rebaser.described().into());
        }
        table.to_string()
    }

    /// The exporter at `path`, called as the Platform API says.
    ///
    /// # Errors
    /// [`DescriptionError`] when there is no such executable.
    pub fn at(path: &Path) -> Result<Self, DescriptionError> {
        let program = find_as_given(path, Role::EXPORTER)?;
        Self::from_description(DescriptionFile::plain(path), program, None, option("--exporter", path))
    }

    /// The program at `path`, called as a description file, or the built-in description of that name, says: `command`
    /// alone does not hold.
    ///
    /// # Errors
    /// [`DescriptionError`] naming the file and the key at fault, or the program that is not there.
    pub fn at_as_described(path: &Path, description: &Path) -> Result<Self, DescriptionError> {
        let (mut file, folder) = read(description)?;
        let program = find_as_given(path, Role::EXPORTER)?;
        file.command = vec![path.display().to_string()];
        let argument = format!("{} {}", option("--exporter", path), option("--exporter-file", description));
        Self::from_description(file, program, folder.as_deref(), argument)
    }

    /// The exporter that a description file, or the built-in description of that name, describes.
    ///
    /// # Errors
    /// [`DescriptionError`] naming the file and the key at fault, or the program that is not there.
    pub fn from_file(path: &Path) -> Result<Self, DescriptionError> {
        let (mut file, folder) = read(path)?;
        if let (true, Some(rebaser)) = (file.command.is_empty(), &file.rebaser) {
            // A rebaser alone: it stands where the exporter would, and nothing is exported.
            file.command.clone_from(&rebaser.command);
            file.phases = vec![Phase::Rebase];
        }
        let program = find(&file.command[0], folder.as_deref(), Role::EXPORTER)?;
        Self::from_description(file, program, folder.as_deref(), option("--exporter-file", path))
    }

    /// The reference exporter next to this program.
    ///
    /// # Errors
    /// [`DescriptionError::Missing`] when it is not there.
    pub fn beside_this_program() -> Result<Self, DescriptionError> {
        let (_, text) = built_in_descriptions()[0];
        let file = parse(text, "reference.toml")?;
        let program = find(&file.command[0], None, Role::EXPORTER)?;
        Self::from_description(file, program, None, String::new())
    }

    fn from_description(
        file: DescriptionFile,
        program: PathBuf,
        folder: Option<&Path>,
        argument: String,
    ) -> Result<Self, DescriptionError> {
        let rebaser = file.rebaser.map(|rebaser| Rebaser::from_description(rebaser, folder)).transpose()?;
        let sha256 = hash(&program)?;
        let targets = if file.phases.contains(&Phase::Export) { file.targets } else { Vec::new() };
        Ok(Self {
            name: file.name,
            program,
            sha256,
            before: file.command[1..].to_vec(),
            arguments: file.arguments,
            leave_out: file.leave_out,
            environment: file.environment,
            targets,
            refused: BTreeMap::new(),
            distrust: None,
            platform_apis: file.platform_api.into_iter().chain(file.platform_apis).collect(),
            asked_platform_api: None,
            unreachable_limit: file.unreachable_limit.unwrap_or(UNREACHABLE_LIMIT),
            extensions: file.extensions,
            rebaser,
            argument,
        })
    }

    /// The Platform API version that it is told first.
    #[must_use]
    pub fn first_platform_api(&self) -> String {
        self.asked_platform_api.clone().unwrap_or_else(|| self.described_platform_api())
    }

    /// The Platform API version that it is told first where the command line gives none.
    #[must_use]
    pub fn described_platform_api(&self) -> String {
        self.platform_apis.first().map_or_else(|| NEWEST_API.to_owned(), Clone::clone)
    }

    /// The Platform API versions that are tried after the first.
    pub fn further_platform_apis(&self) -> impl Iterator<Item = &String> {
        self.platform_apis.iter().skip(1).filter(|_| self.asked_platform_api.is_none())
    }
}

/// Seconds within which an exporter gives up an unreachable registry, where its description says nothing.
const UNREACHABLE_LIMIT: u64 = 120;
/// The newest Platform API that there is.
pub(super) const NEWEST_API: &str = "0.15";

/// The description at a path, and its folder; the built-in one of that name where no such file is there.
fn read(path: &Path) -> Result<(DescriptionFile, Option<PathBuf>), DescriptionError> {
    let named = built_in_descriptions().into_iter().find(|(name, _)| Path::new(name) == path);
    let (text, folder) = match (crate::given::text(path), named) {
        (Ok(text), _) => (text, path.parent().map(Path::to_path_buf)),
        (Err(_), Some((_, text))) => (text.to_owned(), None),
        (Err(source), None) => return Err(DescriptionError::Read { path: path.to_path_buf(), source }),
    };
    Ok((parse(&text, &path.display().to_string())?, folder))
}

/// The option that names an exporter, as a shell reads it.
fn option(name: &str, path: &Path) -> String {
    format!("{name} {}", judge::repeat::quoted(&path.display().to_string()))
}

/// Reads a description without looking for its program; gives its name.
///
/// # Errors
/// [`DescriptionError::Format`] naming the key at fault.
pub fn check_text(text: &str, shown: &str) -> Result<String, DescriptionError> {
    parse(text, shown).map(|file| file.name)
}

fn parse(text: &str, shown: &str) -> Result<DescriptionFile, DescriptionError> {
    let wrong = |source: Cause| DescriptionError::Format { file: shown.to_owned(), source };
    let file: DescriptionFile = toml::from_str(text).map_err(|error| wrong(error.into()))?;
    if file.command.first().map_or(file.rebaser.is_none(), String::is_empty) {
        return Err(wrong("command: name the program first".into()));
    }
    if let Some(rebaser) = &file.rebaser {
        check_rebaser(rebaser).map_err(|reason| wrong(reason.into()))?;
    }
    for flag in &file.leave_out {
        if !crate::flags::is_flag(flag) {
            return Err(wrong(format!("leave-out: {flag} is not a flag that the harness gives").into()));
        }
    }
    if file.platform_api.is_some() && !file.platform_apis.is_empty() {
        return Err(wrong("platform-apis: platform-api is there too; leave one of the two out".into()));
    }
    for version in file.platform_api.iter().chain(&file.platform_apis) {
        if super::command::version(version).is_none() {
            return Err(wrong(
                format!("platform-api: '{version}' is not two numbers with a dot between, such as 0.15").into(),
            ));
        }
    }
    Ok(file)
}

/// What is wrong with `[rebaser]`, by its key.
fn check_rebaser(rebaser: &RebaserFile) -> Result<(), String> {
    if rebaser.command.first().is_none_or(String::is_empty) {
        return Err("rebaser.command: name the program first".to_owned());
    }
    if rebaser.targets.contains(&Target::Layout) {
        return Err("rebaser.targets: the Platform API's rebaser has no layouts; use registry and daemon".to_owned());
    }
    if let Some(flag) = rebaser.leave_out.iter().find(|flag| !super::rebaser::FLAGS.contains(&flag.as_str())) {
        return Err(format!("rebaser.leave-out: {flag} is not a flag that the harness gives a rebaser"));
    }
    match rebaser.platform_api.as_ref().filter(|api| super::command::version(api).is_none()) {
        Some(api) => Err(format!("rebaser.platform-api: '{api}' is not two numbers with a dot between, such as 0.15")),
        None => Ok(()),
    }
}

/// A program is looked for next to the description, then next to this program, then on PATH.
fn find(program: &str, folder: Option<&Path>, role: Role) -> Result<PathBuf, DescriptionError> {
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

fn find_as_given(path: &Path, role: Role) -> Result<PathBuf, DescriptionError> {
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

fn hash(path: &Path) -> Result<String, DescriptionError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_descriptions_are_well_formed() {
        for (name, text) in built_in_descriptions() {
            assert_eq!(check_text(text, name).unwrap(), name);
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error =
            crate::error::chain(&check_text("name = 'x'\ncommand = ['y']\ncomand = []\n", "odd.toml").unwrap_err());
        assert!(error.contains("comand") && error.contains("odd.toml"), "{error}");
        assert!(check_text("name = 'x'\ncommand = []\n", "odd.toml").is_err());
        assert!(check_text("name = 'x'\ncommand = ['y']\nleave-out = ['-nope']\n", "odd.toml").is_err());
        for (keys, named) in [
            ("platform-api = '0.15'\nplatform-apis = ['0.14']\n", "leave one of the two out"),
            ("platform-apis = ['0.15', 'new']\n", "'new' is not two numbers"),
            ("platform-api = '15'\n", "'15' is not two numbers"),
        ] {
            let error = check_text(&format!("name = 'x'\ncommand = ['y']\n{keys}"), "odd.toml").unwrap_err();
            assert!(crate::error::chain(&error).contains(named), "{error}");
        }
    }

    #[test]
    fn a_program_is_called_as_a_description_of_another_one_says() {
        let shell = Path::new("/bin/sh");
        let found = Exporter::at_as_described(shell, Path::new("lifecycle")).unwrap();
        assert_eq!((found.name.as_str(), found.program.as_path()), ("lifecycle", shell));
        assert_eq!(found.argument, "--exporter /bin/sh --exporter-file lifecycle");
        assert_eq!(found.platform_apis, ["0.15", "0.14", "0.13", "0.12"]);
        assert_eq!((found.first_platform_api(), found.before.len()), ("0.15".to_owned(), 0));
        assert_eq!(Exporter::at(shell).unwrap().first_platform_api(), "0.15");
        let error = crate::error::chain(&Exporter::at_as_described(shell, Path::new("nope")).unwrap_err());
        assert!(error.contains("nope") && error.contains("built in are reference and lifecycle"), "{error}");
    }

    #[test]
    fn a_description_that_was_written_is_the_same_exporter_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("all.toml");
        let text = "name = 'all'\ncommand = ['/bin/sh', 'first']\narguments = ['-x']\nleave-out = ['-launch-cache']\n\
            targets = ['registry']\nplatform-apis = ['0.14', '0.13']\nunreachable-limit = 7\nextensions = true\n\
            [environment]\nA = 'b'\n[rebaser]\ncommand = ['/bin/sh', 'second']\narguments = ['-y']\n\
            leave-out = ['-force']\ntargets = ['registry']\nplatform-api = '0.13'\n[rebaser.environment]\nC = 'd'\n";
        std::fs::write(&file, text).unwrap();
        let told = |exporter: &Exporter| format!("{exporter:?}");
        let first = Exporter::from_file(&file).unwrap();
        std::fs::write(&file, first.described()).unwrap();
        let again = Exporter::from_file(&file).unwrap();
        assert_eq!(told(&again), told(&first));
        assert!(again.rebaser.is_some_and(|rebaser| rebaser.environment["C"] == "d"));
    }

    #[test]
    fn what_is_not_there_or_not_executable_is_told_apart() {
        assert!(matches!(Exporter::at(Path::new("/nonexistent")), Err(DescriptionError::Missing { .. })));
        assert!(matches!(Exporter::at(Path::new("/etc/passwd")), Err(DescriptionError::NotExecutable { .. })));
    }
}
