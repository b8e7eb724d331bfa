//! The binary: reads the command line, runs the library, prints, and ends with a documented exit code.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use conformance::catalogue;
use conformance::cli::{
    Cli, Command, ExporterArguments, FuzzArguments, ListFormat, Listed, ReportArgument, ReportFormat, RunArguments,
};
use conformance::doctor;
use conformance::exit::Exit;
use conformance::exporter::process::Supervisor;
use conformance::exporter::{DescriptionError, Exporter, supervise};
use conformance::fuzz;
use conformance::progress;
use conformance::questions::{self, Record};
use conformance::report::{Report, json, terminal};
use conformance::rig::registry::RegistryChoice;
use conformance::run::{self, Options};
use conformance::scenario::{self, Scenario};
use globset::{Glob, GlobSet, GlobSetBuilder};
use judge::evidence::Target;
use judge::profile::Profile;
use judge::requirements;
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if let [_, first, spec] = arguments.as_slice()
        && first == supervise::ARGUMENT
    {
        // Before any thread is there: a user namespace can be entered by a single-threaded process only.
        return if supervise::supervise(Path::new(spec)) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let exit = match Cli::try_parse() {
        Ok(cli) => dispatch(cli),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { Exit::Usage } else { Exit::Conformant }
        }
    };
    exit.into()
}

/// A failure that is printed and ends the program.
struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    fn usage(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    fn suite(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::SuiteFailed, message: message.to_string() }
    }
}

fn dispatch(cli: Cli) -> Exit {
    let result = match cli.command {
        Command::Run(arguments) => judge_exporter(*arguments),
        Command::Fuzz(arguments) => judge_generated_builds(*arguments),
        Command::Doctor(exporter) => examine(&exporter),
        Command::Check { path } => catalogue::check(&path).map_err(Failure::usage).and_then(|text| print(&text)),
        Command::List { what, format } => list(what, format),
        Command::Explain { requirement } => explain(&requirement),
        Command::Questions { observations } => open_questions(&observations),
    };
    result.unwrap_or_else(|failure| {
        eprintln!("conformance: failed to {}", failure.message);
        failure.exit
    })
}

fn print(text: &str) -> Result<Exit, Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Ok(Exit::Conformant),
        // A reader that has seen enough, such as head, is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Conformant),
        Err(error) => Err(Failure::suite(format!("write to standard output: {error}"))),
    }
}

fn list(what: Listed, format: ListFormat) -> Result<Exit, Failure> {
    match format {
        ListFormat::Text => print(&catalogue::list_text(what).map_err(Failure::suite)?),
        ListFormat::Markdown => print(&catalogue::list_markdown(what).map_err(Failure::suite)?),
        ListFormat::Json => print(&format!("{:#}\n", catalogue::list_json(what).map_err(Failure::suite)?)),
    }
}

fn explain(requirement: &str) -> Result<Exit, Failure> {
    if let Some(text) = catalogue::explain(requirement) {
        return print(&text);
    }
    let near = catalogue::nearest(requirement).map_or_else(String::new, |id| format!(" (is it {id}?)"));
    Err(Failure::usage(format!(
        "explain {requirement}: there is no such requirement{near}; see conformance list requirements"
    )))
}

fn open_questions(files: &[PathBuf]) -> Result<Exit, Failure> {
    let records = files.iter().map(|file| Record::read(file)).collect::<Result<Vec<_>, _>>().map_err(Failure::usage)?;
    print(&questions::render(&records))
}

fn exporter(arguments: &ExporterArguments) -> Result<Exporter, Failure> {
    let found = match (&arguments.exporter, &arguments.exporter_file) {
        (Some(path), _) => Exporter::at(path),
        (None, Some(file)) => Exporter::from_file(file),
        (None, None) => Exporter::beside_this_program(),
    };
    found.map_err(|error| match error {
        DescriptionError::Format { .. } => Failure::usage(error),
        _ => Failure::suite(error),
    })
}

fn globs(what: &str, patterns: &[String]) -> Result<Option<GlobSet>, Failure> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        builder.add(Glob::new(pattern).map_err(|error| Failure::usage(format!("read --{what} {pattern}: {error}")))?);
    }
    builder.build().map(Some).map_err(|error| Failure::usage(format!("read --{what}: {error}")))
}

