//! What is said of every shape of a repository.

use crate::support::repository::{Folder, all_files};

const DESCRIPTOR: &str = "[_]\nschema-version='0.2'\nid='com.example.app'\nname='App'\nversion='1.2'\nauthors=['Ann <ann@e.example>','Bob']\n\
     documentation-url='https://docs.e.example'\n[[_.licenses]]\ntype='MIT OR Apache-2.0'\n[[_.licenses]]\ntype='ISC'\n";

#[test]
fn a_clean_repository_with_a_descriptor_gives_all_seven() {
    let folder = Folder::new();
    folder.repository("app");
    folder.write("app/project.toml", DESCRIPTOR);
    let commit = folder.commit("app");
    folder.git("app", &["remote", "add", "origin", "https://user:secret@e.example/team/app.git"]);
    let before = all_files(&folder.path("app"));
    let made = folder.made("app", &[]);
    for (key, value) in [
        ("type", "git"),
        ("version.commit", commit.as_str()),
        ("version.dirty", "false"),
        ("metadata.repository", "https://e.example/team/app.git"),
        ("metadata.authors", "Ann <ann@e.example>, Bob"),
        ("metadata.version", "1.2"),
        ("metadata.documentation-url", "https://docs.e.example"),
        ("metadata.name", "App"),
        ("metadata.id", "com.example.app"),
        ("metadata.licenses", "(MIT OR Apache-2.0) AND ISC"),
    ] {
        assert_eq!(made.text_at(key).as_deref(), Some(value), "{key}");
    }
    assert!(made.at("version.describe").is_none() && made.at("version.untracked").is_none());
    assert!(made.stderr.contains("without credentials") && !made.stderr.contains("secret"), "{}", made.stderr);
    assert!(!made.text.contains("secret"));
    assert!(before == all_files(&folder.path("app")), "the repository was written to");
    assert_eq!(folder.made("app", &[]).text, made.text);
}

#[test]
fn changes_and_untracked_files_are_said_apart_and_ignored_ones_are_not() {
    let folder = Folder::new();
    let commit = folder.repository("app");
    folder.write("app/.git/info/exclude", "*.o\n");
    folder.write("app/main.o", "x");
    folder.git("app", &["tag", "v1"]);
    assert_eq!(folder.made("app", &["--dirty", "refuse"]).text_at("version.describe").as_deref(), Some("v1"));
    folder.write("app/notes.txt", "x");
    let made = folder.made("app", &[]);
    let said = |made: &crate::support::repository::Called| {
        (
            made.text_at("version.dirty").unwrap(),
            made.text_at("version.untracked"),
            made.text_at("version.describe").unwrap(),
        )
    };
    assert_eq!(said(&made), ("false".to_owned(), Some("true".to_owned()), "v1-dirty".to_owned()));
    std::fs::remove_file(folder.path("app/notes.txt")).unwrap();
    folder.write("app/main.c", "int changed;\n");
    let made = folder.made("app", &["--dirty", "mark"]);
    assert_eq!(said(&made), ("true".to_owned(), None, "v1-dirty".to_owned()));
    assert_eq!(made.text_at("version.commit"), Some(format!("{commit}-dirty")));
    assert!(made.stderr.contains("has changes"), "{}", made.stderr);
    let refused = folder.call("app", &["--dirty", "refuse"]);
    assert_eq!((refused.code, refused.text.as_str()), (Some(5), ""));
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    // What is staged is changed too.
    folder.git("app", &["add", "-A"]);
    assert_eq!(folder.made("app", &[]).text_at("version.dirty").as_deref(), Some("true"));
}

