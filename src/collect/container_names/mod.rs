//! What an operator calls a container, by the id in its cgroup path.
//!
//! Only local files are read: the kubelet's log directories, which usually
//! everybody may list, and what the runtimes keep for themselves, which takes
//! root. Their contents were chosen by who started the container. A file that
//! isn't there, or is of another form than expected, names nothing.

mod kubernetes;
mod runtimes;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use self::kubernetes::Logs;
use crate::model::{ContainerRuntime, NamedBy, Unit};

/// A name of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerName {
    /// Which files it is from.
    pub named_by: NamedBy,
    /// The pod around it: `NAMESPACE/POD`.
    pub pod: Option<String>,
    /// Its own name; in a pod that is unique there only.
    pub name: Option<String>,
    /// Whether it only keeps the namespaces of a pod (`pause`).
    pub is_sandbox: bool,
}

impl ContainerName {
    /// What its network namespace is called after it: the pod, where it is in
    /// one.
    #[must_use]
    pub fn of_namespace(&self) -> Option<&str> {
        self.pod.as_deref().or(self.name.as_deref())
    }

    /// The container itself: `NAMESPACE/POD/CONTAINER`, or its name.
    #[must_use]
    pub fn of_container(&self) -> Option<String> {
        match (&self.pod, &self.name) {
            (Some(pod), Some(name)) => Some(format!("{pod}/{name}")),
            (one, other) => one.as_ref().or(other.as_ref()).cloned(),
        }
    }
}

/// The names of the containers of a host. Each list is read when it is first
/// needed, so it is for one reading: names change.
#[derive(Debug)]
pub struct ContainerNames {
    system: PathBuf,
    logs: OnceCell<Logs>,
    docker: OnceCell<Vec<PathBuf>>,
    podman: OnceCell<HashMap<String, String>>,
}

impl ContainerNames {
    /// Those below the root of a system, `/` for this one.
    #[must_use]
    pub fn new(system: &Path) -> Self {
        Self {
            system: system.to_owned(),
            logs: OnceCell::new(),
            docker: OnceCell::new(),
            podman: OnceCell::new(),
        }
    }

    /// The name of a container or a pod; `None` for what is neither, and where
    /// no file tells.
    #[must_use]
    pub fn of(&self, unit: &Unit) -> Option<ContainerName> {
        match unit {
            Unit::Container { runtime, id, pod } => self.of_container(*runtime, id, pod.as_deref()),
            Unit::Pod { uid } => {
                let pod = self.logs().pods.get(uid)?;
                Some(ContainerName {
                    named_by: NamedBy::Kubernetes,
                    pod: Some(pod.clone()),
                    name: None,
                    is_sandbox: false,
                })
            }
            Unit::Systemd { .. } | Unit::OpenRc { .. } => None,
        }
    }

    fn of_container(
        &self,
        runtime: ContainerRuntime,
        id: &str,
        pod: Option<&str>,
    ) -> Option<ContainerName> {
        let named_by = match runtime {
            ContainerRuntime::Lxc => Some(NamedBy::Lxc),
            ContainerRuntime::Machine => Some(NamedBy::Machine),
            _ => None,
        };
        if let Some(named_by) = named_by {
            // The path has the name itself.
            return Some(ContainerName {
                named_by,
                pod: None,
                name: Some(id.to_owned()),
                is_sandbox: false,
            });
        }
        let pod = pod.and_then(|uid| self.logs().pods.get(uid));
        if let Some((pod, name)) = self.logs().containers.get(id) {
            return Some(ContainerName {
                named_by: NamedBy::Kubernetes,
                pod: Some(pod.clone()),
                name: Some(name.clone()),
                is_sandbox: false,
            });
        }
        let by_runtime = self.of_runtime(runtime, id);
        match (pod, by_runtime) {
            (Some(pod), by_runtime) => {
                let (name, is_sandbox) = by_runtime
                    .map(|one| (one.name, one.is_sandbox))
                    .unwrap_or_default();
                Some(ContainerName {
                    named_by: NamedBy::Kubernetes,
                    pod: Some(pod.clone()),
                    name,
                    is_sandbox,
                })
            }
            (None, by_runtime) => by_runtime,
        }
    }

    /// What the files of a runtime say; of all of them where the path doesn't
    /// tell which it is.
    fn of_runtime(&self, runtime: ContainerRuntime, id: &str) -> Option<ContainerName> {
        // The id becomes a part of a path.
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if !id.bytes().all(is_plain) || id.starts_with('.') {
            return None;
        }
        let is = |one| runtime == one || runtime == ContainerRuntime::Unknown;
        let containerd = || runtimes::containerd(&self.system, id);
        let crio = || runtimes::crio(&self.system, id);
        let docker = || {
            let roots = self
                .docker
                .get_or_init(|| runtimes::docker_roots(&self.system));
            runtimes::docker(roots, id)
        };
        let podman = || {
            let names = self.podman.get_or_init(|| runtimes::podman(&self.system));
            Some(ContainerName {
                named_by: NamedBy::Podman,
                pod: None,
                name: Some(names.get(id)?.clone()),
                is_sandbox: false,
            })
        };
        let is_docker = is(ContainerRuntime::Docker) || runtime == ContainerRuntime::Ecs;
        let tried = is(ContainerRuntime::Containerd).then(containerd).flatten();
        tried
            .or_else(|| is(ContainerRuntime::CriO).then(crio)?)
            .or_else(|| is_docker.then(docker)?)
            .or_else(|| is(ContainerRuntime::Podman).then(podman)?)
    }

    fn logs(&self) -> &Logs {
        self.logs.get_or_init(|| Logs::read(&self.system))
    }
}

#[cfg(test)]
mod tests;
