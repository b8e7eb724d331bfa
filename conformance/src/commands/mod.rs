//! The subcommands, one file for each or for a few that are alike, and what they share: failures, reports to files, an
//! end in order.

mod alternatives;
mod base_status;
mod compare;
mod demo;
mod doctor;
mod evidence;
mod fuzz;
mod list;
mod output;
mod project;
mod reports;
mod run;
mod selection;
mod self_test;
mod shells;
mod site;
mod start;

pub use start::start;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::catalogue;
use crate::cli::{BaselineCommand, Cli, Command, ExporterArguments, ReportArgument, ServiceArguments};
use crate::error::{Cause, chain, context};
use crate::evidence::writer::EvidenceError;
use crate::exit::Exit;
use crate::exporter::process::Supervisor;
use crate::exporter::{Exporter, Rebaser};
use crate::globs::Patterns;
use crate::observe::Trust;
use crate::report::terminal::visible;
use crate::rig::registry::RegistryChoice;
use crate::run::{Options, RunError, WorkspaceError, control};
use crate::whole_file;
use clap::{ArgMatches, ValueEnum};
use judge::evidence::Target;
use tokio_util::sync::CancellationToken;

/// What names the reference exporter on purpose, where there is no such file in the working folder.
const REFERENCE: &str = "reference";
/// How long threads that block may take to end with the program.
const ENDING_THREADS: std::time::Duration = std::time::Duration::from_secs(2);

/// A failure that is printed and ends the program.
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) cause: Cause,
}

impl Failure {
    pub(crate) fn usage(cause: impl Into<Cause>) -> Self {
        Self { exit: Exit::Usage, cause: cause.into() }
    }

    pub(crate) fn suite(cause: impl Into<Cause>) -> Self {
        Self { exit: Exit::SuiteFailed, cause: cause.into() }
    }
}

/// Runs a subcommand; a failure is printed.
pub(crate) fn dispatch(cli: Cli, matches: &ArgMatches) -> Exit {
    let shown = cli.shown;
    let own = matches.subcommand().map_or(matches, |(_, own)| own);
    let result = match cli.command {
        Command::Run(arguments) => project::run(*arguments, own, shown),
        Command::Fuzz(arguments) => fuzz::judge_generated_builds(*arguments),
        Command::SelfTest(arguments) => self_test::judge_the_suite(*arguments, shown),
        Command::Judge(arguments) => evidence::judge_again(&arguments, shown),
        Command::Bundle { folder, output } => evidence::bundle(&folder, output),
        Command::Compare(arguments) => project::compare(*arguments, own, shown),
        Command::Merge(arguments) => reports::merge(arguments, shown),
        Command::Show(arguments) => reports::show(&arguments, shown),
        Command::Baseline(BaselineCommand::Update { file, report }) => reports::update_baseline(&file, &report),
        Command::Init(arguments) => project::init(&arguments),
        Command::Man { folder } => shells::man(&folder),
        Command::Completions { shell } => shells::completions(shell),
        Command::Doctor(arguments) => project::doctor(*arguments, own, shown),
        Command::BaseStatus(arguments) => base_status::tell(arguments),
        Command::Check { path } => catalogue::check(&path).map_err(Failure::usage).and_then(|text| print(&text)),
        Command::List { what, format } => list::list(what, format, shown),
        Command::Docs { page } => list::page(page.as_deref()),
        Command::Explain { requirement } => list::explain(&requirement, shown),
        Command::Questions { observations } => list::open_questions(&observations),
        Command::Demo(arguments) => demo::show(arguments),
        Command::Alternatives(arguments) => alternatives::print_them(&arguments),
        Command::Stores { reports } => list::what_survives(&reports),
        Command::Site { reports, output, self_test } => site::write(&reports, &output, self_test.as_deref()),
        Command::Figures { reports, requirement, between } => site::figures(&reports, &requirement, &between),
        Command::Proposal { figures } => site::proposal(&figures),
    };
    result.unwrap_or_else(|failure| {
        // A file's own words may be in it, of several lines.
        let cause: Vec<String> = chain(&*failure.cause).split('\n').map(visible).collect();
        eprintln!("conformance: failed to {}", cause.join("\n"));
        failure.exit
    })
}

fn print(text: &str) -> Result<Exit, Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Ok(Exit::Conformant),
        // A reader that has seen enough, such as head, is not a failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Conformant),
        Err(error) => Err(Failure::suite(context("write to standard output")(error))),
    }
}

