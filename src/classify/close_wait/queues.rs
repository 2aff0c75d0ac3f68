//! Listeners, and the connections that they leave in their queues.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::owners::{Ownership, Unowned};
use super::verdict::Judged;
use crate::model::{AgeBounds, Endpoint, Socket};

/// Connections in the queue of a listener whose peers have given up.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueLeaks {
    /// Where it listens.
    pub local: Endpoint,
    /// The listening sockets: several share the place with SO_REUSEPORT.
    pub listeners: Vec<Socket>,
    /// Who could accept, by pid.
    pub pids: Vec<u32>,
    /// Connections judged [`crate::model::Verdict::NotAccepted`].
    pub not_accepted: u64,
    /// The age of the oldest of these.
    pub oldest: AgeBounds,
    /// Which of the report's sockets wait there, leaked or not.
    pub sockets: Vec<usize>,
}

/// Listeners with what waits at them.
#[derive(Default)]
pub(super) struct Queues {
    by_first_listener: HashMap<(Endpoint, Option<u64>), QueueLeaks>,
}

impl Queues {
    pub(super) fn add(
        &mut self,
        index: usize,
        judged: &Judged,
        owners: Ownership<'_>,
    ) -> Result<(), Unowned> {
        let listeners = owners.listeners.of(&judged.socket);
        let Some(first) = listeners.first() else {
            return Err(match owners.scan {
                None => Unowned::NotSearched,
                Some(_) => Unowned::NoListener,
            });
        };
        let queue = self
            .by_first_listener
            .entry((first.local, first.inode))
            .or_insert_with(|| {
                let mut pids: Vec<u32> = owners.pids(&judged.socket).collect();
                pids.sort_unstable();
                pids.dedup();
                QueueLeaks {
                    local: first.local,
                    listeners: listeners.to_vec(),
                    pids,
                    not_accepted: 0,
                    oldest: AgeBounds::default(),
                    sockets: Vec::new(),
                }
            });
        queue.sockets.push(index);
        if judged.verdict.is_leak() {
            queue.oldest = match queue.not_accepted {
                0 => judged.age,
                _ => queue.oldest.older(judged.age),
            };
            queue.not_accepted += 1;
        }
        if queue.pids.is_empty() {
            return Err(owners.unowned(first.inode));
        }
        Ok(())
    }

    pub(super) fn into_sorted(self) -> Vec<QueueLeaks> {
        let mut queues: Vec<QueueLeaks> = self
            .by_first_listener
            .into_values()
            .filter(|queue| queue.not_accepted > 0)
            .collect();
        queues.sort_by_key(|queue| (Reverse(queue.not_accepted), queue.local));
        queues
    }
}
