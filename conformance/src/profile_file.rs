//! Profiles by name or from a file (`docs/profile.md`).

use std::path::Path;

use judge::profile::{CustomProfile, Profile, ProfileError};

/// Why there is no such profile. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum ProfileFileError {
    /// It is neither a built-in profile's name nor a file that can be read.
    #[error("read the profile {file} (a file, or one of {known})")]
    Read {
        /// What was given.
        file: String,
        /// What the system said.
        source: std::io::Error,
        /// The built-in profiles.
        known: String,
    },
    /// The file is not a profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// The built-in profile of this name, else the one in this file.
///
/// # Errors
/// [`ProfileFileError`] when there is neither, or the file is not a profile.
pub fn named(text: &str) -> Result<Profile, ProfileFileError> {
    if let Some(profile) = Profile::named(text) {
        return Ok(profile);
    }
    let content = crate::given::text(Path::new(text)).map_err(|source| ProfileFileError::Read {
        file: text.to_owned(),
        source,
        known: Profile::BUILT_IN.map(|profile| profile.name().to_owned()).join(", "),
    })?;
    Ok(Profile::Custom(Box::new(CustomProfile::parse(&content, text)?)))
}

/// Whether a TOML text is meant as a profile: it has a key that only profiles have.
#[must_use]
pub fn is_meant(text: &str) -> bool {
    let table: Option<toml::Table> = text.parse().ok();
    table.is_some_and(|table| table.contains_key("extends") || table.contains_key("levels"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of `docs/profile.md`.
    fn example() -> &'static str {
        let document = include_str!("../../docs/profile.md");
        document.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap()
    }

    #[test]
    fn the_example_of_the_document_is_a_profile_and_meets_the_schema() {
        let profile = CustomProfile::parse(example(), "example.toml").unwrap();
        assert_eq!(profile.name, "our-platform");
        assert!(is_meant(example()) && !is_meant("name = \"x\"\ncommand = [\"y\"]\n"));
        let schema = serde_json::from_str(include_str!("../../docs/profile.schema.json")).unwrap();
        let value: serde_json::Value = toml::from_str(example()).unwrap();
        assert!(jsonschema::is_valid(&schema, &value));
        for bad in [
            "name = \"strict\"\nextends = \"core\"",
            "name = \"x\"",
            "name = \"x\"\nextends = \"core\"\nmore = 1",
            "name = \"x\"\nextends = \"core\"\n[levels]\n\"base.pair\" = \"OPTIONAL\"",
        ] {
            let value: serde_json::Value = toml::from_str(bad).unwrap();
            assert!(!jsonschema::is_valid(&schema, &value), "{bad}");
            assert!(CustomProfile::parse(bad, "bad.toml").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_no_file_and_a_file_is_named() {
        assert_eq!(named("strict").unwrap(), Profile::Strict);
        let missing = crate::error::chain(&named("strickt").unwrap_err());
        assert!(missing.contains("strickt") && missing.contains("core, rfc-196"), "{missing}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ours.toml");
        std::fs::write(&file, example()).unwrap();
        assert_eq!(named(&file.display().to_string()).unwrap().argument(), file.display().to_string());
    }
}
