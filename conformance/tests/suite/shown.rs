//! The table of what scenarios show, held against what runs of this test show. `RENEW_SHOWN=1` brings it up to date;
//! with the names of JSON reports, separated by colons, as its value it adds what these show as well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use conformance::evidence::bundle;
use conformance::globs::Patterns;
use conformance::scenario;
use conformance::shown::Table;
use judge::evidence::ScenarioEvidence;
use judge::profile::Profile;
use judge::requirement::Needs;
use judge::requirements;
use serde_json::Value;

use super::support::{program, run};

const STALE: &str =
    "conformance/src/shown/table.txt is stale; renew it: RENEW_SHOWN=1 cargo test -p conformance --test suite";
static WRITING: Mutex<()> = Mutex::new(());

fn renewed() -> Option<String> {
    std::env::var("RENEW_SHOWN").ok().filter(|value| !value.is_empty())
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shown/table.txt")
}

/// Changes the table's file: several tests may at the same time.
fn change(change: impl FnOnce(&mut Table)) {
    let _lock = WRITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut table = Table::parse(&std::fs::read_to_string(file()).unwrap()).unwrap();
    change(&mut table);
    std::fs::write(file(), table.text()).unwrap();
}

/// Requirement and built-in scenario of everything that was judged.
fn judged(report: &Value) -> BTreeSet<(String, String)> {
    let built_in: BTreeSet<String> = scenario::built_in().unwrap().into_iter().map(|scenario| scenario.name).collect();
    let text = |verdict: &Value, key: &str| verdict[key].as_str().unwrap().to_owned();
    report["verdicts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|verdict| ["pass", "fail", "warn", "absent"].contains(&verdict["verdict"].as_str().unwrap()))
        .map(|verdict| (text(verdict, "requirement"), text(verdict, "scenario")))
        .filter(|(_, scenario)| built_in.contains(scenario))
        .collect()
}

/// Scenarios in which a step may be refused.
fn steps_that_may_refuse() -> BTreeSet<String> {
    let may = |scenario: &scenario::Scenario| scenario.file.steps.iter().any(|step| step.may_refuse.is_some());
    scenario::built_in().unwrap().into_iter().filter(may).map(|scenario| scenario.name).collect()
}

/// Holds a report of any exporter against the table: nothing is shown where the table says that it cannot be.
pub(super) fn hold(report: &Value) {
    let table = Table::built_in().unwrap();
    let missing: Vec<_> = judged(report).into_iter().filter(|(id, scenario)| !table.can_show(id, scenario)).collect();
    if renewed().is_some() {
        let may_refuse = steps_that_may_refuse();
        change(|table| {
            for (id, scenario) in &missing {
                // Where a refusal is as good as an image, another exporter than the reference may have refused.
                if may_refuse.contains(scenario) {
                    table.add(id, scenario);
                } else {
                    table.open(id);
                }
            }
        });
    } else {
        assert!(missing.is_empty(), "{missing:?}: {STALE}");
    }
}

/// Holds a full run of the reference against it: all that is judged is there.
fn hold_all(report: &Value) {
    let mut all = judged(report);
    let Some(value) = renewed() else {
        let table = Table::built_in().unwrap();
        all.retain(|(id, scenario)| !table.was_seen(id, scenario));
        assert!(all.is_empty(), "{all:?}: {STALE}");
        return;
    };
    for name in value.split(':').filter(|name| *name != "1") {
        all.extend(judged(&conformance::report::json::plain(&std::fs::read(name).unwrap()).unwrap()));
    }
    let built_in: BTreeSet<String> = scenario::built_in().unwrap().into_iter().map(|scenario| scenario.name).collect();
    change(|table| {
        table.retain(|name| built_in.contains(name), |id| requirements::named(id).is_some());
        for (id, scenario) in &all {
            table.add(id, scenario);
        }
    });
}

fn patterns(id: &str) -> Patterns {
    vec![id.to_owned()].try_into().unwrap()
}

/// Verdicts on one requirement, of these scenarios.
fn verdicts(found: &[ScenarioEvidence], id: &str) -> BTreeMap<String, &'static str> {
    let globs = patterns(id);
    let selection = judge::Selection {
        profile: Profile::Strict,
        requirements: globs.set().cloned(),
        exporter_argument: String::new(),
        scenario_folders: BTreeMap::new(),
        conditions: Vec::new(),
        phase: None,
    };
    let verdicts = judge::judge(found, &selection).verdicts.into_iter();
    verdicts.filter(|verdict| verdict.requirement == id).map(|v| (v.id, v.verdict.name())).collect()
}

