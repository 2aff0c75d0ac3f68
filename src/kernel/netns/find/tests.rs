use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A system with a /proc, as far as it shows who is in which namespace.
struct Staged {
    directory: tempfile::TempDir,
}

impl Staged {
    fn new() -> Self {
        let staged = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        staged.link("1/ns/pid", "pid:[4026531836]");
        staged
    }

    fn path(&self, path: &str) -> PathBuf {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.path(&format!("proc/{path}"))).unwrap();
    }

    fn file(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    fn root(&self) -> ProcRoot {
        ProcRoot::new(&self.directory.path().join("proc"))
    }

    fn find(&self) -> NamespaceList {
        find(&self.root()).unwrap()
    }
}

fn of(found: &NamespaceList, inode: u64) -> &NamespaceEntry {
    found.get(NetnsKey::Inode(inode)).unwrap()
}

#[test]
fn processes_share_namespaces_and_ours_comes_first() {
    let staged = Staged::new();
    staged.link("1/ns/net", "net:[10]");
    staged.link("7/ns/net", "net:[20]");
    staged.link("8/ns/net", "net:[10]");
    staged.link("9/ns/net", "net:[20]");
    staged.link("10/ns/net", "mnt:[30]");
    staged.link("self", "9");
    let found = staged.find();
    let keys: Vec<_> = found.all.iter().map(|one| one.key).collect();
    assert_eq!(keys, [NetnsKey::Inode(20), NetnsKey::Inode(10)]);
    let (own, host) = (&found.all[0], &found.all[1]);
    assert!(own.is_own && !host.is_own);
    assert_eq!((own.is_host, host.is_host), (Some(false), Some(true)));
    assert_eq!(own.members, [7, 9]);
    assert_eq!(host.members, [1, 8]);
    assert_eq!(found.of_process(8), Some(host));
    assert_eq!(found.of_process(10), None);
}

#[test]
fn in_a_container_nobody_knows_which_is_the_hosts() {
    let staged = Staged {
        directory: tempfile::tempdir().unwrap(),
    };
    staged.link("1/ns/net", "net:[10]");
    staged.link("1/ns/pid", "pid:[4026532999]");
    assert_eq!(of(&staged.find(), 10).is_host, None);
    // The host's own number says it wherever it is seen.
    staged.link("2/ns/net", "net:[4026531833]");
    assert_eq!(of(&staged.find(), 0xefff_fff9).is_host, Some(true));
    assert_eq!(of(&staged.find(), 10).is_host, Some(false));
}

#[test]
fn who_may_not_be_looked_into_is_told_apart_by_a_table() {
    // Links can't be staged that may not be read: the rest of it can.
    let staged = Staged::new();
    for pid in ["1", "7", "8", "9"] {
        staged.file(&format!("proc/{pid}/x"), "");
    }
    staged.file("proc/1/net/tcp", "");
    staged.file("proc/8/net/tcp", "");
    fs::create_dir_all(staged.path("proc/7/net/x")).unwrap();
    fs::hard_link(staged.path("proc/1/net/tcp"), staged.path("proc/7/net/tcp")).unwrap();
    staged.link("1/ns/net", "net:[10]");
    let root = directory::open_root(&staged.root()).unwrap();
    let mut search = Search::new(&staged.root(), root);
    search.process(1);
    for pid in [7, 8] {
        let table = search.table(&pid.to_string()).unwrap();
        search.denied.push((Entrance::Process(pid), table));
    }
    search.tell_denied_apart();
    let found = search.finish(&staged.root());
    assert_eq!(of(&found, 10).members, [1, 7]);
    assert_eq!(of(&found, 10).entrances, [Entrance::Process(1)]);
    let other = found.all.last().unwrap();
    assert!(matches!(other.key, NetnsKey::SocketTable(_)));
    assert_eq!(other.members, [8]);
    assert_eq!(other.is_host, Some(false));
}

#[test]
fn pins_are_found_where_they_are_mounted_and_stale_ones_are_told() {
    let staged = Staged::new();
    staged.link("1/ns/net", "net:[10]");
    staged.link("1/ns/mnt", "mnt:[1]");
    staged.link("self", "1");
    staged.link("7/ns/net", "net:[10]");
    staged.link("7/ns/mnt", "mnt:[2]");
    let run = staged.path("run/netns/blue");
    let line =
        |inode, path: &str| format!("48 26 0:4 net:[{inode}] {path} rw shared:5 - nsfs nsfs rw\n");
    let own = line(20, run.to_str().unwrap());
    staged.file(
        "proc/1/mountinfo",
        &format!("26 1 0:3 / / rw - ext4 x rw\n{own}"),
    );
    // The copy of ours in another mount namespace is no second pin.
    staged.file("proc/7/mountinfo", &format!("{own}{}", line(30, "/var/x")));
    staged.file("run/netns/blue", "");
    staged.file("run/netns/stale", "");
    staged.file("run/user/1000/netns/old", "");
    let found = staged.find();
    let blue = of(&found, 20);
    assert_eq!(blue.pins().next().unwrap().ip_netns_name(), Some("blue"));
    assert_eq!(blue.pins().count(), 1);
    assert_eq!(blue.members, [0; 0]);
    let seen_by: Vec<_> = of(&found, 30).pins().map(|pin| pin.seen_by).collect();
    assert_eq!(seen_by, [Some(7)]);
    let mut stale = found.stale_pins;
    stale.sort_unstable();
    let expected = ["run/netns/stale", "run/user/1000/netns/old"];
    assert_eq!(stale, expected.map(|path| staged.path(path)));
}

#[test]
fn an_open_descriptor_leads_to_a_namespace_of_nobodys() {
    let staged = Staged::new();
    staged.link("1/ns/net", "net:[10]");
    staged.link("7/ns/net", "net:[10]");
    staged.link("7/fd/3", "net:[20]");
    staged.link("7/fd/4", "socket:[20]");
    let mut found = staged.find();
    find_descriptors(&staged.root(), &mut found).unwrap();
    assert_eq!(
        of(&found, 20).entrances,
        [Entrance::Descriptor { pid: 7, fd: 3 }]
    );
    assert_eq!(of(&found, 20).is_host, Some(false));
}

#[test]
fn the_live_proc_shows_our_namespace_with_us_in_it() {
    let live = ProcRoot::new(Path::new("/proc"));
    let found = find(&live).unwrap();
    let own = &found.all[0];
    assert!(own.is_own);
    assert_eq!(own.key, NetnsKey::Inode(live.netns_inode().unwrap()));
    assert!(own.members.contains(&std::process::id()));
    let counts = crate::kernel::netns::read_counts(&live, own).unwrap();
    assert_eq!(
        counts.sockstat.inuse_ipv4.is_some(),
        counts.hashed().is_some()
    );
}
