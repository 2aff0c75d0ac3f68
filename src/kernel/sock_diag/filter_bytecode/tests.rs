use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::filter::selects_row;
use crate::model::{CgroupId, Endpoint, Socket, SocketKind, SourceKind, StateSet, TcpState};

/// Runs a program as `inet_diag_bc_run` does; a socket of these tests has no
/// port lock.
fn takes(program: &[u8], socket: &Socket) -> bool {
    let u16_at = |at: usize| u16::from_ne_bytes(program[at..at + 2].try_into().unwrap());
    let u32_at = |at: usize| u32::from_ne_bytes(program[at..at + 4].try_into().unwrap());
    let mut at = 0;
    while at < program.len() {
        let holds = match program[at] {
            1 => false,
            2 => socket.local.port >= u16_at(at + 6),
            3 => socket.local.port <= u16_at(at + 6),
            4 => socket.remote.port >= u16_at(at + 6),
            5 => socket.remote.port <= u16_at(at + 6),
            6 => true,
            7 => host_condition(&program[at + 4..], socket.family, &socket.local),
            8 => host_condition(&program[at + 4..], socket.family, &socket.remote),
            9 => socket.interface.unwrap_or(0) == u32_at(at + 4),
            10 => socket.mark.unwrap() & u32_at(at + 8) == u32_at(at + 4),
            13 => {
                let id = u64::from_ne_bytes(program[at + 4..at + 12].try_into().unwrap());
                socket.cgroup.map_or(0, |own| own.0) == id
            }
            other => panic!("operation {other}"),
        };
        at += if holds {
            usize::from(program[at + 1])
        } else {
            usize::from(u16_at(at + 2))
        };
    }
    at == program.len()
}

fn host_condition(operand: &[u8], family: Family, end: &Endpoint) -> bool {
    let port = i32::from_ne_bytes(operand[4..8].try_into().unwrap());
    if port != ANY_PORT && port != i32::from(end.port) {
        return false;
    }
    let prefix = u32::from(operand[1]);
    let alike = |one: &[u8], other: &[u8]| {
        let bits = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte))
        };
        let width = u32::try_from(one.len() * 8).unwrap();
        (bits(one) ^ bits(other))
            .checked_shr(width - prefix)
            .unwrap_or(0)
            == 0
    };
    match (operand[0], family, end.address) {
        (ANY_FAMILY, ..) => true,
        (AF_INET, Family::Ipv4, IpAddr::V4(own)) => alike(&operand[8..12], &own.octets()),
        (AF_INET6, Family::Ipv6, IpAddr::V6(own)) => alike(&operand[8..24], &own.octets()),
        (AF_INET, Family::Ipv6, IpAddr::V6(own)) => {
            let own = own.to_ipv4_mapped();
            own.is_some_and(|own| alike(&operand[8..12], &own.octets()))
        }
        _ => false,
    }
}

/// What `inet_diag_bc_audit` asks for: each no leads to an operation on the
/// way of the yes, to the end, or four bytes beyond.
fn is_admitted(program: &[u8]) -> bool {
    let mut on_the_way = vec![program.len(), program.len() + 4];
    let mut targets = Vec::new();
    let mut at = 0;
    while at < program.len() {
        on_the_way.push(at);
        let no = u16::from_ne_bytes([program[at + 2], program[at + 3]]);
        let yes = usize::from(program[at + 1]);
        if usize::from(no) < 4 || yes < 4 || !no.is_multiple_of(4) || !yes.is_multiple_of(4) {
            return false;
        }
        targets.push(at + usize::from(no));
        at += yes;
    }
    at == program.len() && targets.iter().all(|target| on_the_way.contains(target))
}

fn socket(family: Family, local: Endpoint, remote: Endpoint) -> Socket {
    Socket {
        cgroup: Some(CgroupId(1)),
        mark: Some(0),
        ..Socket::new(
            family,
            TcpState::Established,
            SocketKind::Full,
            local,
            remote,
        )
    }
}

fn ports() -> impl Strategy<Value = u16> {
    prop_oneof![
        Just(0),
        Just(22),
        Just(80),
        Just(65_535),
        70_u16..90,
        any::<u16>()
    ]
}

fn ipv4() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        Just(Ipv4Addr::UNSPECIFIED),
        Just(Ipv4Addr::LOCALHOST),
        Just(Ipv4Addr::new(10, 9, 0, 1)),
        any::<u32>().prop_map(Ipv4Addr::from),
    ]
}

