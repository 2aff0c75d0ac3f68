//! A cgroup as far as its id can be resolved.

use serde::{Deserialize, Serialize};

use super::{CgroupId, Unit};

/// The cgroup that a socket was made in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    /// What the socket says.
    pub id: CgroupId,
    /// Its path in cgroup2; `None` when it isn't to be found.
    pub path: Option<String>,
    /// Whether it isn't to be found because it was removed.
    pub removed: bool,
    /// What the path says of who runs in it.
    pub unit: Option<Unit>,
}
