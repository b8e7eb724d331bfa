//! The form of annotations, whatever made them (`oci-image-annotations.md`).

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;

use super::annotating::{Annotating, is_run_image_s};
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{
    Case, Requirement, Source, WITH_MANIFEST, absent_for, holds_when, not_applicable, together, toml_input, violated,
};
use crate::verdict::{Finding, Level};
use crate::view::{self, PREFIX, RFC_KEYS};

const RULES: Source = Source::oci_annotations("Rules");
const KEYS: Source = Source::oci_annotations("Pre-Defined Annotation Keys");

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Must,
        "annotations.string-map",
        "annotations is absent or an object whose values are all strings",
        RULES,
        |case| case.each_image(annotations_are_a_map_of_strings),
    )
    .because(
        "readers decode annotations into a map of strings; another type makes the whole manifest \
unreadable to them",
    )
    .looks_like("annotations is null or an array, or a value is a number, list or table")
    .fix("write a JSON object of strings, or leave the property out")
    .on(WITH_MANIFEST),
    Requirement::new(Level::Must, "annotations.unique-keys", "the manifest's bytes hold no key twice", RULES, |case| {
        case.each_image(no_key_is_there_twice)
    })
    .because("readers disagree on which of two equal keys counts, so one digest would mean two things")
    .looks_like("the manifest's bytes hold a key twice, though a parsed map shows it once")
    .fix("build the map first and serialise it once instead of splicing text")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "annotations.reserved-namespace",
        "every org.opencontainers key that no input supplied is one that an OCI specification defines",
        RULES,
        |case| case.each_image(reserved_keys_are_defined_ones),
    )
    .because("the namespace belongs to the OCI, and a key made up there may later get another meaning")
    .looks_like(
        "a key under org.opencontainers that no OCI specification knows, often a misspelling such as \
licence",
    )
    .fix("use a defined key, or one in a domain of your own")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.reverse-domain-keys",
        "other keys that no input supplied are in reverse domain notation",
        RULES,
        |case| case.each_image(other_keys_are_reverse_domains),
    )
    .because("keys without a domain collide with those of other tools")
    .looks_like("a bare word or a name with spaces as key")
    .fix("put a domain that you own, reversed, before the key")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "annotations.descriptor-rules",
        "annotations of descriptors are maps of strings without doubled keys",
        Source::oci_descriptor("Properties"),
        |case| case.each_image(descriptors_annotations_follow_the_rules),
    )
    .because("readers of descriptors decode their annotations in the same way as the manifest's")
    .looks_like("a descriptor's annotations is not an object, holds a value that is not a string, or a key twice")
    .fix("treat annotations of descriptors as those of the manifest")
    .when("a descriptor has annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "annotations.oci-manifest",
        "a manifest with annotations is an OCI manifest, by Content-Type and mediaType",
        Source::oci_manifest("Image Manifest Property Descriptions"),
        |case| case.each(an_annotated_manifest_is_an_oci_manifest),
    )
    .because("Docker's schema 2 has no annotations, so readers that go by the media type drop them")
    .looks_like("annotations on a manifest that is served or declared as Docker schema 2")
    .fix("write an OCI manifest whenever there is something to annotate")
    .when("the manifest has annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.oci-descriptors",
        "config and layers of an annotated manifest have OCI media types",
        Source::oci_manifest("Image Manifest Property Descriptions"),
        |case| case.each_image(its_descriptors_are_oci),
    )
    .because(
        "a manifest of one family with blobs of the other is refused or converted by some tools, which \
changes its digest",
    )
    .looks_like("an OCI manifest whose config or layers have Docker media types")
    .fix("convert the media types of descriptors together with the manifest's; the blobs stay as they are")
    .when("the manifest has annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.ref-name-only-in-index",
        "ref.name is not on the manifest",
        KEYS,
        |case| case.each_image(ref_name_is_not_on_the_manifest),
    )
    .because("the key names an entry of an index; on a manifest it says something about what points at it")
    .looks_like("org.opencontainers.image.ref.name among the manifest's annotations")
    .fix("write it on the descriptor in index.json alone")
    .on(WITH_MANIFEST),
    Requirement::new(Level::Must, "annotations.created-rfc3339", "created parses as RFC 3339", KEYS, |case| {
        case.each_image(created_is_a_date)
    })
    .because("the key is defined as a date and time of RFC 3339, and tools parse it as one")
    .looks_like("a date without time, a local format, or seconds since 1970")
    .fix("format it as 2006-01-02T15:04:05Z")
    .when("the annotation created is there")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "annotations.licenses-spdx",
        "licenses is an SPDX expression where its input is one",
        KEYS,
        |case| case.each_image(licenses_stay_an_spdx_expression),
    )
    .because("the key is defined as an SPDX expression, and scanners parse it as one")
    .looks_like("a valid expression went in, and what came out does not parse")
    .fix("copy the input unchanged instead of joining or rewriting it")
    .when("the annotation licenses is there and its input parses as an SPDX expression")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.url-values",
        "documentation and source are absolute URLs whenever their input is",
        KEYS,
        |case| case.each_image(urls_stay_urls),
    )
    .because("both keys are links that people and tools follow")
    .looks_like("an absolute URL went in, and what came out lacks scheme or host")
    .fix("copy the input unchanged")
    .when("documentation or source is there and its input is an absolute URL")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.not-inherited",
        "no value of the run image's annotations or labels is the value of one of the nine keys",
        Source::rfc_196("How it Works"),
        |case| case.each_image(nothing_is_inherited_from_the_run_image),
    )
    .because(
        "the run image's title or version is not the app's; copied along, it says something untrue about \
the app",
    )
    .looks_like("a value that only the run image carries is the value of one of the nine keys on the app image")
    .fix("start from an empty set of annotations instead of editing the run image's manifest")
    .when("the run image carries annotations or labels")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.stable-order",
        "keys are serialised in the same order from run to run",
        Source::own("annotations"),
        keys_keep_their_order,
    )
    .because("a map that is written in random order changes the digest although nothing changed")
    .looks_like("two exports of one build list the same annotations in different order")
    .fix("sort the keys before they are written")
    .when("the same build was exported more than once, with annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.no-label-substitute",
        "the label of an RFC key is absent, equal to the annotation, inherited, or a buildpack's",
        Source::rfc_196_review("labels are not annotations"),
        |case| case.each_image(labels_do_not_stand_in_for_annotations),
    )
    .because(
        "a label is part of the config and changes the imageID; as a stand-in it brings back what \
annotations avoid",
    )
    .looks_like(
        "a label with one of the nine keys that neither the run image nor a buildpack gave, and that the \
manifest does not confirm",
    )
    .fix("write annotations on the manifest, and labels where a buildpack asks for them"),
];

