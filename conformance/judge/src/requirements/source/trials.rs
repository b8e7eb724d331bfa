//! What the theme rejects, and what it must not.

use serde_json::{Value, json};

use super::*;
use crate::evidence::ScenarioEvidence;
use crate::sample::{self, annotate, edit_input, edit_label, edit_manifest};
use crate::trial::{self, Trial, Trials};

const PROJECT: &str = "/layers/project-metadata.toml";
const LABEL: &str = "io.buildpacks.project.metadata";

/// The annotation as it stands, changed.
fn changed(name: &'static str, change: fn(&str) -> String) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let old = found(export.image.as_ref().unwrap(), name).unwrap();
        annotate(export, &format!("{PREFIX}{name}"), Some(&change(&old)));
    }
}

fn set(name: &'static str, value: Option<&'static str>) -> impl Fn(&mut Export) + 'static {
    move |export| annotate(export, &format!("{PREFIX}{name}"), value)
}

/// Another string as input, and what the image makes of it.
fn given(
    (name, table, key): (&'static str, &'static str, &'static str),
    input: impl Into<String>,
    output: Option<String>,
) -> impl Fn(&mut Export) + 'static {
    let input = toml::Value::String(input.into());
    move |export| {
        edit_input(export, PROJECT, &format!("[source.{table}]\n{key}={input}\n"));
        annotate(export, &format!("{PREFIX}{name}"), output.as_deref());
    }
}

fn contributed(name: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| sample::contribute(export, &[(&format!("{PREFIX}{name}"), "theirs")])
}

fn each_annotated(change: impl Fn(&mut Export)) -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    evidence.exports.iter_mut().filter(|e| e.target != crate::evidence::Target::Daemon).for_each(change);
    evidence
}

pub(in super::super) fn trials() -> Vec<Trial> {
    let keys = KEYS.iter().flat_map(|key| [present(*key), verbatim(*key), not_invented(*key)]);
    trial::all(keys.chain([non_string()]))
}

type Key = (&'static str, &'static str, &'static str);

fn present(key: Key) -> Trials {
    let name = key.0;
    Trials::of(&format!("source.{name}.present"))
        .rejects("none", set(name, None))
        .rejects("a key in other case", move |e| {
            sample::raw_manifest(e, &format!("image.{name}\""), &format!("image.{}\"", name.to_uppercase()));
        })
        .follows(
            "one left over from the run image",
            "annotations.not-inherited",
            set(name, Some("sentinel-annotation")),
        )
        .accepts("another value, which another row judges", changed(name, |old| format!("{old} ")))
        .accepts("a value that is not ASCII", given(key, "Grüße 世界", Some("Grüße 世界".to_owned())))
        .ignores("no input", move |e| {
            edit_input(e, PROJECT, "[source]\n");
            set(name, None)(e);
        })
        .ignores("an empty input", given(key, "", None))
        .ignores("a buildpack's", contributed(name))
}

/// Texts that an exporter might change on the way, and what it might make of them.
const TOUCHY: [(&str, &str, &str); 12] = [
    ("cut", "a long value with an end", "a long value with an en"),
    ("normal form composed", "Na\u{308}me", "N\u{e4}me"),
    ("normal form decomposed", "N\u{e4}me", "Na\u{308}me"),
    ("compatible form", "\u{fb01}le \u{2460}", "file 1"),
    ("space trimmed before", " x", "x"),
    ("space trimmed after", "x\n", "x"),
    ("space folded", "a  b\tc", "a b c"),
    ("escapes of HTML", "<a&b>", "\\u003ca\\u0026b\\u003e"),
    ("quotes lost", "\"q\" and \\", "q and "),
    ("line separator lost", "a\u{2028}b", "a b"),
    ("lower case", "MiXed", "mixed"),
    ("replacement characters", "世界", "\u{fffd}\u{fffd}"),
];

fn verbatim(key: Key) -> Trials {
    let name = key.0;
    let mut trials = Trials::of(&format!("source.{name}.verbatim"))
        .rejects("a space after it", changed(name, |old| format!("{old} ")))
        .rejects("a space before it", changed(name, |old| format!(" {old}")))
        .rejects("an end of line after it", changed(name, |old| format!("{old}\n")))
        .rejects("capitals", changed(name, |old| old.to_uppercase() + "x"))
        .rejects("one byte other", changed(name, |old| format!("{}~", &old[..old.len() - 1])))
        .rejects("one byte lost", changed(name, |old| old[..old.len() - 1].to_owned()))
        .rejects("quoted", changed(name, |old| format!("\"{old}\"")))
        .rejects("emptied", changed(name, |_| String::new()))
        .rejects("another key's value", move |e| {
            let other = if name == "title" { "Ada" } else { "N\u{e4}me" };
            annotate(e, &format!("{PREFIX}{name}"), Some(other));
        });
    for (what, input, output) in TOUCHY {
        let good = given(key, input, Some(input.to_owned()));
        trials = trials
            .accepts(format!("{what}: kept as it is"), given(key, input, Some(input.to_owned())))
            .from(move || each_annotated(&good))
            .rejects(what, set(name, Some(output)))
            .from(sample::scenario);
    }
    let long = "x".repeat(65_536);
    trials
        .accepts("64 KiB", given(key, long.clone(), Some(long)))
        .accepts("an empty string", given(key, "", Some(String::new())))
        .ignores("none", set(name, None))
        .ignores("an input that is not a string", move |e| {
            edit_input(e, PROJECT, &format!("[source.{}]\n{}=1\n", key.1, key.2));
        })
        .follows(
            "one left over from the run image",
            "annotations.not-inherited",
            set(name, Some("sentinel-annotation")),
        )
        .ignores("a buildpack's", contributed(name))
}

fn not_invented(key: Key) -> Trials {
    let name = key.0;
    let without = |e: &mut Export, name: &str| {
        edit_input(e, PROJECT, "[source]\n");
        annotate(e, &format!("{PREFIX}{name}"), None);
    };
    Trials::of(&format!("source.{name}.not-invented"))
        .from(move || each_annotated(|e| without(e, name)))
        .rejects("made up", set(name, Some("made up")))
        .rejects("an empty string", set(name, Some("")))
        .rejects("the old value", set(name, Some("c0ffee")))
        .accepts("another key", |e| annotate(e, "com.example.x", Some("x")))
        .follows(
            "one left over from the run image",
            "annotations.not-inherited",
            set(name, Some("sentinel-annotation")),
        )
        .accepts("no file", |e| e.inputs.files.retain(|file| file.path != PROJECT))
        .ignores("its input is there", given(key, "x", Some("x".to_owned())))
        .ignores("a buildpack's", contributed(name))
}

/// A list, a date, a number and a boolean as inputs, with their JSON form in the label.
fn odd() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        edit_input(
            export,
            PROJECT,
            "[source.metadata]\nname=['a', 'b']\nversion=2026-01-01T00:00:00Z\nauthors={x=1.5}\nlicenses=true\n",
        );
        edit_label(export, LABEL, |value| {
            *value = json!({ "source": { "metadata": {
                "name": ["a", "b"], "version": "2026-01-01T00:00:00Z", "authors": { "x": 1.5 }, "licenses": true,
            } } });
        });
        if export.target != crate::evidence::Target::Daemon {
            edit_manifest(export, |manifest| {
                let map = manifest["annotations"].as_object_mut().unwrap();
                map.retain(|key, _| key.contains(".base."));
            });
        }
    }
    evidence
}