fn scenarios(folders: &[PathBuf], patterns: &[String]) -> Result<Vec<Scenario>, Failure> {
    let mut found = Vec::new();
    if folders.is_empty() {
        found = scenario::built_in().map_err(Failure::suite)?;
    }
    for folder in folders {
        let absolute = std::fs::canonicalize(folder)
            .map_err(|error| Failure::usage(format!("read --scenarios {}: {error}", folder.display())))?;
        found.extend(scenario::from_folder(&absolute).map_err(Failure::usage)?);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = found.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(Failure::usage(format!("use two scenarios of the name {}: rename one folder", pair[0].name)));
    }
    if let Some(globs) = globs("scenario", patterns)? {
        found.retain(|scenario| globs.is_match(&scenario.name));
    }
    if found.is_empty() {
        return Err(Failure::usage("select scenarios: none matches --scenario; see conformance list scenarios"));
    }
    Ok(found)
}

fn options(arguments: &RunArguments) -> Result<Options, Failure> {
    let requirements = globs("requirement", &arguments.requirement)?;
    if let Some(globs) = &requirements
        && !requirements::all().any(|row| globs.is_match(row.id))
    {
        return Err(Failure::usage("select requirements: none matches; see conformance list requirements"));
    }
    let scenarios = scenarios(&arguments.scenarios, &arguments.scenario)?;
    let exporter = exporter(&arguments.exporter)?;
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    Ok(Options {
        platform_api: arguments
            .platform_api
            .clone()
            .or_else(|| exporter.platform_api.clone())
            .unwrap_or_else(|| "0.15".to_owned()),
        exporter,
        profile: arguments.profile.clone(),
        scenarios,
        requirements,
        targets: if arguments.target.is_empty() { Target::ALL.to_vec() } else { arguments.target.clone() },
        registry: arguments.registry.clone().unwrap_or(RegistryChoice::Auto),
        daemons: arguments.daemon.clone(),
        allow_push: arguments.allow_push_from_daemon,
        require: arguments.require.clone(),
        evidence: arguments.evidence.as_ref().map(absolute),
        keep: arguments.keep.as_ref().map(absolute),
        jobs: arguments.jobs.map_or(processors, usize::from),
        timeout: arguments.timeout,
    })
}

fn judge_exporter(arguments: RunArguments) -> Result<Exit, Failure> {
    let options = options(&arguments)?;
    let wanted = if arguments.report.is_empty() {
        vec![ReportArgument { format: ReportFormat::Terminal, file: None }]
    } else {
        arguments.report
    };
    for argument in &wanted {
        writable(argument)?;
    }
    let report = execute(options)?;
    for argument in &wanted {
        write_report(&report, argument)?;
    }
    Ok(exit_of(&report))
}

/// A report that cannot be written is better known before the run than after it.
fn writable(argument: &ReportArgument) -> Result<(), Failure> {
    let Some(file) = &argument.file else { return Ok(()) };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if file.is_dir() || !folder.is_dir() {
        return Err(Failure::usage(format!(
            "write a report to {}: name a file in a folder that exists",
            file.display()
        )));
    }
    Ok(())
}

fn write_report(report: &Report, argument: &ReportArgument) -> Result<(), Failure> {
    let fail = |error: &dyn std::fmt::Display| Failure::suite(format!("write a report: {error}"));
    let text = match argument.format {
        ReportFormat::Json => json::render(report).map_err(|error| fail(&error))?,
        ReportFormat::Observations => Record::of(report).render().map_err(|error| fail(&error))?,
        ReportFormat::Terminal => {
            let to_terminal = argument.file.is_none() && std::io::stdout().is_terminal();
            let colour = to_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            terminal::render(report, terminal::Style { colour })
        }
    };
    deliver(&text, argument)
}

fn deliver(text: &str, argument: &ReportArgument) -> Result<(), Failure> {
    match &argument.file {
        None => print(text).map(|_| ()),
        Some(file) => std::fs::write(file, text)
            .map_err(|error| Failure::suite(format!("write a report to {}: {error}", file.display()))),
    }
}

fn exit_of(report: &Report) -> Exit {
    exit_with(report.exit_code)
}

fn exit_with(code: u8) -> Exit {
    [Exit::NotConformant, Exit::SuiteFailed, Exit::NothingJudged, Exit::Interrupted]
        .into_iter()
        .find(|exit| exit.code() == code)
        .unwrap_or(Exit::Conformant)
}

