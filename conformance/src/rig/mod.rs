//! The rig: finds or starts the services that a run needs, and ends those that it started.

pub mod container;
pub mod daemon;
pub mod engine;
pub mod proxy;
pub mod registry;
pub mod unreachable;
