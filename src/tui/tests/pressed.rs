//! A host that runs out of ports and whose queues fill, as the views of ports
//! and listeners read it.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::{
    Destination, Endpoint, Family, ListenSocket, Listener, Listeners, PortRange, PortReading,
    PortSet, PortSettings, Ports, Pressure, Program, TimeWaitTally,
};

const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5));
/// The database.
pub(super) const DATABASE: Endpoint = Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9)), 5432);

fn destination(remote: Endpoint, in_use: u32, time_wait: u32, growth: f64) -> Destination {
    Destination {
        local_address: OURS,
        interface: None,
        remote,
        in_use,
        time_wait,
        reusable: 0,
        recent_time_wait: time_wait / 4,
        usable: Some(28_230),
        bound_first: false,
        sustainable_per_s: Some(470.5),
        growth_per_s: Some(growth),
        pool_growth_per_s: None,
    }
}

fn listener(port: u16, waiting: u32, limit: Option<u32>, program: &str) -> Listener {
    Listener {
        local: Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
        family: Family::Ipv4,
        interface: None,
        drops: None,
        sockets: 1,
        full_sockets: limit.map(|limit| u32::from(waiting > limit)),
        accept_queue: waiting,
        accept_limit: limit,
        unaccepted: None,
        dead: None,
        syn_recv: Some(waiting / 3),
        syn_ack_retransmits: None,
        members: vec![ListenSocket {
            inode: Some(u64::from(port)),
            cgroup: None,
            accept_queue: waiting,
            accept_limit: limit,
            pids: None,
        }],
        cgroups: Vec::new(),
        program: Some(Program {
            pids: vec![880],
            command: Some(program.to_owned()),
            unit: None,
        }),
    }
}

pub(super) fn pressure() -> Pressure {
    let cache = Endpoint::new(Ipv4Addr::new(10, 0, 0, 7).into(), 6379);
    Pressure {
        ports: PortReading::Grouped(Ports {
            settings: PortSettings {
                range: PortRange::new(32_768, 60_999),
                reserved: Some(PortSet::default()),
            },
            listened: Some(2),
            bound: None,
            destinations: vec![
                destination(DATABASE, 26_190, 21_900, 51.0),
                destination(cache, 312, 40, -2.0),
            ],
            left_out: 0,
            shared_pools: Vec::new(),
        }),
        listeners: Some(Listeners {
            drops: crate::model::ListenerDrops::new(),
            listeners: vec![
                listener(8080, 129, Some(128), "orders\u{1b}[31m"),
                listener(443, 4, Some(511), "nginx"),
                listener(22, 0, None, "sshd"),
            ],
            largest_limit: Some(511),
            count: 3,
        }),
        time_wait: Some(TimeWaitTally::default()),
        ..Pressure::default()
    }
}
