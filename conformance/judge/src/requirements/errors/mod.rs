//! Bad input: a clear refusal, and nothing written. One table of what can be wrong with an export's inputs; each row is
//! two requirements, that the export is refused and that the refusal says what is wrong.

mod codes;
mod given;
mod left;
mod may_refuse;
mod named;
mod printed;
pub(super) mod refusal;
pub(super) mod said;
mod streams;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;

use crate::evidence::{Export, Target};
use crate::requirement::{Case, DAEMON, EVERYWHERE, LAYOUT, Needs, REGISTRY, Requirement, Source, WITH_MANIFEST};
use crate::verdict::Level;

pub(super) use refusal::{exits_with, moves_nothing};

const INPUTS: Source = Source::platform("exporter, Inputs");
const OUTPUTS: Source = Source::platform("exporter, Outputs");

/// Exit code of an exporter that does not know the Platform API.
pub(super) const PLATFORM_API: i32 = 11;
/// Exit code of an exporter that does not know a Buildpack API.
const BUILDPACK_API: i32 = 12;

/// One thing that can be wrong, and what is to be seen of its refusal.
struct Fault {
    /// The slug.
    slug: &'static str,
    /// The slug of the row on the message.
    message: &'static str,
    /// The slug, as what the row on the message follows from.
    follows: &'static [&'static str],
    /// How binding the refusal is; its message is a SHOULD.
    level: Level,
    /// The exit code, where one is named.
    exit: Option<i32>,
    /// Whether tags may be written all the same: the input turns out to be bad after they are.
    may_write: bool,
    /// Whether it must end within the description's limit.
    is_timed: bool,
    /// Names of what is at fault, one of which the output must hold.
    named: fn(&Export) -> Vec<String>,
}

macro_rules! faults {
    ($($name:ident = $slug:literal {
        level: $level:expr, source: $source:expr, targets: $targets:expr, exit: $exit:expr,
        writes: $writes:expr, timed: $timed:expr, bad: $bad:literal, ask: $ask:literal,
        names: $names:literal by $named:path, because: $why:literal, fix: $fix:literal,
    })*) => {
        $(
            const $name: Fault = Fault {
                slug: $slug,
                message: concat!($slug, ".message"),
                follows: &[$slug],
                level: $level,
                exit: $exit,
                may_write: $writes,
                is_timed: $timed,
                named: $named,
            };
        )*

        pub(super) const TABLE: &[Requirement] = &[
            $(
                Requirement::new($name.level, $name.slug, concat!($bad, " is refused: ", $ask), $source, |case| {
                    refusal::is_refused(case, &$name)
                })
                .because($why)
                .looks_like(concat!(
                    "given ", $bad, ", the exporter exits 0, crashes, is ended by the time limit, has moved a tag, or has \
                     left a report with a digest, an image ID or tags"
                ))
                .fix($fix)
                .when(concat!("a scenario exports with ", $bad, ", and the build without it is accepted"))
                .on($targets)
                .waiting($timed)
                .needing(Needs::Process),
                Requirement::new(
                    Level::Should,
                    $name.message,
                    concat!("what is printed on ", $bad, " names ", $names, " and shows no stack trace"),
                    Source::own("errors"),
                    |case| refusal::is_explained(case, &$name),
                )
                .because(concat!(
                    "the user sees only the output; without ", $names,
                    " they cannot tell what to fix"
                ))
                .looks_like(concat!("output without ", $names, ", or with a stack trace of the exporter's language"))
                .fix(concat!("print one line with ", $names, " and what is wrong, and no stack trace"))
                .when(concat!("a scenario exports with ", $bad, ", and the build without it is accepted"))
                .on($targets)
                .needing(Needs::Process),
            )*
            may_refuse::SPECIAL_FILE,
            may_refuse::RUN_IMAGE_FORM,
            left::NOTHING_LEFT,
            left::NOTHING_SENT,
            streams::ON_STDERR,
            codes::KEPT,
            codes::OF_THE_TABLE,
            printed::NO_TRACE,
            printed::SECRETS_KEPT,
            printed::IS_TEXT,
        ];

        /// All of them.
        const FAULTS: &[Fault] = &[$($name),*];
    };
}

