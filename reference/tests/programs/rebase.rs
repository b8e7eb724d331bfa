//! Rebases in a registry: what follows the new run image, what stays, and what is sent.

use bounded::Bounded as _;
use reference::digest::Digest;
use serde_json::{Value, json};

use crate::support::build::{exporter, index};
use crate::support::http::Answer;
use crate::support::rebasing::{LABEL, Place, label, new, old, succeeded};
use crate::support::server::{Server, Wanted};

const BASE_NAME: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

#[test]
fn the_base_follows_and_every_other_annotation_stays_byte_for_byte_and_in_its_place() {
    let place = Place::new();
    // Another order than that of the keys, an empty value, and a buildpack's.
    let mut before = place.manifest("app", "1");
    let mut annotations =
        serde_json::Map::from_iter([("z".to_owned(), json!("\u{2028}<&>")), ("empty".to_owned(), json!(""))]);
    annotations.extend(before["annotations"].as_object().unwrap().clone());
    annotations.insert("a".to_owned(), json!(" last "));
    before["annotations"] = annotations.clone().into();
    place.server.tag("app", "1", before.to_string().as_bytes());
    let run = place.move_on(&new());
    succeeded(&place.rebase(&[&place.name("app:1")]));
    let after = place.manifest("app", "1");
    annotations[BASE_DIGEST] = json!(run.manifest);
    assert_eq!(annotations[BASE_NAME], json!(place.name("run:1")));
    assert_eq!(after["annotations"].to_string(), Value::from(annotations).to_string());
    assert_eq!(after["mediaType"], "application/vnd.oci.image.manifest.v1+json");
}

#[test]
fn layers_labels_and_reference_are_the_new_run_image_s_and_the_rest_of_the_config_stays() {
    let place = Place::new();
    let before = place.config(&place.manifest("app", "1"));
    let run = place.move_on(&new());
    succeeded(&place.rebase(&[&place.name("app:1")]));
    let manifest = place.manifest("app", "1");
    let after = place.config(&manifest);
    let mut expected = before.clone();
    let ids = |config: &Value| config["rootfs"]["diff_ids"].as_array().unwrap().clone();
    let own = ids(&before)[2..].to_vec();
    expected["rootfs"]["diff_ids"] = run.layers.iter().map(|id| json!(id)).chain(own).collect::<Vec<_>>().into();
    let history = before["history"].as_array().unwrap()[2..].to_vec();
    expected["history"] = vec![json!({ "created_by": "new" }); 3].into_iter().chain(history).collect::<Vec<_>>().into();
    expected["config"]["Labels"]["io.buildpacks.base.id"] = json!("new");
    let mut names = label(&before);
    let reference = format!("{}@{}", place.name("run"), run.manifest);
    for run_image in ["/runImage", "/stack/runImage"] {
        let found = names.pointer_mut(run_image).unwrap();
        found["topLayer"] = json!(run.layers[2]);
        found["reference"] = json!(reference);
    }
    expected["config"]["Labels"][LABEL] = json!(names.to_string());
    assert_eq!(after.to_string(), expected.to_string());
    let layers: Vec<&Value> = manifest["layers"].as_array().unwrap().iter().map(|layer| &layer["digest"]).collect();
    assert_eq!(layers.len(), ids(&after).len());
    assert_eq!(layers[..3], run.layers.iter().map(|id| json!(id)).collect::<Vec<_>>().iter().collect::<Vec<_>>());
}

