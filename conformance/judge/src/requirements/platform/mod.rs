//! The exporter's contract that the rest stands on (`cnb-platform.md`, section exporter; `cnb-buildpack.md`).

mod config;
mod files;
mod flags;
pub(super) mod inputs;
mod labels;
mod layers;
mod slices;
#[cfg(test)]
pub(super) mod tests;

use crate::evidence::Export;
use crate::requirement::{Case, Needs, Requirement, Source, holds_when, violated};
use crate::verdict::{Finding, Level};
use crate::view;

const OUTPUTS: Source = Source::platform("exporter, Outputs");
const INPUTS: Source = Source::platform("exporter, Inputs");
const LAUNCH: Source = Source::buildpack("Launch Layers");
const LAUNCH_TOML: Source = Source::buildpack("launch.toml");

const fn must(id: &'static str, asks: &'static str, source: Source, judge: fn(&Case<'_>) -> Finding) -> Requirement {
    Requirement::new(Level::Must, id, asks, source, judge)
}

pub(super) const TABLE: &[Requirement] = &[
    must("platform.exit-zero", "a good build exits 0", OUTPUTS, |case| case.each(a_good_build_exits_zero))
        .when("the scenario means the export to succeed")
        .needing(Needs::Process),
    must("platform.report-written", "report.toml is there and parses", OUTPUTS, |case| case.each(the_report_is_there))
        .needing(Needs::Success),
    must("platform.base-layers-preserved", "the run image's layers come first, in order", OUTPUTS, |case| {
        case.each_image(config::the_base_layers_come_first)
    }),
    must(
        "platform.base-config-preserved",
        "User, ExposedPorts, Volumes, StopSignal, platform, other Env and other labels are the run image's",
        OUTPUTS,
        |case| case.each_image(config::the_base_config_is_kept),
    ),
    must(
        "platform.launch-layers",
        "each launch layer's files are in the image at their path, with content, mode and link targets",
        LAUNCH,
        |case| case.each_image(layers::launch_layers_are_in_the_image),
    )
    .when("a buildpack has a launch layer with a folder"),
    must("platform.no-other-layers", "no file of a build-only or cache-only layer is in the image", LAUNCH, |case| {
        case.each_image(layers::other_layers_are_not_in_the_image)
    })
    .when("a buildpack has a layer that is not for launch"),
    must(
        "platform.app-files-once",
        "each app file is in exactly one app layer: earlier slices first, the rest in further layers",
        LAUNCH_TOML,
        |case| case.each_image(slices::app_files_are_in_one_layer_each),
    ),
    must("platform.empty-slice-accepted", "a slice that matches nothing fails no export", LAUNCH_TOML, |case| {
        case.each(slices::an_empty_slice_is_accepted)
    })
    .when("a slice matches nothing")
    .needing(Needs::Process),
    must("platform.launcher-layer", "/cnb/lifecycle/launcher has the launcher's bytes", OUTPUTS, |case| {
        case.each_image(files::the_launcher_is_there)
    }),
    must("platform.process-symlinks", "/cnb/process/<type> links to the launcher for each process", OUTPUTS, |case| {
        case.each_image(files::every_process_has_its_symlink)
    })
    .when("a buildpack contributes a process"),
    must("platform.config-layer", "<layers>/config/metadata.toml is in the image", OUTPUTS, |case| {
        case.each_image(files::the_build_metadata_is_there)
    }),
    must("platform.sbom-paths", "launch SBOMs are at their paths, the launcher's too when given", OUTPUTS, |case| {
        case.each_image(files::launch_sboms_are_at_their_paths)
    })
    .when("there is an SBOM for launch"),
    must(
        "platform.build-sbom-on-disk",
        "build SBOMs lie under <layers>/sbom/build after the export",
        OUTPUTS,
        |case| case.each(files::build_sboms_stay_on_disk),
    )
    .when("there is an SBOM for build")
    .needing(Needs::Success),
    must("platform.entrypoint", "given type, else default type, else the launcher", OUTPUTS, |case| {
        case.each_image(config::the_entrypoint_is_the_process)
    }),
    must(
        "platform.env",
        "CNB_LAYERS_DIR and CNB_APP_DIR are set, PATH begins with /cnb/process and ends with the run image's",
        OUTPUTS,
        |case| case.each_image(config::the_environment_is_set),
    ),
    Requirement::new(
        Level::Should,
        "platform.env-exact",
        "PATH is /cnb/process: and the run image's PATH",
        OUTPUTS,
        |case| case.each_image(config::the_path_is_exact),
    ),
    must("platform.working-dir", "the working folder is <app>", OUTPUTS, |case| {
        case.each_image(config::the_working_dir_is_the_app)
    }),
    must(
        "platform.label-project-metadata",
        "the label equals the JSON form of project-metadata.toml",
        Source::platform("io.buildpacks.project.metadata"),
        |case| case.each_image(labels::the_project_metadata_is_in_its_label),
    ),
    must(
        "platform.label-build-metadata",
        "the label has the buildpacks, the processes and the launcher",
        Source::platform("io.buildpacks.build.metadata"),
        |case| case.each_image(labels::the_build_metadata_is_in_its_label),
    ),
    must(
        "platform.label-run-image",
        "runImage has the run image's names, its last diffID and what identifies it",
        Source::platform("io.buildpacks.lifecycle.metadata"),
        |case| case.each_image(labels::the_run_image_is_in_the_label),
    ),
    must(
        "platform.label-stack-agrees",
        "stack.runImage agrees with runImage",
        Source::platform("Deprecations, io.buildpacks.lifecycle.metadata stack Key"),
        |case| case.each_image(labels::the_deprecated_key_agrees),
    )
    .when("the label has stack.runImage"),
    must(
        "platform.layer-metadata-stored",
        "the label has an entry per buildpack, and sha, types and data of each launch layer",
        Source::platform("io.buildpacks.lifecycle.metadata"),
        |case| case.each_image(labels::layer_metadata_is_in_the_label),
    ),
    must(
        "platform.store-kept",
        "what store.toml holds is found in the image",
        Source::buildpack("Phase #6: Export"),
        |case| case.each_image(labels::the_store_is_kept),
    )
    .when("a buildpack left a store.toml"),
    Requirement::new(
        Level::Should,
        "platform.label-rebasable",
        "io.buildpacks.rebasable is true or false",
        OUTPUTS,
        |case| case.each_image(labels::the_label_rebasable_is_there),
    ),
    must("platform.buildpack-labels", "contributed labels are there, the last definition wins", LAUNCH_TOML, |case| {
        case.each_image(labels::contributed_labels_are_there)
    })
    .when("a buildpack contributes a label"),
    must(
        "platform.layer-reuse",
        "a launch layer without folder is the previous image's, with the new metadata in the label",
        LAUNCH,
        layers::a_layer_without_folder_is_the_previous_one,
    )
    .when("a buildpack has a launch layer without folder, and there is a previous image"),
    must("platform.flags-over-env", "where a flag and its variable differ, the flag wins", INPUTS, |case| {
        case.each_image(flags::the_flag_wins)
    })
    .when("a scenario gives a variable another value than the flag"),
    must(
        "platform.api-checked-first",
        "an unsupported platform API together with malformed inputs is refused with exit 11",
        Source::platform("Platform API Compatibility"),
        flags::the_platform_api_is_checked_first,
    )
    .when("a scenario exports malformed inputs with an unsupported platform API")
    .needing(Needs::Process),
];

fn a_good_build_exits_zero(export: &Export) -> Finding {
    holds_when(export.outcome.succeeded(), || {
        let said = export.outcome.stderr.trim_end().lines().last().unwrap_or_default();
        let found = format!("{}; it last said: {}", export.outcome.end, view::cut(said));
        violated("a good build does not exit 0", "exit 0", found, export.at("stderr.txt"))
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
    violated(format!("{name} is missing or no JSON"), "a JSON document", "something else", export.at("config.json"))
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
        let base = view::json(Some(&export.run_image.config));
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
}
