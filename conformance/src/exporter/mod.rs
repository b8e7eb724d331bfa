//! Exporters under test: how a given one is called, and running it as a process that leaves nothing behind.

mod command;
pub mod complaint;
mod contacted;
mod description;
mod interrupted;
pub mod isolate;
mod left_out;
mod placeholders;
pub mod process;
mod rebaser;
pub mod secret;
pub mod startable;
pub mod supervise;
#[cfg(test)]
mod tests;
mod written;

pub use command::{Invocation, invocation};
pub(crate) use command::{platform_api, step_arguments, unsayable, version};
pub use description::{
    DescriptionError, Exporter, Program, Rebaser, Role, built_in_descriptions, check_text, program_of,
};
pub(crate) use description::{NEWEST_API, OLDEST_API, PLATFORM_APIS};
pub use placeholders::CallPlaces;
pub(crate) use rebaser::rebase_unsayable;
pub use rebaser::{RebaseCall, rebase_invocation};
