use super::*;
use crate::collect::netns::testing::Staged;

const UID: &str = "12345678-9abc-def0-1234-56789abcdef0";

/// NamespaceList 1 (the host's) to 60.
fn staged() -> Staged {
    let staged = Staged::new();
    staged.process(5, 1, "nginx", "/system.slice/nginx.service");
    staged.process(6, 1, "agent", &docker("9f", "agent", &staged));
    staged.process(20, 20, "web", &docker("3f2a91", "web", &staged));
    staged.process(30, 30, "db", &docker("3f2b00", "db", &staged));
    let pod = |uid: &str, id: &str| format!("/kubepods/pod{uid}/{}", id.repeat(32));
    staged.process(40, 40, "api", &pod(UID, "c3"));
    staged.file(&format!("var/log/pods/shop_api_{UID}/x"), "");
    let link = format!("var/log/containers/api_shop_app-{}.log", "c3".repeat(32));
    staged.file(&link, "");
    let another = UID.replace("12345678", "87654321");
    staged.process(50, 50, "api", &pod(&another, "d4"));
    staged.file(&format!("var/log/pods/test_api_{another}/x"), "");
    staged.process(60, 60, "x", "/system.slice/worker.service");
    staged.pin(60, "run/netns/20");
    staged.pin(60, "run/netns/blue");
    staged
}

/// The cgroup of a container of Docker, named in its file.
fn docker(start: &str, name: &str, staged: &Staged) -> String {
    let id = format!("{start:0<64}");
    let file = format!("var/lib/docker/containers/{id}/config.v2.json");
    staged.file(&file, &format!(r#"{{"Name":"/{name}"}}"#));
    format!("/docker/{id}")
}

fn inode(namespace: &NamespaceEntry) -> u64 {
    namespace.key.inode().unwrap()
}

/// The namespaces that a name may stand for.
fn resolved(staged: &Staged, name: &str) -> Vec<u64> {
    let (root, found) = (staged.root(), staged.found());
    let namer = NetnsNamer::new(&root, &found);
    match resolve(&root, &found, &namer, name) {
        Resolved::One(namespace) => vec![inode(namespace)],
        Resolved::Several(several) => several.iter().map(|(one, _)| inode(one)).collect(),
        Resolved::Unknown => Vec::new(),
    }
}

#[test]
fn every_way_to_say_it_finds_the_namespace() {
    let staged = staged();
    let id = format!("{:0<64}", "3f2a91");
    for (name, expected) in [
        ("host", 1),
        ("blue", 60),
        ("30", 30),
        ("web", 20),
        ("shop/api", 40),
        ("shop/api/app", 40),
        ("test/api", 50),
        (UID, 40),
        ("3f2a91", 20),
        (&id, 20),
        ("c3c3c3c3", 40),
        ("worker", 60),
        ("worker.service", 60),
        // In the host's namespace, a unit and a container.
        ("nginx", 1),
        ("agent", 1),
        // A name of `ip netns` goes before a PID.
        ("20", 60),
    ] {
        assert_eq!(resolved(&staged, name), [expected], "{name}");
    }
}

#[test]
fn what_fits_several_is_told_with_all_of_them() {
    let staged = staged();
    assert_eq!(resolved(&staged, "api"), [40, 50]);
    for nobody in [
        "",
        "3f2a9",
        "shop",
        "/proc/1/comm",
        "/none",
        "ngin",
        "zzzzzzzz",
        "99999",
    ] {
        assert_eq!(resolved(&staged, nobody), [0; 0], "{nobody}");
    }
}

#[test]
fn a_path_stands_for_what_is_mounted_there() {
    let live = ProcRoot::new(Path::new("/proc"));
    let found = crate::kernel::netns::find(&live).unwrap();
    let namer = NetnsNamer::new(&live, &found);
    let own = Resolved::One(&found.all[0]);
    for name in ["/proc/self/ns/net", &std::process::id().to_string()] {
        assert_eq!(resolve(&live, &found, &namer, name), own);
    }
    let resolved = resolve(&live, &found, &namer, "/proc/self/ns/mnt");
    assert_eq!(resolved, Resolved::Unknown);
}
