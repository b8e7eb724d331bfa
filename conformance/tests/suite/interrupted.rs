//! Signals at random moments. `INTERRUPTIONS` says how many of each signal, `INTERRUPTIONS_SEED` which moments.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bounded::Bounded as _;
use conformance::fuzz::pairs::Chance;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{conformance, program, that_hears_signals};

/// A moment of a run, from a seed: up to this many milliseconds after it began.
const LATEST: usize = 6000;

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The processes whose environment has this variable with this value.
fn processes_with(variable: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let holds = |id: &i32| {
        let bytes = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        bytes.split(|byte| *byte == 0).any(|pair| pair == variable.as_bytes())
    };
    ids.filter(holds).collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Sends a signal to a run after so long; whether it was still there.
fn interrupted(signal: Signal, after: Duration, folder: &Path) -> bool {
    let (temporary, evidence) = (folder.join("tmp"), folder.join("evidence"));
    std::fs::create_dir(&temporary).unwrap();
    let mut child = that_hears_signals(env!("CARGO_BIN_EXE_conformance"))
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .env("TMPDIR", &temporary)
        .args(["run", "--registry", "embedded", "--target", "registry", "--target", "layout", "--evidence"])
        .arg(&evidence)
        .arg("--exporter")
        .arg(program("reference-exporter"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    let is_there = child.try_wait().unwrap().is_none();
    let begun = Instant::now();
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap_or_default();
    let status = child.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30), "{signal} took {:?}", begun.elapsed());
    // In its first moments, on a loaded machine, a program has not begun to listen for signals.
    let is_early = after < Duration::from_millis(1500) && status.signal() == Some(signal as i32);
    if is_there && signal != Signal::SIGKILL && !is_early {
        assert_eq!(status.code(), Some(130), "{signal} after {after:?}: {status}");
    }
    is_there
}

/// What a run leaves that was interrupted: nothing; after a kill, nothing after the next run, which says what it
/// removed.
fn seen_clean(signal: Signal, after: Duration, folder: &Path) {
    let (temporary, evidence) = (folder.join("tmp"), folder.join("evidence"));
    let own = format!("TMPDIR={}", temporary.display());
    let begun = Instant::now();
    while !processes_with(&own).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{signal} after {after:?}: {:?}", processes_with(&own));
        std::thread::sleep(Duration::from_millis(50));
    }
    let left = names_in(&temporary);
    if signal == Signal::SIGKILL {
        let next = conformance()
            .env("TMPDIR", &temporary)
            .args(["run", "--registry", "embedded", "--target", "layout", "--scenario", "minimal", "--exporter"])
            .arg(program("reference-exporter"))
            .output_in_time()
            .unwrap();
        let said = String::from_utf8_lossy(&next.stderr).into_owned();
        assert_eq!(next.status.code(), Some(0), "{said}");
        let had_more = left.iter().any(|name| name.starts_with("registry-"));
        assert!(!had_more || said.contains("removed what killed runs had left"), "{left:?}: {said}");
    }
    let left = names_in(&temporary);
    assert!(left.is_empty(), "{signal} after {after:?} left {left:?}");
    if evidence.join("run.json").exists() {
        let judged = conformance().arg("judge").arg(&evidence).output_in_time().unwrap();
        let said = String::from_utf8_lossy(&judged.stderr).into_owned();
        assert!(matches!(judged.status.code(), Some(0 | 3 | 4 | 130)), "{signal} after {after:?}: {said}");
        let pairs = names_in(&evidence).iter().filter(|name| name.starts_with(".incoming-")).count();
        assert!(pairs == 0 || signal == Signal::SIGKILL, "{signal} after {after:?}: half-written files");
    }
}

fn each_signal(times: u64, seed: u64) {
    let signals = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGKILL];
    let mut chance = Chance(seed);
    for signal in signals {
        let mut count = 0;
        for _ in 0..times {
            let folder = tempfile::tempdir().unwrap();
            std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            let after = Duration::from_millis(chance.below(LATEST).try_into().unwrap());
            count += usize::from(interrupted(signal, after, folder.path()));
            seen_clean(signal, after, folder.path());
        }
        println!("seed {seed}, {signal}: {count} of {times} while it ran");
    }
}

#[test]
#[ignore = "it takes minutes: INTERRUPTIONS=100 cargo test --workspace --test suite interrupted -- --ignored"]
fn nothing_is_left_whenever_a_signal_comes() {
    each_signal(number("INTERRUPTIONS", 1), number("INTERRUPTIONS_SEED", 7));
}