/// What is wrong with a value that leaked from the run image follows from the leak.
pub(super) const LEAK: &[&str] = &["annotations.not-inherited"];

/// The finding on the value of a key, as one that follows from the leak where the value is the run image's.
pub(super) fn of_value(finding: Finding, export: &Export, name: &str) -> Finding {
    if view::is_leaked(export, name) { finding.following(LEAK) } else { finding }
}

/// The absence of a value of the build's where the run image's stands instead.
pub(super) fn leaked(name: &str, expected: &str, found: &str, evidence: String) -> Finding {
    let message = format!("{name} is the run image's, and the build's own is not there");
    absent_for(message, expected, view::cut(found), evidence).following(LEAK)
}

/// The finding on a manifest that should be another because it has annotations, as one that follows from the leak where
/// it has none but the run image's.
fn of_annotations(finding: Finding, export: &Export, image: &Image) -> Finding {
    if view::given_annotations(export, image).is_empty() { finding.following(LEAK) } else { finding }
}

/// Keys that the image specification defines.
const DEFINED: [&str; 16] = [
    "created",
    "authors",
    "url",
    "documentation",
    "source",
    "version",
    "revision",
    "vendor",
    "licenses",
    "ref.name",
    "title",
    "description",
    "base.digest",
    "base.name",
    "artifact.created",
    "artifact.description",
];

/// Names that the image specification defines for what a config says (`conversion.md`, Annotation Fields, at 13cff54).
const OF_CONVERSION: [&str; 9] =
    ["os", "os.version", "os.features", "architecture", "variant", "author", "exposedPorts", "stopSignal", "created"];