/// The exporter that was named; told this Platform API and no other, where one is given.
fn exporter(arguments: &ExporterArguments, platform_api: Option<&str>) -> Result<Exporter, Failure> {
    let is_the_reference = |path: &Path| path == Path::new(REFERENCE) && !path.is_file();
    let found = match (&arguments.exporter, &arguments.exporter_file) {
        (Some(path), None) if is_the_reference(path) => Exporter::beside_this_program(),
        (Some(path), Some(file)) => Exporter::at_as_described(path, file),
        (Some(path), None) => Exporter::at(path),
        (None, Some(file)) => Exporter::from_file(file),
        (None, None) => {
            eprintln!(
                "conformance: no --exporter was given, so the reference exporter is judged; --exporter {REFERENCE} says so"
            );
            Exporter::beside_this_program()
        }
    };
    let asked_platform_api = platform_api.map(str::to_owned);
    let mut found = Exporter { asked_platform_api, ..found.map_err(Failure::usage)? };
    if let Some(seconds) = arguments.unreachable_limit {
        found.unreachable_limit = seconds;
        found.argument = with_word(found.argument, &format!("--unreachable-limit {seconds}"));
    }
    if let Some(path) = &arguments.rebaser {
        found.rebaser = Some(Rebaser::at(path).map_err(Failure::usage)?);
        let word = format!("--rebaser {}", judge::repeat::quoted(&path.display().to_string()));
        found.argument = with_word(found.argument, &word);
    }
    Ok(found)
}

/// The words by which an exporter is named, and one more.
fn with_word(words: String, word: &str) -> String {
    if words.is_empty() { word.to_owned() } else { words + " " + word }
}

/// A control export before anything is judged; the options with what it showed of the exporter.
async fn controlled(
    options: Options,
    supervisor: &Supervisor,
    cancelled: &CancellationToken,
) -> Result<Options, Failure> {
    let found = Box::pin(control::control(options, supervisor, cancelled)).await.map_err(not_run)?;
    for (target, reason) in &found.options.exporter.refused {
        eprintln!("conformance: {target} is not run: {reason}");
    }
    if let Some(reason) = &found.options.exporter.distrust {
        eprintln!("conformance: what is sent under TLS is not recorded: {reason}");
    }
    Ok(found.options)
}

fn globs(what: &str, patterns: &[String]) -> Result<Patterns, Failure> {
    Patterns::try_from(patterns.to_vec()).map_err(|error| {
        let pattern = error.glob().map_or_else(String::new, |pattern| format!(" {pattern}"));
        Failure::usage(context(format!("read --{what}{pattern}"))(error))
    })
}

/// The globs of `--requirement`, each of which has to name one.
fn requirements(patterns: &[String]) -> Result<Patterns, Failure> {
    let found = globs("requirement", patterns)?;
    let names: Vec<&str> = judge::requirements::all().map(|row| row.id).collect();
    match found.idle(&names) {
        None => Ok(found),
        Some(pattern) => Err(matches_nothing("requirement", pattern, catalogue::nearest(pattern))),
    }
}

/// A pattern that names nothing is a misspelt one, whatever the others name.
fn matches_nothing(what: &str, pattern: &str, near: Option<&str>) -> Failure {
    let near = near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
    Failure::usage(format!("select {what}s: nothing matches --{what} {pattern}{near}; see conformance list {what}s"))
}

/// A run that could not be made: a folder for evidence that is in use is the command line's fault.
fn not_run(error: RunError) -> Failure {
    match error {
        RunError::Evidence(EvidenceError::Write { ref source, .. }) if !is_of_the_place(source.kind()) => {
            Failure::suite(error)
        }
        RunError::Evidence(_)
        | RunError::NotStarted { .. }
        | RunError::Workspace(WorkspaceError::NoTemporaryFolder { .. }) => Failure::usage(error),
        RunError::NotJudged { .. } => Failure { exit: Exit::NothingJudged, cause: error.into() },
        RunError::Interrupted => Failure { exit: Exit::Interrupted, cause: error.into() },
        RunError::Workspace(_) | RunError::Registry(_) | RunError::Service { .. } => Failure::suite(error),
    }
}

/// Whose certificates a registry may have: those of a file too, where one is named.
fn trust(file: Option<&Path>) -> Result<Trust, Failure> {
    // Repeat commands may be run anywhere.
    let file = file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf()));
    Trust::with(file.as_deref()).map_err(Failure::usage)
}

/// Whether another place for a file is what the command line has to name; else the disk is at fault.
fn is_of_the_place(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::PermissionDenied | Kind::NotADirectory | Kind::NotFound | Kind::ReadOnlyFilesystem | Kind::AlreadyExists
    )
}

/// The targets that were asked for; all where none was.
fn targets(asked: Vec<Target>) -> Vec<Target> {
    if asked.is_empty() { Target::ALL.to_vec() } else { asked }
}

