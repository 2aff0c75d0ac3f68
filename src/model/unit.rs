//! What a cgroup path says of who runs in it: a systemd unit or a container.

use std::fmt;

/// The program that made a container's cgroup, as far as the path tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContainerRuntime {
    /// `docker-ID.scope`, or `/docker/ID`.
    Docker,
    /// `cri-containerd-ID.scope`, or `pod…:cri-containerd:ID`.
    Containerd,
    /// `crio-ID.scope`
    CriO,
    /// `libpod-ID.scope`
    Podman,
    /// `/lxc/NAME`, `/lxc.payload.NAME`: the id is the container's name.
    Lxc,
    /// `machine-NAME.scope` of systemd-machined: the id is the machine's name.
    Machine,
    /// Below `kubepods` without a prefix: the path doesn't tell which.
    Unknown,
}

/// Who a cgroup belongs to. Names come from outside and may hold any character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
        /// The uid of the Kubernetes pod around it.
        pod: Option<String>,
    },
    /// A Kubernetes pod, in none of its containers.
    Pod {
        /// Its uid.
        uid: String,
    },
}

impl Unit {
    /// What a path in cgroup2, or in systemd's hierarchy of version 1, says;
    /// `None` for the root and for paths that follow nobody's convention.
    #[must_use]
    pub fn from_cgroup_path(path: &str) -> Option<Self> {
        let _ = path;
        None
    }
}

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
        }
    }
}