fn at(export: &Export, key: &str) -> String {
    export.at(&format!("manifest.json#/annotations/{}", key.replace('~', "~0").replace('/', "~1")))
}

fn annotations_are_a_map_of_strings(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return violated("the manifest is not JSON", "a JSON object", "something else", export.at("manifest.json"));
    };
    let Some(annotations) = manifest.get("annotations") else { return Finding::Holds };
    let Some(members) = annotations.members() else {
        let found = annotations.kind();
        return violated(
            "annotations is not an object",
            "an object or nothing",
            found,
            export.at("manifest.json#/annotations"),
        );
    };
    match members.iter().find(|(_, value)| value.as_str().is_none()) {
        Some((key, value)) => {
            violated(format!("the annotation {key} is not a string"), "a string", value.kind(), at(export, key))
        }
        None => Finding::Holds,
    }
}

fn no_key_is_there_twice(export: &Export, image: &Image) -> Finding {
    let doubled = view::json(image.manifest.as_ref()).map(|json| json.doubled_keys()).unwrap_or_default();
    match doubled.first() {
        Some(pointer) => {
            violated("a key is there twice", "each key once", pointer, export.at(&format!("manifest.json#{pointer}")))
        }
        None => Finding::Holds,
    }
}

/// Keys of `[[annotations]]` and of the run image's annotations: inputs supplied them.
fn supplied(export: &Export) -> Vec<String> {
    let mut keys: Vec<String> = super::contributed_annotations(export).into_iter().map(|(key, _)| key).collect();
    let run_image = view::json(Some(&export.run_image.manifest));
    let inherited = run_image.as_ref().and_then(|json| json.get("annotations")?.members()).unwrap_or_default();
    keys.extend(inherited.iter().map(|(key, _)| key.clone()));
    keys
}

fn own_keys(export: &Export, image: &Image) -> Vec<String> {
    let supplied = supplied(export);
    view::annotations(image).into_iter().map(|(key, _)| key).filter(|key| !supplied.contains(key)).collect()
}

fn is_reserved(key: &str) -> bool {
    key == "org.opencontainers" || key.starts_with("org.opencontainers.")
}

fn reserved_keys_are_defined_ones(export: &Export, image: &Image) -> Finding {
    let is_defined = |key: &str| {
        key.strip_prefix(PREFIX).is_some_and(|name| DEFINED.contains(&name) || OF_CONVERSION.contains(&name))
    };
    match own_keys(export, image).into_iter().find(|key| is_reserved(key) && !is_defined(key)) {
        Some(key) => violated(
            "a key of the reserved namespace is not defined by any OCI specification",
            "a defined key",
            &key,
            at(export, &key),
        ),
        None => Finding::Holds,
    }
}

fn other_keys_are_reverse_domains(export: &Export, image: &Image) -> Finding {
    let is_label = |part: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !part.is_empty() && part.chars().all(fits)
    };
    let is_reverse_domain = |key: &str| {
        // After a slash comes a name within the domain, as other projects write keys.
        let domain = key.split('/').next().unwrap_or(key);
        domain.contains('.') && domain.split('.').all(is_label)
    };
    match own_keys(export, image).into_iter().find(|key| !is_reserved(key) && !is_reverse_domain(key)) {
        Some(key) => violated("a key is not in reverse domain notation", "com.example.key", &key, at(export, &key)),
        None => Finding::Holds,
    }
}

fn descriptors_annotations_follow_the_rules(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return not_applicable("the manifest is not JSON");
    };
    let annotated: Vec<(String, &Json)> = view::descriptors(&manifest)
        .into_iter()
        .filter_map(|(pointer, descriptor)| Some((pointer, descriptor.get("annotations")?)))
        .collect();
    if annotated.is_empty() {
        return not_applicable("no descriptor has annotations");
    }
    for (pointer, annotations) in annotated {
        let place = export.at(&format!("manifest.json#{pointer}/annotations"));
        let Some(members) = annotations.members() else {
            return violated("a descriptor's annotations are not object", "an object", annotations.kind(), place);
        };
        if let Some((key, value)) = members.iter().find(|(_, value)| value.as_str().is_none()) {
            return violated(
                format!("a descriptor's annotation {key} is not a string"),
                "a string",
                value.kind(),
                place,
            );
        }
        if let Some(doubled) = annotations.doubled_keys().first() {
            return violated("a descriptor's annotations hold a key twice", "each key once", doubled, place);
        }
    }
    Finding::Holds
}

