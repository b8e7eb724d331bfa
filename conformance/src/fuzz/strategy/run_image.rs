//! Run images: annotations and labels of their own, both manifest formats, any number of layers.

use oci_spec::image::{
    ANNOTATION_AUTHORS, ANNOTATION_BASE_IMAGE_DIGEST, ANNOTATION_BASE_IMAGE_NAME, ANNOTATION_DOCUMENTATION,
    ANNOTATION_LICENSES, ANNOTATION_REF_NAME, ANNOTATION_REVISION, ANNOTATION_SOURCE, ANNOTATION_TITLE,
    ANNOTATION_VENDOR, ANNOTATION_VERSION,
};
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};

use super::text::{one_of, seldom, sometimes, text};
use crate::generated::RunImage;

const ANNOTATIONS: &[&str] = &[
    "com.example.run-image",
    ANNOTATION_SOURCE,
    ANNOTATION_REVISION,
    ANNOTATION_TITLE,
    ANNOTATION_VERSION,
    ANNOTATION_LICENSES,
    ANNOTATION_AUTHORS,
    ANNOTATION_DOCUMENTATION,
    ANNOTATION_BASE_IMAGE_NAME,
    ANNOTATION_BASE_IMAGE_DIGEST,
    ANNOTATION_VENDOR,
];

const LABELS: &[&str] = &[
    "com.example.run-image",
    "com.example.collides",
    ANNOTATION_VERSION,
    ANNOTATION_REF_NAME,
    ANNOTATION_TITLE,
    "io.buildpacks.base.maintainer",
    "maintainer",
];

const ENV: &[&str] = &["LANG=C.UTF-8", "EMPTY=", "WITH=a=b", "UNICODE=e\u{301}", "lower=case", "QUOTE=\"'\\"];

/// A run image.
pub(super) fn run_image() -> impl Strategy<Value = RunImage> {
    let ending = || prop_oneof![3 => one_of(&[""]), 1 => text()];
    let pairs = (sometimes(40, vec((one_of(ANNOTATIONS), ending()), 1..5)), vec((one_of(LABELS), ending()), 0..3));
    let lists = (
        vec(one_of(ENV), 0..3),
        vec(one_of(&["/bin/sh", "-c", "true"]), 0..3),
        vec(one_of(&["8080/tcp", "53/udp", "9000"]), 0..3),
        vec(one_of(&["/data", "/var/lib/with space"]), 0..2),
    );
    let words = (
        sometimes(80, one_of(&["1000:1000", "cnb", "0"])),
        sometimes(20, one_of(&["SIGQUIT", "9"])),
        sometimes(15, one_of(&["6.1", "10.0.17763.1"])),
    );
    (vec(1_u8..3, 1..5), seldom(15), pairs, lists, words, seldom(20)).prop_map(
        |(
            layers,
            docker,
            (annotations, labels),
            (env, cmd, ports, volumes),
            (user, stop_signal, os_version),
            mirror,
        )| {
            RunImage {
                docker,
                annotations: annotations.unwrap_or_default(),
                labels,
                layers,
                env,
                user,
                cmd,
                ports,
                volumes,
                stop_signal,
                os_version,
                mirror,
            }
        },
    )
}
