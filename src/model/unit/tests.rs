use super::*;

const ID: &str = "3f2a91c0d4e5b6f7081929a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7";

fn unit(path: &str) -> Option<Unit> {
    Unit::from_cgroup_path(&path.replace("ID", ID))
}

fn systemd_unit(name: &str, user: Option<u32>) -> Unit {
    let name = name.to_owned();
    Unit::Systemd { name, user }
}

fn container(runtime: ContainerRuntime, id: &str, pod: Option<&str>) -> Unit {
    Unit::Container {
        runtime,
        id: id.to_owned(),
        pod: pod.map(str::to_owned),
    }
}

#[test]
fn a_short_name_has_as_much_of_an_id_as_docker_ps() {
    let docker = container(ContainerRuntime::Docker, ID, None);
    assert_eq!(docker.short(), "docker 3f2a91c0d4e5");
    assert_eq!(systemd_unit("a.service", None).short(), "a.service");
}

#[test]
fn units_of_systemd_are_named() {
    for (path, name, user) in [
        ("/system.slice/nginx.service", "nginx.service", None),
        ("/init.scope", "init.scope", None),
        (
            "/system.slice/system-getty.slice/getty@tty1.service",
            "getty@tty1.service",
            None,
        ),
        (
            "/user.slice/user-1000.slice/session-3.scope",
            "session-3.scope",
            None,
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-a\\x2db.service",
            "app-a\\x2db.service",
            Some(1000),
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/init.scope",
            "init.scope",
            Some(1000),
        ),
        (
            "/user.slice/user-7.slice/user@7.service",
            "user@7.service",
            None,
        ),
        ("/system.slice/a.service/b.service", "a.service", None),
        ("/system.slice/a.service/workers", "a.service", None),
        ("/system.slice", "system.slice", None),
        ("/system.slice/cups.socket", "cups.socket", None),
        (
            "/system.slice/\u{1b}[2J\n.service",
            "\u{1b}[2J\n.service",
            None,
        ),
    ] {
        assert_eq!(unit(path), Some(systemd_unit(name, user)), "{path}");
    }
}

#[test]
fn containers_are_recognised_by_the_names_their_runtimes_make() {
    use ContainerRuntime::{Containerd, CriO, Docker, Lxc, Machine, Podman, Unknown};
    let pod = "12345678-9abc-def0-1234-56789abcdef0";
    for (path, runtime, id, pod) in [
        ("/system.slice/docker-ID.scope", Docker, ID, None),
        ("/docker/ID", Docker, ID, None),
        // A container with a systemd or a container of its own inside.
        ("/docker/ID/system.slice/nginx.service", Docker, ID, None),
        ("/docker/ID/init.scope", Docker, ID, None),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12345678_9abc_def0_1234_56789abcdef0.slice/cri-containerd-ID.scope",
            Containerd,
            ID,
            Some(pod),
        ),
        (
            "/kubepods.slice/kubepods-pod12345678_9abc_def0_1234_56789abcdef0.slice/crio-ID.scope/container",
            CriO,
            ID,
            Some(pod),
        ),
        (
            "/kubepods/besteffort/pod12345678-9abc-def0-1234-56789abcdef0/ID",
            Unknown,
            ID,
            Some(pod),
        ),
        (
            "/kubepods/burstable/pod12345678-9abc-def0-1234-56789abcdef0/crio-ID",
            CriO,
            ID,
            Some(pod),
        ),
        (
            "/system.slice/containerd.service/kubepods-burstable-pod12345678_9abc_def0_1234_56789abcdef0.slice:cri-containerd:ID",
            Containerd,
            ID,
            Some(pod),
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
            Podman,
            ID,
            None,
        ),
        ("/machine.slice/libpod-ID.scope", Podman, ID, None),
        ("/libpod_parent/libpod-ID", Podman, ID, None),
        (
            "/machine.slice/machine-debian.scope/payload",
            Machine,
            "debian",
            None,
        ),
        (
            "/lxc.payload.web/system.slice/nginx.service",
            Lxc,
            "web",
            None,
        ),
        ("/lxc/web", Lxc, "web", None),
    ] {
        assert_eq!(unit(path), Some(container(runtime, id, pod)), "{path}");
    }
}

#[test]
fn what_only_looks_like_a_container_is_none() {
    for (path, name) in [
        ("/system.slice/docker.service", "docker.service"),
        ("/system.slice/docker-short.scope", "docker-short.scope"),
        (
            "/machine.slice/libpod-conmon-ID.scope",
            "libpod-conmon-ID.scope",
        ),
    ] {
        assert_eq!(
            unit(path),
            Some(systemd_unit(&name.replace("ID", ID), None)),
            "{path}"
        );
    }
    for path in [
        "/",
        "",
        "//",
        "/docker",
        "/foo/bar",
        "/ID",
        "docker/short",
        "/pod/",
        ":",
        "/a:b",
    ] {
        assert_eq!(unit(path), None, "{path}");
    }
}

#[test]
fn a_pod_without_a_container_is_a_pod() {
    let slice = "/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice";
    assert_eq!(
        unit(slice),
        Some(Unit::Pod {
            uid: "0123456789abcdef0123456789abcdef".to_owned()
        })
    );
    assert_eq!(
        unit("/kubepods.slice"),
        Some(systemd_unit("kubepods.slice", None))
    );
}

proptest::proptest! {
    #[test]
    fn no_path_harms(path: String) {
        let _ = Unit::from_cgroup_path(&path);
    }
}

#[test]
fn a_unit_answers_to_the_names_that_people_use() {
    let id = "3f".repeat(32);
    let docker = Unit::from_cgroup_path(&format!("/system.slice/docker-{id}.scope")).unwrap();
    assert!(docker.is_called(&id));
    assert!(docker.is_called(&id[..12]));
    assert!(!docker.is_called(&id[..11]));
    assert!(!docker.is_called(""));
    let nginx = Unit::from_cgroup_path("/system.slice/nginx.service").unwrap();
    assert!(nginx.is_called("nginx"));
    assert!(nginx.is_called("nginx.service"));
    assert!(!nginx.is_called("ngin"));
    assert!(!nginx.is_called(""));
}
