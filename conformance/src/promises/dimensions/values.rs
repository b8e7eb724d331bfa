//! Values of annotations: what the platform passes in `project-metadata.toml`.

use crate::generated::Build;
use crate::promises::{Dimension, Value};
use crate::scenario::KEYS;

/// A class of values: its name, whether a text is of it, and an example.
pub(in crate::promises) struct Class {
    pub(in crate::promises) name: &'static str,
    pub(in crate::promises) is: fn(&str) -> bool,
    make: crate::promises::Make,
}

macro_rules! classes {
    ($($name:literal, $is:expr, $example:expr;)*) => {
        /// All of them.
        pub(in crate::promises) const CLASSES: &[Class] =
            &[$(Class { name: $name, is: $is, make: |build| every(build, $example) }),*];

        #[test]
        fn every_example_is_of_its_class() {
            $({
                let is: fn(&str) -> bool = $is;
                assert!(is($example), "{}", $name);
            })*
        }
    };
}

classes! {
    "shell: a variable", |text| text.contains("$HOME"), "$HOME";
    "shell: backticks, redirections", |text| text.contains('`') && text.contains('>'), "`id` > x";
    "format verbs", |text| text.contains("%s"), "%s %d";
    "a template", |text| text.contains("{{"), "{{.}}";
    "escapes", |text| text.contains("\\n"), "\\n \\u0041";
    "backslashes", |text| text.contains('\\'), "C:\\new";
    "markup", |text| text.contains("<b>"), "<b>&amp;</b>";
    "quotes inside", |text| text.trim_matches('"').contains('"'), "a \"b\" c";
    "quotes around", |text| text.starts_with('"') && text.ends_with('"'), "\"quoted\"";
    "apostrophes", |text| text.contains('\''), "it's";
    "a scp-like address", |text| text.starts_with("git@"), "git@git.example:team/app";
    "an ssh URL", |text| text.starts_with("ssh://"), "ssh://git@git.example/app";
    "userinfo", |text| text.starts_with("https://") && text.contains('@'), "https://ada@git.example/app";
    "a slash at the end", |text| text.ends_with('/') && text.contains("://"), "https://git.example/app/";
    ".git at the end", |text| text.rsplit('.').next() == Some("git") && text.contains("://"), "https://git.example/app.git";
    "a host in upper case, a default port", |text| text.contains(":443") && text.contains(char::is_uppercase), "HTTPS://Git.Example:443/a";
    "percent-encoding", |text| text.contains("%C3"), "https://git.example/%C3%A9";
    "an address without scheme", |text| text.starts_with("git.example"), "git.example/app";
    "40 hexadecimal digits", |text| is_hex(text, 40), "4f1c2d3e4b5a69788796a5b4c3d2e1f001122334";
    "64 hexadecimal digits", |text| is_hex(text, 64), "4f1c2d3e4b5a69788796a5b4c3d2e1f0011223344f1c2d3e4b5a69788796a5b4";
    "128 characters", |text| text.chars().count() == 128, "sixteen letters:sixteen letters:sixteen letters:sixteen letters:sixteen letters:sixteen letters:sixteen letters:sixteen letters:";
    "255 bytes", |text| text.len() == 255, &"fifteen bytes +".repeat(17);
    "1000 bytes", |text| text.len() == 1000, &"\u{e9}".repeat(500);
    "65,536 bytes", |text| text.len() == 65_536, &"sixteen bytes, +".repeat(4096);
    "0", |text| text == "0", "0";
    "null", |text| text == "null", "null";
    "false", |text| text == "false", "false";
    "a number with zeros", |text| text == "1.10" || text == "007", "1.10";
    "an exponent", |text| text == "1e3", "1e3";
    "a date", |text| text == "2019-03-07", "2019-03-07";
    "an empty list", |text| text == "[]", "[]";
    "commas", |text| text.contains(','), "Ada, Grace,";
    "blanks at both ends", |text| text.starts_with(' ') && text.ends_with(' '), "  a  ";
    "non-breaking blanks", |text| text.contains('\u{a0}'), "\u{a0}a\u{a0}b";
    "blanks doubled inside", |text| text.trim().contains("  "), "a  b";
    "tabs", |text| text.contains('\t'), "\ta\tb";
    "several lines", |text| text.trim_end().contains('\n'), "one\ntwo\r\nthree\n";
    "a byte order mark", |text| text.starts_with('\u{feff}'), "\u{feff}a";
    "a comment's mark", |text| text.starts_with('#'), "# a";
    "composed letters", |text| text.contains('\u{e9}'), "Caf\u{e9}";
    "decomposed letters", |text| text.contains("e\u{301}"), "Cafe\u{301}";
    "compatibility forms", |text| text.contains('\u{fb01}'), "\u{fb01} \u{2460}";
    "upper and lower case", |text| text.contains("MiXeD"), "UPPER lower MiXeD";
    "characters of no width", |text| text.contains('\u{200b}'), "a\u{200b}b";
    "emoji", |text| text.contains('\u{1f600}') || text.contains('\u{1f4bb}'), "\u{1f469}\u{200d}\u{1f4bb} \u{1f600}";
    "control characters", |text| text.contains('\u{1}'), "\u{1}\u{1b}\u{7f}";
    "licences with operators in lower case", |text| text.contains("MIT and "), "MIT and Apache-2.0";
    "licences in brackets", |text| text.starts_with("(MIT OR"), "(MIT OR ISC) AND BSD-3-Clause";
    "a licence that is not an expression", |text| text == "Apache License 2.0", "Apache License 2.0";
}

