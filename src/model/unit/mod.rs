//! What a cgroup path says of who runs in it: a systemd unit or a container.

mod path;

use serde::{Deserialize, Serialize};

use std::fmt;

/// The program that made a container's cgroup, as far as the path tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContainerRuntime {
    /// `docker-ID.scope`, or `/docker/ID`.
    Docker,
    /// `cri-containerd-ID.scope`, `nerdctl-ID.scope`, `pod…:cri-containerd:ID`,
    /// or the id below containerd's own namespace (`/default/ID`).
    Containerd,
    /// `crio-ID.scope`
    CriO,
    /// `libpod-ID.scope`
    Podman,
    /// `/lxc/NAME`, `/lxc.payload.NAME`: the id is the container's name.
    Lxc,
    /// `machine-NAME.scope` of systemd-machined, `systemd-nspawn@NAME.service`:
    /// the id is the machine's name.
    Machine,
    /// `/ecs/TASK/ID`: Amazon's agent, by whatever program. On Fargate the id
    /// is `TASK-digits`.
    Ecs,
    /// `/garden/GUID` of Cloud Foundry.
    Garden,
    /// An id without a prefix, as below `kubepods`: the path doesn't tell which.
    Unknown,
}

/// Who a cgroup belongs to. Names come from outside and may hold any character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Unit {
    /// A unit of systemd: `nginx.service`, `session-3.scope`, or just a slice.
    Systemd {
        /// The name, as `systemctl status` takes it.
        name: String,
        /// Whose service manager runs it (`systemctl --user`); `None` for the
        /// system's.
        user: Option<u32>,
    },
    /// A container.
    Container {
        /// Who made it.
        runtime: ContainerRuntime,
        /// Its whole id, as the runtime's own commands take it.
        id: String,
        /// What it shares its namespaces with: the uid of the Kubernetes pod,
        /// the id of the podman pod or of the ECS task around it.
        pod: Option<String>,
    },
    /// A Kubernetes pod, in none of its containers.
    Pod {
        /// Its uid.
        uid: String,
    },
    /// A service of OpenRC.
    OpenRc {
        /// Its name, as `rc-service` takes it.
        service: String,
    },
}

impl Unit {
    /// What a path in cgroup2, or in systemd's hierarchy of version 1, says;
    /// `None` for the root and for paths that follow nobody's convention.
    ///
    /// The innermost container counts: what runs inside of one may have a
    /// systemd of its own, whose units mean nothing outside.
    #[must_use]
    pub fn from_cgroup_path(path: &str) -> Option<Self> {
        path::unit(path)
    }

    /// Whether this names a container or a pod, rather than a service of the
    /// host.
    #[must_use]
    pub const fn is_container(&self) -> bool {
        matches!(self, Self::Container { .. } | Self::Pod { .. })
    }

    /// Its name with no more of a container's id than its runtime shows:
    /// `docker 3f2a91c0d4e5`. Unescaped.
    #[must_use]
    pub fn short(&self) -> String {
        match self {
            Self::Container { runtime, id, .. } => {
                let id: String = id.chars().take(SHORT_ID).collect();
                format!("{} {id}", runtime.key())
            }
            other => other.to_string(),
        }
    }

    /// Whether somebody means it by this name: that of a unit with or without
    /// `.service`, the id of a container or the 12 first characters of it that
    /// its runtime shows, the uid of a pod.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        match self {
            Self::Systemd { name: own, .. } => {
                own == name || own.strip_suffix(".service") == Some(name)
            }
            Self::Container { id, pod, .. } => {
                id == name
                    || (name.len() >= SHORT_ID && id.starts_with(name))
                    || pod.as_deref() == Some(name)
            }
            Self::Pod { uid } => uid == name,
            Self::OpenRc { service } => service == name,
        }
    }
}

/// Characters of a container's id that `docker ps` and its like show.
const SHORT_ID: usize = 12;

impl ContainerRuntime {
    /// The word for it in scripts' output.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Podman => "podman",
            Self::Lxc => "lxc",
            Self::Machine => "machine",
            Self::Ecs => "ecs",
            Self::Garden => "garden",
            Self::Unknown => "container",
        }
    }
}

/// `nginx.service`, `app.service (user 1000)`, `docker 3f2a…`: whole and
/// unescaped.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Systemd { name, user: None } => f.write_str(name),
            Self::Systemd {
                name,
                user: Some(user),
            } => write!(f, "{name} (user {user})"),
            Self::Container { runtime, id, .. } => write!(f, "{} {id}", runtime.key()),
            Self::Pod { uid } => write!(f, "pod {uid}"),
            Self::OpenRc { service } => write!(f, "{service} (OpenRC)"),
        }
    }
}

#[cfg(test)]
mod tests;
