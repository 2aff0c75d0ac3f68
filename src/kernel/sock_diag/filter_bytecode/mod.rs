//! `INET_DIAG_REQ_BYTECODE`: the filter that the kernel runs on each socket
//! before it copies anything.

mod assembler;

use std::net::IpAddr;

use zerocopy::native_endian::I32;
use zerocopy::{Immutable, IntoBytes, Unaligned};

use self::assembler::{Assembler, LONGEST, Label};
use crate::filter::{Division, divide};
use crate::model::{Comparison, Condition, End, Family, Filter, Network, PortRange, PortSet};

/// `INET_DIAG_BC_AUTO`: no bind() chose the local port.
const AUTO: u8 = 6;
/// `INET_DIAG_BC_DEV_COND`: the interface that the socket is bound to.
const DEVICE: u8 = 9;
/// `INET_DIAG_BC_MARK_COND`
const MARK: u8 = 10;
/// `INET_DIAG_BC_CGROUP_COND`
const CGROUP: u8 = 13;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Any port, or any family.
const ANY_PORT: i32 = -1;
const ANY_FAMILY: u8 = 0;

/// The operations that look at one end.
struct Codes {
    at_least: u8,
    at_most: u8,
    address: u8,
}

const LOCAL: Codes = Codes {
    at_least: 2,
    at_most: 3,
    address: 7,
};
const REMOTE: Codes = Codes {
    at_least: 4,
    at_most: 5,
    address: 8,
};

/// `struct inet_diag_hostcond`, without the address
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct HostCondition {
    family: u8,
    prefix: u8,
    padding: [u8; 2],
    port: I32,
}

/// The operations that not every kernel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operations {
    /// Linux 4.8.
    pub(super) device: bool,
    /// Linux 4.9, and with CAP_NET_ADMIN only.
    pub(super) mark: bool,
    /// Linux 5.8, unless it is built without.
    pub(super) cgroup: bool,
}

impl Operations {
    /// Those of a kernel of today.
    pub(super) const ALL: Self = Self {
        device: true,
        mark: true,
        cgroup: true,
    };

    const fn judge(self, condition: &Condition) -> bool {
        match condition {
            Condition::Family(_)
            | Condition::Address(..)
            | Condition::Port(..)
            | Condition::PortIn(..)
            | Condition::PortNotLocked => true,
            Condition::Device(_) => self.device,
            Condition::Mark { .. } => self.mark,
            Condition::Cgroup(_) => self.cgroup,
            _ => false,
        }
    }

    /// What to try where the kernel refused a program of this filter: without
    /// the newest operation that it has. `None` where it isn't for these.
    pub(super) fn without_newest(self, filter: &Filter) -> Option<Self> {
        let has = |wanted: fn(&Condition) -> bool| filter.any(&mut { wanted });
        if self.cgroup && has(|condition| matches!(condition, Condition::Cgroup(_))) {
            return Some(Self {
                cgroup: false,
                ..self
            });
        }
        if self.mark && has(|condition| matches!(condition, Condition::Mark { .. })) {
            return Some(Self {
                mark: false,
                ..self
            });
        }
        let device = self.device && has(|condition| matches!(condition, Condition::Device(_)));
        device.then_some(Self {
            device: false,
            ..self
        })
    }
}

/// A filter divided between the kernel and us.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compiled {
    /// The program; empty where the kernel has nothing to judge.
    pub(super) program: Vec<u8>,
    /// What is left to judge of the rows that come.
    pub(super) rest: Filter,
}

/// Compiles what the kernel can judge of a filter. What would make the program
/// too long is left to us.
pub(super) fn compile(filter: &Filter, operations: Operations) -> Compiled {
    let Division { first, mut rest } = divide(filter, &|condition| operations.judge(condition));
    let parts = match first {
        Filter::And(parts) => parts,
        other => vec![other],
    };
    let mut program = Assembler::default();
    for part in parts {
        let before = program.length();
        require(&mut program, &part, Label::Reject);
        if program.length() > LONGEST {
            program.truncate(before);
            rest = rest.and(part);
        }
    }
    Compiled {
        program: program.finish(),
        rest,
    }
}

/// Goes on where the filter selects the socket, and to `otherwise` where it
/// doesn't. Negations are at the conditions.
fn require(program: &mut Assembler, filter: &Filter, otherwise: Label) {
    match filter {
        Filter::Is(condition) => test(program, condition, otherwise),
        Filter::Not(filter) => {
            let fails = program.label();
            require(program, filter, fails);
            program.jump(otherwise);
            program.bind(fails);
        }
        Filter::And(filters) => {
            for filter in filters {
                require(program, filter, otherwise);
            }
        }
        Filter::Or(filters) => either(program, &with_ports_together(filters), otherwise),
    }
}

fn either(program: &mut Assembler, filters: &[Filter], otherwise: Label) {
    let Some((last, others)) = filters.split_last() else {
        program.jump(otherwise);
        return;
    };
    let selected = program.label();
    for filter in others {
        let next = program.label();
        require(program, filter, next);
        program.jump(selected);
        program.bind(next);
    }
    require(program, last, otherwise);
    program.bind(selected);
}

