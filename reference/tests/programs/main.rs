//! The exporter, the rebaser and `project-metadata` as platforms call them: on builds and run images made by hand, to a
//! layout in a temporary folder, to a registry in the test's process, and to a Docker Engine in it.

#[cfg(test)]
mod credentials;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod daemon_faults;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod project;
#[cfg(test)]
mod rebase;
#[cfg(test)]
mod rebase_daemon;
#[cfg(test)]
mod rebase_formats;
#[cfg(test)]
mod rebase_refused;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod slow_registry;
#[cfg(test)]
mod special_files;
#[cfg(test)]
mod support;