fn has_annotations(image: &Image) -> bool {
    view::json(image.manifest.as_ref()).is_some_and(|json| json.get("annotations").is_some())
}

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn an_annotated_manifest_is_an_oci_manifest(export: &Export) -> Finding {
    let Some(image) = export.image.as_ref().filter(|image| has_annotations(image)) else {
        return not_applicable("the manifest has no annotations");
    };
    let json = view::json(image.manifest.as_ref());
    let declared = json.as_ref().and_then(|json| json.get("mediaType"));
    if let Some(found) = declared.filter(|found| found.as_str() != Some(OCI_MANIFEST)) {
        let place = export.at("manifest.json#/mediaType");
        let finding = violated("an annotated manifest declares another media type", OCI_MANIFEST, found, place);
        return of_annotations(finding, export, image);
    }
    let served = image.manifest.as_ref().and_then(|manifest| manifest.content_type.as_deref());
    // What a registry makes of what it was sent is the registry's.
    let (message, said, place) = match pushed(export, image) {
        Some((sequence, sent)) => (
            "the exporter pushes an annotated manifest under another Content-Type",
            Some(sent),
            format!("export.json#/wire/{sequence}"),
        ),
        None => {
            ("the registry serves an annotated manifest under another Content-Type", served, "tags.json".to_owned())
        }
    };
    let said = said.map(|text| text.split(';').next().unwrap_or(text).trim());
    let finding = match said {
        Some(found) if found != OCI_MANIFEST => violated(message, OCI_MANIFEST, found, export.at(&place)),
        _ => Finding::Holds,
    };
    of_annotations(finding, export, image)
}

/// The Content-Type of the last request that put the image's manifest, and its place, where that was seen.
fn pushed<'a>(export: &'a Export, image: &Image) -> Option<(u64, &'a str)> {
    let reference = crate::reference::Reference::parse(export.inputs.images.first()?).ok()?;
    let by_digest = image.manifest.as_ref().map(|manifest| manifest.digest.to_string());
    let names: Vec<String> = reference.tag.into_iter().chain(by_digest).collect();
    let puts = export.wire.as_ref()?.iter().rev().filter(|record| record.method == "PUT" && record.status / 100 == 2);
    let mut of_the_manifest = puts.filter(|record| {
        names.iter().any(|name| record.path().ends_with(&format!("/{}/manifests/{name}", reference.repository)))
    });
    let record = of_the_manifest.next()?;
    Some((record.sequence, record.content_type.as_deref()?))
}

fn its_descriptors_are_oci(export: &Export, image: &Image) -> Finding {
    if !has_annotations(image) {
        return not_applicable("the manifest has no annotations");
    }
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return not_applicable("the manifest is not JSON");
    };
    // A subject is another image's manifest, of whatever kind that is.
    let mut own = view::descriptors(&manifest).into_iter().filter(|(pointer, _)| pointer != "/subject");
    let other = own.find_map(|(pointer, descriptor)| {
        let media_type = descriptor.get("mediaType").and_then(Json::as_str).unwrap_or("none").to_owned();
        (!media_type.starts_with("application/vnd.oci.image.")).then_some((pointer, media_type))
    });
    let finding = match other {
        Some((pointer, found)) => violated(
            "a descriptor of an annotated manifest has no OCI media type",
            "application/vnd.oci.image.…",
            found,
            export.at(&format!("manifest.json#{pointer}/mediaType")),
        ),
        None => Finding::Holds,
    };
    of_annotations(finding, export, image)
}

fn ref_name_is_not_on_the_manifest(export: &Export, image: &Image) -> Finding {
    let key = format!("{PREFIX}ref.name");
    // One that an input supplied is not the exporter's own doing.
    let is_there = own_keys(export, image).contains(&key);
    holds_when(!is_there, || {
        let found = view::annotation(image, &key).unwrap_or_default();
        violated("ref.name belongs on the descriptors of an index", "no such annotation", found, at(export, &key))
    })
}

