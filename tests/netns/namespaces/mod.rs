//! Other network namespaces: found wherever something keeps them, read from inside.

mod all;
mod commands;

use std::{
    collections::HashSet,
    env,
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use tcpstate::collect::{
    Access, FallbackSource, Namespace, NetnsNamer, Resolved, read_in, resolve,
};
use tcpstate::kernel::netns::{EnterFailure, enter, find, find_descriptors, read_counts};
use tcpstate::kernel::processes::{SocketDescriptors, Which};
use tcpstate::kernel::{ProcRoot, ProcfsSource, SocketSource, read_sysctls};
use tcpstate::model::{
    Entrance, FallbackReason, Holder, NamedBy, NamespaceEntry, NamespaceList, NetnsKey, Request,
    SourceKind, StateSet, Sysctl, Sysctls,
};

use crate::lab::{Net, netns_test, until};

fn live() -> ProcRoot {
    ProcRoot::new(Path::new("/proc"))
}

fn found() -> NamespaceList {
    find(&live()).expect("/proc can be listed")
}

/// A process that does nothing in a namespace of its own, until it is dropped.
struct Idle {
    process: Child,
    inode: u64,
}

impl Idle {
    /// `script` runs in the shell before, and must end well.
    fn start(unshare: &str, script: &str) -> Self {
        let mut process = Command::new("unshare")
            .args([unshare, "sh", "-ec"])
            .arg(format!("{script}\necho ready\nread -r _"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start unshare");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        let namespace = format!("/proc/{}/ns/net", process.id());
        let inode = fs::metadata(namespace).expect("it is there").ino();
        Self { process, inode }
    }

    fn new() -> Self {
        Self::start("-n", "")
    }

    fn key(&self) -> NetnsKey {
        NetnsKey::Inode(self.inode)
    }

    fn namespace(&self) -> NamespaceEntry {
        found().get(self.key()).expect("it is found").clone()
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

/// How many sockets a source shows, and where it read them.
fn visit(source: &mut dyn SocketSource) -> (u64, SourceKind, Option<FallbackReason>) {
    let query = Request::states(StateSet::RFC9293);
    let collection = source.visit_all(&query, &mut |_| {}).expect("a reading");
    assert!(collection.complete);
    (
        collection.sockets,
        collection.source,
        collection.fallback_reason,
    )
}

fn fin_timeout(proc_root: &ProcRoot) -> Sysctls {
    read_sysctls(proc_root, &[Sysctl::TcpFinTimeout])
}

netns_test!(sockets_and_settings_are_those_of_the_namespace, |lab| {
    lab.set_sysctl("net/ipv4/tcp_fin_timeout", "60");
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    let idle = Idle::new();
    let namespace = idle.namespace();
    assert!(!namespace.is_own);
    assert_eq!(namespace.members, [idle.process.id()]);
    let counts = read_counts(&live(), &namespace).unwrap();
    assert_eq!(counts.is_empty(), Some(true));
    let there = enter(&live(), &namespace, |inside| {
        fs::write("/proc/sys/net/ipv4/tcp_fin_timeout", "33").unwrap();
        assert_eq!(inside.netns_inode(), Some(idle.inode));
        [(); 2].map(|()| TcpListener::bind("0.0.0.0:0").unwrap())
    });
    let there = there.unwrap();
    let counts = read_counts(&live(), &namespace).unwrap();
    assert_eq!(counts.hashed(), Some(2));
    assert_eq!(counts.may_leak(), Some(false));
    let (shown, settings) = read_in(&live(), &namespace, |inside, access| {
        assert!(matches!(access, Access::Inside));
        let second = Namespace::open(inside.clone()).sockets().second();
        assert_eq!(visit(&mut *second.unwrap()).0, 2);
        (
            visit(Namespace::open(inside.clone()).sockets()),
            fin_timeout(inside),
        )
    })
    .unwrap();
    assert_eq!(shown, (2, SourceKind::Netlink, None));
    assert_eq!(settings.get(Sysctl::TcpFinTimeout), Some(33));
    // This thread has not moved.
    assert_eq!(visit(&mut FallbackSource::open(&live())).0, 1);
    assert_eq!(fin_timeout(&live()).get(Sysctl::TcpFinTimeout), Some(60));
    // What its process shows to everybody is of the namespace too, but for the
    // settings.
    let shown = live().of_namespace(&namespace).unwrap();
    assert_eq!(visit(&mut ProcfsSource::new(&shown)).0, 2);
    let not_entered = Some(FallbackReason::NotEntered);
    let by_proc = visit(&mut FallbackSource::open(&shown));
    assert_eq!(by_proc, (2, SourceKind::Procfs, not_entered));
    assert_eq!(fin_timeout(&shown).get(Sysctl::TcpFinTimeout), None);
    drop((here, there));
});

netns_test!(a_namespace_that_has_ended_is_gone, |_lab| {
    let idle = Idle::new();
    let namespace = idle.namespace();
    drop(idle);
    let outcome = enter(&live(), &namespace, |_| ());
    assert!(matches!(outcome, Err(EnterFailure::Gone)), "{outcome:?}");
    let counts = read_counts(&live(), &namespace);
    assert!(matches!(counts, Err(EnterFailure::Gone)), "{counts:?}");
    assert!(found().get(namespace.key).is_none());
});

netns_test!(a_thread_elsewhere_is_found, |_lab| {
    let idle = Idle::new();
    let (namespace, key) = (idle.namespace(), idle.key());
    let (entered, has_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        enter(&live(), &namespace, move |_| {
            entered.send(rustix::thread::gettid()).unwrap();
            may_leave.recv().unwrap_err();
        })
    });
    let tid = has_entered.recv().unwrap().as_raw_nonzero().get();
    drop(idle);
    let namespace = found().get(key).expect("a thread is in it").clone();
    let own = std::process::id();
    assert_eq!(namespace.members, [own]);
    let of_thread = Entrance::Thread {
        pid: own,
        thread: tid.try_into().unwrap(),
    };
    assert_eq!(namespace.entrances, [of_thread]);
    let inside = enter(&live(), &namespace, ProcRoot::netns_inode).unwrap();
    assert_eq!(inside, key.inode());
    assert!(read_counts(&live(), &namespace).is_ok());
    drop(leave);
    thread.join().unwrap().unwrap();
    assert!(found().get(key).is_none());
});

netns_test!(a_process_whose_first_thread_has_ended_is_found, |lab| {
    let arguments = [&Net::V4.to_string()[..], "0"];
    let mut actor = lab.actor("outlives its first thread", &arguments);
    actor.hear();
    actor.expect("accepted");
    let pid = actor.pid();
    until("the first thread to end", || {
        let link = fs::metadata(format!("/proc/{pid}/ns/net"));
        link.is_err().then_some(()).ok_or("it goes on".to_owned())
    });
    let found = found();
    let own = found.of_process(pid).expect("its other thread is there");
    assert!(own.is_own);
});

netns_test!(a_descriptor_alone_keeps_and_shows_a_namespace, |_lab| {
    let idle = Idle::new();
    let key = idle.key();
    let link = File::open(format!("/proc/{}/ns/net", idle.process.id())).unwrap();
    drop(idle);
    let mut found = found();
    assert!(found.get(key).is_none());
    find_descriptors(&live(), &mut found).unwrap();
    let namespace = found.get(key).expect("we have it open");
    let descriptor = Entrance::Descriptor {
        pid: std::process::id(),
        fd: link.as_raw_fd().try_into().unwrap(),
    };
    assert_eq!(namespace.entrances, [descriptor]);
    let inside = enter(&live(), namespace, ProcRoot::netns_inode).unwrap();
    assert_eq!(inside, key.inode());
    drop(link);
    let outcome = enter(&live(), namespace, |_| ());
    assert!(matches!(outcome, Err(EnterFailure::Gone)), "{outcome:?}");
});

netns_test!(sockets_alone_keep_a_namespace_and_have_a_holder, |_lab| {
    let idle = Idle::new();
    let namespace = idle.namespace();
    let listener = enter(&live(), &namespace, |_| TcpListener::bind("0.0.0.0:0"));
    let listener = listener.unwrap().unwrap();
    let fresh = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    drop(idle);
    let mut found = found();
    find_descriptors(&live(), &mut found).unwrap();
    assert!(found.get(namespace.key).is_none());
    let own = std::process::id();
    let descriptors = SocketDescriptors::collect(&live(), Which::Only(&[own])).unwrap();
    let mut shown = HashSet::new();
    let query = Request::states(StateSet::RFC9293);
    FallbackSource::open(&live())
        .visit_all(&query, &mut |socket| shown.extend(socket.inode))
        .unwrap();
    let unreached = descriptors.unreached(|inode| shown.contains(&inode));
    let holders: Vec<Holder> = unreached.iter().map(|&(holder, _)| holder).collect();
    let fd = listener.as_raw_fd().try_into().unwrap();
    assert_eq!(holders, [Holder::descriptor(own, fd)]);
    drop((fresh, here));
});

netns_test!(
    a_pin_in_another_mount_namespace_is_found_and_entered,
    |_lab| {
        let directory = tempfile::tempdir().unwrap();
        let (pin, stale) = (
            directory.path().join("a pin"),
            directory.path().join("stale"),
        );
        File::create(&stale).unwrap();
        let script = format!("touch '{0}' && unshare --net='{0}' true", pin.display());
        let idle = Idle::start("-m", &script);
        assert_eq!(fs::metadata(&pin).unwrap().len(), 0, "to us it is a file");
        let found = found();
        let pinned = |one: &&NamespaceEntry| one.pins().any(|one| one.path == pin);
        let namespace = found.all.iter().find(pinned).expect("it is mounted");
        let seen_by = namespace.pins().next().unwrap().seen_by;
        assert_eq!(seen_by, Some(idle.process.id()));
        assert_eq!(namespace.members, [0; 0]);
        let inside = enter(&live(), namespace, ProcRoot::netns_inode).unwrap();
        assert_eq!(inside, namespace.key.inode());
        assert_ne!(inside, live().netns_inode());
        drop(idle);
        let outcome = enter(&live(), namespace, |_| ());
        assert!(matches!(outcome, Err(EnterFailure::Gone)), "{outcome:?}");
    }
);

netns_test!(a_namespace_is_named_by_the_host_name_of_its_own, |lab| {
    let script = "echo web-1 > /proc/sys/kernel/hostname";
    if lab.skip_without_real_root("only the host's root may set a host name in /proc") {
        return;
    }
    let idle = Idle::start("-nu", script);
    let (live, found) = (live(), found());
    let namer = NetnsNamer::new(&live, &found);
    let identity = namer.identify(found.get(idle.key()).unwrap());
    let name = |named_by| {
        let mut all = identity.names.iter();
        all.find(|name| name.named_by == named_by)
            .map(|name| name.name.as_str())
    };
    assert_eq!(name(NamedBy::HostName), Some("web-1"));
    let process = format!("sh[{}]", idle.process.id());
    assert_eq!(name(NamedBy::Process), Some(process.as_str()));
    let own_name = rustix::system::uname();
    assert_ne!(
        own_name.nodename().to_bytes(),
        b"web-1",
        "we have not moved"
    );
    let resolved = resolve(&live, &found, &namer, "web-1");
    assert!(matches!(resolved, Resolved::One(one) if one.key == idle.key()));
    assert!(identity.since.is_some());
});

/// Tells the process of an [`Idle`] to the one that looks without privileges.
const IDLE: &str = "TCPSTATE_LAB_IDLE";

netns_test!(without_privileges_proc_tells_who_is_where, |lab| {
    let idle = Idle::new();
    let listener = enter(&live(), &idle.namespace(), |_| {
        TcpListener::bind("0.0.0.0:0")
    });
    let listener = listener.unwrap().unwrap();
    let program = env::current_exe().unwrap();
    let entry = "namespaces::entry_without_privileges";
    let arguments = [entry, "--exact", "--ignored", "--nocapture"];
    let program = lab.program(program.to_str().unwrap(), &arguments);
    let program = program.with_variable(IDLE, &idle.process.id().to_string());
    let answer = program.confined(lab.unprivileged()).run();
    assert!(
        answer.status.success() && answer.stdout.contains("1 passed"),
        "{}{}",
        answer.stdout,
        answer.stderr
    );
    drop(listener);
});

#[test]
#[ignore = "a helper process: another test starts it"]
fn entry_without_privileges() {
    let Ok(pid) = env::var(IDLE) else { return };
    let pid: u32 = pid.parse().unwrap();
    let found = found();
    let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
    let own = found.of_process(parent.try_into().unwrap()).unwrap();
    assert!(own.is_own, "who may not be looked into may share ours");
    let namespace = found.of_process(pid).expect("it is there for everybody");
    assert!(!namespace.is_own);
    assert!(matches!(namespace.key, NetnsKey::SocketTable(_)));
    let outcome = enter(&live(), namespace, |_| ());
    assert!(
        matches!(outcome, Err(EnterFailure::Denied(_))),
        "{outcome:?}"
    );
    let counts = read_counts(&live(), namespace).unwrap();
    assert_eq!(counts.hashed(), Some(1));
    let (sockets, settings) = read_in(&live(), namespace, |open, access| {
        assert!(matches!(access, Access::ProcOnly(EnterFailure::Denied(_))));
        (
            visit(Namespace::open(open.clone()).sockets()).0,
            fin_timeout(open),
        )
    })
    .unwrap();
    assert_eq!(sockets, 1);
    assert_eq!(settings.get(Sysctl::TcpFinTimeout), None);
    std::io::stdout().flush().unwrap();
}
