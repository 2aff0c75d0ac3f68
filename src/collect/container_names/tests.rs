use super::*;
use std::fs;

const ID: &str = "3f2a91c0d4e5b6f7081929a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7";
const UID: &str = "12345678-9abc-def0-1234-56789abcdef0";

/// A system with these files.
fn staged(files: &[(&str, &str)]) -> (tempfile::TempDir, ContainerNames) {
    let system = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = system.path().join(path.replace("ID", ID));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("ID", ID)).unwrap();
    }
    let names = ContainerNames::new(system.path());
    (system, names)
}

fn container(runtime: ContainerRuntime, pod: Option<&str>) -> Unit {
    Unit::Container {
        runtime,
        id: ID.to_owned(),
        pod: pod.map(str::to_owned),
    }
}

fn shown(names: &ContainerNames, unit: &Unit) -> Option<(NamedBy, String)> {
    let name = names.of(unit)?;
    Some((name.named_by, name.of_container()?))
}

#[test]
fn a_pod_and_its_containers_are_named_by_the_log_directories() {
    let (_system, names) = staged(&[
        (&format!("var/log/pods/shop_api-6f7-x2_{UID}/app/0.log"), ""),
        ("var/log/pods/shop_api_too_many/x", ""),
        ("var/log/containers/api-6f7-x2_shop_side-car-ID.log", ""),
        ("var/log/containers/nonsense.log", ""),
    ]);
    let unknown = container(ContainerRuntime::Unknown, Some(UID));
    let whole = "shop/api-6f7-x2/side-car".to_owned();
    assert_eq!(shown(&names, &unknown), Some((NamedBy::Kubernetes, whole)));
    let name = names.of(&unknown).unwrap();
    assert_eq!(name.of_namespace(), Some("shop/api-6f7-x2"));
    // A sandbox has no link, and a pod without containers neither.
    let sandbox = Unit::Container {
        runtime: ContainerRuntime::Containerd,
        id: "ab".repeat(32),
        pod: Some(UID.to_owned()),
    };
    let pod = Some((NamedBy::Kubernetes, "shop/api-6f7-x2".to_owned()));
    assert_eq!(shown(&names, &sandbox), pod);
    let uid = UID.to_owned();
    assert_eq!(shown(&names, &Unit::Pod { uid }), pod);
    let uid = "0123456789abcdef0123456789abcdef".to_owned();
    assert_eq!(shown(&names, &Unit::Pod { uid }), None);
}

#[test]
fn every_runtime_names_its_containers_in_a_file_of_its_own() {
    use ContainerRuntime::{Containerd, CriO, Docker, Ecs, Lxc, Machine, Podman, Unknown};
    let task = "io.containerd.runtime.v2.task";
    for (path, text, runtimes, expected) in [
        (
            format!("run/k3s/containerd/{task}/k8s.io/ID/config.json"),
            r#"{"ociVersion":"1","annotations":{"io.kubernetes.cri.container-type":"container",
            "io.kubernetes.cri.container-name":"app","io.kubernetes.cri.sandbox-name":"api",
            "io.kubernetes.cri.sandbox-namespace":"shop"}}"#,
            [Containerd, Unknown],
            (NamedBy::Kubernetes, "shop/api/app"),
        ),
        (
            format!("run/containerd/{task}/default/ID/config.json"),
            r#"{"annotations":{"nerdctl/name":"web"}}"#,
            [Containerd, Unknown],
            (NamedBy::Nerdctl, "web"),
        ),
        (
            "run/containers/storage/overlay-containers/ID/userdata/config.json".to_owned(),
            r#"{"annotations":{"io.kubernetes.pod.name":"api","io.kubernetes.pod.namespace":"shop",
            "io.kubernetes.container.name":"app","io.kubernetes.cri-o.ContainerType":"container"}}"#,
            [CriO, Unknown],
            (NamedBy::Kubernetes, "shop/api/app"),
        ),
        (
            "var/lib/docker/containers/ID/config.v2.json".to_owned(),
            r#"{"ID":"ID","Name":"/shop_web_1","Config":{"Labels":{"a":"b"}},"State":{}}"#,
            [Docker, Ecs],
            (NamedBy::Docker, "shop_web_1"),
        ),
        (
            "var/snap/docker/common/var-lib-docker/containers/ID/config.v2.json".to_owned(),
            r#"{"Name":"/k8s_x","Config":{"Labels":{"io.kubernetes.pod.name":"api",
            "io.kubernetes.pod.namespace":"shop","io.kubernetes.container.name":"app"}}}"#,
            [Docker, Unknown],
            (NamedBy::Kubernetes, "shop/api/app"),
        ),
        (
            "var/lib/containers/storage/overlay-containers/containers.json".to_owned(),
            r#"[{"id":"00","names":[]},{"id":"ID","names":["db","x"],"layer":"1"}]"#,
            [Podman, Unknown],
            (NamedBy::Podman, "db"),
        ),
    ] {
        for runtime in runtimes {
            let (_system, names) = staged(&[(&path, text)]);
            let expected = Some((expected.0, expected.1.to_owned()));
            assert_eq!(shown(&names, &container(runtime, None)), expected, "{path}");
        }
    }
    let (_system, names) = staged(&[]);
    for (runtime, named_by) in [(Lxc, NamedBy::Lxc), (Machine, NamedBy::Machine)] {
        let expected = Some((named_by, ID.to_owned()));
        assert_eq!(shown(&names, &container(runtime, None)), expected);
    }
    assert_eq!(shown(&names, &container(Docker, None)), None);
}

