use std::fs;
use std::path::Path;

use crate::scenario::{Scenario, ScenarioError, from_folder};

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn read(root: &Path, name: &str) -> Result<Scenario, ScenarioError> {
    from_folder(&root.join(name)).map(|mut found| found.swap_remove(0))
}

fn text(scenario: &Scenario, path: &str) -> Option<String> {
    let file = scenario.files.iter().find(|file| file.path == path)?;
    Some(String::from_utf8(file.content.clone()).unwrap())
}

const BELOW: &str = "why = 'Below.'\nimages = ['a:1', 'b:1']\nprocess-type = 'web'\n[environment]\nA = '1'\nB = '1'\n\
    [run-image.labels]\nl = 'below-label'\n[[files]]\npath = 'app/link'\nsymlink = 'x'\n[[files]]\npath = 'app/made'\n\
    content = 'made'\n[[files]]\npath = 'app/kept'\nmode = '755'\n[[steps]]\n[[steps]]\n";

#[test]
fn tables_merge_arrays_and_values_are_replaced_and_files_are_appended() {
    let folder = tempfile::tempdir().unwrap();
    let own = "why = 'Own.'\nbase = 'below'\nimages = ['c:1']\n[environment]\nB = '2'\n[run-image.labels]\nm = 'own-label'\n\
        [[files]]\npath = 'app/more'\ndirectory = true\n";
    write(
        folder.path(),
        &[
            ("below/scenario.toml", BELOW),
            ("below/app/kept", "below"),
            ("below/app/over", "below"),
            ("own/scenario.toml", own),
            ("own/app/over", "own"),
            ("own/app/made", "own"),
        ],
    );
    let found = read(folder.path(), "own").unwrap();
    assert_eq!((found.name.as_str(), found.file.why.as_str()), ("own", "Own."));
    assert_eq!(found.file.images, ["c:1"]);
    assert_eq!(found.file.process_type.as_deref(), Some("web"));
    assert_eq!(found.file.steps.len(), 2);
    assert_eq!(found.file.environment.values().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(found.file.run_image.labels.len(), 2);
    let entries: Vec<&str> = found.file.files.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(entries, ["app/link", "app/kept", "app/more"], "the folder's own app/made replaces the base's");
    assert_eq!(text(&found, "app/over").as_deref(), Some("own"));
    assert_eq!(text(&found, "app/kept").as_deref(), Some("below"));
    assert!(text(&found, "scenario.toml").is_none());
}

#[test]
fn what_is_left_out_of_the_base_is_not_there_and_must_have_been() {
    let folder = tempfile::tempdir().unwrap();
    let own = "why = 'Own.'\nbase = 'below'\nleave-out = ['app/link', 'app/sub']\n";
    write(
        folder.path(),
        &[
            ("below/scenario.toml", BELOW),
            ("below/app/sub/one", "1"),
            ("below/app/subway", "2"),
            ("own/scenario.toml", own),
            ("own/app/sub/two", "3"),
        ],
    );
    let found = read(folder.path(), "own").unwrap();
    assert_eq!(found.file.files.iter().filter(|entry| entry.path == "app/link").count(), 0);
    assert!(text(&found, "app/sub/one").is_none() && text(&found, "app/subway").is_some());
    assert!(text(&found, "app/sub/two").is_some(), "the folder's own files are its own");
    write(folder.path(), &[("own/scenario.toml", "why = 'Own.'\nbase = 'below'\nleave-out = ['app/none']\n")]);
    let error = crate::error::chain(&read(folder.path(), "own").unwrap_err());
    assert!(error.contains("own/scenario.toml") && error.contains("app/none"), "{error}");
}

#[test]
fn bases_chain_and_end_among_the_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            (
                "middle/scenario.toml",
                "why = 'Middle.'\nbase = 'minimal'\nleave-out = ['layers/project-metadata.toml']\n",
            ),
            ("own/scenario.toml", "why = 'Own.'\nbase = 'middle'\n"),
        ],
    );
    let found = read(folder.path(), "own").unwrap();
    assert!(text(&found, "layers/group.toml").is_some());
    assert!(text(&found, "layers/project-metadata.toml").is_none());
    assert!(found.file.leave_out.is_empty(), "what the middle left out is not left out here");
}

