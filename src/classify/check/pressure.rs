//! How metrics about what runs out are read.

use super::super::listeners::{SynEvidence, syn_limit};
use super::reading::{Measured, Missing, Reading, share};
use crate::model::float;
use crate::model::{Listener, Listeners, PortReading};

/// Ports that no new connection can have, towards the destination that has
/// fewest left, per cent. Unknown where nobody grouped them.
pub(super) fn ports_used(now: &Reading) -> Measured {
    match &now.snapshot.pressure.ports {
        _ if !now.snapshot.collection.complete => Err(Missing::Unread),
        PortReading::NotRead | PortReading::Failed | PortReading::RuledOut { .. } => {
            Err(Missing::Unread)
        }
        PortReading::Grouped(ports) => {
            // Where no port is left, the next connection fails whatever its
            // destination.
            let mut most = if ports.usable() == Some(0) {
                100.0
            } else {
                0.0
            };
            for destination in &ports.destinations {
                let used = destination.used_ratio().ok_or(Missing::Unread)?;
                most = f64::max(most, used * 100.0);
            }
            Ok(most)
        }
    }
}

/// Connections that wait for an answer to their SYN, of the place that most of
/// them wait for. Unread rows might have been more.
pub(super) fn silent_connects(now: &Reading) -> Measured {
    let silence = now.snapshot.pressure.silence.as_ref();
    let silence = silence
        .filter(|_| now.snapshot.collection.complete)
        .ok_or(Missing::Unread)?;
    let most = silence.connects.first();
    Ok(most.map_or(0.0, |peer| peer.connections.into()))
}

/// Listening addresses whose accept queue is full.
pub(super) fn full_accept_queues(now: &Reading) -> Measured {
    let mut full = 0;
    for listener in &listeners(now)?.listeners {
        full += u64::from(listener.is_full().ok_or(Missing::Unread)?);
    }
    Ok(float(full))
}

/// Connections that wait in the fullest accept queue, per cent of those
/// that may.
pub(super) fn accept_queue_used(now: &Reading) -> Measured {
    fullest(now, |listener| {
        let limit = listener.accept_limit.ok_or(Missing::Unread)?;
        let waiting = f64::from(listener.accept_queue);
        // One may wait even where the limit is 0: the kernel takes one more.
        share(Ok(waiting), Ok(f64::from(limit).max(1.0)))
    })
}

/// Handshakes in the fullest SYN queue, per cent of what it holds.
pub(super) fn syn_queue_used(now: &Reading) -> Measured {
    let evidence = SynEvidence::of(now.snapshot, None);
    fullest(now, |listener| {
        let handshakes = listener.syn_recv.ok_or(Missing::Unread)?;
        let limit = syn_limit(listener, &evidence).ok_or(Missing::Unread)?;
        share(Ok(handshakes.into()), Ok(float(limit)))
    })
}

fn fullest(now: &Reading, used: impl Fn(&Listener) -> Measured) -> Measured {
    let mut most = 0.0;
    for listener in &listeners(now)?.listeners {
        most = f64::max(most, used(listener)?);
    }
    Ok(most)
}

fn listeners<'a>(now: &Reading<'a>) -> Result<&'a Listeners, Missing> {
    let listeners = now.snapshot.pressure.listeners.as_ref();
    listeners
        .filter(|_| now.snapshot.collection.complete)
        .ok_or(Missing::Unread)
}

/// Sockets of the host that no process holds any more.
pub(super) fn orphans(now: &Reading) -> Measured {
    let orphans = now.snapshot.pressure.host_wide.orphans;
    orphans.map(float).ok_or(Missing::Unread)
}

/// How many there may be; a child namespace doesn't show it.
pub(super) fn max_orphans(now: &Reading) -> Measured {
    let limit = now.snapshot.pressure.host_wide.max_orphans;
    limit.map(float).ok_or(Missing::Hidden)
}

/// Memory of the host in TCP buffers, per cent of what is never exceeded.
pub(super) fn memory_used(now: &Reading) -> Measured {
    let host_wide = &now.snapshot.pressure.host_wide;
    let [_, _, high] = host_wide.memory_limits.ok_or(Missing::Hidden)?;
    let pages = host_wide.memory_pages.ok_or(Missing::Unread)?;
    share(Ok(float(pages)), Ok(float(high)))
}
