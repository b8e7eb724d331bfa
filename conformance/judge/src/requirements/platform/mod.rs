//! The exporter's contract that the rest stands on (`cnb-platform.md`, section exporter; `cnb-buildpack.md`).

mod config;
mod data;
mod extension;
mod files;
mod flags;
pub(super) mod inputs;
mod labels;
mod layers;
mod slices;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;
pub(super) mod written;

pub(super) use config::is_lost_in_podman;
pub(super) use labels::identifies;

use crate::evidence::Export;
use crate::requirement::{Case, Needs, Requirement, Source, holds_when, violated};
use crate::verdict::{Finding, Level};
use crate::view;

const OUTPUTS: Source = Source::platform("exporter, Outputs");
const LAUNCH: Source = Source::buildpack("Launch Layers");
const LAUNCH_TOML: Source = Source::buildpack("launch.toml");

const fn must(id: &'static str, asks: &'static str, source: Source, judge: fn(&Case<'_>) -> Finding) -> Requirement {
    Requirement::new(Level::Must, id, asks, source, judge)
}

pub(super) const TABLE: &[Requirement] = &[
    must("platform.exit-zero", "a good build exits 0", OUTPUTS, |case| case.each(a_good_build_exits_zero))
        .because("platforms go by the exit code alone")
        .looks_like("a well-formed build ends with another exit code")
        .fix("find the cause in stderr.txt or stdout.txt of the evidence")
        .when("the scenario means the export to succeed")
        .needing(Needs::Process),
    must("platform.report-written", "report.toml is there and parses", OUTPUTS, |case| case.each(the_report_is_there))
        .because("platforms read what was made from the report")
        .looks_like("report.toml is missing or not TOML")
        .fix("write <report> after the export")
        .needing(Needs::Success),
    must("platform.base-layers-preserved", "the run image's layers come first, in order", OUTPUTS, |case| {
        case.each_image(config::the_base_layers_come_first)
    })
    .because("the app image is the run image and more")
    .looks_like("the first diffIDs are not the run image's")
    .fix("append to the run image's layers"),
    must(
        extension::BASED,
        "where extensions extended the run image, the image in <extended>/run is the base: its layers come first, in order",
        OUTPUTS,
        |case| case.each_image(extension::the_image_is_based_on_it),
    )
    .because("what an extension installs for the app is missing otherwise")
    .looks_like("the layers of extensions are missing, in another order, or above those of the app")
    .fix("read the manifest and config in <extended>/run, and put its new layers upon the run image's")
    .when("run-image.extend of analyzed.toml is true"),
    must(
        "platform.base-config-preserved",
        "User, ExposedPorts, Volumes, StopSignal, platform, other Env and other labels are the run image's",
        OUTPUTS,
        |case| case.each_image(config::the_base_config_is_kept),
    )
    .because("user, ports and variables of the run image were chosen by its author")
    .looks_like("a value of the run image's config is missing or changed")
    .fix("copy the run image's config and change only what the specification names"),
    must(
        "platform.launch-layers",
        "each launch layer's files are in the image at their path, with content, mode and link targets",
        LAUNCH,
        |case| case.each_image(layers::launch_layers_are_in_the_image),
    )
    .because("the app runs with what buildpacks left for launch")
    .looks_like("a file of a launch layer is missing or has other content, mode or link")
    .fix("tar every launch layer under its own path")
    .when("a buildpack has a launch layer with a folder"),
    must("platform.no-other-layers", "no file of a build-only or cache-only layer is in the image", LAUNCH, |case| {
        case.each_image(layers::other_layers_are_not_in_the_image)
    })
    .because("build tools and caches in an image are weight and risk")
    .looks_like("a file of a layer that is not for launch is in the image")
    .fix("read [types] and export launch layers only")
    .when("a buildpack has a layer that is not for launch"),
    must(
        "platform.app-files-once",
        "each app file is in exactly one app layer, each slice and the rest in layers of their own",
        LAUNCH_TOML,
        |case| case.each_image(slices::app_files_are_in_one_layer_each),
    )
    .because("an image without a file of the app does not run, and slices let unchanged parts of it stay shared")
    .looks_like("an app file is in no layer, in two, with other content, or in the layer of another slice")
    .fix("put each file into the layer of the first slice that matches it, and the rest into further layers"),
    must("platform.empty-slice-accepted", "a slice that matches nothing fails no export", LAUNCH_TOML, |case| {
        case.each(slices::an_empty_slice_is_accepted)
    })
    .because("a glob may rightly match nothing in one app")
    .looks_like("an export fails because a slice is empty")
    .fix("skip empty slices or write an empty layer")
    .when("a slice matches nothing, and the export succeeds or its message speaks of slices")
    .needing(Needs::Process),
    must("platform.launcher-layer", "/cnb/lifecycle/launcher has the launcher's bytes", OUTPUTS, |case| {
        case.each_image(files::the_launcher_is_there)
    })
    .because("every process starts through the launcher")
    .looks_like("/cnb/lifecycle/launcher is missing or has other bytes")
    .fix("copy <launcher> there"),
    must("platform.process-symlinks", "/cnb/process/<type> links to the launcher for each process", OUTPUTS, |case| {
        case.each_image(files::every_process_has_its_symlink)
    })
    .because("the symlink's name tells the launcher which process to start")
    .looks_like("/cnb/process/<type> is missing or leads elsewhere")
    .fix("write one symlink for each process type")
    .when("a buildpack contributes a process"),
    must("platform.config-layer", "<layers>/config/metadata.toml is in the image", OUTPUTS, |case| {
        case.each_image(files::the_build_metadata_is_there)
    })
    .because("the launcher reads the processes from this file")
    .looks_like("<layers>/config/metadata.toml is not in the image")
    .fix("write a layer with the file"),
    must("platform.sbom-paths", "launch SBOMs are at their paths, the launcher's too when given", OUTPUTS, |case| {
        case.each_image(files::launch_sboms_are_at_their_paths)
    })
    .because("scanners look for the SBOMs at these paths")
    .looks_like("a launch SBOM, or the launcher's, is not at its path")
    .fix("tar <layers>/sbom/launch and add the launcher's")
    .when("there is an SBOM for launch"),
    must(
        "platform.build-sbom-on-disk",
        "build SBOMs lie under <layers>/sbom/build after the export",
        OUTPUTS,
        |case| case.each(files::build_sboms_stay_on_disk),
    )
    .because("platforms collect the SBOMs of the build from disk after the export")
    .looks_like("a file under <layers>/sbom/build is gone or changed")
    .fix("leave the folder as it is")
    .when("there is an SBOM for build")
    .needing(Needs::Success),
    must("platform.entrypoint", "given type, else default type, else the launcher", OUTPUTS, |case| {
        case.each_image(config::the_entrypoint_is_the_process)
    })
    .because("it decides what runs when no one says otherwise")
    .looks_like("Entrypoint is another process, has arguments, or is missing")
    .fix("given type, else buildpack-default-process-type of config/metadata.toml, else the launcher"),
    must(
        "platform.env",
        "CNB_LAYERS_DIR and CNB_APP_DIR are set, PATH begins with /cnb/process and ends with the run image's",
        OUTPUTS,
        |case| case.each_image(config::the_environment_is_set),
    )
    .because("the launcher and shells in the image find their folders by these")
    .looks_like("CNB_LAYERS_DIR or CNB_APP_DIR is wrong, or PATH lacks /cnb/process in front")
    .fix("set the three variables on top of the run image's"),
    Requirement::new(
        Level::Should,
        "platform.env-exact",
        "PATH is /cnb/process: and the run image's PATH",
        OUTPUTS,
        |case| case.each_image(config::the_path_is_exact),
    )
    .because("the specification gives the very string")
    .looks_like("something stands between /cnb/process and the run image's PATH")
    .fix("write /cnb/process: and the run image's PATH"),
    must("platform.working-dir", "the working folder is <app>", OUTPUTS, |case| {
        case.each_image(config::the_working_dir_is_the_app)
    })
    .because("processes without a folder of their own start there")
    .looks_like("WorkingDir is not <app>")
    .fix("set WorkingDir to <app>"),
    must(
        "platform.label-project-metadata",
        "the label equals the JSON form of project-metadata.toml",
        Source::platform("io.buildpacks.project.metadata"),
        |case| case.each_image(labels::the_project_metadata_is_in_its_label),
    )
    .because("platforms find out from the label which source an image was made of")
    .looks_like("the label lacks values of project-metadata.toml or has others")
    .fix("encode the whole file as JSON"),
    must(
        "platform.label-build-metadata",
        "the label has the buildpacks and the processes",
        Source::platform("io.buildpacks.build.metadata"),
        |case| case.each_image(labels::the_build_metadata_is_in_its_label),
    )
    .because("platforms list buildpacks and processes of an image from it")
    .looks_like("a buildpack or process is missing")
    .fix("encode group and processes as JSON"),
    Requirement::new(
        Level::Should,
        "platform.label-launcher",
        "the label io.buildpacks.build.metadata says which launcher is in the image",
        Source::platform("io.buildpacks.build.metadata"),
        |case| case.each_image(labels::the_launcher_is_in_the_label),
    )
    .because("a fault of the launcher is found in images by this version")
    .looks_like("launcher is missing in the label, or not an object")
    .fix("write the launcher's version and source into the label"),
    must(
        "platform.label-run-image",
        "runImage has the run image's names, its last diffID and what identifies it",
        Source::platform("io.buildpacks.lifecycle.metadata"),
        |case| case.each_image(labels::the_run_image_is_in_the_label),
    )
    .because("the rebaser finds the run image, and its last layer, by this label")
    .looks_like("topLayer, image, mirrors or reference is not the run image's")
    .fix("fill runImage from analyzed.toml, run.toml and the run image's config"),
    must(
        "platform.label-stack-agrees",
        "stack.runImage agrees with runImage",
        Source::platform("Deprecations, io.buildpacks.lifecycle.metadata stack Key"),
        |case| case.each_image(labels::the_deprecated_key_agrees),
    )
    .because("older platforms read the old key, and have to see the same")
    .looks_like("stack.runImage differs from runImage")
    .fix("fill both from one value, or leave the old one out")
    .when("the label has stack.runImage"),
    must(
        "platform.layer-metadata-stored",
        "the label has an entry per buildpack, sha, types and data of each launch layer, and sha of app, sbom, config, launcher",
        Source::platform("io.buildpacks.lifecycle.metadata"),
        |case| case.each_image(labels::layer_metadata_is_in_the_label),
    )
    .because("the next build restores layers by this label")
    .looks_like("a buildpack or layer is missing, or sha, types or data are wrong")
    .fix("write an entry for every buildpack and launch layer, and the diffIDs of the layers that were written"),
    must(
        "platform.store-kept",
        "what store.toml holds is found in the image",
        Source::buildpack("Phase #6: Export"),
        |case| case.each_image(labels::the_store_is_kept),
    )
    .because("buildpacks keep there what the next build needs")
    .looks_like("no value of store.toml is anywhere in the image")
    .fix("put the store into the lifecycle's label")
    .when("a buildpack left a store.toml"),
    Requirement::new(
        Level::Should,
        "platform.label-rebasable",
        "io.buildpacks.rebasable is true or false",
        OUTPUTS,
        |case| case.each_image(labels::the_label_rebasable_is_there),
    )
    .because("platforms decide by it whether to offer a rebase")
    .looks_like("the label is missing or another word")
    .fix("write true or false"),
    must(
        "platform.label-rebasable-extended",
        "io.buildpacks.rebasable is true where the extended run image's label is, and false where it is not",
        OUTPUTS,
        |case| case.each_image(extension::rebasable_is_its),
    )
    .because("a rebase keeps the layers of extensions upon another run image, which not all of them bear")
    .looks_like("the label is true although an extension did not allow it, or false although all did")
    .fix("copy the label of the config in <extended>/run, and write false where it has none")
    .when("run-image.extend of analyzed.toml is true"),
    must("platform.buildpack-labels", "contributed labels are there, the last definition wins", LAUNCH_TOML, |case| {
        case.each_image(labels::contributed_labels_are_there)
    })
    .because("buildpacks say by labels what they made")
    .looks_like("a contributed label is missing or has an earlier buildpack's value")
    .fix("copy labels in order, so that the last definition wins")
    .when("a buildpack contributes a label"),
    must(
        "platform.layer-reuse",
        "a launch layer without folder is the previous image's, with the new metadata in the label",
        LAUNCH,
        layers::a_layer_without_folder_is_the_previous_one,
    )
    .because("re-use spares making and sending what did not change")
    .looks_like("a layer without folder is missing, or another than the previous image's")
    .fix("take sha and blob from the previous image, and the metadata from the build")
    .when("a buildpack has a launch layer without folder, and there is a previous image"),
    must("platform.flags-over-env", "where a flag and its variable differ, the flag wins", Source::platform("Usage"), |case| {
        case.each_image(flags::the_flag_wins)
    })
    .because("a flag is written on purpose; a variable may be left from elsewhere")
    .looks_like("the image or report follows the variable although a flag says something else")
    .fix("let flags override variables and variables override defaults")
    .when("a scenario gives a variable another value than the flag"),
    Requirement::new(
        Level::Should,
        "platform.nothing-else-written",
        "the export adds nothing to <app>, <layers> and all other folders of a build but SBOMs, caches, layout and report",
        OUTPUTS,
        |case| case.each(written::nothing_else_is_written),
    )
    .because("platforms export one build several times, and keep these folders; what one export leaves is in the next image")
    .looks_like("a file more in <app>, <layers>, the lifecycle's folder or the working folder")
    .fix("write to the outputs of the specification alone, and to TMPDIR what is needed on the way")
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "platform.nothing-left",
        "the export leaves nothing in folders for scratch files other than TMPDIR and HOME",
        OUTPUTS,
        |case| case.each(written::nothing_is_left),
    )
    .because("leftover files are visible to later exports on the same machine and fill its disk")
    .looks_like("a file or a socket in /tmp, /var/tmp or /dev/shm after the export, though TMPDIR names another folder")
    .fix("write scratch files to TMPDIR, and remove them at the end")
    .needing(Needs::Success),
    must(
        "platform.api-checked-first",
        "an unsupported platform API together with malformed inputs is refused with exit 11",
        Source::platform("Usage"),
        flags::the_platform_api_is_checked_first,
    )
    .because(
        "inputs of an unknown API may look malformed; the platform has to learn that the version is the \
reason",
    )
    .looks_like("malformed inputs are complained about although the platform API is unsupported")
    .fix("check CNB_PLATFORM_API before any file is read")
    .when("a scenario exports malformed inputs with an unsupported platform API")
    .needing(Needs::Process),
];

