use super::super::super::testing::socket;
use super::super::{PortTally, Reuse, ReusePolicy};
use crate::model::{PortRange, PortSet, PortSettings, Ports};
use std::collections::HashSet;
use std::net::IpAddr;

const FIRST: u16 = 40_000;
const SIZE: u16 = 4_000;

fn range() -> PortRange {
    PortRange::new(FIRST, FIRST + SIZE - 1).unwrap()
}

fn tally() -> PortTally {
    let settings = PortSettings {
        range: Some(range()),
        reserved: Some(PortSet::default()),
    };
    let policy = ReusePolicy {
        reuse: Reuse::Always,
        delay_ms: 1_000,
    };
    PortTally::new(settings, PortSet::default(), policy)
}

/// bind() with port 0: from a place at random it takes the next free port, of
/// its own parity while there is one.
struct Binder {
    random: u64,
    taken: HashSet<(u16, u16)>,
}

impl Binder {
    fn new() -> Self {
        Self {
            random: 1,
            taken: HashSet::new(),
        }
    }

    /// Of a pool; `None` when it is used up.
    fn bind(&mut self, pool: u16) -> Option<u16> {
        // Knuth's multiplier for 64 bits.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005);
        self.random = self.random.wrapping_add(1);
        let start = u16::try_from(self.random >> 33 & 0x7fff).unwrap() % (SIZE / 2);
        let of_parity =
            |odd: u16| (0..SIZE / 2).map(move |step| (start + step) % (SIZE / 2) * 2 + odd);
        let mut ports = of_parity(1).chain(of_parity(0)).map(|port| FIRST + port);
        let port = ports.find(|&port| !self.taken.contains(&(pool, port)))?;
        self.taken.insert((pool, port));
        Some(port)
    }
}

/// So many connections of four local addresses, each to a destination of its
/// own, from one pool or from four.
fn connected(count: u16, pools: u16) -> Ports {
    counted(count, pools).finish(None).0
}

fn counted(count: u16, pools: u16) -> PortTally {
    let mut tally = tally();
    let mut binder = Binder::new();
    for number in 0..count {
        let address = number % 4;
        let port = binder.bind(address % pools).unwrap();
        let from = format!("10.0.0.{address}:{port}");
        tally.add(&socket(&from, &format!("10.0.1.{address}:443")).build());
    }
    tally
}

/// Seen on Linux 6.18: of 4,000 ports bind() on the wildcard address gives out
/// 4,000, whatever address the socket gets, and the next one fails with
/// EADDRINUSE. It was shown as four pools that are a quarter full.
#[test]
fn the_pool_of_the_wildcard_address_is_one_for_all_local_addresses() {
    for count in [400, 1_600, 2_400, 3_400, 4_000] {
        let ports = connected(count, 1);
        let [pool] = ports.shared_pools.as_slice() else {
            panic!("{count}: {:?}", ports.shared_pools);
        };
        assert_eq!(pool.local_address, "0.0.0.0".parse::<IpAddr>().unwrap());
        let taken = u32::from(count);
        assert_eq!((pool.taken, pool.destinations), (taken, 4), "{count}");
        assert_eq!(pool.free(), Some(u32::from(SIZE) - taken), "{count}");
        for destination in &ports.destinations {
            assert!(destination.bound_first, "{count}");
            assert_eq!(destination.free(), pool.free(), "{count}");
        }
    }
}

/// Seen on Linux 6.18: 400 connections of four addresses with pools of their own
/// have 29 ports in common, where 30 are expected.
#[test]
fn pools_of_single_addresses_have_ports_in_common() {
    for count in [400, 1_600, 3_200, 8_000, 16_000] {
        let ports = connected(count, 4);
        let wildcard = |address: &IpAddr| address.is_unspecified();
        let mut pools = ports.shared_pools.iter().map(|pool| pool.local_address);
        assert!(!pools.any(|address| wildcard(&address)), "{count}");
    }
}

/// Of 4 times 60 ports of 2,000 nobody would expect 14 in common.
#[test]
fn few_ports_prove_nothing() {
    assert_eq!(connected(240, 1).shared_pools, []);
    assert_eq!(connected(288, 1).shared_pools.len(), 1);
}

