//! Generated builds: drawn from a seed, run and judged as any scenario, and shrunk where one fails. There is no second
//! oracle: a case fails where a requirement of the catalogue does. `docs/fuzz.md` is for users.

mod causes;
mod corpus;
pub mod draw;
pub mod folder;
pub mod pairs;
mod progress;
pub mod report;
mod shrink;
mod simplifications;
mod strategy;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use judge::evidence::Target;
use judge::requirements;
use judge::verdict::{Answer, Level, Verdict};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::exporter::process::Supervisor;
use crate::generated::Build;
use crate::record::{Case, RunFilter};
use crate::report::groups::theme_of;
use crate::run::{self, Options, RunError};
use crate::scenario::{Origin, Scenario, ScenarioError};
use causes::{Found, cause_of, in_turn};
use corpus::KeepError;
use draw::{DrawError, Drawn};
use progress::Progress;
use report::{Failure, Report, Trouble};

/// Cases that share services. Which cases there are does not depend on it.
const BATCH: u64 = 20;

/// Causes that are shrunk and kept, in addition to one of each theme; further ones are reported with their first case
/// alone.
const MOST_KEPT: usize = 8;

/// Everything that a run of generated builds needs to be told.
pub struct FuzzOptions {
    /// How many cases; of pairs, as many as it takes.
    pub cases: u64,
    /// Whether the cases cover every pair of values of the table of promises, in place of being drawn.
    pub pairs: bool,
    /// What they are drawn from.
    pub seed: u64,
    /// What the whole may take.
    pub time: Option<Duration>,
    /// What shrinking one failure may take.
    pub shrink: Duration,
    /// Where failures are kept; made when there is one.
    pub keep: PathBuf,
    /// Exporter, profile, targets, services; its scenarios are not looked at.
    pub options: Options,
}

/// Why generated builds could not be run.
#[derive(Debug, thiserror::Error)]
pub enum FuzzError {
    /// No build could be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// Pairs could not be covered.
    #[error(transparent)]
    Pairs(#[from] pairs::PairsError),
    /// A drawn build is not a valid scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// Nothing could be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A failure could not be kept.
    #[error(transparent)]
    Keep(#[from] KeepError),
}

/// Draws, runs, judges and shrinks. An interruption or the end of the time ends it early, and the report says how many
/// cases were done until then.
///
/// # Errors
/// [`FuzzError`], never for what the exporter did.
pub async fn fuzz(
    mut settings: FuzzOptions,
    supervisor: Supervisor,
    cancelled: CancellationToken,
) -> Result<Report, FuzzError> {
    let plan = if settings.pairs { Some(pairs::plan(settings.seed)?) } else { None };
    if let Some(plan) = &plan {
        settings.cases = plan.builds.len() as u64;
    }
    let begun = Instant::now();
    let until = cancelled.child_token();
    let alarm = settings.time.map(|time| {
        let until = until.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            until.cancel();
        })
    });
    let progress = Progress::new(settings.cases);
    let mut report = Report::new(&settings);
    let fuzzer = Fuzzer { settings, plan, supervisor, until, progress };
    fuzzer.all(&mut report).await?;
    report.pairs =
        fuzzer.plan.as_ref().map(|plan| report::Pairs { covered: plan.covered(report.done), of: plan.pairs });
    if let Some(alarm) = alarm {
        alarm.abort();
    }
    fuzzer.progress.clear();
    report.seconds = begun.elapsed().as_secs_f64();
    report.conclude(if cancelled.is_cancelled() { Exit::Interrupted } else { Exit::Conformant });
    Ok(report)
}

/// A requirement that fails on a target: what shrinking keeps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Failing {
    requirement: String,
    target: Target,
}

impl Failing {
    fn of(verdict: &Verdict) -> Self {
        Self { requirement: verdict.requirement.clone(), target: verdict.target }
    }
}

struct Fuzzer {
    settings: FuzzOptions,
    /// Builds that cover pairs; none where cases are drawn.
    plan: Option<pairs::Plan>,
    supervisor: Supervisor,
    /// Ends what is going on: on a signal, or when the time is over.
    until: CancellationToken,
    progress: Progress,
}

impl Fuzzer {
    async fn all(&self, report: &mut Report) -> Result<(), FuzzError> {
        let mut next = 0;
        while next < self.settings.cases && !self.until.is_cancelled() {
            let end = self.settings.cases.min(next + BATCH);
            let Some(verdicts) = self.batch(next, end, report).await? else { break };
            report.done = end;
            next = end;
            for (failing, found) in in_turn(verdicts) {
                self.take(failing, found, report).await?;
            }
        }
        Ok(())
    }

