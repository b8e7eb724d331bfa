//! The binary on stored runs: judged again, bundled, compared, shared out and merged, measured against a baseline.

use bounded::Bounded as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{conformance, executable, program, said};

/// A folder in which commands leave files, and what they are called.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        program("reference-exporter");
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn json(&self, name: &str) -> Value {
        let value: Value = serde_json::from_slice(&fs::read(self.at(name)).unwrap()).unwrap();
        // A report, or what compare writes.
        if value["verdicts"].is_object() {
            conformance::report::json::plain(value.to_string().as_bytes()).unwrap()
        } else {
            value
        }
    }

    /// A command whose JSON report has this name; its exit code and standard error.
    fn reported(&self, name: &str, arguments: &[&str]) -> (i32, String) {
        let report = format!("json={}", self.at(name));
        let output = said(&[arguments, &["--report", &report]].concat());
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn run(&self, name: &str, more: &[&str]) -> (i32, String) {
        let fixed = [
            "run",
            "--registry",
            "embedded",
            "--names",
            "evidence",
            "--profile",
            "strict",
            "--target",
            "registry",
            "--target",
            "layout",
        ];
        self.reported(name, &[&fixed[..], more].concat())
    }

    /// The description of the reference with a fault.
    fn faulty(&self, fault: &str) -> String {
        let file = self.at("faulty.toml");
        let (faulty, reference) = (program("faulty-exporter"), program("reference-exporter"));
        let text = format!(
            "name = \"faulty\"\ncommand = [\"{}\", \"{fault}\", \"{}\"]\ntargets = [\"registry\", \"layout\"]\n",
            faulty.display(),
            reference.display()
        );
        fs::write(&file, text).unwrap();
        file
    }
}

fn assert_equal(one: &Value, other: &Value) {
    let timed =
        |report: &Value| report["scenario_milliseconds"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(timed(one), timed(other));
    for key in ["verdicts", "observations", "totals", "headlines", "differences", "scenarios", "exports", "exit_code"] {
        assert_eq!(one[key], other[key], "{key}");
    }
}

/// A report without what is a run's own: the port of its registry.
fn without_ports(report: &Value) -> Value {
    let text = report.to_string();
    let mut parts = text.split("127.0.0.1:");
    let head = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| format!("127.0.0.1:PORT{}", part.trim_start_matches(|c: char| c.is_ascii_digit())));
    serde_json::from_str(&(head + &rest.collect::<String>())).unwrap()
}

