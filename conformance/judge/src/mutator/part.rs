//! An export in parts, each a tree of fields; and what follows from a document that was changed.

use crate::evidence::{Document, Export, Image, Layer};
use crate::json::Json;
use crate::{sample, view};

macro_rules! parts {
    ($($name:ident)*) => {
        /// Every part of an export by its name.
        pub(super) fn parts(export: &Export) -> Vec<(&'static str, Json)> {
            // Without `..`, so that no field can be forgotten.
            let Export { $($name),* } = export;
            vec![$((stringify!($name), tree($name))),*]
        }

        /// Whether a part is the same in both.
        pub(super) fn is_same(one: &Export, two: &Export, part: &str) -> bool {
            match part {
                $(stringify!($name) => one.$name == two.$name,)*
                _ => false,
            }
        }

        /// Puts back a part, or all where more than it was changed.
        pub(super) fn restore(export: &mut Export, from: &Export, part: &str, is_all: bool) {
            match part {
                _ if is_all => export.clone_from(from),
                $(stringify!($name) => export.$name.clone_from(&from.$name),)*
                _ => {}
            }
        }

        /// Puts a part in place; none where the tree cannot be one.
        pub(super) fn put(export: &mut Export, part: &str, tree: &Json) -> Option<()> {
            match part {
                $(stringify!($name) => export.$name = serde_json::from_value(tree.to_value()).ok()?,)*
                _ => return None,
            }
            Some(())
        }
    };
}

parts! {
    id scenario target service step platform_api inputs run_image outcome report tags_before tags image base daemon layout
    wire previous_after build_sboms changed_files output_modes
    troubles rebase left_out
}

/// Members of the larger parts that are those of the sample's export.
pub(super) fn as_in_the_sample(export: &Export) -> Vec<String> {
    const LARGE: [&str; 4] = ["image", "base", "daemon", "layout"];
    let sample = parts(sample::on(&mut sample::scenario(), export.target));
    let mut found = Vec::new();
    for ((name, own), (_, known)) in parts(export).iter().zip(&sample).filter(|((name, _), _)| LARGE.contains(name)) {
        let members = own.members().unwrap_or_default().iter();
        let same = members.filter(|(key, value)| known.get(key) == Some(value));
        found.extend(same.map(|(key, _)| format!("{name}.{key}")));
    }
    found
}

fn tree(part: &impl serde::Serialize) -> Json {
    serde_json::from_value(serde_json::to_value(part).expect("facts are JSON")).expect("JSON")
}

/// Whether tags, report and stores are those of the export's image, so that they can follow it.
pub(super) fn is_sealed(export: &Export) -> bool {
    let mut again = export.clone();
    if export.image.is_some() {
        sample::seal(&mut again);
    }
    again == *export
}

/// Makes everything true again that rests on a config or manifest that was changed: an exporter that writes another one
/// names it by its digest, and what a manifest names is what is fetched.
pub(super) fn follow(export: &mut Export, before: &Export, at: &str) {
    let (Some(image), Some(old)) = (export.image.as_mut(), before.image.as_ref()) else { return };
    if at.starts_with("image.config#") {
        let Some(config) = image.config.clone() else { return };
        if let Some(pushed) = export.daemon.as_mut().and_then(|daemon| daemon.pushed.as_mut()) {
            follow_in(pushed, old.config.as_ref(), &config);
        }
        sample::set_config(export, config);
    } else if at.starts_with("image.manifest#") && image.config.is_some() {
        if let Some(named) = named_layers(image) {
            image.layers = named;
        }
        sample::seal(export);
    }
}

/// The layers that the manifest names, in its order; none where it names no list of them.
fn named_layers(image: &Image) -> Option<Vec<Layer>> {
    let manifest = view::json(image.manifest.as_ref())?;
    let descriptors = manifest.get("layers")?.items()?;
    let found = descriptors.iter().map(|descriptor| {
        let name = descriptor.get("digest").and_then(Json::as_str).unwrap_or_default().to_owned();
        let known = image.layers.iter().find(|layer| layer.name == name).cloned();
        known.unwrap_or_else(|| {
            let mut layer = Layer::named(name);
            layer.is_missing("not found");
            layer
        })
    });
    Some(found.collect())
}

/// What was pushed has the config that the daemon has.
fn follow_in(pushed: &mut Image, old: Option<&Document>, config: &Document) {
    let Some(old) = old.filter(|_| pushed.config.as_ref() == old) else { return };
    pushed.config = Some(config.clone());
    if let Some(manifest) = &mut pushed.manifest {
        let text = String::from_utf8_lossy(&manifest.bytes)
            .replace(old.digest.as_str(), config.digest.as_str())
            .replace(&format!("\"size\":{}", old.bytes.len()), &format!("\"size\":{}", config.bytes.len()));
        *manifest = Document::new(text.into_bytes(), manifest.content_type.clone());
    }
}
