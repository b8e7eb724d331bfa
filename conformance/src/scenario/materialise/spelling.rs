//! A TOML file spelt otherwise than programs write it, with the same values (TOML 1.0).

use std::fmt::Write as _;

use toml::{Table, Value};

/// Tables on one line each, keys quoted by turns, literal strings, lists over several lines, comments, CR LF, and no
/// line end at the end.
pub(super) fn inline_tables(table: &Table) -> String {
    let mut lines = vec!["# what the analysis found".to_owned(), String::new()];
    lines.extend(table.iter().map(|(key, value)| format!("{} = {} # as found", quoted(key), inline(value))));
    lines.join("\r\n")
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => literal(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| format!("\t{},\r\n", inline(item))).collect();
            format!("[ # in this order\r\n{}]", items.concat())
        }
        Value::Table(table) => {
            let members: Vec<String> = table
                .iter()
                .enumerate()
                .map(|(index, (key, value))| {
                    let key = if index % 2 == 0 { quoted(key) } else { literal(key) };
                    format!("{key}={}", inline(value))
                })
                .collect();
            format!("{{ {} }}", members.join(" , "))
        }
        other => other.to_string(),
    }
}

/// A line for each value, with all of its keys before it, and texts over several lines with escapes in them.
pub(super) fn dotted_keys(table: &Table) -> String {
    let mut text = String::new();
    each_value(&mut text, "", table);
    text
}

fn each_value(text: &mut String, before: &str, table: &Table) {
    for (key, value) in table {
        let key = format!("{before}{}", quoted(key));
        match value {
            Value::Table(table) if !table.is_empty() => each_value(text, &format!("{key} . "), table),
            Value::String(value) => drop(writeln!(text, "{key} = {}", escaped(value))),
            value => drop(writeln!(text, "{key}={}", inline(value))),
        }
    }
}

/// A key that needs no quotes has none where it has no hyphen.
fn quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_bare { key.to_owned() } else { Value::from(key).to_string() }
}

/// A text without escapes, where it can have none.
fn literal(text: &str) -> String {
    let is_plain = text.chars().all(|c| c != '\'' && !c.is_control());
    if is_plain { format!("'{text}'") } else { Value::from(text).to_string() }
}

/// A text over several lines: the line end after the first quotes is not a part of it, nor is what follows a backslash
/// at the end of a line up to the next character. Its first character is written by its number.
fn escaped(text: &str) -> String {
    let mut made = "\"\"\"\n".to_owned();
    for (index, c) in text.chars().enumerate() {
        if index == 0 || c == '"' || c == '\\' || c.is_control() {
            let _ = write!(made, "\\U{:08X}", u32::from(c));
        } else {
            made.push(c);
        }
        // A blank would be taken for one of those between the lines.
        if index == 0 && text.chars().nth(1).is_some_and(|next| !next.is_whitespace()) {
            made.push_str("\\\n    ");
        }
    }
    made + "\"\"\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_the_same_values() {
        let table: Table = "\
            [image]\nreference = 'host.example:5/app@sha256:00'\n\
            [run-image]\nimage = \"it's \\\"quoted\\\" \\\\ and\\u0001\"\nextend = true\ntarget.os = 'linux'\n\
            [metadata]\nempty = {}\nnone = []\nnumbers = [1, -2.5, [3]]\n'key with \\ and .' = ''\n\
            [[metadata.app]]\nsha = ' x'\n\
            [[metadata.app]]\n'a b' = 'a b'\n"
            .parse()
            .unwrap();
        let (inline, dotted) = (inline_tables(&table), dotted_keys(&table));
        for text in [&inline, &dotted] {
            assert_eq!(text.parse::<Table>().unwrap(), table, "{text}");
            assert!(!text.lines().any(|line| line.starts_with('[')), "{text}");
        }
        assert!(
            inline.contains("\r\n") && !inline.ends_with('\n') && inline.contains("\"run-image\" = { "),
            "{inline}"
        );
        assert!(dotted.contains("\"run-image\" . target . os = \"\"\"\n\\U0000006C\\\n    inux\"\"\"\n"), "{dotted}");
    }
}
