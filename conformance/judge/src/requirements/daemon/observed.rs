//! What exporters and daemons do where the specifications leave it open.

use std::rc::Rc;

use super::super::annotating::{self, Annotating};
use super::super::{asked, contributed_labels};
use super::twins::{twin, without_reference};
use crate::digest::{ContentId, Digest};
use crate::evidence::{DaemonFacts, Export, Image};
use crate::json::Json;
use crate::requirement::Case;
use crate::view;

pub(in super::super) fn observations(
    case: &Case<'_>,
    annotating: &Annotating,
    see: &mut dyn FnMut(&Export, &str, String, &str),
) {
    for export in case.good() {
        let (Some(daemon), Some(image)) = (&export.daemon, &export.image) else { continue };
        let store = daemon.store.name();
        see(export, "daemon-s-id-is", format!("{} ({store})", id_is(daemon, image)), "inspect.json");
        if let Some(pushed) = &daemon.pushed {
            let is_asked = |key: &String| annotating.answers_of(key);
            if annotating.answers() && asked::asked(export).iter().any(is_asked) {
                let kept = if annotating::own(export, pushed).is_empty() { "no" } else { "yes" };
                let answer = format!("{kept} ({store})");
                see(export, "annotations-after-a-push-from-a-daemon", answer, "pushed-manifest.json");
            }
        }
        let Some((_, registry)) = twin(case, export) else { continue };
        let id = |image: &Image| image.config.as_ref().map(|config| config.digest.clone());
        let equal = if id(image) == id(registry) { "yes" } else { "no" };
        see(export, "daemon-s-image-id-equals-registry", equal.to_owned(), "config.json");
        if let Some(pushed) = &daemon.pushed {
            let answer = what_differs(export, registry, pushed);
            see(export, "pushed-from-a-daemon-differs-in", answer, "pushed-manifest.json");
        }
        let base = view::labels_of(Some(export.run_image.base_config()));
        let contributed: Vec<String> = contributed_labels(export).into_iter().map(|(key, _)| key).collect();
        let is_own = |key: &&String| !base.contains_key(*key) && !contributed.contains(key);
        let some = view::labels(image).keys().any(|key| key.starts_with(view::PREFIX) && is_own(&key));
        // Of an exporter that annotates nothing, only labels that are there say something.
        if some || annotating.answers() && !asked::asked(export).is_empty() {
            let answer = if some { "some" } else { "none" };
            see(export, "labels-as-a-fallback", answer.to_owned(), "config.json#/config/Labels");
        }
    }
}

/// What differs between two images of one build, in the words of an answer.
pub(in super::super) fn what_differs(export: &Export, one: &Image, two: &Image) -> String {
    let digest = |image: &Image| image.manifest.as_ref().map(|manifest| manifest.digest.clone());
    if digest(one) == digest(two) { "none: one digest".to_owned() } else { classes(export, one, two).join(", ") }
}

/// What differs between the direct export and the image pushed from a daemon, by class.
pub(super) fn classes(export: &Export, direct: &Image, pushed: &Image) -> Vec<String> {
    let mut found = Vec::new();
    let (one, two) = (view::json(direct.manifest.as_ref()), view::json(pushed.manifest.as_ref()));
    let media_type =
        |json: &Option<Rc<Json>>| json.as_ref().and_then(|json| json.get("mediaType")?.as_str().map(str::to_owned));
    let is_own =
        |(_, value): &(String, Json)| value.as_str().is_none_or(|text| !annotating::is_run_image_s(export, text));
    let annotations = |image: &Image| view::annotations(image).into_iter().filter(is_own).collect::<Vec<_>>();
    let (before, after) = (annotations(direct), annotations(pushed));
    if !before.is_empty() && after.is_empty() {
        found.push("annotations lost");
    } else if before != after {
        found.push("annotations changed");
    } else if view::annotations(direct) != view::annotations(pushed) {
        found.push("the run image's annotations");
    }
    if media_type(&one) != media_type(&two) {
        found.push("media types");
    }
    let names = |image: &Image| image.layers.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>();
    let ids = |image: &Image| view::diff_ids(image.config.as_ref());
    if names(direct) != names(pushed) {
        found.push(if ids(direct) == ids(pushed) { "recompression" } else { "other layers" });
    }
    if direct.config.as_ref().map(|c| &c.digest) != pushed.config.as_ref().map(|c| &c.digest) {
        let same = without_reference(direct).is_some() && without_reference(direct) == without_reference(pushed);
        found.push(if same { "run image reference in the label" } else { "config" });
    }
    if found.is_empty() {
        found.push("the manifest's bytes alone");
    }
    found.into_iter().map(str::to_owned).collect()
}

fn id_is(daemon: &DaemonFacts, image: &Image) -> &'static str {
    let own = daemon.tag_ids.first().and_then(|tag| tag.id.as_deref()).and_then(ContentId::parse);
    let is = |digest: Option<&Digest>| digest.is_some() && digest.map(ContentId::from) == own;
    if is(image.config.as_ref().map(|config| &config.digest)) {
        "the config digest"
    } else if is(image.manifest.as_ref().map(|manifest| &manifest.digest)) {
        "the manifest digest"
    } else {
        "neither config nor manifest digest"
    }
}
