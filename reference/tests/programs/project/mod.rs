//! `project-metadata`, on repositories that `git` itself made.

mod cases;
mod hostile;
mod input;
