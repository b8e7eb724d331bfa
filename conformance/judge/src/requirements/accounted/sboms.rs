//! The lifecycle's own bill of materials, which the exporter leaves on disk next to those of the build.

use crate::evidence::{Export, FileFact};
use crate::requirement::{absent, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Endings of the three formats (`cnb-buildpack.md`, Software-Bill-of-Materials).
const FORMATS: [&str; 3] = ["cdx.json", "spdx.json", "syft.json"];
/// Where the specification has the lifecycle's SBOM.
const USUAL: &str = "/cnb/lifecycle";

pub(super) fn the_lifecycle_s_is_on_disk(export: &Export) -> Finding {
    let folder = export.inputs.launcher_sbom.trim_end_matches('/');
    let target = format!("{}/sbom/build/buildpacksio_lifecycle", export.inputs.layers);
    let mut is_any = false;
    for format in FORMATS {
        let Some(input) = export.inputs.file(&format!("{folder}/lifecycle.sbom.{format}")) else { continue };
        is_any = true;
        // Of names in another folder than the usual one nothing is specified.
        let is_named = |file: &&FileFact| {
            let rest = file.path.strip_prefix(&target).and_then(|rest| rest.strip_prefix('/'));
            rest.is_some_and(|name| {
                name == format!("sbom.{format}") || folder != USUAL && name.ends_with(&format!(".sbom.{format}"))
            })
        };
        let found: Vec<&FileFact> = export.build_sboms.iter().filter(is_named).collect();
        if found.iter().any(|file| file.content == input.content) {
            continue;
        }
        let message = "the lifecycle's SBOM is not where build SBOMs are";
        let expected = format!("{target}/sbom.{format} with the content of {}", view::cut(&input.path));
        let place = export.at("export.json#/build_sboms");
        // "If present in the /cnb/lifecycle directory": elsewhere no one has to look for it.
        if found.is_empty() && folder != USUAL {
            return absent(message, expected, place);
        }
        let seen = if found.is_empty() { "no such file" } else { "other content" };
        return violated(message, expected, seen, place);
    }
    if is_any { Finding::Holds } else { not_applicable("there is no SBOM of the lifecycle") }
}
