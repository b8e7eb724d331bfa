//! Which module of a crate imports which, read from its sources: `use` and paths that begin with `crate`, `super` or
//! `self`. Comments, literals, visibilities and what is compiled for tests alone do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module by the names on its way from the crate's root, which itself has none.
pub(crate) type Module = Vec<String>;

/// The modules of a crate, each with what it names of other modules.
pub(crate) struct Tree(BTreeMap<Module, BTreeSet<Module>>);

impl Tree {
    /// Reads the sources below a folder; the root is `lib.rs`, or `main.rs` where there is none.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        let mut sources = BTreeMap::new();
        let root = if folder.join("lib.rs").exists() { "lib.rs" } else { "main.rs" };
        read(folder, &folder.join(root), &Module::new(), &mut sources);
        Self::of(&sources)
    }

    /// The tree of sources by module.
    pub(crate) fn of(sources: &BTreeMap<Module, String>) -> Self {
        let named = |module: &Module, source: &String| {
            let found = paths(source).into_iter().filter_map(|path| resolved(module, &path, sources));
            (module.clone(), found.collect())
        };
        Self(sources.iter().map(|(module, source)| named(module, source)).collect())
    }

    /// Every module that has modules in it.
    pub(crate) fn folders(&self) -> BTreeSet<Module> {
        self.0.keys().filter(|module| !module.is_empty()).map(|module| module[..module.len() - 1].to_vec()).collect()
    }

    /// The modules right below `folder`, each with those next to it that it or anything in it imports. What is imported
    /// of `folder` itself stands under `mod`, where it has a name.
    pub(crate) fn arrows(&self, folder: &[String]) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let inside = self.0.iter().filter(|(module, _)| module.len() > folder.len() && module.starts_with(folder));
        for (module, named) in inside {
            let own = &module[folder.len()];
            let arrows = found.entry(own.clone()).or_default();
            for other in named.iter().filter(|other| other.starts_with(folder)) {
                match other.get(folder.len()) {
                    Some(other) if other != own => _ = arrows.insert(other.clone()),
                    None if !folder.is_empty() => _ = arrows.insert("mod".to_owned()),
                    _ => {}
                }
            }
        }
        found
    }
}

/// An order in which each module comes after all that it imports; else the modules that are left, which form circles.
pub(crate) fn ordered(arrows: &BTreeMap<String, BTreeSet<String>>) -> Result<Vec<String>, BTreeSet<String>> {
    let mut done: Vec<String> = Vec::new();
    loop {
        let is_next = |name: &&String| {
            !done.contains(*name) && arrows[*name].iter().all(|other| other != *name && done.contains(other))
        };
        let next: Vec<String> = arrows.keys().filter(is_next).cloned().collect();
        if next.is_empty() {
            break;
        }
        done.extend(next);
    }
    let left: BTreeSet<String> = arrows.keys().filter(|name| !done.contains(name)).cloned().collect();
    if left.is_empty() { Ok(done) } else { Err(only_circles(left, arrows)) }
}

/// Without those that only lead to a circle.
fn only_circles(mut left: BTreeSet<String>, arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    loop {
        let is_named = |name: &String| left.iter().any(|other| arrows[other].contains(name));
        let kept: BTreeSet<String> = left.iter().filter(|name| is_named(name)).cloned().collect();
        if kept.len() == left.len() {
            return kept;
        }
        left = kept;
    }
}

