//! A specification's Markdown, cut into sentences with the headings above them.

use super::Keyword;

/// A sentence, a list item or a row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// The headings above it, outermost first.
    pub(super) path: Vec<String>,
    /// Its text.
    pub(super) text: String,
    /// Its words in lower case.
    pub(super) words: Vec<String>,
}

impl Statement {
    /// The strongest keyword in it.
    pub(super) fn level(&self) -> Keyword {
        let words: Vec<&str> = self.text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
        // MAY NOT forbids, though RFC 2119 does not know it.
        let forbids = words.windows(2).any(|pair| pair == ["MAY", "NOT"]);
        match () {
            () if has(&["MUST", "SHALL", "REQUIRED"]) => Keyword::Must,
            () if has(&["SHOULD", "RECOMMENDED"]) || forbids => Keyword::Should,
            () if has(&["MAY", "OPTIONAL"]) => Keyword::May,
            () => Keyword::States,
        }
    }
}

/// The words of a text in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    let parts =
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.trim_matches('_').is_empty());
    parts.map(str::to_lowercase).collect()
}

/// Whether one list is in the other, in its order, with anything between.
pub(super) fn is_within<T: PartialEq<U>, U>(few: &[T], many: &[U]) -> bool {
    let mut rest = many.iter();
    few.iter().all(|one| rest.any(|other| one == other))
}

/// A heading as it is cited.
pub(super) fn heading(text: &str) -> String {
    let (mut out, mut is_tag) = (String::new(), false);
    for c in text.chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            '*' | '`' => {}
            _ if !is_tag => out.push(c),
            _ => {}
        }
    }
    let plain = out.replace("(TOML)", "").replace("(JSON)", "");
    let plain = if plain.trim_start().starts_with('_') { plain.replace('_', "") } else { plain };
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All statements of a document; what stands in fences is none.
pub(super) fn statements(markdown: &str) -> Vec<Statement> {
    let (mut found, mut path, mut block) = (Vec::new(), Vec::<(usize, String)>::new(), Vec::<String>::new());
    let mut is_fenced = false;
    for line in markdown.lines() {
        let trimmed = line.trim();
        let depth = line.chars().take_while(|c| *c == '#').count();
        let is_heading = !is_fenced && (1..=6).contains(&depth) && line[depth..].starts_with(' ');
        let is_fence = trimmed.starts_with("```");
        if is_fence || is_heading || trimmed.is_empty() || (!is_fenced && begins_a_block(trimmed)) {
            cut(&path, &std::mem::take(&mut block), &mut found);
        }
        if is_fence {
            is_fenced = !is_fenced;
        } else if is_heading {
            path.retain(|(above, _)| *above < depth);
            path.push((depth, heading(&line[depth..])));
        } else if !is_fenced && !trimmed.is_empty() {
            block.push(trimmed.to_owned());
        }
    }
    cut(&path, &block, &mut found);
    found
}

/// List items, rows of tables and quotations.
fn begins_a_block(line: &str) -> bool {
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered =
        after_number.len() < line.len() && (after_number.starts_with(". ") || after_number.starts_with(") "));
    is_numbered || line.starts_with(['|', '>']) || ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark))
}

/// Cuts a block into sentences.
fn cut(path: &[(usize, String)], block: &[String], found: &mut Vec<Statement>) {
    let text = block.join(" ").replace(['*', '`'], "");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let path: Vec<String> = path.iter().map(|(_, name)| name.clone()).collect();
    let mut take = |part: &str| {
        if !part.trim().is_empty() {
            found.push(Statement { path: path.clone(), text: part.trim().to_owned(), words: words(part) });
        }
    };
    let mut from = 0;
    for (at, _) in text.match_indices(' ') {
        let before = &text[..at];
        let sentence = before.strip_suffix(')').unwrap_or(before);
        let ends = sentence.ends_with(['.', '!', '?']);
        let inner = &sentence[..sentence.len().saturating_sub(usize::from(ends))];
        let is_short = ["e.g", "i.e", "vs", "etc"].iter().any(|short| inner.ends_with(short));
        if ends && !is_short {
            take(&text[from..at]);
            from = at;
        }
    }
    take(&text[from..]);
}
