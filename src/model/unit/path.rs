//! Reads units and containers out of cgroup paths.
//!
//! The forms are those that the runtimes make (libcontainer, crun, conmon,
//! kubelet, liblxc, systemd-machined, the ECS agent, Garden), with their cgroupfs
//! and systemd drivers.

use super::{ContainerRuntime, Unit};

/// What the kernel adds to the path of a directory that was removed.
const REMOVED: &str = " (deleted)";

/// See [`Unit::from_cgroup_path`].
pub(super) fn unit(path: &str) -> Option<Unit> {
    let path = path.strip_suffix(REMOVED).unwrap_or(path);
    let inside = below_parents(path);
    let is_outside = inside.len() < path.len();
    let openrc = || {
        let service = inside.strip_prefix("/openrc.")?.split('/').next()?;
        (!service.is_empty()).then(|| Unit::OpenRc {
            service: service.to_owned(),
        })
    };
    container(inside, is_outside)
        .or_else(|| pod_in(inside).map(|uid| Unit::Pod { uid }))
        .or_else(|| systemd(inside))
        .or_else(openrc)
}

/// A path without the `/..` at its beginning: from inside a cgroup namespace
/// the cgroups outside of it are seen so.
fn below_parents(path: &str) -> &str {
    let mut rest = path;
    while let Some(inner) = rest.strip_prefix("/..")
        && (inner.is_empty() || inner.starts_with('/'))
    {
        rest = inner;
    }
    rest
}

/// Beginnings of the scopes that runtimes make.
const SCOPES: &[(&str, ContainerRuntime)] = &[
    ("docker-", ContainerRuntime::Docker),
    ("cri-containerd-", ContainerRuntime::Containerd),
    ("nerdctl-", ContainerRuntime::Containerd),
    ("crio-", ContainerRuntime::CriO),
    ("libpod-", ContainerRuntime::Podman),
];

/// The innermost container of a path.
fn container(path: &str, is_outside: bool) -> Option<Unit> {
    let mut parents = path.trim_end_matches('/');
    let mut below = None;
    while let Some((parent, name)) = parents.rsplit_once('/') {
        let at = Directory {
            parent,
            name,
            below,
            is_outside,
        };
        if let Some((runtime, id)) = at.machine().or_else(|| at.container()) {
            return Some(Unit::Container {
                runtime,
                id,
                pod: pod_in(parent)
                    .or_else(|| name.split(':').find_map(pod_uid))
                    .or_else(|| group(parent)),
            });
        }
        below = Some(name);
        parents = parent;
    }
    None
}

/// One directory of a path.
struct Directory<'a> {
    /// The path before it.
    parent: &'a str,
    name: &'a str,
    /// The name of the next one below.
    below: Option<&'a str>,
    /// Whether the path begins outside of our cgroup namespace, so that what is
    /// at the root here may be anywhere.
    is_outside: bool,
}

impl Directory<'_> {
    /// A container of systemd-machined or systemd-nspawn. Whatever is below its
    /// unit is inside, but for nspawn's own process (`supervisor`).
    fn machine(&self) -> Option<(ContainerRuntime, String)> {
        if self.below == Some("supervisor") {
            return None;
        }
        let scope = self.name.strip_prefix("machine-");
        let name = if let Some(name) = scope.and_then(|rest| rest.strip_suffix(".scope")) {
            name
        } else {
            self.below?;
            let nspawn = self.name.strip_prefix("systemd-nspawn@")?;
            nspawn.strip_suffix(".service")?
        };
        let name = unescape(name);
        // libvirt's virtual machines are processes of the host.
        (!name.is_empty() && !name.starts_with("qemu-"))
            .then_some((ContainerRuntime::Machine, name))
    }

    /// The container that this is the cgroup of.
    fn container(&self) -> Option<(ContainerRuntime, String)> {
        let name = self.name;
        // With the systemd driver: a scope, its prefix the runtime. Podman and
        // CRI-O keep a scope for their monitor (conmon) beside it, which is not
        // in the container.
        if let Some(scope) = name.strip_suffix(".scope") {
            return SCOPES.iter().find_map(|&(prefix, runtime)| {
                let id = scope.strip_prefix(prefix)?;
                is_container_id(id).then(|| (runtime, id.to_owned()))
            });
        }
        if let Some(id) = name.strip_prefix("lxc.payload.") {
            return (!id.is_empty()).then(|| (ContainerRuntime::Lxc, id.to_owned()));
        }
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
        // With the cgroupfs driver: the id alone, perhaps with a prefix.
        let with_prefix = [
            ("crio-", ContainerRuntime::CriO),
            ("libpod-", ContainerRuntime::Podman),
        ];
        for (prefix, runtime) in with_prefix {
            if let Some(id) = name.strip_prefix(prefix)
                && is_container_id(id)
            {
                return Some((runtime, id.to_owned()));
            }
        }
        let runtime = self.runtime_of_parent()?;
        Some((runtime, name.to_owned()))
    }

    /// Whose container a directory without a prefix is.
    fn runtime_of_parent(&self) -> Option<ContainerRuntime> {
        let name = self.name;
        let (before, parent) = self.parent.rsplit_once('/').unwrap_or(("", self.parent));
        match parent {
            _ if name.is_empty() => None,
            "lxc" | "lxc.payload" => Some(ContainerRuntime::Lxc),
            "garden" if is_guid(name) => Some(ContainerRuntime::Garden),
            "good" | "bad" if is_guid(name) && before.ends_with("/garden") => {
                Some(ContainerRuntime::Garden)
            }
            task if before.ends_with("/ecs") && is_of_task(task, name) => {
                Some(ContainerRuntime::Ecs)
            }
            // The namespaces of containerd. Ids in them are free text.
            "default" | "k8s.io" | "moby" if before.is_empty() => {
                Some(ContainerRuntime::Containerd)
            }
            _ if !is_container_id(name) => None,
            "docker" => Some(ContainerRuntime::Docker),
            "libpod_parent" => Some(ContainerRuntime::Podman),
            "" if !self.is_outside => None,
            _ => Some(ContainerRuntime::Unknown),
        }
    }
}

