//! The sockets of tests/data/filter/sockets.tsv: every state, both families, IPv4-mapped
//! addresses, devices, marks, cgroups, and ports that were chosen and weren't.

use std::{
    fs,
    io::Read as _,
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6},
    path::PathBuf,
};

use socket2::{Domain, Socket, Type};
use tcpstate::kernel::SocketSource as _;
use tcpstate::kernel::sock_diag::NetlinkSource;
use tcpstate::model;
use tcpstate::model::{Request, StateSet, TcpState};

use crate::lab::{Ghost, Lab, Syn, until};

/// The link of the link-local addresses.
pub(crate) const ZONE: &str = "zone0";
/// The ports that connect() and bind() choose from.
pub(crate) const LOCAL_PORTS: &str = "40000 40099";

/// A socket of the fixture as the table describes it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) name: &'static str,
    pub(crate) state: TcpState,
    family: model::Family,
    pub(crate) local: model::Endpoint,
    pub(crate) remote: model::Endpoint,
    /// Whether bind() was told the port; `None`: no socket that could say.
    pub(crate) locked: Option<bool>,
}

impl Made {
    /// Whether a row is of this socket. Over /proc its addresses have no zone.
    pub(crate) fn is(&self, socket: &model::Socket) -> bool {
        let end = |end: &model::Endpoint| (end.address, end.port);
        self.family == socket.family
            && end(&self.local) == end(&socket.local)
            && end(&self.remote) == end(&socket.remote)
    }
}

/// Where the fixture's cgroups are.
#[derive(Debug)]
pub(crate) struct Cgroups {
    mount: PathBuf,
    /// That of the test itself, and one made for it that has another, `inner`, in it.
    pub(crate) home: String,
    pub(crate) own: String,
}

impl Cgroups {
    /// `None` where no cgroup can be made.
    fn make() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
        let mount = mounts.lines().find_map(|line| {
            let mut words = line.split(' ').skip(1);
            let (path, kind) = (words.next()?, words.next()?);
            (kind == "cgroup2").then(|| PathBuf::from(path))
        })?;
        let own = fs::read_to_string("/proc/self/cgroup").expect("cgroups");
        let home = own.lines().find_map(|line| line.strip_prefix("0::"))?;
        let own = format!("/tcpstate-filter-{}", std::process::id());
        fs::create_dir_all(mount.join(&own[1..]).join("inner")).ok()?;
        Some(Self {
            mount,
            home: home.to_owned(),
            own,
        })
    }

    fn directory(&self, path: &str) -> PathBuf {
        self.mount.join(path.trim_start_matches('/'))
    }

    /// Moves this process there, for what `make` makes.
    fn inside<T>(&self, path: &str, make: impl FnOnce() -> T) -> T {
        let join = |path: &str| fs::write(self.directory(path).join("cgroup.procs"), "0");
        join(path).expect("join a cgroup");
        let sockets = make();
        join(&self.home).expect("return to the own cgroup");
        sockets
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        let own = self.directory(&self.own);
        // Sockets don't keep a directory.
        let _ = fs::remove_dir(own.join("inner"));
        let _ = fs::remove_dir(own);
    }
}

/// Everything, held.
pub(crate) struct Fixture {
    pub(crate) made: Vec<Made>,
    /// `None` where none could be made: then nothing is known of them.
    pub(crate) cgroups: Option<Cgroups>,
    _sockets: Vec<Socket>,
    _ghosts: Vec<Ghost>,
}

/// Options of a socket before it is bound.
#[derive(Clone, Copy, Default)]
struct With {
    mark: u32,
    device: Option<&'static str>,
    only_v6: bool,
    /// The kernel chooses this port, for it is the only one.
    auto: Option<u16>,
}

const PLAIN: With = With {
    mark: 0,
    device: None,
    only_v6: false,
    auto: None,
};

struct Stage<'l> {
    lab: &'l Lab,
    zone: u32,
    sockets: Vec<Socket>,
}

