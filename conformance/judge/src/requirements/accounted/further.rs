//! The rows on files that were there before, on history, descriptors, uploads and the lifecycle's SBOM.

use super::{OUTPUTS, descriptors, history, members, modes, notes, sboms, untouched, uploads};
use crate::requirement::{Needs, REGISTRY, Requirement, Source, WITH_MANIFEST};
use crate::verdict::Level;

pub(in super::super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Should,
        "inputs.untouched",
        "what was on disk before the export and is not an output is as it was: content, kind, mode, owner, time, link",
        OUTPUTS,
        |case| case.each(untouched::nothing_is_changed),
    )
    .because("platforms export one build several times, and read the same files after it; they are not the exporter's")
    .looks_like("an input has other content, mode, owner or time, or is gone, or a layout next to the image's is changed")
    .fix("open inputs for reading alone, and change copies")
    .needing(Needs::Success),
    Requirement::new(
        Level::Must,
        "config.history-kept",
        "the history begins with the run image's entries; created may be the image's own",
        OUTPUTS,
        |case| case.each_image(history::the_run_image_s_history_is_kept),
    )
    .because("it tells of what the layers of the run image were made, and tools attribute layers by it")
    .looks_like("the run image's entries are missing, in another order, or say something else")
    .fix("append the entries of new layers to the run image's history")
    .when("the run image has a history of its layers")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "manifest.descriptors-whole",
        "each descriptor has mediaType, digest and size, each of its form",
        Source::oci_descriptor("Properties"),
        |case| case.each_image(descriptors::descriptors_are_whole),
    )
    .because("mediaType, digest and size are required: without them no one can tell what is to be fetched")
    .looks_like("a descriptor without a media type, a size that is text, or a digest in upper case")
    .fix("write all three fields of every descriptor")
    .when("the manifest is not Docker schema 2, and the run image has not the same descriptor")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "manifest.nothing-else",
        "config and layers are of an image, platform and artifactType are its own, and the subject if any is the run image",
        Source::oci_manifest("Image Manifest Property Descriptions"),
        |case| case.each_image(descriptors::the_manifest_is_of_an_image),
    )
    .because("registries list what has a subject as a part of that image, and tools tell an image by its parts' media types")
    .looks_like(
        "a config of another kind or for another platform, an artifactType in index.json that the image has not, or a \
         subject that is in no input or the run image's",
    )
    .fix("write config, layers and annotations, and nothing that says what else the manifest may be")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.descriptors-true",
        "annotations of descriptors that programs act on say what is so: diffID, table of contents, image's name, base",
        Source::oci_descriptor("Properties"),
        |case| case.each_image(notes::annotations_of_descriptors_are_true),
    )
    .because("programs that unpack, load or copy an image go by these keys, and do not read the blob to see whether they are true")
    .looks_like(
        "containerd.io/uncompressed differs from the diffID, a table of contents is named that the layer does not have, \
         io.containerd.image.name matches no <image>, or base.digest on a layer differs from the manifest's",
    )
    .fix("write these keys from the bytes and names of this image, or leave them out")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "registry.uploads-ended",
        "every upload that was begun is ended by a PUT, or given up by a DELETE",
        Source::oci_distribution("Cancel a blob upload"),
        |case| case.each(uploads::every_upload_is_ended),
    )
    .because("a registry keeps what is begun until it times out, which may be never")
    .looks_like("a POST to blobs/uploads that no PUT and no DELETE follows")
    .fix("end each upload, and give up with a DELETE what is not wanted any more")
    .when("blobs are uploaded and the registry refuses none")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "registry.blobs-named",
        "every blob that is uploaded is config or layer of the manifest",
        OUTPUTS,
        |case| case.each_image(uploads::every_blob_is_named),
    )
    .because("what no manifest names came from the machine, takes room, and can be read by all who may read the image")
    .looks_like("a blob is put into the repository, and the manifest has no descriptor of it")
    .fix("upload config and layers of the manifest alone")
    .when("blobs are uploaded, and no manifest is replaced meanwhile")
    .on(REGISTRY),
    Requirement::new(
        Level::Optional,
        "platform.lifecycle-sbom-on-disk",
        "<layers>/sbom/build/buildpacksio_lifecycle has the lifecycle's SBOM that lies next to the launcher's",
        OUTPUTS,
        |case| case.each(sboms::the_lifecycle_s_is_on_disk),
    )
    .because(
        "platforms collect from <layers>/sbom/build what the build was made with; the specification speaks of the folder \
         /cnb/lifecycle alone, and the suite gives another as <launcher-sbom>, in which no one has to look for it",
    )
    .looks_like("lifecycle.sbom.<ext> was there, and sbom.<ext> is not below buildpacksio_lifecycle, or is another")
    .fix("copy lifecycle.sbom.<ext> to <layers>/sbom/build/buildpacksio_lifecycle/sbom.<ext>")
    .when("<launcher-sbom> has an SBOM of the lifecycle")
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "config.one-reading",
        "no object in manifest, index, config or a label of JSON has a member twice, or twice but for upper and lower case",
        Source::oci_config("Properties"),
        |case| case.each_image(members::every_member_is_there_once),
    )
    .because("one reader takes the first, one the last, and decoders of Go take Config for config: each sees another image")
    .looks_like("config is there twice, or entrypoint next to Entrypoint, with other values")
    .fix("build the document first and serialise it once, in the spelling of the specification"),
    Requirement::new(
        Level::Should,
        "layer.modes-closed",
        "no entry without an input is writable by everyone, set-user-ID or set-group-ID",
        Source::oci_layer("File Attributes"),
        |case| case.each_image(modes::nothing_is_opened),
    )
    .because("whatever runs in a container could replace the launcher, the processes or their parents, or gain rights")
    .looks_like("/cnb/process has mode 777, config/metadata.toml 666, or the launcher 4755")
    .fix("write what is not an input with mode 755 or 644, and inputs as they are on disk"),
];
