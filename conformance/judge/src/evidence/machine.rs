//! What is around a build and is not a part of it: the machine, its user, and what an export left there.

use serde::{Deserialize, Serialize};

/// The machine and the user of an export, as the exporter could ask for them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The host's name.
    pub hostname: String,
    /// The release of the kernel, as `uname -r` says it.
    pub kernel: String,
    /// The user's name; empty where the user has none.
    pub user: String,
}
