//! The host that the tests' filters are about.

use std::net::IpAddr;

use crate::filter::{FilterError, Names, Selection, parse, port_of_service};
use crate::model::{
    CgroupId, Endpoint, Family, PortRange, Socket, SocketKind, SocketTimer, TcpState, TimerKind,
};

const SERVICES: &str = "ssh 22/tcp\nhttp 80/tcp www\nhttps 443/tcp\n";

/// `cgroup` and its child `inner`, the cgroup of all other sockets, and the
/// root.
const CGROUPS: [(&str, u64); 3] = [("/cgroup", 10), ("/cgroup/inner", 11), ("/home", 12)];
const DEVICES: [(&str, u32); 2] = [("lo", 1), ("zone0", 2)];

pub(super) struct StagedNames;

impl Names for StagedNames {
    fn service(&self, name: &str) -> Option<u16> {
        port_of_service(SERVICES, name)
    }

    fn addresses(&self, host: &str) -> Vec<IpAddr> {
        let addresses: &[&str] = match host {
            "several" => &["127.0.0.1", "127.0.0.3", "::1"],
            "v6only" => &["::1"],
            _ => &[],
        };
        addresses.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn device(&self, name: &str) -> Option<u32> {
        let device = DEVICES.iter().find(|(known, _)| *known == name);
        device.map(|&(_, index)| index)
    }

    fn cgroup(&self, path: &str) -> Option<CgroupId> {
        let cgroup = CGROUPS.iter().find(|(known, _)| *known == path);
        cgroup.map(|&(_, id)| CgroupId(id))
    }

    fn user(&self, name: &str) -> Option<u32> {
        (name == "www-data").then_some(33)
    }

    fn local_ports(&self) -> Option<PortRange> {
        PortRange::new(40_000, 40_099)
    }
}

pub(super) fn read(words: &[&str], family: Option<Family>) -> Result<Selection, FilterError> {
    parse(words, family, &StagedNames)
}

/// The sockets of tests/data/filter/sockets.tsv with their names: what the
/// fixture of the expressions is.
pub(super) fn sockets() -> Vec<(&'static str, Socket)> {
    include_str!("../../../tests/data/filter/sockets.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            (fields[0], socket(&fields))
        })
        .collect()
}

fn socket(fields: &[&str]) -> Socket {
    let &[
        _,
        state,
        family,
        local,
        port,
        remote,
        remote_port,
        device,
        mark,
        cgroup,
        _,
    ] = fields
    else {
        panic!("{fields:?}")
    };
    let state: TcpState = state.parse().unwrap();
    let kind = match state {
        TcpState::TimeWait => SocketKind::TimeWait,
        TcpState::SynRecv => SocketKind::Request,
        _ => SocketKind::Full,
    };
    let end =
        |address: &str, port: &str| Endpoint::new(address.parse().unwrap(), port.parse().unwrap());
    let cgroup = CGROUPS.iter().find(|(path, _)| path.ends_with(cgroup));
    let family = if family == "ipv4" {
        Family::Ipv4
    } else {
        Family::Ipv6
    };
    let (local, remote) = (end(local, port), end(remote, remote_port));
    Socket {
        interface: StagedNames.device(device),
        send_q: Some(0),
        timer: (kind == SocketKind::TimeWait).then_some(SocketTimer {
            kind: TimerKind::TimeWait,
            expires_ms: 60_000,
            retransmits: 0,
        }),
        uid: (kind == SocketKind::Full).then_some(0),
        cgroup: cgroup.map(|&(_, id)| CgroupId(id)),
        mark: u32::from_str_radix(mark.trim_start_matches("0x"), 16).ok(),
        ..Socket::new(family, state, kind, local, remote)
    }
}