impl Stage<'_> {
    fn address(&self, text: &str) -> SocketAddr {
        match text.parse().expect("an address") {
            SocketAddr::V6(address) if address.ip().is_unicast_link_local() => {
                SocketAddrV6::new(*address.ip(), address.port(), 0, self.zone).into()
            }
            address => address,
        }
    }

    fn socket(of: SocketAddr, with: With, reuse: bool) -> Socket {
        let socket = Socket::new(Domain::for_address(of), Type::STREAM, None).expect("a socket");
        if reuse {
            socket.set_reuse_address(true).expect("SO_REUSEADDR");
        }
        if of.is_ipv6() {
            socket.set_only_v6(with.only_v6).expect("IPV6_V6ONLY");
        }
        if with.mark != 0 {
            socket.set_mark(with.mark).expect("SO_MARK");
        }
        if let Some(device) = with.device {
            let device = Some(device.as_bytes());
            socket.bind_device(device).expect("SO_BINDTODEVICE");
        }
        socket
    }

    fn bound(&self, address: &str, with: With) -> Socket {
        let address = self.address(address);
        let socket = Self::socket(address, with, true);
        socket.bind(&address.into()).expect("bind");
        socket
    }

    fn listener(&mut self, address: &str, with: With) -> usize {
        let socket = self.bound(address, with);
        socket.listen(64).expect("listen");
        self.keep(socket)
    }

    fn keep(&mut self, socket: Socket) -> usize {
        self.sockets.push(socket);
        self.sockets.len() - 1
    }

    /// Runs with one port to choose from.
    fn choosing<T>(&self, port: u16, choose: impl FnOnce() -> T) -> T {
        let name = "net/ipv4/ip_local_port_range";
        self.lab.set_sysctl(name, &format!("{port} {port}"));
        let chosen = choose();
        self.lab.set_sysctl(name, LOCAL_PORTS);
        chosen
    }

    /// A client and the end that its server accepted.
    fn connect(&self, listener: usize, local: &str, remote: &str, with: With) -> (Socket, Socket) {
        let to = self.address(remote).into();
        let client = if let Some(port) = with.auto {
            let client = Self::socket(self.address(local), with, false);
            self.choosing(port, || client.connect(&to))
                .expect("connect");
            client
        } else {
            let client = self.bound(local, with);
            client.connect(&to).expect("connect");
            client
        };
        let (server, _) = self.sockets[listener].accept().expect("accept");
        (client, server)
    }

    fn pair(&mut self, listener: usize, local: &str, remote: &str, with: With) -> usize {
        let (client, server) = self.connect(listener, local, remote, with);
        self.keep(server);
        self.keep(client)
    }

    /// A connection that one end has closed first, and both by now.
    fn time_wait(&self, listener: usize, local: &str, remote: &str, with: With, by_server: bool) {
        let (client, server) = self.connect(listener, local, remote, with);
        let (mut first, mut second) = if by_server {
            (server, client)
        } else {
            (client, server)
        };
        for _ in 0..2 {
            first.shutdown(Shutdown::Write).expect("shutdown");
            let end = second.read(&mut [0]).expect("the end of the stream");
            assert_eq!(end, 0);
            std::mem::swap(&mut first, &mut second);
        }
    }

    fn connecting(&mut self, local: &str, remote: &str, with: With) -> usize {
        let socket = self.bound(local, with);
        socket.set_nonblocking(true).expect("non-blocking");
        let to = self.address(remote).into();
        socket.connect(&to).expect_err("nobody answers");
        self.keep(socket)
    }
}

impl Fixture {
    /// Makes all of them, and checks that the kernel shows these and no other.
    pub(crate) fn make(lab: &Lab) -> Self {
        for (name, value) in [
            // An orphan in FIN_WAIT2 stays a full socket.
            ("tcp_fin_timeout", "3600"),
            ("tcp_fwmark_accept", "0"),
            ("ip_local_port_range", LOCAL_PORTS),
        ] {
            lab.set_sysctl(&format!("net/ipv4/{name}"), value);
        }
        let address = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let zone = lab.add_link(ZONE);
        lab.add_address_to(zone, address("fe80::1"), 64);
        for own in ["2001:db8::1", "7f00:1::1"] {
            lab.add_address(address(own), 128);
        }
        lab.add_address(address("10.9.0.1"), 32);
        lab.add_black_hole(Ipv4Addr::new(10, 9, 0, 0), 16);
        lab.add_route_to(zone, address("2001:db8:1::"), 64);
        lab.add_neighbour(zone, address("2001:db8:1::1"));

        let cgroups = Cgroups::make();
        let mut stage = Stage {
            lab,
            zone,
            sockets: Vec::new(),
        };
        connections(&mut stage, cgroups.as_ref());
        bound(&mut stage);
        let ghosts = closing(&mut stage);
        let fixture = Self {
            made: table(lab, cgroups.is_some()),
            cgroups,
            _sockets: stage.sockets,
            _ghosts: ghosts,
        };
        until("the fixture", || fixture.check());
        fixture
    }