/// The same run with the services that were asked for; where no registry was, with `registry`.
fn with_services(options: Options, services: ServiceArguments, registry: RegistryChoice) -> Result<Options, Failure> {
    Ok(Options {
        registry: services.registry.unwrap_or(registry),
        daemons: services.daemon,
        allow_push: services.allow_push_from_daemon,
        require: services.require,
        service_limit: services.service_limit,
        trust: trust(services.registry_ca.as_deref())?,
        names: services.names,
        ..options
    })
}

/// The reports that were asked for, each seen to be writable; the terminal's where none was.
fn wanted<Format: Default + ValueEnum>(
    given: Vec<ReportArgument<Format>>,
) -> Result<Vec<ReportArgument<Format>>, Failure> {
    let terminal = ReportArgument { format: Format::default(), file: None };
    let wanted = if given.is_empty() { vec![terminal] } else { given };
    let mut files: Vec<PathBuf> = Vec::new();
    for argument in &wanted {
        let Some(file) = argument.file.as_deref() else { continue };
        writable("a report", file)?;
        let place = place_of(file);
        if files.contains(&place) {
            let file = file.display();
            return Err(Failure::usage(format!("write two reports to {file}: give each --report a file of its own")));
        }
        // A device such as /dev/null may take any number.
        if place.metadata().map_or(true, |facts| facts.is_file()) {
            files.push(place);
        }
    }
    let printed: Vec<String> = wanted.iter().filter(|one| one.file.is_none()).filter_map(name_of).collect();
    // What a job's log shows of a run, next to what people read of it.
    let is_log =
        printed.len() == 2 && printed.contains(&"terminal".to_owned()) && printed.contains(&"github".to_owned());
    match printed.as_slice() {
        [first, second, ..] if !is_log => Err(Failure::usage(format!(
            "print reports: {first} and {second} both go to standard output; give one of them a file, as in \
             --report {second}=FILE"
        ))),
        _ => Ok(wanted),
    }
}

fn name_of<Format: ValueEnum>(argument: &ReportArgument<Format>) -> Option<String> {
    Some(argument.format.to_possible_value()?.get_name().to_owned())
}

/// The one path of a file, however it was named.
fn place_of(file: &Path) -> PathBuf {
    let of_folder = || {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(std::fs::canonicalize(folder).ok()?.join(file.file_name()?))
    };
    std::fs::canonicalize(file).ok().or_else(of_folder).unwrap_or_else(|| file.to_path_buf())
}

/// What cannot be written is better known before the run than after it.
fn writable(what: &str, file: &Path) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if file.is_dir() || !folder.is_dir() {
        return Err(Failure::usage(format!("write {what} to {}: name a file in a folder that exists", file.display())));
    }
    whole_file::can_begin(file).map_err(|error| not_written(what, file, error))
}

/// Another place is what the command line has to name, where it is at fault.
fn not_written(what: &str, file: &Path, error: std::io::Error) -> Failure {
    let is_usage = is_of_the_place(error.kind());
    let cause = context(format!("write {what} to {}", file.display()))(error);
    if is_usage { Failure::usage(cause) } else { Failure::suite(cause) }
}

fn deliver(text: &str, file: Option<&Path>) -> Result<(), Failure> {
    match file {
        None => print(text).map(|_| ()),
        Some(file) => {
            whole_file::write(file, text.as_bytes(), 0o666).map_err(|error| not_written("a report", file, error))
        }
    }
}

/// Runs something on a runtime of its own; it is told of the first signal to end.
fn in_order<T>(work: impl AsyncFnOnce(Supervisor, CancellationToken) -> Result<T, Failure>) -> Result<T, Failure> {
    let program = std::env::current_exe().map_err(context("find this program")).map_err(Failure::suite)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(context("start"))
        .map_err(Failure::suite)?;
    let result = runtime.block_on(async {
        let cancelled = CancellationToken::new();
        let watcher = tokio::spawn(cancel_on_signal(cancelled.clone()));
        let result = work(Supervisor::new(program), cancelled).await;
        watcher.abort();
        result
    });
    // A thread that waits for what never comes, such as a credential helper, must not keep the program.
    runtime.shutdown_timeout(ENDING_THREADS);
    result
}

/// The first Ctrl-C or TERM, or the end of its terminal, ends the run in order; its report covers what was seen until
/// then.
async fn cancel_on_signal(cancelled: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    // nohup means that it is to go on, and watching for the signal would end that.
    let mut hangup = if hangups_are_ignored() { None } else { signal(SignalKind::hangup()).ok() };
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        Some(()) = async { hangup.as_mut()?.recv().await } => {}
    }
    cancelled.cancel();
}

/// Whether this process was started with SIGHUP, the first of the signals, ignored.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
