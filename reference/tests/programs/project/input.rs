//! What cannot be used: one line, an exit code of its own, and nothing half written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use bounded::Bounded as _;

use crate::support::repository::{Folder, program};

#[test]
fn every_kind_of_bad_input_has_one_line_and_its_exit_code() {
    let folder = Folder::new();
    folder.write("wrong/project.toml", "[_]\nname='x'\n");
    folder.write("torn/project.toml", "[_\n");
    fs::create_dir_all(folder.path("folder/project.toml")).unwrap();
    folder.write("link/.git", "gitdir: ../nowhere\n");
    folder.write("noise/.git", "noise\n");
    fs::create_dir_all(folder.path("plain")).unwrap();
    folder.repository("damaged");
    let object = fs::read_dir(folder.path("damaged/.git/objects")).unwrap().map(|entry| entry.unwrap().path());
    for path in object.filter(|path| path.file_name().unwrap().len() == 2) {
        fs::remove_dir_all(path).unwrap();
    }
    folder.repository("odd-head");
    folder.write("odd-head/.git/HEAD", "nothing\n");
    for (source, arguments, code, reason) in [
        ("nowhere", &[][..], 2, "nowhere"),
        ("plain", &["--set", "colour=red"], 2, "--set 'colour'"),
        ("plain", &["--descriptor", "/nonexistent/project.toml"], 3, "/nonexistent/project.toml"),
        ("wrong", &[], 3, "schema-version"),
        ("torn", &[], 3, "line 1"),
        ("folder", &[], 3, "it is not a file"),
        ("link", &[], 4, "which is not here"),
        ("noise", &[], 4, "names none"),
        ("damaged", &[], 4, "missing"),
        ("odd-head", &[], 4, "HEAD"),
    ] {
        let called = folder.call(source, arguments);
        assert_eq!((called.code, called.text.as_str()), (Some(code), ""), "{source}: {}", called.stderr);
        assert_eq!(called.stderr.lines().count(), 1, "{source}: {}", called.stderr);
        assert!(called.stderr.starts_with("ERROR: failed to ") && called.stderr.contains(reason), "{}", called.stderr);
    }
}

#[test]
fn the_file_is_there_whole_or_as_it_was() {
    let folder = Folder::new();
    folder.write("app/project.toml", "[project]\nname='App'\n");
    folder.write("out/old.toml", "old");
    let call = |output: &str, arguments: &[&str]| {
        let output = folder.path(output);
        let mut command = program();
        command.arg("--source").arg(folder.path("app")).arg("-o").arg(output).args(arguments);
        command.output_in_time().unwrap()
    };
    assert_eq!(call("out/old.toml", &["--set", "x"]).status.code(), Some(2));
    assert_eq!(fs::read_to_string(folder.path("out/old.toml")).unwrap(), "old");
    assert_eq!(call("out/old.toml", &[]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(folder.path("out/old.toml")).unwrap(), "[source.metadata]\nname = \"App\"\n");
    assert_eq!(fs::metadata(folder.path("out/old.toml")).unwrap().permissions().mode() & 0o777, 0o644);
    for output in ["nowhere/new.toml", "out"] {
        let failed = call(output, &[]);
        let stderr = String::from_utf8(failed.stderr).unwrap();
        assert_eq!((failed.status.code(), stderr.lines().count()), (Some(6), 1), "{stderr}");
    }
    let left: Vec<_> = fs::read_dir(folder.path("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["old.toml"]);
}

#[test]
fn without_git_on_path_a_repository_is_an_error_and_a_plain_folder_is_not() {
    let folder = Folder::new();
    folder.repository("app");
    fs::create_dir_all(folder.path("plain")).unwrap();
    // A git in a relative folder of PATH may be the source's own.
    folder.program("app/git", "#!/bin/sh\ntouch ran\n");
    let call = |source: &str, arguments: &[&str]| {
        let mut command = program();
        command.current_dir(folder.path("app")).env("PATH", ".:/nonexistent").arg("--source").arg(folder.path(source));
        command.args(["-o", "-"]).args(arguments).output_in_time().unwrap()
    };
    let missing = call("app", &[]);
    assert_eq!(missing.status.code(), Some(4));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("there is no git on PATH"));
    assert_eq!(call("app", &["--no-git"]).status.code(), Some(0));
    assert_eq!(call("plain", &[]).status.code(), Some(0));
    assert!(!folder.path("app/ran").exists());
}

#[test]
fn a_git_that_does_not_end_is_ended() {
    let folder = Folder::new();
    folder.repository("app");
    folder.program("bin/git", "#!/bin/sh\nexec sleep 300\n");
    let path = format!("{}:{}", folder.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = program();
    command.env("PATH", path).arg("--source").arg(folder.path("app")).args(["-o", "-", "--git-limit", "1"]);
    let output = command.output_within(std::time::Duration::from_secs(30)).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(4), 1), "{stderr}");
    assert!(stderr.contains("did not end within 1 s"), "{stderr}");
}
