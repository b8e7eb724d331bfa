//! What is large for its reader, or never ends: what an exporter made so is its failure, what a user names so is told
//! in one message, and neither takes memory, disk or time beyond the budget.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bounded::Bounded as _;

use super::support::{conformance, executable, faulty, program, requirements, set};

/// Most memory of a run, whatever an exporter made of it.
const MEMORY: u64 = 256 << 20;

/// Runs to the end; what it printed, and the most memory that the process had at a time.
fn with_peak(mut command: Command) -> (Output, u64) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let begun = Instant::now();
    let mut peak = 0;
    let status = loop {
        let text = std::fs::read_to_string(&status_file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
        peak = kib.map_or(peak, |kib| peak.max(kib << 10));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_mins(4), "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut stderr = Vec::new();
    child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    (Output { status, stdout: Vec::new(), stderr }, peak)
}

fn bytes_below(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    walkdir::WalkDir::new(folder).into_iter().flatten().map(|entry| entry.metadata().unwrap().blocks() * 512).sum()
}

#[test]
fn an_image_beyond_the_budget_is_the_exporter_s_failure_and_takes_neither_memory_nor_disk() {
    for (fault, targets, (verdict, expected), code) in [
        ("names-beyond-memory", "\"registry\"", ("fail", "layer.tar-whole"), 1),
        ("entries-beyond-memory", "\"layout\"", ("fail", "layer.tar-whole"), 1),
        // A blob that nothing names is free, and one like this a warning.
        ("blob-beyond-the-disk", "\"layout\"", ("warn", "layout.nothing-else"), 0),
    ] {
        let (folder, file) = faulty(fault, targets);
        let [report, evidence, again] = ["report.json", "evidence", "again.json"].map(|name| folder.path().join(name));
        let mut command = conformance();
        command.args(["run", "--registry", "embedded", "--scenario", "minimal", "--exporter-file", &file]);
        command.arg("--evidence").arg(&evidence).args(["--report", &format!("json={}", report.display())]);
        let (ran, peak) = with_peak(command);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(code), "{fault}: {said}");
        let plain = |path: &Path| conformance::report::json::plain(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(requirements(&plain(&report), verdict), set(&[expected]), "{fault}");
        assert!(peak < MEMORY, "{fault}: {peak} bytes of memory");
        assert!(bytes_below(&evidence) < MEMORY, "{fault}: {} bytes of evidence", bytes_below(&evidence));
        // Its evidence gives the same again, and takes no more.
        let mut command = conformance();
        command.arg("judge").arg(&evidence).args(["--report", &format!("json={}", again.display())]);
        let (judged, peak) = with_peak(command);
        assert_eq!(judged.status.code(), Some(code), "{fault}: {}", String::from_utf8_lossy(&judged.stderr));
        assert_eq!(requirements(&plain(&again), verdict), set(&[expected]), "{fault}");
        assert!(peak < MEMORY, "{fault}: {peak} bytes of memory when it is judged again");
    }
}

#[test]
fn a_report_behind_a_link_is_none_and_foreign_text_is_in_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let foreign = folder.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("report.toml"), "[foreign]\ntext = \"foreign-text-9713\"\n").unwrap();
    let reference = program("reference-exporter");
    for (name, swap) in [
        ("folder", "mv \"${report%/*}\" \"${report%/*}.away\" && ln -s FOREIGN \"${report%/*}\""),
        ("file", "ln -sf FOREIGN/report.toml \"$report\""),
    ] {
        let script = format!(
            "{} \"$@\" || exit\nwhile [ $# -gt 0 ]; do [ \"$1\" = -report ] && report=$2; shift; done\n{}",
            reference.display(),
            swap.replace("FOREIGN", &foreign.display().to_string())
        );
        let linked = executable(folder.path(), name, &script);
        let [report, evidence] =
            [format!("{name}.json"), format!("{name}-evidence")].map(|name| folder.path().join(name));
        let mut command = conformance();
        command.args(["run", "--registry", "embedded", "--target", "registry", "--scenario", "minimal"]);
        command
            .args(["--exporter", &linked, "--report", &format!("json={}", report.display()), "--evidence"])
            .arg(&evidence);
        let output = command.output_in_time().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        let plain = conformance::report::json::plain(&std::fs::read(&report).unwrap()).unwrap();
        let failed = requirements(&plain, "fail");
        assert!(failed.iter().any(|id| id.starts_with("report.") || id.starts_with("platform.report")), "{failed:?}");
        for entry in walkdir::WalkDir::new(&evidence).into_iter().flatten().filter(|one| one.file_type().is_file()) {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("foreign-text-9713"), "{}", entry.path().display());
        }
        assert!(!plain.to_string().contains("foreign-text-9713"), "{name}");
    }
}