/// Reads a module's file and those of the modules that it declares, except for tests.
fn read(folder: &Path, file: &Path, module: &Module, sources: &mut BTreeMap<Module, String>) {
    let source = stripped(&std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    for name in declared(&source) {
        let below = [module.as_slice(), std::slice::from_ref(&name)].concat();
        let place = folder.join(below.join("/"));
        let files = [place.with_extension("rs"), place.join("mod.rs")];
        let found = files.iter().find(|file| file.exists()).unwrap_or_else(|| panic!("no file of {below:?}"));
        read(folder, found, &below, sources);
    }
    sources.insert(module.clone(), source);
}

/// The modules that a source declares in files of their own.
fn declared(source: &str) -> Vec<String> {
    let words: Vec<&str> = tokens(source);
    let declarations = words.windows(3).filter(|found| found[0] == "mod" && found[2] == ";");
    declarations.map(|found| found[1].to_owned()).collect()
}

/// The source without comments, literals, visibilities and items for tests.
pub(crate) fn stripped(source: &str) -> String {
    without_tests(&without_text(source)).replace("pub(in crate::", "pub(in ")
}

/// Without comments, and with empty literals.
fn without_text(source: &str) -> String {
    let characters: Vec<char> = source.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(c) = characters.get(at) {
        let next = characters.get(at + 1);
        let end = match (c, next) {
            ('/', Some('/')) => characters[at..].iter().position(|c| *c == '\n').map_or(characters.len(), |n| at + n),
            ('/', Some('*')) => end_of_comment(&characters, at),
            ('"', _) => end_of_text(&characters, at + 1),
            ('r', Some('"' | '#')) if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                end_of_raw(&characters, at)
            }
            ('\'', Some('\\')) => at + 4 + characters[at + 3..].iter().position(|c| *c == '\'').unwrap_or(0),
            ('\'', Some(_)) if characters.get(at + 2) == Some(&'\'') => at + 3,
            _ => at,
        };
        if end == at {
            out.push(*c);
            at += 1;
        } else {
            out.push(' ');
            at = end;
        }
    }
    out
}

fn end_of_comment(characters: &[char], at: usize) -> usize {
    let ends = |window: &[char]| window == ['*', '/'];
    characters[at + 2..].windows(2).position(ends).map_or(characters.len(), |n| at + 2 + n + 2)
}

fn end_of_text(characters: &[char], mut at: usize) -> usize {
    while let Some(c) = characters.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// The end of a raw literal; `at` itself where a word begins with r and no literal is there.
fn end_of_raw(characters: &[char], at: usize) -> usize {
    let hashes = characters[at + 1..].iter().take_while(|c| **c == '#').count();
    if characters.get(at + 1 + hashes) != Some(&'"') {
        return at;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let from = at + 2 + hashes;
    characters[from..].windows(end.len()).position(|w| w == end).map_or(characters.len(), |n| from + n + end.len())
}

/// Without items that are compiled for tests alone, with what they hold.
fn without_tests(source: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let Some((before, after)) = source.split_once(MARK) else { return source.to_owned() };
    let mut depth = 0;
    for (at, c) in after.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(c, ';' | '}') {
            // A `use` tree in braces ends with a semicolon.
            let rest = after[at + 1..].trim_start().strip_prefix(';').unwrap_or(&after[at + 1..]);
            return format!("{before}{}", without_tests(rest));
        }
    }
    before.to_owned()
}

fn tokens(source: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            ':' if rest.starts_with("::") => 2,
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        found.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    found
}

/// Every path of a source that begins with `crate`, `super` or `self`, those of `use` trees spelled out.
pub(crate) fn paths(source: &str) -> Vec<Vec<String>> {
    let words = tokens(source);
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let begins = matches!(*word, "crate" | "super" | "self") && words.get(at + 1) == Some(&"::");
        if begins && (at == 0 || words[at - 1] != "::") {
            path(&words[at..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads a path or tree of paths from its first word; how many words it has.
fn path(words: &[&str], before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let depth = before.len();
    let mut at = 0;
    loop {
        match words.get(at) {
            Some(&"{") => {
                at += 1;
                while let Some(word) = words.get(at).filter(|word| **word != "}") {
                    at += match *word {
                        "as" => 2,
                        "," => 1,
                        _ => path(&words[at..], before, found).max(1),
                    };
                }
                at += 1;
                break;
            }
            Some(word) if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => before.push((*word).to_owned()),
            _ => {
                found.push(before.clone());
                break;
            }
        }
        at += 1;
        if words.get(at) != Some(&"::") {
            found.push(before.clone());
            break;
        }
        at += 1;
    }
    before.truncate(depth);
    at
}

/// The module that a path of `module` leads into.
fn resolved(module: &Module, path: &[String], sources: &BTreeMap<Module, String>) -> Option<Module> {
    let mut found = match path.first()?.as_str() {
        "crate" => Module::new(),
        _ => module.clone(),
    };
    for word in path {
        match word.as_str() {
            "crate" | "self" => {}
            "super" => _ = found.pop()?,
            name => {
                found.push(name.to_owned());
                if !sources.contains_key(&found) {
                    found.pop();
                    break;
                }
            }
        }
    }
    Some(found)
}
