//! Which image of an index is the one for a platform (`oci-image-image-index.md`). A descriptor may leave its platform
//! out, and then the image's config says it; an index may stand in an index.

use std::collections::VecDeque;

use serde_json::Value;

use super::Platform;
use super::document::{Image, is_index};
use crate::digest::Digest;

/// Indexes that may stand in each other: an image's, and one of several of these.
const MOST_LEVELS: usize = 2;

/// A document and its bytes.
pub(crate) struct Document {
    pub(crate) bytes: Vec<u8>,
    pub(crate) value: Value,
}

/// Where the documents of an image lie.
pub(crate) trait Documents {
    type Error;
    /// The manifest or index of this digest.
    async fn manifest(&self, digest: &Digest) -> Result<Document, Self::Error>;
    /// The config of this digest.
    async fn config(&self, digest: &Digest) -> Result<Document, Self::Error>;
    /// What is wrong with the image, as an error.
    fn wrong(&self, reason: String) -> Self::Error;
}

/// The image that was looked for.
pub(crate) struct Found {
    pub(crate) manifest: Document,
    pub(crate) config: Document,
    pub(crate) image: Image,
    /// Whether the name led to an index.
    pub(crate) behind_index: bool,
    /// What a log should say of the choice.
    pub(crate) notes: Vec<String>,
}

/// How well an image fits; the least is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    /// Without a variant, so for every machine of the architecture.
    Baseline,
    /// Of a variant so many steps below the one that is wanted.
    Lower(u8),
    /// Neither descriptor nor config says what it is for.
    Unsaid,
}

/// One entry of an index.
struct Candidate {
    digest: Digest,
    /// None where the config has to say it.
    fit: Option<Fit>,
    level: usize,
}

struct Search<'a> {
    platform: &'a Platform,
    todo: VecDeque<Candidate>,
    /// What the index has for others, for the message.
    others: Vec<String>,
}

/// The image that `document` is, or the one for `platform` behind it.
pub(crate) async fn image<D: Documents>(at: &D, document: Document, platform: &Platform) -> Result<Found, D::Error> {
    if !is_index(&document.value) {
        return whole(at, document, false).await;
    }
    let mut search = Search { platform, todo: VecDeque::new(), others: Vec::new() };
    search.open(&document.value, 1);
    let (mut best, mut broken): (Option<(Fit, Found)>, _) = (None, None);
    while let Some(candidate) = search.todo.pop_front() {
        let is_said = candidate.fit.is_some();
        match search.look(at, candidate).await {
            Ok(Some((fit, found))) => {
                if best.as_ref().is_none_or(|(known, _)| fit < *known) {
                    best = Some((fit, found));
                }
                // The best of those that the index speaks of comes first.
                if is_said || fit == Fit::Exact {
                    break;
                }
            }
            Ok(None) => {}
            // Something else in the index may still be the image; if nothing is, this is why.
            Err((error, true)) => broken = broken.or(Some(error)),
            Err((error, false)) => return Err(error),
        }
    }
    match (best, broken) {
        (Some((fit, mut found)), _) => {
            found.notes.extend(search.note(fit));
            Ok(found)
        }
        (None, Some(error)) => Err(error),
        (None, None) => Err(at.wrong(search.nothing())),
    }
}

async fn whole<D: Documents>(at: &D, manifest: Document, behind_index: bool) -> Result<Found, D::Error> {
    let image = Image::of(&manifest.value).map_err(|reason| at.wrong(reason))?;
    let config = at.config(&image.config).await?;
    let (said, size) = (&manifest.value["config"]["size"], config.bytes.len() as u64);
    if !said.is_null() && said.as_u64() != Some(size) {
        return Err(at.wrong(format!("its config has {size} bytes, and the manifest says {said}")));
    }
    let notes = image.notes.clone();
    Ok(Found { manifest, config, image, behind_index, notes })
}

