//! What goes unnoticed, and why no one has to notice: patterns of mutations, `*` for anything. The first that fits
//! counts.

/// Mutations that may go unnoticed for one reason.
pub(super) struct Justified {
    pub(super) patterns: &'static [&'static str],
    pub(super) why: &'static str,
}

const fn of(patterns: &'static [&'static str], why: &'static str) -> Justified {
    Justified { patterns, why }
}

pub(super) const JUSTIFIED: [Justified; 44] = [
    of(
        &["* id", "* scenario", "* service", "* step", "* target"],
        "how the suite files an export; nothing that it left",
    ),
    of(&["* outcome.milliseconds", "* outcome.printed"], "no requirement is about time or length of a log"),
    of(&["* outcome.started"], "read to tell a constant `created` from the time of the export, a day apart or more"),
    of(&["* outcome.stdout"], "a log is free in its words; what has to be said in it is one word"),
    of(
        &[
            "* outcome.contacted.knows_itself",
            "alter * outcome.contacted.seen[*.address",
            "double * outcome.contacted.seen[*",
            "drop * outcome.contacted.seen[*",
            "empty * outcome.contacted.seen",
        ],
        "a contact less violates nothing, and a host that is given by name may be at any address",
    ),
    of(&["drop * outcome.credentials_printed"], "an exporter that is given no credentials cannot print any"),
    of(&["*.content_type"], "what a registry adds to the bytes, and nothing next to a file; the bytes decide"),
    of(&["* tags[*.status"], "what a registry answers; the digest under the tag decides"),
    of(&["* daemon tags", "* daemon tags[*"], "a daemon's tags are judged by the IDs under them, `daemon.tag_ids`"),
    of(
        &["double * tags[*", "swap * tags[*", "double * daemon.tag_ids[*", "swap * daemon.tag_ids[*"],
        "tags are found by their reference; their order says nothing",
    ),
    of(
        &["* tags_before", "* tags_before.*"],
        "read where an export is refused: a tag that named nothing may be absent",
    ),
    of(
        &["drop * inputs.*", "empty * inputs.*", "null * inputs.*"],
        "less was given to the exporter, and less is expected of it",
    ),
    of(
        &["double * inputs.*", "swap * inputs.*", "fill * inputs.*"],
        "inputs are found by path and key: their order, or one more of them, changes nothing that is expected",
    ),
    of(
        &["alter * inputs.argv[*", "alter * inputs.environment.*", "alter * inputs.surroundings.*"],
        "how the exporter was called: what follows from it is in the other inputs",
    ),
    of(
        &[
            "alter * inputs.files*.mode",
            "alter * inputs.files*.size",
            "alter * inputs.files*.kind",
            "alter * inputs.files*.content",
        ],
        "of an input file that fact is read which shows in the image: no document's mode, and its text instead of its hash",
    ),
    of(
        &["alter * inputs.files*.path", "alter * inputs.*"],
        "an input that no requirement computes from where it is altered: another place is as a file that is not there",
    ),
    of(
        &["* run_image.*"],
        "what the suite itself made: expected values are taken from it, and what an exporter has no part in is not compared",
    ),
    of(
        &["* base.*"],
        "under base.digest layers are compared with the image's, and its digest with the annotation; the rest is the run image's",
    ),
    of(&["alter * output_modes.*"], "whether others than its owner may read an output is left to the exporter"),
    of(
        &["alter * image.config#*/homepage"],
        "a homepage that is another than the group's is asked for together with all that a label may not make up",
    ),
    of(&["* build_sboms[*"], "of an SBOM on disk place and content are asked"),
    of(
        &["* daemon.engine", "* daemon.push_problem", "* daemon.had_image"],
        "what kind of daemon it is and what it had before; verdicts rest on what it holds",
    ),
    of(
        &["* daemon.saved", "* daemon.saved[*", "* daemon.archive_manifest*"],
        "the archive as it was saved: what it names is what was read as `image`, which is judged",
    ),
    of(
        &["* daemon.pushed.*", "* daemon.pulled_back*"],
        "what a daemon pushes is the engine's work: diffIDs and config are compared, and that the layers are true",
    ),
    of(
        &["double * image.config#*", "double * image.manifest#*", "double * layout.roots*"],
        "a key twice with one value: RFC 8259 advises against it, and it is asked of annotations and labels alone",
    ),
    of(
        &[
            "swap * image.config#*",
            "* image.config#/history/*",
            "* image.config#*/launcher",
            "* image.config#*/launcher/version",
            "* image.config#*/api",
            "* image.config#*/build",
            "* image.config#*/stack*",
        ],
        "no specification asks for it: order of variables and buildpacks, the words of a history, fields that may be left out",
    ),
    of(
        &["* image.manifest#*/mediaType", "* image.manifest#*image.created", "* image.manifest#/layers/*/annotations*"],
        "other media types, dates and annotations on descriptors are allowed; where they are there, their form is judged",
    ),
    of(
        &[
            "* image.layers[0]*",
            "* image.layers[1]*",
            "* image.layers[*.uncompressed_size",
            "* image.layers[*.name",
            "* image.layers[*.left_out",
            "* daemon image.layers[*.compression",
            "drop daemon image.layers[*.gzip",
        ],
        "the run image's layers are told by their diffIDs, and every layer by its hashes; the rest is how it was found",
    ),
    of(
        &["* image.layers[*.gid", "* image.layers[*.size"],
        "a group may be any of those that build and run image name; sizes follow from content, which is hashed",
    ),
    of(
        &["* image.layers[*metadata.toml].text*"],
        "read where the file's bytes are not the input's: with the input's hash, its text is the input's",
    ),
    of(
        &["* image.layers[*.mode", "fill * image.layers[*", "* image.layers[*metadata.toml].content"],
        "modes are asked of what buildpacks and app bring, content of all but the metadata that an exporter may write anew",
    ),
    of(
        &[
            "* image.layers[*[/workspace]*",
            "* image.layers[*[/cnb]*",
            "* image.layers[*[/layers/a_one/runtime]*",
            "swap * image.layers[*",
        ],
        "folders come into being with what is in them, and the order of entries is free",
    ),
    of(
        &["* layout.folders*", "* layout.roots[*"],
        "what index.json names is fetched and judged as `image` and `tags`, each under its own name",
    ),
    of(
        &[
            "* layout report#*",
            "* daemon report#/image/manifest-size",
            "drop daemon report#/image/digest",
            "* report#/image/run-image*",
            "* registry report#/image/image-id",
            "double * report#*",
            "swap * report#*",
        ],
        "digest and size are asked of registries, what a layout's report lists is open, the run image optional, the order free",
    ),
    of(
        &[
            "alter * changed_files[*.aspects*",
            "alter * changed_files[*.change",
            "alter * changed_files[*.kind",
            "double * changed_files[*",
            "drop * changed_files[*",
            "empty * changed_files*",
            "swap * changed_files[*",
        ],
        "of what is changed its place decides: an output may be written, altered or left as it was",
    ),
    of(
        &["* wire[*.had_credentials", "* wire[*_bytes", "* wire[*.sequence", "alter registry wire[*.answered"],
        "how large a request was and which in the order; what it did decides",
    ),
    of(
        &[
            "double registry wire[*",
            "drop registry wire[*",
            "empty registry wire",
            "swap registry wire[*",
            "alter registry wire[*.elsewhere",
            "empty registry wire[*.elsewhere",
        ],
        "fewer requests leave less, one made again leaves no more, their order is free, another host is not the registry",
    ),
    of(
        &[
            "alter registry wire[*.manifest.blobs[*",
            "alter registry wire[*.manifest.digest",
            "alter registry wire[*.manifest.media_type",
            "empty registry wire[*.manifest*",
        ],
        "a blob that was not sent may have been there, and the manifest that is served is judged by itself",
    ),
    of(
        &[
            "alter registry wire[*.form.length",
            "empty registry wire[*.form.length",
            "alter registry wire[*.form.accept",
        ],
        "that there is a length is asked, which the server holds against the body; of Accept one type is enough",
    ),
    of(&["alter registry wire[*.fault"], "where a scenario declares no faults, no request met one"),
    of(
        &[
            "alter registry wire[*.status",
            "alter registry wire[*.method",
            "alter registry wire[*.target",
            "empty registry wire[*.method",
            "empty registry wire[*.target",
        ],
        "success has several codes, and a request that is read or of no repository changes nothing",
    ),
    of(
        &[
            "* daemon daemon.ran.containers[*.found.files*",
            "* daemon daemon.ran.containers[*.found.gid",
            "* daemon daemon.ran.containers[*.found.uid",
            "* daemon daemon.ran.containers[*.found.is_cut",
            "* daemon daemon.ran.containers[*.stderr",
        ],
        "of files that a container sees only those are asked for that a build needs; owners, modes and contents are judged in the layers",
    ),
    of(
        &[
            "* daemon daemon.ran",
            "* daemon daemon.ran.containers[0]",
            "* daemon daemon.ran.containers[1]*",
            "double daemon daemon.ran.containers[*",
        ],
        "containers are run where a scenario asks for them; what they are like is judged in that of the image's own entrypoint",
    ),
    of(
        &[
            "* image.manifest#/artifactType*",
            "* image.manifest#/subject*",
            "* image.manifest#/layers/*/urls*",
            "swap layout image.manifest#/annotations",
        ],
        "optional members that an image may have or not, in any order; what is wrong in them is judged where they are there",
    ),
];

/// The first reason that fits, by its place.
pub(super) fn reason(mutation: &str) -> Option<usize> {
    JUSTIFIED.iter().position(|entry| entry.patterns.iter().any(|pattern| fits(pattern, mutation)))
}

/// Whether the text is the pattern's, `*` standing for anything.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