/// The value of an annotation that is not a buildpack's: what a buildpack contributes is passed on as it is.
fn own_value(export: &Export, image: &Image, key: &str) -> Option<String> {
    let found = view::annotation(image, key)?;
    let is_contributed = |(known, value): &(String, String)| known == key && *value == found;
    (!super::contributed_annotations(export).iter().any(is_contributed)).then_some(found)
}

fn created_is_a_date(export: &Export, image: &Image) -> Finding {
    let key = format!("{PREFIX}created");
    let Some(text) = view::annotation(image, &key) else { return not_applicable("there is no annotation created") };
    let is_date = is_rfc_3339(&text);
    if !is_date && own_value(export, image, &key).is_none() {
        return not_applicable("the annotation created is a buildpack's, which contributed no date and time");
    }
    holds_when(is_date, || {
        violated(
            "created is not an RFC 3339 date and time",
            "1985-04-12T23:20:50.52Z",
            view::cut(&text),
            at(export, &key),
        )
    })
}

/// Date, time and offset: a parser of dates alone would also take what RFC 3339 does not.
pub(super) fn is_rfc_3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_shape = bytes.len() >= 20 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[13] == b':' && bytes[16] == b':';
    let has_offset = || {
        let [.., sign, _, _, colon, _, _] = bytes else { return false };
        text.ends_with(['Z', 'z']) || matches!(sign, b'+' | b'-') && *colon == b':'
    };
    has_shape
        && has_offset()
        && matches!(bytes[10], b'T' | b't' | b' ')
        && !text.contains('[')
        && text.parse::<jiff::Timestamp>().is_ok()
}

/// The non-empty string input of one of the RFC's seven keys.
pub(super) fn input(export: &Export, table: &str, key: &str) -> Option<String> {
    let project = toml_input(&export.inputs, &export.inputs.project_metadata)?;
    Some(project.get("source")?.get(table)?.get(key)?.as_str()?.to_owned()).filter(|text| !text.is_empty())
}

fn is_spdx(text: &str) -> bool {
    let mode = spdx::ParseMode {
        allow_deprecated: true,
        allow_unknown: false,
        allow_slash_as_or_operator: false,
        allow_imprecise_license_names: false,
        allow_postfix_plus_on_gpl: true,
    };
    spdx::Expression::parse_mode(text, mode).is_ok()
}

fn licenses_stay_an_spdx_expression(export: &Export, image: &Image) -> Finding {
    let key = format!("{PREFIX}licenses");
    let Some(found) = own_value(export, image, &key) else {
        return not_applicable("there is no annotation licenses, or it is a buildpack's");
    };
    match input(export, "metadata", "licenses") {
        Some(input) if is_spdx(&input) => holds_when(is_spdx(&found), || {
            let message = "licenses is not an SPDX expression, though its input is";
            of_value(violated(message, input, view::cut(&found), at(export, &key)), export, "licenses")
        }),
        _ => not_applicable("the input is not an SPDX expression"),
    }
}

fn is_absolute_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let has_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(fits);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    has_scheme && !host.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn urls_stay_urls(export: &Export, image: &Image) -> Finding {
    let mut findings = Vec::new();
    for (name, key) in [("documentation", "documentation-url"), ("source", "repository")] {
        let annotation = format!("{PREFIX}{name}");
        let (Some(found), Some(input)) = (own_value(export, image, &annotation), input(export, "metadata", key)) else {
            continue;
        };
        if !is_absolute_url(&input) {
            continue;
        }
        let finding = holds_when(is_absolute_url(&found), || {
            let message = format!("{name} is not an absolute URL, though its input is");
            violated(message, input, view::cut(&found), at(export, &annotation))
        });
        findings.push(of_value(finding, export, name));
    }
    if findings.is_empty() {
        return not_applicable("neither documentation nor source is there with an absolute URL as its input");
    }
    together(findings)
}

fn nothing_is_inherited_from_the_run_image(export: &Export, image: &Image) -> Finding {
    if export.run_image.sentinels.is_empty() {
        return not_applicable("the run image carries neither annotations nor labels");
    }
    let leaked = view::leaked(export, image);
    let names: Vec<&str> = leaked.iter().map(|(key, _)| key.strip_prefix(PREFIX).unwrap_or(key)).collect();
    let place = match leaked.as_slice() {
        [] => return Finding::Holds,
        [(key, _)] => at(export, key),
        _ => export.at("manifest.json#/annotations"),
    };
    let found: Vec<String> =
        names.iter().zip(&leaked).map(|(name, (_, value))| format!("{name} '{}'", view::cut_to(value, 80))).collect();
    violated(
        format!("the app image claims the run image's {} as its own", names.join(", ")),
        "values of the build's inputs, or no annotations",
        found.join(", "),
        place,
    )
}