#[test]
fn a_shallow_clone_has_a_commit_and_no_count_of_what_it_lacks() {
    let folder = Folder::new();
    folder.repository("app");
    folder.git("app", &["tag", "v1"]);
    folder.write("app/second.c", "int two;\n");
    let commit = folder.commit("app");
    assert_eq!(folder.made("app", &[]).text_at("version.describe"), Some(format!("v1-1-g{}", &commit[..12])));
    let from = format!("file://{}", folder.path("app").display());
    folder.git("", &["clone", "-q", "--depth", "1", &from, "clone"]);
    let made = folder.made("clone", &[]);
    assert_eq!(
        (made.text_at("version.commit"), made.text_at("version.shallow")),
        (Some(commit), Some("true".to_owned()))
    );
    assert!(made.at("version.describe").is_none() && made.at("metadata.repository").is_none(), "{}", made.text);
    assert!(made.stderr.contains("shallow") && made.stderr.contains("a path of this machine"), "{}", made.stderr);
    folder.git("clone", &["tag", "v2"]);
    assert_eq!(folder.made("clone", &[]).text_at("version.describe").as_deref(), Some("v2"));
}

#[test]
fn a_detached_head_takes_origin_and_a_branch_its_own_remote() {
    let folder = Folder::new();
    let commit = folder.repository("app");
    for name in ["origin", "fork"] {
        folder.git("app", &["remote", "add", name, &format!("git@e.example:{name}/app.git")]);
    }
    folder.git("app", &["config", "branch.main.remote", "fork"]);
    let of = |arguments: &[&str]| folder.made("app", arguments).text_at("metadata.repository").unwrap();
    assert_eq!(of(&[]), "ssh://git@e.example/fork/app.git");
    folder.git("app", &["checkout", "-q", "--detach"]);
    assert_eq!(of(&[]), "ssh://git@e.example/origin/app.git");
    assert_eq!(of(&["--remote", "fork"]), "ssh://git@e.example/fork/app.git");
    assert_eq!(folder.made("app", &[]).text_at("version.commit"), Some(commit));
    let unknown = folder.call("app", &["--remote", "upstream"]);
    assert_eq!(unknown.code, Some(4));
    assert!(unknown.stderr.contains("fork, origin"), "{}", unknown.stderr);
    // With several remotes of which none is meant, none is taken.
    folder.git("app", &["remote", "rename", "origin", "other"]);
    let made = folder.made("app", &[]);
    assert!(made.at("metadata.repository").is_none() && made.stderr.contains("fork, other"), "{}", made.stderr);
}

#[test]
fn what_is_changed_in_a_submodule_is_changed() {
    let folder = Folder::new();
    folder.repository("library");
    folder.repository("app");
    let from = folder.path("library").display().to_string();
    folder.git("app", &["submodule", "--quiet", "add", &from, "lib"]);
    let commit = folder.commit("app");
    let dirty = || folder.made("app", &[]).text_at("version.dirty").unwrap();
    assert_eq!(dirty(), "false");
    folder.write("app/lib/main.c", "int changed;\n");
    assert_eq!(dirty(), "true");
    folder.git("app/lib", &["checkout", "-q", "--", "main.c"]);
    folder.write("app/lib/new.c", "int new;\n");
    assert_eq!(folder.made("app", &[]).text_at("version.untracked").as_deref(), Some("true"));
    // Another commit of the submodule than the one that is recorded.
    folder.commit("app/lib");
    assert_eq!(dirty(), "true");
    // From within the submodule, its own commit counts.
    assert_ne!(folder.made("app/lib", &[]).text_at("version.commit"), Some(commit.clone()));
    // One that is not checked out is not changed.
    folder.git("", &["clone", "-q", &folder.path("app").display().to_string(), "clone"]);
    let made = folder.made("clone", &[]);
    assert_eq!(
        (made.text_at("version.commit"), made.text_at("version.dirty").unwrap()),
        (Some(commit), "false".to_owned())
    );
}

