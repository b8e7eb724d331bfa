//! Observes the state before one call of the exporter or rebaser, and the result after it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use judge::evidence::{Document, Export, Inputs, LayoutFacts, Outcome, RunImage};

use super::context::{RunContext, StepBuild};
use super::error::ExportError;
use super::inputs::inputs;
use super::invoke::execute;
use super::listed::Listed;
use super::store::{StepContext, Store};
use super::workspace;
use crate::exporter::Invocation;
use crate::observe::{is_reached_without_links, modes_below};
use crate::scenario::Scenario;
use crate::scenario::materialise::{BuildDir, LAYOUT};
use crate::scenario::run_image::MadeImage;

/// A call that is ready to be made.
pub(super) struct Ready<'a> {
    pub(super) shared: &'a RunContext,
    pub(super) scenario: &'a Scenario,
    pub(super) context: &'a StepContext<'a>,
    /// Tells its files from those of other exports at the same time.
    pub(super) name: &'a str,
    pub(super) build_dir: &'a BuildDir,
    pub(super) images: &'a [String],
    pub(super) call: Invocation,
    pub(super) platform_api: &'a str,
}

/// A call that was made.
pub(super) struct Called {
    inputs: Inputs,
    tags_before: BTreeMap<String, Option<String>>,
    report: Option<PathBuf>,
    report_before: Option<(u64, i64, i64, u64)>,
    listed: Option<Listed>,
    outcome: Outcome,
    troubles: Vec<String>,
}

/// What an export may need of the suite's disk, at the least.
const LEAST_ROOM: u64 = 64 << 20;

impl Called {
    /// Fails where the exporter did and the suite's disk is full: that may be why, and is not the exporter's fault.
    pub(super) fn had_room(&self, scratch: &Path) -> Result<(), ExportError> {
        let Ok(room) = workspace::available(scratch) else { return Ok(()) };
        if self.outcome.succeeded() || room >= LEAST_ROOM {
            return Ok(());
        }
        let doing = format!(
            "give the exporter room for what it writes: it failed, and the disk of {} has {room} bytes left (TMPDIR chooses \
             the disk)",
            scratch.display()
        );
        Err(ExportError::Disk { doing, source: std::io::ErrorKind::StorageFull.into() })
    }
}

impl Ready<'_> {
    /// Makes the call, with a look before it.
    pub(super) async fn call<S: Store>(&self, store: &mut S) -> Result<Called, ExportError> {
        let Self { shared, scenario, build_dir, .. } = self;
        let step = self.context.step;
        let build = StepBuild { shared, scenario, step, build_dir };
        let inputs = inputs(build, store, &self.call, self.images)?;
        let tags_before = store.tags(step, build_dir).await?;
        let report = build_dir.host_path_of(&inputs.report);
        let report_before = stamp(report.as_deref());
        let listed = Listed::before(build_dir);
        let mut troubles = store.before_export(step, &tags_before).await?;
        let outcome = execute(build, &self.call, self.name).await?;
        troubles.extend(store.after_export(step).await?);
        Ok(Called { inputs, tags_before, report, report_before, listed, outcome, troubles })
    }

    /// What came of it.
    pub(super) async fn observe<S: Store>(
        &self,
        store: &mut S,
        called: Called,
        run: &MadeImage,
        run_image: RunImage,
    ) -> Result<Export, ExportError> {
        let seen = store.observe(self.context, run, self.build_dir).await?;
        // Links lead out of the build: what is behind one was not written by this export.
        let is_reached = |path: &&Path| is_reached_without_links(&self.build_dir.on_host(""), path);
        let report = called.report.as_deref().filter(is_reached);
        let is_new = stamp(report) != called.report_before;
        let written = report.filter(|_| is_new).map(|report| (report, called.inputs.report.as_str()));
        let output_modes = output_modes(self.build_dir, written, seen.layout.as_ref());
        Ok(Export {
            id: self.context.id.to_owned(),
            scenario: self.scenario.name.clone(),
            target: store.target(),
            service: store.service().to_owned(),
            step: self.context.number,
            platform_api: self.platform_api.to_owned(),
            inputs: called.inputs,
            run_image,
            outcome: called.outcome,
            report: read_report(report).filter(|_| is_new),
            tags_before: called.tags_before,
            tags: seen.tags,
            image: seen.image,
            base: seen.base,
            daemon: seen.daemon,
            layout: seen.layout,
            wire: seen.wire,
            previous_after: seen.previous_after,
            build_sboms: Vec::new(),
            changed_files: called.listed.and_then(|listed| listed.changes(self.build_dir)),
            output_modes,
            left_out: Vec::new(),
            troubles: [called.troubles, seen.troubles].concat(),
            rebase: None,
        })
    }
}

/// Modes of the report that was written, here and as the exporter saw it, and of the files in layouts of images.
fn output_modes(
    build_dir: &BuildDir,
    report: Option<(&Path, &str)>,
    layout: Option<&LayoutFacts>,
) -> BTreeMap<String, u32> {
    let mode = |(here, seen): (&Path, &str)| {
        let facts = std::fs::symlink_metadata(here).ok()?;
        Some((seen.to_owned(), facts.mode() & 0o7777))
    };
    let mut found: BTreeMap<String, u32> = report.and_then(mode).into_iter().collect();
    for root in layout.iter().flat_map(|layout| &layout.roots).filter(|root| root.present) {
        let folder = format!("{LAYOUT}/{}", root.path);
        found.extend(modes_below(&build_dir.on_host(&folder), &build_dir.for_exporter(&folder)));
    }
    found
}

/// What tells a report that was written from one that a scenario had put there.
fn stamp(path: Option<&Path>) -> Option<(u64, i64, i64, u64)> {
    let facts = std::fs::symlink_metadata(path?).ok()?;
    Some((facts.ino(), facts.mtime(), facts.mtime_nsec(), facts.size()))
}

/// The report that the exporter wrote; one that is not a regular file of at most 16 MiB is none.
fn read_report(path: Option<&Path>) -> Option<Document> {
    const LARGEST: u64 = 16 << 20;
    let path = path?;
    let facts = std::fs::symlink_metadata(path).ok()?;
    let bytes = (facts.is_file() && facts.len() <= LARGEST).then(|| std::fs::read(path).ok()).flatten()?;
    Some(Document::new(bytes, None))
}
