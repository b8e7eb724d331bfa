//! Evidence on disk: written as it is made, read back only where every hash holds, packed as one file.
//! `docs/evidence.md` describes the format.

pub mod bundle;
mod files;
pub mod index;
mod parts;
pub mod reader;
pub mod writer;
