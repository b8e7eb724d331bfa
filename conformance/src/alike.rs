//! Whether two exports are one and the same thing done twice: all that was observed of both, except for what is another
//! in every run (addresses and ports, times, names of the scenario) and what follows from that. In doubt they are not.

use judge::evidence::{Document, Export};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Whether what the exporter did is the same.
#[must_use]
pub fn are(one: &Export, two: &Export) -> bool {
    match (essence(one), essence(two)) {
        (Some(one), Some(two)) => one == two,
        _ => false,
    }
}

/// What was observed, as text; none where it cannot be written as such.
fn essence(export: &Export) -> Option<String> {
    let Value::Object(mut members) = serde_json::to_value(export).ok()? else { return None };
    // What the suite gave, and how it calls it, is not the exporter's doing.
    for given in ["id", "scenario", "service", "step", "platform_api", "inputs", "run_image"] {
        members.remove(given);
    }
    if let Some(outcome) = members.get_mut("outcome").and_then(Value::as_object_mut) {
        settle(outcome);
    }
    if let Some(wire) = &export.wire {
        let mut requests: Vec<String> = wire
            .iter()
            .map(|one| {
                format!(
                    "{} {} {} {:?} {}",
                    one.method,
                    path_of(&one.target),
                    one.status,
                    one.content_type,
                    one.had_credentials
                )
            })
            .collect();
        // Layers travel side by side, in any order.
        requests.sort();
        members.insert("wire".to_owned(), json!(requests));
    }
    if let Some(inspect) = members.get_mut("daemon").and_then(|daemon| daemon.get_mut("inspect")) {
        *inspect = inspected(export).unwrap_or_default();
    }
    let text = Value::Object(members).to_string();
    Some(without_names(&text, export))
}

/// Output without times, dates and colours; how long it took is left out.
fn settle(outcome: &mut Map<String, Value>) {
    for varies in ["started", "milliseconds", "printed"] {
        outcome.remove(varies);
    }
    for stream in ["stdout", "stderr"] {
        if let Some(Value::String(text)) = outcome.get_mut(stream) {
            *text = plain(text);
        }
    }
}

/// A log with one word for every time, date and duration, and without colours.
fn plain(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        words.push_str(&rest[..at]);
        rest = rest[at..].find('m').map_or("", |end| &rest[at + end + 1..]);
    }
    words.push_str(rest);
    let word =
        |word: &str| if is_time(word.trim_matches(|c: char| "()[],;".contains(c))) { "TIME" } else { word }.to_owned();
    words.split('\n').map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
}

/// `1.5ms`, `12:30:01.5`, `2026-01-01T00:00:00Z`.
fn is_time(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if digits == 0 || !word.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let is_duration = ["ns", "µs", "us", "ms", "s", "m"].contains(&unit);
    let is_date = digits >= 6
        && word.chars().all(|c| c.is_ascii_digit() || "-/:.TZ+".contains(c))
        && word.contains([':', '/', '-']);
    is_duration || is_date
}

/// A request's path; the registry makes up the names of uploads.
fn path_of(target: &str) -> String {
    match target.split_once("/uploads/") {
        Some((before, after)) => {
            let digest = after.split_once("digest=").map_or("", |(_, digest)| digest);
            format!("{before}/uploads/ {digest}")
        }
        None => target.to_owned(),
    }
}

/// What the daemon says of the image, except for when it got it.
fn inspected(export: &Export) -> Option<Value> {
    let document = export.daemon.as_ref()?.inspect.as_ref()?;
    let mut value: Value = serde_json::from_slice(&document.bytes).ok()?;
    let members = value.as_object_mut()?;
    for varies in ["Metadata", "LastTagTime"] {
        members.remove(varies);
    }
    Some(value)
}