faults! {
    NO_IMAGE = "errors.no-image" {
        level: Level::Must, source: INPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a command line without <image>", ask: "a non-zero exit, and no report that claims success",
        names: "the argument <image>" by named::the_image_argument,
        because: "at least one image reference has to be given; without one there is nothing to write, and an exit of 0 \
                  would tell the platform that there is an image",
        fix: "count the arguments after the flags before anything is read, and end with an error where there are none",
    }
    DIGEST_AS_TAG = "errors.digest-as-tag" {
        level: Level::Must, source: INPUTS, targets: &[Target::Registry, Target::Daemon], exit: None, writes: false, timed: false,
        bad: "a digest reference as <image>", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the digest reference" by named::digest_references,
        because: "an image to be made cannot be put under a digest that is known beforehand: the reference has to be a tag",
        fix: "parse every <image> as a tag reference and refuse one with a digest",
    }
    MALFORMED_REFERENCE = "errors.malformed-reference" {
        level: Level::Must, source: INPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a malformed <image>", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the malformed reference" by named::malformed_references,
        because: "every <image> must be a valid tag reference; guessing the intent pushes the image to an unexpected place",
        fix: "parse every <image> by the grammar of references before the first one is written",
    }
    TWO_REGISTRIES = "errors.two-registries" {
        level: Level::Must, source: INPUTS, targets: WITH_MANIFEST, exit: None, writes: false, timed: false,
        bad: "images on two registries", ask: "a non-zero exit, no tag moved on either, no report that claims success",
        names: "one of the references or registries" by named::images_on_registries,
        because: "outside of a daemon all images have to be on one registry; half of an export on each cannot be undone",
        fix: "compare the registries of all images, fully qualified, before anything is written",
    }
    MISSING_ANALYZED = "errors.missing-analyzed" {
        level: Level::Must, source: INPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a missing analyzed.toml", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "analyzed.toml" by named::analyzed,
        because: "analyzed.toml says what the run image is, so without it there is nothing that the app could be based on",
        fix: "treat a missing <analyzed> as an error, not as an empty file",
    }
    MALFORMED_ANALYZED = "errors.malformed-analyzed" {
        level: Level::Must, source: INPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "an analyzed.toml that is not TOML", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "analyzed.toml" by named::analyzed,
        because: "a file that does not parse says nothing of the run image; what was read before the fault may be half of it",
        fix: "let a parse error of <analyzed> end the export",
    }
    MALFORMED_PROJECT_METADATA = "errors.malformed-project-metadata" {
        level: Level::Must, source: INPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a project-metadata.toml that is not TOML", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "project-metadata.toml" by named::project_metadata,
        because: "the file may be missing, but one that is there is meant to be in the label and the annotations; to leave \
                  it out would lose what the platform said without a word",
        fix: "tell a missing file from one that does not parse, and refuse the latter",
    }
    MISSING_GROUP = "errors.missing-group" {
        level: Level::Should, source: INPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a missing group.toml", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "group.toml" by named::group,
        because: "the group says whose layers are exported; one that is taken as empty gives an image without any of them",
        fix: "treat a missing <group> as an error, not as an empty file",
    }
    MALFORMED_GROUP = "errors.malformed-group" {
        level: Level::Should, source: INPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a group.toml that is not TOML", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "group.toml" by named::group,
        because: "the group says whose layers are exported; without it an image would lack them all",
        fix: "let a parse error of <group> end the export",
    }
    MISSING_METADATA = "errors.missing-metadata" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a missing config/metadata.toml", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "config/metadata.toml" by named::build_metadata,
        because: "the image has to contain the file; one that is made up has none of the processes, slices and labels of the \
                  build",
        fix: "treat a missing <layers>/config/metadata.toml as an error, not as an empty file",
    }
    MALFORMED_METADATA = "errors.malformed-metadata" {
        level: Level::Must, source: INPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a config/metadata.toml that is not TOML", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "config/metadata.toml" by named::build_metadata,
        because: "processes, slices and labels come from it; an image without them does not start what was built",
        fix: "let a parse error of <layers>/config/metadata.toml end the export",
    }
    MISSING_APP = "errors.missing-app" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "an <app> that is not there or is not a folder", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the folder of the app" by named::app,
        because: "the image has to contain app layers; one that is made of nothing has an empty app, and starts as if it \
                  were whole",
        fix: "open <app> as a folder before anything is written, and do not take a missing one as empty",
    }
    MISSING_LAYERS = "errors.missing-layers" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a <layers> that is not there or is not a folder", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the folder of layers, or a file that has to be in it" by named::layers_folder,
        because: "the image has to contain config/metadata.toml and the launch layers of <layers>; without it nothing of the \
                  build is known",
        fix: "open <layers> as a folder before anything is written, and do not take a missing one as empty",
    }
    MISSING_LAUNCHER = "errors.missing-launcher" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a missing launcher", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the launcher's path" by named::launcher,
        because: "every process is a link to the launcher; an image without it starts nothing",
        fix: "open <launcher> before anything is written, and end the export where it is not there",
    }
    MALFORMED_LAYER = "errors.malformed-layer" {
        level: Level::Should, source: Source::buildpack("Phase #6: Export"), targets: EVERYWHERE, exit: None,
        writes: false, timed: false,
        bad: "a <layer>.toml that is not TOML", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the layer" by named::malformed_layers,
        because: "the file says whether the layer is for launch; one that does not parse says neither yes nor no, and an \
                  image without the layer may not start",
        fix: "let a parse error of <layers>/<buildpack>/<layer>.toml end the export, and do not read it as launch = false",
    }
    MALFORMED_STORE = "errors.malformed-store" {
        level: Level::Should, source: Source::buildpack("Phase #6: Export"), targets: EVERYWHERE, exit: None,
        writes: false, timed: false,
        bad: "a store.toml that is not TOML", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "store.toml" by named::malformed_stores,
        because: "what a buildpack keeps for its next build has to be stored with the image; without it that build begins \
                  with nothing, and no one is told",
        fix: "tell a missing store.toml from one that does not parse, and refuse the latter",
    }
    MALFORMED_RUN = "errors.malformed-run" {
        level: Level::Must, source: Source::platform("io.buildpacks.lifecycle.metadata"), targets: EVERYWHERE, exit: None,
        writes: false, timed: false,
        bad: "a run.toml that is not TOML", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "run.toml" by named::run_file,
        because: "the file may be missing, but the run image's name and mirrors in the label have to come from one that is \
                  there; without them a rebase looks for the run image elsewhere",
        fix: "tell a missing <run> from one that does not parse, and refuse the latter",
    }
    MISSING_RUN_IMAGE = "errors.missing-run-image" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a run image that is not there", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the run image" by named::run_image,
        because: "the app image has to be based on the run image; one on top of nothing would lack its system",
        fix: "read manifest and config of the run image first, and end the export where they are not there",
    }
    RUN_IMAGE_DIGEST_GONE = "errors.run-image-digest-gone" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a run image whose digest is gone since the analysis",
        ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the run image's reference or digest" by named::run_image,
        because: "the digest in analyzed.toml is what was analysed; to take what the tag names now instead would base the \
                  app on an image that no one looked at",
        fix: "fetch the run image by the digest of run-image.reference alone, and never fall back to the tag",
    }
    REUSED_LAYER_MISSING = "errors.reused-layer-missing" {
        level: Level::Must, source: Source::buildpack("Phase #6: Export"), targets: EVERYWHERE, exit: None,
        writes: false, timed: false,
        bad: "a layer to re-use that no previous image has", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the layer" by named::reused_layers,
        because: "a launch layer without a folder is reused from the previous image; if it is not there, the image would lack \
                  a layer that its buildpack relies on",
        fix: "look every layer without folder up in the previous image's label, and end the export where it is not there",
    }
    MALFORMED_VALUE = "errors.malformed-value" {
        level: Level::Should, source: INPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a flag or variable with a value of another kind", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the value, or the flag or variable" by given::malformed_values,
        because: "an ID that is taken as 0 gives app and layers to root, and no one is told that the platform said otherwise",
        fix: "parse every number and boolean to its end, of flags and of variables, and end the export where one is not",
    }
    UNKNOWN_FLAG = "errors.unknown-flag" {
        level: Level::Should, source: Source::platform("Usage"), targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a flag that no Platform API has", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the flag" by given::unknown_flags,
        because: "a flag that is misspelt or newer asks for something; an export without that is another one than was asked for",
        fix: "refuse every flag that the exporter does not know, before anything is read",
    }
    UNKNOWN_PROCESS_TYPE = "errors.unknown-process-type" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a process type that no buildpack provides", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the process type" by named::process_type,
        because: "the given type becomes the entrypoint; one that does not exist gives an image that cannot start",
        fix: "compare <process-type> with the processes of config/metadata.toml before layers are made",
    }
    UNKNOWN_PLATFORM_API = "errors.platform-api" {
        level: Level::Must, source: Source::platform("Platform API Compatibility"), targets: EVERYWHERE,
        exit: Some(PLATFORM_API), writes: false, timed: false,
        bad: "an unsupported Platform API", ask: "exit 11, no tag moved, no report that claims success",
        names: "the version asked for or CNB_PLATFORM_API" by named::platform_api,
        because: "a platform tells by exit code 11 that it has to speak another version; any other code hides the reason",
        fix: "check CNB_PLATFORM_API before anything else and exit 11",
    }
    UNKNOWN_BUILDPACK_API = "errors.buildpack-api" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: Some(BUILDPACK_API), writes: false, timed: false,
        bad: "an unsupported Buildpack API", ask: "exit 12, no tag moved, no report that claims success",
        names: "the version or the buildpack" by named::buildpack_api,
        because: "what a buildpack left on disk means what its API version says; to read it by another one makes up an image",
        fix: "check the api of every buildpack in group.toml and exit 12",
    }
    UNREACHABLE_REGISTRY = "errors.unreachable-registry" {
        level: Level::Should, source: OUTPUTS, targets: REGISTRY, exit: None, writes: false, timed: true,
        bad: "a registry that cannot be reached",
        ask: "a non-zero exit by itself within the limit of the exporter's description, no report that claims success",
        names: "the registry or a reference on it" by named::images_and_run_image,
        because: "a registry may refuse connections or swallow them; a build that waits forever blocks the pipeline that runs it",
        fix: "give connections and requests a time limit and the whole export a bounded number of attempts",
    }
    UNAUTHORIZED = "errors.unauthorized" {
        level: Level::Must, source: Source::platform("Registry Authentication"), targets: REGISTRY, exit: None,
        writes: false, timed: false,
        bad: "a registry that wants credentials that the exporter lacks",
        ask: "a non-zero exit, no report that claims success",
        names: "the registry or a reference on it" by named::images_and_run_image,
        because: "nothing was stored, so nothing may be reported as stored",
        fix: "treat 401 and 403 as the end of the export, and name the registry that sent them",
    }
    DOUBTFUL_CERTIFICATE = "errors.doubtful-certificate" {
        level: Level::Must, source: INPUTS, targets: REGISTRY, exit: None,
        writes: false, timed: false,
        bad: "a registry whose certificate is not to be trusted",
        ask: "a non-zero exit, no report that claims success",
        names: "the registry or a reference on it" by named::images_and_run_image,
        because: "anyone on the way can answer with a certificate of their own; verification is left out for an \
                  <insecure-registry> alone, and this one is not named as such",
        fix: "verify the authority, the dates and the host of every certificate, and end the export where one does not hold",
    }
    REPORT_UNWRITABLE = "errors.report-unwritable" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: None,
        writes: true, timed: false,
        bad: "a report that cannot be written", ask: "a non-zero exit (the image may be there)",
        names: "the report's path" by named::report,
        because: "the report is an output that platforms read; exit 0 without it says that all outputs are there",
        fix: "end with an error when writing <report> fails, or try the path before the export",
    }
    DAEMON_DOWN = "errors.daemon-down" {
        level: Level::Must, source: OUTPUTS, targets: DAEMON, exit: None, writes: false, timed: false,
        bad: "a daemon that is not there", ask: "a non-zero exit, no report that claims success",
        names: "the daemon's address" by named::daemon,
        because: "an export to a daemon that is not there has written nothing",
        fix: "treat a failed connection to the daemon as the end of the export, and print its address",
    }
    DAEMON_FULL = "errors.daemon-full" {
        level: Level::Must, source: OUTPUTS, targets: DAEMON, exit: None, writes: false, timed: false,
        bad: "a daemon whose disk is too small for the image",
        ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the daemon or an image" by named::daemon_and_images,
        because: "a daemon tells that its disk is full in the answer to the load, after it has accepted the request; an \
                  exporter that reads the status alone reports an image that is not there",
        fix: "read the daemon's answer to its end and let an error in it end the export, with the daemon's words",
    }
    DAEMON_ENDS = "errors.daemon-ends" {
        level: Level::Must, source: OUTPUTS, targets: DAEMON, exit: None, writes: false, timed: false,
        bad: "a daemon that ends while it is sent the image",
        ask: "a non-zero exit by itself, no tag moved, no report that claims success",
        names: "the daemon or an image" by named::daemon_and_images,
        because: "a connection that breaks off is not an answer; what was sent until then is in no store",
        fix: "treat a broken connection to the daemon as the end of the export, and ask for the image before reporting it",
    }
    LAYOUT_AND_DAEMON = "errors.layout-and-daemon" {
        level: Level::Should, source: Source::rfc_0119("Using -layout flag in combination with --daemon or --publish flags"), targets: LAYOUT, exit: None,
        writes: false, timed: false,
        bad: "both a layout and a daemon asked for", ask: "a non-zero exit, nothing written, no report that claims success",
        names: "the two that exclude each other" by named::layout_and_daemon,
        because: "an export goes to one target; one that takes its pick silently leaves the other without the image",
        fix: "refuse -layout together with -daemon, also where one of them comes from the environment",
    }
    UNREADABLE_FILE = "errors.unreadable-file" {
        level: Level::Must, source: OUTPUTS, targets: EVERYWHERE, exit: None, writes: false, timed: false,
        bad: "a file that the exporter's user cannot read", ask: "a non-zero exit, no tag moved, no report that claims success",
        names: "the file" by named::unreadable_files,
        because: "an image that just lacks what could not be read is broken, and no one is told until it runs",
        fix: "let every error of opening or reading an input file end the export",
    }
}

/// The exports of a case that are to be refused for the reason that `slug` names, and those that may be and were.
pub(super) fn refused<'a>(case: &Case<'a>, slug: &str) -> Vec<&'a Export> {
    let is_one = |export: &&Export| {
        let inputs = &export.inputs;
        let was_free = inputs.may_refuse.as_deref() == Some(slug) && !export.outcome.succeeded();
        was_free || inputs.expected_failure.as_deref() == Some(slug)
    };
    case.exports.iter().copied().filter(is_one).collect()
}