fn in_label(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    move |export| edit_label(export, LABEL, |label| label["source"]["metadata"][key] = value.clone())
}

fn as_annotation(name: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    move |export| edit_manifest(export, |m| m["annotations"][format!("{PREFIX}{name}")] = value.clone())
}

fn non_string() -> Trials {
    Trials::of("source.non-string")
        .from(odd)
        .rejects("the list as a string in the label", in_label("name", json!("a, b")))
        .rejects("the list in other order", in_label("name", json!(["b", "a"])))
        .rejects("the list is cut", in_label("name", json!(["a"])))
        .rejects("another date", in_label("version", json!("2026-01-02T00:00:00Z")))
        .rejects("another number", in_label("authors", json!({ "x": 2 })))
        .rejects("the boolean as a string", in_label("licenses", json!("true")))
        .rejects("a value is lost", |e| {
            edit_label(e, LABEL, |l| drop(l["source"]["metadata"].as_object_mut().unwrap().remove("licenses")));
        })
        .rejects("no label", |e| {
            sample::edit_config(e, |c| drop(c["config"]["Labels"].as_object_mut().unwrap().remove(LABEL)));
        })
        .accepts("the date in another offset", in_label("version", json!("2026-01-01T01:00:00+01:00")))
        .ignores("strings alone", |e| edit_input(e, PROJECT, "[source.metadata]\nname='x'\n"))
        .on(WITH_MANIFEST)
        .rejects("a list as annotation", as_annotation("title", json!(["a", "b"])))
        .rejects("a table as annotation", as_annotation("authors", json!({ "x": 1.5 })))
        .rejects("a boolean as annotation", as_annotation("licenses", json!(true)))
        .accepts("a string of the list as annotation", as_annotation("title", json!("a, b")))
        .accepts("the date as annotation", as_annotation("version", json!("2026-01-01")))
        .accepts("another annotation that is not a string, of which another row speaks", |e| {
            sample::edit_manifest(e, |m| m["annotations"]["com.example.number"] = json!(1));
        })
}