/// connect() passes by what bind() gave out at another address, so they have
/// none in common either.
#[test]
fn a_pool_of_one_address_and_connections_of_another_are_two_things() {
    let mut tally = tally();
    let mut binder = Binder::new();
    for number in 0..1_800_u16 {
        let port = binder.bind(0).unwrap();
        let to = format!("10.0.1.{}:443", number % 4);
        tally.add(&socket(&format!("10.0.0.1:{port}"), &to).build());
    }
    for step in 0..1_800 {
        let from = format!("10.0.0.2:{}", FIRST + 2 * step);
        tally.add(&socket(&from, "10.0.1.9:443").build());
    }
    let ports = tally.finish(None).0;
    let [pool] = ports.shared_pools.as_slice() else {
        panic!("{:?}", ports.shared_pools);
    };
    assert_eq!(pool.local_address, "10.0.0.1".parse::<IpAddr>().unwrap());
    assert_eq!(pool.taken, 1_800);
}

/// A burst of connect() at each of four addresses, one after the other: it used
/// up the ports that it prefers and took some of the others.
#[test]
fn bursts_of_connect_are_no_pool() {
    let mut tally = tally();
    for address in 0..4_u16 {
        let preferred = (0..SIZE / 2).map(|step| FIRST + 2 * step);
        let others = (0..475).map(|step| FIRST + 1 + 2 * (address * 475 + step));
        for port in preferred.chain(others) {
            let from = format!("10.0.0.{address}:{port}");
            tally.add(&socket(&from, "10.0.1.9:443").in_time_wait(30_000).build());
        }
    }
    for port in (FIRST + 3_901..).step_by(2).take(10) {
        let from = format!("10.0.0.9:{port}");
        tally.add(&socket(&from, "10.0.1.9:443").build());
    }
    assert_eq!(tally.finish(None).0.shared_pools, []);
}

/// Bound sockets take ports out of it.
#[test]
fn bound_sockets_matter_from_half_of_the_pool_on() {
    assert!(!counted(1_900, 1).could_matter(Some(99)));
    assert!(counted(1_900, 1).could_matter(Some(100)));
}

/// What connect() took is lost to bind() on the wildcard address too.
#[test]
fn connections_of_whatever_address_count_in_the_pool() {
    let mut tally = tally();
    let mut binder = Binder::new();
    for number in 0..1_600_u16 {
        let port = binder.bind(0).unwrap();
        let from = format!("10.0.0.{}:{port}", number % 2);
        tally.add(&socket(&from, &format!("10.0.1.{}:443", number % 2)).build());
    }
    for step in 0..500 {
        let from = format!("10.0.0.9:{}", FIRST + 2 * step);
        tally.add(&socket(&from, "10.0.1.9:443").build());
    }
    let ports = tally.finish(None).0;
    let [pool] = ports.shared_pools.as_slice() else {
        panic!("{:?}", ports.shared_pools);
    };
    assert!(pool.local_address.is_unspecified());
    assert_eq!((pool.in_use, pool.taken), (1_600, 2_100));
    let mut connected = ports.destinations.iter().filter(|d| !d.bound_first);
    let plain = connected.next().unwrap();
    assert_eq!(plain.free(), Some(u32::from(SIZE) - 2_100));
    assert_eq!(connected.next(), None);
}

/// In one family there may be as many sockets of the other.
#[test]
fn a_pool_of_both_families_is_that_of_the_wildcard_of_ipv6() {
    let mut tally = tally();
    let mut binder = Binder::new();
    for number in 0..1_600_u16 {
        let port = binder.bind(0).unwrap();
        let (from, to) = if number % 2 == 0 {
            (format!("10.0.0.1:{port}"), "10.0.1.9:443")
        } else {
            (format!("[2001:db8::1]:{port}"), "[2001:db8::9]:443")
        };
        tally.add(&socket(&from, to).build());
    }
    let ports = tally.finish(None).0;
    assert_eq!(ports.shared_pools.len(), 1);
    let pool = ports.shared_pools.first().unwrap();
    assert_eq!(pool.local_address, "::".parse::<IpAddr>().unwrap());
}
