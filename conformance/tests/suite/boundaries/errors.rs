//! One convention for errors, held by the sources: a message never contains its source, text is made of an error with
//! its whole chain or not at all, and no lock drops evidence after a panic elsewhere.

use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What was converted to the convention.
const CRATES: [&str; 2] = ["conformance/src", "conformance/judge/src"];
/// Where text may be made of an error: the printer of chains, and the judge, whose documents' parsers have no causes.
const PRINTERS: [&str; 2] = ["conformance/src/error.rs", "conformance/judge/src/"];

/// Every source that is not for tests alone, by its path in the workspace.
fn sources() -> Vec<(String, String)> {
    let files = CRATES.iter().flat_map(|folder| walkdir::WalkDir::new(Path::new(ROOT).join(folder)));
    let files = files.map(|entry| entry.unwrap().into_path());
    let is_source = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let is_of_tests =
            name.ends_with("tests") || name == "sample" || path.components().any(|part| part.as_os_str() == "mutator");
        path.extension().is_some_and(|extension| extension == "rs") && !is_of_tests
    };
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let text = code.join("\n");
        (path.strip_prefix(ROOT).unwrap().to_string_lossy().into_owned(), text)
    };
    files.filter(is_source).map(read).collect()
}

/// Where the bracket that `text` begins with is closed; text in quotes does not count.
fn closed(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 && !quoted {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// The fields of the item after an attribute, with their brackets: further attributes and words stand before them.
fn fields(after: &str) -> &str {
    let mut rest = after.trim_start();
    while rest.starts_with("#[") {
        rest = rest[1 + closed(&rest[1..])..].trim_start();
    }
    if let Some(inner) = rest.strip_prefix("pub(") {
        rest = inner.split_once(')').map_or("", |(_, rest)| rest);
    }
    let at = rest.find(|c| !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ' ')).unwrap_or(rest.len());
    let rest = &rest[at..];
    if rest.starts_with(['{', '(']) { &rest[..closed(rest)] } else { "" }
}

/// The fields that are an error's source: by name or, in a tuple, by number.
fn source_fields(fields: &str) -> Vec<String> {
    if fields.is_empty() {
        return Vec::new();
    }
    let inner = &fields[1..fields.len() - 1];
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[from..]);
    let is_marked = |part: &str| part.contains("#[from]") || part.contains("#[source]");
    let named = parts.iter().enumerate().filter_map(|(number, part)| {
        let name = if fields.starts_with('{') {
            part.split(':').next()?.split([' ', ']']).next_back()?.trim().to_owned()
        } else {
            number.to_string()
        };
        (name == "source" || is_marked(part)).then_some(name)
    });
    named.collect()
}

/// Messages that contain their source.
fn repeated(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, mark) in source.match_indices("#[error(") {
        let attribute = &source[at..at + 1 + closed(&source[at + 1..])];
        let message = &attribute[mark.len()..attribute.len() - 2];
        for field in source_fields(fields(&source[at + attribute.len()..])) {
            let words = message.split(|c: char| !c.is_alphanumeric() && c != '_');
            let spelled = message.contains(&format!("{{{field}}}")) || message.contains(&format!("{{{field}:"));
            // A number is a word of the message where it is not in braces.
            if spelled || (field.parse::<usize>().is_err() && words.clone().any(|word| word == field)) {
                found.push(attribute.to_owned());
            }
        }
    }
    found
}

#[test]
fn no_message_contains_its_source() {
    let sources = sources();
    let messages = sources.iter().map(|(_, text)| text.matches("#[error(").count()).sum::<usize>();
    assert!(messages > 100, "{messages}");
    let found = sources.iter().flat_map(|(path, text)| repeated(text).into_iter().map(move |one| (path.clone(), one)));
    assert_eq!(found.collect::<Vec<_>>(), [], "leave the source to conformance::error::chain");
}

#[test]
fn text_is_made_of_an_error_with_its_whole_chain() {
    const FLAT: [&str; 4] = ["error.to_string()", "cause.to_string()", "{error}", "{cause}"];
    let mut found = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| !PRINTERS.iter().any(|own| path.starts_with(own))) {
        let flat = text.lines().filter(|line| FLAT.iter().any(|flat| line.contains(flat)));
        found.extend(flat.map(|line| (path.clone(), line.trim().to_owned())));
    }
    assert_eq!(found, [], "use conformance::error::chain, which tells causes too, or carry the error");
}

#[test]
fn no_lock_drops_what_was_seen() {
    let mut found = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| !path.ends_with("/locked.rs")) {
        for (at, _) in text.match_indices(".lock()") {
            let after = text[at + ".lock()".len()..].trim_start();
            // Tokio's locks cannot be poisoned, and neither can the process's own streams.
            let is_safe = after.starts_with(".await") || after.starts_with(".unwrap_or_else(PoisonError::into_inner)");
            let is_stream = ["stdout()", "stderr()", "stdin()"].iter().any(|stream| text[..at].ends_with(stream));
            if !is_safe && !is_stream {
                found.push((path.clone(), text[at..].lines().next().unwrap_or_default().to_owned()));
            }
        }
    }
    assert_eq!(found, [], "use crate::locked::locked");
}

#[test]
fn a_message_with_its_source_is_found_in_every_shape() {
    for wrong in [
        "#[error(\"read {file}: {source}\")]\nRead {\n file: String,\n source: io::Error,\n },",
        "#[error(\"read: {0}\")]\nRead(#[from] io::Error),",
        "#[error(\"read {1}: {0}\")]\nRead(#[source] Box<Pair<A, B>>, String),",
        "#[error(\"{doing}: {cause:#}\")]\npub struct Failed { doing: String, #[source] cause: Cause }",
        "#[error(\"read {}: {}\", path.display(), source)]\n#[non_exhaustive]\nRead { path: PathBuf, source: io::Error }",
        "#[error(\"read: {}\", source.kind())]\npub(crate) struct Read { source: io::Error }",
    ] {
        assert_eq!(repeated(wrong).len(), 1, "{wrong}");
    }
    for right in [
        "#[error(transparent)]\nRead(#[from] io::Error),",
        "#[error(\"read {file}\")]\nRead { file: String, source: io::Error }",
        "#[error(\"read {0}\")]\nRead(String, #[source] io::Error),",
        "#[error(\"no group passes: {0}\")]\nNoGroup(String),\n#[error(\"read\")]\nRead(#[from] io::Error)",
        "#[error(\"interrupted\")]\nInterrupted,",
    ] {
        assert_eq!(repeated(right), [] as [&str; 0], "{right}");
    }
}
