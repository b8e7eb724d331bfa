//! The long lists of a JSON report with every text once: what entries have in common is a part, and an entry is a row
//! of the places of its parts, whose members it has. A verdict's id and its repeat command are spelled out only where
//! they do not follow from scenario, service and requirement. The lists of whole entries that schema 1 has are read
//! too.

use crate::error::chain;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use judge::difference::{Comparison, Difference};
use judge::observation::Observation;
use judge::verdict::Verdict;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A part: some members of an entry.
type Part = Map<String, Value>;

/// Members that entries have in common, together: those that are in no group are the entry's last part.
type Groups = &'static [&'static [&'static str]];

const OF_VERDICTS: Groups =
    &[&["scenario", "target", "service", "exports", TEMPLATE], &["requirement", "level", "base_level", "source"]];
const OF_OBSERVATIONS: Groups = &[&["scenario", "target", "service"], &["question", "answer"]];
const OF_COMPARISONS: Groups = &[&["scenario", "step"], &["left", "right"], &["identical"]];
const OF_DIFFERENCES: Groups = &[&["field", "relation", "class", "source"]];

/// The member that stands for `repeat` where that only needs the verdict's scenario and requirement.
const TEMPLATE: &str = "repeat_template";
/// What stands for them in it.
const PLACES: [(&str, &str); 2] = [("{scenario}", "scenario"), ("{requirement}", "requirement")];

/// What a row names: a part of its entry, or the parts of an entry within it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Cell {
    Part(usize),
    Within(Vec<usize>),
}

/// Parts and rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    parts: Vec<Part>,
    rows: Vec<Vec<Cell>>,
}

/// Collects parts, each once.
#[derive(Default)]
struct Packer {
    parts: Vec<Part>,
    places: HashMap<String, usize>,
}

impl Packer {
    /// The places of an entry's parts.
    fn row(&mut self, mut entry: Part, groups: Groups) -> Result<Vec<usize>, serde_json::Error> {
        let mut row = Vec::new();
        for group in groups {
            let part = group.iter().filter_map(|name| Some(((*name).to_owned(), entry.shift_remove(*name)?)));
            row.push(self.place(part.collect())?);
        }
        if !entry.is_empty() {
            row.push(self.place(entry)?);
        }
        Ok(row)
    }

    fn place(&mut self, part: Part) -> Result<usize, serde_json::Error> {
        let text = serde_json::to_string(&part)?;
        if let Some(place) = self.places.get(&text) {
            return Ok(*place);
        }
        self.places.insert(text, self.parts.len());
        self.parts.push(part);
        Ok(self.parts.len() - 1)
    }
}

