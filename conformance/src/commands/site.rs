//! `site`, `figures` and `proposal`: what runs have shown, as pages and as documents.

use std::path::Path;

use crate::error::context;
use crate::exit::Exit;
use crate::figures::{Asked, Figures, Source, SourceError};
use crate::proposal::{self, ProposalError};
use crate::report::terminal::counted;
use crate::site::{self, Faults, FolderError};

use super::{Failure, print};

fn sources(given: &[String]) -> Result<Vec<Source>, Failure> {
    Source::read_all(given).map_err(|error| match error {
        SourceError::Stored(error) => super::evidence::failure(error),
        error => Failure::usage(error),
    })
}

pub(super) fn write(reports: &[String], output: &Path, self_test: Option<&Path>) -> Result<Exit, Failure> {
    let not_written = |error: FolderError| match error {
        FolderError::Occupied { .. } => Failure::usage(error),
        FolderError::Write { .. } => Failure::suite(error),
    };
    // Reading evidence takes time: what can be refused at once is.
    site::check(output).map_err(not_written)?;
    let faults = self_test.map(Faults::read).transpose().map_err(Failure::usage)?;
    let files = site::files(&sources(reports)?, faults.as_ref()).map_err(Failure::suite)?;
    site::write(&files, output).map_err(not_written)?;
    print(&format!("{}  {}\n", output.join("index.html").display(), counted(files.len(), "file")))
}

pub(super) fn figures(reports: &[String], requirements: &[String], between: &[String]) -> Result<Exit, Failure> {
    let pairs = between.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let named = (!requirements.is_empty()).then(|| super::requirements(requirements)).transpose()?;
    let asked = Asked { requirements: named, pairs };
    // Figures that were written before are read as they are.
    let stored = match reports {
        [one] => proposal::read(Path::new(one)).ok(),
        _ => None,
    };
    let figures = stored.map_or_else(|| Ok(Figures::of(&sources(reports)?)), Ok)?;
    if requirements.is_empty() && between.is_empty() {
        let text = figures.render();
        return print(&text.map_err(context("write figures")).map_err(Failure::suite)?);
    }
    print(&asked.render(&figures))
}

pub(super) fn proposal(figures: &Path) -> Result<Exit, Failure> {
    let figures = proposal::read(figures).map_err(Failure::usage)?;
    let text = proposal::render(&figures).map_err(|error| match error {
        ProposalError::Quote(_) | ProposalError::File { .. } => Failure::usage(error),
        ProposalError::Claims(_) | ProposalError::Consumers(_) => Failure::suite(error),
    })?;
    print(&text)
}
