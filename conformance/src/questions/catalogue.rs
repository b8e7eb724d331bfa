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
    /// What the reference does and why; follows "The reference".
    pub reference: &'static str,
    /// Why nothing answers it where nothing does; follows "Not observed:".
    pub unobserved: &'static str,
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
        unobserved: "no scenario was exported to a registry or layout",
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
        unobserved: "no scenario with an index was run",
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
        unobserved: "no scenario with other types was run",
    },
    Question {
        title: "Several authors or licences in one string?",
        why: "The image specification wants contact details of the people responsible, and one SPDX expression.",
        observed_as: &["several-in-one-string"],
        answers: &["the string as the platform gives it", "the exporter checks or normalises it"],
        reference: "takes strings byte for byte; who joins several into one is the platform.",
        unobserved: "the requirements `source.authors.verbatim` and `source.licenses.verbatim` judge strings; no exporter was seen to split one",
    },
    Question {
        title: "What becomes of an empty string?",
        why: "The image specification allows an empty value; its absence says the same.",
        observed_as: &["an-empty-string"],
        answers: &["no annotation", "an annotation with an empty value"],
        reference: "writes no annotation and warns by the key's name.",
        unobserved: "no scenario with empty strings was run",
    },
    Question {
        title: "A Docker schema 2 run image: convert, or annotate nothing?",
        why: "A Docker manifest has no annotations, and an app image that starts as a copy of it cannot carry any.",
        observed_as: &["docker-schema-2-run-image"],
        answers: &["convert to an OCI manifest and annotate", "keep Docker media types and annotate nothing"],
        reference: "converts: layer blobs stay untouched, media types in the manifest change.",
        unobserved: "no scenario with such a run image was run",
    },
    Question {
        title: "Other annotations of the run image: kept or dropped?",
        why: "An exporter that edits the run image's manifest keeps what it finds there, also what is not true of the app.",
        observed_as: &["run-image-s-other-annotations"],
        answers: &["dropped", "kept, but for the RFC's nine keys", "kept"],
        reference: "drops them: they speak of the run image, whose digest is given.",
        unobserved: "no annotated run image was used",
    },
    Question {
        title: "Who wins when platform, buildpack and exporter each give a key?",
        why: "The review would rather have buildpacks contribute annotations; both ways can meet in one image. May a buildpack claim another base?",
        observed_as: &["who-wins-a-key-of-several"],
        answers: &["the buildpack, but for `base.*`", "the buildpack, always", "the platform", "the export fails"],
        reference: "lets the buildpack win over project metadata, because the review wants buildpacks to contribute; `base.*` is always what the exporter knows to be true, and a buildpack's claim is left out with a warning.",
        unobserved: "no exporter that was judged carries annotations of buildpacks",
    },
    Question {
        title: "Annotations on descriptors and indexes too?",
        why: "Some readers look at an index's descriptor and never fetch the manifest.",
        observed_as: &["annotations-on-descriptors"],
        answers: &["on the manifest only", "on the index's descriptor too"],
        reference: "annotates the manifest only.",
        unobserved: "no scenario was exported to a registry or layout",
    },
    Question {
        title: "Has a layout the registry's digest?",
        why: "If the same build has one manifest on disk and in a registry, a copy between them changes nothing.",
        observed_as: &["layout-digest-equals-registry", "layout-path-of-a-registry-with-port"],
        answers: &["one digest", "they may differ"],
        reference: "gives one digest: the label names the run image by digest reference, never by a path.",
        unobserved: "no scenario was exported to both",
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
        unobserved: "no daemon was at hand",
    },
    Question {
        title: "A run image that lives only in a daemon: has it a base?",
        why: "An image ID is no manifest digest; a repository digest may be known or not.",
        observed_as: &["run-image-reference-in-the-label", "base-of-a-run-image-in-a-daemon"],
        answers: &["no `base.*` without a repository digest", "the name without a digest"],
        reference: "writes no `base.*` where no manifest digest is known: an image ID never stands in for one.",
        unobserved: "no daemon was at hand",
    },
    Question {
        title: "An extended run image: which base?",
        why: "With image extensions the app image is based on layers that no registry serves under the run image's digest.",
        observed_as: &["extended-run-image"],
        answers: &["no `base.*`", "the run image before its extension"],
        reference: "refuses extended run images.",
        unobserved: "no exporter that was judged describes itself as having extensions",
    },
    Question {
        title: "Has a re-used layer the digest of a fresh one?",
        why: "If it has not, a rebuild of the same sources has another digest than the first build.",
        observed_as: &["a-re-used-layer-has"],
        answers: &["the same digest", "the previous image's, whatever it is"],
        reference: "gives the same digest, because its layers are reproducible; the previous image's layer is taken as it is.",
        unobserved: "no rebuild was run",
    },
    Question {
        title: "What is `io.buildpacks.rebasable`?",
        why: "The text says `false` unless extended, and the rebaser refuses `false`.",
        observed_as: &["rebasable"],
        answers: &["`false`, as the text has it", "`true` unless something forbids it"],
        reference: "follows the text.",
        unobserved: "no scenario was run",
    },
    Question {
        title: "Is there an annotation `created`, and what is it?",
        why: "The image specification defines one; the RFC does not mention it. The config has a `created` of its own.",
        observed_as: &["created", "created-differs-from-the-config"],
        answers: &[
            "no annotation; the config's is `SOURCE_DATE_EPOCH` or a constant",
            "an annotation equal to the config's",
        ],
        reference: "writes no such annotation.",
        unobserved: "no scenario was run",
    },
];