fn ipv6() -> impl Strategy<Value = Ipv6Addr> {
    prop_oneof![
        Just(Ipv6Addr::UNSPECIFIED),
        Just(Ipv6Addr::LOCALHOST),
        // Its first word is that of 127.0.0.1.
        Just(Ipv6Addr::new(0x7f00, 1, 0, 0, 0, 0, 0, 1)),
        ipv4().prop_map(|address| address.to_ipv6_mapped()),
        any::<u128>().prop_map(Ipv6Addr::from),
    ]
}

fn sockets() -> impl Strategy<Value = Socket> {
    let of_family = prop_oneof![
        (ipv4(), ipv4()).prop_map(|(a, b)| (Family::Ipv4, a.into(), b.into())),
        (ipv6(), ipv6()).prop_map(|(a, b)| (Family::Ipv6, a.into(), b.into())),
    ];
    let others = (proptest::option::of(1_u32..3), 0_u32..4, 1_u64..3);
    (of_family, ports(), ports(), others).prop_map(
        |((family, local, remote), port, remote_port, (interface, mark, cgroup))| Socket {
            interface,
            mark: Some(mark),
            cgroup: Some(CgroupId(cgroup)),
            ..socket(
                family,
                Endpoint::new(local, port),
                Endpoint::new(remote, remote_port),
            )
        },
    )
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Local), Just(End::Remote)]
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less, NotEqual};
    proptest::sample::select(vec![Equal, NotEqual, Less, AtMost, Greater, AtLeast])
}

fn networks() -> impl Strategy<Value = Network> {
    prop_oneof![
        (ipv4(), 0_u8..=32).prop_map(|(address, bits)| Network::new(address.into(), bits)),
        (ipv6(), 0_u8..=128).prop_map(|(address, bits)| Network::new(address.into(), bits)),
    ]
    .prop_map(Option::unwrap)
}

/// Conditions that the kernel can judge, and one that it can't.
fn conditions(judged_by_us: bool) -> impl Strategy<Value = Condition> {
    let families = prop_oneof![Just(Family::Ipv4), Just(Family::Ipv6)];
    prop_oneof![
        3 => (ends(), comparisons(), ports()).prop_map(|(end, how, port)| Condition::Port(end, how, port)),
        3 => (ends(), Just(Comparison::Equal), ports()).prop_map(|(end, how, port)| Condition::Port(end, how, port)),
        2 => (ends(), networks()).prop_map(|(end, network)| Condition::Address(end, network)),
        1 => (ends(), proptest::collection::vec(ports(), 0..20))
            .prop_map(|(end, ports)| Condition::PortIn(end, ports.into_iter().collect())),
        1 => families.prop_map(Condition::Family),
        1 => proptest::option::of(1_u32..3).prop_map(Condition::Device),
        1 => (0_u32..4, 0_u32..4).prop_map(|(value, mask)| Condition::Mark { value, mask }),
        1 => (1_u64..3).prop_map(|id| Condition::Cgroup(CgroupId(id))),
        u32::from(judged_by_us) * 4 => any::<bool>().prop_map(|holds| {
            let state = if holds { TcpState::Established } else { TcpState::Listen };
            Condition::State(StateSet::NONE.with(state))
        }),
    ]
}

