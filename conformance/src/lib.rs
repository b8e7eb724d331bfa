//! The harness: runs an exporter against real stores, keeps what it observed as evidence, and has it judged.
//!
//! Data flows one way: [`scenario`] → [`exporter`] → [`observe`] → evidence → judge → [`report`]. Nothing here knows
//! the reference exporter but as a program that stands next to this one.
//!
//! This is not a stable API: modules are public for the integration tests. Programs use the command line and its
//! reports.

pub mod alike;
pub mod alternatives;
pub mod base_status;
pub mod baseline;
pub mod budget;
pub mod catalogue;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod consumers;
pub mod coverage;
pub mod demo;
pub mod doctor;
pub mod error;
pub mod evidence;
pub mod exit;
pub mod exporter;
pub mod figures;
mod file_names;
mod flags;
pub mod fuzz;
pub mod generated;
pub mod given;
pub mod globs;
pub mod held;
pub mod launcher;
pub mod limits;
mod locked;
pub mod masked;
pub mod merge;
mod naming;
pub mod observe;
pub mod pages;
pub mod pipeline;
mod processes;
pub mod profile_file;
pub mod progress;
pub mod project;
pub mod promises;
pub mod proposal;
pub mod prose;
pub mod questions;
pub mod record;
pub mod report;
pub mod rig;
pub mod run;
pub mod scenario;
mod secret_forms;
pub mod self_test;
pub mod shard;
pub mod shown;
pub mod site;
pub mod stores;
mod tls;
pub mod whole_file;