impl Search<'_> {
    /// Puts an index's entries before what is left: those of which it says that they fit, the best first, and then
    /// those of which it says nothing.
    fn open(&mut self, index: &Value, level: usize) {
        let mut entries: Vec<Candidate> = Vec::new();
        for entry in index["manifests"].as_array().into_iter().flatten() {
            if is_attached(entry) {
                continue;
            }
            let platform = &entry["platform"];
            let said = platform["os"].is_string() || platform["architecture"].is_string();
            let fit = if said { fit(self.platform, platform) } else { None };
            if said && fit.is_none() {
                self.others.push(shown(platform));
                continue;
            }
            match Digest::parse(entry["digest"].as_str().unwrap_or_default()) {
                Some(digest) => entries.push(Candidate { digest, fit, level }),
                None => self.others.push(format!("one whose digest is not of sha256 ({})", entry["digest"])),
            }
        }
        entries.sort_by_key(|candidate| (candidate.fit.is_none(), candidate.fit));
        for entry in entries.into_iter().rev() {
            self.todo.push_front(entry);
        }
    }

    /// An entry's image, where it is one that fits; an error comes with whether others may still be looked at.
    async fn look<D: Documents>(
        &mut self,
        at: &D,
        candidate: Candidate,
    ) -> Result<Option<(Fit, Found)>, (D::Error, bool)> {
        let unsaid = candidate.fit.is_none();
        let document = at.manifest(&candidate.digest).await.map_err(|error| (error, unsaid))?;
        if is_index(&document.value) {
            if candidate.level < MOST_LEVELS {
                self.open(&document.value, candidate.level + 1);
            } else {
                self.others.push(format!("an index at more than {MOST_LEVELS} levels"));
            }
            return Ok(None);
        }
        if unsaid && let Err(reason) = Image::of(&document.value) {
            self.others.push(format!("something that is not an image ({reason})"));
            return Ok(None);
        }
        let found = whole(at, document, true).await.map_err(|error| (error, unsaid))?;
        let config = &found.config.value;
        let fit = candidate.fit.or_else(|| {
            let is_silent = !config["os"].is_string() && !config["architecture"].is_string();
            if is_silent { Some(Fit::Unsaid) } else { fit(self.platform, config) }
        });
        if fit.is_none() {
            self.others.push(shown(config));
        }
        Ok(fit.map(|fit| (fit, found)))
    }

    fn note(&self, fit: Fit) -> Option<String> {
        match fit {
            Fit::Exact => None,
            Fit::Unsaid => Some("The run image says neither in its index nor in its config what it is for".to_owned()),
            Fit::Baseline => Some(format!("The run image's index has none of {}; its baseline is used", self.platform)),
            Fit::Lower(_) => {
                Some(format!("The run image's index has none of {}; a lower variant is used", self.platform))
            }
        }
    }

    fn nothing(&self) -> String {
        let mut others = self.others.clone();
        others.sort();
        others.dedup();
        let others = if others.is_empty() { "nothing else".to_owned() } else { others.join(", ") };
        format!("its index has no image for {}; it has {others}", self.platform)
    }
}

/// What tools put next to an image: attestations and other artifacts.
fn is_attached(entry: &Value) -> bool {
    entry["annotations"]["vnd.docker.reference.type"].is_string()
        || entry["artifactType"].is_string()
        || entry["platform"]["os"] == "unknown"
}

fn shown(platform: &Value) -> String {
    let parts = ["os", "architecture", "variant"].map(|key| platform[key].as_str().unwrap_or_default());
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// Whether what a descriptor or config says is for `wanted`, and how well. A variant that is higher than the wanted one
/// never is: it may have instructions that the machine lacks.
fn fit(wanted: &Platform, said: &Value) -> Option<Fit> {
    if said["os"] != *wanted.os || said["architecture"] != *wanted.architecture {
        return None;
    }
    let given = said["variant"].as_str().filter(|variant| !variant.is_empty());
    let wanted_variant = wanted.variant.as_deref();
    if given == wanted_variant {
        return Some(Fit::Exact);
    }
    let level = |variant: Option<&str>| level(&wanted.architecture, variant);
    match (given, level(given), level(wanted_variant)) {
        (_, Some(given), Some(wanted)) if given == wanted => Some(Fit::Exact),
        (None, _, _) => Some(Fit::Baseline),
        // Without a variant the lowest is the one that all machines can run.
        (Some(_), Some(given), Some(wanted)) if given < wanted => Some(Fit::Lower(wanted - given)),
        _ => None,
    }
}

/// A variant's place among those of its architecture; what has none is the architecture's usual one.
fn level(architecture: &str, variant: Option<&str>) -> Option<u8> {
    let Some(variant) = variant else {
        return Some(match architecture {
            "arm64" => 8,
            "arm" => 7,
            _ => 1,
        });
    };
    variant.strip_prefix('v')?.parse().ok()
}

#[cfg(test)]
mod tests;