fn execute(options: Options) -> Result<Report, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::suite(format!("find this program: {error}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::suite(format!("start: {error}")))?;
    runtime.block_on(async {
        let cancelled = CancellationToken::new();
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let shown = tokio::spawn(progress::show(receiver));
        let watcher = tokio::spawn(cancel_on_signal(cancelled.clone()));
        let result = Box::pin(run::run(options, Supervisor::new(program), cancelled, sender)).await;
        watcher.abort();
        let _ = shown.await;
        result.map_err(|error| match error {
            run::RunError::Evidence(_) => Failure::usage(error),
            _ => Failure::suite(error),
        })
    })
}

fn judge_generated_builds(arguments: FuzzArguments) -> Result<Exit, Failure> {
    let wanted = if arguments.report.is_empty() {
        vec![ReportArgument { format: ReportFormat::Terminal, file: None }]
    } else {
        arguments.report.clone()
    };
    for argument in &wanted {
        writable(argument)?;
    }
    let report = fuzz_in_order(fuzz_settings(arguments)?)?;
    for argument in &wanted {
        let text = match argument.format {
            ReportFormat::Json => report.json().map_err(|error| Failure::suite(format!("write a report: {error}")))?,
            ReportFormat::Terminal | ReportFormat::Observations => report.text(),
        };
        deliver(&text, argument)?;
    }
    Ok(exit_with(report.exit_code))
}

fn fuzz_settings(arguments: FuzzArguments) -> Result<fuzz::Settings, Failure> {
    let exporter = exporter(&arguments.exporter)?;
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let keep = arguments.keep_failures;
    if keep.exists() && !keep.is_dir() {
        return Err(Failure::usage(format!("keep failures in {}: it is no folder", keep.display())));
    }
    Ok(fuzz::Settings {
        cases: arguments.cases,
        seed: arguments.seed,
        time: arguments.time.map(std::time::Duration::from_secs),
        shrink: std::time::Duration::from_secs(arguments.shrink),
        keep,
        options: Options {
            platform_api: exporter.platform_api.clone().unwrap_or_else(|| "0.15".to_owned()),
            exporter,
            profile: arguments.profile,
            scenarios: Vec::new(),
            requirements: None,
            targets: if arguments.target.is_empty() {
                vec![Target::Registry, Target::Layout]
            } else {
                arguments.target
            },
            registry: arguments.registry,
            daemons: arguments.daemon,
            allow_push: false,
            require: Vec::new(),
            evidence: None,
            keep: None,
            jobs: arguments.jobs.map_or(processors, usize::from),
            timeout: arguments.timeout,
        },
    })
}

fn fuzz_in_order(settings: fuzz::Settings) -> Result<fuzz::report::Report, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::suite(format!("find this program: {error}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::suite(format!("start: {error}")))?;
    runtime.block_on(async {
        let cancelled = CancellationToken::new();
        let watcher = tokio::spawn(cancel_on_signal(cancelled.clone()));
        let result = Box::pin(fuzz::fuzz(settings, Supervisor::new(program), cancelled)).await;
        watcher.abort();
        result.map_err(Failure::suite)
    })
}

/// The first Ctrl-C or TERM ends the run in order; its report covers what was seen until then.
async fn cancel_on_signal(cancelled: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    cancelled.cancel();
}

fn examine(arguments: &ExporterArguments) -> Result<Exit, Failure> {
    let exporter = exporter(arguments)?;
    let platform_api = exporter.platform_api.clone().unwrap_or_else(|| "0.15".to_owned());
    let options = Options {
        exporter,
        profile: Profile::Rfc196,
        scenarios: scenarios(&[], &["minimal".to_owned()])?,
        requirements: None,
        targets: vec![Target::Registry],
        registry: RegistryChoice::Embedded,
        daemons: Vec::new(),
        allow_push: false,
        require: Vec::new(),
        platform_api,
        evidence: None,
        keep: None,
        jobs: 1,
        timeout: 120,
    };
    let report = execute(options)?;
    let (text, exit) = doctor::diagnosis(&report);
    print(&text)?;
    Ok(if report.exit_code == Exit::Interrupted.code() { Exit::Interrupted } else { exit })
}
