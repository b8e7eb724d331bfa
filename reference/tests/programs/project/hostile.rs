//! Repositories whose configuration names programs to run: none of them runs. Each trap is first seen to work on a
//! plain `git status`, so that a trap that cannot close proves nothing.

use std::fs;

use bounded::Bounded as _;

use crate::support::repository::Folder;

/// A program that leaves a file when it runs.
fn trap(folder: &Folder, name: &str) -> (String, std::path::PathBuf) {
    let mark = folder.path(&format!("ran-{name}"));
    let program = folder.program(&format!("{name}.sh"), &format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display()));
    (program.display().to_string(), mark)
}

/// Whether a plain `git status` closes the trap, which is opened again.
fn closes(folder: &Folder, source: &str, mark: &std::path::Path) -> bool {
    // Same bytes at another time: git has to look into the file.
    let now = std::time::SystemTime::now() + std::time::Duration::from_secs(7);
    fs::File::options().append(true).open(folder.path(source).join("main.c")).unwrap().set_modified(now).unwrap();
    let _ = folder.git_command(source).env("GIT_OPTIONAL_LOCKS", "0").arg("status").output_in_time().unwrap();
    let closed = mark.exists();
    let _ = fs::remove_file(mark);
    closed
}

#[test]
fn no_program_of_a_repository_s_configuration_runs() {
    for (name, settings) in [
        ("fsmonitor", &[("core.fsmonitor", "PROGRAM")][..]),
        ("filter", &[("filter.evil.clean", "PROGRAM")]),
        ("process", &[("filter.evil.process", "PROGRAM"), ("filter.evil.required", "true")]),
        ("include", &[("include.path", "INCLUDED")]),
    ] {
        let folder = Folder::new();
        let commit = folder.repository("app");
        let (program, mark) = trap(&folder, name);
        folder.write("app/.git/info/attributes", "*.c filter=evil\n");
        folder.write("included", &format!("[core]\n\tfsmonitor = {program}\n"));
        let included = folder.path("included").display().to_string();
        for (key, value) in settings {
            let value = value.replace("PROGRAM", &program).replace("INCLUDED", &included);
            folder.git("app", &["config", key, &value]);
        }
        assert!(closes(&folder, "app", &mark), "{name}: the trap does not close");
        let made = folder.made("app", &[]);
        assert!(!mark.exists(), "{name}: the program ran");
        assert_eq!(made.text_at("version.commit"), Some(commit), "{name}");
        assert_eq!(made.text_at("version.dirty").as_deref(), Some("false"), "{name}");
    }
}

#[test]
fn filters_of_committed_attributes_and_of_submodules_do_not_run_either() {
    let folder = Folder::new();
    folder.repository("library");
    folder.repository("app");
    folder.write("app/.gitattributes", "*.c filter=evil\n");
    let from = folder.path("library").display().to_string();
    folder.git("app", &["submodule", "--quiet", "add", &from, "lib"]);
    folder.commit("app");
    let (program, mark) = trap(&folder, "both");
    folder.git("app", &["config", "filter.evil.clean", &program]);
    assert!(closes(&folder, "app", &mark), "the filter's trap does not close");
    folder.git("app", &["config", "--unset", "filter.evil.clean"]);
    folder.git("app/lib", &["config", "core.fsmonitor", &program]);
    assert!(closes(&folder, "app", &mark), "the submodule's trap does not close");
    folder.git("app", &["config", "filter.evil.clean", &program]);
    let made = folder.made("app", &[]);
    assert!(!mark.exists(), "the program ran");
    assert_eq!(made.text_at("version.dirty").as_deref(), Some("false"));
}

#[test]
fn a_missing_object_is_not_fetched_by_a_program_of_the_remote() {
    let folder = Folder::new();
    folder.repository("app");
    folder.git("app", &["config", "uploadpack.allowFilter", "true"]);
    let from = format!("file://{}", folder.path("app").display());
    folder.git("", &["clone", "-q", "--filter=blob:none", "--no-checkout", &from, "clone"]);
    let (program, mark) = trap(&folder, "remote");
    // It ends at once: a git that talks to it would wait for it.
    folder.program("remote.sh", &format!("#!/bin/sh\ntouch '{}'\n", mark.display()));
    folder.git("clone", &["config", "remote.origin.uploadpack", &program]);
    let plain = folder.git_command("clone").args(["cat-file", "-p", "HEAD:main.c"]).output_in_time().unwrap();
    assert!(!plain.status.success() && mark.exists(), "the trap does not close");
    fs::remove_file(&mark).unwrap();
    let called = folder.call("clone", &[]);
    assert!(!mark.exists(), "the program ran: {:?} {}", called.code, called.stderr);
}

#[test]
fn a_repository_of_another_owner_is_read_and_variables_lead_to_no_other() {
    let folder = Folder::new();
    let commit = folder.repository("app");
    folder.repository("other");
    if std::os::unix::fs::chown(folder.path("app"), Some(65534), Some(65534)).is_ok() {
        let plain = folder.git_command("app").arg("status").env_remove("SUDO_UID").output_in_time().unwrap();
        assert!(!plain.status.success(), "git does not mind the owner here");
    }
    let mut command = crate::support::repository::program();
    command.env("GIT_DIR", folder.path("other/.git")).env("GIT_CONFIG_COUNT", "1");
    command.env("GIT_CONFIG_KEY_0", "core.fsmonitor").env("GIT_CONFIG_VALUE_0", trap(&folder, "variable").0);
    let output = command.arg("--source").arg(folder.path("app")).args(["-o", "-"]).output_in_time().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains(&commit), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!folder.path("ran-variable").exists());
}

#[test]
fn what_never_ends_to_be_read_is_not_read() {
    let folder = Folder::new();
    folder.repository("app");
    for name in ["config", "HEAD"] {
        let path = folder.path("app/.git").join(name);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let called = folder.call("app", &["--git-limit", "5"]);
        assert_eq!(called.code, Some(4), "{name}: {}", called.stderr);
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    folder.git("app", &["config", "core.eol", "lf\n[core]\nfsmonitor=evil"]);
    let called = folder.call("app", &[]);
    assert_eq!(called.code, Some(4), "{}", called.stderr);
}
