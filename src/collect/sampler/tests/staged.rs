//! A host whose kernel and /proc do as they are told, from sample to sample.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::*;
use crate::collect::FallbackSource;
use crate::kernel::sock_diag::testing::{RowBytes, done, error};
use crate::kernel::sock_diag::{NetlinkSource, Transport};
use crate::kernel::{ProcRoot, SocketSource};

pub(super) const LISTEN: u8 = 10;
pub(super) const CLOSE_WAIT: u8 = 8;
const EPERM: i32 = -1;

/// What the kernel knows and how it feels.
#[derive(Debug, Default)]
pub(super) struct State {
    /// State and number of each socket: cookie and inode are made of it.
    pub(super) sockets: Vec<(u8, u16)>,
    /// How many connections wait to be accepted where one may, at each listener.
    pub(super) waiting: u32,
    /// Whether every dump is refused.
    pub(super) refuses_all: bool,
    /// Whether a dump of just these states is.
    pub(super) refuses: Option<u32>,
    /// How many dumps were answered, for who counts.
    pub(super) dumps: u32,
    /// The dump after so many is refused, and all behind it.
    pub(super) refuses_after: Option<u32>,
    answers: Vec<Vec<u8>>,
}

/// A way to that kernel.
#[derive(Debug, Clone, Default)]
pub(super) struct Kernel(Arc<Mutex<State>>);

impl Kernel {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Kernel {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        let number = |offset: usize| {
            u32::from_ne_bytes(request[offset..offset + 4].try_into().expect("4 bytes"))
        };
        // `struct nlmsghdr`, then `struct inet_diag_req`.
        let (sequence, states) = (number(8), number(68));
        let mut state = self.state();
        state.dumps += 1;
        let late = state.refuses_after.is_some_and(|most| state.dumps > most);
        let answer = if state.refuses_all || late || state.refuses == Some(states) {
            error(sequence, EPERM)
        } else {
            let rows = state.sockets.iter();
            let rows = rows.filter(|(of, _)| states & 1 << of != 0);
            let rows = rows.map(|&(of, number)| row(of, number, state.waiting).message(sequence));
            [rows.collect::<Vec<_>>().concat(), done(sequence, 0)].concat()
        };
        state.answers.push(answer);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let answer = self.state().answers.remove(0);
        buffer.extend(&answer);
        Ok(answer.len())
    }
}

fn row(state: u8, number: u16, waiting: u32) -> RowBytes {
    let [high, low] = number.to_be_bytes();
    let row = RowBytes::new(state, number.into()).field(68, number.into());
    if state == LISTEN {
        let row = row.byte(4, high).byte(5, low);
        // `idiag_rqueue` and `idiag_wqueue`.
        row.field(56, waiting).field(60, waiting.min(1))
    } else {
        row.byte(6, high).byte(7, low)
    }
}

/// The same socket in /proc/net/tcp.
fn line(state: u8, number: u16) -> String {
    let (local, remote) = match state {
        LISTEN => (number, 0),
        _ => (80, number),
    };
    format!(
        "   0: 0100000A:{local:04X} 0200000A:{remote:04X} {state:02X} 00000000:00000000 \
         00:00000000 00000000     0        0 {number} 1 00000000be14b265 20 4 0 10 -1\n"
    )
}

/// The host, and the clock.
pub(super) struct Host {
    root: TempDir,
    pub(super) kernel: Kernel,
    start: Instant,
}

impl Host {
    /// One listener, and so many sockets in CLOSE_WAIT, all held by process 7.
    pub(super) fn new(close_wait: u16) -> Self {
        let host = Self {
            root: tempfile::tempdir().expect("a directory"),
            kernel: Kernel::default(),
            start: Instant::now(),
        };
        host.write("sys/kernel/osrelease", "6.18.0\n");
        host.counts(1, 1);
        host.process(7, 4_711, 1..=close_wait);
        let waiting = (1..=close_wait).map(|number| (CLOSE_WAIT, number));
        host.has([(LISTEN, 9_000)].into_iter().chain(waiting));
        host
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.root.path().join("proc").join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("make it");
        fs::write(path, text).expect("write it");
    }

    /// What sockstat says.
    pub(super) fn counts(&self, inuse: u32, alloc: u32) {
        let text = format!("TCP: inuse {inuse} orphan 0 tw 0 alloc {alloc}\n");
        self.write("net/sockstat", &text);
    }

    /// Ports that connections may take.
    pub(super) fn has_ports(&self) {
        self.write("sys/net/ipv4/ip_local_port_range", "1 65535\n");
        self.write("sys/net/ipv4/ip_local_reserved_ports", "\n");
    }

    /// From now on there are these sockets, over netlink and in /proc.
    pub(super) fn has(&self, sockets: impl IntoIterator<Item = (u8, u16)>) {
        let sockets: Vec<(u8, u16)> = sockets.into_iter().collect();
        let mut table = "  sl  local_address rem_address   st\n".to_owned();
        table.extend(sockets.iter().map(|&(state, number)| line(state, number)));
        self.write("net/tcp", &table);
        // As many as are in the table, so that no connection is made up.
        let inuse = u32::try_from(sockets.len()).expect("few");
        self.counts(inuse, inuse);
        self.kernel.state().sockets = sockets;
    }

    /// A process that holds these sockets; another one that had its number is
    /// gone.
    pub(super) fn process(&self, pid: u32, started: u64, inodes: impl IntoIterator<Item = u16>) {
        let stat = format!("{pid} (x) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 {started} 0 0");
        self.write(&format!("{pid}/stat"), &stat);
        self.write(&format!("{pid}/comm"), "x\n");
        let fds = self.root.path().join(format!("proc/{pid}/fd"));
        let _ = fs::remove_dir_all(&fds);
        fs::create_dir_all(&fds).expect("make it");
        for inode in inodes {
            let fd = fds.join(inode.to_string());
            symlink(format!("socket:[{inode}]"), fd).expect("a link");
        }
    }

    /// Nothing of /proc can be read any more.
    pub(super) fn loses_proc(&self) {
        fs::remove_dir_all(self.root.path().join("proc")).expect("remove it");
    }

    pub(super) fn proc_root(&self) -> ProcRoot {
        ProcRoot::new(&self.root.path().join("proc"))
    }

    /// The beginning and so many seconds.
    pub(super) fn at(&self, second: u64) -> Instant {
        self.start + Duration::from_secs(second)
    }

    /// A sampler that reads over netlink and nothing else.
    pub(super) fn over_netlink(&self) -> Sampler {
        let source = NetlinkSource::over(self.kernel.clone());
        Self::sampler(Namespace::over(source, self.proc_root()))
    }

    /// One to which nothing costs anything, however busy the machine is.
    fn sampler(namespace: Namespace) -> Sampler {
        let mut sampler = Sampler::new(namespace, Question::default());
        sampler.leaks = LeakReader::new(|| Duration::ZERO);
        sampler.owners = OwnerCache::new(|| Duration::ZERO);
        sampler
    }

    /// One that reads /proc where netlink is refused, and tries it again.
    pub(super) fn with_fallback(&self) -> Sampler {
        let kernel = self.kernel.clone();
        let open = Box::new(
            move |proc_root: &ProcRoot| -> Box<dyn SocketSource + Send> {
                Box::new(FallbackSource::over(kernel.clone(), proc_root))
            },
        );
        Self::sampler(Namespace::opened_by(open, self.proc_root()))
    }
}
