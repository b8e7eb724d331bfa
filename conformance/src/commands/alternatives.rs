//! `alternatives`: the two ways and labels, measured, as a page or as the record that it is made of.

use std::path::Path;

use crate::alternatives::{Record, measure, page};
use crate::cli::{AlternativesArguments, AlternativesFormat, ProgramArguments};
use crate::error::context;
use crate::exit::Exit;
use crate::held::Held;

use super::{Failure, demo, in_order, print};

pub(super) fn print_them(arguments: &AlternativesArguments) -> Result<Exit, Failure> {
    let record = match &arguments.measured {
        Some(file) => read(file)?,
        None => measured(&arguments.programs)?,
    };
    match arguments.format {
        AlternativesFormat::Markdown => print(&page(&record)),
        AlternativesFormat::Json => {
            let text = serde_json::to_string_pretty(&record);
            print(&format!("{}\n", text.map_err(context("write the record")).map_err(Failure::suite)?))
        }
    }
}

fn read(file: &Path) -> Result<Record, Failure> {
    let wrong = |reason: &dyn std::fmt::Display| {
        let file = file.display();
        Failure::usage(format!(
            "read --measured {file}: {reason}; conformance alternatives --format json writes such a file"
        ))
    };
    let text = crate::given::text(file).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

fn measured(given: &ProgramArguments) -> Result<Record, Failure> {
    let (programs, exporter) = (demo::programs(given)?, demo::exporter(given)?);
    in_order(async |supervisor, cancelled| {
        let folder = Held::temporary().map_err(context("make a temporary folder")).map_err(Failure::suite)?;
        let judging = demo::judging(exporter, supervisor, cancelled);
        Box::pin(measure::measure(&programs, &judging, folder.path())).await.map_err(demo::failure)
    })
}
