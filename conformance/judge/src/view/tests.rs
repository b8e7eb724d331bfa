//! Readings of documents and layers, also of odd ones.

use super::*;
use crate::evidence::Target;
use crate::sample::{self, edit_layers, layer, on};

fn image(manifest: &str, config: &str) -> Image {
    let document = |text: &str| Some(Document::new(text.as_bytes().to_vec(), None));
    Image { manifest: document(manifest), config: document(config), layers: Vec::new() }
}

#[test]
fn the_last_of_doubled_annotations_counts() {
    let doubled = image(r#"{"annotations":{"a":"1","b":2,"a":"3"}}"#, "{}");
    assert_eq!(annotation(&doubled, "a").as_deref(), Some("3"));
    assert_eq!((annotation(&doubled, "b"), annotation(&doubled, "c")), (None, None));
    let names: Vec<String> = annotations(&doubled).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "a"]);
    for odd in ["", "[]", "{}", r#"{"annotations":["a"]}"#] {
        assert_eq!(annotations(&image(odd, "{}")), [], "{odd}");
    }
}

#[test]
fn labels_are_the_config_s_strings() {
    let labelled = image("{}", r#"{"config":{"Labels":{"a":"{\"x\":1}","b":1,"c":"{"}}}"#);
    assert_eq!(labels(&labelled).keys().collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(json_label(&labelled, "a").and_then(|json| json.get("x")?.as_u64()), Some(1));
    assert_eq!((json_label(&labelled, "b"), json_label(&labelled, "c")), (None, None));
    assert!(labels(&image("{}", r#"{"config":{"Labels":null}}"#)).is_empty());
    let ids = |text: &str| diff_ids(image("{}", text).config.as_ref());
    assert_eq!(ids(r#"{"rootfs":{"diff_ids":["a",1,"b"]}}"#), ["a", "b"]);
    assert!(ids(r#"{"rootfs":{}}"#).is_empty());
}

/// The paths that are left of two new layers with these entries.
fn left(first: &[&str], second: &[&str]) -> Vec<String> {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Registry);
    let like = sample::own_layers()[3].blob.as_ref().unwrap().entries[1].clone();
    let entries = |paths: &[&str]| {
        paths.iter().map(|path| Entry { path: (*path).to_owned(), ..like.clone() }).collect::<Vec<_>>()
    };
    edit_layers(export, |own| *own = vec![layer("one", entries(first)), layer("two", entries(second))]);
    new_files(export, export.image.as_ref().unwrap()).into_keys().collect()
}

#[test]
fn whiteouts_take_away_what_earlier_layers_brought() {
    assert_eq!(left(&["/a/b", "/a/c"], &["/a/d"]), ["/a/b", "/a/c", "/a/d"]);
    assert_eq!(left(&["/a/b", "/a/b/c", "/a/bc"], &["/a/.wh.b"]), ["/a/bc"]);
    assert_eq!(left(&["/a", "/a/b", "/ab"], &["/a/.wh..wh..opq", "/a/c"]), ["/a", "/a/c", "/ab"]);
    assert_eq!(left(&["/.wh.a"], &["/a"]), ["/a"]);
}

#[test]
fn as_many_whiteouts_as_files_and_a_chain_of_links_take_no_time() {
    const MANY: usize = 20_000;
    let begun = std::time::Instant::now();
    let files: Vec<String> = (0..MANY).map(|number| format!("/files/{number}")).collect();
    let hidden: Vec<String> = (0..MANY).map(|number| format!("/files/.wh.{number}")).collect();
    let of = |paths: &[String]| left(&paths.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    assert_eq!(of(&files).len(), MANY);
    assert_eq!(of(&[files, hidden].concat()).len(), 0);
    let like = sample::own_layers()[3].blob.as_ref().unwrap().entries[1].clone();
    let link = |number: usize| Entry {
        path: format!("/{number}"),
        kind: EntryKind::HardLink,
        link: Some(format!("/{}", number + 1)),
        content: None,
        ..like.clone()
    };
    let chain: Vec<Entry> = (0..MANY).map(link).collect();
    let by_path: BTreeMap<String, &Entry> = chain.iter().map(|entry| (entry.path.clone(), entry)).collect();
    assert_eq!(chain.iter().filter(|entry| resolved(&by_path, entry).path == entry.path).count(), MANY);
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn the_run_image_s_layers_are_not_new() {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Registry);
    let image = export.image.as_ref().unwrap();
    assert_eq!(base_count(export), 2);
    let places: Vec<usize> = new_layers(export, image).iter().map(|(index, _)| *index).collect();
    assert_eq!(places, (2..image.layers.len()).collect::<Vec<_>>());
    assert!(!new_files(export, image).contains_key("/etc/os-release"));
}

#[test]
fn hard_links_are_followed_but_not_round_in_a_circle() {
    let like = sample::own_layers()[3].blob.as_ref().unwrap().entries[1].clone();
    let link = |path: &str, to: &str| Entry {
        path: path.to_owned(),
        kind: EntryKind::HardLink,
        link: Some(to.to_owned()),
        content: None,
        ..like.clone()
    };
    let file = Entry { path: "/f".to_owned(), ..like.clone() };
    let entries = [
        file.clone(),
        link("/one", "f"),
        link("/two", "./one"),
        link("/three", "/two"),
        link("/lost", "none"),
        link("/round", "other"),
        link("/other", "round"),
    ];
    let files: BTreeMap<String, &Entry> = entries.iter().map(|entry| (entry.path.clone(), entry)).collect();
    for (path, expected) in
        [("/f", "/f"), ("/one", "/f"), ("/two", "/f"), ("/three", "/f"), ("/lost", "/lost"), ("/round", "/round")]
    {
        assert_eq!(resolved(&files, files[path]).path, expected, "{path}");
    }
}

#[test]
fn below_is_strictly_below() {
    for (path, folder) in [("/a/b", "/a"), ("/a/b", "/a/"), ("/a/b/c", "/a"), ("/a", "/"), ("/a", "")] {
        assert!(is_below(path, folder), "{path} {folder}");
    }
    for (path, folder) in [("/a", "/a"), ("/a/", "/a"), ("/ab", "/a"), ("/b/a", "/a"), ("/", "/")] {
        assert!(!is_below(path, folder), "{path} {folder}");
    }
}

#[test]
fn a_cut_text_tells_its_length() {
    assert_eq!(cut_to("äbc", 3), "äbc");
    assert_eq!(cut_to("äbc", 2), "äb… (4 bytes)");
    assert_eq!(cut(&"x".repeat(300)), "x".repeat(300));
    assert_eq!(cut(&"x".repeat(301)), format!("{}… (301 bytes)", "x".repeat(300)));
}

#[test]
fn the_run_image_is_pinned_by_its_reference_s_digest() {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Registry);
    assert_eq!(pinned(export).as_ref(), Some(&export.run_image.digest));
    for reference in ["host.example/run:base", "host.example/run@sha256:12"] {
        export.run_image.reference = reference.to_owned();
        assert_eq!(pinned(export), None, "{reference}");
    }
}

#[test]
fn every_descriptor_of_manifest_and_index_is_told_with_its_place() {
    let manifest = Json::parse(br#"{"layers":[1,2],"config":3,"subject":4,"manifests":[5],"other":6}"#).unwrap();
    let found: Vec<(String, Option<u64>)> =
        descriptors(&manifest).into_iter().map(|(place, one)| (place, one.as_u64())).collect();
    let expected = [("/config", 3), ("/subject", 4), ("/layers/0", 1), ("/layers/1", 2), ("/manifests/0", 5)];
    assert_eq!(found, expected.map(|(place, number)| (place.to_owned(), Some(number))));
}

#[test]
fn paths_in_other_spellings_are_one_path() {
    for (given, expected) in [
        ("/build/app", "/build/app"),
        ("/build/app/", "/build/app"),
        ("/build//app/./x/..", "/build/app"),
        (".", "/build/app"),
        ("../layers/group.toml", "/build/layers/group.toml"),
        ("../../../..", "/"),
    ] {
        assert_eq!(cleaned(given, "/build/app"), expected, "{given}");
    }
}
