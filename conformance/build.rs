//! Scenarios are compiled in: one that is new or gone makes a new build. So is the launcher of images whose containers
//! are run, which has to be one static program. A release names its commit.

use std::path::{Path, PathBuf};
use std::process::Command;

const LAUNCHER: &str = "launcher/main.rs";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../fixtures/scenarios");
    println!("cargo:rerun-if-changed={LAUNCHER}");
    let program = PathBuf::from(std::env::var("OUT_DIR")?).join("launcher");
    if let Err(reason) = compile(&program) {
        println!("cargo:warning=no container will be run: the static launcher was not built: {reason}");
        // The suite is whole without it, and says why it runs no container.
        std::fs::write(&program, "")?;
    }
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        name_the_commit();
    }
    Ok(())
}

fn name_the_commit() {
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

/// Compiles the launcher as a program that needs no library and no loader.
fn compile(program: &Path) -> Result<(), String> {
    let variable = |name: &str| std::env::var(name).map_err(|error| format!("{name}: {error}"));
    let target = variable("TARGET")?;
    if !target.contains("-linux-") {
        return Err(format!("containers are Linux's, and the suite is built for {target}"));
    }
    let mut command = Command::new(variable("RUSTC")?);
    command.args(["--edition=2024", "--crate-name=launcher", "--crate-type=bin", "--target", &target]);
    for option in
        ["opt-level=s", "panic=abort", "strip=symbols", "target-feature=+crt-static", "lto=fat", "codegen-units=1"]
    {
        command.args(["-C", option]);
    }
    // Of a build for another machine; of its own the compiler knows the linker.
    if let Ok(linker) = std::env::var("RUSTC_LINKER") {
        command.arg("-C").arg(format!("linker={linker}"));
    }
    let output = command.arg("-o").arg(program).arg(LAUNCHER).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
