//! What the tests share: builds and run images, a registry and a Docker Engine in the test's process, repositories.

pub(crate) mod archive;
pub(crate) mod build;
pub(crate) mod engine;
pub(crate) mod http;
pub(crate) mod rebasing;
pub(crate) mod repository;
pub(crate) mod server;
pub(crate) mod store;
