//! The two ways of the proposal and of its review, and labels as the third, side by side: measured by exports
//! ([`measure`]), kept as a record, and told on a page ([`page`]). `docs/alternatives.md` is that page.

pub mod measure;
mod page;
mod record;

pub use page::page;
pub use record::{Change, Record, Times, WayFacts};