    /// What the kernel shows beside what was made.
    fn check(&self) -> Result<(), String> {
        let mut shown = rows();
        for made in &self.made {
            let found = shown.iter().position(|socket| made.is(socket));
            let Some(socket) = found.map(|at| shown.swap_remove(at)) else {
                return Err(format!("{} isn't there", made.name));
            };
            if socket.state != made.state {
                return Err(format!("{} is in {}", made.name, socket.state));
            }
        }
        match shown.first() {
            Some(more) => Err(format!("nobody made {more:?}")),
            None => Ok(()),
        }
    }

    /// The name of a row.
    pub(crate) fn name(&self, socket: &model::Socket) -> &'static str {
        let made = self.made.iter().find(|made| made.is(socket));
        made.unwrap_or_else(|| panic!("nobody made {socket:?}"))
            .name
    }
}

/// Every row of the kernel, unfiltered.
pub(crate) fn rows() -> Vec<model::Socket> {
    let mut rows = Vec::new();
    let mut source = NetlinkSource::open().expect("netlink");
    let outcome = source.visit_all(&Request::states(StateSet::ALL), &mut |socket| {
        rows.push(socket.clone());
    });
    outcome.expect("a dump");
    rows
}

/// The table, less what can't be made here.
fn table(lab: &Lab, with_cgroups: bool) -> Vec<Made> {
    include_str!("../../data/filter/sockets.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let end = |address: usize| {
                let (address, port) = (fields[address], fields[address + 1]);
                model::Endpoint::new(
                    address.parse().expect("an address"),
                    port.parse().expect("a port"),
                )
            };
            Made {
                name: fields[0],
                state: fields[1].parse().expect("a state"),
                family: match fields[2] {
                    "ipv4" => model::Family::Ipv4,
                    _ => model::Family::Ipv6,
                },
                local: end(3),
                remote: end(5),
                locked: match fields[10] {
                    "locked" => Some(true),
                    "free" => Some(false),
                    _ => None,
                },
            }
        })
        .filter(|made| with_cgroups || !["cgc", "cgs", "cic", "cis"].contains(&made.name))
        .filter(|made| made.state != TcpState::BoundInactive || lab.shows_bound_sockets())
        .collect()
}