#[test]
fn a_loop_is_refused_by_its_names() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("one/scenario.toml", "why = 'x'\nbase = 'two'\n"),
            ("two/scenario.toml", "why = 'x'\nbase = 'three'\n"),
            ("three/scenario.toml", "why = 'x'\nbase = 'two'\n"),
        ],
    );
    let error = crate::error::chain(&read(folder.path(), "one").unwrap_err());
    assert!(error.contains("one → two → three → two"), "{error}");
}

#[test]
fn messages_name_the_file_and_the_key() {
    let folder = tempfile::tempdir().unwrap();
    for (own, words) in [
        ("base = 'below'\n", ["own/scenario.toml", "why"]),
        ("why = 'x'\nbase = 'nowhere'\n", ["own/scenario.toml", "nowhere"]),
        ("why = 'x'\nbase = '../below'\n", ["own/scenario.toml", "../below"]),
        ("why = 'x'\nleave-out = ['app/x']\n", ["own/scenario.toml", "leave-out"]),
        ("why = 'x'\nbase = 'below'\n[run-image]\nindx = 'index'\n", ["own/scenario.toml", "indx"]),
        ("why = 'x'\nbase = 'broken'\n", ["broken/scenario.toml", "tagret"]),
        ("why = 'x'\nbase = 'below'\n[environment]\nZ = 'below-label'\n", ["own/scenario.toml", "below-label"]),
        ("why = 'x'\n[[steps]]\numask = '99'\n", ["steps[1].umask", "99"]),
        ("why = 'x'\n[[steps]]\nhostname = 'a b'\n", ["steps[1].hostname", "letters"]),
        ("why = 'x'\n[[steps]]\ntemporary = '../x'\n", ["steps[1].temporary", "build folder"]),
        ("why = 'x'\n[[steps]]\n[[steps.files]]\npath = 'cnb/x'\ndirectory = true\n", ["cnb/x", "cnb/run.toml"]),
        ("why = 'x'\n[[files]]\npath = 'app/x'\nfifo = true\nsocket = true\n", ["app/x", "more than one"]),
        ("why = 'x'\n[[files]]\npath = 'app/../x'\nfifo = true\n", ["app/../x", "hold no"]),
        ("why = 'x'\n[[steps]]\nexpect-failure = 'a'\nmay-refuse = 'b'\n", ["steps[1].may-refuse", "expect-failure"]),
        ("why = 'x'\n[[steps]]\nmove-run-image-tag = true\ndelete-run-image = true\n", ["delete-run-image", "tag"]),
        ("why = 'x'\n[run-image]\nname = 'Run'\n", ["run-image.name", "Run"]),
        ("why = 'x'\n[[steps]]\nimages = ['othr-registry/a']\n", ["steps.images", "othr-registry"]),
        (
            "why = 'x'\ntargets = ['registry']\n[[steps]]\nfaults = [{ path = '*', kind = 'cut', without-tls = true }]\n",
            ["steps[1].faults.without-tls", "redirect"],
        ),
        ("why = 'x'\n[run-image]\nchosen-mirror = 'a'\nanalysed-name = 'b'\n", ["run-image.analysed-name", "mirror"]),
    ] {
        write(
            folder.path(),
            &[
                ("below/scenario.toml", BELOW),
                ("broken/scenario.toml", "why = 'x'\ntagret = 1\n"),
                ("own/scenario.toml", own),
            ],
        );
        let error = crate::error::chain(&read(folder.path(), "own").map(|_| ()).unwrap_err());
        assert!(words.iter().all(|word| error.contains(word)), "{own}: {error}");
    }
}