/// Alternatives with those that are ports of one end as one set, which takes
/// fewer comparisons and less room.
fn with_ports_together(filters: &[Filter]) -> Vec<Filter> {
    let mut others = Vec::new();
    let mut sets = [(End::Local, None), (End::Remote, None)];
    for filter in filters {
        let Filter::Is(Condition::Port(end, Comparison::Equal, port)) = filter else {
            others.push(filter.clone());
            continue;
        };
        for (of, set) in &mut sets {
            if of == end {
                set.get_or_insert_with(PortSet::default).insert(*port);
            }
        }
    }
    for (end, set) in sets {
        others.extend(set.map(|ports| Filter::from(Condition::PortIn(end, ports))));
    }
    others
}

fn test(program: &mut Assembler, condition: &Condition, otherwise: Label) {
    match condition {
        Condition::Family(Family::Ipv6) => is_ipv6(program, otherwise),
        Condition::Family(Family::Ipv4) => {
            let fails = program.label();
            is_ipv6(program, fails);
            program.jump(otherwise);
            program.bind(fails);
        }
        Condition::Address(end, network) => {
            program.test(codes(*end).address, in_network(*network), otherwise);
        }
        Condition::Port(end, comparison, port) => {
            compare(program, *end, *comparison, *port, otherwise);
        }
        Condition::PortIn(end, ports) => one_of(program, *end, &ports.ranges(), otherwise),
        Condition::Device(device) => {
            program.test(DEVICE, device.unwrap_or(0).to_ne_bytes(), otherwise);
        }
        Condition::Mark { value, mask } => {
            let operand = [value.to_ne_bytes(), mask.to_ne_bytes()].concat();
            program.test(MARK, operand, otherwise);
        }
        Condition::Cgroup(cgroup) => program.test(CGROUP, cgroup.0.to_ne_bytes(), otherwise),
        Condition::PortNotLocked => program.test(AUTO, [], otherwise),
        // The others were taken out: the kernel can't judge them.
        _ => {}
    }
}

const fn codes(end: End) -> &'static Codes {
    match end {
        End::Local => &LOCAL,
        End::Remote => &REMOTE,
    }
}

/// No IPv4 socket is in the network of all IPv6 addresses, and every IPv6
/// socket is.
fn is_ipv6(program: &mut Assembler, otherwise: Label) {
    let everything = HostCondition {
        family: AF_INET6,
        prefix: 0,
        padding: [0; 2],
        port: I32::new(ANY_PORT),
    };
    let operand = [everything.as_bytes(), &[0; 16]].concat();
    program.test(LOCAL.address, operand, otherwise);
}

fn in_network(network: Network) -> Vec<u8> {
    let (family, address) = match network.address() {
        IpAddr::V4(address) => (AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (AF_INET6, address.octets().to_vec()),
    };
    let condition = HostCondition {
        family,
        prefix: network.prefix(),
        padding: [0; 2],
        port: I32::new(ANY_PORT),
    };
    [condition.as_bytes(), &address].concat()
}

/// Operations for "is" came with Linux 4.16; a condition on a host of any
/// family is as old as all this.
fn is_port(program: &mut Assembler, end: End, port: u16, otherwise: Label) {
    let condition = HostCondition {
        family: ANY_FAMILY,
        prefix: 0,
        padding: [0; 2],
        port: I32::new(port.into()),
    };
    program.test(codes(end).address, condition.as_bytes(), otherwise);
}

fn compare(program: &mut Assembler, end: End, comparison: Comparison, port: u16, otherwise: Label) {
    let codes = codes(end);
    let opposite = match comparison {
        Comparison::Equal => return is_port(program, end, port, otherwise),
        Comparison::AtLeast => return program.compare(codes.at_least, port, otherwise),
        Comparison::AtMost => return program.compare(codes.at_most, port, otherwise),
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::AtLeast,
        Comparison::Greater => Comparison::AtMost,
    };
    let fails = program.label();
    compare(program, end, opposite, port, fails);
    program.jump(otherwise);
    program.bind(fails);
}

/// A search by halving: the kernel makes some ten comparisons a socket where
/// there are hundreds of ranges.
fn one_of(program: &mut Assembler, end: End, ranges: &[PortRange], otherwise: Label) {
    let Some(first) = ranges.first() else {
        program.jump(otherwise);
        return;
    };
    if let [range] = ranges
        && range.first == range.last
    {
        return is_port(program, end, range.first, otherwise);
    }
    // Below the first range there is nothing; from here on each half begins
    // with a port that was reached.
    if first.first > 0 {
        program.compare(codes(end).at_least, first.first, otherwise);
    }
    let found = program.label();
    search(program, codes(end), ranges, found, otherwise);
    program.bind(found);
}

/// The upper half first: it is what a yes goes on to.
fn search(
    program: &mut Assembler,
    codes: &Codes,
    ranges: &[PortRange],
    found: Label,
    otherwise: Label,
) {
    let (lower, upper) = ranges.split_at(ranges.len() / 2);
    let (Some(middle), false) = (upper.first(), lower.is_empty()) else {
        if let [range] = ranges {
            program.compare(codes.at_most, range.last, otherwise);
            program.jump(found);
        }
        return;
    };
    let in_lower = program.label();
    program.compare(codes.at_least, middle.first, in_lower);
    search(program, codes, upper, found, otherwise);
    program.bind(in_lower);
    search(program, codes, lower, found, otherwise);
}

#[cfg(test)]
mod tests;