fn connections(stage: &mut Stage<'_>, cgroups: Option<&Cgroups>) {
    let marked = |mark| With { mark, ..PLAIN };
    let auto = |port| With {
        auto: Some(port),
        ..PLAIN
    };
    let on_lo = With {
        device: Some("lo"),
        ..PLAIN
    };
    let only_v6 = With {
        only_v6: true,
        ..PLAIN
    };
    let any = stage.listener("0.0.0.0:80", PLAIN);
    let lo = stage.listener("127.0.0.1:22", PLAIN);
    let two = stage.listener("127.0.0.2:3306", marked(0x10));
    let device = stage.listener("0.0.0.0:9000", on_lo);
    stage.listener("10.9.0.1:7200", PLAIN);
    stage.listener("127.0.0.1:65535", PLAIN);
    let any6 = stage.listener("[::]:8080", PLAIN);
    let only6 = stage.listener("[::]:443", only_v6);
    let lo6 = stage.listener("[::1]:5432", PLAIN);
    let local6 = stage.listener("[fe80::1]:7000", PLAIN);
    let unbound = Stage::socket(stage.address("0.0.0.0:0"), PLAIN, false);
    stage
        .choosing(40_010, || unbound.listen(8))
        .expect("listen");
    stage.keep(unbound);

    stage.pair(lo, "127.0.0.1:50001", "127.0.0.1:22", PLAIN);
    stage.pair(any, "127.0.0.1:0", "127.0.0.1:80", auto(40_001));
    stage.pair(two, "127.0.0.3:50003", "127.0.0.2:3306", marked(0x1234));
    stage.pair(lo6, "[::1]:50004", "[::1]:5432", PLAIN);
    stage.pair(any6, "127.0.0.1:50005", "127.0.0.1:8080", PLAIN);
    stage.pair(
        any,
        "[::ffff:127.0.0.1]:50006",
        "[::ffff:127.0.0.1]:80",
        PLAIN,
    );
    stage.pair(local6, "[fe80::1]:50007", "[fe80::1]:7000", PLAIN);
    stage.pair(device, "127.0.0.1:50008", "127.0.0.1:9000", on_lo);
    stage.pair(lo, "127.0.0.1:40050", "127.0.0.1:22", PLAIN);
    stage.pair(any6, "[2001:db8::1]:50011", "[2001:db8::1]:8080", PLAIN);
    stage.pair(only6, "[7f00:1::1]:50012", "[7f00:1::1]:443", PLAIN);
    if let Some(cgroups) = cgroups {
        let inner = format!("{}/inner", cgroups.own);
        for (path, local) in [
            (&cgroups.own, "127.0.0.1:50009"),
            (&inner, "127.0.0.1:50010"),
        ] {
            cgroups.inside(path, || stage.pair(any, local, "127.0.0.1:80", PLAIN));
        }
    }

    let half = stage.pair(any, "127.0.0.4:50020", "127.0.0.1:80", PLAIN);
    stage.sockets[half]
        .shutdown(Shutdown::Write)
        .expect("shutdown");
    // The client is the last one that was kept.
    stage.pair(any, "127.0.0.4:50021", "127.0.0.1:80", PLAIN);
    drop(stage.sockets.pop());
    let half = stage.pair(lo6, "[::1]:50022", "[::1]:5432", PLAIN);
    stage.sockets[half]
        .shutdown(Shutdown::Write)
        .expect("shutdown");

    stage.time_wait(any, "127.0.0.1:50030", "127.0.0.1:80", PLAIN, false);
    stage.time_wait(any, "127.0.0.5:50031", "127.0.0.1:80", PLAIN, true);
    stage.time_wait(lo6, "[::1]:50032", "[::1]:5432", PLAIN, false);
    stage.time_wait(any6, "127.0.0.1:50033", "127.0.0.1:8080", PLAIN, true);
    stage.time_wait(
        two,
        "127.0.0.3:50034",
        "127.0.0.2:3306",
        marked(0x1234),
        false,
    );
    stage.time_wait(device, "127.0.0.1:50035", "127.0.0.1:9000", on_lo, false);
    stage.time_wait(any, "127.0.0.1:0", "127.0.0.1:80", auto(40_002), false);

    stage.connecting("10.9.0.1:50040", "10.9.1.1:81", marked(0x1000));
    stage.connecting("[2001:db8::1]:50041", "[2001:db8:1::1]:81", PLAIN);
    stage.lab.send_syns(
        [("10.9.3.1:3000", 7200), ("10.9.3.2:3001", 8080)].map(|(from, port)| Syn {
            from: from.parse().expect("an address"),
            to: SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 1), port),
        }),
    );
}

/// Our end has sent a FIN to a peer that never acknowledges it.
fn closing(stage: &mut Stage<'_>) -> Vec<Ghost> {
    let mut ghosts = Vec::new();
    for (remote, state) in [
        ("10.9.2.1:2000", TcpState::FinWait1),
        ("10.9.2.2:2000", TcpState::LastAck),
        ("10.9.2.3:2000", TcpState::Closing),
    ] {
        let mut ghost = stage.lab.ghost(remote.parse().expect("an address"));
        let client = stage.connecting("10.9.0.1:8081", remote, PLAIN);
        ghost.accept();
        let mut client = &stage.sockets[client];
        client.set_nonblocking(false).expect("blocking");
        until("a connection", || match client.peer_addr() {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        });
        if state == TcpState::LastAck {
            ghost.finish();
            let end = client.read(&mut [0]).expect("the end of the stream");
            assert_eq!(end, 0);
        }
        client.shutdown(Shutdown::Write).expect("shutdown");
        if state == TcpState::Closing {
            ghost.finish();
        }
        ghosts.push(ghost);
    }
    ghosts
}

/// Bound, and nothing more.
fn bound(stage: &mut Stage<'_>) {
    for address in ["127.0.0.1:7300", "[::]:7301", "[::ffff:127.0.0.1]:7302"] {
        let address = stage.address(address);
        let socket = Stage::socket(address, PLAIN, false);
        socket.bind(&address.into()).expect("bind");
        stage.keep(socket);
    }
    let address = stage.address("127.0.0.6:0");
    let socket = Stage::socket(address, PLAIN, false);
    stage
        .choosing(40_003, || socket.bind(&address.into()))
        .expect("bind");
    stage.keep(socket);
}
