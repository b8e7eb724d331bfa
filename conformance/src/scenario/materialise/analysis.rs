//! What the analysis phase found, and the files in which it says so (`cnb-platform.md`: `analyzed.toml`, `run.toml`).

use std::sync::Arc;

use serde_json::Value;

use super::spelling;
use crate::scenario::AnalyzedSpelling;
use crate::scenario::base::merge;
use crate::scenario::run_image::MadeExtension;

/// What the analysis phase found, for `analyzed.toml` and `run.toml`.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// `run-image.image`.
    pub run_image: String,
    /// `run-image.reference`.
    pub reference: String,
    /// `image` in `run.toml`: the same as `run_image`, unless the analysis chose a mirror.
    pub listed: String,
    /// Mirrors of the run image.
    pub mirrors: Vec<String>,
    /// The previous image.
    pub previous: Option<Previous>,
    /// What image extensions made of the run image.
    pub extension: Option<Arc<MadeExtension>>,
}

/// The previous image as the analysis phase found it.
#[derive(Debug, Clone)]
pub struct Previous {
    /// `image.reference`.
    pub reference: String,
    /// Its label `io.buildpacks.lifecycle.metadata`.
    pub metadata: Option<Value>,
}

/// The file, and over it what the scenario says of it, as the step spells it.
pub(super) fn analyzed(
    analysis: &Analysis,
    architecture: &str,
    more: &toml::Table,
    spelling: AnalyzedSpelling,
) -> String {
    let mut file = toml::Table::new();
    if let Some(previous) = &analysis.previous {
        file.insert("image".to_owned(), toml::Table::from_iter([text("reference", &previous.reference)]).into());
        if let Some(toml::Value::Table(metadata)) = previous.metadata.as_ref().and_then(to_toml) {
            file.insert("metadata".to_owned(), metadata.into());
        }
    }
    let mut run = toml::Table::from_iter([
        text("reference", &analysis.reference),
        text("image", &analysis.run_image),
        ("extend".to_owned(), analysis.extension.is_some().into()),
    ]);
    let target = [text("os", "linux"), text("arch", architecture)];
    run.insert("target".to_owned(), toml::Table::from_iter(target).into());
    file.insert("run-image".to_owned(), run.into());
    let file = merge(file, more.clone());
    match spelling {
        AnalyzedSpelling::Usual => file.to_string(),
        AnalyzedSpelling::InlineTables => spelling::inline_tables(&file),
        AnalyzedSpelling::DottedKeys => spelling::dotted_keys(&file),
    }
}

pub(super) fn run(analysis: &Analysis) -> String {
    let mut image = toml::Table::from_iter([text("image", &analysis.listed)]);
    if !analysis.mirrors.is_empty() {
        image.insert("mirrors".to_owned(), analysis.mirrors.clone().into());
    }
    toml::Table::from_iter([("images".to_owned(), toml::Value::Array(vec![image.into()]))]).to_string()
}

fn text(key: &str, value: &str) -> (String, toml::Value) {
    (key.to_owned(), value.into())
}

/// The TOML form of a JSON value; TOML has no null, so such members are left out.
fn to_toml(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.as_f64().unwrap_or(0.0).into(), Into::into),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => toml::Value::Array(items.iter().filter_map(to_toml).collect()),
        Value::Object(members) => {
            toml::Value::Table(members.iter().filter_map(|(key, value)| Some((key.clone(), to_toml(value)?))).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn analysis_files_have_the_shape_of_the_platform_specification() {
        let analysis = Analysis {
            run_image: "host.example/run:base".to_owned(),
            reference: "host.example/run@sha256:00".to_owned(),
            listed: "host.example/run:base".to_owned(),
            mirrors: vec!["mirror.example/run:base".to_owned()],
            previous: Some(Previous {
                reference: "host.example/app@sha256:01".to_owned(),
                metadata: Some(serde_json::json!({"app": [{"sha": "sha256:02"}], "none": null})),
            }),
            extension: None,
        };
        let more: toml::Table = "run-image.target.variant = 'v1'\nbuild-image.reference = 'b'".parse().unwrap();
        let found: toml::Table = analyzed(&analysis, "amd64", &more, AnalyzedSpelling::Usual).parse().unwrap();
        assert_eq!(found["run-image"]["target"]["arch"].as_str(), Some("amd64"));
        assert_eq!(found["run-image"]["target"]["variant"].as_str(), Some("v1"));
        assert_eq!(found["build-image"]["reference"].as_str(), Some("b"));
        insta::assert_snapshot!(format!(
            "{}---\n{}",
            analyzed(&analysis, "amd64", &toml::Table::new(), AnalyzedSpelling::Usual),
            run(&analysis)
        ));
    }
}