/// The text with one word for each address, for the build's folder, for the scenario, and for digests and sizes of the
/// documents in which they stand.
fn without_names(text: &str, export: &Export) -> String {
    let mut text = text.to_owned();
    for (word, document) in documents(export) {
        text = text.replace(&document.digest.to_string(), word);
        text = text.replace(document.digest.to_string().trim_start_matches("sha256:"), word);
        for size in ["size\":", "size\\\":", "manifest-size = ", "manifest-size = \\\""] {
            let number = format!("{size}{}", document.bytes.len());
            for end in [",", "}", "\\n", "\\\""] {
                text = text.replace(&format!("{number}{end}"), &format!("{size}{word}{end}"));
            }
        }
    }
    for before in export.tags_before.values().flatten() {
        text = text.replace(before.as_str(), "BEFORE");
    }
    for host in hosts(export) {
        text = text.replace(host, "REGISTRY");
    }
    if let Some((folder, _)) = export.inputs.layers.rsplit_once('/') {
        text = text.replace(folder, "BUILD");
    }
    let text = export.inputs.project.iter().fold(text, |text, project| text.replace(project, "SCENARIO"));
    text.replace(&export.scenario, "SCENARIO")
}

/// Documents that names stand in, so that their digests and sizes are others with other names.
fn documents(export: &Export) -> Vec<(&'static str, &Document)> {
    let mut found = Vec::new();
    let daemon = export.daemon.as_ref();
    let further =
        [daemon.and_then(|daemon| daemon.pushed.as_ref()), daemon.and_then(|daemon| daemon.pulled_back.as_ref())];
    for image in std::iter::once(export.image.as_ref()).chain(further).flatten() {
        found.extend(image.manifest.as_ref().map(|document| ("MANIFEST", document)));
        found.extend(image.config.as_ref().map(|document| ("CONFIG", document)));
    }
    found.extend(export.report.as_ref().map(|document| ("REPORT", document)));
    let roots = export.layout.iter().flat_map(|layout| &layout.roots);
    found.extend(roots.filter_map(|root| Some(("INDEX", root.index.as_ref()?))));
    found.extend(export.previous_after.iter().filter_map(|fetched| Some(("PREVIOUS", fetched.document.as_ref()?))));
    found
}

/// The addresses under which an export's image and run image have their names.
pub(crate) fn hosts(export: &Export) -> BTreeSet<&str> {
    let names = export.inputs.images.iter().chain([&export.run_image.name, &export.run_image.reference]);
    names.filter_map(|name| Some(name.split_once('/')?.0)).filter(|host| host.contains(':')).collect()
}

#[cfg(test)]
mod tests {
    use judge::evidence::End;

    use super::*;
    use crate::compare::sample::{export, with_host};

    #[test]
    fn addresses_times_and_what_follows_from_them_are_no_difference() {
        let (one, mut two) = (export(), with_host("127.0.0.1:40001"));
        assert!(are(&one, &one) && are(&one, &two));
        two.outcome.milliseconds += 77;
        two.outcome.stdout = "2026-01-01 10:11:12 Timer: Saving ran for 23.874614ms\n".to_owned();
        let mut slower = one.clone();
        slower.outcome.stdout = "2027-02-03 01:02:03 \u{1b}[33mTimer: Saving\u{1b}[0m ran for 1.5s\n".to_owned();
        assert!(are(&slower, &two));
    }

    #[test]
    fn anything_else_is_one() {
        let one = export();
        let changes: [fn(&mut Export); 5] = [
            |export| export.outcome.end = End::Exited(1),
            |export| export.outcome.stderr = "ERROR: no\n".to_owned(),
            |export| export.image = None,
            |export| export.tags.clear(),
            |export| {
                let image = export.image.as_mut().unwrap();
                let text = image.manifest.as_ref().unwrap().text().unwrap().replacen(
                    '{',
                    "{\"annotations\":{\"a\":\"b\"},",
                    1,
                );
                image.manifest = Some(Document::new(text.into_bytes(), None));
            },
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut two = one.clone();
            change(&mut two);
            assert!(!are(&one, &two), "change {number}");
        }
    }
}
