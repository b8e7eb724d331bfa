//! What is rejected of `base.digest`, and what is not.

use super::*;

/// A run image that was made in the daemon, whose ID there stands as base.digest.
fn in_no_repository(export: &mut Export) {
    let id = Digest::of(b"what one daemon calls it").to_string();
    let run = export.run_image.in_daemon.as_mut().unwrap();
    run.id.clone_from(&id);
    run.repo_digests.clear();
    annotate(export, DIGEST, Some(&id));
}

fn moved() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    evidence.exports.iter_mut().for_each(|export| export.run_image.tag_moved_to = Some(Digest::of(b"moved")));
    evidence
}

pub(super) fn digests() -> Vec<Trials> {
    let image_id = |e: &mut Export| {
        let id = e.run_image.config.digest.to_string();
        annotate(e, DIGEST, Some(&id));
    };
    let platform_s = |e: &mut Export| {
        let platform = e.run_image.manifest.digest.to_string();
        annotate(e, DIGEST, Some(&platform));
    };
    let exact = |trials: Trials| {
        trials
            .rejects("another digest", set(DIGEST, other()))
            .rejects("one digit other", changed(one_digit))
            .rejects("capitals", changed(upper))
            .rejects("a space after it", changed(|digest| format!("{digest} ")))
            .rejects("a space before it", changed(|digest| format!(" {digest}")))
            .rejects("without algorithm", changed(|digest| digest.replace("sha256:", "")))
            .rejects("cut", changed(|digest| digest[..70].to_owned()))
            .rejects("with its repository", changed(|digest| format!("host.example/run@{digest}")))
            .rejects("an empty string", set(DIGEST, ""))
            .follows("the run image's own", LEAK, leaks(DIGEST, "sha256:1111"))
            .rejects("the run image's imageID", image_id)
    };
    let fetched = |status: u16, bytes: Option<&'static [u8]>| {
        move |e: &mut Export| {
            let base = e.base.as_mut().unwrap();
            base.fetched.status = status;
            base.fetched.document = bytes.map(|bytes| Document::new(bytes.to_vec(), None));
        }
    };
    vec![
        exact(Trials::of("base.digest-is-run-image"))
            .ignores("none", none(DIGEST))
            .ignores("an extended run image", extended)
            .ignores("Docker schema 2", docker)
            .ignores("a buildpack's", theirs(DIGEST))
            .from(behind_an_index)
            .rejects("behind an index, neither digest", set(DIGEST, other()))
            .accepts("behind an index, the platform manifest's", platform_s)
            .from(sample::scenario)
            .on(&[Target::Layout])
            .ignores("a layout's reference without digest", without_digest),
        exact(Trials::of("base.digest-resolves"))
            .rejects("a word", set(DIGEST, "latest"))
            .rejects("another algorithm", set(DIGEST, "md5:d41d8cd98f00b204e9800998ecf8427e"))
            .rejects("nothing is served", fetched(404, None))
            .rejects("other bytes are served", fetched(200, Some(b"{}")))
            .accepts("the image under the digest has another Content-Type", |e| {
                let document = e.base.as_mut().unwrap().fetched.document.as_mut().unwrap();
                document.content_type = Some("application/vnd.oci.image.index.v1+json".to_owned());
            })
            .ignores("none", none(DIGEST))
            .ignores("a buildpack's", theirs(DIGEST)),
        Trials::of("base.digest-not-image-id")
            .on(WITH_MANIFEST)
            .rejects("the run image's imageID", image_id)
            .rejects("the app image's imageID", |e| {
                // The annotation is not in the config, so the imageID stays.
                let id = e.image_id().unwrap().to_string();
                annotate(e, DIGEST, Some(&id));
            })
            .accepts("another digest, which other rows judge", set(DIGEST, other()))
            .ignores("none", none(DIGEST))
            .on(DAEMON)
            .from(|| sample::kept_by(StoreKind::Containerd))
            .rejects("the run image's imageID in a daemon", image_id)
            .rejects("the daemon's ID of a run image that no repository has", in_no_repository)
            .accepts("a daemon's ID that is a digest in a repository", |e| {
                in_no_repository(e);
                let run = e.run_image.in_daemon.as_mut().unwrap();
                run.repo_digests.push(format!("host.example/run@{}", run.id));
            })
            .ignores("none in a daemon", none(DIGEST)),
        exact(Trials::of("base.digest-pinned").on(REGISTRY).from(moved))
            .rejects("what the tag names now", set(DIGEST, Digest::of(b"moved").to_string()))
            .accepts("a name by another mirror", set(NAME, "mirror.example/run:base"))
            .ignores("none", none(DIGEST))
            .ignores("a tag that did not move", |e| e.run_image.tag_moved_to = None),
        Trials::of("base.shares-layers")
            .rejects("another image under the digest", |e| {
                let other = json!({ "rootfs": { "diff_ids": [Digest::of(b"other")] } });
                e.base.as_mut().unwrap().config = Some(Document::new(other.to_string().into_bytes(), None));
            })
            .rejects("no image under the digest", |e| e.base.as_mut().unwrap().config = None)
            .rejects("the first two layers swapped", |e| {
                sample::edit_config(e, |c| c["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(0, 1));
            })
            .rejects("a layer of its own first", |e| {
                sample::edit_config(e, |c| c["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(0, 4));
            })
            .rejects("the second layer is lost", |e| {
                sample::edit_config(e, |c| drop(c["rootfs"]["diff_ids"].as_array_mut().unwrap().remove(1)));
            })
            .accepts("fewer layers of its own", |e| edit_layers(e, |own| own.truncate(3)))
            .accepts("layers of its own in other order", |e| edit_layers(e, |own| own.swap(1, 2)))
            .ignores("none", none(DIGEST))
            .ignores("nothing is served, which another row judges", fetched(404, None))
            .ignores("a buildpack's", theirs(DIGEST)),
    ]
}
