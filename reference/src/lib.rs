//! The reference exporter: layers, app and run image in; an annotated app image out, to a registry, a Docker daemon or
//! an OCI layout. And the rebaser: an app image put on another run image, in a registry or a Docker daemon.
//! [`annotations`] is what the RFC asks for; everything else is what it takes to be an exporter and a rebaser.

pub mod annotations;
pub mod cli;
pub mod digest;
pub mod exit;
pub mod export;
pub mod failure;
pub mod image;
pub mod image_name;
pub mod inputs;
pub mod layer;
pub mod log;
pub mod plan;
pub mod platform;
pub mod project;
pub mod rebase;
pub mod report;
pub mod sources;
pub mod target;
mod whole;
