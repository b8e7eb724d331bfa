//! Which process the image starts.

use super::{LAUNCHER, PROCESSES};
use crate::inputs::BuildMetadata;
use crate::layer::WHITEOUT;

/// Why the processes cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// The type that the platform asks for is not there.
    #[error("no buildpack contributed the process type '{wanted}' that -process-type asks for; there {}", known(.there))]
    Unknown {
        /// What `-process-type` says.
        wanted: String,
        /// Types that there are.
        there: Vec<String>,
    },
    /// The default type is not there.
    #[error("buildpack-default-process-type is '{wanted}', which no buildpack contributed; there {}", known(.there))]
    UnknownDefault {
        /// What the file says.
        wanted: String,
        /// Types that there are.
        there: Vec<String>,
    },
    /// A type that cannot be a file's name.
    #[error("the process type '{0}' is not of letters, digits, '.', '_' and '-'")]
    Name(String),
    /// A type whose link would be a whiteout.
    #[error("the process type '{0}' begins with .wh., and the link of that name would take others away in a layer")]
    Whiteout(String),
}

fn known(types: &[String]) -> String {
    if types.is_empty() { "are none".to_owned() } else { format!("are {}", types.join(", ")) }
}

/// The entrypoint: the given type, else the buildpacks' default, else the launcher.
///
/// # Errors
/// [`ProcessError`] where the type is not one of a buildpack, or where one has no name that a file could have.
pub fn entrypoint(given: Option<&str>, metadata: &BuildMetadata) -> Result<String, ProcessError> {
    let there: Vec<String> = metadata.processes.iter().map(|process| process.r#type.clone()).collect();
    if let Some(name) = there.iter().find(|name| !is_type(name)) {
        return Err(ProcessError::Name(name.clone()));
    }
    if let Some(name) = there.iter().find(|name| name.as_bytes().starts_with(WHITEOUT)) {
        return Err(ProcessError::Whiteout(name.clone()));
    }
    let default = metadata.buildpack_default_process_type.as_deref().filter(|name| !name.is_empty());
    let Some(wanted) = given.or(default) else { return Ok(LAUNCHER.to_owned()) };
    if there.iter().any(|name| name == wanted) {
        return Ok(format!("{PROCESSES}/{wanted}"));
    }
    let wanted = wanted.to_owned();
    Err(if given.is_some() {
        ProcessError::Unknown { wanted, there }
    } else {
        ProcessError::UnknownDefault { wanted, there }
    })
}

/// `cnb-buildpack.md`, launch.toml; what would leave the folder of process symlinks is not a name either.
fn is_type(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !matches!(name, "" | "." | "..") && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> BuildMetadata {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_entrypoint_is_the_given_type_then_the_default_then_the_launcher() {
        let both =
            metadata("buildpack-default-process-type='web'\n[[processes]]\ntype='web'\n[[processes]]\ntype='w'\n");
        assert_eq!(entrypoint(Some("w"), &both).unwrap(), "/cnb/process/w");
        assert_eq!(entrypoint(None, &both).unwrap(), "/cnb/process/web");
        assert_eq!(entrypoint(None, &metadata("")).unwrap(), LAUNCHER);
        let error = entrypoint(Some("nope"), &both).unwrap_err().to_string();
        assert!(error.contains("nope") && error.contains("web, w"), "{error}");
        let error = entrypoint(None, &metadata("buildpack-default-process-type='gone'\n")).unwrap_err().to_string();
        assert!(error.contains("gone") && error.contains("none"), "{error}");
    }

    #[test]
    fn a_process_type_that_is_no_file_name_is_refused() {
        for name in ["", "..", "a/b", "a b", "é"] {
            let metadata = metadata(&format!("[[processes]]\ntype='{name}'\n"));
            assert_eq!(entrypoint(None, &metadata), Err(ProcessError::Name(name.to_owned())));
        }
    }

    #[test]
    fn a_type_whose_link_would_be_a_whiteout_is_refused() {
        let found = entrypoint(None, &metadata("[[processes]]\ntype='.wh.web'\ncommand=['x']\n"));
        assert_eq!(found, Err(ProcessError::Whiteout(".wh.web".to_owned())));
    }
}
