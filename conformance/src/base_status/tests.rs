//! What an image says of its base, and what comes of it, on a registry in the process and in a layout.

use bytes::Bytes;
use judge::reference::Reference;

use super::read::{BaseStatusOptions, rows};
use super::*;
use crate::limits::Patience;
use crate::observe::{RegistryClient, Trust};
use crate::rig::registry::{Registry, RegistryChoice};
use crate::scenario::app_image::{self, Base as AppBase};
use crate::scenario::run_image::{self, MadeImage, architecture};
use crate::scenario::{IndexDigest, RecordedApp, RunImageFile};

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn ids(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| digest(text).to_string()).collect()
}

fn says(name: Option<&str>, base: Option<&str>) -> Said {
    Said {
        name: name.map(str::to_owned),
        digest: base.map(digest),
        from: From::Annotations,
        rebasable: Rebasable::Yes,
        diff_ids: ids(&["one", "two", "app"]),
    }
}

fn here(names: &[&str], layers: &[&str]) -> Base {
    Base::Here { digests: names.iter().map(|name| digest(name)).collect(), diff_ids: ids(layers) }
}

#[test]
fn the_state_follows_from_name_digest_and_layers() {
    let upon = ["one", "two"];
    let cases = [
        (says(Some("h/run:b"), Some("a")), here(&["a"], &upon), Base::NotAsked, State::UpToDate),
        // By the digest of an index's manifest too.
        (says(Some("h/run:b"), Some("m")), here(&["i", "m"], &upon), Base::NotAsked, State::UpToDate),
        (says(Some("h/run:b"), Some("a")), here(&["b"], &["three"]), here(&["a"], &upon), State::Newer),
        (says(Some("h/run:b"), Some("a")), here(&["b"], &["three"]), Base::Gone, State::Newer),
        (says(Some("h/run:b"), Some("a")), Base::Gone, here(&["a"], &upon), State::BaseGone),
        (says(Some("h/run:b"), Some("a")), Base::Gone, Base::Gone, State::BaseGone),
        (says(Some("h/run:b"), Some("a")), here(&["a"], &["other"]), Base::NotAsked, State::LayersDiffer),
        (says(Some("h/run:b"), Some("a")), here(&["b"], &["three"]), here(&["a"], &["other"]), State::LayersDiffer),
        // The digest is of before, the layers are those of now.
        (says(Some("h/run:b"), Some("a")), here(&["b"], &upon), here(&["a"], &["old"]), State::LayersDiffer),
        (says(Some("h/run:b"), None), here(&["b"], &upon), Base::NotAsked, State::UpToDate),
        (says(Some("h/run:b"), None), here(&["b"], &["three"]), Base::NotAsked, State::Newer),
        (says(None, None), Base::NotAsked, Base::NotAsked, State::NotSaid),
        // A base without layers proves nothing.
        (says(Some("h/run:b"), Some("a")), here(&["a"], &[]), Base::NotAsked, State::LayersDiffer),
    ];
    for (said, current, old, expected) in cases {
        let row = row("h/app:1", &said, &current, &old);
        assert_eq!(row.state, expected, "{said:?} {current:?} {old:?}: {}", row.note);
        assert!(!row.note.is_empty());
    }
}

#[test]
fn the_exit_code_is_that_of_the_worst() {
    let row = |state| Row { state, ..unread("x", None, "why".to_owned()) };
    for (states, expected) in [
        (&[State::UpToDate][..], Exit::Conformant),
        (&[State::UpToDate, State::Newer], Exit::NotConformant),
        (&[State::NotSaid, State::UpToDate], Exit::NothingJudged),
        (&[State::NotSaid, State::BaseGone], Exit::NotConformant),
        (&[State::LayersDiffer, State::Unread], Exit::SuiteFailed),
    ] {
        let rows: Vec<Row> = states.iter().map(|state| row(*state)).collect();
        assert_eq!(exit(&rows), expected);
        let json: serde_json::Value = serde_json::from_str(&json(&rows)).unwrap();
        assert_eq!(json["images"][0]["state"], states[0].name());
        assert!(table(&rows).contains(states[0].name()));
    }
}

