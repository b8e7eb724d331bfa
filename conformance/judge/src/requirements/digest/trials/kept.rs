//! Trials of what a registry held before.

use super::*;

fn old() -> String {
    Digest::of(b"old").to_string()
}

/// What was sent in an export to a tag that named an image before.
fn sent(method: &'static str, target: impl Into<String>) -> impl Fn(&mut Export) + 'static {
    let target = target.into();
    move |export| {
        export.tags_before.insert("host.example/app:latest".to_owned(), Some(old()));
        export.wire = Some(vec![WireRecord {
            sequence: 0,
            method: method.to_owned(),
            target: target.clone(),
            status: 201,
            content_type: None,
            request_bytes: 0,
            response_bytes: 0,
            had_credentials: false,
            ..WireRecord::default()
        }]);
    }
}

pub(super) fn untouched() -> Trials {
    Trials::of("digest.old-digest-untouched")
        .rejects("a manifest deleted by digest", sent("DELETE", format!("/v2/app/manifests/{}", old())))
        .rejects("a tag deleted", sent("DELETE", "/v2/app/manifests/latest"))
        .rejects("a blob deleted", sent("DELETE", format!("/v2/app/blobs/{}", old())))
        .rejects("other bytes under the old digest", written("", b"new"))
        .rejects("other bytes under the old digest, with a query", written("?x=1", b"new"))
        .rejects("other bytes that the registry refuses", |e| {
            written("", b"old")(e);
            e.wire.as_mut().unwrap()[0].status = 400;
        })
        .rejects("nothing is under the old digest any more", |e| {
            written("", b"old")(e);
            e.previous_after.as_mut().unwrap().document = None;
        })
        .accepts("the same bytes under the old digest, then the tag", |e| {
            written("", b"old")(e);
            let mut tag = e.wire.as_ref().unwrap()[0].clone();
            (tag.sequence, tag.target) = (1, "/v2/app/manifests/latest".to_owned());
            e.wire.as_mut().unwrap().push(tag);
        })
        .accepts("the tag written", sent("PUT", "/v2/app/manifests/latest"))
        .accepts("a new digest written", sent("PUT", format!("/v2/app/manifests/{}", other())))
        .accepts("the old digest read", sent("GET", format!("/v2/app/manifests/{}", old())))
        .accepts("an upload given up", sent("DELETE", "/v2/app/blobs/uploads/7"))
        .ignores("no recorder", |e| e.wire = None)
        .follows("it refuses whatever comes", "platform.exit-zero", |e| e.outcome.end = crate::evidence::End::Exited(1))
        .rejects("it refuses, and has deleted before", |e| {
            sent("DELETE", "/v2/app/manifests/latest")(e);
            e.outcome.end = crate::evidence::End::Exited(1);
        })
        .whole("the second build alone is refused", crate::trial::Wanted::Held, |evidence, target| {
            let mut again = sample::on(evidence, target).clone();
            again.step = 2;
            again.outcome.end = crate::evidence::End::Exited(1);
            evidence.exports.push(again);
        })
}

/// What was put under the digest of what a tag named, and what is under it afterwards.
fn written(query: &'static str, bytes: &'static [u8]) -> impl Fn(&mut Export) + 'static {
    move |export| {
        sent("PUT", format!("/v2/app/manifests/{}{query}", old()))(export);
        let document = crate::evidence::Document::new(bytes.to_vec(), None);
        export.previous_after = Some(crate::evidence::Fetched { asked: old(), status: 200, document: Some(document) });
    }
}