#[test]
fn a_file_s_escapes_reach_no_terminal_with_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    std::fs::write(&file, "name = \u{1b}[31m\n").unwrap();
    for option in ["--exporter-file", "--profile", "--baseline", "--config"] {
        let mut command = conformance();
        command.args(["run", "--registry", "embedded", "--scenario", "minimal", option]).arg(&file);
        let output = command.output_in_time().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(2 | 3)), "{option}: {said}");
        assert!(said.contains("x.toml") && !said.contains('\u{1b}'), "{option}: {said:?}");
    }
}

/// A bundle of one file of zeros.
fn bundle_of_zeros(file: &Path, name: &str, size: u64) {
    let zstd = zstd::Encoder::new(std::fs::File::create(file).unwrap(), 1).unwrap();
    let mut archive = tar::Builder::new(zstd);
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, std::io::repeat(0).take(size)).unwrap();
    archive.into_inner().unwrap().finish().unwrap();
}

#[test]
fn a_bundle_that_unpacks_to_more_than_it_may_takes_no_disk() {
    let folder = tempfile::tempdir().unwrap();
    let blob = format!("blobs/sha256/{}", "0".repeat(64));
    for (name, size, reason) in
        [(blob.as_str(), 512 << 20, "no index.json can be read"), ("run.json", 300 << 20, "more than 268435456 bytes")]
    {
        let bomb = folder.path().join("bomb.tar.zst");
        bundle_of_zeros(&bomb, name, size);
        assert!(std::fs::metadata(&bomb).unwrap().len() < 1 << 20);
        // A file of more than 32 MiB ends the program here.
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -f 65536; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_conformance"), "judge"])
            .arg(&bomb);
        let (judged, peak) = with_peak(command);
        let said = String::from_utf8_lossy(&judged.stderr).into_owned();
        assert!(matches!(judged.status.code(), Some(2 | 3)), "{:?} {said}", judged.status);
        assert!(said.contains(reason) && said.contains("bomb.tar.zst"), "{said}");
        assert!(peak < MEMORY, "{peak} bytes of memory");
    }
}

/// A pipe without a writer, a device without an end, and a file that is larger than all memory.
fn endless(folder: &Path) -> Vec<PathBuf> {
    let [pipe, sparse] = ["pipe", "sparse"].map(|name| folder.join(name));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::fs::File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
    vec![pipe, PathBuf::from("/dev/zero"), sparse]
}

#[test]
fn what_never_ends_in_place_of_a_file_is_one_message_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    for path in endless(folder.path()) {
        let path = path.to_str().unwrap();
        let run = ["run", "--registry", "embedded", "--target", "layout", "--scenario", "minimal"];
        let within_run = ["--profile", "--exporter-file", "--baseline", "--scenarios", "--registry-ca", "--config"];
        let mut calls: Vec<Vec<&str>> = within_run.map(|option| [&run[..], &[option, path]].concat()).to_vec();
        calls.extend([
            vec!["judge", path],
            vec!["check", path],
            vec!["compare", path, path],
            vec!["merge", path, path],
        ]);
        calls.extend([vec!["baseline", "update", path, path], vec!["questions", path], vec!["stores", path]]);
        for arguments in calls {
            let begun = Instant::now();
            let output = conformance().args(&arguments).output_in_time().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(matches!(output.status.code(), Some(2 | 3)), "{arguments:?}: {:?} {said}", output.status);
            assert!(said.contains(path) && said.lines().count() <= 6, "{arguments:?}: {said}");
            assert!(begun.elapsed() < Duration::from_secs(8), "{arguments:?}: {:?}", begun.elapsed());
        }
        // In place of a file of evidence.
        let evidence = folder.path().join("evidence");
        std::fs::create_dir(&evidence).unwrap();
        std::os::unix::fs::symlink(path, evidence.join("index.json")).unwrap();
        let output = conformance().arg("judge").arg(&evidence).output_in_time().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("index.json"), "{said}");
        std::fs::remove_dir_all(&evidence).unwrap();
    }
}