#[test]
fn no_layer_of_the_app_is_sent_run_layers_are_mounted_and_the_tags_move_last() {
    let place = Place::new();
    let run = place.move_on(&new());
    let images = [place.name("app:1"), place.name("app:2"), place.name("second:1")];
    let before = place.manifest("app", "1");
    let changes = place.changes(|| succeeded(&place.rebase(&images.each_ref().map(String::as_str))));
    let uploads = changes.iter().filter(|change| change.starts_with("PUT /v2/") && change.contains("/blobs/uploads/"));
    assert_eq!(uploads.count(), 2, "a config for each repository: {changes:#?}");
    let mounted = |repository: &str, digest: &str| {
        let begin = format!("POST /v2/{repository}/blobs/uploads/?mount={digest}");
        changes.iter().filter(|change| change.starts_with(&begin)).count()
    };
    // The first layer of the run image is there already.
    assert_eq!(run.layers.iter().map(|id| mounted("app", id)).sum::<usize>(), 2, "{changes:#?}");
    assert_eq!(run.layers.iter().map(|id| mounted("second", id)).sum::<usize>(), 3, "{changes:#?}");
    for layer in &before["layers"].as_array().unwrap()[2..] {
        let digest = layer["digest"].as_str().unwrap();
        assert_eq!((mounted("app", digest), mounted("second", digest)), (0, 1), "{changes:#?}");
        assert!(place.server.has("second", digest));
    }
    let last = changes.len() - 3;
    assert!(changes[last..].iter().all(|change| change.contains("/manifests/")), "{changes:#?}");
    assert!(!changes[..last].iter().any(|change| change.contains("/manifests/")), "{changes:#?}");
    assert_eq!(place.bytes("app", "1"), place.bytes("app", "2"));
    assert_eq!(place.bytes("app", "1"), place.bytes("second", "1"));
}

#[test]
fn the_report_says_what_was_written() {
    let place = Place::new();
    let run = place.move_on(&new());
    let images = [place.name("app:1"), place.name("app:2")];
    succeeded(&place.rebase(&images.each_ref().map(String::as_str)));
    let (report, bytes) = (place.reported(), place.bytes("app", "1"));
    let manifest = place.manifest("app", "1");
    assert_eq!(report["digest"].as_str(), Some(Digest::of(&bytes).as_str()));
    assert_eq!(report["manifest-size"].as_integer(), Some(i64::try_from(bytes.len()).unwrap()));
    assert_eq!(report["image-id"].as_str(), manifest["config"]["digest"].as_str());
    assert_eq!(report["tags"].as_array().unwrap().len(), 2);
    let told = report["run-image"].as_table().unwrap();
    let text = |key: &str| told[key].as_str().unwrap().to_owned();
    assert_eq!((text("image"), text("top-layer")), (place.name("run:1"), run.layers[2].clone()));
    assert_eq!(text("reference"), format!("{}@{}", place.name("run"), run.manifest));
}

#[test]
fn the_same_inputs_give_the_same_digest_and_a_rebase_back_gives_the_first_one() {
    let place = Place::new();
    let first = place.bytes("app", "1");
    succeeded(&place.rebase(&[&place.name("app:1")]));
    assert_eq!(place.bytes("app", "1"), first, "on the same run image");
    let run = place.move_on(&new());
    succeeded(&place.rebase(&["-previous-image", &place.name("app:1"), &place.name("app:2")]));
    let second = place.bytes("app", "2");
    assert!(second != first && place.bytes("app", "1") == first, "the previous image stays");
    succeeded(&place.rebase(&["-previous-image", &place.name("app:1"), &place.name("app:3")]));
    assert_eq!(place.bytes("app", "3"), second);
    succeeded(&place.rebase(&[&place.name("app:3")]));
    assert_eq!(place.bytes("app", "3"), second, "rebased twice");
    place.run("run", "1", &place.old);
    succeeded(&place.rebase(&[&place.name("app:2")]));
    assert_eq!(place.bytes("app", "2"), first);
    assert_ne!(run.manifest, place.old.manifest);
}

#[test]
fn created_is_the_constant_or_what_source_date_epoch_says() {
    let place = Place::new();
    place.export(&[("SOURCE_DATE_EPOCH", "1700000000")]);
    for (epoch, created) in [("0", "1970-01-01T00:00:00Z"), ("", "1980-01-01T00:00:01Z")] {
        let mut command = place.rebaser();
        succeeded(&command.env("SOURCE_DATE_EPOCH", epoch).arg(place.name("app:1")).output_in_time().unwrap());
        assert_eq!(place.config(&place.manifest("app", "1"))["created"], created);
    }
}

