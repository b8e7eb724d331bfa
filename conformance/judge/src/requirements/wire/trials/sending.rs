//! What is rejected of what is sent, in which order and as what, and what is not.

use super::{ASKED, MOUNTED, PUT, UPLOADED, again, at, own, pushed, record, with};
use crate::digest::Digest;
use crate::evidence::{Export, SentManifest};
use crate::trial::Trials;

pub(super) fn moves_last() -> Trials {
    let old = |e: &mut Export| {
        for record in e.wire.as_mut().unwrap() {
            (record.answered, record.manifest) = (None, None);
        }
    };
    Trials::of("digest.tag-moves-last")
        .from(pushed)
        .rejects("a blob after it", with(UPLOADED, at(90, 91)))
        .rejects("an upload that ends after it", with(UPLOADED, at(79, 91)))
        .rejects("a mount after it", with(MOUNTED, at(90, 91)))
        .rejects("an upload at a place that the registry chose, after it", |e| {
            let digest = own(e);
            let record = &mut e.wire.as_mut().unwrap()[UPLOADED];
            *record = self::record(90, "PUT", format!("/elsewhere/7?digest={digest}"), 201);
        })
        .rejects("a manifest by digest before its blobs, the tag after them", |e| {
            let digest = e.manifest_digest().unwrap().to_string();
            again(PUT, move |record| {
                at(35, 36)(record);
                record.target = format!("/v2/app/manifests/{digest}");
            })(e);
        })
        .rejects("in evidence without answers", move |e| {
            old(e);
            with(UPLOADED, |record| record.sequence = 90)(e);
        })
        .rejects("in evidence without manifests, in which the tag was read before", |e| {
            e.wire.as_mut().unwrap()[PUT].manifest = None;
            with(UPLOADED, at(90, 91))(e);
            e.wire.as_mut().unwrap().push(record(5, "GET", "/v2/app/manifests/latest", 200));
        })
        .rejects("an upload that is refused before it, and one that is done after it", |e| {
            again(UPLOADED, at(90, 91))(e);
            with(UPLOADED, |record| record.status = 400)(e);
        })
        .rejects("a blob that is found as it begins, and sent after it", |e| {
            with(UPLOADED, at(90, 91))(e);
            with(ASKED, |record| (record.status, record.answered) = (200, Some(80)))(e);
        })
        .accepts("an upload that ends as it begins", with(UPLOADED, at(79, 80)))
        .accepts("evidence without answers", old)
        .accepts("a blob that was found before, and sent once more", |e| {
            with(UPLOADED, at(90, 91))(e);
            with(ASKED, |record| record.status = 200)(e);
        })
        .accepts("a blob that was sent before, and once more", again(UPLOADED, at(90, 91)))
        .accepts(
            "the same blob for another repository",
            again(UPLOADED, |record| {
                at(90, 91)(record);
                record.target = record.target.replace("/v2/app/", "/v2/other/");
            }),
        )
        .accepts(
            "a blob that it does not name",
            again(UPLOADED, |record| {
                *record = self::record(90, "PUT", format!("/v2/app/blobs/uploads/u9?digest={}", Digest::of(b"x")), 201);
            }),
        )
        .accepts(
            "an upload that is refused",
            again(UPLOADED, |record| {
                at(90, 91)(record);
                record.status = 400;
            }),
        )
        .rejects(
            "a manifest before its blobs that the registry refuses",
            again(PUT, |record| {
                at(35, 36)(record);
                record.status = 400;
            }),
        )
        .accepts(
            "a manifest before its blobs that wants credentials first",
            again(PUT, |record| {
                at(35, 36)(record);
                record.status = 401;
            }),
        )
        .accepts(
            "a manifest that a fault of the registry keeps",
            again(PUT, |record| {
                at(35, 36)(record);
                (record.status, record.fault) = (404, Some(0));
            }),
        )
        .accepts("nothing but the manifest", |e| drop(e.wire.as_mut().unwrap().drain(..PUT)))
        .accepts("nothing but the manifest, and after it a blob that it does not name", |e| {
            let wire = e.wire.as_mut().unwrap();
            drop(wire.drain(..PUT));
            wire.push(record(90, "PUT", format!("/v2/app/blobs/uploads/u9?digest={}", Digest::of(b"x")), 201));
        })
        .ignores("in evidence without manifests, two that were put under the tag", |e| {
            e.wire.as_mut().unwrap()[PUT].manifest = None;
            again(PUT, at(35, 36))(e);
        })
        .ignores("no manifest", |e| drop(e.wire.as_mut().unwrap().pop()))
        .ignores("no recorder", |e| e.wire = None)
}

