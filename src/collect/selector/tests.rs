use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;

use super::owners::{Held, cgroups_of_unit};
use super::*;
use crate::classify::close_wait::Listeners;
use crate::collect::FallbackSource;
use crate::kernel::sock_diag::testing::{RowBytes, ScriptedKernel, done, message};
use crate::model::{CgroupId, Inodes, StateSet, TcpState, Unit};

/// What a lost listener had not accepted yet was nobody's, and `--pid` said
/// OK.
#[test]
fn listeners_that_cannot_be_read_make_it_incomplete() {
    let root = tempfile::tempdir().unwrap();
    let process = root.path().join("7");
    fs::create_dir_all(process.join("fd")).unwrap();
    let stat = "7 (x) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
    fs::write(process.join("stat"), stat).unwrap();
    std::os::unix::fs::symlink("socket:[50]", process.join("fd/3")).unwrap();
    let proc_root = ProcRoot::new(root.path());
    let listener = RowBytes::new(10, 1).message(1);
    let cut = message(20, 2, 1, &[10]);
    for (lost, filter) in [
        (false, Condition::Pid(7).into()),
        (true, Condition::Pid(7).into()),
        (true, Filter::EVERYTHING),
    ] {
        let asks = !filter.is_everything();
        let first = if lost { &cut } else { &listener };
        let listening = [first.clone(), done(1, 0)].concat();
        let answers = if asks {
            vec![listening, done(2, 0), done(3, 0)]
        } else {
            vec![done(1, 0), done(2, 0)]
        };
        let kernel = ScriptedKernel::answering(answers);
        let mut all: Box<dyn SocketSource + Send> =
            Box::new(FallbackSource::over(kernel, &proc_root));
        let selector = Selector::new(filter, String::new(), Some(&proc_root), &mut *all);
        let selector = Some(selector.unwrap());
        let mut selected = Selected { all, selector };
        // However often it is asked.
        for _ in 0..2 {
            let request = Request::states(StateSet::RFC9293);
            let collection = selected.visit_all(&request, &mut |_| {}).unwrap();
            assert_eq!(collection.complete, !(lost && asks));
        }
    }
}

fn socket(state: TcpState, inode: Option<u64>) -> Socket {
    let socket = crate::classify::testing::socket("192.0.2.1:80", "192.0.2.2:9");
    Socket {
        state,
        inode,
        ..socket.build()
    }
}

/// Who has no known owner was "not pid 7".
#[test]
fn what_has_no_owner_in_sight_matches_neither_a_pid_nor_its_negation() {
    let held = |inodes: &[u64], complete| Held {
        inodes: inodes.iter().copied().collect(),
        complete,
    };
    let mut listeners = Listeners::default();
    let listener = crate::classify::testing::socket("192.0.2.1:80", "0.0.0.0:0");
    listeners.add(&Socket {
        inode: Some(70),
        ..listener.listening(0, Some(8)).build()
    });
    let facts = OwnerFacts {
        pids: HashMap::from([(7, held(&[50, 70], true)), (8, held(&[51], true))]),
        commands: HashMap::from([("ssh".to_owned(), held(&[50], false))]),
        listeners,
        ..OwnerFacts::default()
    };
    let command = |name: &str| Condition::Process(name.to_owned());
    let open = TcpState::Established;
    for (condition, socket, expected) in [
        (Condition::Pid(7), socket(open, Some(50)), Truth::Yes),
        (Condition::Pid(8), socket(open, Some(50)), Truth::No),
        (Condition::Pid(9), socket(open, Some(50)), Truth::Unknown),
        // Not accepted yet: whose the listener is.
        (Condition::Pid(7), socket(open, None), Truth::Yes),
        (Condition::Pid(8), socket(open, None), Truth::No),
        // An orphan.
        (
            Condition::Pid(7),
            socket(TcpState::LastAck, None),
            Truth::Unknown,
        ),
        (
            Condition::Pid(7),
            socket(TcpState::TimeWait, None),
            Truth::Unknown,
        ),
        (command("ssh"), socket(open, Some(50)), Truth::Yes),
        // Of those that are called so one may not be looked into.
        (command("ssh"), socket(open, Some(51)), Truth::Unknown),
    ] {
        assert_eq!(
            facts.judge(&condition, &socket),
            expected,
            "{condition:?} {socket:?}"
        );
    }
}

/// With socket activation the unit that made a socket is not who holds it.
#[test]
fn a_unit_has_what_was_made_in_it_and_what_its_processes_hold() {
    let service = |name: &str| Unit::Systemd {
        name: name.to_owned(),
        user: None,
    };
    let held = Held {
        inodes: Inodes::from_iter([50]),
        complete: true,
    };
    let cgroups = HashMap::from([
        (CgroupId(1), Some(service("nginx.service"))),
        (CgroupId(2), Some(service("other.service"))),
    ]);
    let facts = OwnerFacts {
        units: HashMap::from([("nginx".to_owned(), held)]),
        cgroups: RefCell::new(cgroups),
        ..OwnerFacts::default()
    };
    let unit = Condition::Unit("nginx".to_owned());
    let container = Condition::Container("nginx".to_owned());
    for (cgroup, inode, of_unit) in [
        (Some(1), Some(51), Truth::Yes),
        (Some(2), Some(50), Truth::Yes),
        (Some(2), Some(51), Truth::No),
        (Some(2), None, Truth::No),
        // Over /proc, and of TIME_WAIT.
        (None, Some(50), Truth::Yes),
        (None, Some(51), Truth::Unknown),
        (None, None, Truth::Unknown),
    ] {
        let socket = Socket {
            cgroup: cgroup.map(CgroupId),
            ..socket(TcpState::Established, inode)
        };
        assert_eq!(facts.judge(&unit, &socket), of_unit, "{cgroup:?} {inode:?}");
    }
    let made_in_a_service = Socket {
        cgroup: Some(CgroupId(1)),
        ..socket(TcpState::Established, Some(51))
    };
    assert_eq!(facts.judge(&container, &made_in_a_service), Truth::No);
}

#[test]
fn a_unit_that_has_no_cgroup_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("system.slice/nginx.service")).unwrap();
    let cgroups = |name| cgroups_of_unit(root.path(), name);
    assert_eq!(cgroups("nginx.service"), ["/system.slice/nginx.service"]);
    assert_eq!(cgroups("nginx"), ["/system.slice/nginx.service"]);
    assert!(cgroups("ngnix").is_empty());
}
