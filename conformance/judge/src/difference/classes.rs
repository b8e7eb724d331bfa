//! The classes of differences that are expected. Each is a named rule: between which outputs, in which fields, and
//! under which condition on both values it holds; a path alone permits nothing.

use super::fields::Fields;
use super::output::Output;
use super::predicates::{
    Side, annotations_are_lost_in_a_classic_store, annotations_are_lost_in_a_docker_archive, it_is_true_of_the_config,
    it_is_true_of_the_manifest, layer_member, podman_gives_no_os_version, podman_had_the_image,
    the_base_is_that_of_its_analysis, the_daemon_made_the_manifest, the_descriptor_is_true,
    the_layer_is_left_out_of_the_layout, the_layout_has_a_ref_name, the_layout_has_urls_of_a_layer,
    the_reference_is_that_of_its_analysis, the_report_is_that_of_its_target, the_saved_archive_has_no_manifest,
    the_store_compresses_layers_itself, the_store_has_the_run_image_s_layer,
};
use crate::requirement::Source;

/// Two outputs and their fields.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) left: &'a Output<'a>,
    pub(super) right: &'a Output<'a>,
    pub(super) one: &'a Fields,
    pub(super) two: &'a Fields,
}

/// A field that is not the same on both sides.
#[derive(Clone, Copy)]
struct Differing<'a> {
    pair: Pair<'a>,
    field: &'a str,
    contents: Contents,
}

/// Which contents differ: what a digest or size is computed from.
#[derive(Clone, Copy)]
pub(super) struct Contents {
    config: bool,
    manifest: bool,
}

impl Contents {
    pub(super) fn of(differing: &[&String]) -> Self {
        let begins = |field: &str, starts: &[&str]| starts.iter().any(|start| field.starts_with(start));
        let is_of_the_manifest =
            |field: &str| begins(field, &["manifest.", "layers/", "imageID"]) && field != "manifest.digest";
        Self {
            config: differing.iter().any(|field| begins(field, &["config.", "labels/", "history/"])),
            manifest: differing.iter().any(|field| is_of_the_manifest(field)),
        }
    }
}

