//! `self-test`: the suite judged by faulty exporters.

use crate::cli::{SelfTestArguments, SelfTestFormat, ShownArguments};
use crate::error::context;
use crate::exit::Exit;
use crate::progress;
use crate::report::terminal::wrapped;
use crate::rig::registry::RegistryChoice;
use crate::run::Options;
use crate::self_test::report::Report;
use crate::self_test::{self, SelfTestError, SelfTestOptions, markdown, text};
use judge::profile::Profile;

use super::{Failure, controlled, deliver, exporter, globs, in_order, not_run, targets, wanted, with_services};

pub(super) fn judge_the_suite(arguments: SelfTestArguments, shown: ShownArguments) -> Result<Exit, Failure> {
    let wanted = wanted(arguments.report.clone())?;
    let report = execute(settings(arguments)?, shown.quiet)?;
    for argument in &wanted {
        let rendered = match argument.format {
            SelfTestFormat::Json => report.json().map_err(context("write a report")).map_err(Failure::suite)?,
            SelfTestFormat::Markdown => markdown::render(&report),
            SelfTestFormat::Terminal => wrapped(&text::render(&report), shown.style(argument.file.is_some()).width),
        };
        deliver(&rendered, argument.file.as_deref())?;
    }
    Ok(report.exit_code)
}

fn settings(arguments: SelfTestArguments) -> Result<SelfTestOptions, Failure> {
    let faults = globs("fault", &arguments.fault)?;
    // What is wrong with it is known before anything is exported.
    self_test::program(arguments.faulty.as_deref()).map_err(Failure::usage)?;
    let exporter = exporter(&arguments.exporter, arguments.platform_api.as_deref())?;
    // What is known exactly is the exporter that stands next to this program.
    let exact = exporter.argument.is_empty();
    let options = Options {
        profile: Profile::Strict,
        targets: targets(arguments.target),
        jobs: arguments.pace.jobs(),
        timeout: arguments.pace.timeout,
        ..Options::of(exporter)
    };
    let options = with_services(options, arguments.services, RegistryChoice::Auto)?;
    Ok(SelfTestOptions { faulty: arguments.faulty, faults, exact, options })
}

fn execute(settings: SelfTestOptions, quiet: bool) -> Result<Report, Failure> {
    in_order(async |supervisor, cancelled| {
        let mut settings = settings;
        settings.options = controlled(settings.options, &supervisor, &cancelled).await?;
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let shown = tokio::spawn(progress::show(receiver, quiet));
        let result = Box::pin(self_test::self_test(settings, supervisor, cancelled, sender)).await;
        let _ = shown.await;
        result.map_err(|error| match error {
            SelfTestError::NoFault { .. } | SelfTestError::Faulty(_) => Failure::usage(error),
            SelfTestError::Run(error) => not_run(error),
            SelfTestError::List { .. }
            | SelfTestError::Marks { .. }
            | SelfTestError::Unknown { .. }
            | SelfTestError::Scenario(_) => Failure::suite(error),
        })
    })
}