#[test]
fn an_image_without_annotations_gets_none_and_one_without_base_gets_no_base() {
    for annotations in [Value::Null, json!({ "own": "o" })] {
        let place = Place::new();
        let mut manifest = place.manifest("app", "1");
        let members = manifest.as_object_mut().unwrap();
        members.shift_remove("annotations");
        if !annotations.is_null() {
            members.insert("annotations".to_owned(), annotations.clone());
        }
        place.server.tag("app", "1", manifest.to_string().as_bytes());
        place.move_on(&new());
        succeeded(&place.rebase(&[&place.name("app:1")]));
        let after = place.manifest("app", "1");
        assert_eq!(after.get("annotations"), Some(&annotations).filter(|it| !it.is_null()));
    }
}

/// The names of the run image in the app image's label become these.
fn rename(place: &Place, image: &str, mirrors: &[String]) {
    place.change_config(|config| {
        let mut names = label(config);
        for run_image in ["/runImage", "/stack/runImage"] {
            let found = names.pointer_mut(run_image).unwrap();
            found["image"] = json!(image);
            found["mirrors"] = json!(mirrors);
        }
        config["config"]["Labels"][LABEL] = json!(names.to_string());
    });
}

#[test]
fn without_a_run_image_the_mirror_on_the_app_image_s_registry_is_chosen_and_the_names_stay() {
    let (place, far) = (Place::new(), Server::start(|_| Wanted::Usual));
    let run = new().make();
    place.run("mirror", "9", &run);
    let (image, mirrors) = (format!("{}/run:1", far.host), [place.name("mirror:9")]);
    rename(&place, &image, &mirrors);
    let before = label(&place.config(&place.manifest("app", "1")));
    succeeded(&place.rebase(&["-insecure-registry", &far.host, &place.name("app:1")]));
    assert!(far.asked().is_empty());
    let manifest = place.manifest("app", "1");
    assert_eq!(manifest["annotations"][BASE_NAME], json!(mirrors[0]));
    assert_eq!(manifest["annotations"][BASE_DIGEST], json!(run.manifest));
    let after = label(&place.config(&manifest));
    for key in ["image", "mirrors"] {
        assert_eq!(after["runImage"][key], before["runImage"][key]);
    }
    assert_eq!(after["runImage"]["reference"], json!(format!("{}@{}", place.name("mirror"), run.manifest)));
    let mirror = place.reported()["run-image"]["mirrors"][0].as_str().unwrap().to_owned();
    assert_eq!(mirror, mirrors[0]);
}

#[test]
fn a_mirror_that_is_gone_gives_way_to_the_next_run_image_and_its_layers_are_brought() {
    let (place, far) = (Place::new(), Server::start(|_| Wanted::Usual));
    let run = new().make();
    far.publish("run", &run);
    far.tag("run", "1", run.blobs.last().unwrap());
    rename(&place, &format!("{}/run:1", far.host), &[place.name("gone:9")]);
    succeeded(&place.rebase(&["-insecure-registry", &far.host, &place.name("app:1")]));
    let manifest = place.manifest("app", "1");
    assert_eq!(manifest["annotations"][BASE_NAME], json!(format!("{}/run:1", far.host)));
    assert!(run.layers.iter().all(|layer| place.server.has("app", layer)));
}

#[test]
fn a_forced_run_image_takes_the_place_of_the_names_in_the_label() {
    let place = Place::new();
    let run = new().make();
    place.run("other", "7", &run);
    rename(&place, &place.name("run:1"), &[place.name("mirror:1")]);
    let name = place.name("other:7");
    let output = place.rebase(&["-force", "-run-image", &name, &place.name("app:1")]);
    succeeded(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("-force"));
    let manifest = place.manifest("app", "1");
    assert_eq!(manifest["annotations"][BASE_NAME], json!(name));
    let after = label(&place.config(&manifest));
    for run_image in [&after["runImage"], &after["stack"]["runImage"]] {
        assert_eq!((&run_image["image"], run_image.get("mirrors")), (&json!(name), None));
    }
    assert_eq!(place.reported()["run-image"]["image"].as_str(), Some(name.as_str()));
    // It is the name in the label now.
    succeeded(&place.rebase(&["-run-image", &name, &place.name("app:1")]));
}

