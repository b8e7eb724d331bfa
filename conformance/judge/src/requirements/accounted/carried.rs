//! The rows on what layers, labels, layouts and the machine are left with that was not asked for.

use super::{EXPORT, OUTPUTS, alone, blobs, hard_links, labels, outputs, owners, records};
use crate::requirement::{LAYOUT, Needs, Requirement, Source, WITH_MANIFEST};
use crate::verdict::Level;

pub(in super::super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Should,
        "layout.blobs-named",
        "index.json leads to every blob that an export adds to a layout, unless it is a run image's or an earlier state's",
        Source::rfc_0119("How it Works"),
        |case| case.each_image(blobs::every_blob_is_named),
    )
    .comparing_with_registry()
    .because("what nothing names came from the machine, takes room, and goes wherever the layout is copied to")
    .looks_like("a file in blobs/ that neither manifest nor index has a descriptor of, and that was not there before")
    .fix("write config, layers and manifest of the image alone, or remove what they have replaced")
    .on(LAYOUT),
    Requirement::new(
        Level::Should,
        "platform.outputs-readable",
        "report and files of a layout can be read by their owner",
        OUTPUTS,
        |case| case.each(outputs::outputs_can_be_read),
    )
    .because("platforms read both after the export, and not all of them are root")
    .looks_like("report.toml, index.json or a blob has mode 000")
    .fix("make files with mode 644 or 666, and leave the rest to the umask")
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "platform.processes-ended",
        "no process of the exporter runs on after it has ended",
        Source::own("accounted"),
        |case| case.each(outputs::every_process_has_ended),
    )
    .because("a platform takes the export for done: what runs on may change the image, or keep its container from ending")
    .looks_like("a process that was started in the background runs a second after the exporter has exited")
    .fix("wait for every process that is started, or end it")
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        "platform.machine-untouched",
        "an export writes no file of the machine but its outputs, caches and scratch files",
        Source::own("accounted"),
        |case| case.each(outputs::the_machine_is_as_it_was),
    )
    .because("what lies elsewhere stays there: credentials and sources of one build for all who use the machine later")
    .looks_like("a file below /opt, /etc or /var/lib is written, also where it is removed again")
    .fix("write to the outputs, to caches that are given, to TMPDIR and HOME, or to a folder called cache")
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        "layer.gzip-headers-constant",
        "gzip headers of new layers have one name, one comment and one time, or none; a name may be the layer's digest",
        Source::platform("Build Reproducibility"),
        |case| case.each_image(records::gzip_headers_are_constant),
    )
    .because("a header is a part of the layer's digest, and what differs in it came from the machine")
    .looks_like("the path of a scratch file, or the time at which each layer was packed")
    .fix("pack a stream instead of a file, and set no time (gzip -n)")
    .when("a new layer is packed by gzip")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "layer.records-constant",
        "further records and times of entries of new layers (atime, ctime, fractions, comments) have one value each",
        Source::platform("Build Reproducibility"),
        |case| case.each_image(records::records_are_constant),
    )
    .because("records are a part of the layer's digest, and differ from machine to machine though the files are the same")
    .looks_like("atime or ctime of each file on disk, fractions of a second, numbers of inodes")
    .fix("make headers from name, mode, owner, size and attributes, and let the library choose the format"),
    Requirement::new(
        Level::Should,
        "layer.owners-explained",
        "entries of new layers belong to root, to <uid> and <gid>, to the files' owner on disk, or to the run image's user",
        Source::platform("exporter, Inputs"),
        |case| case.each_image(owners::every_owner_is_explained),
    )
    .because("an owner that no one named is some user of the machine, and another user in the container")
    .looks_like("files of the app belong to user 4242, whom neither build nor run image knows")
    .fix("write <uid> and <gid>, or 0, as the owner of every entry"),
    Requirement::new(
        Level::Should,
        "layer.owners-alike",
        "the app's files, folders and links have one owner and group, and so have those of each launch layer",
        Source::oci_layer("File Attributes"),
        |case| case.each_image(owners::what_belongs_together_has_one_owner),
    )
    .because("on disk they have one; an app that may write its files and not the folder they are in cannot replace them")
    .looks_like("files belong to <uid> and folders, links or <app> itself to root, or a later layer gives <app> to root")
    .fix("write one owner for every entry of a folder, the folder itself and its links included"),
    Requirement::new(
        Level::Should,
        "layer.hard-links-inside",
        "a hard link leads to a file that comes before it in its own layer",
        Source::oci_layer("Hardlinks"),
        |case| case.each_image(hard_links::hard_links_lead_into_their_layer),
    )
    .because("extracting a layer with a hard link to a file that is not in it may fail")
    .looks_like("the app's layer has a hard link to a file of a launch layer, or of another slice")
    .fix("remember the inodes of each layer on its own; where a file is in two layers, write it in both"),
    Requirement::new(
        Level::Should,
        "layer.hard-links-as-built",
        "files are hard links of each other where they are so in the build",
        Source::oci_layer("Hardlinks"),
        |case| case.each_image(hard_links::hard_links_are_those_of_the_build),
    )
    .because("names of one file change together: what is written to one of two files is then in the other, too")
    .looks_like("two files of equal content have become names of one, to make the layer smaller")
    .fix("write a hard link only for files that have the same device and inode on disk")
    .when("a new layer has a hard link"),
    Requirement::new(
        Level::Should,
        "layer.launch-layers-alone",
        "the layer that the label names as a launch layer holds what is in its folder, and no other file",
        EXPORT,
        |case| case.each_image(alone::launch_layers_hold_their_folders_alone),
    )
    .because("the next build re-uses the layer as it is, and gets whatever else is in it: a launcher or build metadata of old")
    .looks_like("config/metadata.toml, the launcher or files of another layer are in the layer of a buildpack")
    .fix("convert each launch layer's folder to a layer of its own, and put the rest into others")
    .when("a buildpack has a launch layer that is not empty"),
    Requirement::new(
        Level::Should,
        "layer.once",
        "no new layer that has files is in the image twice",
        EXPORT,
        |case| case.each_image(alone::no_layer_is_there_twice),
    )
    .because("a folder is converted to one layer; a second changes nothing, and engines can mount only so many")
    .looks_like("one diffID is twice among diff_ids of the new layers, and in the manifest")
    .fix("remember the layers that are in the image, and leave out what is there"),
    Requirement::new(
        Level::Should,
        "labels.homepage-kept",
        "a buildpack or extension in the label of the build has the homepage that group and build metadata have",
        Source::platform("io.buildpacks.build.metadata"),
        |case| case.each_image(labels::homepages_are_kept),
    )
    .because("platforms show by it where a buildpack comes from")
    .looks_like("group.toml and config/metadata.toml have a homepage, and the entry in the label has none")
    .fix("write every field of the group that the label has a place for")
    .when("a buildpack or extension has a homepage in group.toml and in config/metadata.toml"),
];