/// Whether a name is what runtimes call a container: 64 hexadecimal digits.
fn is_container_id(name: &str) -> bool {
    name.len() == 64 && is_hex(name)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Five groups of hexadecimal digits, as Garden numbers containers; the last
/// has 4 or 12.
fn is_guid(name: &str) -> bool {
    let mut lengths = name.split('-').map(|group| (group.len(), is_hex(group)));
    [8, 4, 4, 4].map(|length| Some((length, true))) == [(); 4].map(|()| lengths.next())
        && matches!(lengths.next(), Some((4 | 12, true)))
        && lengths.next().is_none()
}

/// Whether a directory below an ECS task is a container of it.
fn is_of_task(task: &str, name: &str) -> bool {
    let number = name
        .strip_prefix(task)
        .and_then(|rest| rest.strip_prefix('-'));
    is_container_id(name)
        || number.is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// The uid of the innermost pod of a path.
fn pod_in(path: &str) -> Option<String> {
    path.rsplit('/').find_map(pod_uid)
}

/// The uid in `pod6f3e…` and `kubepods-burstable-pod6f3e_….slice`, in its usual
/// writing: in the name of a slice `-` means something else, and kubelet puts
/// `_`. A static pod's is a hash without any. kubelet may have its slices below
/// another one (`kubelet-kubepods-…`).
fn pod_uid(name: &str) -> Option<String> {
    let uid = match name.strip_suffix(".slice") {
        Some(slice) => {
            let (before, uid) = slice.rsplit_once("-pod")?;
            before
                .split('-')
                .any(|part| part == "kubepods")
                .then_some(uid)?
        }
        None => name.strip_prefix("pod")?,
    };
    let known = uid.len() >= 32
        && uid
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-' || byte == b'_');
    known.then(|| uid.replace('_', "-"))
}

/// The podman pod or the ECS task that a directory is of.
fn group(path: &str) -> Option<String> {
    let (before, name) = path.rsplit_once('/')?;
    let slice = name.strip_suffix(".slice").unwrap_or(name);
    let id = if let Some((_, id)) = slice.rsplit_once("libpod_pod_") {
        id
    } else if let Some(task) = slice.strip_prefix("ecstasks-") {
        task
    } else if before.ends_with("/ecs") || before.ends_with("/libpod_parent") {
        name
    } else {
        return None;
    };
    ((id.len() == 32 || id.len() == 64) && is_hex(id)).then(|| id.to_owned())
}

/// A name as it was before systemd escaped it: `\xHH` for a byte.
fn unescape(name: &str) -> String {
    let mut parts = name.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match (part.get(..2), part.get(2..)) {
            (Some(digits), Some(rest)) if is_hex(digits) => {
                bytes.extend(u8::from_str_radix(digits, 16));
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => {
                bytes.extend_from_slice(b"\\x");
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The unit of systemd on a path. Slices hold units, and the manager of a user
/// holds the units of that user; what is below any other unit is that unit's
/// own affair (`Delegate=`).
fn systemd(path: &str) -> Option<Unit> {
    let mut user = None;
    let mut found = None;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
        // A container of LXC may be called like a unit.
        if !UNITS_WITH_PROCESSES.contains(&kind) || name.starts_with("lxc.monitor.") {
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