fn filters(judged_by_us: bool) -> impl Strategy<Value = Filter> {
    let leaf = conditions(judged_by_us).prop_map(Filter::from);
    leaf.prop_recursive(6, 40, 5, |inner| {
        let several = proptest::collection::vec(inner.clone(), 0..5);
        prop_oneof![
            several.clone().prop_map(Filter::And),
            several.prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn selects(filter: &Filter, socket: &Socket) -> bool {
    selects_row(filter, socket, SourceKind::Netlink)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// What the kernel can judge, it judges alone, and as we do.
    #[test]
    fn a_program_takes_what_we_select(
        filter in filters(false),
        sockets in proptest::collection::vec(sockets(), 1..20),
    ) {
        let Compiled { program, rest } = compile(&filter, Operations::ALL);
        prop_assert!(rest.is_everything(), "{:?}", rest);
        prop_assert!(is_admitted(&program));
        for socket in &sockets {
            prop_assert_eq!(takes(&program, socket), selects(&filter, socket), "{:?}", socket);
        }
    }

    /// What it can't judge, or has no operation for, it lets pass, and the rest
    /// is ours.
    #[test]
    fn a_program_and_the_rest_take_what_we_select(
        filter in filters(true),
        sockets in proptest::collection::vec(sockets(), 1..20),
        operations in any::<[bool; 3]>(),
    ) {
        let [device, mark, cgroup] = operations;
        let operations = Operations { device, mark, cgroup };
        let Compiled { program, rest } = compile(&filter, operations);
        prop_assert!(is_admitted(&program));
        for socket in &sockets {
            let taken = takes(&program, socket) && selects(&rest, socket);
            prop_assert_eq!(taken, selects(&filter, socket), "{:?}", socket);
        }
    }

    #[test]
    fn a_set_of_ports_takes_these_and_no_other(
        ports in proptest::collection::vec(any::<u16>(), 1..300),
        others in proptest::collection::vec(any::<u16>(), 0..50),
    ) {
        let set: PortSet = ports.iter().copied().collect();
        let program = of_ports(&set).unwrap();
        prop_assert!(is_admitted(&program));
        for &port in ports.iter().chain(&others) {
            for near in [port.saturating_sub(1), port, port.saturating_add(1)] {
                prop_assert_eq!(takes(&program, &at_port(near)), set.contains(near), "{}", near);
            }
        }
    }
}

fn at_port(port: u16) -> Socket {
    let end = |port| Endpoint::new(Ipv4Addr::LOCALHOST.into(), port);
    socket(Family::Ipv4, end(port), end(0))
}

/// The program of a set of local ports, unless the kernel gets none.
fn of_ports(set: &PortSet) -> Option<Vec<u8>> {
    let filter = Condition::PortIn(End::Local, set.clone()).into();
    let Compiled { program, rest } = compile(&filter, Operations::ALL);
    rest.is_everything().then_some(program)
}

#[test]
fn the_ends_of_all_ports_are_ports() {
    for ports in [&[0_u16][..], &[u16::MAX], &[0, u16::MAX], &[0, 1, 3]] {
        let set: PortSet = ports.iter().copied().collect();
        let program = of_ports(&set).unwrap();
        for port in 0..=u16::MAX {
            assert_eq!(
                takes(&program, &at_port(port)),
                set.contains(port),
                "{port}"
            );
        }
    }
}

/// No filter at all is better than one that is cut.
#[test]
fn what_is_too_long_for_a_program_is_left_to_us() {
    let every = |step| (1..=u16::MAX).step_by(step).collect::<PortSet>();
    assert!(of_ports(&every(30)).is_some_and(|program| program.len() <= LONGEST));
    assert_eq!(of_ports(&every(2)), None);

    let host = |number: u32| Network::host(Ipv4Addr::from(number).into());
    let hosts = |count| {
        let hosts = (0..count).map(|number| Condition::Address(End::Local, host(number)).into());
        Filter::Or(hosts.collect())
    };
    let ports = Filter::from(Condition::Port(End::Local, Comparison::Equal, 80));
    // An address takes 16 bytes, the jump behind all but the last four.
    let fits = (LONGEST + 4) / 20;
    let Compiled { program, rest } = compile(&hosts(u32::try_from(fits).unwrap()), Operations::ALL);
    assert!(rest.is_everything());
    assert!(program.len() <= LONGEST && LONGEST < program.len() + 20);
    let too_many = hosts(u32::try_from(fits).unwrap() + 1);
    let compiled = compile(
        &ports.clone().and(too_many.clone()).and(ports.clone()),
        Operations::ALL,
    );
    assert_eq!(compiled.rest, too_many);
    let short = compile(&ports.clone().and(ports), Operations::ALL);
    assert_eq!(compiled.program, short.program);
}

#[test]
fn many_ports_are_searched_by_halving() {
    let ports = (0..5_000_u16)
        .map(|port| Filter::from(Condition::Port(End::Remote, Comparison::Equal, port * 2)));
    let Compiled { program, rest } =
        compile(&Filter::Or(ports.step_by(2).collect()), Operations::ALL);
    assert!(rest.is_everything());
    assert!(program.len() <= LONGEST);
}

/// The port that connect() chose, as ss means it: the kernel alone can tell.
#[test]
fn the_port_lock_is_an_operation() {
    let filter = Filter::from(Condition::PortNotLocked).negated();
    let Compiled { program, rest } = compile(&filter, Operations::ALL);
    assert!(rest.is_everything());
    assert_eq!(program, [6, 4, 8, 0, 1, 4, 8, 0].map(|byte: u8| byte));
}

#[test]
fn what_a_kernel_refuses_is_tried_without_its_newest_operation() {
    let mark = Filter::from(Condition::Mark { value: 1, mask: 1 });
    let all = mark
        .and(Condition::Device(None).into())
        .or(Condition::Cgroup(CgroupId(1)).into());
    let mut tried = Vec::new();
    let mut operations = Some(Operations::ALL);
    while let Some(these) = operations {
        tried.push([these.device, these.mark, these.cgroup]);
        operations = these.without_newest(&all);
    }
    assert_eq!(
        tried,
        [
            [true, true, true],
            [true, true, false],
            [true, false, false],
            [false, false, false],
        ]
    );
    assert_eq!(Operations::ALL.without_newest(&Filter::EVERYTHING), None);
}