#[test]
fn docker_may_keep_its_data_elsewhere() {
    let (_system, names) = staged(&[
        ("etc/docker/daemon.json", r#"{"data-root":"/srv/docker"}"#),
        (
            "srv/docker/containers/ID/config.v2.json",
            r#"{"Name":"/a"}"#,
        ),
    ]);
    let docker = container(ContainerRuntime::Docker, None);
    assert_eq!(
        shown(&names, &docker),
        Some((NamedBy::Docker, "a".to_owned()))
    );
}

#[test]
fn a_sandbox_says_that_it_is_one() {
    let path = "run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json";
    let text = r#"{"annotations":{"io.kubernetes.cri.container-type":"sandbox",
        "io.kubernetes.cri.sandbox-name":"api","io.kubernetes.cri.sandbox-namespace":"shop"}}"#;
    let (_system, names) = staged(&[(path, text)]);
    let name = names
        .of(&container(ContainerRuntime::Containerd, None))
        .unwrap();
    assert!(name.is_sandbox);
    assert_eq!(name.of_namespace(), Some("shop/api"));
}

#[test]
fn hostile_files_name_nothing_or_are_cut() {
    let path = "var/lib/docker/containers/ID/config.v2.json";
    let docker = container(ContainerRuntime::Docker, None);
    let long = format!(r#"{{"Name":"/{}"}}"#, "a".repeat(10_000));
    let huge = format!(r#"{{"Name":"/a","x":"{}"}}"#, "a".repeat(2_000_000));
    let deep = "[".repeat(100_000);
    for (text, length) in [
        (long.as_str(), Some(256)),
        (&huge, None),
        (&deep, None),
        ("", None),
        ("null", None),
        (r#"{"Name":7}"#, None),
        (r#"{"Name":"/"}"#, None),
        (r#"{"Name":"/a","Config":{"Labels":null}}"#, Some(1)),
    ] {
        let (_system, names) = staged(&[(path, text)]);
        let name = names.of(&docker).and_then(|one| one.name);
        assert_eq!(name.map(|name| name.len()), length);
    }
    // An id is a part of a path, and a pipe is no file.
    let (system, names) = staged(&[("var/lib/docker/config.v2.json", r#"{"Name":"/a"}"#)]);
    for id in ["..", ".", "a/b", "../x", ""] {
        let unit = Unit::Container {
            runtime: ContainerRuntime::Docker,
            id: id.to_owned(),
            pod: None,
        };
        assert_eq!(names.of(&unit), None, "{id}");
    }
    let pipe = system.path().join(path.replace("ID", ID));
    fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, rustix::fs::Mode::RWXU, 0).unwrap();
    assert_eq!(names.of(&docker), None);
}
