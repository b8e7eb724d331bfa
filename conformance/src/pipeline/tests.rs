//! The driver on buildpacks that are shell scripts.

use std::path::Path;

use super::build::build;
use super::detect::{Folders, detect};
use super::{PipelineError, write};

/// A build folder with buildpacks of these IDs, detect scripts and build scripts.
fn folders(root: &Path, buildpacks: &[(&str, &str, &str)]) -> Folders {
    for (id, detect, build) in buildpacks {
        let folder = root.join("buildpacks").join(id.replace('/', "_")).join("1");
        let descriptor = format!("api = '0.11'\n[buildpack]\nid = '{id}'\nversion = '1'\n");
        write(&folder.join("buildpack.toml"), &descriptor).unwrap();
        for (name, script) in [("detect", detect), ("build", build)] {
            let path = folder.join("bin").join(name);
            std::fs::create_dir_all(folder.join("bin")).unwrap();
            bounded::write_program(&path, &format!("#!/bin/sh\nset -eu\n{script}\n")).unwrap();
        }
    }
    for folder in ["app", "layers"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let below = |name: &str| root.join(name);
    Folders { app: below("app"), layers: below("layers"), platform: below("platform"), buildpacks: below("buildpacks") }
}

async fn built(folders: &Folders, order: &str) -> Result<toml::Table, PipelineError> {
    let file = folders.app.with_file_name("order.toml");
    write(&file, order)?;
    let group = detect(folders, &file).await?;
    build(folders, &group).await?;
    Ok(std::fs::read_to_string(folders.layers.join("config/metadata.toml")).unwrap().parse().unwrap())
}

fn order(groups: &[&[(&str, bool)]]) -> String {
    let mut text = String::new();
    for group in groups {
        text.push_str("[[order]]\n");
        for (id, optional) in *group {
            let entry = ["[[order.group]]\nid='", id, "'\nversion='1'\noptional=", &optional.to_string(), "\n"];
            text.push_str(&entry.concat());
        }
    }
    text
}

const TITLE: &str =
    r#"printf '[[annotations]]\nkey="t"\nvalue="%s"\n' "$CNB_BUILDPACK_DIR" >"$CNB_LAYERS_DIR/launch.toml""#;

#[tokio::test]
async fn optional_buildpacks_are_left_out_and_the_first_group_that_passes_is_taken() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path(), &[("a/one", "exit 100", "exit 9"), ("a/two", "", TITLE), ("three", "", TITLE)]);
    let order = order(&[&[("a/two", false), ("a/one", false)], &[("a/one", true), ("three", false), ("a/two", true)]]);
    let metadata = built(&folders, &order).await.unwrap();
    let group: toml::Table = std::fs::read_to_string(folders.layers.join("group.toml")).unwrap().parse().unwrap();
    let ids = |table: &toml::Table, key: &str| -> Vec<String> {
        table[key].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (ids(&group, "group"), ids(&metadata, "buildpacks")),
        (vec!["three".into(), "a/two".into()], vec!["three".into(), "a/two".into()])
    );
    let annotations = metadata["annotations"].as_array().unwrap();
    assert_eq!(annotations.len(), 2);
    assert!(annotations[1]["value"].as_str().unwrap().ends_with("a_two/1"), "the order is that of the group");
}

#[tokio::test]
async fn variables_are_those_of_the_specification_and_the_user_s() {
    let root = tempfile::tempdir().unwrap();
    let script = r#"[ "$PWD" -ef "$(dirname "$CNB_PLATFORM_DIR")/app" ]; [ -f "$CNB_BP_PLAN_PATH" ]; [ "$CNB_TARGET_OS" = linux ]
        [ -z "${CNB_BUILD_PLAN_PATH-}" ]; [ -z "${CARGO-}" ]
        printf '[[labels]]\nkey="k"\nvalue="%s"\n[[processes]]\ntype="web"\ncommand=["x"]\ndefault=true\n' "$BP_K" >"$CNB_LAYERS_DIR/launch.toml""#;
    let folders = folders(root.path(), &[("one", "[ -w \"$CNB_BUILD_PLAN_PATH\" ] && [ \"$BP_K\" = v ]", script)]);
    write(&folders.platform.join("env/BP_K"), "v").unwrap();
    let metadata = built(&folders, &order(&[&[("one", false)]])).await.unwrap();
    assert_eq!(metadata["labels"][0]["value"].as_str(), Some("v"));
    assert_eq!(metadata["buildpack-default-process-type"].as_str(), Some("web"));
    assert_eq!(metadata["processes"][0]["buildpack-id"].as_str(), Some("one"));
}

#[tokio::test]
async fn what_fails_or_cannot_be_used_is_named() {
    let twice = r#"printf '[[annotations]]\nkey="t"\nvalue=""\n[[annotations]]\nkey="t"\nvalue=""\n' >"$CNB_LAYERS_DIR/launch.toml""#;
    for (detect, build, reason) in [
        ("echo nothing to do; exit 100", "", "no group of buildpacks passes: one fails: nothing to do"),
        ("echo odd >&2; exit 3", "", "one is in error: exit code 3: odd"),
        ("echo 'provides = []' >\"$CNB_BUILD_PLAN_PATH\"", "", "detect with the buildpack one: it writes a build plan"),
        ("", "echo broken >&2; exit 1", "build with the buildpack one: exit code 1: broken"),
        ("", twice, "it has the annotation t twice"),
        ("", "echo '[' >\"$CNB_LAYERS_DIR/launch.toml\"", "launch.toml"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let folders = folders(root.path(), &[("one", detect, build)]);
        let error = crate::error::chain(&built(&folders, &order(&[&[("one", false)]])).await.unwrap_err());
        assert!(error.contains(reason), "{error}");
    }
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path(), &[("one", "", "")]);
    let missing = crate::error::chain(&built(&folders, &order(&[&[("two", false)]])).await.unwrap_err());
    assert!(missing.contains("two/1/buildpack.toml"), "{missing}");
}