fn keys_keep_their_order(case: &Case<'_>) -> Finding {
    let keys = |export: &Export| -> Vec<String> {
        export.image.iter().flat_map(view::annotations).map(|(key, _)| key).collect()
    };
    let pairs: Vec<_> = case.repeats().into_iter().filter(|(first, _)| !keys(first).is_empty()).collect();
    if pairs.is_empty() {
        return not_applicable("no annotated build was exported twice");
    }
    for (first, second) in pairs {
        let (mut one, mut two) = (keys(first), keys(second));
        let (expected, found) = (one.join(", "), two.join(", "));
        if one != two {
            one.sort();
            two.sort();
            if one == two {
                let place = second.at("manifest.json#/annotations");
                return violated("the order of the keys changes from run to run", expected, found, place);
            }
        }
    }
    Finding::Holds
}

fn labels_do_not_stand_in_for_annotations(export: &Export, image: &Image) -> Finding {
    let labels = view::labels(image);
    let inherited = view::labels_of(Some(export.run_image.base_config()));
    let contributed = super::contributed_labels(export);
    for name in RFC_KEYS {
        let key = format!("{PREFIX}{name}");
        let Some(found) = labels.get(&key) else { continue };
        let explained = view::annotation(image, &key).as_ref() == Some(found)
            || inherited.get(&key) == Some(found)
            || contributed.iter().any(|(label, value)| *label == key && value == found);
        if !explained {
            return violated(
                format!("a label {key} stands where an annotation belongs"),
                "no such label, or one equal to the annotation",
                view::cut(found),
                export.at(&format!("config.json#/config/Labels/{key}")),
            );
        }
    }
    Finding::Holds
}

pub(super) fn observations(case: &Case<'_>, annotating: &Annotating, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        let Some(image) = export.image.as_ref().filter(|image| image.manifest.is_some()) else { continue };
        let run_image = view::json(Some(&export.run_image.manifest));
        if run_image.as_ref().is_some_and(|json| json.get("annotations").is_some()) {
            let answer = match kept_of_the_run_image(export, image) {
                0 => "dropped".to_owned(),
                kept => format!("{kept} kept"),
            };
            see(export, "run-image-s-other-annotations", answer, "manifest.json#/annotations");
        }
        let Some(manifest) = view::json(image.manifest.as_ref()) else { continue };
        let theirs = run_image.as_deref().map(annotations_of_descriptors).unwrap_or_default();
        let found = annotations_of_descriptors(&manifest);
        if !theirs.is_empty() {
            let kept = theirs.iter().any(|one| found.contains(one));
            let answer = if kept { "kept" } else { "dropped" };
            see(export, "annotations-of-the-run-image-s-descriptors", answer.to_owned(), "manifest.json");
        }
        if annotating.answers() {
            let answer = if found.iter().any(|one| !theirs.contains(one)) { "yes" } else { "no" };
            see(export, "annotations-on-descriptors", answer.to_owned(), "manifest.json");
        }
    }
}

/// How many of the run image's annotations an image has, the RFC's keys left out: those are judged.
fn kept_of_the_run_image(export: &Export, image: &Image) -> usize {
    let is_rfc = |key: &str| key.strip_prefix(PREFIX).is_some_and(|name| RFC_KEYS.contains(&name));
    let is_kept =
        |(key, value): &(String, Json)| !is_rfc(key) && value.as_str().is_some_and(|text| is_run_image_s(export, text));
    view::annotations(image).iter().filter(|one| is_kept(one)).count()
}

/// The annotations of a manifest's descriptors, as they stand there.
fn annotations_of_descriptors(manifest: &Json) -> Vec<String> {
    let all = view::descriptors(manifest).into_iter();
    all.filter_map(|(_, descriptor)| descriptor.get("annotations").map(ToString::to_string)).collect()
}