impl Packed {
    /// The sum of the parts at these places.
    fn sum<'a>(&self, places: impl Iterator<Item = &'a usize>) -> Result<Part, String> {
        let mut entry = Part::new();
        for place in places {
            let part = self.parts.get(*place).ok_or_else(|| format!("a row names part {place}, which is not there"))?;
            entry.extend(part.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Ok(entry)
    }

    fn entry(&self, row: &[Cell]) -> Result<Part, String> {
        self.sum(row.iter().filter_map(|cell| if let Cell::Part(place) = cell { Some(place) } else { None }))
    }
}

fn members(entry: &impl Serialize) -> Result<Part, serde_json::Error> {
    match serde_json::to_value(entry)? {
        Value::Object(members) => Ok(members),
        _ => Err(<serde_json::Error as serde::ser::Error>::custom("an entry of a report has no members")),
    }
}

fn whole<T: DeserializeOwned>(entry: Part) -> Result<T, String> {
    serde_json::from_value(Value::Object(entry)).map_err(|error| chain(&error))
}

/// An entry that can be packed.
trait Packable: DeserializeOwned + Serialize {
    /// A row of the entry.
    fn packed(&self, packer: &mut Packer) -> Result<Vec<Cell>, serde_json::Error>;
    /// The entry of a row.
    fn of(row: &[Cell], packed: &Packed) -> Result<Self, String>;
}

impl Packable for Verdict {
    fn packed(&self, packer: &mut Packer) -> Result<Vec<Cell>, serde_json::Error> {
        let mut entry = members(self)?;
        if self.id == id_of(&self.scenario, &self.service, &self.requirement) {
            entry.shift_remove("id");
        }
        let template = self
            .repeat
            .replace(&format!("--scenario {}", self.scenario), "--scenario {scenario}")
            .replace(&format!("--requirement {}", self.requirement), "--requirement {requirement}");
        if filled(&template, &entry) == self.repeat {
            entry.shift_remove("repeat");
            entry.insert(TEMPLATE.to_owned(), template.into());
        }
        Ok(packer.row(entry, OF_VERDICTS)?.into_iter().map(Cell::Part).collect())
    }

    fn of(row: &[Cell], packed: &Packed) -> Result<Self, String> {
        let mut entry = packed.entry(row)?;
        if let Some(template) = entry.shift_remove(TEMPLATE) {
            let repeat = filled(template.as_str().unwrap_or_default(), &entry);
            entry.insert("repeat".to_owned(), repeat.into());
        }
        if !entry.contains_key("id") {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let id = id_of(text("scenario"), text("service"), text("requirement"));
            entry.insert("id".to_owned(), id.into());
        }
        whole(entry)
    }
}

impl Packable for Observation {
    fn packed(&self, packer: &mut Packer) -> Result<Vec<Cell>, serde_json::Error> {
        Ok(packer.row(members(self)?, OF_OBSERVATIONS)?.into_iter().map(Cell::Part).collect())
    }

    fn of(row: &[Cell], packed: &Packed) -> Result<Self, String> {
        whole(packed.entry(row)?)
    }
}

impl Packable for Comparison {
    fn packed(&self, packer: &mut Packer) -> Result<Vec<Cell>, serde_json::Error> {
        let mut entry = members(self)?;
        entry.shift_remove("differences");
        let mut row: Vec<Cell> = packer.row(entry, OF_COMPARISONS)?.into_iter().map(Cell::Part).collect();
        for difference in &self.differences {
            row.push(Cell::Within(packer.row(members(difference)?, OF_DIFFERENCES)?));
        }
        Ok(row)
    }

    fn of(row: &[Cell], packed: &Packed) -> Result<Self, String> {
        let within = row.iter().filter_map(|cell| if let Cell::Within(places) = cell { Some(places) } else { None });
        let differences: Result<Vec<Difference>, String> =
            within.map(|places| whole(packed.sum(places.iter())?)).collect();
        let mut entry = packed.entry(row)?;
        entry.insert("differences".to_owned(), Value::Array(Vec::new()));
        Ok(Self { differences: differences?, ..whole(entry)? })
    }
}

fn id_of(scenario: &str, service: &str, requirement: &str) -> String {
    format!("{scenario}/{service}/{requirement}")
}

/// The command of a template for an entry.
fn filled(template: &str, entry: &Part) -> String {
    PLACES.iter().fold(template.to_owned(), |text, (place, name)| {
        text.replace(place, entry.get(*name).and_then(Value::as_str).unwrap_or_default())
    })
}

/// For `#[serde(serialize_with)]`.
#[expect(private_bounds, reason = "only lists of reports are packed")]
pub(super) fn pack<T: Packable, S: Serializer>(entries: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let mut packer = Packer::default();
    let rows = entries.iter().map(|entry| entry.packed(&mut packer)).collect::<Result<_, _>>();
    Packed { rows: rows.map_err(S::Error::custom)?, parts: packer.parts }.serialize(serializer)
}

/// For `#[serde(deserialize_with)]`.
#[expect(private_bounds, reason = "only lists of reports are packed")]
pub(super) fn unpack<'de, T: Packable, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Either(PhantomData))
}

/// A list of whole entries, or parts and rows.
struct Either<T>(PhantomData<T>);

impl<'de, T: Packable> Visitor<'de> for Either<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or parts and rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, packed: A) -> Result<Vec<T>, A::Error> {
        let packed = Packed::deserialize(MapAccessDeserializer::new(packed))?;
        packed.rows.iter().map(|row| T::of(row, &packed)).collect::<Result<_, _>>().map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{json, sample};
    use super::*;

    #[test]
    fn what_is_packed_is_whole_again_and_texts_are_there_once() {
        let mut report = sample::report();
        let like = report.verdicts[0].clone();
        let (one, other) =
            (&report.verdicts[0].id, "conformance run --exporter {scenario} --scenario s --requirement a.b");
        assert_eq!(one, "minimal/registry/base.digest-present");
        report.verdicts.push(Verdict { id: "another".to_owned(), ..like.clone() });
        report.verdicts.push(Verdict { repeat: other.to_owned(), ..like.clone() });
        report.verdicts.extend((0..200).map(|number| Verdict {
            id: format!("s{number}/registry/{}", like.requirement),
            scenario: format!("s{number}"),
            repeat: format!("conformance run --scenario s{number} --requirement {} --target layout", like.requirement),
            ..like.clone()
        }));
        let text = json::render(&report).unwrap();
        assert_eq!(serde_json::from_str::<super::super::Report>(&text).unwrap(), report);
        assert_eq!(
            text.matches("conformance run --scenario {scenario} --requirement {requirement} --target").count(),
            200
        );
        assert_eq!(text.matches(other).count(), 1, "what cannot be put together again is kept");
        assert_eq!(text.matches(r#""message":"message <b>"#).count(), 8, "of 208: {text}");
    }

    #[test]
    fn rows_that_name_what_is_not_there_are_refused() {
        for packed in
            [r#"{"parts":[],"rows":[[0]]}"#, r#"{"parts":[{}],"rows":[[0]]}"#, r#"{"parts":[],"rows":[],"x":1}"#]
        {
            let read = unpack::<Verdict, _>(&mut serde_json::Deserializer::from_str(packed));
            assert!(read.is_err(), "{packed}");
        }
    }
}
