//! What is kept of a run and made of reports afterwards.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
