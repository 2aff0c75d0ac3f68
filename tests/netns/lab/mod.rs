//! The laboratory: everything that a test needs to stage sockets and to ask about them.
//!
//! A test is written with [`netns_test!`](crate::lab::netns_test) and gets a [`Lab`]. It stages
//! sockets with the functions of [`stage`], collects them in a [`Mix`], which waits until the
//! kernel shows what was made, and then compares `tcpstate` with [`Mix::expected`].

mod actor;
mod confine;
mod diag;
mod interface;
mod mix;
mod namespace;
mod packet;
mod program;
mod ss;
pub(crate) mod stage;
mod table;
mod tally;
mod wait;

use std::{
    fs,
    net::{IpAddr, SocketAddrV4},
    path::Path,
};

pub(crate) use self::{
    actor::{Actor, Part, outlive_the_first_thread},
    confine::Confinement,
    interface::bring_up_loopback,
    mix::{Mix, settle},
    namespace::{netns_test, run},
    packet::{Ghost, SlowClients, Syn},
    program::{Answer, Program},
    table::{Row, Table},
    tally::{Family, Net, State, Tally},
    wait::until,
};

/// A network namespace with its loopback up, and nothing else in it.
#[derive(Debug)]
pub(crate) struct Lab {
    /// Whether this is uid 0 of the host and not merely of a user namespace: only then do other
    /// uids exist, and only then do the files of /proc/net belong to us.
    real_root: bool,
}

#[expect(
    clippy::unused_self,
    reason = "having a Lab is the proof of being inside a namespace, where all of this is safe"
)]
impl Lab {
    /// Settles the namespace: loopback up, and every sysctl that a stager relies on set to what
    /// it relies on, whatever the host's defaults are.
    fn new(real_root: bool) -> Self {
        bring_up_loopback();
        let lab = Self { real_root };
        // With the default 2, loopback connects would take over TIME_WAIT sockets.
        lab.set_sysctl("net/ipv4/tcp_tw_reuse", "0");
        // A FIN_WAIT2 orphan then is a minisocket, unless a stager asks for a full one.
        lab.set_sysctl("net/ipv4/tcp_fin_timeout", "60");
        lab.set_sysctl("net/ipv4/tcp_syncookies", "1");
        lab.set_sysctl("net/ipv4/conf/all/rp_filter", "0");
        lab.set_sysctl("net/ipv4/conf/lo/rp_filter", "0");
        lab
    }

    /// See the field.
    pub(crate) fn is_real_root(&self) -> bool {
        self.real_root
    }

    /// Says loudly that a test, or a part of one, can't be done here.
    pub(crate) fn skip(&self, why: &str) {
        namespace::skip(why);
    }

    /// For a test that can't be done without the host's root: says loudly that it was skipped.
    pub(crate) fn skip_without_real_root(&self, why: &str) -> bool {
        if !self.real_root {
            namespace::skip(why);
        }
        !self.real_root
    }

    /// Reads `/proc/sys/NAME`, trimmed.
    pub(crate) fn sysctl(&self, name: &str) -> String {
        let path = Path::new("/proc/sys").join(name);
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
            .trim()
            .to_owned()
    }

    /// Writes `/proc/sys/NAME`; only sysctls of the namespace, of course.
    pub(crate) fn set_sysctl(&self, name: &str, value: &str) {
        let path = Path::new("/proc/sys").join(name);
        fs::write(&path, value)
            .unwrap_or_else(|error| panic!("write {value} to {}: {error}", path.display()));
    }

    /// Gives lo one more address, for tests in which 127.0.0.1 is special to the kernel.
    pub(crate) fn add_address(&self, address: IpAddr, prefix: u8) {
        interface::add_address(address, prefix);
    }

    /// Makes a link that leads nowhere; gives its index.
    pub(crate) fn add_link(&self, name: &str) -> u32 {
        interface::add_link(name)
    }

