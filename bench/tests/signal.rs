//! A run that is ended by a signal leaves nothing that it started.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bounded::write_program;

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_signal_ends_the_registry_too() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, noted) = (folder.path().join("registry"), folder.path().join("id"));
    // It never listens, so that the program is still waiting when the signal comes.
    let script = format!("#!/bin/sh\necho $$ >'{0}.new' && mv '{0}.new' '{0}'\nexec sleep 300\n", noted.display());
    write_program(&registry, &script).unwrap();
    let reference = folder.path().join("reference");
    fs::write(&reference, "").unwrap();
    for signal in ["TERM", "INT", "HUP"] {
        let _ = fs::remove_file(&noted);
        let temporary = folder.path().join(signal);
        fs::create_dir(&temporary).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_side-by-side"))
            .args(["--data", "nothing", "--exporters-only", "--registry"])
            .arg(&registry)
            .arg("--reference")
            .arg(&reference)
            .env("TMPDIR", &temporary)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the registry is started", || noted.exists());
        let id = fs::read_to_string(&noted).unwrap().trim().to_owned();
        assert!(Path::new("/proc").join(&id).exists());
        let sent = Command::new("kill").args([&format!("-{signal}"), &program.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let begun = Instant::now();
        assert!(!program.wait().unwrap().success());
        assert!(begun.elapsed() < Duration::from_secs(10), "{signal}: {:?}", begun.elapsed());
        until("the registry is ended", || !Path::new("/proc").join(&id).exists());
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "{signal}");
    }
}
