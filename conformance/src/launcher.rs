//! The launcher of images whose containers are run: a static program of the suite's own that prints what it finds.

#[cfg(test)]
#[path = "../launcher/main.rs"]
#[expect(dead_code, reason = "its main is that of another program")]
mod program;

use crate::error::chain;
use judge::evidence::InContainer;

/// The program; empty where it could not be built for this machine.
pub static PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/launcher"));

/// What it printed.
///
/// # Errors
/// Why that is not what it prints.
pub fn read(output: &[u8]) -> Result<InContainer, String> {
    serde_json::from_slice(output).map_err(|error| chain(&error))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use judge::digest::Digest;
    use judge::evidence::FileKind;

    use super::*;

    #[test]
    fn it_hashes_as_others_do() {
        for length in [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000] {
            let bytes: Vec<u8> = (0..length).map(|at: u32| at.to_le_bytes()[0]).collect();
            let found = program::Sha256::of_all(bytes.as_slice()).unwrap();
            assert_eq!(format!("sha256:{found}"), Digest::of(&bytes).as_str(), "{length} bytes");
        }
    }

    #[test]
    fn its_strings_are_json() {
        let mut out = String::new();
        program::quote(&mut out, "a\"b\\c\n\u{1}é\u{7f}".as_bytes());
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), "a\"b\\c\n\u{1}é\u{7f}");
    }

    #[test]
    fn it_starts_where_there_is_nothing_else_and_tells_what_there_is() {
        use std::os::unix::fs::PermissionsExt;
        assert!(!PROGRAM.is_empty(), "the launcher was not built");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("launcher");
        std::fs::write(&path, PROGRAM).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.path().join("link")).unwrap();
        // Root may change the root folder; others are root in a namespace of their own.
        let as_root: &[&str] = if nix::unistd::geteuid().is_root() { &[] } else { &["unshare", "--map-root-user"] };
        let words: Vec<&str> = as_root.iter().copied().chain(["chroot"]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(folder.path()).args(["/launcher", "an argument"]);
        let output = command.env("NAME", "a \"value\"").output().unwrap();
        let found = read(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        assert_eq!(found.argv, ["/launcher", "an argument"]);
        assert_eq!(found.environment["NAME"], "a \"value\"");
        assert_eq!(found.working_directory.as_deref(), Some("/"));
        let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/", "/launcher", "/link"]);
        assert_eq!(found.file("/").map(|root| root.kind), Some(FileKind::Directory));
        let launcher = found.file("/launcher").unwrap();
        assert_eq!((launcher.mode, &launcher.content), (0o755, &Some(Digest::of(PROGRAM))));
        let link = found.file("/link").unwrap();
        assert_eq!((link.link.as_deref(), link.is_open), (Some("/nowhere"), false));
    }
}
