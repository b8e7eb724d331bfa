//! Scenarios are compiled in: one that is new or gone makes a new build. A release names its commit.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=../fixtures/scenarios");
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    // What is not there would make every build a new one.
    for file in ["../.git/HEAD", "../.git/logs/HEAD"].iter().filter(|file| Path::new(file).exists()) {
        println!("cargo:rerun-if-changed={file}");
    }
    let asked = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    if let Some(commit) =
        asked.ok().filter(|asked| asked.status.success()).and_then(|asked| String::from_utf8(asked.stdout).ok())
    {
        println!("cargo:rustc-env=CONFORMANCE_COMMIT={}", commit.trim());
    }
}
