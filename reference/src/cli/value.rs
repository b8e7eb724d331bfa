//! A value as it was given: by a flag, else by a variable; which of the two is part of every message about it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Component, PathBuf};

use super::{CliError, Environment};
use crate::log::LogLevel;

/// A value and where it is from.
pub(super) struct ArgValue {
    /// The flag or variable.
    name: &'static str,
    value: OsString,
}

impl ArgValue {
    /// What the flag says, else the variable; an empty variable is none.
    pub(super) fn find(
        (flag, value): (&'static str, &Option<OsString>),
        variable: &'static str,
        environment: &Environment,
    ) -> Option<Self> {
        match value {
            Some(value) => Some(Self { name: flag, value: value.clone() }),
            None => Self::variable(variable, environment),
        }
    }

    /// What the variable says, unless it is empty.
    pub(super) fn variable(name: &'static str, environment: &Environment) -> Option<Self> {
        environment.get(name).filter(|value| !value.is_empty()).map(|value| Self { name, value: value.clone() })
    }

    /// An `<image>`.
    pub(super) fn image(value: OsString) -> Self {
        Self { name: "<image>", value }
    }

    /// One of several values of a flag.
    pub(super) fn flag(name: &'static str, value: OsString) -> Self {
        Self { name, value }
    }

    fn wrong(&self, reason: &'static str) -> CliError {
        CliError::Value { name: self.name, value: self.value.to_string_lossy().into_owned(), reason }
    }

    pub(super) fn text(&self) -> Result<String, CliError> {
        self.value.to_str().map(str::to_owned).ok_or_else(|| self.wrong("it is not UTF-8"))
    }

    pub(super) fn path(self) -> Result<PathBuf, CliError> {
        if self.value.is_empty() { Err(self.wrong("it takes a path")) } else { Ok(self.value.into()) }
    }

    /// A path that becomes part of the image: as text, absolute, without `..` and without a slash at its end.
    pub(super) fn absolute(&self) -> Result<String, CliError> {
        let text = self.text()?;
        let full = std::path::absolute(&text).map_err(|_| self.wrong("it takes a path"))?;
        let mut clean = PathBuf::new();
        for part in full.components() {
            if part == Component::ParentDir {
                clean.pop();
            } else {
                clean.push(part);
            }
        }
        Ok(clean.display().to_string())
    }

    pub(super) fn boolean(&self) -> Result<bool, CliError> {
        match self.value.to_str() {
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
            Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
            _ => Err(self.wrong("it takes true or false")),
        }
    }

    pub(super) fn number(&self) -> Result<u32, CliError> {
        // The last one is not a user: in the system's calls it is -1, which changes no owner.
        let number = self.text()?.parse().ok().filter(|number| *number < u32::MAX);
        number.ok_or_else(|| self.wrong("it takes a whole number from 0 to 4294967294"))
    }

    pub(super) fn seconds(&self) -> Result<i64, CliError> {
        /// 9999-12-30T22:00:00Z: the last time that has a date of four digits in every time zone, which the library
        /// asks.
        const LAST: i64 = 253_402_207_200;
        let number: Option<i64> = self.text()?.parse().ok();
        if number.is_some_and(|seconds| seconds > LAST) {
            return Err(
                self.wrong("it takes seconds since 1970, and at most 253402207200, which is 9999-12-30T22:00:00Z")
            );
        }
        let fits = |seconds: &i64| jiff::Timestamp::from_second(*seconds).is_ok();
        number.filter(fits).ok_or_else(|| self.wrong("it takes seconds since 1970"))
    }

    pub(super) fn log_level(&self) -> Result<LogLevel, CliError> {
        LogLevel::named(&self.text()?).ok_or_else(|| self.wrong("it takes error, warn, info or debug"))
    }

    /// The name of an execution environment (`cnb-buildpack.md`, Execution Environments).
    pub(super) fn exec_env(&self) -> Result<String, CliError> {
        let text = self.text()?;
        if text.contains('/') { Err(self.wrong("it must not contain '/'")) } else { Ok(text) }
    }

    /// Registry → Authorization header. The value is never shown: it holds credentials.
    pub(super) fn credentials(&self) -> Result<BTreeMap<String, String>, CliError> {
        let object = self.value.to_str().and_then(|text| serde_json::from_str(text).ok());
        object.ok_or(CliError::Value {
            name: self.name,
            value: "…".to_owned(),
            reason: "it takes a JSON object of registry and Authorization header",
        })
    }
}
