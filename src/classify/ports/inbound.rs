//! Clients that look like destinations: those of a listener that is gone, whose
//! port is in the range.
//!
//! Each of them has a port of its own, and all of them meet one port of ours.
//! connect() spreads over the range instead. They are left out, so that memory
//! doesn't grow with them.

use super::tally::{FIRST_LOOK, PortTally};
use crate::model::{PortRange, PortSet};

/// Fewer peers of one port than this may be destinations.
const FEW: usize = 64;
/// And it has so many times more of them than a port has on average.
const CLEARLY_MORE: usize = 16;

impl PortTally {
    /// Leaves out peers that have but one connection, and that to a port which
    /// many such peers have.
    pub(super) fn leave_out_inbound(&mut self) {
        let mut peers = vec![0_usize; usize::from(u16::MAX) + 1];
        let alone = self.destinations.values().filter(|used| used.in_use == 1);
        for used in alone {
            if let Some(count) = peers.get_mut(usize::from(used.port)) {
                *count += 1;
            }
        }
        let ports = self.settings.range.map_or(1, PortRange::size);
        let average = self.destinations.len() / usize::try_from(ports).unwrap_or(1);
        let least = FEW.max(CLEARLY_MORE * average);
        let closed_listeners: PortSet = (0..=u16::MAX)
            .zip(&peers)
            .filter(|&(_, &count)| count > least)
            .map(|(port, _)| port)
            .collect();
        let mut waiting = 0;
        self.destinations.retain(|key, used| {
            let is_client = used.in_use == 1 && closed_listeners.contains(used.port);
            let shown = self.family.is_none_or(|family| key.is_of(family));
            waiting += u64::from(is_client && shown) * u64::from(used.time_wait);
            !is_client
        });
        self.time_wait.other += waiting;
        for range in closed_listeners.ranges() {
            range.ports().for_each(|port| self.candidates.remove(port));
        }
        self.inbound_at = FIRST_LOOK.max(2 * self.destinations.len());
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::socket;
    use super::super::ReusePolicy;
    use super::*;
    use crate::model::PortSettings;

    fn tally() -> PortTally {
        over(PortRange::new(32_768, 60_999))
    }

    fn over(range: Option<PortRange>) -> PortTally {
        let settings = PortSettings {
            range,
            reserved: Some(PortSet::default()),
        };
        PortTally::new(settings, PortSet::default(), ReusePolicy::default())
    }

    #[test]
    fn clients_of_a_listener_that_is_gone_are_no_destinations() {
        let mut tally = tally();
        for client in 0..20_000_u16 {
            let [high, low] = client.to_be_bytes();
            let from = format!("192.0.{high}.{low}:4000");
            tally.add(&socket("10.0.0.5:50000", &from).in_time_wait(1_000).build());
            assert!(tally.destinations.len() <= FIRST_LOOK);
        }
        for step in 0..100 {
            let from = format!("10.0.0.5:{}", 40_000 + 2 * step);
            tally.add(&socket(&from, "10.0.0.9:80").build());
        }
        let (ports, time_wait) = tally.finish(None);
        assert_eq!(ports.destinations.len(), 1);
        assert_eq!(ports.destinations[0].in_use, 100);
        assert_eq!((time_wait.other, time_wait.client_side), (20_000, 0));
    }

    /// How many of so many peers of one port are left, beside `others` of the
    /// ports 1_001 to 1_099, each of them once.
    fn left_of(peers: u16, others: u16) -> usize {
        let mut tally = over(PortRange::new(1_000, 1_099));
        let ports = std::iter::repeat_n(1_000, peers.into());
        let ports = ports.chain((1_001..1_100).cycle().take(others.into()));
        for (number, port) in (0_u16..).zip(ports) {
            let [high, low] = number.to_be_bytes();
            let (from, to) = (
                format!("10.0.0.5:{port}"),
                format!("192.0.{high}.{low}:443"),
            );
            tally.add(&socket(&from, &to).build());
        }
        tally.finish(None).0.destinations.len() - usize::from(others)
    }

    #[test]
    fn clients_are_more_than_sixty_four_peers_of_one_port() {
        assert_eq!(left_of(64, 0), 64);
        assert_eq!(left_of(65, 0), 0);
    }

    /// Of 510 destinations over 100 ports a port has five.
    #[test]
    fn clients_are_more_than_sixteen_times_as_many_as_of_other_ports() {
        assert_eq!(left_of(80, 430), 80);
        assert_eq!(left_of(81, 430), 0);
    }

    #[test]
    fn many_destinations_of_a_crawler_stay() {
        let mut tally = tally();
        for number in 0..20_000_u16 {
            let [high, low] = number.to_be_bytes();
            let to = format!("192.0.{high}.{low}:443");
            let from = format!("10.0.0.5:{}", 32_768 + 2 * (number % 14_000));
            tally.add(&socket(&from, &to).build());
        }
        assert_eq!(tally.finish(None).0.destinations.len(), 20_000);
    }
}
