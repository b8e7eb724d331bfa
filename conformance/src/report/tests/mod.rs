//! The report in every format.

mod formats;
mod groups;
mod pages;
mod programs;
mod terminal;

use super::terminal::{Detail, Style};

const VERBOSE: Style = Style { colour: false, width: None, detail: Detail::Verbose };
const PLAIN: Style = Style { colour: false, width: None, detail: Detail::Normal };
