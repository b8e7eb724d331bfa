//! What is kept of an export, and what differs between two.

use super::*;
use crate::sample::{self, on};

#[test]
fn a_document_keeps_its_bytes_through_json() {
    for bytes in [&b"{}\n"[..], b"", b"\xff\x00\x80"] {
        let document = Document::new(bytes.to_vec(), Some("text/x".to_owned()));
        assert_eq!(document.digest, Digest::of(bytes));
        let stored = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&stored).unwrap(), document);
    }
    let text = |bytes: &[u8]| Document::new(bytes.to_vec(), None).text().map(str::to_owned);
    assert_eq!((text("ä".as_bytes()).as_deref(), text(b"\xff")), (Some("ä"), None));
    // Text is stored as text, for people; base64 that is none is refused.
    let stored = serde_json::to_value(Document::new(b"ab".to_vec(), None)).unwrap();
    assert_eq!(stored["bytes"], serde_json::json!({ "text": "ab" }));
    let stored = serde_json::to_value(Document::new(b"\xff".to_vec(), None)).unwrap();
    assert_eq!(stored["bytes"], serde_json::json!({ "base64": "/w==" }));
    let broken = serde_json::json!({ "digest": Digest::of(b""), "content_type": null, "bytes": { "base64": "?" } });
    assert!(serde_json::from_value::<Document>(broken).is_err());
}

#[test]
fn only_what_was_unpacked_to_its_end_has_a_diff_id() {
    let mut layer = sample::own_layers().remove(0);
    let id = layer.blob.as_ref().map(|blob| blob.diff_id.clone());
    assert!(id.is_some());
    assert_eq!(layer.whole_diff_id(), id.as_ref());
    for (fault, whole, of_the_tar) in
        [(LayerFault::Tar, true, true), (LayerFault::Limit, true, false), (LayerFault::Bytes, false, false)]
    {
        (layer.problem, layer.fault) = (Some("read the tar: or not".to_owned()), Some(fault));
        assert_eq!((layer.whole_diff_id().is_some(), layer.tar_problem().is_some()), (whole, of_the_tar), "{fault:?}");
    }
    // Evidence of before faults were kept is told by its words.
    layer.fault = None;
    for (words, is_tar) in [("read the tar: an entry is cut", true), ("gunzip: unexpected end", false)] {
        layer.problem = Some(words.to_owned());
        assert_eq!(layer.whole_diff_id(), id.as_ref().filter(|_| is_tar), "{words}");
        let stored = serde_json::to_value(&layer).unwrap();
        assert!(stored.get("fault").is_none());
        assert_eq!(serde_json::from_value::<crate::evidence::Layer>(stored).unwrap(), layer);
    }
    layer.problem = None;
    layer.blob = None;
    assert_eq!(layer.whole_diff_id(), None);
}

#[test]
fn input_files_are_found_by_path_and_folder() {
    let mut evidence = sample::scenario();
    let inputs = &on(&mut evidence, Target::Registry).inputs;
    assert_eq!(inputs.file("/workspace/main").unwrap().path, "/workspace/main");
    assert_eq!(inputs.file("/workspace"), None);
    assert!(inputs.text("/cnb/run.toml").unwrap().starts_with("[[images]]"));
    assert_eq!(inputs.text("/workspace/main"), None);
    for folder in ["/layers/b", "/layers/b/"] {
        let paths: Vec<&str> = inputs.below(folder).map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/layers/b/tools", "/layers/b/tools.toml", "/layers/b/tools/compiler"], "{folder}");
    }
}

