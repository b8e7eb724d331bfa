//! What a self-test showed: which fault each requirement caught, from the JSON that `self-test --report json=FILE`
//! wrote.

use crate::error::Cause;
use std::path::Path;

use serde::Deserialize;

/// A self-test's file that cannot be used. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
#[error("read the self-test {file} (a file of conformance self-test --report json=FILE)")]
pub struct FaultsError {
    file: String,
    source: Cause,
}

/// A self-test, as far as pages need it.
#[derive(Debug, Clone, Deserialize)]
pub struct Faults {
    faults: Vec<Fault>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Deserialize)]
struct Fault {
    name: String,
    what: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Row {
    fault: String,
    service: String,
    caught: Vec<String>,
}

impl Faults {
    /// Reads the file.
    ///
    /// # Errors
    /// [`FaultsError`] naming it.
    pub fn read(file: &Path) -> Result<Self, FaultsError> {
        let fail = |source: Cause| FaultsError { file: file.display().to_string(), source };
        let bytes = crate::given::bytes(file, crate::budget::RECORD).map_err(|error| fail(error.into()))?;
        serde_json::from_slice(&bytes).map_err(|error| fail(error.into()))
    }

    /// Faults that the requirement caught: name, what it spoils, and on which services.
    pub(super) fn caught_by<'a>(&'a self, slug: &'a str) -> impl Iterator<Item = (&'a str, &'a str, String)> {
        self.faults.iter().filter_map(move |fault| {
            let is_this = |row: &&Row| row.fault == fault.name && row.caught.iter().any(|caught| caught == slug);
            let services: Vec<&str> = self.rows.iter().filter(is_this).map(|row| row.service.as_str()).collect();
            (!services.is_empty()).then(|| (fault.name.as_str(), fault.what.as_str(), services.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_caught_is_told() {
        let json = r#"{"faults":[{"name":"a","what":"spoils a"},{"name":"b","what":"spoils b"}],"rows":[
            {"fault":"a","service":"registry","caught":["x.one"]},{"fault":"a","service":"layout","caught":["x.one"]},
            {"fault":"b","service":"registry","caught":[]}]}"#;
        let faults: Faults = serde_json::from_str(json).unwrap();
        let found: Vec<_> = faults.caught_by("x.one").collect();
        assert_eq!(found, [("a", "spoils a", "registry, layout".to_owned())]);
        assert_eq!(faults.caught_by("x.two").count(), 0);
    }
}
