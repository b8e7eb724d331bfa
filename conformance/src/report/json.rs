//! The JSON report: `docs/report.schema.json` describes it. Entries of its lists are a line each, so that a report is
//! small and can still be looked at.
//!
//! ```text
//! {
//! "schema":2,
//! "tool":{
//!  "name":"conformance",
//!  "version":"0.1.0",
//!  "catalogue":"9e3633af"
//! },
//! …
//! "verdicts":{
//!  "parts":[
//!   {"scenario":"minimal","target":"registry","service":"registry","exports":["minimal/registry/1"],…},
//!   {"requirement":"base.pair","level":"SHOULD","base_level":"SHOULD","source":"…"},
//!   {"verdict":"pass","known":null,"message":"","expected":"","found":"","evidence":""}
//!  ],
//!  "rows":[
//!   [0,1,2]
//!  ]
//! },
//! "exit_code":0
//! }
//! ```

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use super::{Report, SCHEMA_VERSION};
use crate::error::Cause;

/// The oldest schema that is read.
const OLDEST: u32 = 1;
/// How deep values get lines of their own: members of the report, lists in them, and the entries of those.
const LINES: usize = 3;

/// Why a file is not a JSON report. The message reads after "failed to".
#[derive(Debug, thiserror::Error)]
#[error("read the report {} (a file of --report json=FILE)", file.display())]
pub struct ReportFileError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub source: Cause,
}

/// The report as JSON with a final newline.
///
/// # Errors
/// The error of `serde_json`, when the report cannot be serialised.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = Vec::new();
    report.serialize(&mut Serializer::with_formatter(&mut text, Shallow::default()))?;
    text.push(b'\n');
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A report of any schema as schema 1 has it, with every verdict, observation and difference whole, for programs that
/// look at single ones.
///
/// # Errors
/// The error of reading or parsing, with the file's path.
pub fn plain(text: &[u8]) -> Result<Value, serde_json::Error> {
    let report: Report = serde_json::from_slice(text)?;
    let mut value = serde_json::to_value(&report)?;
    value["schema"] = OLDEST.into();
    value["verdicts"] = serde_json::to_value(&report.verdicts)?;
    value["observations"] = serde_json::to_value(&report.observations)?;
    value["differences"] = serde_json::to_value(&report.differences)?;
    Ok(value)
}

/// Reads a report that `--report json=FILE` wrote.
///
/// # Errors
/// [`ReportFileError`] naming the file.
pub fn read(file: &Path) -> Result<Report, ReportFileError> {
    let fail = |source: Cause| ReportFileError { file: file.to_path_buf(), source };
    let bytes = crate::given::bytes(file, crate::budget::RECORD).map_err(|error| fail(error.into()))?;
    let is_read = |schema: u64| (u64::from(OLDEST)..=u64::from(SCHEMA_VERSION)).contains(&schema);
    let of_another = |schema: u64| {
        Cause::from(format!("its schema is {schema}, and this program reads {OLDEST} to {SCHEMA_VERSION}"))
    };
    let report: Report = match serde_json::from_slice(&bytes) {
        Ok(report) => report,
        Err(error) => {
            let Ok(other) = serde_json::from_slice::<Value>(&bytes) else { return Err(fail(error.into())) };
            return Err(fail(match other["schema"].as_u64() {
                Some(schema) if !is_read(schema) => of_another(schema),
                _ if other["verdicts"].is_array() => error.into(),
                _ => "it is JSON, and not a report of run --report json".into(),
            }));
        }
    };
    if is_read(report.schema.into()) {
        Ok(Report { schema: SCHEMA_VERSION, ..report })
    } else {
        Err(fail(of_another(report.schema.into())))
    }
}

/// Lines for what is not deep, and none below.
#[derive(Default)]
struct Shallow {
    depth: usize,
    /// Whether the list or object that ends has an entry.
    filled: bool,
}

impl Shallow {
    fn line<W: ?Sized + io::Write>(&self, out: &mut W) -> io::Result<()> {
        if self.depth <= LINES {
            out.write_all(b"\n")?;
            (1..self.depth).try_for_each(|_| out.write_all(b" "))?;
        }
        Ok(())
    }

    fn begin<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        (self.depth, self.filled) = (self.depth + 1, false);
        out.write_all(bracket)
    }

    fn end<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        if self.filled && self.depth <= LINES {
            out.write_all(b"\n")?;
            (2..self.depth).try_for_each(|_| out.write_all(b" "))?;
        }
        (self.depth, self.filled) = (self.depth.saturating_sub(1), true);
        out.write_all(bracket)
    }

    fn next<W: ?Sized + io::Write>(&self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }
}

impl Formatter for Shallow {
    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}