#[test]
fn stored_evidence_is_judged_as_the_run_was_and_damage_is_named() {
    let desk = Desk::new();
    let evidence = desk.at("evidence");
    let scenarios = ["--scenario", "minimal", "--scenario", "same-build-twice", "--scenario", "docker-run-image"];
    let (code, text) = desk.run("run.json", &[&scenarios[..], &["--evidence", &evidence]].concat());
    assert_eq!(code, 0, "{text}");
    assert!(desk.json("run.json")["totals"]["pass"].as_u64().unwrap() > 100);
    assert_eq!(desk.reported("again.json", &["judge", &evidence]).0, 0);
    assert_equal(&desk.json("run.json"), &desk.json("again.json"));
    let took = desk.json("run.json")["scenario_milliseconds"].clone();
    assert!(took.as_object().unwrap().len() == 3 && took["minimal"].as_u64().unwrap() > 0, "{took}");
    assert_eq!(took, desk.json("again.json")["scenario_milliseconds"], "a time is the run's, not the judging's");
    let (one, two) = (desk.at("one.tar.zst"), desk.at("two.tar.zst"));
    for file in [&one, &two] {
        assert!(said(&["bundle", &evidence, "-o", file]).status.success());
    }
    assert!(fs::read(&one).unwrap() == fs::read(&two).unwrap(), "the same evidence, other bytes");
    assert_eq!(desk.reported("unpacked.json", &["judge", &one]).0, 0);
    assert_equal(&desk.json("run.json"), &desk.json("unpacked.json"));
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    assert!(jsonschema::is_valid(&schema, &serde_json::from_slice(&fs::read(desk.at("again.json")).unwrap()).unwrap()));

    let whole = fs::read(&one).unwrap();
    fs::write(&two, &whole[..whole.len() - 9]).unwrap();
    let refused = |path: &str, words: &str, code: i32| {
        let (found, text) = desk.reported("refused.json", &["judge", path]);
        assert!(found == code && text.contains(words) && text.lines().count() == 1, "{path}: {found} {text}");
        assert!(!Path::new(&desk.at("refused.json")).exists());
    };
    refused(&two, "the archive is damaged", 3);
    refused(&desk.at("nowhere"), "nowhere", 2);
    refused(&desk.at("run.json"), "it is a JSON report", 2);
    let blob = fs::read_dir(desk.at("evidence/blobs/sha256")).unwrap().next().unwrap().unwrap();
    let blob = format!("evidence/blobs/sha256/{}", blob.file_name().to_string_lossy());
    let listing = fs::read_dir(desk.at("evidence/listings")).unwrap().next().unwrap().unwrap();
    let listing = format!("evidence/listings/{}", listing.file_name().to_string_lossy());
    let export = "evidence/minimal/registry/1/export.json";
    for file in ["evidence/run.json", export, "evidence/index.json", &blob, &listing] {
        let bytes = fs::read(desk.at(file)).unwrap();
        let mut longer = bytes.clone();
        longer.push(b'\n');
        fs::write(desk.at(file), longer).unwrap();
        refused(&evidence, file.trim_start_matches("evidence/"), 3);
        if file != "evidence/index.json" {
            fs::remove_file(desk.at(file)).unwrap();
            refused(&evidence, file.trim_start_matches("evidence/"), 3);
        }
        fs::write(desk.at(file), bytes).unwrap();
    }
    let manifest = fs::read_to_string(desk.at("evidence/manifest.sha256")).unwrap();
    let (first, rest) = manifest.split_once('\n').unwrap();
    let other = format!("{}  {}\n{rest}", "0".repeat(64), &first[66..]);
    for (text, words) in
        [(rest, "manifest.sha256 is damaged"), (&*other, &first[66..]), (&*(manifest.clone() + first), "twice")]
    {
        fs::write(desk.at("evidence/manifest.sha256"), text).unwrap();
        refused(&evidence, words, 3);
    }
    fs::remove_file(desk.at("evidence/manifest.sha256")).unwrap();
    refused(&evidence, "manifest.sha256 is damaged: it is not there", 3);
    fs::write(desk.at("evidence/manifest.sha256"), manifest).unwrap();
    let index = fs::read_to_string(desk.at("evidence/index.json")).unwrap();
    fs::write(desk.at("evidence/index.json"), index.replacen("\"version\": 2", "\"version\": 99", 1)).unwrap();
    refused(&evidence, "its format is version 99", 3);
}

/// Makes the parts of an export that lie in other files a part of it again.
fn whole(value: &mut Value, evidence: &Path, folder: &Path) {
    let text = |file: PathBuf| fs::read_to_string(file).unwrap();
    if let Some(hash) = value["entries"]["listing"].as_str() {
        value["entries"] =
            serde_json::from_str(&text(evidence.join("listings").join(hash).with_extension("json"))).unwrap();
    } else if let Some(file) = value["bytes"]["file"].as_str() {
        value["bytes"] = serde_json::json!({ "text": text(folder.join(file)) });
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|field| whole(field, evidence, folder)),
        Value::Array(items) => items.iter_mut().for_each(|item| whole(item, evidence, folder)),
        _ => {}
    }
}

