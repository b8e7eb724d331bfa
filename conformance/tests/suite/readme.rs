//! What the README shows of a run is what a run prints: from a committed description, with what varies masked.
//! `RENEW_README=1` writes it anew.

use bounded::Bounded as _;
use std::path::{Path, PathBuf};

use super::support::{conformance, program};

const DESCRIPTION: &str = "fixtures/exporters/faulty.toml";
const HEADING: &str = "## Judge your exporter in a minute";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What the command that the README names prints, with `target/first` for the folder of this build's programs.
fn printed() -> String {
    program("reference-exporter");
    let folder = program("faulty-exporter").parent().unwrap().to_path_buf();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let output = conformance()
        .current_dir(root())
        .env("PATH", path)
        .args(["run", "--exporter-file", DESCRIPTION, "--registry", "embedded", "--target", "registry"])
        .args(["--target", "layout", "--scenario", "all-project-metadata"])
        .output_in_time()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace(&folder.display().to_string(), "target/first")
}

/// The answer that decides, the first failure, and the last line.
fn shortened(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().collect();
    let at = |start: &str| lines.iter().position(|line| line.trim_start().starts_with(start)).unwrap();
    let failure = at("failures")..=at("repeat");
    let mut kept = vec!["…", "", lines[at("rfc-196")], "…", ""];
    kept.extend(&lines[failure]);
    kept.extend(["…", "", lines.last().unwrap()]);
    kept.join("\n") + "\n"
}

/// The text with `N` for seconds, ports and the program's hash, which vary from run to run and from build to build.
fn masked(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n']).map(|word| {
        let bare = word.trim_end();
        if bare.starts_with("sha256:") && bare.ends_with('…') {
            word.replace(bare, "sha256:N")
        } else if bare.parse::<f64>().is_ok() && bare.contains('.') {
            word.replace(bare, "N")
        } else if let Some(rest) = bare.strip_prefix("127.0.0.1:") {
            let tail = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            word.replace(bare, &format!("127.0.0.1:N{tail}"))
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

#[test]
fn what_the_readme_shows_of_a_run_is_what_it_prints() {
    let file = root().join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let section = readme.split_once(HEADING).unwrap().1.split_once("\n## ").unwrap().0;
    assert!(section.contains(DESCRIPTION), "the README does not say how to repeat it");
    let shown = section.rsplit_once("\n```\n").unwrap().0.rsplit_once("```\n").unwrap().1.to_owned() + "\n";
    assert!(readme.lines().count() <= 120, "the README is to be read, and has {} lines", readme.lines().count());
    let expected = shortened(&printed());
    if std::env::var_os("RENEW_README").is_some() {
        std::fs::write(&file, readme.replacen(&shown, &expected, 1)).unwrap();
        return;
    }
    let renew = "renew it: RENEW_README=1 cargo test -p conformance --test suite readme";
    assert_eq!(masked(&expected), masked(&shown), "{renew}");
}

#[test]
fn masking_hides_what_varies_and_nothing_else() {
    assert_eq!(
        masked("x in 2.7 s\nsha256:c8b4… 127.0.0.1:40831/a/run:base 281"),
        "x in N s\nsha256:N 127.0.0.1:N/a/run:base 281"
    );
    assert_ne!(masked("pass 135"), masked("pass 136"));
    let full = "sha256:65927044ebd79632a511625a4e7627c963c488f508f8f443386618793dcd9c2d";
    assert_eq!(masked(full), full);
}