async fn put(registry: &Registry, image: &MadeImage, name: &str) {
    let client = RegistryClient::new(registry.base_url(), None).unwrap();
    let reference = Reference::parse(&format!("{}/{name}", registry.host())).unwrap();
    for blob in image.blobs() {
        client.push_blob(&reference.repository, Bytes::copy_from_slice(blob)).await.unwrap();
    }
    let named = image.documents().into_iter().map(|document| (document.digest.to_string(), document));
    for (tag, document) in named.chain([(reference.tag.unwrap(), image.tagged())]) {
        let bytes = Bytes::copy_from_slice(&document.bytes);
        let media_type = document.content_type.as_deref().unwrap_or_default();
        client.push_manifest(&reference.repository, &tag, media_type, bytes).await.unwrap();
    }
}

fn app(registry: &Registry, run: &MadeImage, app: &RecordedApp) -> MadeImage {
    let name = format!("{}/run:base", registry.host());
    let digest = run.analysed().digest.clone();
    let reference = format!("{}/run@{digest}", registry.host());
    app_image::make(app, run, &AppBase { name: &name, mirrors: &[], reference: &reference, digest: &digest }).unwrap()
}

fn settings(images: Vec<String>) -> BaseStatusOptions {
    BaseStatusOptions {
        images,
        platform: ("linux".to_owned(), architecture().to_owned()),
        insecure: Vec::new(),
        daemon: None,
        patience: Patience::default(),
        trust: Trust::default(),
    }
}

#[tokio::test]
async fn images_of_a_registry_and_of_a_layout_are_told_apart() {
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let host = registry.host().to_owned();
    let indexed = RunImageFile { index: Some(IndexDigest::Index), ..RunImageFile::default() };
    let (old, new) = (run_image::make(&indexed, "").unwrap(), run_image::make(&indexed, "moved on").unwrap());
    put(&registry, &old, "run:base").await;
    let annotated = app(&registry, &old, &RecordedApp::default());
    put(&registry, &annotated, "app:1").await;
    let bare = app(&registry, &old, &RecordedApp { annotated: false, rebasable: "false".to_owned() });
    put(&registry, &bare, "bare:1").await;
    let layout = tempfile::tempdir().unwrap();
    annotated.write_layout(layout.path()).unwrap();
    let place = format!("layout:{}", layout.path().display());
    let all = vec![
        format!("{host}/app:1"),
        format!("{host}/bare:1"),
        place,
        format!("{host}/none:1"),
        format!("{host}/run:base"),
    ];
    let found = rows(&settings(all.clone())).await.unwrap();
    let states: Vec<State> = found.iter().map(|row| row.state).collect();
    let expected = [State::UpToDate, State::UpToDate, State::UpToDate, State::Unread, State::NotSaid];
    assert_eq!(states, expected, "{found:?}");
    assert_eq!((found[0].from, found[0].rebasable), (From::Annotations, Rebasable::Yes));
    assert_eq!((found[1].from, found[1].rebasable), (From::Label, Rebasable::No));
    put(&registry, &new, "run:base").await;
    let found = rows(&settings(all[..3].to_vec())).await.unwrap();
    assert!(found.iter().all(|row| row.state == State::Newer), "{found:?}");
    assert_eq!(found[0].current_digest.as_deref(), Some(new.tagged().digest.as_str()));
    let client = RegistryClient::new(registry.base_url(), None).unwrap();
    client.delete("run", new.tagged().digest.as_str()).await.unwrap();
    let found = rows(&settings(all[..1].to_vec())).await.unwrap();
    assert_eq!(found[0].state, State::BaseGone, "{found:?}");
    let other = BaseStatusOptions {
        platform: ("plan9".to_owned(), "mips".to_owned()),
        ..settings(vec![format!("{host}/app:1")])
    };
    // The app image is not an index; its base is one without that platform.
    assert_eq!(rows(&other).await.unwrap()[0].state, State::BaseGone);
    registry.stop().await.unwrap();
}