/// Those that are combined with the values of all other dimensions: one of each way to spoil a text.
const PAIRED: [&str; 8] = [
    "shell: a variable",
    "escapes",
    "a scp-like address",
    "64 hexadecimal digits",
    "65,536 bytes",
    "null",
    "several lines",
    "decomposed letters",
];

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// Gives each of the seven keys of a generated build this value.
fn every(build: &mut Build, text: &str) {
    let mut source = toml::Table::from_iter([("type".to_owned(), "git".into())]);
    for (table, key) in KEYS {
        let table = source.entry(table).or_insert_with(|| toml::Table::new().into());
        if let toml::Value::Table(table) = table {
            table.insert(key.to_owned(), text.into());
        }
    }
    build.project = Some(toml::Table::from_iter([("source".to_owned(), source.into())]));
}

pub(super) fn dimensions() -> Vec<Dimension> {
    let class = |class: &'static Class| {
        Value::new(class.name, move |seen| seen.values().iter().any(|(_, value)| value.as_str().is_some_and(class.is)))
    };
    let class = move |of: &'static Class| {
        if PAIRED.contains(&of.name) { class(of).made(of.make) } else { class(of) }
    };
    vec![
        Dimension::new(
            "Values of annotations",
            "Texts that careless code spoils; each of the seven keys of RFC 196 has each of them in some scenario.",
            CLASSES.iter().map(class).collect(),
        ),
        inputs(),
        names(),
    ]
}

fn inputs() -> Dimension {
    Dimension::new(
        "Project metadata",
        "What there is of it (project-metadata.toml).",
        vec![
            Value::new("no file", |seen| seen.is_good() && seen.project().is_none()),
            Value::new("no table source", |seen| seen.project().is_some_and(|table| !table.contains_key("source"))),
            Value::new("all seven keys", |seen| seen.values().len() == KEYS.len()),
            Value::new("some of them", |seen| (1..KEYS.len()).contains(&seen.values().len())),
            Value::new("an empty text", |seen| seen.values().iter().any(|(_, value)| value.as_str() == Some(""))),
            Value::new("a value that is not text", |seen| seen.values().iter().any(|(_, value)| !value.is_str())),
        ],
    )
}

fn names() -> Dimension {
    Dimension::new(
        "Values of base.name",
        "The run image's name, as the analysis has it.",
        vec![
            Value::new("a registry with port", |seen| seen.run_image().analysed_name.is_none()),
            Value::new("a registry without port", |seen| {
                seen.run_image()
                    .analysed_name
                    .as_ref()
                    .is_some_and(|name| name.split('/').next().is_some_and(|host| host.contains('.')))
            }),
            Value::new("no registry", |seen| {
                seen.run_image().analysed_name.as_ref().is_some_and(|name| !name.contains('.'))
            }),
            Value::new("upper-case letters", |seen| seen.run_image().name.contains(char::is_uppercase)),
            Value::new("separators of every kind", |seen| {
                ["__", "-", "."].iter().all(|mark| seen.run_image().name.contains(mark))
            }),
        ],
    )
}
