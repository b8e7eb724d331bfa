//! The questions, what can be answered, and what the reference chose and why.

/// A question that the RFC leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The question, as a heading.
    pub title: &'static str,
    /// Why it matters, in one or two sentences.
    pub why: &'static str,
    /// Slugs of the observations that answer it.
    pub observed_as: &'static [&'static str],
    /// Possible answers, each in one line.
    pub answers: &'static [&'static str],
    /// What the reference does and why; follows "The reference". Empty where the question is not the exporter's.
    pub reference: &'static str,
    /// Where an answer shows, in so many words; follows "Nothing that answers it was observed;".
    pub shown: &'static str,
    /// What was measured of released programs with other means than this suite; empty where nothing was.
    pub measured: &'static str,
}

/// All of them, in the order in which a reader of the RFC meets them.
pub const QUESTIONS: &[Question] = &[
    Question {
        title: "What is `base.name` when the run image has several names?",
        why: "A mirror may have been chosen, the name may lack registry and tag, or be a digest reference; the RFC says \"tag name\".",
        observed_as: &["base-name-is", "base-name-with-a-chosen-mirror"],
        answers: &[
            "the image that was used (`run-image.image` of `analyzed.toml`), fully qualified",
            "the image that `run.toml` lists first, whatever mirror was used",
            "the text as it was given",
        ],
        reference: "writes the image that was used, fully qualified: it is the one that `base.digest` can be fetched from.",
        shown: "an export to a registry or a layout shows it",
        measured: "",
    },
    Question {
        title: "Behind an index: which digest is `base.digest`?",
        why: "A run image of several platforms has an index with a digest, and a manifest for each platform with another.",
        observed_as: &["base-digest-behind-an-index"],
        answers: &[
            "the digest in `run-image.reference`, whichever it is",
            "always the index's",
            "always the platform's manifest's",
        ],
        reference: "writes the digest in `run-image.reference`: it looks nothing up that the analysis has pinned.",
        shown: "the scenarios `run-image-behind-index` and `run-image-behind-index-by-manifest` show it",
        measured: "",
    },
    Question {
        title: "What becomes of a value that is not a string?",
        why: "Project metadata is arbitrary data, and project descriptors yield arrays of authors and licences; an annotation is a string.",
        observed_as: &["a-value-that-is-no-string"],
        answers: &[
            "no annotation, and a warning",
            "its JSON form",
            "arrays joined to one string, for example by commas or as SPDX `AND`",
            "the export fails",
        ],
        reference: "writes no annotation and warns by the key's name: a rendering that the RFC does not define is one that no reader expects.",
        shown: "the scenarios `non-string-metadata` and `project-metadata-other-types` show it",
        measured: "",
    },
    Question {
        title: "Several authors or licences in one string?",
        why: "The image specification wants contact details of the people responsible, and one SPDX expression.",
        observed_as: &["several-in-one-string"],
        answers: &["the string as the platform gives it", "the exporter checks or normalises it"],
        reference: "takes strings byte for byte; who joins several into one is the platform.",
        shown: "no scenario asks it: `source.authors.verbatim` and `source.licenses.verbatim` want a string as the platform gives it",
        measured: "",
    },
    Question {
        title: "What becomes of an empty string?",
        why: "The image specification allows an empty value; its absence says the same.",
        observed_as: &["an-empty-string"],
        answers: &["no annotation", "an annotation with an empty value"],
        reference: "writes no annotation and warns by the key's name.",
        shown: "the scenarios `non-string-metadata` and `project-metadata-empty-strings` show it",
        measured: "",
    },
    Question {
        title: "A Docker schema 2 run image: convert, or annotate nothing?",
        why: "A Docker manifest has no annotations, and an app image that starts as a copy of it cannot carry any.",
        observed_as: &["docker-schema-2-run-image"],
        answers: &["convert to an OCI manifest and annotate", "keep Docker media types and annotate nothing"],
        reference: "converts: layer blobs stay untouched, media types in the manifest change.",
        shown: "the scenario `docker-run-image` shows it",
        measured: "",
    },
    Question {
        title: "Other annotations of the run image: kept or dropped?",
        why: "An exporter that edits the run image's manifest keeps what it finds there, also what is not true of the app.",
        observed_as: &["run-image-s-other-annotations", "annotations-of-the-run-image-s-descriptors"],
        answers: &["dropped", "kept, but for the RFC's nine keys", "kept"],
        reference: "drops them: they speak of the run image, whose digest is given.",
        shown: "the scenarios `annotated-run-image` and `run-image-with-annotated-layers` show it",
        measured: "",
    },
    Question {
        title: "Who wins when platform, buildpack and exporter each give a key?",
        why: "The review would rather have buildpacks contribute annotations; both ways can meet in one image. May a buildpack claim another base?",
        observed_as: &["who-wins-a-key-of-several"],
        answers: &["the buildpack, but for `base.*`", "the buildpack, always", "the platform", "the export fails"],
        reference: "lets the buildpack win over project metadata, because the review wants buildpacks to contribute; `base.*` is always what the exporter knows to be true, and a buildpack's claim is left out with a warning.",
        shown: "the scenario `buildpack-and-platform-annotations` shows it",
        measured: "",
    },
    Question {
        title: "Annotations on descriptors and indexes too?",
        why: "Some readers look at an index's descriptor and never fetch the manifest.",
        observed_as: &["annotations-on-descriptors"],
        answers: &["on the manifest only", "on the index's descriptor too"],
        reference: "annotates the manifest only. Descriptors of the run image's layers stay as they are; their annotations are not counted here.",
        shown: "an export to a registry or a layout shows it",
        measured: "",
    },
    Question {
        title: "Has a layout the registry's digest?",
        why: "If the same build has one manifest on disk and in a registry, a copy between them changes nothing.",
        observed_as: &["layout-digest-equals-registry", "layout-path-of-a-registry-with-port"],
        answers: &["one digest", "they may differ"],
        reference: "gives one digest where both exports are of one build: the label names the run image by digest reference, never by a path. Builds whose run image was analysed under another repository than its name's are not compared, because a layout knows the name alone.",
        shown: "a scenario that is exported to a registry and a layout shows it",
        measured: "",
    },
    Question {
        title: "Daemons: what is left out, and is there a substitute?",
        why: "A classic Docker store keeps no annotations. Labels of the same name would change the imageID, and a label is not an annotation.",
        observed_as: &[
            "labels-as-a-fallback",
            "annotations-after-a-push-from-a-daemon",
            "daemon-s-id-is",
            "daemon-s-image-id-equals-registry",
            "pushed-from-a-daemon-differs-in",
        ],
        answers: &[
            "left out, with a line in the log",
            "labels as a fallback",
            "an OCI archive where the store keeps one, else left out",
        ],
        reference: "leaves them out on a classic store and says which.",
        shown: "an export to a daemon shows it",
        measured: "",
    },
    Question {
        title: "A run image that lives only in a daemon: has it a base?",
        why: "An image ID is no manifest digest; a repository digest may be known or not.",
        observed_as: &["run-image-reference-in-the-label", "base-of-a-run-image-in-a-daemon"],
        answers: &["no `base.*` without a repository digest", "the name without a digest"],
        reference: "writes no `base.*` where no manifest digest is known: an image ID never stands in for one.",
        shown: "an export to a daemon shows it",
        measured: "",
    },
    Question {
        title: "An extended run image: which base?",
        why: "With image extensions the app image is based on layers that no registry serves under the run image's digest.",
        observed_as: &["extended-run-image"],
        answers: &["no `base.*`", "the run image before its extension"],
        reference: "refuses extended run images.",
        shown: "only an exporter whose description has `extensions` is asked",
        measured: "",
    },
    Question {
        title: "Has a re-used layer the digest of a fresh one?",
        why: "If it has not, a rebuild of the same sources has another digest than the first build.",
        observed_as: &["a-re-used-layer-has"],
        answers: &["the same digest", "the previous image's, whatever it is"],
        reference: "gives the same digest, because its layers are reproducible; the previous image's layer is taken as it is.",
        shown: "the scenarios `rebuilt-layers-re-used` and `rebuilt-with-another-app` show it",
        measured: "",
    },
    Question {
        title: "What is `io.buildpacks.rebasable`?",
        why: "The text says `false` unless extended, and the rebaser refuses `false`.",
        observed_as: &["rebasable"],
        answers: &["`false`, as the text has it", "`true` unless something forbids it"],
        reference: "follows the text.",
        shown: "every export shows it",
        measured: "",
    },
    Question {
        title: "Is there an annotation `created`, and what is it?",
        why: "The image specification defines one; the RFC does not mention it. The config has a `created` of its own.",
        observed_as: &["created-as-annotation", "created-of-the-config"],
        answers: &[
            "no annotation; the config's `created` is `SOURCE_DATE_EPOCH` or a constant",
            "an annotation equal to the config's",
        ],
        reference: "writes no such annotation; one that a buildpack contributes is passed on. The config's `created` is `SOURCE_DATE_EPOCH`, else a constant.",
        shown: "every export shows it",
        measured: "",
    },
    Question {
        title: "What becomes of the annotations at a rebase?",
        why: "`base.digest` is there so that a rebase can be seen to be due; after it, `base.*` must name the new run image. The RFC does not speak of the rebaser.",
        observed_as: &[],
        answers: &[
            "`base.*` follows the new run image, every other annotation stays",
            "all annotations are dropped",
            "all annotations stay as they are, `base.*` too",
        ],
        reference: "moves `base.*` to the new run image where they were there, keeps every other annotation, takes none of the new run image's, and adds none: docs/rebase.md.",
        shown: "no scenario asks it",
        measured: "The rebaser of the Go lifecycle 0.17.7 (Platform API 0.12) and 0.21.14 (0.13), one run each on docker-registry \
2.8.2: an app image with five annotations (`base.digest`, `base.name`, `revision`, `source`, `title`) has none after the rebase, and its \
OCI manifest has become a Docker schema 2 one around layers that keep OCI media types. Both manifests are in \
`docs/observations/rebase/`.",
    },
];