fn a_good_build_exits_zero(export: &Export) -> Finding {
    let inputs = &export.inputs;
    // Only root can become another user, and files of another owner may be closed to who runs the exporter.
    let cannot_be_owner = inputs.run_as.filter(|user| *user != 0 && *user != inputs.uid);
    if let Some(user) = cannot_be_owner.filter(|_| !export.outcome.succeeded()) {
        return Finding::Skipped(format!(
            "the suite told the exporter, which ran as user {user}, that <uid> is {}",
            inputs.uid
        ));
    }
    holds_when(export.outcome.succeeded(), || {
        violated("a good build does not exit 0", "exit 0", view::ended(export), view::last_words_at(export))
    })
}

fn the_report_is_there(export: &Export) -> Finding {
    match export.report.as_ref().map(|report| report.text().map(str::parse::<toml::Table>)) {
        Some(Some(Ok(_))) => Finding::Holds,
        Some(Some(Err(error))) => {
            violated("report.toml does not parse", "TOML", view::cut(&error.to_string()), export.at("report.toml"))
        }
        Some(None) => {
            violated("report.toml does not parse", "TOML", "bytes that are not UTF-8", export.at("report.toml"))
        }
        None => violated(
            "there is no report.toml",
            export.inputs.report.clone(),
            "nothing",
            export.at("export.json#/report"),
        ),
    }
}