#[test]
fn a_run_image_behind_an_index_is_named_by_the_index_s_digest() {
    let place = Place::new();
    let run = new().make();
    let index = index(&run);
    place.run("run", "1", &run);
    place.server.tag("run", "1", &index);
    succeeded(&place.rebase(&[&place.name("app:1")]));
    let manifest = place.manifest("app", "1");
    assert_eq!(manifest["annotations"][BASE_DIGEST], json!(Digest::of(&index)));
    assert_eq!(place.config(&manifest)["rootfs"]["diff_ids"][2], json!(run.layers[2]));
}

#[test]
fn an_app_image_of_another_repository_is_rebased_by_its_digest() {
    let place = Place::new();
    let digest = place.server.put_manifest("app", &place.bytes("app", "1"));
    place.move_on(&new());
    let before = place.bytes("app", "1");
    let pinned = format!("{}@{digest}", place.name("app"));
    let changes = place.changes(|| succeeded(&place.rebase(&["-previous-image", &pinned, &place.name("copy:1")])));
    assert!(changes.iter().filter(|change| change.ends_with("&from=app")).count() >= 4, "{changes:#?}");
    assert!(!changes.iter().any(|change| change.contains("/v2/app/")), "{changes:#?}");
    assert_eq!(place.bytes("app", "1"), before);
    for layer in place.manifest("copy", "1")["layers"].as_array().unwrap() {
        assert!(place.server.has("copy", layer["digest"].as_str().unwrap()));
    }
}

#[test]
fn called_by_its_own_name_and_with_variables_it_does_the_same() {
    let place = Place::new();
    place.move_on(&new());
    succeeded(&place.rebase(&["-previous-image", &place.name("app:1"), &place.name("app:2")]));
    let link = place.build.path("rebaser");
    std::os::unix::fs::symlink(exporter(), &link).unwrap();
    let mut command = std::process::Command::new(&link);
    command.env_clear().env("CNB_PLATFORM_API", "0.12").env("CNB_INSECURE_REGISTRIES", &place.server.host);
    command.env("CNB_REPORT_PATH", place.build.path("report.toml")).env("CNB_RUN_IMAGE", place.name("run:1"));
    succeeded(&command.arg(place.name("app:1")).output_in_time().unwrap());
    assert_eq!(place.bytes("app", "1"), place.bytes("app", "2"));
    assert_eq!(place.reported()["tags"][0].as_str(), Some(place.name("app:1").as_str()));
    // Nothing is left on temporary disk.
    assert_eq!(place.build.left_over(), Vec::<String>::new());
}

#[test]
fn credentials_are_sent_to_their_registry_and_nowhere_else() {
    let far = Server::start(|_| Wanted::Answer(Answer::status(401)));
    let server = Server::start(|asked| match asked.authorization.as_deref() {
        Some("Basic secret") | None => Wanted::Usual,
        Some(_) => Wanted::Answer(Answer::status(401)),
    });
    let place = Place::upon(server, &old());
    let run = place.move_on(&new());
    rename(&place, &format!("{}/run:1", far.host), &[place.name("mirror:1"), place.name("run:1")]);
    let before = place.server.asked().len();
    let auth = json!({ place.server.host.as_str(): "Basic secret" }).to_string();
    let mut command = place.rebaser();
    command.env("CNB_REGISTRY_AUTH", auth).args(["-insecure-registry", &far.host, "-log-level", "debug"]);
    let output = command.arg(place.name("app:1")).output_in_time().unwrap();
    succeeded(&output);
    let asked = place.server.asked().split_off(before);
    assert!(!asked.is_empty() && asked.iter().all(|asked| asked.authorization.as_deref() == Some("Basic secret")));
    assert!(far.asked().is_empty(), "those of the app image's registry are tried first");
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains("secret"));
    assert_eq!(place.manifest("app", "1")["annotations"][BASE_DIGEST], json!(run.manifest));
    // The only one left is on the other registry, which wants other credentials.
    place.server.untag("run", "1");
    let output = place.rebase(&["-insecure-registry", &far.host, &place.name("app:1")]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(72), "{stderr}");
    assert!(stderr.contains("401") && stderr.contains("mirror:1") && stderr.lines().count() == 1, "{stderr}");
    assert!(far.asked().iter().all(|asked| asked.authorization.is_none()));
}
