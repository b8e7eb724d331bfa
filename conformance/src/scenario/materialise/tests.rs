use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use toml::{Table, Value};

use super::*;
use crate::scenario::FileEntry;

fn scenario() -> Scenario {
    let minimal = crate::scenario::built_in().unwrap().into_iter().find(|scenario| scenario.name == "minimal");
    minimal.unwrap()
}

fn lay_out(scenario: &Scenario, step: &Step) -> (tempfile::TempDir, BuildDir) {
    let folder = tempfile::tempdir().unwrap();
    let build_dir = BuildDir { host_path: folder.path().to_path_buf(), exporter_path: PathBuf::from("/build") };
    materialise(scenario, step, &tree::analysed(), &build_dir).unwrap();
    (folder, build_dir)
}

fn entry(path: &str) -> FileEntry {
    FileEntry { path: path.to_owned(), ..FileEntry::default() }
}

#[test]
fn sockets_pipes_links_and_folders_are_made_with_their_bits() {
    let mut scenario = scenario();
    let mode = Some("4711".to_owned());
    scenario.file.files = vec![
        FileEntry { hard_link: Some("app/z".to_owned()), ..entry("app/a") },
        FileEntry { socket: true, ..entry("app/socket") },
        FileEntry { fifo: true, ..entry("app/fifo") },
        FileEntry { symlink: Some("nowhere".to_owned()), ..entry("app/link") },
        FileEntry { directory: true, mode: Some("500".to_owned()), ..entry("app/closed") },
        FileEntry { content: Some("in it".to_owned()), ..entry("app/closed/file") },
        FileEntry { content: Some("z".to_owned()), mode, ..entry("app/z") },
    ];
    let (_folder, build_dir) = lay_out(&scenario, &Step::default());
    let facts = |name: &str| fs::symlink_metadata(build_dir.on_host(&format!("{APP}/{name}"))).unwrap();
    assert!(facts("socket").file_type().is_socket() && facts("fifo").file_type().is_fifo());
    assert!(facts("link").is_symlink());
    assert_eq!(facts("closed").permissions().mode() & 0o7777, 0o500);
    assert_eq!((facts("a").ino(), facts("a").permissions().mode() & 0o7777), (facts("z").ino(), 0o4711));
    // Observing them must neither fail nor wait for someone who writes into the pipe.
    let seen = crate::observe::file_facts(&build_dir.on_host(APP), "/workspace").unwrap();
    let others = seen.iter().filter(|fact| fact.kind == judge::evidence::FileKind::Other);
    assert_eq!(others.map(|fact| fact.path.as_str()).collect::<Vec<_>>(), ["/workspace/fifo", "/workspace/socket"]);
}

#[test]
fn a_step_s_files_come_last_and_a_folder_can_stand_where_the_report_goes() {
    let step = Step {
        files: vec![
            FileEntry { directory: true, ..entry("report/report.toml") },
            FileEntry { content: Some("not = [toml".to_owned()), ..entry("layers/analyzed.toml") },
        ],
        remove: vec!["cnb/run.toml".to_owned(), "app".to_owned()],
        ..Step::default()
    };
    let (_folder, build_dir) = lay_out(&scenario(), &step);
    assert!(build_dir.on_host(REPORT).is_dir());
    assert_eq!(fs::read_to_string(build_dir.on_host("layers/analyzed.toml")).unwrap(), "not = [toml");
    assert!(!build_dir.on_host(RUN).exists());
    assert!(!build_dir.on_host(APP).exists() && build_dir.on_host(LAYERS).is_dir());
}

#[test]
fn file_times_are_given_to_everything_and_neither_they_nor_the_order_change_what_is_there() {
    let mut scenario = scenario();
    scenario.file.files = ["a", "b", "c"]
        .map(|name| FileEntry { content: Some(name.to_owned()), ..entry(&format!("app/{name}")) })
        .into();
    scenario.file.files.push(FileEntry { symlink: Some("nowhere".to_owned()), ..entry("app/link") });
    let step =
        Step { file_times: Some(1_234_567_890), creation_order: Some(CreationOrder::Reversed), ..Step::default() };
    let (_folder, build_dir) = lay_out(&scenario, &step);
    for top in [APP, LAYERS, "cnb"] {
        for found in walkdir::WalkDir::new(build_dir.on_host(top)) {
            let found = found.unwrap();
            assert_eq!(found.metadata().unwrap().mtime(), 1_234_567_890, "{}", found.path().display());
        }
    }
    let (_other, usual) = lay_out(&scenario, &Step::default());
    assert_eq!(
        crate::observe::file_facts(&build_dir.on_host(APP), "/x").unwrap(),
        crate::observe::file_facts(&usual.on_host(APP), "/x").unwrap(),
    );
}

#[test]
fn what_the_exporter_writes_to_is_handed_over_and_the_inputs_are_not() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let step = Step {
        user: Some(crate::scenario::StepUser::Unprivileged),
        temporary: Some("other-tmp".to_owned()),
        ..Step::default()
    };
    let (_folder, build_dir) = lay_out(&scenario(), &step);
    hand_over(&scenario(), &step, &build_dir).unwrap();
    let owner = |name: &str| fs::metadata(build_dir.on_host(name)).unwrap().uid();
    assert_eq!([owner("report"), owner("other-tmp"), owner(LAYOUT)], [UNPRIVILEGED; 3]);
    // The build is that user's, and what the lifecycle brings is not.
    assert_eq!([owner(APP), owner(LAYERS), owner("layers/group.toml")], [UNPRIVILEGED; 3]);
    assert_eq!(owner(LIFECYCLE), 0);
}

/// Label by key, the last definition of each.
fn labels(table: &Table) -> BTreeMap<String, Value> {
    let all = table.get("labels").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|label| Some((label.get("key")?.as_str()?.to_owned(), label.get("value")?.clone()))).collect()
}

#[test]
fn labels_are_the_same_in_metadata_and_in_what_buildpacks_wrote() {
    let mut compared = 0;
    for scenario in crate::scenario::built_in().unwrap() {
        for step in &scenario.file.steps {
            let nodes = tree::tree(&scenario, step, &tree::analysed()).unwrap();
            let Some(metadata) = launch::table(&nodes, &format!("{LAYERS}/config/metadata.toml")) else { continue };
            let buildpacks = metadata.get("buildpacks").and_then(Value::as_array).into_iter().flatten();
            let mut contributed = BTreeMap::new();
            for id in buildpacks.filter_map(|buildpack| buildpack.get("id")?.as_str()) {
                let path = format!("{LAYERS}/{}/launch.toml", buildpack_folder(id));
                contributed.extend(launch::table(&nodes, &path).map(|table| labels(&table)).unwrap_or_default());
            }
            compared += contributed.len();
            assert_eq!(labels(&metadata), contributed, "{}", scenario.name);
        }
    }
    assert!(compared > 5, "{compared} labels were compared");
}
