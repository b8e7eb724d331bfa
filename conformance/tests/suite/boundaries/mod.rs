//! Judge and maker share no code, the judge does nothing but judge, modules import each other one way only, and lines
//! of hand-written pages are short.

mod cases;
mod errors;
mod imports;
mod modules;
mod prose;
