//! Every clause of the contract seen to hold and to fail, on every target.

use serde_json::json;

use super::slices::glob;
use crate::evidence::{Export, Target};
use crate::sample::{self, edit_config, find, on};
use crate::verdict::Finding;

fn config(path: [&'static str; 2], value: serde_json::Value) -> impl Fn(&mut Export) {
    move |export| edit_config(export, |config| config[path[0]][path[1]] = value.clone())
}

#[test]
fn globs_mean_what_they_mean_in_go() {
    for line in include_str!("../../../../../fixtures/go-match.tsv").lines() {
        let [pattern, path, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        assert_eq!(glob(pattern, path), expected == "true", "{pattern} {path}");
    }
}

#[test]
fn a_flag_wins_over_its_variable() {
    let id = "platform.flags-over-env";
    for target in Target::ALL {
        assert!(matches!(find(&sample::scenario(), id, target), Finding::NotApplicable(_)));
        assert_eq!(find(&super::trials::contradicted(), id, target), Finding::Holds);
        let changes: [&dyn Fn(&mut Export); 3] = [
            &|e| {
                let env = json!(["CNB_LAYERS_DIR=/other", "CNB_APP_DIR=/workspace", "PATH=/cnb/process:/usr/bin:/bin"]);
                config(["config", "Env"], env)(e);
            },
            &|e| config(["config", "WorkingDir"], json!("/elsewhere"))(e),
            &|e| e.report = None,
        ];
        for change in changes {
            let mut evidence = super::trials::contradicted();
            change(on(&mut evidence, target));
            let Finding::Violated(found) = find(&evidence, id, target) else { panic!("{target}") };
            assert!(found.message.contains(" does not win over CNB_"), "{}", found.message);
        }
        // A variable that says the same contradicts nothing.
        let mut evidence = sample::scenario();
        let inputs = &mut on(&mut evidence, target).inputs;
        inputs.argv.splice(1..1, ["-app=/workspace".to_owned()]);
        inputs.environment.insert("CNB_APP_DIR".to_owned(), "/workspace".to_owned());
        assert!(matches!(find(&evidence, id, target), Finding::NotApplicable(_)));
    }
}