#[test]
fn what_two_exports_were_given_is_compared_by_kind() {
    let mut evidence = sample::scenario();
    let same = on(&mut evidence, Target::Registry).inputs.clone();
    let changed = |change: fn(&mut Inputs)| {
        let mut other = same.clone();
        change(&mut other);
        assert_eq!(same.differences(&other), other.differences(&same));
        same.differences(&other)
    };
    assert!(changed(|_| {}).is_empty());
    assert!(changed(|inputs| inputs.argv.push("-parallel".to_owned())).is_empty());
    assert_eq!(changed(|inputs| inputs.argv.push("-daemon".to_owned())), ["arguments"]);
    assert_eq!(changed(|inputs| inputs.run_as = Some(1)), ["arguments"]);
    assert_eq!(changed(|inputs| inputs.images.push("x".to_owned())), ["images"]);
    assert_eq!(changed(|inputs| inputs.source_date_epoch = Some(1)), ["environment"]);
    let set = |inputs: &mut Inputs, name: &str| drop(inputs.environment.insert(name.to_owned(), "x".to_owned()));
    assert_eq!(changed(|inputs| drop(inputs.environment.insert("CNB_X".to_owned(), String::new()))), ["environment"]);
    for name in ["TZ", "LC_ALL", "LANG", "TMPDIR", "HOME"] {
        let mut other = same.clone();
        set(&mut other, name);
        assert_eq!(same.differences(&other), ["surroundings"], "{name}");
    }
    assert_eq!(
        changed(|inputs| drop(inputs.surroundings.insert("umask".to_owned(), "077".to_owned()))),
        ["surroundings"]
    );
    assert_eq!(changed(|inputs| drop(inputs.files.remove(0))), [same.files[0].path.clone()]);
    assert_eq!(changed(|inputs| inputs.files[1].mode ^= 1), [same.files[1].path.clone()]);
}

#[test]
fn an_export_names_its_digests_and_files() {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Registry);
    let image = export.image.clone().unwrap();
    assert_eq!(export.manifest_digest(), image.manifest.as_ref().map(|manifest| &manifest.digest));
    assert_eq!(export.image_id(), image.config.as_ref().map(|config| &config.digest));
    assert_ne!(export.manifest_digest(), export.image_id());
    assert_eq!(export.at("tags.json"), "sample/registry/1/tags.json");
    export.image = None;
    assert_eq!((export.manifest_digest(), export.image_id()), (None, None));
}

#[test]
fn what_may_be_refused_is_a_good_build_where_it_succeeds() {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Registry);
    assert!(export.is_good_build());
    for (may_refuse, end, is_good) in [
        (true, End::Exited(0), true),
        (true, End::Exited(1), false),
        (true, End::Signalled(0), false),
        (true, End::TimedOut(0), false),
        (false, End::Exited(1), true),
    ] {
        export.inputs.may_refuse = may_refuse.then(|| "errors.special-file".to_owned());
        export.outcome.end = end;
        assert_eq!(export.is_good_build(), is_good, "{may_refuse} {end}");
    }
    export.outcome.end = End::Exited(0);
    export.inputs.expected_failure = Some("errors.no-image".to_owned());
    assert!(!export.is_good_build());
}

#[test]
fn targets_and_ends_have_words() {
    assert_eq!(Target::ALL.map(|target| target.to_string()), ["registry", "daemon", "layout"]);
    let ends = [End::Exited(3), End::Signalled(9), End::TimedOut(60)].map(|end| end.to_string());
    assert_eq!(ends, ["exit 3", "signal 9", "ended after 60 s"]);
}

#[test]
fn why_an_image_was_not_pushed_is_a_cause_also_where_an_earlier_version_wrote_a_sentence() {
    let read = |value: serde_json::Value| serde_json::from_value::<NotPushed>(value).unwrap();
    for (sentence, cause, reason) in [
        ("the push failed: EOF", PushCause::Failed, "EOF"),
        ("the push succeeded, yet the registry has no image", PushCause::NotServed, ""),
        ("the suite did not start this daemon; --allow-push-from-daemon lets it push", PushCause::NotAllowed, ""),
    ] {
        let found = read(sentence.into());
        assert_eq!((found.cause, found.to_string().as_str()), (cause, sentence));
        assert!(reason.is_empty() || found.reason == reason);
        assert_eq!(read(serde_json::to_value(&found).unwrap()), found, "and so it is written now");
    }
    let failed = NotPushed { cause: PushCause::Failed, reason: "EOF".to_owned() };
    assert_eq!(serde_json::to_value(failed).unwrap(), serde_json::json!({ "cause": "failed", "reason": "EOF" }));
}

#[test]
fn how_a_run_image_came_has_the_words_that_it_always_had() {
    for (word, arrival, is_pulled) in [
        ("", Arrival::Usual, false),
        ("loaded", Arrival::Loaded, false),
        ("pulled-by-tag", Arrival::PulledByTag, true),
        ("pulled-by-digest", Arrival::PulledByDigest, true),
        ("made", Arrival::Made, false),
    ] {
        assert_eq!(serde_json::from_value::<Arrival>(word.into()).unwrap(), arrival);
        assert_eq!((serde_json::to_value(arrival).unwrap(), arrival.is_pulled()), (word.into(), is_pulled));
    }
}
