//! Ports by destination.

use std::net::IpAddr;

use serde::Serialize;

use super::super::super::endpoint::EndpointJson;
use crate::model::{Destination, PortRange, Ports, SharedPool};

#[derive(Debug, Serialize)]
pub(super) struct PortsJson {
    range: Option<[u16; 2]>,
    reserved: Option<Vec<[u16; 2]>>,
    listened_on: u32,
    /// Ports of the range that sockets hold which are bound and neither listen
    /// nor are connected. Null where nobody looked.
    explicitly_bound: Option<u32>,
    destinations: Vec<DestinationJson>,
    /// Those that `--remote` left out.
    left_out: u64,
    shared_pools: Vec<PoolJson>,
}

#[derive(Debug, Serialize)]
struct DestinationJson {
    local_address: IpAddr,
    remote: EndpointJson,
    in_use: u32,
    time_wait: u32,
    recent_time_wait: u32,
    reusable: u32,
    usable: Option<u32>,
    free: Option<u32>,
    used_ratio: Option<f64>,
    bound_first: bool,
    sustainable_per_s: Option<f64>,
    growth_per_s: Option<f64>,
    exhausted_in_s: Option<f64>,
}

#[derive(Debug, Serialize)]
struct PoolJson {
    local_address: IpAddr,
    in_use: u32,
    taken: u32,
    destinations: u32,
    usable: Option<u32>,
    free: Option<u32>,
    used_ratio: Option<f64>,
    growth_per_s: Option<f64>,
    exhausted_in_s: Option<f64>,
}

impl From<&Ports> for PortsJson {
    fn from(ports: &Ports) -> Self {
        let ends = |range: PortRange| [range.first, range.last];
        let reserved = ports.settings.reserved.as_ref();
        Self {
            range: ports.settings.range.map(ends),
            reserved: reserved.map(|set| set.ranges().into_iter().map(ends).collect()),
            listened_on: ports.listened,
            explicitly_bound: ports.bound,
            destinations: ports.destinations.iter().map(Into::into).collect(),
            left_out: ports.left_out,
            shared_pools: ports.shared_pools.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Destination> for DestinationJson {
    fn from(destination: &Destination) -> Self {
        Self {
            local_address: destination.local_address,
            remote: destination.remote.into(),
            in_use: destination.in_use,
            time_wait: destination.time_wait,
            recent_time_wait: destination.recent_time_wait,
            reusable: destination.reusable,
            usable: destination.usable,
            free: destination.free(),
            used_ratio: destination.used_ratio(),
            bound_first: destination.bound_first,
            sustainable_per_s: destination.sustainable_per_s,
            growth_per_s: destination.growth_per_s,
            exhausted_in_s: destination.exhausted_in_s(),
        }
    }
}

impl From<&SharedPool> for PoolJson {
    fn from(pool: &SharedPool) -> Self {
        Self {
            local_address: pool.local_address,
            in_use: pool.in_use,
            taken: pool.taken,
            destinations: pool.destinations,
            usable: pool.usable,
            free: pool.free(),
            used_ratio: pool.used_ratio(),
            growth_per_s: pool.growth_per_s,
            exhausted_in_s: pool.exhausted_in_s(),
        }
    }
}
