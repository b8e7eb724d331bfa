//! `list`, `explain`, `questions` and `stores`: what the suite knows and what runs have shown, printed.

use std::path::PathBuf;

use crate::catalogue;
use crate::cli::{ListFormat, Listed, ShownArguments};
use crate::exit::Exit;
use crate::pages;
use crate::questions::{self, Record};
use crate::report::terminal::wrapped;
use crate::stores;

use super::{Failure, print};

pub(super) fn list(what: Listed, format: ListFormat, shown: ShownArguments) -> Result<Exit, Failure> {
    match format {
        ListFormat::Text => {
            print(&wrapped(&catalogue::list_text(what).map_err(Failure::suite)?, shown.style(false).width))
        }
        ListFormat::Markdown => print(&catalogue::list_markdown(what).map_err(Failure::suite)?),
        ListFormat::Json => print(&format!("{:#}\n", catalogue::list_json(what).map_err(Failure::suite)?)),
    }
}

pub(super) fn explain(requirement: &str, shown: ShownArguments) -> Result<Exit, Failure> {
    let width = shown.style(false).width.unwrap_or(catalogue::WIDTH).min(catalogue::WIDTH);
    if let Some(text) = catalogue::explain(requirement, width) {
        return print(&text);
    }
    if let Some(text) = catalogue::theme(requirement) {
        return print(&wrapped(&text, shown.style(false).width));
    }
    let near = catalogue::nearest(requirement).map_or_else(String::new, |id| format!(" (did you mean {id}?)"));
    Err(Failure::usage(format!(
        "explain {requirement}: there is no such requirement{near}; see conformance list requirements"
    )))
}

/// A page of the documentation; their names where none is asked for.
pub(super) fn page(name: Option<&str>) -> Result<Exit, Failure> {
    let Some(name) = name else { return print(&pages::names()) };
    match pages::named(name) {
        Some(text) => print(text),
        None => Err(Failure::usage(format!("print the page {name}: there is no such page; see conformance docs"))),
    }
}

pub(super) fn open_questions(files: &[PathBuf]) -> Result<Exit, Failure> {
    let records = files.iter().map(|file| Record::read(file)).collect::<Result<Vec<_>, _>>().map_err(Failure::usage)?;
    print(&questions::render(&records))
}

pub(super) fn what_survives(files: &[PathBuf]) -> Result<Exit, Failure> {
    let reports = files.iter().map(|file| stores::read(file)).collect::<Result<Vec<_>, _>>().map_err(Failure::usage)?;
    print(&stores::render(&reports))
}
