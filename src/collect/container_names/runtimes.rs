//! What the runtimes keep on disk of their containers. Only containerd's and
//! CRI-O's annotations and podman's list are promised to stay; of Docker's file
//! a few fields are read, and what isn't there is unknown.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ContainerName;
use crate::model::NamedBy;

/// A longer file of a container is not read.
const LONGEST: u64 = 1024 * 1024;

/// The same for podman's list of all containers.
const LONGEST_LIST: u64 = 16 * LONGEST;

/// A longer name is cut.
const LONGEST_NAME: usize = 256;

/// More directories of a runtime are not looked into.
const MOST_DIRECTORIES: usize = 1_000;

/// Where containerd keeps the state of its containers: its own, that of k3s and
/// RKE2, and that of MicroK8s.
const CONTAINERD: [&str; 3] = [
    "run/containerd",
    "run/k3s/containerd",
    "var/snap/microk8s/common/run/containerd",
];

/// An OCI bundle's config.json, as far as it is read.
#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    annotations: HashMap<String, String>,
}

impl Bundle {
    fn get(&self, key: &str) -> Option<String> {
        self.annotations
            .get(key)
            .map(|value| name(value))
            .filter(|value| !value.is_empty())
    }

    /// The pod whose namespace and name have these keys.
    fn pod(&self, namespace: &str, pod: &str) -> Option<String> {
        Some(format!("{}/{}", self.get(namespace)?, self.get(pod)?))
    }
}

/// Of containerd, by the annotations of CRI and of nerdctl.
pub(super) fn containerd(system: &Path, id: &str) -> Option<ContainerName> {
    let states = CONTAINERD.map(|base| system.join(base).join("io.containerd.runtime.v2.task"));
    let of_namespaces = states.iter().flat_map(|state| directories(state));
    of_namespaces
        .filter_map(|namespace| read::<Bundle>(&namespace.join(id).join("config.json"), LONGEST))
        .find_map(|bundle| {
            let pod = bundle.pod(
                "io.kubernetes.cri.sandbox-namespace",
                "io.kubernetes.cri.sandbox-name",
            );
            let kind = bundle.get("io.kubernetes.cri.container-type");
            let name = bundle
                .get("io.kubernetes.cri.container-name")
                .or_else(|| bundle.get("nerdctl/name"));
            named(
                NamedBy::Nerdctl,
                pod,
                name,
                kind.as_deref() == Some("sandbox"),
            )
        })
}

/// Of CRI-O.
pub(super) fn crio(system: &Path, id: &str) -> Option<ContainerName> {
    storage(&system.join("run/containers/storage"))
        .filter_map(|containers| {
            let file = containers.join(id).join("userdata/config.json");
            read::<Bundle>(&file, LONGEST)
        })
        .find_map(|bundle| {
            let pod = bundle.pod("io.kubernetes.pod.namespace", "io.kubernetes.pod.name")?;
            let kind = bundle.get("io.kubernetes.cri-o.ContainerType");
            let name = bundle.get("io.kubernetes.container.name");
            let is_sandbox = kind.as_deref() == Some("sandbox");
            named(NamedBy::Kubernetes, Some(pod), name, is_sandbox)
        })
}

/// Docker's file of a container, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerContainer {
    name: Option<String>,
    config: Option<DockerConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerConfig {
    labels: Option<HashMap<String, String>>,
}

/// Of Docker.
pub(super) fn docker(roots: &[PathBuf], id: &str) -> Option<ContainerName> {
    roots
        .iter()
        .filter_map(|root| {
            let file = root.join("containers").join(id).join("config.v2.json");
            read::<DockerContainer>(&file, LONGEST)
        })
        .find_map(|container| {
            let labels = container.config.and_then(|config| config.labels);
            let label = |key: &str| labels.as_ref()?.get(key).map(|value| name(value));
            let pod = label("io.kubernetes.pod.namespace")
                .zip(label("io.kubernetes.pod.name"))
                .map(|(namespace, pod)| format!("{namespace}/{pod}"));
            let own = container.name.as_deref();
            let own = own.map(|own| name(own.trim_start_matches('/')));
            let kind = label("io.kubernetes.docker.type");
            let is_sandbox = kind.as_deref() == Some("podsandbox");
            let name = label("io.kubernetes.container.name")
                .filter(|_| pod.is_some())
                .or(own);
            named(NamedBy::Docker, pod, name, is_sandbox)
        })
}

/// Docker's own settings, as far as they are read.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DockerSettings {
    data_root: Option<PathBuf>,
}

/// Where Docker may keep its data.
pub(super) fn docker_roots(system: &Path) -> Vec<PathBuf> {
    let set = read::<DockerSettings>(&system.join("etc/docker/daemon.json"), LONGEST);
    let set = set.and_then(|settings| settings.data_root);
    let set = set.map(|root| system.join(root.strip_prefix("/").unwrap_or(&root)));
    let usual = ["var/lib/docker", "var/snap/docker/common/var-lib-docker"];
    set.into_iter()
        .chain(usual.map(|root| system.join(root)))
        .collect()
}

/// One of podman's list of containers, as far as it is read.
#[derive(Deserialize)]
struct PodmanContainer {
    id: String,
    #[serde(default)]
    names: Vec<String>,
}

/// The names of podman's containers, by id: those of root.
pub(super) fn podman(system: &Path) -> HashMap<String, String> {
    storage(&system.join("var/lib/containers/storage"))
        .flat_map(|containers| {
            ["containers.json", "volatile-containers.json"].map(|file| containers.join(file))
        })
        .filter_map(|file| read::<Vec<PodmanContainer>>(&file, LONGEST_LIST))
        .flatten()
        .filter_map(|container| Some((container.id, name(container.names.first()?))))
        .collect()
}

/// The directories `DRIVER-containers`.
fn storage(directory: &Path) -> impl Iterator<Item = PathBuf> {
    directories(directory).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.ends_with("-containers"))
    })
}

fn directories(parent: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten();
    entries
        .take(MOST_DIRECTORIES)
        .filter_map(|entry| Some(entry.ok()?.path()))
}

/// A name, if anything is named.
fn named(
    named_by: NamedBy,
    pod: Option<String>,
    name: Option<String>,
    is_sandbox: bool,
) -> Option<ContainerName> {
    let name = name.filter(|name| !name.is_empty());
    (pod.is_some() || name.is_some()).then_some(ContainerName {
        named_by: if pod.is_some() {
            NamedBy::Kubernetes
        } else {
            named_by
        },
        pod,
        name,
        is_sandbox,
    })
}

fn name(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

/// Reads a file of JSON; `None` for one that isn't there, may not be read, isn't
/// a file, is longer than so many bytes, or says something else.
fn read<T: DeserializeOwned>(path: &Path, most: u64) -> Option<T> {
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > most {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}
