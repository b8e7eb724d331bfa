//! Mistakes that users make: each is told on stderr with what was to be done, on what, why not, and what to do, in the
//! suite's one way of telling an error. What differs from machine to machine is masked.

use bounded::Bounded as _;
use std::fmt::Write as _;
use std::path::Path;

use super::cases::{conformance, program};

/// Lays out what the mistakes are made with.
fn lay_out(folder: &Path) {
    let write = |name: &str, text: &[u8]| std::fs::write(folder.join(name), text).unwrap();
    write("broken.toml", b"name = 'x\n");
    write("level.toml", b"name = 'ours'\nextends = 'core'\n[levels]\n'annotations.[' = 'MUST'\n");
    write("text.json", b"not JSON\n");
    write("other.json", b"{\"schema\": 9}\n");
    write("binary.toml", b"\xff\xfe");
    write("empty.pem", b"");
    write("plain.txt", b"plain\n");
    write("known.toml", b"[[known]]\nrequirement = 'annotations.title'\nreason = ''\n");
    std::fs::create_dir_all(folder.join("bad-scenario")).unwrap();
    write("bad-scenario/scenario.toml", b"description = 'x'\ntagret = 'registry'\n");
    std::fs::create_dir_all(folder.join("evidence")).unwrap();
    write("evidence/index.json", b"{");
}

#[test]
fn each_is_told_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path());
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let (exporter, faulty) = (program("reference-exporter"), program("faulty-exporter"));
    let (exporter, faulty) = (exporter.display().to_string(), faulty.display().to_string());
    let run = |words: &str| format!("run --scenario minimal --registry embedded --exporter {exporter} {words}");
    let mistakes = [
        run("--profile missing.toml"),
        run("--profile broken.toml"),
        run("--profile level.toml"),
        run("--profile binary.toml"),
        run("--profile bad-scenario"),
        run("--baseline missing.toml"),
        run("--baseline broken.toml"),
        run("--baseline known.toml"),
        run("--registry-ca missing.pem"),
        run("--registry-ca empty.pem"),
        run("--scenarios missing"),
        run("--scenarios bad-scenario"),
        run("--report json=missing/report.json"),
        run("--evidence plain.txt/evidence"),
        run("--evidence bad-scenario"),
        run("--only-failed text.json"),
        run("--requirement annotations.["),
        run("--daemon tcp://127.0.0.1:1 --target daemon"),
        run("--daemon unix:///nonexistent/docker.sock --target daemon"),
        format!("run --scenario minimal --exporter {exporter} --registry http://{closed}"),
        "run --exporter missing".to_owned(),
        "run --exporter plain.txt".to_owned(),
        "run --exporter-file missing.toml".to_owned(),
        "run --exporter-file broken.toml".to_owned(),
        "run --config missing.toml".to_owned(),
        "run --config broken.toml".to_owned(),
        "judge missing".to_owned(),
        "judge plain.txt".to_owned(),
        "judge evidence".to_owned(),
        "bundle missing --output bundle.tar.zst".to_owned(),
        "merge missing.json".to_owned(),
        "merge text.json".to_owned(),
        "merge other.json".to_owned(),
        "baseline update known.toml missing.json".to_owned(),
        "compare missing.json text.json".to_owned(),
        "check missing".to_owned(),
        "check bad-scenario".to_owned(),
        "check broken.toml".to_owned(),
        "questions missing.json".to_owned(),
        "questions text.json".to_owned(),
        "stores text.json".to_owned(),
        "figures missing.json".to_owned(),
        "proposal text.json".to_owned(),
        "site other.json --output site".to_owned(),
        "man missing".to_owned(),
        format!("self-test --faulty missing --exporter {exporter}"),
        format!("self-test --faulty plain.txt --exporter {exporter}"),
        format!("self-test --faulty {faulty} --fault no-such-fault --exporter {exporter}"),
    ];
    let mut told = String::new();
    for words in mistakes {
        let output = conformance()
            .args(words.split(' '))
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .output_in_time()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let text = format!("$ conformance {words}\n{stderr}exit {}\n\n", output.status.code().unwrap_or(-1));
        assert!(!stderr.contains("panicked"), "{text}");
        assert_ne!(output.status.code(), Some(0), "{text}");
        let masked = text
            .replace(&folder.path().display().to_string(), "FOLDER")
            .replace(&exporter, "EXPORTER")
            .replace(&faulty, "FAULTY")
            .replace(&closed.to_string(), "127.0.0.1:PORT");
        let _ = write!(told, "{masked}");
    }
    insta::assert_snapshot!("told", told);
}
