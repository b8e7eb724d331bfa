//! What is rejected of layers that the lifecycle's label names and of layers that are there twice, and of a bill of
//! materials in the report; and what is not.

use serde_json::json;

use crate::evidence::{EntryKind, Export};
use crate::sample::{edit_entries, edit_input, edit_label, edit_layers, edit_report};
use crate::trial::Trials;
use crate::view::{self, LIFECYCLE};

const METADATA: &str = "/layers/config/metadata.toml";
/// Places of the sample's own layers, and how many the run image has before them.
const RUNTIME: usize = 0;
const SBOMS: usize = 1;
const APP: usize = 3;
const LAUNCHER: usize = 4;
const LINKS: usize = 6;
const BASE: usize = 2;

pub(super) fn trials() -> Vec<Trials> {
    vec![labels(), once(), bills()]
}

/// A layer that the lifecycle's label names by a key, by its place among the sample's own.
fn named(key: &'static str, index: usize) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let sha = view::diff_ids(export.image.as_ref().unwrap().config.as_ref())[BASE + index].clone();
        edit_label(export, LIFECYCLE, |label| label[key] = json!({ "sha": sha }));
    }
}

fn labels() -> Trials {
    Trials::of("labels.nothing-else")
        .rejects("the app's layer as that of links", named("process-types", APP))
        .rejects("the app's layer as that of SBOMs, of which the build has none", |e| {
            edit_entries(e, SBOMS, Vec::clear);
            named("sbom", APP)(e);
        })
        .accepts("the layer of links", named("process-types", LINKS))
        .accepts("links in the launcher's layer", |e| {
            let mut links = Vec::new();
            edit_entries(e, LINKS, |entries| links.append(entries));
            edit_entries(e, LAUNCHER, |entries| entries.append(&mut links));
            named("launcher", LAUNCHER)(e);
            named("process-types", LAUNCHER)(e);
        })
        .accepts("any layer, where there are no links", |e| {
            edit_entries(e, LINKS, Vec::clear);
            named("process-types", LAUNCHER)(e);
        })
        .accepts("an empty layer of SBOMs", |e| {
            edit_entries(e, SBOMS, Vec::clear);
            named("sbom", SBOMS)(e);
        })
}

fn again(place: usize) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_layers(export, |own| {
            let layer = own[place].clone();
            own.push(layer);
        });
    }
}

fn once() -> Trials {
    Trials::of("layer.once")
        .rejects("a launch layer twice", again(RUNTIME))
        .rejects("the last layer twice", again(LINKS))
        .accepts("an empty layer twice", |e| {
            edit_entries(e, APP, Vec::clear);
            again(APP)(e);
        })
        .accepts("a layer of folders twice", |e| {
            edit_entries(e, APP, |entries| entries.retain(|entry| entry.kind == EntryKind::Directory));
            again(APP)(e);
        })
        .accepts("a layer that is not there", |e| {
            again(APP)(e);
            e.image.as_mut().unwrap().layers.last_mut().unwrap().blob = None;
        })
        .accepts("another layer in its place, of which digests tell", |e| {
            let image = e.image.as_mut().unwrap();
            image.layers[BASE + RUNTIME] = image.layers[BASE + APP].clone();
        })
}

/// More in the report, after all that is there.
fn more(text: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| edit_report(export, "[image]", &format!("{text}\n[image]"))
}

fn bills() -> Trials {
    Trials::of("report.nothing-else")
        .rejects("a bill of materials of nothing", more("[[build.bom]]\nname='left-pad'\n"))
        .rejects("a bill of materials without names", more("[[build.bom]]\nversion='1'\n"))
        .rejects("a bill of materials of words", more("[build]\nbom=['left-pad']\n"))
        .accepts("an empty bill of materials", more("[build]\nbom=[]\n"))
        .accepts("a table of someone else's", more("[vendor]\nbom=['left-pad']\n"))
        .accepts("a bill of materials that a buildpack gave", |e| {
            let text = format!("{}[[bom]]\nname='left-pad'\n", e.inputs.text(METADATA).unwrap());
            edit_input(e, METADATA, &text);
            more("[[build.bom]]\nname='left-pad'\n")(e);
        })
}