#[test]
fn listings_lie_once_and_evidence_whose_exports_are_whole_by_themselves_is_read_too() {
    let desk = Desk::new();
    let evidence = desk.0.path().join("evidence");
    let named = evidence.display().to_string();
    assert_eq!(desk.run("run.json", &["--scenario", "same-build-twice", "--evidence", &named]).0, 0);
    let mut index = desk.json("evidence/index.json");
    let layers = |export: &Value| export["image"]["layers"].as_array().unwrap().clone();
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for entry in index["exports"].as_array_mut().unwrap() {
        let folder = evidence.join(entry["folder"].as_str().unwrap());
        let file = folder.join("export.json");
        let mut export: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for layer in layers(&export) {
            *seen.entry(layer["blob"]["entries"]["listing"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(export["image"]["config"]["bytes"]["file"], "config.json");
        whole(&mut export, &evidence, &folder);
        assert!(layers(&export).iter().all(|layer| layer["blob"]["entries"][0]["path"].is_string()));
        let bytes = export.to_string().into_bytes();
        for file in entry["files"].as_array_mut().unwrap().iter_mut().filter(|file| file["path"] == "export.json") {
            file["sha256"] = judge::digest::Digest::of(&bytes).encoded().into();
        }
        fs::write(&file, bytes).unwrap();
    }
    assert_eq!(fs::read_dir(evidence.join("listings")).unwrap().count(), seen.len());
    assert!(seen.values().all(|exports| *exports == 4), "two steps on two targets: {seen:?}");
    fs::remove_dir_all(evidence.join("listings")).unwrap();
    index["version"] = 1.into();
    index.as_object_mut().unwrap().remove("listings");
    let index = index.to_string();
    fs::write(evidence.join("index.json"), &index).unwrap();
    // Without a manifest the run would have to be one that did not come to its end.
    let value: Value = serde_json::from_str(&index).unwrap();
    let mut files = conformance::evidence::index::files(&value);
    files.push(("index.json".to_owned(), judge::digest::Digest::of(index.as_bytes()).encoded().to_owned()));
    let lines: Vec<String> = files.iter().map(|(file, hash)| format!("{hash}  {file}\n")).collect();
    fs::write(evidence.join("manifest.sha256"), lines.concat()).unwrap();
    let (code, text) = desk.reported("again.json", &["judge", &named]);
    assert_eq!(code, 0, "{text}");
    assert_equal(&desk.json("run.json"), &desk.json("again.json"));
}

#[test]
fn a_fault_is_a_regression_with_its_fields_and_its_end_a_fix() {
    let desk = Desk::new();
    let (good, bad) = (desk.at("good"), desk.at("bad"));
    let faulty = desk.faulty("title-altered");
    let scenario = ["--scenario", "all-project-metadata"];
    assert_eq!(desk.run("good.json", &[&scenario[..], &["--evidence", &good]].concat()).0, 0);
    let more = ["--evidence", &bad, "--exporter-file", &faulty];
    assert_eq!(desk.run("bad.json", &[&scenario[..], &more].concat()).0, 1);
    assert_eq!(desk.reported("worse.json", &["compare", &good, &bad]).0, 1);
    let worse = desk.json("worse.json");
    assert!(worse["newly_failing"].to_string().contains("source.title.verbatim"), "{worse}");
    let fields = worse["digests"][0]["fields"].to_string();
    assert!(fields.contains("manifest.annotations/org.opencontainers.image.title"), "{worse}");
    assert!(!fields.contains("base.name") && worse["only_the_address"] == serde_json::json!([]), "{worse}");
    assert_eq!(desk.reported("better.json", &["compare", &desk.at("bad.json"), &desk.at("good.json")]).0, 0);
    let better = desk.json("better.json");
    assert_eq!(
        (&better["fixed"].as_array().unwrap().len(), &better["digests_compared"]),
        (&worse["newly_failing"].as_array().unwrap().len(), &false.into())
    );

    // Only what failed is run again, and known failures do not decide.
    let more = ["--only-failed", &desk.at("bad.json"), "--exporter-file", &faulty];
    assert_eq!(desk.run("only.json", &more).0, 1);
    let failed = |report: &Value| -> Vec<Value> {
        let verdicts = report["verdicts"].as_array().unwrap().iter();
        verdicts.filter(|verdict| verdict["verdict"] == "fail").map(|verdict| verdict["id"].clone()).collect()
    };
    assert_eq!(failed(&desk.json("only.json")), failed(&desk.json("bad.json")));
    assert_eq!(desk.json("only.json")["verdicts"].as_array().unwrap().len(), failed(&desk.json("bad.json")).len());
    let known = desk.at("known.toml");
    assert!(said(&["baseline", "update", &known, &desk.at("bad.json")]).status.success());
    assert!(said(&["check", &known]).status.success());
    assert_eq!(desk.reported("known.json", &["judge", &bad, "--baseline", &known]).0, 0);
    assert_eq!(desk.json("known.json")["totals"], desk.json("bad.json")["totals"]);
    assert_eq!(desk.reported("again.json", &["judge", &good, "--baseline", &known]).0, 1);
    let stale = desk.json("again.json")["baseline"]["problems"].to_string();
    assert!(stale.contains("it passes now: remove the entry"), "{stale}");
}

#[test]
fn shards_merged_are_the_whole_and_the_first_failure_can_end_a_run() {
    let desk = Desk::new();
    let scenarios = ["--scenario", "minimal", "--scenario", "three-tags", "--scenario", "same-build-twice"];
    assert_eq!(desk.run("whole.json", &scenarios).0, 0);
    let mut names = Vec::new();
    for part in ["1/2", "2/2"] {
        names.push(format!("{}.json", &part[..1]));
        let (code, text) = desk.run(&names[names.len() - 1], &[&scenarios[..], &["--shard", part]].concat());
        assert_eq!(code, 0, "{text}");
    }
    let (one, two) = (desk.at(&names[0]), desk.at(&names[1]));
    assert_eq!(desk.reported("merged.json", &["merge", &two, &one]).0, 0);
    assert_equal(&without_ports(&desk.json("whole.json")), &without_ports(&desk.json("merged.json")));
    let (code, text) = desk.reported("shown.json", &["show", &desk.at("whole.json")]);
    assert!(
        code == 0 && text.contains("conformance: conformant to strict in the part that was run (exit 0): "),
        "{text}"
    );
    assert_equal(&desk.json("whole.json"), &desk.json("shown.json"));
    let (code, text) = desk.reported("missing.json", &["merge", &one]);
    assert!(code == 2 && text.contains("2/2 missing"), "{code} {text}");
    let (code, text) = desk.run("empty.json", &["--scenario", "minimal", "--shard", "2/2"]);
    assert!(code == 0 && text.contains("nothing to do"), "{code} {text}");
    let strict = ["--scenario", "minimal", "--require", "registry", "--shard"];
    for (name, part) in [("full.json", "1/2"), ("empty.json", "2/2")] {
        assert_eq!(desk.run(name, &[&strict[..], &[part]].concat()).0, 0, "{part}");
    }
    assert_eq!(desk.json("empty.json")["scenarios"].as_array().unwrap().len(), 0);
    assert_eq!(desk.reported("both.json", &["merge", &desk.at("empty.json"), &desk.at("full.json")]).0, 0);
    assert_eq!(desk.json("both.json")["verdicts"], desk.json("full.json")["verdicts"]);

    let fast = ["--exporter", "/bin/false", "--fail-fast", "--jobs", "1"];
    assert_eq!(desk.run("fast.json", &[&scenarios[..], &fast].concat()).0, 1);
    let fast = desk.json("fast.json");
    assert_eq!(fast["exports"], 2, "one scenario on two targets");
    let took: Vec<&String> = fast["scenario_milliseconds"].as_object().unwrap().keys().collect();
    assert_eq!(took, ["minimal"], "what was not begun took no time");
    let verdicts = fast["verdicts"].as_array().unwrap().iter();
    let left_out =
        verdicts.filter(|verdict| verdict["message"].as_str().unwrap().starts_with("--fail-fast: minimal failed"));
    assert!(left_out.count() > 50);
}

#[test]
fn a_known_failure_does_not_end_a_run_under_fail_fast() {
    let desk = Desk::new();
    let faulty = desk.faulty("title-altered");
    let scenarios = ["--scenario", "all-project-metadata", "--scenario", "minimal", "--jobs", "1"];
    let fast = [&scenarios[..], &["--exporter-file", &faulty, "--fail-fast"]].concat();
    assert_eq!(desk.run("fast.json", &fast).0, 1);
    assert_eq!(desk.json("fast.json")["exports"], 2, "one scenario on two targets");
    let known = desk.at("known.toml");
    assert!(said(&["baseline", "update", &known, &desk.at("fast.json")]).status.success());
    desk.run("known.json", &[&fast[..], &["--baseline", &known]].concat());
    assert_eq!(desk.json("known.json")["exports"], 4, "both scenarios");
}

#[test]
fn two_exporters_are_run_and_compared_and_nothing_is_left() {
    let desk = Desk::new();
    let (reference, faulty) = (program("reference-exporter").display().to_string(), desk.faulty("title-altered"));
    let temporary = desk.at("temporary");
    fs::create_dir(&temporary).unwrap();
    let compared = |report: &str, arguments: &[&str]| {
        let fixed = [
            "--scenario",
            "all-project-metadata",
            "--target",
            "layout",
            "--target",
            "registry",
            "--registry",
            "embedded",
        ];
        let report = format!("json={}", desk.at(report));
        let mut command = conformance();
        command.env("TMPDIR", &temporary).arg("compare").args(arguments).args(fixed).args(["--report", &report]);
        let output = command.output_in_time().unwrap();
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = compared("worse.json", &["--exporter", &reference, "--exporter-file", &faulty]);
    assert_eq!(code, 1, "{text}");
    let worse = desk.json("worse.json");
    assert!(worse["newly_failing"].to_string().contains("source.title.verbatim"), "{worse}");
    assert!(worse["digests_compared"] == true && !worse["digests"].as_array().unwrap().is_empty(), "{worse}");
    assert_eq!(compared("same.json", &["--exporter", &reference, "--exporter", &reference]).0, 0);
    let same = desk.json("same.json");
    assert_eq!(same["digests"], serde_json::json!([]), "the port of a registry is not a change");
    let moved = ["all-project-metadata/layout/1", "all-project-metadata/registry/1"];
    assert_eq!(same["only_the_address"], serde_json::json!(moved));
    let (code, text) = compared("one.json", &["--exporter", &reference]);
    assert!(code == 2 && text.contains("two exporters"), "{code} {text}");
    assert_eq!(compared("mixed.json", &["--exporter", &reference, "one.json", "two.json"]).0, 2);
    assert!(!Path::new(&desk.at("one.json")).exists() && !Path::new(&desk.at("mixed.json")).exists());
}

#[test]
fn two_exporters_are_run_under_the_conditions_that_were_given() {
    let desk = Desk::new();
    let told = desk.at("told");
    let script = format!("echo \"$CNB_PLATFORM_API\" >> {told}\nexec sleep 60");
    let exporter = executable(desk.0.path(), "exporter", &script);
    fs::write(&told, "").unwrap();
    fs::set_permissions(&told, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let fixed = ["compare", "--exporter", &exporter, "--exporter", &exporter, "--scenario", "minimal"];
    let more =
        ["--platform-api", "0.13", "--timeout", "1", "--require", "registry,daemon:private-classic", "--jobs", "1"];
    let embedded = ["--registry", "embedded", "--allow-push-from-daemon"];
    let begun = std::time::Instant::now();
    let (code, text) = desk.reported("conditions.json", &[&fixed[..], &more, &embedded].concat());
    assert_eq!(code, 3, "{text}");
    assert!(begun.elapsed().as_secs() < 50, "the time limit did not hold");
    for which in ["old", "new"] {
        let line = format!("conformance: the {which} run: --require daemon:private-classic: it was not observed\n");
        assert!(text.contains(&line) && !text.contains("--require registry"), "{text}");
    }
    let told = fs::read_to_string(&told).unwrap();
    assert_eq!(told.lines().collect::<Vec<_>>(), ["0.13"; 6], "two exporters, a control and two targets each");
}
