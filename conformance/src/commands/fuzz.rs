//! `fuzz`: generated builds judged.

use crate::cli::{FuzzArguments, PlainFormat};
use crate::error::context;
use crate::exit::Exit;
use crate::fuzz;
use crate::run::Options;
use judge::evidence::Target;

use super::{Failure, controlled, deliver, exporter, in_order, wanted};

pub(super) fn judge_generated_builds(arguments: FuzzArguments) -> Result<Exit, Failure> {
    let wanted = wanted(arguments.report.clone())?;
    let report = fuzz_in_order(fuzz_settings(arguments)?)?;
    for argument in &wanted {
        let text = match argument.format {
            PlainFormat::Json => report.json().map_err(context("write a report")).map_err(Failure::suite)?,
            PlainFormat::Terminal => report.text(),
        };
        deliver(&text, argument.file.as_deref())?;
    }
    Ok(report.exit_code)
}

fn fuzz_settings(arguments: FuzzArguments) -> Result<fuzz::FuzzOptions, Failure> {
    let exporter = exporter(&arguments.exporter, arguments.platform_api.as_deref())?;
    let keep = arguments.keep_failures;
    if keep.exists() && !keep.is_dir() {
        return Err(Failure::usage(format!("keep failures in {}: it is not a folder", keep.display())));
    }
    Ok(fuzz::FuzzOptions {
        cases: arguments.cases,
        pairs: arguments.pairs,
        seed: arguments.seed,
        time: arguments.time.map(std::time::Duration::from_secs),
        shrink: std::time::Duration::from_secs(arguments.shrink),
        keep,
        options: Options {
            profile: arguments.profile,
            targets: if arguments.target.is_empty() {
                vec![Target::Registry, Target::Layout]
            } else {
                arguments.target
            },
            registry: arguments.registry,
            daemons: arguments.daemon,
            jobs: arguments.pace.jobs(),
            timeout: arguments.pace.timeout,
            ..Options::of(exporter)
        },
    })
}

fn fuzz_in_order(settings: fuzz::FuzzOptions) -> Result<fuzz::report::Report, Failure> {
    in_order(async |supervisor, cancelled| {
        let mut settings = settings;
        settings.options = controlled(settings.options, &supervisor, &cancelled).await?;
        Box::pin(fuzz::fuzz(settings, supervisor, cancelled)).await.map_err(Failure::suite)
    })
}
