//! The machine and the user of the export: whatever of them is in the image, and in no input, makes another image of
//! the same build on another machine.

use std::borrow::Cow;

use super::texts::{Kind, Text, texts};
use crate::evidence::{Export, Image, Machine};
use crate::json::Json;
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

/// Variables whose values are the machine's.
const VARIABLES: [&str; 4] = ["PATH", "HOME", "TMPDIR", "DOCKER_CONFIG"];
/// Parts of manifest and config in which folders of the build may not stand: where an image works and what it runs
/// says so by such paths.
const TOLD: [&str; 3] = ["annotations", "Labels", "history"];
/// Shortest text that is searched for inside of others.
const TELLING: usize = 5;

/// The user that every machine has: naming it tells nothing of this one, and many tools write it as a constant.
const ROOT: &str = "root";

/// A fact of the machine.
struct Fact<'a> {
    what: &'static str,
    text: &'a str,
    /// Whether it is looked for inside of longer texts; a plain word is so only where it is a whole value.
    inside: bool,
    /// Whether it may stand in what says how the image works.
    may_work: bool,
    /// Longer texts in which it may stand.
    but_in: Vec<&'a str>,
}

impl Fact<'_> {
    fn is_in(&self, text: &str) -> bool {
        if self.inside { is_inside(text, self.text) } else { text == self.text }
    }
}

fn facts<'a>(export: &'a Export, machine: &'a Machine) -> Vec<Fact<'a>> {
    let is_odd = |text: &str| text.len() >= TELLING && text.contains(|c: char| c.is_ascii_digit() || "-._".contains(c));
    let word = |what, text: &'a str| Fact { what, text, inside: is_odd(text), may_work: false, but_in: Vec::new() };
    let mut found = vec![
        word("host name", &machine.hostname),
        word("kernel", &machine.kernel),
        Fact { what: "user", text: &machine.user, inside: false, may_work: true, but_in: Vec::new() },
    ];
    for name in VARIABLES {
        if let Some(value) = export.inputs.environment.get(name) {
            let inside = value.len() >= TELLING;
            found.push(Fact { what: name, text: value, inside, may_work: false, but_in: Vec::new() });
        }
    }
    found.retain(|fact| !fact.text.is_empty() && fact.text != ROOT && !is_given(export, fact.text, true));
    let folder = export.inputs.layers.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
    // Every analysis of a layout names the run image by a path in the folder, and <app> and <layers> are where the
    // image has them; neither is a reason for other paths.
    if folder.len() >= TELLING && !is_given(export, folder, false) {
        let reference = export.run_image.reference.split('@').next().filter(|path| path.starts_with(folder));
        let what = "folder of the build";
        let but_in =
            [&export.inputs.app, &export.inputs.layers].into_iter().map(String::as_str).chain(reference).collect();
        found.push(Fact { what, text: folder, inside: true, may_work: true, but_in });
    }
    found
}

/// Whether a file of the build, an image's name or the run image has the text; `by_analysis`, or the analysis.
fn is_given(export: &Export, word: &str, by_analysis: bool) -> bool {
    let files = export.inputs.files.iter().filter(|file| by_analysis || file.path != export.inputs.analyzed);
    let texts = files.filter_map(|file| file.text.as_deref());
    let run = &export.run_image;
    let documents = run.documents().filter_map(|document| document.text());
    let own = export.inputs.environment.iter().filter(|(name, _)| name.starts_with("CNB_")).map(|(_, value)| value);
    let reference = Some(&run.reference).filter(|_| by_analysis);
    let names = export.inputs.images.iter().chain([&run.name]).chain(reference).chain(own).map(String::as_str);
    texts.chain(documents).chain(names).any(|text| is_inside(text, word))
}

/// A text of a document that tells a fact, and which.
fn told<'f>(json: &Json, place: &mut Vec<String>, facts: &'f [Fact<'f>]) -> Option<&'f Fact<'f>> {
    let is_told = |text: &str, place: &[String]| {
        let works = !place.iter().any(|part| TOLD.contains(&part.as_str()));
        facts.iter().find(|fact| {
            let without = |text: Cow<'_, str>, longer: &&str| Cow::Owned(text.replace(longer, ""));
            let other = fact.but_in.iter().fold(Cow::Borrowed(text), without);
            fact.is_in(&other) && !(works && fact.may_work && !place.iter().any(|part| part == "author"))
        })
    };
    if let Some(text) = json.as_str() {
        return is_told(text, place);
    }
    if let Some(members) = json.members() {
        for (name, value) in members {
            place.push(name.clone());
            let found = is_told(name, place).or_else(|| told(value, place, facts));
            if found.is_some() {
                return found;
            }
            place.pop();
        }
    }
    for (index, value) in json.items().unwrap_or_default().iter().enumerate() {
        place.push(index.to_string());
        let found = told(value, place, facts);
        if found.is_some() {
            return found;
        }
        place.pop();
    }
    None
}

/// Whether `word` stands in `text` and is not a part of a longer word.
fn is_inside(text: &str, word: &str) -> bool {
    let is_of_a_word = |c: char| c.is_ascii_alphanumeric();
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_of_a_word)
            && !text[at + word.len()..].chars().next().is_some_and(is_of_a_word)
    })
}

pub(super) fn nothing_tells_the_machine(export: &Export, image: &Image) -> Finding {
    let Some(machine) = &export.inputs.machine else {
        return Finding::Skipped("the machine was not noted when the evidence was made".to_owned());
    };
    let facts = facts(export, machine);
    for (name, document) in [("config.json", &image.config), ("manifest.json", &image.manifest)] {
        let Some(json) = view::json(document.as_ref()) else { continue };
        let mut place = Vec::new();
        if let Some(fact) = told(&json, &mut place, &facts) {
            let message = format!("{name} has the {} of the machine that exported, which is in no input", fact.what);
            let at = place.join("/");
            return violated(message, "what inputs say", view::cut(fact.text), export.at(&format!("{name}#/{at}")));
        }
    }
    no_layer_tells_the_machine(export, image, &facts)
}

/// The texts of layers: gzip headers, names of owners and records of files, and what an exporter wrote anew.
fn no_layer_tells_the_machine(export: &Export, image: &Image, facts: &[Fact<'_>]) -> Finding {
    let tells = |fact: &Fact<'_>, text: &Text<'_>| match text.kind {
        Kind::Owner => text.value == fact.text,
        Kind::Content => fact.inside && !fact.may_work && is_inside(text.value, fact.text),
        Kind::GzipHeader | Kind::Record => fact.is_in(text.value),
    };
    for (index, layer) in view::new_layers(export, image) {
        for text in texts(layer) {
            if let Some(fact) = facts.iter().find(|fact| tells(fact, &text)) {
                let message = format!("{} has the {} of the machine that exported", text.owner(index), fact.what);
                let place = export.at(&format!("export.json#/image/layers/{index}"));
                return violated(message, "what inputs say", view::cut(fact.text), place);
            }
        }
    }
    Finding::Holds
}
