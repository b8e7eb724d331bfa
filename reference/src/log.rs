//! What the exporter says: progress on standard output, warnings and errors on standard error.

use std::io::Write;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Errors alone.
    Error,
    /// And warnings.
    Warn,
    /// And progress.
    Info,
    /// And details.
    Debug,
}

impl LogLevel {
    /// The level of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "error" => Some(Self::Error),
            "warn" => Some(Self::Warn),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            _ => None,
        }
    }
}

/// Where messages go.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    level: LogLevel,
}

impl Log {
    /// A log that says what `level` asks for.
    #[must_use]
    pub fn new(level: LogLevel) -> Self {
        Self { level }
    }

    /// A step that is done.
    pub fn info(&self, message: impl std::fmt::Display) {
        if self.level >= LogLevel::Info {
            // A closed standard output is not a reason to fail an export.
            let _ = writeln!(std::io::stdout().lock(), "{message}");
        }
    }

    /// A detail.
    pub fn debug(&self, message: impl std::fmt::Display) {
        if self.level >= LogLevel::Debug {
            let _ = writeln!(std::io::stdout().lock(), "{message}");
        }
    }

    /// Something that the user may not have meant.
    pub fn warn(&self, message: impl std::fmt::Display) {
        if self.level >= LogLevel::Warn {
            let _ = writeln!(std::io::stderr().lock(), "Warning: {message}");
        }
    }
}
