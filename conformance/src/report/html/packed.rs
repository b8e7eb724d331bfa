//! The report as the page's script reads it: every text once, verdicts as rows of places in the list of texts, and of
//! differences and observations only what is shown. A full run fits in less than 2 MB so.

use std::collections::BTreeMap;
use std::path::Path;

use judge::difference::{Relation, Side};
use judge::requirements;
use judge::verdict::Verdict;
use serde_json::{Value, json};

use super::super::Report;
use super::super::groups::{Group, known_words};

/// Stands in a repeat command for its scenario, and for its requirement.
const SCENARIO: char = '\u{1}';
const REQUIREMENT: char = '\u{2}';
/// Documents of the evidence that are shown, and bytes of each.
const DOCUMENTS: usize = 40;
const LONGEST: usize = 16 << 10;

/// Texts, each once; the first is the empty one.
struct Texts<'a> {
    all: Vec<String>,
    places: BTreeMap<std::borrow::Cow<'a, str>, usize>,
}

impl<'a> Texts<'a> {
    fn new() -> Self {
        Self { all: vec![String::new()], places: [("".into(), 0)].into() }
    }

    fn place(&mut self, text: impl Into<std::borrow::Cow<'a, str>>) -> usize {
        let text = text.into();
        if let Some(place) = self.places.get(&text) {
            return *place;
        }
        self.all.push(text.clone().into_owned());
        self.places.insert(text, self.all.len() - 1);
        self.all.len() - 1
    }
}

/// The value; `groups` are the report's.
pub(super) fn packed(report: &Report, groups: &[Group<'_>]) -> Value {
    let mut texts = Texts::new();
    let mut kinds: Vec<[usize; 6]> = Vec::new();
    let mut places: BTreeMap<[usize; 6], usize> = BTreeMap::new();
    let rows: Vec<Value> = report
        .verdicts
        .iter()
        .map(|verdict| {
            let kind = [
                texts.place(verdict.requirement.as_str()),
                texts.place(verdict.level.name()),
                texts.place(verdict.base_level.name()),
                texts.place(verdict.target.name()),
                texts.place(verdict.service.as_str()),
                texts.place(verdict.source.as_str()),
            ];
            let at = *places.entry(kind).or_insert_with(|| {
                kinds.push(kind);
                kinds.len() - 1
            });
            row(verdict, at, &mut texts)
        })
        .collect();
    json!({
        "verdicts": rows,
        "kinds": kinds,
        "texts": texts.all,
        "catalogue": catalogue(report),
        "documents": documents(report, groups),
        "pairs": pairs(report),
        "observations": observations(report),
    })
}

/// Scenario, kind, verdict, repeat, message, expected, found, evidence, known, followers; empty ones at the end are
/// left out.
fn row<'a>(verdict: &'a Verdict, kind: usize, texts: &mut Texts<'a>) -> Value {
    let repeat = verdict
        .repeat
        .replace(&format!("--scenario {} ", verdict.scenario), &format!("--scenario {SCENARIO} "))
        .replace(&format!("--requirement {} ", verdict.requirement), &format!("--requirement {REQUIREMENT} "));
    let mut row = vec![
        texts.place(verdict.scenario.as_str()),
        kind,
        texts.place(verdict.verdict.name()),
        texts.place(repeat),
        texts.place(verdict.message.as_str()),
        texts.place(verdict.expected.as_str()),
        texts.place(verdict.found.as_str()),
        texts.place(verdict.evidence.as_str()),
        texts.place(known_words(verdict).unwrap_or_default()),
        texts.place(verdict.followed_by.join(", ")),
    ];
    while row.last() == Some(&0) {
        row.pop();
    }
    json!(row)
}

/// What the catalogue says of every requirement of the report: what it asks, why, and how to fix a violation.
fn catalogue(report: &Report) -> Value {
    let mut found = serde_json::Map::new();
    for verdict in &report.verdicts {
        if !found.contains_key(&verdict.requirement)
            && let Some(row) = requirements::named(&verdict.requirement)
        {
            found.insert(verdict.requirement.clone(), json!([row.asks, row.why, row.remedy]));
        }
    }
    Value::Object(found)
}

