use super::*;
use crate::scenario;

fn patterns(globs: &[&str]) -> Patterns {
    globs.iter().map(|glob| (*glob).to_owned()).collect::<Vec<_>>().try_into().unwrap()
}

fn names(scenarios: &[Scenario]) -> Vec<&str> {
    scenarios.iter().map(|scenario| scenario.name.as_str()).collect()
}

#[test]
fn the_text_of_a_table_is_read_as_it_was_written() {
    let mut table = Table::default();
    for scenario in ["a", "b", "c", "d"] {
        table.add("x.most", scenario);
    }
    table.add("x.one", "b");
    table.add("x.open", "c");
    table.open("x.open");
    assert_eq!(Table::parse(&table.text()), Ok(table.clone()));
    assert!(table.text().contains("x.most: but\nx.one: only b\n"), "{}", table.text());
    assert!(!table.can_show("x.one", "a") && table.can_show("x.one", "b") && table.can_show("x.unknown", "a"));
    assert!(table.can_show("x.one", "new") && table.can_show("x.open", "a") && !table.was_seen("x.open", "a"));
    for wrong in ["x", "x.one: maybe a"] {
        assert!(Table::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_table_names_what_is_there_and_knows_all_of_it() {
    let table = Table::built_in().unwrap();
    let scenarios = scenario::built_in().unwrap();
    // What runs only when it is asked for is not part of the run that the table is made from.
    let usual = scenarios.iter().filter(|scenario| !scenario.file.with_faults);
    let all: BTreeSet<&str> = usual.map(|scenario| scenario.name.as_str()).collect();
    let known: BTreeSet<&str> = table.scenarios().collect();
    let renew = "stale: RENEW_SHOWN=1 cargo test -p conformance --test suite";
    assert_eq!(known, all, "{renew}");
    for id in table.requirements() {
        assert!(requirements::named(id).is_some(), "{id} is not a requirement; {renew}");
    }
}

#[test]
fn what_the_table_does_not_know_is_run() {
    let table = Table::built_in().unwrap();
    let scenarios = scenario::built_in().unwrap();
    let mut less = table.clone();
    less.retain(|name| name != "app-alone", |id| id != "base.pair");
    let base = patterns(&["base.pair"]);
    assert_eq!(less.narrowed(scenarios.clone(), &base).len(), scenarios.len());
    let errors = patterns(&["errors.no-image"]);
    assert!(names(&less.narrowed(scenarios.clone(), &errors)).contains(&"app-alone"));
    let mut own = scenarios.clone();
    for scenario in &mut own {
        scenario.origin = Origin::Folder("/nowhere".into());
    }
    assert_eq!(table.narrowed(own, &errors).len(), scenarios.len());
    let usual: Vec<Scenario> = scenarios.into_iter().filter(|scenario| !scenario.file.with_faults).collect();
    assert!(table.narrowed(usual, &errors).len() < 5);
}

#[test]
fn a_quick_run_shows_most_requirements_in_few_exports_and_waits_for_nobody() {
    let table = Table::built_in().unwrap();
    let scenarios = scenario::built_in().unwrap();
    let chosen = table.quick(&scenarios, &Patterns::default(), &QUICK_TARGETS);
    let exports: usize = chosen.iter().map(|scenario| scenario.file.steps.len()).sum();
    assert!((4..=QUICK).contains(&exports), "{exports}: {:?}", names(&chosen));
    assert!(chosen.iter().all(|scenario| !scenario.waits()));
    let shown = |row: &&Requirement| chosen.iter().any(|scenario| table.was_seen(row.id, &scenario.name));
    let (all, seen) = (requirements::all().count(), requirements::all().filter(shown).count());
    assert!(seen * 3 > all * 2, "{seen} of {all}");
    // What is asked for is looked at first.
    let errors = table.quick(&scenarios, &patterns(&["errors.no-image"]), &QUICK_TARGETS);
    assert!(!errors.is_empty() && errors.len() < 3, "{:?}", names(&errors));
}

#[test]
fn every_requirement_that_was_seen_has_an_example_of_one_scenario() {
    let table = Table::built_in().unwrap();
    let scenarios = scenario::built_in().unwrap();
    for id in table.requirements() {
        let example = table.example(&scenarios, id)[0];
        assert!(table.was_seen(id, &example.name), "{id}");
    }
}
