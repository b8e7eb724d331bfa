//! The exporter and the rebaser as platforms call them, on builds and run images made by hand: to a layout in a temporary folder, to a
//! registry in the test's process, and to a Docker Engine in it.

#[cfg(test)]
mod archive;
#[cfg(test)]
mod build;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod daemon_faults;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod rebase;
#[cfg(test)]
mod rebase_daemon;
#[cfg(test)]
mod rebase_formats;
#[cfg(test)]
mod rebase_refused;
#[cfg(test)]
mod rebasing;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod server;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod store;
