//! One run of a program: time on the wall, time of processors, and the most memory it had.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Failure, ending};

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// On the wall.
    pub(super) wall: Duration,
    /// Of the process itself, in user and system; of a script, without what it called.
    pub(super) processor: Duration,
    /// Peak of resident memory, in KiB.
    pub(super) peak: u64,
}

/// Runs to the end; a failure tells what the program said.
pub(super) fn run(command: &mut Command) -> Result<Run, Failure> {
    let said = tempfile::tempfile()?;
    // A group of its own, so that it ends with all that it calls.
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?);
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("start {}: {error}", command.get_program().display()))?;
    let (mut processor, mut peak) = (Duration::ZERO, 0);
    // The process is asked about before it is waited for: what has been waited for has no figures any more.
    let wall = loop {
        let passed = begun.elapsed();
        let Some((state, used)) = stat(child.id()) else { break passed };
        processor = used;
        if state == 'Z' {
            break passed;
        }
        peak = peak.max(high_water(child.id()).unwrap_or(0));
        if ending::is_asked_for() {
            end(&mut child)?;
            ending::check()?;
        }
        thread::sleep(Duration::from_millis(1));
    };
    let status = child.wait()?;
    if status.success() {
        return Ok(Run { wall, processor, peak });
    }
    let mut text = String::new();
    std::io::Seek::rewind(&mut &said)?;
    std::io::Read::read_to_string(&mut &said, &mut text)?;
    Err(format!("{} ended with {status}: {}", command.get_program().display(), text.trim()).into())
}

/// Ends a child and what it has called, by the id of their group.
fn end(child: &mut Child) -> Result<(), Failure> {
    Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status()?;
    child.wait()?;
    Ok(())
}

/// State and processor time of a process (`proc(5)`); the clock's ticks are hundredths of seconds on Linux.
fn stat(id: u32) -> Option<(char, Duration)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let own: u64 = fields.get(11..13)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    // What a script called and waited for.
    let called: u64 = fields.get(13..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some((fields.first()?.chars().next()?, Duration::from_millis((own + called) * 10)))
}

fn high_water(id: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ended_is_ended_with_what_it_calls() {
        let folder = tempfile::tempdir().unwrap();
        let noted = folder.path().join("id");
        let line = format!("sleep 300 & echo $! >'{0}.new'; mv '{0}.new' '{0}'; wait", noted.display());
        let mut child = Command::new("sh").args(["-c", &line]).process_group(0).spawn().unwrap();
        while !noted.exists() {
            thread::sleep(Duration::from_millis(5));
        }
        let called = fs::read_to_string(&noted).unwrap();
        end(&mut child).unwrap();
        let begun = Instant::now();
        while stat(called.trim().parse().unwrap()).is_some_and(|(state, _)| state != 'Z') {
            assert!(begun.elapsed() < Duration::from_secs(20));
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_run_is_measured_and_a_failure_says_what_the_program_said() {
        let slept = run(Command::new("sleep").arg("0.05")).unwrap();
        assert!(slept.wall >= Duration::from_millis(50) && slept.wall < Duration::from_secs(20), "{slept:?}");
        assert!(slept.peak > 0, "{slept:?}");
        let failed = run(Command::new("sh").args(["-c", "echo why; exit 3"])).unwrap_err().to_string();
        assert!(failed.contains("why") && failed.contains('3'), "{failed}");
    }
}
