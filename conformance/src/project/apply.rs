//! A project file's values put where the command line gave none.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::Project;
use crate::cli::{CompareArguments, DoctorArguments, ExporterArguments, RunArguments, RunConditions, ServiceArguments};

/// Whether the command line itself gave an argument, rather than its default.
fn is_given(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// The value where there is none yet.
fn fill<T>(given: &mut Option<T>, value: Option<T>) {
    if given.is_none() {
        *given = value;
    }
}

fn fill_list<T>(given: &mut Vec<T>, values: Vec<T>) {
    if given.is_empty() {
        *given = values;
    }
}

impl Project {
    /// Into the arguments of `run`. Reports are written by runs of everything: one that is narrowed prints what it
    /// found.
    pub fn complete_run(self, arguments: &mut RunArguments, matches: &ArgMatches) {
        let narrows = ["scenario", "requirement", "target", "quick", "only_failed", "report"];
        let is_narrowed = narrows.iter().any(|id| is_given(matches, id));
        let Self { exporter, description, baseline, reports, .. } = &self;
        exporter_of(&mut arguments.exporter, exporter.as_ref(), description.as_ref());
        fill(&mut arguments.baseline, baseline.clone());
        if !is_narrowed {
            arguments.report.clone_from(reports);
        }
        self.conditions(&mut arguments.conditions, matches);
    }

    /// Into the arguments of `compare`, where exporters are run: the project's is the old one next to a single other
    /// one.
    pub fn complete_compare(self, arguments: &mut CompareArguments, matches: &ArgMatches) {
        if !arguments.stored.is_empty() {
            return;
        }
        self.conditions(&mut arguments.conditions, matches);
    }

    /// Into the arguments of `doctor`.
    pub fn complete_doctor(self, arguments: &mut DoctorArguments, matches: &ArgMatches) {
        exporter_of(&mut arguments.exporter, self.exporter.as_ref(), self.description.as_ref());
        fill(&mut arguments.platform_api, self.platform_api.clone());
        fill_list(&mut arguments.target, self.targets.clone());
        self.services(&mut arguments.services, matches, &[]);
    }

    /// The exporter and the description of the project, as the command line would name them.
    #[must_use]
    pub fn exporter(&self) -> Option<ExporterArguments> {
        let mut found = ExporterArguments::default();
        exporter_of(&mut found, self.exporter.as_ref(), self.description.as_ref());
        (found.exporter.is_some() || found.exporter_file.is_some()).then_some(found)
    }

    fn conditions(self, conditions: &mut RunConditions, matches: &ArgMatches) {
        let targets = conditions.target.clone();
        if !is_given(matches, "profile")
            && let Some(profile) = &self.profile
        {
            conditions.profile = profile.clone();
        }
        if !is_given(matches, "timeout")
            && let Some(timeout) = self.timeout
        {
            conditions.pace.timeout = timeout;
        }
        fill_list(&mut conditions.scenarios, self.scenarios.clone());
        fill(&mut conditions.platform_api, self.platform_api.clone());
        fill(&mut conditions.pace.jobs, self.jobs);
        if !matches.try_get_one::<bool>("quick").is_ok_and(|quick| quick == Some(&true)) {
            fill_list(&mut conditions.target, self.targets.clone());
        }
        self.services(&mut conditions.services, matches, &targets);
    }

    /// What is required of targets that the command line leaves out is not asked for.
    fn services(self, services: &mut ServiceArguments, matches: &ArgMatches, targets: &[judge::evidence::Target]) {
        let is_quick = matches.try_get_one::<bool>("quick").is_ok_and(|quick| quick == Some(&true));
        let is_asked = |service: &String| {
            let target = service.split(':').next().unwrap_or_default();
            targets.is_empty() || targets.iter().any(|asked| asked.name() == target)
        };
        if !is_quick {
            let require = self.require.into_iter().filter(is_asked).collect();
            fill_list(&mut services.require, require);
        }
        fill(&mut services.registry, self.registry);
        fill_list(&mut services.daemon, self.daemons);
        if !is_given(matches, "service_limit")
            && let Some(limit) = self.limit
        {
            services.service_limit = limit;
        }
        services.allow_push_from_daemon |= self.allow_push;
    }
}

/// Either flag stands for both: a description that is meant for one exporter says nothing of another.
fn exporter_of(given: &mut ExporterArguments, exporter: Option<&PathBuf>, description: Option<&PathBuf>) {
    if given.exporter.is_none() && given.exporter_file.is_none() {
        given.exporter = exporter.cloned();
        given.exporter_file = description.cloned();
    }
}
