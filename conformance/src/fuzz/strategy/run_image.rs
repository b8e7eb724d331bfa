//! Run images: annotations and labels of their own, both manifest formats, any number of layers.

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};

use super::text::{one_of, seldom, sometimes, text};
use crate::generated::RunImage;

const ANNOTATIONS: &[&str] = &[
    "com.example.run-image",
    "org.opencontainers.image.source",
    "org.opencontainers.image.revision",
    "org.opencontainers.image.title",
    "org.opencontainers.image.version",
    "org.opencontainers.image.licenses",
    "org.opencontainers.image.authors",
    "org.opencontainers.image.documentation",
    "org.opencontainers.image.base.name",
    "org.opencontainers.image.base.digest",
    "org.opencontainers.image.vendor",
];

const LABELS: &[&str] = &[
    "com.example.run-image",
    "com.example.collides",
    "org.opencontainers.image.version",
    "org.opencontainers.image.ref.name",
    "org.opencontainers.image.title",
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
