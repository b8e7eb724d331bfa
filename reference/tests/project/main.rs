//! `project-metadata` as platforms call it, on repositories that `git` itself made.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod input;
#[cfg(test)]
mod repository;
