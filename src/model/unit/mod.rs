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
    ///
    /// The innermost container counts: what runs inside of one may have a
    /// systemd of its own, whose units mean nothing outside.
    #[must_use]
    pub fn from_cgroup_path(path: &str) -> Option<Self> {
        container(path)
            .or_else(|| pod_in(path).map(|uid| Self::Pod { uid }))
            .or_else(|| systemd(path))
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
        }
    }
}

/// Characters of a container's id that `docker ps` and its like show.
const SHORT_ID: usize = 12;

/// Beginnings of the scopes that runtimes make.
const SCOPES: &[(&str, ContainerRuntime)] = &[
    ("docker-", ContainerRuntime::Docker),
    ("cri-containerd-", ContainerRuntime::Containerd),
    ("nerdctl-", ContainerRuntime::Containerd),
    ("crio-", ContainerRuntime::CriO),
    ("libpod-", ContainerRuntime::Podman),
    ("machine-", ContainerRuntime::Machine),
];

/// The innermost container of a path.
fn container(path: &str) -> Option<Unit> {
    let mut parents = path.trim_end_matches('/');
    while let Some((parent, name)) = parents.rsplit_once('/') {
        if let Some((runtime, id)) = container_named(parent, name) {
            return Some(Unit::Container {
                runtime,
                id,
                pod: pod_in(parent).or_else(|| name.split(':').find_map(pod_uid)),
            });
        }
        parents = parent;
    }
    None
}

/// The container that one directory is the cgroup of.
fn container_named(parent: &str, name: &str) -> Option<(ContainerRuntime, String)> {
    // With the systemd driver: a scope, its prefix the runtime. Podman and
    // CRI-O keep a scope for their monitor (conmon) beside it, which is not in
    // the container.
    if let Some(scope) = name.strip_suffix(".scope") {
        return SCOPES.iter().find_map(|&(prefix, runtime)| {
            let id = scope.strip_prefix(prefix)?;
            let known = runtime == ContainerRuntime::Machine || is_container_id(id);
            (known && !id.is_empty()).then(|| (runtime, id.to_owned()))
        });
    }
    if let Some(id) = name.strip_prefix("lxc.payload.") {
        return (!id.is_empty()).then(|| (ContainerRuntime::Lxc, id.to_owned()));
    }
    let parent = parent.rsplit_once('/').map_or(parent, |(_, last)| last);
    // containerd below a systemd that it doesn't talk to: `SLICE:RUNTIME:ID`.
    if let Some((before, id)) = name.rsplit_once(':')
        && is_container_id(id)
    {
        let runtime = match before.rsplit_once(':') {
            Some((_, "cri-containerd")) => ContainerRuntime::Containerd,
            Some((_, "docker")) => ContainerRuntime::Docker,
            Some((_, "crio")) => ContainerRuntime::CriO,
            _ => ContainerRuntime::Unknown,
        };
        return Some((runtime, id.to_owned()));
    }
    if parent == "lxc" && !name.is_empty() {
        return Some((ContainerRuntime::Lxc, name.to_owned()));
    }
    // With the cgroupfs driver: the id alone, perhaps with a prefix.
    let bare = [
        ("crio-", ContainerRuntime::CriO),
        ("libpod-", ContainerRuntime::Podman),
    ];
    for (prefix, runtime) in bare {
        if let Some(id) = name.strip_prefix(prefix)
            && is_container_id(id)
        {
            return Some((runtime, id.to_owned()));
        }
    }
    if !is_container_id(name) {
        return None;
    }
    match parent {
        "docker" => Some((ContainerRuntime::Docker, name.to_owned())),
        "libpod_parent" => Some((ContainerRuntime::Podman, name.to_owned())),
        _ if pod_uid(parent).is_some() => Some((ContainerRuntime::Unknown, name.to_owned())),
        _ => None,
    }
}

/// Whether a name is what runtimes call a container: 64 hexadecimal digits.
fn is_container_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The uid of the innermost pod of a path.
fn pod_in(path: &str) -> Option<String> {
    path.rsplit('/').find_map(pod_uid)
}

/// The uid in `pod6f3e…` and `kubepods-burstable-pod6f3e_….slice`, in its usual
/// writing: in the name of a slice `-` means something else, and kubelet puts
/// `_`. A static pod's is a hash without any.
fn pod_uid(name: &str) -> Option<String> {
    let (name, in_slice) = match name.strip_suffix(".slice") {
        Some(slice) => (slice.strip_prefix("kubepods")?, true),
        None => (name, false),
    };
    let uid = match name.rsplit_once("-pod") {
        Some((_, uid)) if in_slice => uid,
        _ => name.strip_prefix("pod")?,
    };
    let known = uid.len() >= 32
        && uid
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-' || byte == b'_');
    known.then(|| uid.replace('_', "-"))
}

/// The unit of systemd on a path. Slices hold units, and the manager of a user
/// holds the units of that user; what is below any other unit is that unit's
/// own affair (`Delegate=`).
fn systemd(path: &str) -> Option<Unit> {
    let mut user = None;
    let mut found = None;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
        if !UNITS_WITH_PROCESSES.contains(&kind) {
            break;
        }
        found = Some(Unit::Systemd {
            name: name.to_owned(),
            user,
        });
        match user_manager(name) {
            Some(uid) => user = Some(uid),
            None if kind == "slice" => {}
            None => break,
        }
    }
    found
}

/// Ends of the names of units that processes can be in.
const UNITS_WITH_PROCESSES: &[&str] = &["slice", "service", "scope", "socket", "mount", "swap"];

/// Whose manager `user@1000.service` is.
fn user_manager(name: &str) -> Option<u32> {
    let uid = name.strip_prefix("user@")?.strip_suffix(".service")?;
    uid.parse().ok()
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

#[cfg(test)]
mod tests;