/// Another manifest under the tag, before the right one.
fn for_a_moment(blobs: impl Fn(&Export) -> Vec<String> + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let blobs = blobs(export);
        let mut other = export.wire.as_ref().unwrap()[PUT].clone();
        (other.sequence, other.answered) = (50, Some(51));
        other.manifest = Some(SentManifest { digest: Digest::of(b"other"), media_type: None, blobs });
        export.wire.as_mut().unwrap().insert(PUT, other);
    }
}

fn config(export: &Export) -> String {
    export.image_id().unwrap().to_string()
}

pub(super) fn serves_the_app() -> Trials {
    let run_image = |export: &Export| SentManifest::of(&export.run_image.manifest.bytes).unwrap().blobs;
    let whole = |export: &Export| vec![config(export), own(export)];
    Trials::of("digest.tag-serves-app-image")
        .from(pushed)
        .rejects("an image without layers", for_a_moment(|export| vec![config(export)]))
        .rejects("an index", for_a_moment(|_| Vec::new()))
        .rejects("the run image", for_a_moment(run_image))
        .rejects(
            "the run image with the app's config",
            for_a_moment(move |export| run_image(export).into_iter().skip(1).chain([config(export)]).collect()),
        )
        .accepts("a first image with a layer of the app", for_a_moment(whole))
        .accepts("an index that is refused", |e| {
            for_a_moment(|_| Vec::new())(e);
            e.wire.as_mut().unwrap()[PUT].status = 400;
        })
        .accepts("an empty image under another tag", |e| {
            for_a_moment(|_| Vec::new())(e);
            let record = &mut e.wire.as_mut().unwrap()[PUT];
            record.target = record.target.replace("latest", "other");
        })
        .accepts("an empty image in another repository", |e| {
            for_a_moment(|_| Vec::new())(e);
            let record = &mut e.wire.as_mut().unwrap()[PUT];
            record.target = record.target.replace("/v2/app/", "/v2/other/");
        })
        .ignores("evidence of before manifests were kept", |e| {
            e.wire.as_mut().unwrap().iter_mut().for_each(|record| record.manifest = None);
        })
        .ignores("no recorder", |e| e.wire = None)
}

pub(super) fn content_type() -> Trials {
    let typed = |text: &'static str| with(PUT, move |record| record.content_type = Some(text.to_owned()));
    Trials::of("wire.content-type")
        .from(pushed)
        .rejects("Docker's", typed("application/vnd.docker.distribution.manifest.v2+json"))
        .rejects("an index's", typed("application/vnd.oci.image.index.v1+json"))
        .rejects("JSON", typed("application/json"))
        .accepts(
            "with a parameter, which another row judges",
            typed("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        )
        .accepts("in capitals", typed("Application/vnd.oci.image.manifest.v1+json"))
        .accepts("none, which another row judges", with(PUT, |record| record.content_type = None))
        .accepts(
            "a manifest that is read",
            again(PUT, |record| {
                "GET".clone_into(&mut record.method);
                record.content_type = Some("application/json".to_owned());
            }),
        )
        .rejects(
            "a manifest that was refused for it",
            again(PUT, |record| {
                record.content_type = Some("application/json".to_owned());
                record.status = 415;
            }),
        )
        .ignores(
            "a manifest without mediaType",
            with(PUT, |record| record.manifest.as_mut().unwrap().media_type = None),
        )
        .ignores("no recorder", |e| e.wire = None)
}
