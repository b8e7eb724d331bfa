//! Documents in the evidence: JSON and TOML, read as trees and written again.

use crate::digest::Digest;
use crate::json::Json;

/// The member of a document that holds its Content-Type.
pub(super) const CONTENT_TYPE: &str = "content_type";

/// How a document is written.
#[derive(Clone, Copy)]
pub(super) enum Syntax {
    Json,
    Toml,
}

impl Syntax {
    pub(super) fn read(self, text: &str) -> Option<Json> {
        match self {
            Self::Json => Json::parse(text.as_bytes()).ok(),
            Self::Toml => serde_json::from_value(serde_json::to_value(text.parse::<toml::Table>().ok()?).ok()?).ok(),
        }
    }

    /// The document's text; none for what TOML cannot say.
    pub(super) fn write(self, tree: &Json) -> Option<String> {
        match self {
            Self::Json => Some(write(tree)),
            Self::Toml if tree.doubled_keys().is_empty() => toml::to_string(&tree.to_value()).ok(),
            Self::Toml => None,
        }
    }
}

/// JSON with every member as it is, also one that is there twice.
pub(super) fn write(tree: &Json) -> String {
    match tree {
        Json::Array(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(",")),
        Json::Object(members) => {
            let member =
                |(key, value): &(String, Json)| format!("{}:{}", serde_json::Value::String(key.clone()), write(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// A document among the facts.
pub(super) struct Found {
    pub(super) text: String,
    pub(super) syntax: Syntax,
    pub(super) inner: Json,
}

/// The document whose members these are, where they are a document's and it is text.
pub(super) fn of(members: &[(String, Json)]) -> Option<Found> {
    let text = members.iter().find(|(key, _)| key == "bytes")?.1.get("text")?.as_str()?.to_owned();
    let found = [Syntax::Json, Syntax::Toml].into_iter().find_map(|syntax| Some((syntax, syntax.read(&text)?)));
    let (syntax, inner) = found?;
    Some(Found { text, syntax, inner })
}

/// The same document with another text; its digest follows.
pub(super) fn with_text(members: &[(String, Json)], text: &str) -> Json {
    let changed = members.iter().map(|(key, value)| {
        let value = match key.as_str() {
            "digest" => Json::String(Digest::of(text.as_bytes()).to_string()),
            "bytes" => Json::Object(vec![("text".to_owned(), Json::String(text.to_owned()))]),
            _ => value.clone(),
        };
        (key.clone(), value)
    });
    Json::Object(changed.collect())
}

/// The text of an input file, where the member at `index` is one.
pub(super) fn of_input(members: &[(String, Json)], index: usize) -> Option<(Syntax, Json)> {
    let (key, value) = &members[index];
    let path = members.iter().find(|(key, _)| key == "path")?.1.as_str()?;
    let syntax = if path.rsplit('.').next() == Some("json") { Syntax::Json } else { Syntax::Toml };
    Some((syntax, syntax.read(value.as_str().filter(|_| key == "text")?)?))
}
