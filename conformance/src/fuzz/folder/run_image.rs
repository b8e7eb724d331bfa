//! `[run-image]` of a generated build.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::put;
use crate::generated::RunImage;

/// The table.
pub(super) fn table(image: &RunImage) -> Table {
    let mut table = Table::new();
    if image.docker {
        put(&mut table, "format", "docker-schema2");
    } else {
        put(&mut table, "annotations", sentinels("annotation", &image.annotations));
    }
    put(&mut table, "labels", sentinels("label", &image.labels));
    let path = "PATH=/usr/local/bin:/usr/bin:/bin".to_owned();
    put(&mut table, "env", std::iter::once(path).chain(distinct(&image.env, '=')).collect::<Vec<_>>());
    put(&mut table, "cmd", image.cmd.clone());
    put(&mut table, "exposed-ports", distinct(&image.ports, '\n'));
    put(&mut table, "volumes", distinct(&image.volumes, '\n'));
    let words = [("user", &image.user), ("stop-signal", &image.stop_signal), ("os-version", &image.os_version)];
    for (key, word) in words {
        if let Some(word) = word {
            put(&mut table, key, word.as_str());
        }
    }
    if image.mirror {
        put(&mut table, "mirrors", vec!["mirror.example/team/run:base"]);
    }
    put(&mut table, "layers", image.layers.iter().enumerate().map(|(at, files)| layer(at, *files)).collect::<Vec<_>>());
    table
}

/// Values that no other input holds, by key.
fn sentinels(kind: &str, pairs: &[(String, String)]) -> Table {
    let pairs: BTreeMap<&String, &String> = pairs.iter().map(|(key, ending)| (key, ending)).collect();
    let value = |(at, (key, ending)): (usize, (&String, &String))| {
        (key.clone(), Value::from(format!("run-image-{kind}-{at}{ending}")))
    };
    pairs.into_iter().enumerate().map(value).collect()
}

/// The first of those that are the same up to `end`.
fn distinct(words: &[String], end: char) -> Vec<String> {
    let mut found: BTreeMap<&str, &String> = BTreeMap::new();
    for word in words {
        found.entry(word.split(end).next().unwrap_or_default()).or_insert(word);
    }
    found.into_values().cloned().collect()
}

fn layer(at: usize, files: u8) -> Value {
    let file =
        |number: u8| (format!("usr/share/base-{at}/{number}"), Value::from(format!("layer {at}, file {number}\n")));
    let files: Table = (0..files).map(file).collect();
    Table::from_iter([("files".to_owned(), files.into())]).into()
}
