//! The exporter as platforms call it, on builds and run images made by hand: to a layout in a temporary folder, and to
//! a registry in the test's process.

#[cfg(test)]
mod build;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod server;
