//! What an exporter promises, as dimensions with values by equivalence class and boundary, and which scenarios exercise
//! each value: found by looking at the scenarios, so that the table cannot go stale. `docs/promises.md` is generated.

mod dimensions;
mod markdown;
mod step_view;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use step_view::StepView;

use crate::generated::Build;
use crate::scenario::Scenario;
use crate::scenario::materialise::MaterialiseError;

/// Whether a step shows a value.
type Shows = Box<dyn Fn(&StepView<'_>) -> bool>;

/// Gives a generated build a value.
pub type Make = fn(&mut Build);

/// Something in which builds differ.
pub struct Dimension {
    /// Its name.
    pub name: &'static str,
    /// What it is, and where it is written.
    pub what: &'static str,
    /// Its classes and boundaries.
    pub values: Vec<Value>,
}

/// One class or boundary of a dimension.
pub struct Value {
    /// Its name.
    pub name: String,
    shows: Shows,
    /// Why no scenario shows it; none where one must.
    pub reason: Option<&'static str>,
    /// How a generated build gets it; none where no generated build has it.
    pub make: Option<Make>,
}

impl Value {
    fn new(name: impl Into<String>, shows: impl Fn(&StepView<'_>) -> bool + 'static) -> Self {
        Self { name: name.into(), shows: Box::new(shows), reason: None, make: None }
    }

    /// One that no scenario has.
    fn unseen(name: &'static str, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..Self::new(name, |_| false) }
    }

    /// Says how a generated build gets it.
    fn made(mut self, make: Make) -> Self {
        self.make = Some(make);
        self
    }

    /// Whether a step shows it.
    #[must_use]
    pub fn is_shown(&self, seen: &StepView<'_>) -> bool {
        (self.shows)(seen)
    }
}

impl Dimension {
    fn new(name: &'static str, what: &'static str, values: Vec<Value>) -> Self {
        Self { name, what, values }
    }
}

/// All dimensions.
#[must_use]
pub fn dimensions() -> Vec<Dimension> {
    dimensions::all()
}

/// Names of the scenarios that show each value: by dimension and value, in their order.
///
/// # Errors
/// [`MaterialiseError`] where a scenario cannot be laid out.
pub fn exercised(
    dimensions: &[Dimension],
    scenarios: &[Scenario],
) -> Result<Vec<Vec<BTreeSet<String>>>, MaterialiseError> {
    let mut found: Vec<Vec<BTreeSet<String>>> =
        dimensions.iter().map(|dimension| vec![BTreeSet::new(); dimension.values.len()]).collect();
    for scenario in scenarios {
        for seen in step_view::all(scenario)? {
            for (dimension, shown) in dimensions.iter().zip(&mut found) {
                for (value, names) in dimension.values.iter().zip(shown) {
                    if value.is_shown(&seen) {
                        names.insert(scenario.name.clone());
                    }
                }
            }
        }
    }
    Ok(found)
}

/// All dimensions, and the scenarios that show each value.
pub struct Shown {
    dimensions: Vec<Dimension>,
    names: Vec<Vec<BTreeSet<String>>>,
}

/// Looks at scenarios.
///
/// # Errors
/// [`MaterialiseError`] where a scenario cannot be laid out.
pub fn shown(scenarios: &[Scenario]) -> Result<Shown, MaterialiseError> {
    let dimensions = dimensions();
    let names = exercised(&dimensions, scenarios)?;
    Ok(Shown { dimensions, names })
}

impl Shown {
    /// Each value with its dimension and its scenarios.
    fn values(&self) -> Vec<(&Dimension, &Value, &BTreeSet<String>)> {
        let mut found = Vec::new();
        for (dimension, names) in self.dimensions.iter().zip(&self.names) {
            found.extend(dimension.values.iter().zip(names).map(|(value, names)| (dimension, value, names)));
        }
        found
    }
}

/// A line for each value.
#[must_use]
pub fn lines(shown: &Shown) -> Vec<String> {
    let line = |(dimension, value, names): (&Dimension, &Value, &BTreeSet<String>)| {
        let scenarios = value.reason.map_or_else(
            || crate::report::terminal::counted(names.len(), "scenario"),
            |reason| format!("none: {reason}"),
        );
        format!("{:<28} {:<40} {scenarios}", dimension.name, value.name)
    };
    shown.values().into_iter().map(line).collect()
}

/// An object for each value.
#[must_use]
pub fn json(shown: &Shown) -> serde_json::Value {
    let object = |(dimension, value, names): (&Dimension, &Value, &BTreeSet<String>)| {
        serde_json::json!({
            "id": value.name,
            "dimension": dimension.name,
            "scenarios": names,
            "reason": value.reason,
            "pairs": value.make.is_some(),
        })
    };
    shown.values().into_iter().map(object).collect()
}

/// The table as the document has it.
#[must_use]
pub fn markdown(shown: &Shown) -> String {
    markdown::table(&shown.dimensions, &shown.names)
}