/// What is not there, as a finding.
fn no_document(export: &Export, name: &str) -> Finding {
    violated(format!("{name} is missing or not JSON"), "a JSON document", "something else", export.at("config.json"))
}

pub(super) fn observations(case: &Case<'_>, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        let Some(image) = &export.image else { continue };
        let labels = view::labels(image);
        if let Some(value) = labels.get("io.buildpacks.rebasable") {
            see(export, "rebasable", value.clone(), "config.json#/config/Labels/io.buildpacks.rebasable");
        }
        let label = view::lifecycle_label(image);
        if let Some(reference) = label.as_ref().and_then(|label| label.at(&["runImage", "reference"])?.as_str()) {
            let answer = match reference.rsplit_once('@') {
                Some((name, _)) if name.starts_with('/') => "a path in the layout",
                Some(_) => "a digest reference",
                None => "an image ID",
            };
            see(export, "run-image-reference-in-the-label", answer.to_owned(), "config.json#/config/Labels");
        }
        let base = view::json(Some(export.run_image.base_config()));
        if base.as_ref().and_then(|json| json.at(&["config", "Cmd"])).is_some() {
            let kept = view::json(image.config.as_ref()).is_some_and(|json| {
                json.at(&["config", "Cmd"]).and_then(|cmd| cmd.items()).is_some_and(|items| !items.is_empty())
            });
            see(
                export,
                "the-run-image-s-cmd",
                if kept { "kept" } else { "removed" }.to_owned(),
                "config.json#/config/Cmd",
            );
        }
    }
    layers::observations(case, see);
    written::observations(case, see);
}
