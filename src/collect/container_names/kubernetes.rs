//! The kubelet's log directories: their names tell of every pod and container,
//! whatever the runtime.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// More names in a directory are left out: a node has some hundred pods.
const MOST: usize = 100_000;

/// What the names of the directories say.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// `NAMESPACE/POD` by the uid of the pod.
    pub(super) pods: HashMap<String, String>,
    /// `NAMESPACE/POD` and the container's name, by its id.
    pub(super) containers: HashMap<String, (String, String)>,
}

impl Logs {
    pub(super) fn read(system: &Path) -> Self {
        Self {
            pods: names(&system.join("var/log/pods"))
                .filter_map(|name| pod(&name))
                .collect(),
            containers: names(&system.join("var/log/containers"))
                .filter_map(|name| container(&name))
                .collect(),
        }
    }
}

fn names(directory: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries
        .take(MOST)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

/// Uid and name in `NAMESPACE_POD_UID`. Names in Kubernetes have no `_`.
fn pod(name: &str) -> Option<(String, String)> {
    let [namespace, pod, uid] = parts(name)?;
    Some((uid.to_owned(), format!("{namespace}/{pod}")))
}

/// Id, pod and name in `POD_NAMESPACE_CONTAINER-ID.log`.
fn container(name: &str) -> Option<(String, (String, String))> {
    let (before, id) = name.strip_suffix(".log")?.rsplit_once('-')?;
    let [pod, namespace, container] = parts(before)?;
    let pod = format!("{namespace}/{pod}");
    Some((id.to_owned(), (pod, container.to_owned())))
}

/// The three parts of a name.
fn parts(name: &str) -> Option<[&str; 3]> {
    let mut parts = name.split('_');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    let whole = parts.next().is_none() && three.iter().all(|part| !part.is_empty());
    whole.then_some(three)
}
