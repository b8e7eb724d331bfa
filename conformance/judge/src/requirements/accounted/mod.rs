//! Both directions: an image has what its inputs ask for (the other themes), and nothing in it, in its registry, layout
//! or report is without a reason; and a container of it can start.

mod alone;
mod attributes;
mod base;
mod blobs;
pub(super) mod carried;
mod clock;
mod config;
mod descriptors;
pub(super) mod further;
mod hard_links;
mod history;
mod labels;
mod layers;
mod layout;
mod machine;
mod meant;
mod members;
mod modes;
mod notes;
mod outputs;
mod owners;
mod previous;
mod ran;
mod records;
pub(super) mod registry;
mod report;
mod sboms;
mod texts;
#[cfg(test)]
pub(super) mod trials;
mod untouched;
mod uploads;
mod works;

use crate::evidence::Export;
use crate::requirement::{DAEMON, LAYOUT, Needs, REGISTRY, Requirement, Source, WITH_MANIFEST};
use crate::verdict::Level;

const OUTPUTS: Source = Source::platform("exporter, Outputs");
/// When a requirement on containers is judged.
const RUN: &str = "a daemon ran the image in containers";
const EXPORT: Source = Source::buildpack("Phase #6: Export");

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Must,
        "works.launcher-executable",
        "the image's user may execute /cnb/lifecycle/launcher",
        EXPORT,
        |case| case.each_image(works::the_launcher_can_be_executed),
    )
    .because("every process starts through the launcher, as the user that the run image names")
    .looks_like("no container of the image starts: permission denied")
    .fix("write the launcher with mode 755, whatever mode it has on disk")
    .when("the launcher is in a new layer"),
    Requirement::new(
        Level::Must,
        "works.paths-open",
        "the image's user can pass the folders above launcher, processes, layers and app, and read metadata.toml",
        EXPORT,
        |case| case.each_image(works::the_user_can_come_to_what_is_needed),
    )
    .because("a folder in a layer replaces the one below it, with its mode; one closed folder closes all that is in it")
    .looks_like("no container of the image starts, or the app does not find its files: permission denied")
    .fix("write parents of paths with mode 755, and the folders of the build as they are on disk"),
    Requirement::new(
        Level::Must,
        "works.metadata-meant",
        "config/metadata.toml in the image has the build's processes, buildpacks, extensions, slices and default process",
        OUTPUTS,
        |case| case.each_image(works::the_metadata_is_the_build_s),
    )
    .because("the launcher reads from this file what it starts, and tools what a build was made of")
    .looks_like("a container starts another process than the build's, or the image's file has no slices where the build's has")
    .fix("copy the file, or write it anew with all that the specification has in it")
    .when("the image has the file"),
    Requirement::new(
        Level::Must,
        "works.base-visible",
        "no new layer hides a file of the run image, or makes something else of a folder of it",
        OUTPUTS,
        |case| case.each_image(works::nothing_of_the_base_is_hidden),
    )
    .because("a layer that is preserved and then hidden is as good as lost")
    .looks_like("a whiteout in a new layer, or a parent folder that is more closed than in the run image")
    .fix("write no whiteouts, and parents of paths as the run image has them"),
    Requirement::new(
        Level::Must,
        "works.starts",
        "a container of the image starts the launcher",
        Source::platform("Launch"),
        |case| case.each_image(ran::a_container_starts),
    )
    .because("an image of which no container starts is of no use, whatever its parts look like")
    .looks_like("the engine refuses the container, or the launcher does not run in it")
    .fix("run the image in the daemon; the engine says what it misses")
    .when(RUN)
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "works.process-started",
        "the default entrypoint and /cnb/process/<type> of each process start the launcher under their own name",
        OUTPUTS,
        |case| case.each_image(ran::every_process_is_reached),
    )
    .because("the launcher tells from the name under which it is started which process is meant")
    .looks_like("a process's path does not lead to the launcher in a container, or the launcher sees another name")
    .fix("link each /cnb/process/<type> to /cnb/lifecycle/launcher, and make the default one the entrypoint")
    .when(RUN)
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "works.environment",
        "a process in a container has CNB_LAYERS_DIR, CNB_APP_DIR, PATH and the run image's variables",
        OUTPUTS,
        |case| case.each_image(ran::the_environment_is_the_image_s),
    )
    .because("the launcher finds app and layers by these variables, and the app its programs by PATH")
    .looks_like("a variable is missing in the container or has another value")
    .fix("write Env as the specification lists it, after the run image's")
    .when(RUN)
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "works.user",
        "a process in a container runs as the run image's user",
        OUTPUTS,
        |case| case.each_image(ran::the_user_is_the_run_image_s),
    )
    .because("run images name a user that is not root; an app that runs as another has more or fewer rights than meant")
    .looks_like("the process runs as root")
    .fix("keep User of the run image's config")
    .when("a daemon ran the image in containers, and the run image's user is a number")
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "works.working-dir",
        "a process in a container starts in <app>",
        OUTPUTS,
        |case| case.each_image(ran::the_process_is_in_the_app),
    )
    .because("commands of processes are relative to the app")
    .looks_like("the process starts in / or in a folder of the run image")
    .fix("set WorkingDir to <app>")
    .when(RUN)
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "works.files-there",
        "a process in a container finds the files of app and launch layers, metadata.toml and the links of processes",
        EXPORT,
        |case| case.each_image(ran::the_build_s_files_are_there),
    )
    .because("only what an engine makes of all layers together is what an app sees")
    .looks_like("a file is not there, cannot be read, or has other bytes, another mode or another target than on disk")
    .fix("look for whiteouts, later layers and closed folders over the file")
    .when(RUN)
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "layer.nothing-else",
        "every entry of a new layer is an input of the build, or of a kind that a specification permits",
        EXPORT,
        |case| case.each_image(layers::every_entry_is_explained),
    )
    .because("an app image is composed of the build and the run image; whatever else is in it came from the machine")
    .looks_like("a file that is in no input, with other content or another mode than on disk, or a link for no process")
    .fix("put into layers what the specification lists, and nothing that lies next to it"),
    Requirement::new(
        Level::Should,
        "layer.attributes-kept",
        "files of app and launch layers keep their extended attributes, or the exporter says that it leaves them out",
        Source::oci_layer("File Attributes"),
        |case| case.each_image(attributes::attributes_are_kept_or_named),
    )
    .because("a program that a buildpack gave a capability cannot do without it what it does on the builder's disk")
    .looks_like("security.capability or a user.* attribute of a file is not in its layer, and no line of the log says so")
    .fix("write PAX records SCHILY.xattr.*, or warn of every attribute that is left out, by file or by name")
    .when("a file of the build has extended attributes of its own"),
    Requirement::new(
        Level::Must,
        "labels.nothing-else",
        "buildpacks, extensions, processes, layers and stores in labels are the build's, and none is the previous build's",
        Source::platform("Labels"),
        labels::nothing_is_invented,
    )
    .because("platforms list from labels what an image was made of, and the next build takes its layers and stores from them")
    .looks_like("a buildpack, process, layer or store in a label is in no input, or a label stays that no input has any more")
    .fix("make labels from the inputs of this build alone"),
    Requirement::new(
        Level::Must,
        "labels.base-kept",
        "labels io.buildpacks.* of the run image that the exporter does not write itself are kept",
        OUTPUTS,
        |case| case.each_image(labels::labels_of_the_base_are_kept),
    )
    .because("platforms and the rebaser read distribution and target of an image from these labels")
    .looks_like("a label such as io.buildpacks.base.distro.name is missing or changed")
    .fix("keep all labels of the run image, and write only those that the specification names")
    .when("the run image has such a label"),
    Requirement::new(
        Level::Should,
        "labels.process-fields",
        "a process in the label of the build says direct and buildpackID where the build does",
        Source::platform("io.buildpacks.build.metadata"),
        |case| case.each_image(labels::processes_are_whole),
    )
    .because("without them no one can tell how a process is run, and whose it is")
    .looks_like("direct or buildpackID is missing in an entry of processes")
    .fix("write every field of a process that metadata.toml has")
    .when("a buildpack contributes a process"),
    Requirement::new(
        Level::Must,
        "config.nothing-else",
        "Cmd, Healthcheck, Shell, StopTimeout, OnBuild and Tty are the run image's, or left out where that is allowed",
        OUTPUTS,
        |case| case.each_image(config::every_field_is_explained),
    )
    .because("these fields decide what a container does, and no input of a build asks for them")
    .looks_like("an argument, a health check or a shell that neither run image nor build has")
    .fix("copy the run image's config and change only what the specification names"),
    Requirement::new(
        Level::Must,
        "config.rare-fields-kept",
        "os.features and ArgsEscaped are the run image's, and so is author where it has one",
        OUTPUTS,
        |case| case.each_image(base::rare_fields_are_kept),
    )
    .because("they decide on which machine an image may run, how its arguments are read there, and who answers for its base")
    .looks_like("a field that the run image has is gone, or another, or one that it lacks is there")
    .fix("edit the run image's config in place of making one from the fields that are known"),
    Requirement::new(
        Level::Should,
        "config.env-entries-kept",
        "entries of the run image's Env without '=' are kept as they are",
        OUTPUTS,
        |case| case.each_image(base::variables_without_a_value_are_kept),
    )
    .because("engines take such an entry as it is, and what it does there is the run image's affair")
    .looks_like("an entry is missing, or has got a '='")
    .fix("change PATH and the variables of the specification in the list, and leave all other entries"),
    Requirement::new(
        Level::Should,
        "registry.nothing-else",
        "manifests and blobs are written under the names that <image> gives, and nothing is deleted",
        OUTPUTS,
        |case| case.each(registry::nothing_else_is_written),
    )
    .because("a registry is shared, and a tag that moves unasked takes another image from its users")
    .looks_like("a tag that no <image> names is written, the run image's own is overwritten, or a manifest is deleted")
    .fix("put the manifest under each <image>, blobs into their repositories, and nothing anywhere else")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "layout.nothing-else",
        "index.json lists only the app image and entries that were there before, and every layout belongs to an <image>",
        Source::rfc_0119("How it Works"),
        |case| case.each_image(layout::nothing_else_is_there),
    )
    .comparing_with_registry()
    .because("tools that copy a layout copy all that its index names, and fail where that is not whole")
    .looks_like("a second manifest in index.json, a layout at a path of no <image>, or a file more next to one")
    .fix("write one manifest for each <image>, and the blobs that it names")
    .on(LAYOUT),
    Requirement::new(
        Level::Must,
        "report.nothing-else",
        "what the report says of the image's ID and of materials, and in a layout of digest, size and tags, is true",
        Source::platform("report.toml"),
        |case| case.each_image(report::what_it_says_is_true),
    )
    .because("platforms go by the report, whatever the target is")
    .looks_like(
        "image-id, digest or manifest-size is another image's, a tag is listed that was not asked for, or a bill of materials \
         that no buildpack gave",
    )
    .fix("fill the report from the bytes that were written")
    .when("the report says it")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "image.no-export-time",
        "no value of manifest, config and metadata.toml, and no time of a file or a layer, is the export's, unless an input has it",
        Source::platform("Build Reproducibility"),
        |case| case.each_image(clock::nothing_tells_the_time_of_the_export),
    )
    .because("one build should give one image, whenever it is exported")
    .looks_like("an annotation, label or history has today's date, or files have the time of the export")
    .fix("use SOURCE_DATE_EPOCH or a constant wherever a time is needed"),
    Requirement::new(
        Level::Must,
        "image.nothing-of-previous",
        "of a previous image that another exporter made nothing but layers to re-use is in the image",
        EXPORT,
        |case| case.each_image(previous::nothing_else_is_taken_from_it),
    )
    .because("annotations, labels and variables of an earlier build say things that are not true of this one")
    .looks_like("an annotation, a label, a variable or a field of the lifecycle's label is the previous image's")
    .fix("take shas of layers to re-use from the previous image's label, and all else from this build and its run image")
    .when("the previous image is another exporter's"),
    Requirement::new(
        Level::Should,
        "image.no-machine",
        "nothing in manifest, config, metadata.toml and names of owners is the machine's or its user's, unless an input has it",
        Source::platform("Build Reproducibility"),
        |case| case.each_image(machine::nothing_tells_the_machine),
    )
    .because("one build should give one image, wherever and by whom it is exported")
    .looks_like("host name, kernel, user, HOME, PATH or the folder of the build is in a label, an annotation or the history")
    .fix("take values from the inputs of the build alone"),
];

/// A place in the config.
fn at(export: &Export, name: &str) -> String {
    export.at(&format!("config.json#/{name}"))
}