/// Where a class comes from.
#[derive(Clone, Copy)]
enum Origin {
    /// A specification.
    Written(Source),
    /// Engines that were seen to do it.
    Measured(&'static str),
}

/// One class.
pub(super) struct Class {
    pub(super) name: &'static str,
    origin: Origin,
    permits: fn(Differing<'_>) -> bool,
}

impl Class {
    pub(super) fn source(&self) -> String {
        match self.origin {
            Origin::Written(source) => source.to_string(),
            Origin::Measured(engines) => format!("measured: {engines}"),
        }
    }
}

/// The first class that permits the field to differ.
pub(super) fn permitting(pair: Pair<'_>, field: &str, contents: Contents) -> Option<&'static Class> {
    CLASSES.iter().find(|class| (class.permits)(Differing { pair, field, contents }))
}

/// Every class, in the order in which they are asked.
const CLASSES: &[Class] = &[
    Class {
        name: "annotations-lost-in-a-classic-store",
        origin: Origin::Written(Source::rfc_196("Drawbacks")),
        permits: |found| found.either(annotations_are_lost_in_a_classic_store),
    },
    Class {
        name: "annotations-lost-in-a-docker-archive",
        origin: Origin::Written(Source::rfc_196("Drawbacks")),
        permits: |found| found.either(annotations_are_lost_in_a_docker_archive),
    },
    Class {
        name: "annotations-of-the-image-that-was-there",
        origin: Origin::Measured("Podman 4.3.1 knows an image by its imageID, and keeps the annotations that it has"),
        permits: |found| !found.contents.config && found.either(podman_had_the_image),
    },
    Class {
        name: "os-version-not-given-by-podman",
        origin: Origin::Measured("Podman 4.3.1, in its Docker-compatible API's inspection of a run image"),
        permits: |found| found.pair.are_exports() && found.either(podman_gives_no_os_version),
    },
    Class {
        name: "docker-archive-has-no-manifest",
        origin: Origin::Measured("Docker 20.10.24 (classic store) and Podman 4.3.1, in the archives that they save"),
        permits: |found| found.either(the_saved_archive_has_no_manifest),
    },
    Class {
        name: "run-image-reference-of-the-target",
        origin: Origin::Written(Source::platform("io.buildpacks.lifecycle.metadata")),
        permits: |found| found.pair.are_exports() && found.both(the_reference_is_that_of_its_analysis),
    },
    Class {
        name: "run-image-digest-of-the-target",
        origin: Origin::Written(Source::rfc_196("How it Works")),
        permits: |found| found.pair.are_exports() && found.both(the_base_is_that_of_its_analysis),
    },
    Class {
        name: "ref-name-of-a-layout",
        origin: Origin::Written(Source::oci_annotations("Pre-Defined Annotation Keys")),
        permits: |found| found.either(the_layout_has_a_ref_name) && found.either(|side| side.value.is_none()),
    },
    Class {
        name: "layer-urls-in-a-layout",
        origin: Origin::Written(Source::oci_descriptor("Properties")),
        permits: |found| found.either(the_layout_has_urls_of_a_layer) && found.either(|side| side.value.is_none()),
    },
    Class {
        name: "run-image-layers-left-out",
        origin: Origin::Written(Source::rfc_0119("How it Works")),
        permits: |found| found.either(the_layer_is_left_out_of_the_layout),
    },
    Class {
        name: "recompressed-by-the-daemon",
        origin: Origin::Measured(
            "Docker 20.10.24 (classic store) at a push; Podman 4.3.1 at a push and in what it saves",
        ),
        permits: |found| found.is_the_same_tar_in_other_bytes() && found.either(the_store_compresses_layers_itself),
    },
    Class {
        name: "run-image-layers-as-loaded",
        origin: Origin::Measured("Docker 26.1.5 (containerd store) keeps the tars of a docker-archive uncompressed"),
        permits: |found| found.either(the_store_has_the_run_image_s_layer) && found.is_another_blob_of_the_same_tar(),
    },
    Class {
        name: "manifest-made-by-the-daemon",
        origin: Origin::Measured(
            "Docker 20.10.24, Docker 26.1.5 (containerd store) and Podman 4.3.1, of docker-archives",
        ),
        permits: |found| found.either(the_daemon_made_the_manifest) && found.is_made_up_with_the_manifest(),
    },
    Class {
        name: "image-id-follows-config",
        origin: Origin::Written(Source::oci_config("ImageID")),
        permits: |found| found.contents.config && found.both(it_is_true_of_the_config),
    },
    Class {
        name: "config-in-other-bytes",
        origin: Origin::Written(Source::platform("Build Reproducibility")),
        permits: |found| !found.contents.config && found.pair.are_exports() && found.both(it_is_true_of_the_config),
    },
    Class {
        name: "manifest-digest-follows-manifest",
        origin: Origin::Written(Source::oci_descriptor("Digests")),
        permits: |found| found.contents.manifest && found.both(it_is_true_of_the_manifest),
    },
    Class {
        name: "manifest-in-other-bytes",
        origin: Origin::Written(Source::platform("Build Reproducibility")),
        permits: |found| !found.contents.manifest && found.pair.are_exports() && found.both(it_is_true_of_the_manifest),
    },
    Class {
        name: "report-of-the-target",
        origin: Origin::Written(Source::platform("report.toml")),
        permits: |found| found.both(the_report_is_that_of_its_target),
    },
];

impl Pair<'_> {
    /// Whether both sides come straight from an exporter, which may write one document in several ways.
    fn are_exports(&self) -> bool {
        !std::ptr::eq(self.left.export, self.right.export)
    }
}

impl<'a> Differing<'a> {
    fn sides(self) -> [Side<'a>; 2] {
        let Self { pair, field, .. } = self;
        [
            Side { field, output: pair.left, fields: pair.one, value: pair.one.get(field) },
            Side { field, output: pair.right, fields: pair.two, value: pair.two.get(field) },
        ]
    }

    fn both(self, holds: impl Fn(Side<'a>) -> bool) -> bool {
        self.sides().into_iter().all(holds)
    }

    /// Whether one of the sides tells why it is not as the other.
    fn either(self, tells: impl Fn(Side<'a>) -> bool) -> bool {
        self.sides().into_iter().any(tells)
    }

    /// Whether the layer that the field is of holds the same tar on both sides.
    fn is_of_the_same_tar(self) -> bool {
        let Some((layer, _)) = layer_member(self.field) else { return false };
        let [one, two] = [self.pair.one, self.pair.two].map(|fields| fields.get(&format!("{layer}.diffID")));
        one.is_some() && one == two
    }

    fn is_the_same_tar_in_other_bytes(self) -> bool {
        self.is_of_the_same_tar() && self.both(the_descriptor_is_true)
    }

    fn is_another_blob_of_the_same_tar(self) -> bool {
        let is_media_type = layer_member(self.field).is_some_and(|(_, member)| member == "mediaType");
        self.is_the_same_tar_in_other_bytes() || (is_media_type && self.is_of_the_same_tar())
    }

    /// Whether the field is one that a manifest made by a daemon has otherwise: media types, and descriptors of layers
    /// that hold the same.
    fn is_made_up_with_the_manifest(self) -> bool {
        let is_media_type = matches!(self.field, "manifest.mediaType" | "manifest.config.mediaType");
        let member = layer_member(self.field).map(|(_, member)| member);
        let is_missing = |side: Side<'_>| side.value.is_none() && the_daemon_made_the_manifest(side);
        match member {
            None => is_media_type || (self.field.starts_with("manifest.") && self.either(is_missing)),
            Some("mediaType") => self.is_of_the_same_tar(),
            Some("digest" | "size") => self.is_the_same_tar_in_other_bytes(),
            Some("diffID") => false,
            // A layer's own annotations and the like are missing, as what else an exporter put into a manifest.
            Some(_) => self.is_of_the_same_tar() && self.either(is_missing),
        }
    }
}
