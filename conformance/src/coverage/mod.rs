//! What the specifications ask, sentence by sentence: which requirements judge each sentence, or why none does.
//!
//! The table is in `table/`, one file for each document. A row finds its sentence by some of its words in their order,
//! in the shortest sentence of the section that has them. Where the specifications are available, a test holds that
//! every sentence with a keyword of RFC 2119 has a row, or lies in a section that is set aside as a whole.

mod render;
#[cfg(test)]
mod statements;
mod table;
#[cfg(test)]
mod tests;

pub use render::{json, markdown, text};
pub use table::{Document, Keyword, Own, Reason, Row, Section, SetAside, Table, TableError, Why, table};
