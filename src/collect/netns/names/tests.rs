use super::*;
use crate::collect::netns::testing::Staged;
use crate::model::{NamedBy, NetnsKey};

const ID: &str = "3f2a91c0d4e5b6f7081929a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7";
const UID: &str = "12345678-9abc-def0-1234-56789abcdef0";

/// The names of a namespace, each with who calls it so.
fn names(staged: &Staged, inode: u64) -> Vec<(NamedBy, String)> {
    let (root, found) = (staged.root(), staged.found());
    let namer = NetnsNamer::new(&root, &found);
    let identity = namer.identify(found.get(NetnsKey::Inode(inode)).unwrap());
    let each = identity.names.into_iter();
    each.map(|one| (one.named_by, one.name)).collect()
}

fn expected(names: &[(NamedBy, &str)]) -> Vec<(NamedBy, String)> {
    let names = names.iter();
    names.map(|&(by, name)| (by, name.to_owned())).collect()
}

#[test]
fn the_host_is_called_so_whatever_else_it_is() {
    let staged = Staged::new();
    staged.process(7, 1, "nginx", "/system.slice/nginx.service");
    staged.pin(1, "run/netns/main");
    let names = names(&staged, 1);
    let host = [
        (NamedBy::Host, "host"),
        (NamedBy::IpNetns, "main"),
        (NamedBy::Inode, "netns:1"),
    ];
    assert_eq!(names, expected(&host));
}

#[test]
fn a_pod_is_named_by_its_uid_and_pause_does_not_lend_its_name() {
    let staged = Staged::new();
    let pod = format!("/kubepods/burstable/pod{UID}");
    staged.process(7, 20, "pause", &format!("{pod}/{}", "a1".repeat(32)));
    staged.process(8, 20, "api", &format!("{pod}/{ID}"));
    staged.pin(20, "run/netns/cni-3f2b8c1e-90aa-4d3b-b1f4-5f8a7c6d2e10");
    let without = names(&staged, 20);
    assert_eq!(
        without[0],
        (NamedBy::ContainerId, "container a1a1a1a1a1a1".to_owned())
    );
    staged.file(&format!("var/log/pods/shop_api-x2_{UID}/x"), "");
    let with = names(&staged, 20);
    let pin = staged.path("run/netns/cni-3f2b8c1e-90aa-4d3b-b1f4-5f8a7c6d2e10");
    assert_eq!(
        with,
        expected(&[
            (NamedBy::Kubernetes, "shop/api-x2"),
            (NamedBy::ContainerId, "container a1a1a1a1a1a1"),
            (NamedBy::ContainerId, "container 3f2a91c0d4e5"),
            (NamedBy::Pin, pin.to_str().unwrap()),
            (NamedBy::Process, "api[8]"),
            (NamedBy::Inode, "netns:20"),
        ])
    );
}

#[test]
fn two_containers_in_one_namespace_both_name_it() {
    let staged = Staged::new();
    let (old, new) = ("1a".repeat(32), "2b".repeat(32));
    for (pid, id, name) in [(9, &new, "sidecar"), (7, &old, "web")] {
        staged.process(pid, 20, name, &format!("/docker/{id}"));
        let file = format!("var/lib/docker/containers/{id}/config.v2.json");
        staged.file(&file, &format!(r#"{{"Name":"/{name}"}}"#));
    }
    let names = names(&staged, 20);
    assert_eq!(
        names[..2],
        expected(&[(NamedBy::Docker, "web"), (NamedBy::Docker, "sidecar")])
    );
}

#[test]
fn a_unit_names_a_namespace_unless_the_host_has_it_too() {
    let staged = Staged::new();
    staged.process(6, 1, "bash", "/user.slice/user-0.slice/session-3.scope");
    staged.process(7, 20, "nc", "/user.slice/user-0.slice/session-3.scope");
    staged.process(8, 30, "worker", "/system.slice/worker.service");
    staged.process(9, 40, "init", "/lxc.payload.web/init.scope");
    staged.process(10, 50, "x", "/");
    let by_process = [(NamedBy::Process, "nc[7]"), (NamedBy::Inode, "netns:20")];
    assert_eq!(names(&staged, 20), expected(&by_process));
    assert_eq!(
        names(&staged, 30)[0],
        (NamedBy::Unit, "worker.service".to_owned())
    );
    assert_eq!(names(&staged, 40)[0], (NamedBy::Lxc, "web".to_owned()));
    assert_eq!(
        names(&staged, 50)[0],
        (NamedBy::Process, "x[10]".to_owned())
    );
    staged.pin(20, "run/netns/blue");
    assert_eq!(names(&staged, 20)[0], (NamedBy::IpNetns, "blue".to_owned()));
}

#[test]
fn the_oldest_process_tells_since_when_it_is_there() {
    let staged = Staged::new();
    staged.process(8, 20, "x", "/");
    staged.process(7, 20, "y", "/");
    staged.pin(30, "run/netns/empty");
    let (root, found) = (staged.root(), staged.found());
    let namer = NetnsNamer::new(&root, &found);
    let since = |inode| {
        namer
            .identify(found.get(NetnsKey::Inode(inode)).unwrap())
            .since
    };
    assert_eq!(since(20), Some(7));
    assert_eq!(since(30), None);
}

#[test]
fn hostile_names_are_kept_as_they_are() {
    let staged = Staged::new();
    staged.process(7, 20, "\u{1b}[2J", "/lxc/\u{1b}]0;x\u{7}");
    let names = names(&staged, 20);
    assert_eq!(names[0], (NamedBy::Lxc, "\u{1b}]0;x\u{7}".to_owned()));
    assert!(names.contains(&(NamedBy::Process, "\u{1b}[2J[7]".to_owned())));
}

#[test]
fn names_of_programs_are_told_from_those_of_people() {
    for (name, made_up) in [
        ("cni-3f2b8c1e-90aa-4d3b-b1f4-5f8a7c6d2e10", true),
        ("netns-3f2b8c1e-90aa-4d3b-b1f4-5f8a7c6d2e10", true),
        ("3f2b8c1e-90aa-4d3b-b1f4-5f8a7c6d2e10", true),
        ("blue", false),
        ("a-b-c-d-e", false),
        ("", false),
    ] {
        assert_eq!(is_made_up(name), made_up, "{name}");
    }
}
