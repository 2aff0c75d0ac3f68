//! Many staged sockets together, and the sum of what they should count as.

use std::time::Duration;

use super::{Lab, Net, Table, Tally, stage, stage::Staged, until};

/// Holds sockets of many states and knows exactly how many of each.
#[derive(Debug, Default)]
pub(crate) struct Mix {
    staged: Vec<Staged>,
}

impl Mix {
    /// Every state that can be staged, in every family that it can be staged in. No two numbers
    /// that could be mistaken for one another are equal: a swap of states or families shows.
    pub(crate) fn of_everything(lab: &Lab) -> Self {
        let mut mix = Self::default();
        let nets = [(Net::V4, 1), (Net::V6, 2), (Net::Mapped, 3)];
        for (net, times) in nets {
            mix.add(stage::established(net, 7 + times));
            mix.add(stage::listening(net, 2 * times));
            mix.add(stage::syn_sent(net, 3 + times));
            mix.add(stage::fin_wait1_held(net, times));
            mix.add(stage::fin_wait1_orphaned(net, 1 + times));
            mix.add(stage::fin_wait2_held(net, 4 + times));
            mix.add(stage::fin_wait2_orphaned_full(lab, net, 2 + times));
            mix.add(stage::last_ack(net, 2 + times));
            mix.add(stage::closing(net, 1 + times));
            mix.add(stage::not_accepted(net, 2 + times));
            mix.add(stage::full_accept_queue(net, times));
            mix.add(stage::bound(net, 6 + times));
        }
        mix.add(stage::established_dual_stack(5));
        // These end by themselves after a minute, so they come last: a slow machine shall have
        // as much of that minute as can be.
        for (net, times) in nets {
            mix.add(stage::syn_recv(net, 1 + 2 * times));
            mix.add(stage::fast_open_syn_recv(lab, net, times));
            mix.add(stage::fin_wait2_minisocket(net, 1 + 3 * times));
            mix.add(stage::time_wait(net, 5 + 3 * times));
        }
        mix.add(stage::syn_recv_from_nowhere(lab, Net::V4, 6));
        mix.add(stage::syn_recv_from_nowhere(lab, Net::Mapped, 9));
        mix
    }

    pub(crate) fn add(&mut self, staged: Staged) {
        self.staged.push(staged);
    }

    /// What was made, both ends of each connection, bound-only sockets included.
    pub(crate) fn expected(&self) -> Tally {
        let mut expected = Tally::default();
        for staged in &self.staged {
            expected.merge(&staged.made);
        }
        expected
    }

    /// Waits until the kernel shows exactly what was made.
    pub(crate) fn settle(&self) -> Tally {
        let expected = self.expected();
        settle(&expected.without_bound());
        expected
    }

    /// Resets every connection that is still held, so that neither end leaves anything behind.
    /// What no socket of ours holds, TIME_WAIT and FIN_WAIT2 minisockets, stays.
    pub(crate) fn reset(self) {
        for socket in self.staged.into_iter().flat_map(|staged| staged.sockets) {
            // A listener has nothing to reset, and ignores it.
            socket.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
        }
    }
}

/// Waits until the kernel's own tables show exactly `expected`.
pub(crate) fn settle(expected: &Tally) {
    until("the sockets to settle", || {
        let shown = Table::read().tally();
        if shown == *expected {
            Ok(())
        } else {
            Err(format!("made {expected:?}, the kernel shows {shown:?}"))
        }
    });
}
