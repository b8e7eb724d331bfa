//! What manifests and indexes name, read from their raw bytes and believed no further than that. Any store's.

use judge::digest::Digest;
use judge::json::Json;
use judge::reference::Reference;
use oci_spec::image::ANNOTATION_REF_NAME;

/// A descriptor as it stands, also where it is not a valid one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Named {
    /// The `digest` member's text; empty where there is none.
    pub(super) name: String,
    /// The same, where it is a digest.
    pub(super) digest: Option<Digest>,
}

impl Named {
    fn of(descriptor: &Json) -> Self {
        let name = descriptor.get("digest").and_then(Json::as_str).unwrap_or_default().to_owned();
        Self { digest: Digest::parse(&name).ok(), name }
    }
}

/// What a manifest names: `oci-image-manifest.md`; Docker's schema 2 has the same members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Contents {
    pub(super) config: Option<Named>,
    pub(super) layers: Vec<Named>,
}

/// What the manifest's bytes name; nothing where they are not such a document.
pub(super) fn contents_of(manifest: &[u8]) -> Contents {
    let Ok(json) = Json::parse(manifest) else { return Contents::default() };
    let layers = json.get("layers").and_then(Json::items).unwrap_or_default();
    Contents { config: json.get("config").map(Named::of), layers: layers.iter().map(Named::of).collect() }
}

/// A manifest or index that an index names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) named: Named,
    pub(super) os: Option<String>,
    pub(super) architecture: Option<String>,
    /// The values of the annotations that name an image: OCI's `ref.name`, containerd's `image.name`.
    pub(super) names: Vec<String>,
}

/// The manifests of an index (`oci-image-image-index.md`), or none where the bytes are not index.
pub(super) fn manifests_of(index: &[u8]) -> Option<Vec<Indexed>> {
    let json = Json::parse(index).ok()?;
    Some(json.get("manifests")?.items()?.iter().map(indexed).collect())
}

/// The digest of the index's manifest for a platform; where its only one says no platform, that. None where there is
/// none or the bytes are not index.
pub(super) fn manifest_for(index: &[u8], os: &str, architecture: &str) -> Option<Digest> {
    let fits = |one: &Indexed| one.os.as_deref() == Some(os) && one.architecture.as_deref() == Some(architecture);
    let manifests = manifests_of(index)?;
    let only = manifests.first().filter(|one| manifests.len() == 1 && one.os.is_none() && one.architecture.is_none());
    manifests.iter().find(|one| fits(one)).or(only)?.named.digest.clone()
}

/// The descriptor in a layout's or archive's index that `reference` is about: by its full name, by its tag, else the
/// first.
pub(super) fn descriptor_for(index: &[u8], reference: &Reference) -> Option<Named> {
    let manifests = manifests_of(index)?;
    let is_full = |name: &String| Reference::parse(name).is_ok_and(|name| name.same_image(reference));
    let is_tag = |name: &String| Some(name) == reference.tag.as_ref();
    let by = |fits: &dyn Fn(&String) -> bool| manifests.iter().find(|one| one.names.iter().any(fits));
    by(&is_full).or_else(|| by(&is_tag)).or(manifests.first()).map(|one| one.named.clone())
}

fn indexed(descriptor: &Json) -> Indexed {
    let text = |path: &[&str]| descriptor.at(path).and_then(Json::as_str).map(str::to_owned);
    let keys = ["io.containerd.image.name", ANNOTATION_REF_NAME];
    Indexed {
        named: Named::of(descriptor),
        os: text(&["platform", "os"]),
        architecture: text(&["platform", "architecture"]),
        names: keys.iter().filter_map(|key| text(&["annotations", key])).collect(),
    }
}
