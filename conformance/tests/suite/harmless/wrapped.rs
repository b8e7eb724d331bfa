//! The reference, as it is and wrapped in a variation, through the whole suite.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use bounded::Bounded as _;
use serde_json::Value;

use crate::support::program;

/// A variation as the wrapper lists it.
pub(crate) struct Variation {
    pub(crate) name: String,
    /// Targets on which it changes something.
    pub(crate) on: Vec<String>,
    /// A profile that it is judged by alone, or a requirement that it violates all the same.
    pub(crate) except: Option<String>,
}

/// What a run gave.
pub(crate) struct Judged {
    /// Every verdict by its id: the requirement and the word.
    verdicts: BTreeMap<String, (String, String)>,
    /// What the wrapper said on each target.
    said: Vec<(String, String)>,
}

/// All variations.
pub(crate) fn variations() -> Vec<Variation> {
    let list =
        Command::new(program("harmless-exporter")).args(["--list", "--format", "markdown"]).output_in_time().unwrap();
    let text = String::from_utf8(list.stdout).unwrap();
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 7, "{line}");
        Variation {
            name: quoted(cells[1]).unwrap(),
            on: cells[4].split(", ").map(str::to_owned).collect(),
            except: quoted(cells[5]),
        }
    };
    let found: Vec<Variation> = text.lines().skip(2).map(row).collect();
    assert!(found.len() > 50, "{}", found.len());
    found
}

/// Runs the suite over the reference, wrapped where a variation is named.
pub(crate) fn judged(variation: Option<&str>, profile: &str, arguments: &[&str], scenarios: &[&str]) -> Judged {
    let folder = tempfile::tempdir().unwrap();
    let (file, report, evidence) =
        (folder.path().join("x.toml"), folder.path().join("r.json"), folder.path().join("evidence"));
    let mut command = vec![program("reference-exporter").display().to_string()];
    if let Some(variation) = variation {
        command.splice(0..0, [program("harmless-exporter").display().to_string(), variation.to_owned()]);
    }
    std::fs::write(
        &file,
        format!("name = \"wrapped\"\ncommand = {command:?}\nplatform-api = \"0.15\"\nextensions = true\n"),
    )
    .unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_conformance"));
    run.args(["run", "--profile", profile]).args(arguments).arg("--exporter-file").arg(file);
    run.arg("--report").arg(format!("json={}", report.display())).arg("--evidence").arg(&evidence);
    for scenario in scenarios {
        run.args(["--scenario", scenario]);
    }
    let output = run.output_in_time().unwrap();
    let bytes = std::fs::read(&report).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let report: Value = conformance::report::json::plain(&bytes).unwrap();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let verdicts = report["verdicts"].as_array().unwrap().iter();
    Judged {
        verdicts: verdicts
            .map(|entry| (text(entry, "id"), (text(entry, "requirement"), text(entry, "verdict"))))
            .collect(),
        said: said(&evidence),
    }
}

/// Lines of the wrapper, each with the target of its export.
fn said(evidence: &Path) -> Vec<(String, String)> {
    let index: Value = serde_json::from_slice(&std::fs::read(evidence.join("index.json")).unwrap()).unwrap();
    let mut found = Vec::new();
    for export in index["exports"].as_array().unwrap() {
        let folder = export["folder"].as_str().unwrap();
        let target = folder.split('/').nth(1).unwrap().split(':').next().unwrap();
        let text = std::fs::read_to_string(evidence.join(folder).join("stderr.txt")).unwrap_or_default();
        let own = text.lines().filter_map(|line| line.strip_prefix("harmless-exporter: "));
        found.extend(own.map(|line| (target.to_owned(), line.to_owned())));
    }
    found
}

fn rank(verdict: &str) -> usize {
    ["pass", "absent", "warn", "fail"].iter().position(|known| *known == verdict).unwrap_or(match verdict {
        "n/a" => 0,
        _ => 4,
    })
}

impl Judged {
    /// Requirements whose verdict is worse than before anywhere, each with one example.
    pub(crate) fn worse_than(&self, before: &Self) -> BTreeMap<String, String> {
        assert_eq!(
            self.verdicts.keys().collect::<Vec<_>>(),
            before.verdicts.keys().collect::<Vec<_>>(),
            "the same is judged"
        );
        let pairs = self.verdicts.iter().map(|(id, after)| (id, &before.verdicts[id], after));
        let worse = pairs.filter(|(_, (_, was), (_, is))| rank(is) > rank(was));
        worse.map(|(id, (slug, was), (_, is))| (slug.clone(), format!("{id}: {was} became {is}"))).collect()
    }

    /// Whether an export on this target was really changed.
    pub(crate) fn was_changed_on(&self, target: &str) -> bool {
        let is_change = |line: &str| line.contains(" changed ") && !line.contains(" changed nothing");
        self.said.iter().any(|(on, line)| on == target && is_change(line))
    }

    /// How many verdicts pass.
    pub(crate) fn passes(&self) -> usize {
        self.verdicts.values().filter(|(_, verdict)| verdict == "pass").count()
    }
}

/// Runs a variation and holds it against the same run without it, which `before` gives for a profile.
pub(crate) fn is_no_alarm(
    variation: &Variation,
    before: &Judged,
    profile: &str,
    arguments: &[&str],
    scenarios: &[&str],
) {
    let name = variation.name.as_str();
    let after = judged(Some(name), profile, arguments, scenarios);
    let mut worse = after.worse_than(before);
    match variation.except.as_deref() {
        // Judged by a profile that demands no annotation; without them nothing is worse than absent.
        Some("core") => worse.retain(|_, example| !example.ends_with("became absent")),
        Some(slug) => assert!(worse.remove(slug).is_some(), "{name} does not violate {slug}"),
        None => {}
    }
    assert!(worse.is_empty(), "{name}: {worse:#?}\n{:?}", after.said);
    // Not every scenario is for every target.
    let exported = |target: &&String| after.said.iter().any(|(on, _)| on == *target);
    let tried: Vec<&String> =
        variation.on.iter().filter(|target| arguments.contains(&target.as_str())).filter(exported).collect();
    assert!(!tried.is_empty(), "{name} was tried nowhere");
    for target in tried {
        assert!(after.was_changed_on(target), "{name} changed nothing on {target}: {:?}", after.said);
    }
}
