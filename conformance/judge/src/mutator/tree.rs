//! Every mutation of a tree of fields: one is dropped, emptied, altered, doubled or swapped with the next. What a field
//! means is not known here.

use super::document::{self, Syntax};
use crate::digest::Digest;
use crate::json::Json;

/// Told of every mutation: what is done, where, and how the mutated tree is made; none where it cannot be.
pub(super) type Tell<'a> = &'a mut dyn FnMut(&str, &str, &dyn Fn() -> Option<Json>);

/// What a tree is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    /// The facts, whose documents are walked too.
    Evidence,
    /// A document that an exporter wrote or was given; in JSON a key may be there twice.
    Document,
}

/// Words that stand for each other: the next one is what an alteration makes of a word.
const WORDS: [&[&str]; 8] = [
    &["file", "directory", "symlink", "other", "hardlink"],
    &["none", "gzip", "zstd"],
    &["classic", "containerd", "podman"],
    &["registry", "daemon", "layout"],
    &["exited", "signalled", "timed-out"],
    &["added", "altered", "removed"],
    &["clear", "tls"],
    &["kind", "content", "link", "mode", "owner", "time"],
];

/// Every mutation of `node` and of what is in it.
pub(super) fn each(node: &Json, tree: Tree, at: &str, tell: Tell<'_>) {
    match node {
        Json::Null => tell("fill", at, &|| Some(Json::String(Digest::of(b"filled").to_string()))),
        Json::Bool(flag) => tell("alter", at, &|| Some(Json::Bool(!flag))),
        Json::Number(number) => tell("alter", at, &|| Some(Json::Number((number.as_i64()? + 1).into()))),
        Json::String(text) => string(text, at, tell),
        Json::Array(items) => array(items, tree, at, tell),
        Json::Object(list) => match document::of(list).filter(|_| tree == Tree::Evidence) {
            Some(document) => self::document(&document, list, at, tell),
            None => members(list, tree, at, tell),
        },
    }
}

fn string(text: &str, at: &str, tell: Tell<'_>) {
    if !text.is_empty() {
        tell("empty", at, &|| Some(Json::String(String::new())));
    }
    tell("alter", at, &|| Some(Json::String(altered(text))));
    // A label that holds JSON.
    if let Some(inner) = Syntax::Json.read(text).filter(|inner| matches!(inner, Json::Object(_) | Json::Array(_))) {
        each(&inner, Tree::Document, &format!("{at}#"), &mut |what, at, make| {
            tell(what, at, &|| Some(Json::String(document::write(&make()?))));
        });
    }
}

/// The text with its last letter or digit changed, so that hexadecimal stays so; or the next of its words.
fn altered(text: &str) -> String {
    for words in WORDS {
        if let Some(index) = words.iter().position(|word| *word == text) {
            return words[(index + 1) % words.len()].to_owned();
        }
    }
    match text.chars().last() {
        Some(last) if last.is_ascii_alphanumeric() => {
            let next = match last {
                '9' => '0',
                'f' | 'z' | 'Z' => char::from(last as u8 - 1),
                _ => char::from(last as u8 + 1),
            };
            format!("{}{next}", &text[..text.len() - 1])
        }
        _ => format!("{text}x"),
    }
}

fn array(items: &[Json], tree: Tree, at: &str, tell: Tell<'_>) {
    if !items.is_empty() {
        tell("empty", at, &|| Some(Json::Array(Vec::new())));
    }
    for (index, item) in items.iter().enumerate() {
        let changed = |change: &dyn Fn(&mut Vec<Json>)| {
            let mut all = items.to_vec();
            change(&mut all);
            Some(Json::Array(all))
        };
        let place = place(item, index, tree, at);
        tell("drop", &place, &|| changed(&|all| drop(all.remove(index))));
        tell("double", &place, &|| changed(&|all| all.insert(index, item.clone())));
        if items.get(index + 1).is_some_and(|next| next != item) {
            tell("swap", &place, &|| changed(&|all| all.swap(index, index + 1)));
        }
        each(item, tree, &place, &mut |what, at, make| {
            tell(what, at, &|| {
                let made = make()?;
                changed(&|all| all[index] = made.clone())
            });
        });
    }
}

/// Where an item is: files are called by their path, as their order says nothing.
fn place(item: &Json, index: usize, tree: Tree, at: &str) -> String {
    match item.get("path").and_then(Json::as_str).filter(|_| tree == Tree::Evidence) {
        Some(path) => format!("{at}[{path}]"),
        None if tree == Tree::Evidence => format!("{at}[{index}]"),
        None => format!("{at}/{index}"),
    }
}

/// A change of an object's members.
type Change<'a> = &'a dyn Fn(&mut Vec<(String, Json)>);

fn members(list: &[(String, Json)], tree: Tree, at: &str, tell: Tell<'_>) {
    if !list.is_empty() {
        tell("empty", at, &|| Some(Json::Object(Vec::new())));
    }
    for (index, (key, value)) in list.iter().enumerate() {
        let changed = |change: Change<'_>| {
            let mut all = list.to_vec();
            change(&mut all);
            Some(Json::Object(all))
        };
        let place = if tree == Tree::Evidence { format!("{at}.{key}") } else { format!("{at}/{key}") };
        tell("drop", &place, &|| changed(&|all| drop(all.remove(index))));
        if tree == Tree::Document {
            tell("null", &place, &|| changed(&|all| all[index].1 = Json::Null));
            tell("double", &place, &|| changed(&|all| all.insert(index, (key.clone(), value.clone()))));
        }
        if list.get(index + 1).is_some_and(|(_, next)| next != value && next.kind() == value.kind()) {
            let next = &list[index + 1].1;
            tell("swap", &place, &|| changed(&|all| (all[index].1, all[index + 1].1) = (next.clone(), value.clone())));
        }
        let mut wrapped = |what: &str, at: &str, make: &dyn Fn() -> Option<Json>| {
            tell(what, at, &|| {
                let made = make()?;
                changed(&|all| all[index].1 = made.clone())
            });
        };
        match document::of_input(list, index).filter(|_| tree == Tree::Evidence) {
            Some((syntax, inner)) => {
                wrapped("empty", &place, &|| Some(Json::String(String::new())));
                each(&inner, Tree::Document, &format!("{place}#"), &mut |what, at, make| {
                    wrapped(what, at, &|| Some(Json::String(syntax.write(&make()?)?)));
                });
            }
            None => each(value, tree, &place, &mut wrapped),
        }
    }
}

/// What is in a document, its digest following; and the Content-Type that it was served with.
fn document(document: &document::Found, list: &[(String, Json)], at: &str, tell: Tell<'_>) {
    let with = |text: &str| Some(document::with_text(list, text));
    tell("empty", &format!("{at}#"), &|| with(""));
    tell("alter", &format!("{at}#"), &|| with(&format!("{}x", document.text)));
    each(&document.inner, Tree::Document, &format!("{at}#"), &mut |what, at, make| {
        tell(what, at, &|| with(&document.syntax.write(&make()?)?));
    });
    let index = list.iter().position(|(key, _)| key == document::CONTENT_TYPE);
    if let Some((index, (key, value))) = index.map(|index| (index, &list[index])) {
        let changed = |value: Json| {
            let mut all = list.to_vec();
            all[index].1 = value;
            Some(Json::Object(all))
        };
        let place = format!("{at}.{key}");
        tell("drop", &place, &|| changed(Json::Null));
        each(value, Tree::Evidence, &place, &mut |what, at, make| tell(what, at, &|| changed(make()?)));
    }
}