    /// Gives a link an address.
    pub(crate) fn add_address_to(&self, link: u32, address: IpAddr, prefix: u8) {
        interface::add_address_to(link, address, prefix);
    }

    /// Sends a network out on a link.
    pub(crate) fn add_route_to(&self, link: u32, network: IpAddr, prefix: u8) {
        interface::add_route_to(link, network, prefix);
    }

    /// Says that a host is on a link, so that nobody asks it.
    pub(crate) fn add_neighbour(&self, link: u32, address: IpAddr) {
        interface::add_neighbour(link, address);
    }

    /// Sends a whole IPv4 network out on lo, where nobody answers for it: a black hole.
    /// (The kernel turns an IPv6 route on lo into a reject route, so there is none for IPv6.)
    pub(crate) fn add_black_hole(&self, network: std::net::Ipv4Addr, prefix: u8) {
        interface::add_route(network, prefix);
    }

    /// What the kernel's own tables show now.
    pub(crate) fn table(&self) -> Table {
        Table::read()
    }

    /// What `ss` counts now; none, and said loudly, where it isn't installed.
    pub(crate) fn ss(&self) -> Option<Tally> {
        ss::tally()
    }

    /// The ends of the sockets that `ss -tnH ARGUMENTS…` prints; an error where it refuses them.
    pub(crate) fn ss_ends(&self, arguments: &[String]) -> Option<Result<Vec<[String; 2]>, String>> {
        ss::ends(arguments)
    }

    /// The lines that `ss ARGUMENTS…` prints; none, and said loudly, where it isn't installed.
    pub(crate) fn ss_lines(&self, arguments: &[&str]) -> Option<Vec<String>> {
        ss::lines(arguments)
    }

    /// The version of `ss`, as in `6.1`.
    pub(crate) fn ss_version(&self) -> Option<String> {
        ss::version()
    }

    /// A raw recording of all sockets, as `ss -D` writes it into `file`; false, and said loudly,
    /// where there is no `ss`.
    pub(crate) fn record_with_ss(&self, file: &Path) -> bool {
        ss::record(file)
    }

    /// What sock_diag counts, bound-only sockets included: a third opinion beside /proc and `ss`,
    /// and the only one on these.
    pub(crate) fn sock_diag(&self) -> Tally {
        diag::tally()
    }

    /// Whether sock_diag shows bound-only sockets, as Linux does since 6.8.
    pub(crate) fn shows_bound_sockets(&self) -> bool {
        diag::shows_bound_sockets()
    }

    /// The binary under test, ready to be given arguments.
    pub(crate) fn tcpstate(&self, arguments: &[&str]) -> Program {
        self.program(env!("CARGO_BIN_EXE_tcpstate"), arguments)
    }

    /// Any other program, to check the lab's own means with.
    pub(crate) fn program(&self, path: &str, arguments: &[&str]) -> Program {
        Program::new(path, arguments)
    }

    /// As little privilege as can be had here: another user, or root of a user namespace (which
    /// has no other user) without any capability.
    pub(crate) fn unprivileged(&self) -> Confinement {
        if self.real_root {
            Confinement::other_user()
        } else {
            Confinement::no_capabilities()
        }
    }

    /// Starts the function that `crate::actors` registers under `name`, as a process of its own.
    pub(crate) fn actor(&self, name: &str, arguments: &[&str]) -> Actor {
        Actor::start(name, arguments)
    }

    /// A server at an address in a black hole that answers as it is told.
    pub(crate) fn ghost(&self, address: SocketAddrV4) -> Ghost {
        Ghost::at(address)
    }

    /// Clients on slow lines, none yet.
    pub(crate) fn slow_clients(&self) -> SlowClients {
        SlowClients::new()
    }

    /// Sends SYNs whose sources never answer, because they lie in a [`Lab::add_black_hole`]: each
    /// leaves a request socket with the listener that it goes to.
    pub(crate) fn send_syns(&self, syns: impl IntoIterator<Item = Syn>) {
        packet::send_syns(syns);
    }
}
