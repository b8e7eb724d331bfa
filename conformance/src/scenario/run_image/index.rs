//! The index that a run image stands behind, as its scenario wants it.

use judge::evidence::Document;
use oci_spec::image::{Arch, MediaType};
use serde_json::{Value, json};

use super::{MadeImage, MadeIndex, descriptor, for_platform, media_type};
use crate::scenario::{ImageFormat, IndexDigest, IndexEntries, RunImageFile};

pub(super) fn make(
    file: &RunImageFile,
    salt: &str,
    image: &MadeImage,
    analysed: IndexDigest,
) -> std::io::Result<MadeIndex> {
    let own = file.architecture();
    let elsewhere = (if own == Arch::Amd64.to_string() { Arch::ARM64 } else { Arch::Amd64 }).to_string();
    let plain = |architecture: &str| json!({ "architecture": architecture, "os": "linux" });
    let (mut others, mut inner, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    match file.index_entries {
        IndexEntries::WithoutPlatform => entries.push(descriptor(&image.manifest)),
        IndexEntries::TwoPlatforms | IndexEntries::Variants => {
            // Another platform's comes first, so that no one finds this one by taking the first.
            let other = for_platform(file, salt, &elsewhere)?;
            entries.extend([of(&other.manifest, plain(&elsewhere)), of(&image.manifest, plain(own))]);
            others.push(other);
        }
        IndexEntries::Nested => {
            let attestation = attestation(file, salt, image)?;
            let entry = of(&attestation.manifest, json!({ "architecture": "unknown", "os": "unknown" }));
            let document = document(file.format, &[entry, of(&image.manifest, plain(own))]);
            entries.push(of(&document, plain(own)));
            others.push(attestation);
            inner.push(document);
        }
    }
    if file.index_entries == IndexEntries::Variants {
        for variant in ["v98", "v99"] {
            let image = RunImageFile { variant: Some(variant.to_owned()), ..file.clone() };
            let other = for_platform(&image, &format!("{salt}{variant}"), own)?;
            let mut platform = plain(own);
            platform["variant"] = json!(variant);
            entries.push(of(&other.manifest, platform));
            others.push(other);
        }
    }
    Ok(MadeIndex { document: document(file.format, &entries), others, inner, analysed })
}

/// An image that is for no platform and speaks of another, as builders put them next to what they build.
fn attestation(file: &RunImageFile, salt: &str, of: &MadeImage) -> std::io::Result<MadeImage> {
    let about = RunImageFile { layers: Vec::new(), ..file.clone() };
    for_platform(&about, &format!("{salt}attestation of {}", of.manifest.digest.as_str()), "unknown")
}

fn of(document: &Document, platform: Value) -> Value {
    let mut entry = descriptor(document);
    entry["platform"] = platform;
    entry
}

fn document(format: ImageFormat, entries: &[Value]) -> Document {
    let media_type = media_type(&MediaType::ImageIndex, format);
    let text = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries }).to_string();
    Document::new(text.into_bytes(), Some(media_type))
}
