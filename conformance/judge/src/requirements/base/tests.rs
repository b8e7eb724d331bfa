//! Each statement about the run image seen to hold and to fail.

use super::observed::{behind_an_index, is_a_mirror};
use super::*;
use crate::evidence::Document;
use crate::sample::{self, annotate, find, on};

const ON: Target = Target::Registry;
const DIGEST: &str = "org.opencontainers.image.base.digest";
const NAME: &str = "org.opencontainers.image.base.name";

#[test]
fn a_buildpack_s_value_is_not_the_exporter_s() {
    for (key, ids) in [
        (
            DIGEST,
            &["base.digest-present", "base.digest-is-run-image", "base.digest-resolves", "base.shares-layers"][..],
        ),
        (NAME, &["base.name-present", "base.name-is-run-image-name", "base.name-fully-qualified", "base.pair"]),
    ] {
        let mut evidence = sample::scenario();
        sample::contribute(on(&mut evidence, ON), &[(key, "theirs")]);
        for id in ids {
            assert!(matches!(find(&evidence, id, ON), Finding::NotApplicable(_)), "{id}");
        }
        let agrees = find(&evidence, "base.agrees-with-label", ON);
        assert_eq!(agrees, Finding::Holds, "the other half still agrees");
        // The exporter's own value won, so it is judged as its own.
        let own = sample::scenario().exports[0].image.as_ref().and_then(|image| view::annotation(image, key));
        annotate(on(&mut evidence, ON), key, own.as_deref());
        for id in ids {
            assert_eq!(find(&evidence, id, ON), Finding::Holds, "{id}");
        }
    }
}

#[test]
fn behind_an_index_it_is_seen_whose_digest_it_is() {
    let index = Document::new(b"{\"manifests\":[]}".to_vec(), None);
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, ON);
    export.run_image.index = Some(index.clone());
    let platform = export.run_image.manifest.digest.clone();
    assert_eq!(behind_an_index(export, index.digest.as_str()), "the index's");
    assert_eq!(behind_an_index(export, platform.as_str()), "the platform manifest's");
    assert!(behind_an_index(export, Digest::of(b"x").as_str()).starts_with("neither"));
}

#[test]
fn a_chosen_mirror_is_the_run_image_s_name() {
    for name in ["mirror.example/run:base", "host.example/run:base"] {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        export.run_image.name = "mirror.example/run:base".to_owned();
        annotate(export, NAME, Some(name));
        assert!(is_a_mirror(export, "mirror.example/run:base") && !is_a_mirror(export, "host.example/run:base"));
        assert_eq!(find(&evidence, "base.name-is-run-image-name", ON), Finding::Holds);
    }
}