    /// The failed verdicts of cases, by requirement; none where the batch was ended before its end.
    async fn batch(
        &self,
        from: u64,
        to: u64,
        report: &mut Report,
    ) -> Result<Option<BTreeMap<Failing, Found>>, FuzzError> {
        let mut scenarios = Vec::new();
        for number in from..to {
            let build = self.valid(&self.case(number)?);
            scenarios.push(folder::scenario(&build, &case_name(number))?);
        }
        let options = Options { scenarios, ..self.settings.options.clone() };
        let Some(judged) = self.run(options, true).await? else { return Ok(None) };
        report.exports += judged.exports;
        report.judged += judged.totals.judged();
        report.left_behind.extend(judged.left_behind);
        report.troubles.extend(judged.troubles.into_iter().map(|message| Trouble { case: None, message }));
        let mut failed: BTreeMap<Failing, Found> = BTreeMap::new();
        for verdict in judged.verdicts {
            let number = number_of(&verdict.scenario);
            match verdict.verdict {
                Answer::Fail => failed.entry(Failing::of(&verdict)).or_default().push((number, verdict)),
                Answer::Error => report.trouble(number, &verdict.message),
                _ => {}
            }
        }
        for found in failed.values_mut() {
            found.sort_by_key(|(number, _)| *number);
        }
        Ok(Some(failed))
    }

    /// One case, which can be shrunk.
    fn case(&self, number: u64) -> Result<Drawn, DrawError> {
        let planned = self.plan.as_ref().map(|plan| usize::try_from(number).ok().and_then(|at| plan.builds.get(at)));
        match planned {
            Some(Some(build)) => Ok(draw::fixed(build.clone())),
            Some(None) => Err(DrawError { number, reason: "the plan has no such case".to_owned() }),
            None => draw::draw(self.settings.seed, number),
        }
    }

    /// The build as a specification has it: no specification knows `[[annotations]]` in `launch.toml`, so they are
    /// there only where the profile asks for them.
    fn valid(&self, drawn: &Drawn) -> Build {
        let mut build = drawn.current();
        let asked = |row| self.settings.options.profile.level(row, Target::Registry) > Level::Optional;
        if !requirements::named("buildpack.annotations-present").is_some_and(asked) {
            build.buildpacks.iter_mut().for_each(|buildpack| buildpack.annotations.clear());
        }
        build
    }

    /// A requirement's failures of one batch: the first of a cause that there is at all is shrunk and kept.
    async fn take(&self, failing: Failing, found: Found, report: &mut Report) -> Result<(), FuzzError> {
        let cases: Vec<u64> = found.iter().map(|(number, _)| *number).collect();
        let cause = cause_of(&failing.requirement);
        if let Some(known) = report.failures.iter_mut().find(|failure| failure.cause == cause) {
            known.count(&failing, cases);
            return Ok(());
        }
        let Some((number, verdict)) = found.into_iter().next() else { return Ok(()) };
        let mut failure = Failure::new(&verdict, cause, cases);
        let kept = || report.failures.iter().filter(|failure| failure.scenario.is_some());
        let theme = theme_of(&failing.requirement);
        if kept().count() < MOST_KEPT || !kept().any(|failure| theme_of(&failure.requirement) == theme) {
            self.keep(number, &failing, &mut failure).await?;
        }
        report.failures.push(failure);
        Ok(())
    }

    async fn keep(&self, number: u64, failing: &Failing, failure: &mut Failure) -> Result<(), FuzzError> {
        let shrunk = self.shrink(number, failing).await?;
        failure.tries = shrunk.tries;
        let name = format!(
            "{}seed-{}-case-{number}-{}-{}",
            if self.settings.pairs { "pairs-" } else { "" },
            self.settings.seed,
            failing.requirement.replace('.', "-"),
            failing.target
        );
        let kept = corpus::write(&self.settings.keep, &name, &folder::files(&shrunk.build))?;
        let mut scenario = folder::scenario(&shrunk.build, &kept.name)?;
        scenario.origin = Origin::Folder(kept.folder.clone());
        let options = Options { evidence: Some(kept.evidence.clone()), ..self.narrow(failing, scenario) };
        let again = self.run(options, false).await?;
        let verdict = again.and_then(|report| shrink::failed(report.verdicts, failing));
        failure.keep(&kept, verdict.as_ref(), &self.settings.options);
        Ok(())
    }

    /// What judges one scenario by one requirement, in which what follows from it weighs as ever.
    fn narrow(&self, failing: &Failing, scenario: Scenario) -> Options {
        let only =
            Case { scenario: scenario.name.clone(), requirement: failing.requirement.clone(), target: failing.target };
        Options {
            scenarios: vec![scenario],
            narrowed: RunFilter { only: Some([only].into()), ..RunFilter::default() },
            targets: judge::repeat::targets(&failing.requirement, failing.target),
            require: Vec::new(),
            ..self.settings.options.clone()
        }
    }

    /// Runs and judges; none where it was ended early.
    async fn run(&self, options: Options, shown: bool) -> Result<Option<crate::report::Report>, FuzzError> {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let watcher = shown.then(|| tokio::spawn(self.progress.clone().follow(receiver)));
        let result = Box::pin(run::run(options, self.supervisor.clone(), self.until.clone(), sender)).await;
        if let Some(watcher) = watcher {
            let _ = watcher.await;
        }
        let report = result?;
        Ok((!self.until.is_cancelled()).then_some(report))
    }
}

fn case_name(number: u64) -> String {
    format!("case-{number}")
}

fn number_of(name: &str) -> u64 {
    name.strip_prefix("case-").and_then(|number| number.parse().ok()).unwrap_or_default()
}
