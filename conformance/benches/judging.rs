//! What judging costs for each image, and what each report costs, of a run of the reference exporter on every scenario.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use conformance::evidence::reader::Stored;
use conformance::report::terminal::{Detail, Style};
use conformance::report::{ReportFormat, render};
use criterion::{Criterion, Throughput};
use judge::profile::Profile;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let folder = tempfile::tempdir()?;
    let evidence = folder.path().join("evidence");
    observe(&evidence)?;
    let Stored { facts: run, scenarios } = Stored::read(&evidence, &evidence)?;
    let images: usize = scenarios.iter().flat_map(|one| &one.exports).filter(|export| export.image.is_some()).count();
    let mut group = criterion.benchmark_group("judge");
    group.throughput(Throughput::Elements(u64::try_from(images)?));
    group.bench_function("images", |bench| bench.iter(|| run.judge(black_box(&scenarios), &Profile::Strict)));
    group.finish();
    let report = run.judge(&scenarios, &Profile::Strict);
    let style = Style { colour: false, width: None, detail: Detail::Normal };
    let mut group = criterion.benchmark_group("report");
    for (name, format) in [
        ("terminal", ReportFormat::Terminal),
        ("json", ReportFormat::Json),
        ("junit", ReportFormat::Junit),
        ("markdown", ReportFormat::Markdown),
        ("html", ReportFormat::Html),
    ] {
        group.throughput(Throughput::Bytes(u64::try_from(render(&report, format, style)?.len())?));
        group.bench_function(name, |bench| bench.iter(|| render(black_box(&report), format, style)));
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// Runs the reference exporter, which `cargo bench --workspace` builds next to the suite.
fn observe(evidence: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut run = Command::new(env!("CARGO_BIN_EXE_conformance"));
    run.args(["run", "--registry", "embedded", "--target", "registry", "--target", "layout", "--evidence"]);
    let status = run.arg(evidence).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("the run of the reference exporter ended with {status}").into()) }
}