#[test]
fn a_work_tree_of_its_own_has_its_own_commit() {
    let folder = Folder::new();
    let first = folder.repository("app");
    folder.git("app", &["remote", "add", "origin", "https://e.example/app"]);
    folder.git("app", &["worktree", "add", "-q", "-b", "other", "../tree"]);
    folder.write("tree/more.c", "int more;\n");
    let second = folder.commit("tree");
    assert_eq!(folder.made("app", &[]).text_at("version.commit"), Some(first));
    let made = folder.made("tree", &[]);
    assert_eq!(made.text_at("version.commit"), Some(second));
    assert_eq!(made.text_at("metadata.repository").as_deref(), Some("https://e.example/app"));
    // A container that has the work tree alone.
    std::fs::rename(folder.path("app"), folder.path("gone")).unwrap();
    let broken = folder.call("tree", &[]);
    assert_eq!(broken.code, Some(4));
    assert!(broken.stderr.contains("which is not here") && broken.stderr.contains("--no-git"), "{}", broken.stderr);
    assert!(folder.made("tree", &["--no-git"]).at("version").is_none());
}

#[test]
fn a_source_below_the_work_tree_is_judged_by_what_is_in_it() {
    let folder = Folder::new();
    folder.repository("all");
    folder.write("all/services/web/main.c", "int web;\n");
    folder.write("all/services/web/project.toml", "[project]\nname='Web'\n");
    folder.write("all/.gitignore", "out/\n");
    folder.commit("all");
    folder.write("all/main.c", "int changed;\n");
    folder.write("all/out/main.c", "int out;\n");
    let made = folder.made("all/services/web", &[]);
    assert_eq!(made.text_at("version.dirty").as_deref(), Some("false"));
    assert_eq!(made.text_at("metadata.path").as_deref(), Some("services/web"));
    assert_eq!(made.text_at("metadata.name").as_deref(), Some("Web"));
    // What is ignored is not of the commit.
    let ignored = folder.made("all/out", &[]);
    assert!(ignored.at("version").is_none() && ignored.stderr.contains("no file of"), "{}", ignored.stderr);
}

#[test]
fn without_a_repository_or_a_commit_there_is_no_version() {
    let folder = Folder::new();
    folder.write("plain/project.toml", DESCRIPTOR);
    folder.write("plain/.git/description", "an empty folder of that name is none");
    let made = folder.made("plain", &["--set", "commit=c0ffee", "--set", "version=", "--set", "source.type=archive"]);
    assert_eq!(made.text_at("version.commit").as_deref(), Some("c0ffee"));
    assert_eq!((made.text_at("type").as_deref(), made.at("metadata.version")), (Some("archive"), None));
    std::fs::create_dir(folder.path("young")).unwrap();
    folder.git("young", &["init", "-q"]);
    let young = folder.made("young", &[]);
    assert!(young.at("version").is_none() && young.stderr.contains("no commit yet"), "{}", young.stderr);
    folder.git("", &["init", "-q", "--object-format=sha256", "long"]);
    folder.write("long/x", "x");
    let commit = folder.commit("long");
    assert_eq!((commit.len(), folder.made("long", &[]).text_at("version.commit")), (64, Some(commit)));
}

#[test]
fn packed_refs_and_a_split_index_are_read() {
    let folder = Folder::new();
    let commit = folder.repository("app");
    folder.git("app", &["tag", "-a", "-m", "x", "v3"]);
    folder.git("app", &["pack-refs", "--all"]);
    folder.git("app", &["update-index", "--split-index"]);
    let made = folder.made("app", &[]);
    assert_eq!(made.text_at("version.commit"), Some(commit));
    assert_eq!(made.text_at("version.describe").as_deref(), Some("v3"));
    assert_eq!(made.text_at("version.dirty").as_deref(), Some("false"));
}

#[test]
fn files_that_are_left_out_of_the_work_tree_on_purpose_are_no_change() {
    let folder = Folder::new();
    folder.repository("app");
    folder.write("app/docs/a.txt", "a");
    folder.write("app/src/b.txt", "b");
    let commit = folder.commit("app");
    folder.git("app", &["sparse-checkout", "set", "--cone", "--sparse-index", "src"]);
    assert!(!folder.path("app/docs").exists());
    let made = folder.made("app", &[]);
    assert_eq!(made.text_at("version.commit"), Some(commit));
    assert_eq!((made.text_at("version.dirty").as_deref(), made.at("version.untracked")), (Some("false"), None));
}
