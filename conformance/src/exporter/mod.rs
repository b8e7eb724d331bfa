//! Exporters under test: how a given one is called, and running it as a process that leaves nothing behind.

mod command;
mod description;
pub mod process;
pub mod supervise;

pub use command::{CallPlaces, Invocation, invocation};
pub use description::{DescriptionError, Exporter, built_in_descriptions, check_text};