/// The documents that the groups' evidence names, where the evidence was kept and still is there.
fn documents(report: &Report, groups: &[Group<'_>]) -> Value {
    let mut found = serde_json::Map::new();
    let Some(folder) = report.evidence.as_deref().map(Path::new).filter(|folder| folder.is_dir()) else {
        return Value::Object(found);
    };
    for verdict in groups.iter().flat_map(|group| &group.verdicts) {
        let path = verdict.evidence.split('#').next().unwrap_or_default();
        if found.len() == DOCUMENTS {
            break;
        }
        if path.is_empty() || path.contains("..") || Path::new(path).is_absolute() || found.contains_key(path) {
            continue;
        }
        if let Some(text) = text_of(&folder.join(path)) {
            found.insert(path.to_owned(), json!(text));
        }
    }
    Value::Object(found)
}

/// A file's text, JSON with indents; none where it is not a regular file of text, or a large one.
fn text_of(file: &Path) -> Option<String> {
    let facts = std::fs::symlink_metadata(file).ok()?;
    if !facts.is_file() || facts.len() > LONGEST as u64 {
        return None;
    }
    let text = String::from_utf8(std::fs::read(file).ok()?).ok()?;
    let value: Option<Value> = serde_json::from_str(&text).ok();
    Some(value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or(text))
}

/// One row for each pair of places: what nothing permits build by build, what a class permits once with an example.
fn pairs(report: &Report) -> Vec<Value> {
    type Like<'a> = (&'a str, &'a str, &'a str);
    struct Pair<'a> {
        sides: (&'a Side, &'a Side),
        builds: usize,
        identical: usize,
        expected: BTreeMap<Like<'a>, (usize, [String; 6])>,
        unexpected: Vec<[String; 6]>,
    }
    let mut found: Vec<Pair<'_>> = Vec::new();
    for comparison in &report.differences {
        let sides = (&comparison.left, &comparison.right);
        let at = found.iter().position(|pair| pair.sides == sides).unwrap_or_else(|| {
            found.push(Pair { sides, builds: 0, identical: 0, expected: BTreeMap::new(), unexpected: Vec::new() });
            found.len() - 1
        });
        let pair = &mut found[at];
        pair.builds += 1;
        pair.identical += comparison.identical.len();
        for one in &comparison.differences {
            let reason = [one.class.as_str(), one.source.as_str()].into_iter().filter(|text| !text.is_empty());
            let build = format!("{}, step {}", comparison.scenario, comparison.step);
            let relation = if one.relation == Relation::Expected { "expected" } else { "unexpected" };
            let reason = reason.collect::<Vec<_>>().join(", ");
            let row = [one.field.clone(), relation.to_owned(), build, one.left.clone(), one.right.clone(), reason];
            if one.relation == Relation::Unexpected {
                pair.unexpected.push(row);
            } else {
                pair.expected.entry((&one.field, &one.class, &one.source)).or_insert((0, row)).0 += 1;
            }
        }
    }
    found.sort_by_key(|pair| std::cmp::Reverse(pair.unexpected.len()));
    let told = |pair: Pair<'_>| {
        let expected: usize = pair.expected.values().map(|(builds, _)| builds).sum();
        let permitted = pair.expected.into_values().map(|(builds, mut row)| {
            if builds > 1 {
                row[2] = format!("{} and {} more", row[2], builds - 1);
            }
            row
        });
        json!({
            "left": pair.sides.0,
            "right": pair.sides.1,
            "builds": pair.builds,
            "identical": pair.identical,
            "expected": expected,
            "unexpected": pair.unexpected.len(),
            "rows": pair.unexpected.iter().cloned().chain(permitted).collect::<Vec<_>>(),
        })
    };
    found.into_iter().map(told).collect()
}

/// Question, service, answer and how often it was seen.
fn observations(report: &Report) -> Vec<Value> {
    let mut found: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for one in &report.observations {
        *found.entry((&one.question, &one.service, &one.answer)).or_default() += 1;
    }
    found.into_iter().map(|((question, service, answer), times)| json!([question, service, answer, times])).collect()
}
