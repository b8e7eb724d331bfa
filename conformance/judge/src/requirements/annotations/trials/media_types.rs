//! What is rejected of media types, and what is not.

use super::*;

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The change where what was pushed was not seen.
fn unpushed(change: impl Fn(&mut Export)) -> impl Fn(&mut Export) {
    move |e| {
        change(e);
        e.wire = None;
    }
}

pub(super) fn media_types() -> Vec<Trials> {
    let served = |text: &'static str| {
        move |e: &mut Export| {
            e.image.as_mut().unwrap().manifest.as_mut().unwrap().content_type = Some(text.to_owned());
        }
    };
    vec![
        Trials::of("annotations.oci-manifest")
            .rejects("Docker's mediaType", media_type("/mediaType", json!(DOCKER)))
            .rejects("an index's mediaType", media_type("/mediaType", json!("application/vnd.oci.image.index.v1+json")))
            .rejects(
                "mediaType in other case",
                media_type("/mediaType", json!("application/vnd.OCI.image.manifest.v1+json")),
            )
            .rejects("a mediaType that is not a string", media_type("/mediaType", json!(1)))
            .rejects("Docker's Content-Type, and no push was seen", unpushed(served(DOCKER)))
            .follows("Docker's mediaType, and no annotation but the run image's", LEAK, |e| {
                leaked_alone(e);
                media_type("/mediaType", json!(DOCKER))(e);
            })
            .rejects("a Content-Type of JSON, and no push was seen", unpushed(served("application/json")))
            .accepts("no mediaType", manifest(|m| drop(m.as_object_mut().unwrap().shift_remove("mediaType"))))
            .accepts("a registry that serves JSON what was pushed rightly", move |e| {
                served("application/json")(e);
                e.wire = Some(vec![put("/v2/app/manifests/latest", OCI, 201)]);
            })
            .accepts("a push that was refused before", |e| {
                e.wire = Some(vec![
                    put("/v2/app/manifests/latest", OCI, 201),
                    put("/v2/app/manifests/latest", DOCKER, 400),
                    put("/v2/app/blobs/uploads/1", "application/octet-stream", 201),
                ]);
            })
            .rejects("a push of Docker's type that is served as OCI's", |e| {
                e.wire = Some(vec![put("/v2/app/manifests/latest", DOCKER, 201)]);
            })
            .rejects("a push of Docker's type by digest", |e| {
                let digest = e.manifest_digest().unwrap().to_string();
                e.wire = Some(vec![put(&format!("/v2/app/manifests/{digest}?x=y"), DOCKER, 201)]);
            })
            .rejects("another push rightly, and Docker's Content-Type", move |e| {
                served(DOCKER)(e);
                e.wire = Some(vec![put("/v2/other/manifests/latest", OCI, 201)]);
            })
            .accepts(
                "a Content-Type with parameter",
                served("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
            )
            .ignores(
                "Docker without annotations",
                manifest(|m| {
                    m["mediaType"] = json!(DOCKER);
                    m.as_object_mut().unwrap().shift_remove("annotations");
                }),
            ),
        Trials::of("annotations.oci-descriptors")
            .rejects(
                "Docker's type on a layer",
                media_type("/layers/2/mediaType", json!("application/vnd.docker.image.rootfs.diff.tar.gzip")),
            )
            .rejects(
                "Docker's type on the config",
                media_type("/config/mediaType", json!("application/vnd.docker.container.image.v1+json")),
            )
            .rejects(
                "no type on a layer",
                manifest(|m| drop(m["layers"][1].as_object_mut().unwrap().remove("mediaType"))),
            )
            .follows("Docker's type on a layer, and no annotation but the run image's", LEAK, |e| {
                leaked_alone(e);
                media_type("/layers/2/mediaType", json!("application/vnd.docker.image.rootfs.diff.tar.gzip"))(e);
            })
            .rejects("Docker's type on a layer, and an annotation next to the run image's", |e| {
                leaked_alone(e);
                key("x.own", "x")(e);
                media_type("/layers/2/mediaType", json!("application/vnd.docker.image.rootfs.diff.tar.gzip"))(e);
            })
            .rejects("the last layer's is cut", media_type("/layers/8/mediaType", json!("application/vnd.oci.image")))
            .accepts(
                "a zstd layer",
                media_type("/layers/2/mediaType", json!("application/vnd.oci.image.layer.v1.tar+zstd")),
            )
            .accepts(
                "a plain layer",
                media_type("/layers/2/mediaType", json!("application/vnd.oci.image.layer.v1.tar")),
            )
            .accepts(
                "a subject that is a Docker manifest",
                manifest(|m| {
                    let media_type = "application/vnd.docker.distribution.manifest.v2+json";
                    m["subject"] = json!({ "mediaType": media_type, "digest": Digest::of(b"x"), "size": 1 });
                }),
            )
            .ignores(
                "Docker's without annotations",
                manifest(|m| {
                    m["layers"][2]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
                    m.as_object_mut().unwrap().shift_remove("annotations");
                }),
            ),
    ]
}

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

fn put(target: &str, content_type: &str, status: u16) -> crate::evidence::WireRecord {
    crate::evidence::WireRecord {
        sequence: 1,
        method: "PUT".to_owned(),
        target: target.to_owned(),
        status,
        content_type: Some(content_type.to_owned()),
        request_bytes: 1,
        response_bytes: 0,
        had_credentials: false,
        ..crate::evidence::WireRecord::default()
    }
}
