//! How a failure is told. An error's own text never has that of its source in it; what prints an error prints the
//! chain, with [`chain`].

use std::error::Error;
use std::io;

/// Characters that a [`Reason`] has at most; some servers answer with a page.
const MOST: usize = 500;

/// An error and its causes in one line, from what failed to why, without characters that a terminal obeys.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Some libraries give out the error that they have already repeated.
        if parts.last().is_none_or(|last| !last.ends_with(&text)) {
            parts.push(text);
        }
        next = cause.source();
    }
    parts.join(": ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why something failed, in the words of a system, a library or a server: one line of bounded length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Reason(String);

impl Reason {
    /// In these words.
    #[must_use]
    pub fn new(words: &str) -> Self {
        let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
        Self(match line.char_indices().nth(MOST) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        })
    }

    /// The innermost cause of an error: libraries put their own names around it.
    #[must_use]
    pub fn innermost(error: &(dyn Error + 'static)) -> Self {
        let mut error = error;
        while let Some(source) = inside(error) {
            error = source;
        }
        Self::new(&error.to_string())
    }

    /// The same, with what has to be known about it.
    #[must_use]
    pub fn with(self, words: &str) -> Self {
        Self(self.0 + words)
    }
}

/// The error of this kind that is behind another.
pub(crate) fn behind<T: Error + 'static>(error: &io::Error) -> Option<&T> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = inside(error);
    }
    None
}

/// The next error behind one; an input error's own source leaves out what it was made of.
fn inside<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("read \u{1b}[31mthe\nfile")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_chain_is_one_line_that_no_terminal_obeys() {
        let refused = io::Error::from_raw_os_error(111);
        assert_eq!(chain(&Outer(refused)), "read  [31mthe file: Connection refused (os error 111)");
        // An input error that was made of another error has the same text.
        let wrapped = Outer(io::Error::other(Reason::new("why")));
        assert_eq!(chain(&wrapped), "read  [31mthe file: why");
    }

    #[test]
    fn a_reason_is_the_innermost_one_in_one_line_that_is_not_too_long() {
        let own = Outer(io::Error::other(Outer(io::Error::other("no\n * way\n"))));
        assert_eq!(Reason::innermost(&own).to_string(), "no * way");
        assert_eq!(Reason::new(&"é\n".repeat(9999)).to_string().chars().count(), MOST + 1);
        assert!(behind::<Outer>(&io::Error::other(own)).is_some());
        assert!(behind::<Outer>(&io::Error::other("x")).is_none());
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }

    /// What is between the parentheses that open at the beginning, and what is after them.
    fn parenthesised(text: &str) -> (&str, &str) {
        let (mut depth, mut is_text, mut escaped) = (0, false, false);
        for (at, c) in text.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if is_text => escaped = true,
                '"' => is_text = !is_text,
                '(' if !is_text => depth += 1,
                ')' if !is_text => {
                    depth -= 1;
                    if depth == 0 {
                        return (&text[1..at], &text[at + 1..]);
                    }
                }
                _ => {}
            }
        }
        panic!("unended: {text}");
    }

    /// What is wrong with the errors of a file: a text that has its source in it, or an error that is not given out as
    /// the source.
    fn faults(source: &str) -> Vec<String> {
        let mut found = Vec::new();
        for rest in source.split("#[error").skip(1) {
            let (text, rest) = parenthesised(rest);
            if text.trim() == "transparent" {
                continue;
            }
            let end = rest.find("#[error").unwrap_or(rest.len());
            let item = &rest[..end];
            // The fields of the one item that the text belongs to.
            let ends = ["\n    },", "),\n", ");\n", "\n}"].map(|end| item.find(end).unwrap_or(item.len()));
            let fields = &item[..ends.into_iter().min().unwrap_or_default()];
            let fields =
                fields.split_once("struct ").map_or(fields, |(_, of)| of.trim_start_matches(char::is_alphanumeric));
            let has_source = fields.contains("#[source]") || fields.contains("#[from]") || fields.contains(" source: ");
            let holds_error = ["io::Error", "JoinError", "NameError", "serde_json::Error", "reqwest::Error"];
            if has_source && (text.contains("{source") || text.contains("{0") && !fields.contains("String,")) {
                found.push(format!("its text has its source in it: {text}"));
            } else if !has_source && holds_error.iter().any(|name| fields.contains(name)) {
                found.push(format!("its cause is not its source: {text}"));
            }
        }
        found
    }

    #[test]
    fn no_error_s_text_has_its_source_in_it() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        let errors: usize = files
            .iter()
            .filter(|path| path.file_name().is_none_or(|name| name != "failure.rs"))
            .map(|path| {
                let text = fs::read_to_string(path).unwrap();
                let found = faults(&text);
                assert!(found.is_empty(), "{}: {found:?}", path.display());
                text.matches("#[error").count()
            })
            .sum();
        assert!(errors > 60, "{errors}");
    }

    #[test]
    fn an_error_whose_text_has_its_source_in_it_is_noticed() {
        let named = "#[error(\"read {}: {source}\", path.display())]\n    Read {\n        path: PathBuf,\n        source: io::Error,\n    },\n";
        let bare = "#[error(\"spool: {0}; TMPDIR\")]\n    Spool(#[source] io::Error),\n";
        let dropped = "#[error(\"spool ({0})\")]\n    Spool(io::Error),\n";
        for text in [named, bare, dropped] {
            assert_eq!(faults(text).len(), 1, "{text}");
        }
        assert!(
            faults("#[error(\"read {}\", path.display())]\n    Read {\n        source: io::Error,\n    },\n")
                .is_empty()
        );
        assert!(faults("#[error(\"spool (TMPDIR chooses it)\")]\n    Spool(#[source] io::Error),\n").is_empty());
    }
}
