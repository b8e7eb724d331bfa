//! `values` of a scenario: texts that the seven keys of the project metadata take in turn, a step for each.

use serde::Deserialize;
use toml::Table;

use super::{FileEntry, Step};

/// Table below `source`, and key: those that RFC 196 reads.
pub(crate) const KEYS: [(&str, &str); 7] = [
    ("metadata", "repository"),
    ("version", "commit"),
    ("metadata", "authors"),
    ("metadata", "version"),
    ("metadata", "documentation-url"),
    ("metadata", "name"),
    ("metadata", "licenses"),
];

/// Where they are written.
pub(crate) const PLACE: &str = "layers/project-metadata.toml";

/// A text as it is, or one that is too long to be written out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// The text.
    Text(String),
    /// A text made of another one.
    Repeated(Repeated),
}

/// A text repeated.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeated {
    /// What is repeated.
    pub repeat: String,
    /// How often.
    pub times: u16,
}

impl Value {
    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Repeated(repeated) => repeated.repeat.repeat(usize::from(repeated.times)),
        }
    }
}

/// A step for each value, in which the first key has that value and every other key the next one: in all steps
/// together each key has each value.
#[must_use]
pub(crate) fn steps(values: &[Value]) -> Vec<Step> {
    (0..values.len()).map(|first| step(values, first)).collect()
}

fn step(values: &[Value], first: usize) -> Step {
    let mut source = Table::from_iter([("type".to_owned(), "git".into())]);
    for ((table, key), value) in KEYS.iter().zip(values.iter().cycle().skip(first)) {
        let table = source.entry(*table).or_insert_with(|| Table::new().into());
        if let toml::Value::Table(table) = table {
            table.insert((*key).to_owned(), value.text().into());
        }
    }
    let file = Table::from_iter([("source".to_owned(), source.into())]);
    let entry = FileEntry { path: PLACE.to_owned(), content: Some(file.to_string()), ..FileEntry::default() };
    Step { files: vec![entry], ..Step::default() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_has_every_value_in_one_of_the_steps() {
        for count in [1, 3, 7, 12] {
            let values: Vec<Value> = (0..count).map(|number| Value::Text(format!("\t{number}\n'\""))).collect();
            let steps = steps(&values);
            assert_eq!(steps.len(), count);
            for (table, key) in KEYS {
                let seen: BTreeSet<String> = steps
                    .iter()
                    .map(|step| {
                        let file: Table = step.files[0].content.as_ref().unwrap().parse().unwrap();
                        file["source"][table][key].as_str().unwrap().to_owned()
                    })
                    .collect();
                assert_eq!(seen, values.iter().map(Value::text).collect(), "{key}");
            }
        }
    }

    #[test]
    fn a_long_value_is_said_in_short() {
        let text = "why = 'x.'\nvalues = ['a', { repeat = 'é', times = 500 }]\n";
        let file: super::super::ScenarioFile = toml::from_str(text).unwrap();
        assert_eq!(file.values[1].text().len(), 1000);
    }
}
