//! Measures exporters side by side, in alternating runs: the reference, a bound program that reads, hashes twice,
//! compresses and sends the same bytes and does nothing else, what Debian ships, and any other exporter. Whole
//! processes are timed; what is quoted is the ratio to the bound of the same round.

mod bound;
mod contestants;
mod data;
mod ending;
mod measure;
mod registry;
mod write;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use contestants::Contestant;
use data::Data;
use registry::Registry;
use write::Row;

/// What failed, in words.
type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
#[command(about = "Measures exporters side by side, in alternating runs")]
struct Options {
    /// The reference; without it, the one next to this program
    #[arg(long, value_name = "PROGRAM")]
    reference: Option<PathBuf>,
    /// Another exporter, as NAME=PROGRAM; may be repeated
    #[arg(long, value_name = "NAME=PROGRAM")]
    exporter: Vec<String>,
    /// Platform API that exporters are called with
    #[arg(long, default_value = "0.13", value_name = "VERSION")]
    platform_api: String,
    /// Data to measure; may be repeated; without it, all
    #[arg(long, value_name = "NAME")]
    data: Vec<String>,
    /// Rounds that count, after one that does not
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// The registry's program
    #[arg(long, default_value = "docker-registry", value_name = "PROGRAM")]
    registry: PathBuf,
    /// Measure the reference with project metadata too, of which it makes annotations
    #[arg(long)]
    annotating: bool,
    /// Leave out what Debian ships
    #[arg(long)]
    exporters_only: bool,
    /// Put the tables between the markers of this file, and a drawing next to it
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Be the bound program: FOLDER and URL of a repository
    #[arg(long, hide = true, num_args = 2, value_names = ["FOLDER", "URL"])]
    bound: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.bound.as_deref() {
        Some([folder, url]) => bound::run(folder.as_ref(), url),
        _ => compare(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "ERROR: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Failure> {
    let own = std::env::current_exe()?;
    let reference = options.reference.clone().unwrap_or_else(|| own.with_file_name("reference-exporter"));
    let mut contestants = vec![Contestant::bound(own), Contestant::exporter("reference", reference.clone())?];
    if options.annotating {
        contestants.push(Contestant::annotating("annotating", reference)?);
    }
    for given in &options.exporter {
        let (name, program) = given.split_once('=').ok_or_else(|| format!("--exporter {given}: NAME=PROGRAM"))?;
        contestants.push(Contestant::exporter(name, program.into())?);
    }
    ending::watch()?;
    let folder = tempfile::tempdir()?;
    if !options.exporters_only {
        contestants.extend(contestants::of_debian(folder.path())?);
    }
    let registry = Registry::start(&options.registry)?;
    let mut rows = Vec::new();
    for data in data::all(&options.data)? {
        rows.extend(measured(options, &contestants, &registry, folder.path(), data)?);
    }
    if let Some(file) = &options.write {
        write::put(file, &rows, options.rounds)?;
    }
    Ok(())
}

/// All contestants on one kind of data, turn by turn; a table of it is printed.
fn measured(
    options: &Options,
    contestants: &[Contestant],
    registry: &Registry,
    folder: &std::path::Path,
    data: &'static Data,
) -> Result<Vec<Row>, Failure> {
    let build = data.lay_out(&folder.join(data.name), registry)?;
    let mut rows: Vec<Row> = contestants.iter().map(|one| Row::new(data, &one.name)).collect();
    for round in 0..=options.rounds {
        for (contestant, row) in contestants.iter().zip(&mut rows) {
            // A repository of its own for each run, so that no run finds what another sent; a rebuild finds its own.
            let repository = format!("{}-{}-{round}", data.name, contestant.name);
            if data.rebuild {
                contestant.run(&build, registry, &repository, &options.platform_api)?;
            }
            let run = contestant.run(&build, registry, &repository, &options.platform_api)?;
            if round > 0 {
                row.runs.push(run);
            }
            row.sent = registry.size_of(&repository)?;
        }
        registry.empty()?;
        build.publish(registry)?;
    }
    std::fs::remove_dir_all(folder.join(data.name))?;
    let table = write::table(&rows);
    writeln!(std::io::stdout(), "{table}")?;
    Ok(rows)
}
