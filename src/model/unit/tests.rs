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

/// The other forms that runtimes, orchestrators and clouds make.
#[test]
fn containers_of_every_runtime_are_recognised() {
    use ContainerRuntime::{Containerd, Docker, Ecs, Garden, Lxc, Machine, Podman, Unknown};
    let pod = "12345678-9abc-def0-1234-56789abcdef0";
    let task = "0123456789abcdef0123456789abcdef";
    let on_fargate = "0123456789abcdef0123456789abcdef-3057940393";
    let guid = "7f1c2d3e-aaaa-4bbb-8ccc-5ddd";
    for (path, runtime, id, pod) in [
        // Docker in Docker: the inner one.
        ("/docker/INNER/docker/ID", Docker, ID, None),
        // kubelet below a root of its own, as kind has it.
        (
            "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod12345678_9abc_def0_1234_56789abcdef0.slice/cri-containerd-ID.scope",
            Containerd,
            ID,
            Some(pod),
        ),
        (
            "/system.slice/containerd.service/kubelet-kubepods-pod12345678_9abc_def0_1234_56789abcdef0.slice:cri-containerd:ID",
            Containerd,
            ID,
            Some(pod),
        ),
        (
            "/kubepods.slice/kubepods-pod12345678_9abc_def0_1234_56789abcdef0.slice/docker-ID.scope",
            Docker,
            ID,
            Some(pod),
        ),
        ("/system.slice/nerdctl-ID.scope", Containerd, ID, None),
        ("/default/ID", Containerd, ID, None),
        ("/default/web_1", Containerd, "web_1", None),
        ("/k8s.io/web", Containerd, "web", None),
        ("/somebody/ID", Unknown, ID, None),
        (
            "/machine.slice/machine-libpod_pod_0123456789abcdef0123456789abcdef.slice/libpod-ID.scope",
            Podman,
            ID,
            Some(task),
        ),
        (
            "/ecs/0123456789abcdef0123456789abcdef/ID",
            Ecs,
            ID,
            Some(task),
        ),
        (
            "/ecstasks.slice/ecstasks-0123456789abcdef0123456789abcdef.slice/docker-ID.scope",
            Docker,
            ID,
            Some(task),
        ),
        (
            "/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-3057940393",
            Ecs,
            on_fargate,
            Some(task),
        ),
        (
            "/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-3057940393/kubepods/pod12345678-9abc-def0-1234-56789abcdef0/ID",
            Unknown,
            ID,
            Some(pod),
        ),
        ("/garden/7f1c2d3e-aaaa-4bbb-8ccc-5ddd", Garden, guid, None),
        (
            "/system.slice/garden.service/garden/good/7f1c2d3e-aaaa-4bbb-8ccc-5ddd",
            Garden,
            guid,
            None,
        ),
        ("/lxc.payload/web", Lxc, "web", None),
        ("/lxc.payload.dev_web/init.scope", Lxc, "dev_web", None),
        (
            "/machine.slice/systemd-nspawn@web.service/payload/system.slice/a.service",
            Machine,
            "web",
            None,
        ),
        (
            "/machine.slice/systemd-nspawn@web\\x2d1.service/init.scope",
            Machine,
            "web-1",
            None,
        ),
        (
            "/machine.slice/machine-web\\x2d1.scope",
            Machine,
            "web-1",
            None,
        ),
        // As seen from another cgroup namespace.
        ("/../../docker/ID", Docker, ID, None),
        ("/../ID", Unknown, ID, None),
        // The kernel says so of a directory that was removed.
        ("/docker/ID (deleted)", Docker, ID, None),
        ("/lxc/web (deleted)", Lxc, "web", None),
    ] {
        let path = path.replace("INNER", &"1b".repeat(32));
        assert_eq!(unit(&path), Some(container(runtime, id, pod)), "{path}");
    }
}

#[test]
fn a_unit_is_named_wherever_it_is_seen_from() {
    for (path, name) in [
        ("/system.slice/c.service (deleted)", "c.service"),
        ("/../../system.slice/b.service", "b.service"),
        (
            "/system.slice/system-demo.slice/demo@a:b.service",
            "demo@a:b.service",
        ),
        (
            "/system.slice/snap.chat.app.service",
            "snap.chat.app.service",
        ),
    ] {
        assert_eq!(unit(path), Some(systemd_unit(name, None)), "{path}");
    }
    let scope = "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-demo-4711.scope";
    let of_user = systemd_unit("app-gnome-demo-4711.scope", Some(1000));
    assert_eq!(unit(scope), Some(of_user));
    for nobody in ["/..", "/../..", " (deleted)", "/ (deleted)"] {
        assert_eq!(unit(nobody), None, "{nobody}");
    }
    let service = Unit::OpenRc {
        service: "nginx".to_owned(),
    };
    assert_eq!(unit("/openrc.nginx"), Some(service.clone()));
    assert_eq!(service.to_string(), "nginx (OpenRC)");
    assert!(service.is_called("nginx"));
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
        (
            "/kubepods.slice/x.slice/crio-conmon-ID.scope",
            "crio-conmon-ID.scope",
        ),
        // The monitors of systemd's containers are not inside of them.
        (
            "/machine.slice/systemd-nspawn@web.service/supervisor",
            "systemd-nspawn@web.service",
        ),
        (
            "/machine.slice/machine-web.scope/supervisor",
            "machine-web.scope",
        ),
        // A virtual machine: its process and its sockets are the host's.
        (
            "/machine.slice/machine-qemu\\x2d3\\x2dweb.scope/libvirt/emulator",
            "machine-qemu\\x2d3\\x2dweb.scope",
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
        "/lxc.monitor.web.service",
        "/kubepods/pod",
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