/// A run that is narrowed to one requirement has the verdicts of a full run on it, and its example shows it.
fn narrowing_loses_nothing(report: &Value, evidence: &[ScenarioEvidence]) {
    const FEW: usize = 12;
    let table = Table::built_in().unwrap();
    let scenarios = scenario::built_in().unwrap();
    let of = |names: &BTreeSet<&str>| -> Vec<ScenarioEvidence> {
        evidence.iter().filter(|one| names.contains(one.scenario.as_str())).cloned().collect()
    };
    for row in requirements::all() {
        let kept = table.narrowed(scenarios.clone(), &patterns(row.id));
        let names: BTreeSet<&str> = kept.iter().map(|scenario| scenario.name.as_str()).collect();
        let mut full: BTreeMap<String, &str> = BTreeMap::new();
        for verdict in report["verdicts"].as_array().unwrap().iter().filter(|verdict| verdict["requirement"] == row.id)
        {
            let text = |key: &str| verdict[key].as_str().unwrap();
            if names.contains(text("scenario")) {
                full.insert(text("id").to_owned(), text("verdict"));
            } else {
                assert_eq!(text("verdict"), "n/a", "{}: {STALE}", text("id"));
            }
        }
        // Only what is said of a refusal can depend on other scenarios: it needs a control.
        if row.needs == Needs::Process && names.len() < FEW {
            assert_eq!(
                full,
                verdicts(&of(&names), row.id),
                "{}: a narrowed run says otherwise than a full one",
                row.id
            );
        }
        if full.values().any(|verdict| *verdict == "pass") {
            let example: BTreeSet<&str> =
                table.example(&scenarios, row.id).iter().map(|scenario| scenario.name.as_str()).collect();
            let alone = verdicts(&of(&example), row.id);
            assert!(alone.values().any(|verdict| *verdict == "pass"), "{}: {example:?} shows it not", row.id);
        }
    }
}

/// What the full run of the reference shows of the table.
pub(super) fn hold_a_full_run(report: &Value, evidence: &Path) {
    hold_all(report);
    if renewed().is_none() {
        narrowing_loses_nothing(report, &bundle::read(evidence).unwrap().scenarios);
    }
}

#[test]
fn every_fault_is_shown_where_the_table_has_it() {
    let listed =
        std::process::Command::new(program("faulty-exporter")).args(["--list", "--format", "json"]).output().unwrap();
    let list: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let table = Table::built_in().unwrap();
    let mut hidden = BTreeSet::new();
    for fault in list["faults"].as_array().unwrap() {
        let scenarios = texts(&fault["scenarios"]);
        let in_stores = fault["trips_in"].as_object().into_iter().flatten().flat_map(|(_, trips)| texts(trips));
        for id in texts(&fault["trips"]).into_iter().chain(in_stores) {
            let names = scenarios.iter().map(|name| name.split(':').next().unwrap());
            if !names.into_iter().any(|name| table.can_show(&id, name)) {
                hidden.insert(id);
            }
        }
    }
    if renewed().is_some() {
        change(|table| {
            for id in &hidden {
                table.open(id);
            }
        });
    } else {
        assert!(hidden.is_empty(), "{hidden:?}: {STALE}");
    }
}

#[test]
fn a_quick_run_says_so_and_finds_a_fault_and_a_narrowed_one_says_what_it_left_out() {
    program("reference-exporter");
    let quick = run(&["--quick"]);
    assert_eq!(quick.code, Some(0), "{}", quick.stderr);
    assert_eq!(quick.report["narrowed"]["quick"], true);
    assert!(quick.report["narrowed"]["left_out"].as_u64().unwrap() > 50);
    assert!(quick.report["exports"].as_u64().unwrap() <= 30);
    assert!(!quick.report.to_string().contains("\"conformant"), "{:#}", quick.report["headlines"]);
    let (_folder, file) = super::support::faulty("base-digest-dropped", "\"registry\"");
    let faulty = run(&["--exporter-file", &file, "--quick"]);
    assert_eq!(faulty.code, Some(1), "{}", faulty.stderr);
    let narrowed = run(&["--requirement", "errors.no-image", "--target", "layout"]);
    assert_eq!(narrowed.code, Some(0), "{}", narrowed.stderr);
    assert_eq!(narrowed.report["scenarios"], serde_json::json!(["errors-command-line", "minimal"]));
}
