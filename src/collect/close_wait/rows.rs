//! Reading the sockets that leaks are judged by.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use super::super::with_fallback;
use crate::classify::close_wait::{Interval, Listeners, held_since};
use crate::kernel::{KernelError, SocketSource};
use crate::model::{Collection, Extensions, Request, Socket, SourceKind, StateSet, TcpState};

/// One reading of the CLOSE_WAIT sockets.
#[derive(Debug)]
pub(in crate::collect) struct Reading {
    /// The sockets.
    pub(in crate::collect) sockets: Vec<Socket>,
    /// How the reading went.
    pub(in crate::collect) collection: Collection,
    /// When it began.
    pub(in crate::collect) taken_at: SystemTime,
    /// The same, by a clock that nobody sets.
    pub(in crate::collect) begun: Instant,
    /// When it ended.
    pub(in crate::collect) ended: Instant,
}

impl Reading {
    /// The time since an earlier one that began and ended then.
    #[must_use]
    pub(in crate::collect) fn since(&self, (begun, ended): (Instant, Instant)) -> Interval {
        Interval {
            at_least: self.begun.duration_since(ended),
            at_most: self.ended.duration_since(begun),
        }
    }
}

/// Reads the CLOSE_WAIT sockets, each once.
///
/// # Errors
///
/// When sockets can't be read.
pub(in crate::collect) fn close_wait(
    source: &mut dyn SocketSource,
) -> Result<Reading, KernelError> {
    let request = Request {
        unique: true,
        ..Request::states(StateSet::NONE.with(TcpState::CloseWait)).with(Extensions::TCP_INFO)
    };
    with_fallback(source, |source| {
        let mut sockets = Vec::new();
        let taken_at = SystemTime::now();
        let begun = Instant::now();
        let collection = source.visit_all(&request, &mut |socket| sockets.push(socket.clone()))?;
        Ok(Reading {
            sockets,
            collection,
            taken_at,
            begun,
            ended: Instant::now(),
        })
    })
}

/// Leaves out those of some sockets that are not in CLOSE_WAIT any more, and
/// says how many. A dump that lost rows proves nothing of any.
///
/// # Errors
///
/// When sockets can't be read.
pub(super) fn drop_closed(
    source: &mut dyn SocketSource,
    sockets: &mut Vec<Socket>,
    doubtful: impl Fn(&Socket) -> bool,
) -> Result<u64, KernelError> {
    let key = |socket: &Socket| (socket.cookie, socket.local, socket.remote, socket.inode);
    let mut gone: HashSet<_> = sockets
        .iter()
        .filter(|socket| doubtful(socket))
        .map(key)
        .collect();
    if gone.is_empty() {
        return Ok(0);
    }
    let query = Request::states(StateSet::NONE.with(TcpState::CloseWait));
    let before = source.kind();
    let again = source.visit_all(&query, &mut |socket| {
        gone.remove(&key(socket));
    });
    // Another source knows sockets by other names.
    if source.kind() != before || !again?.complete {
        return Ok(0);
    }
    let before = sockets.len();
    sockets.retain(|socket| !gone.contains(&key(socket)));
    Ok((before - sockets.len()) as u64)
}

/// Reads the LISTEN sockets. A mask of LISTEN alone spares the kernel the walk
/// of its big table. It says how that went, too: whoever waits at a lost one
/// seems to wait at none.
///
/// # Errors
///
/// When sockets can't be read.
pub(in crate::collect) fn listeners(
    source: &mut dyn SocketSource,
) -> Result<(Listeners, Collection), KernelError> {
    let query = Request {
        // Listeners that share a port are what the kernel repeats most.
        unique: true,
        ..Request::states(StateSet::NONE.with(TcpState::Listen))
    };
    with_fallback(source, |source| {
        let mut listeners = Listeners::default();
        let collection = source.visit_all(&query, &mut |socket| listeners.add(socket))?;
        Ok((listeners, collection))
    })
}

/// The listeners that unaccepted ones of some sockets may wait at; losses count
/// in `collection`.
///
/// # Errors
///
/// When they can't be read.
pub(in crate::collect) fn listeners_of(
    source: &mut dyn SocketSource,
    sockets: &[Socket],
    collection: &mut Collection,
) -> Result<Listeners, KernelError> {
    if sockets.is_empty() {
        return Ok(Listeners::default());
    }
    let (listeners, listening) = listeners(source)?;
    collection.add_losses(&listening);
    Ok(listeners)
}

/// The sockets in FIN_WAIT2 that somebody holds, beside some in CLOSE_WAIT:
/// none where there are none of these. What is lost of them hides no leak.
///
/// # Errors
///
/// When they can't be read.
pub(in crate::collect) fn held_fin_wait2(
    source: &mut dyn SocketSource,
    beside: &[Socket],
) -> Result<Vec<Socket>, KernelError> {
    let mut held = Vec::new();
    if beside.is_empty() || source.kind() != SourceKind::Netlink {
        return Ok(held);
    }
    let states = StateSet::NONE.with(TcpState::FinWait2);
    let request = Request::states(states).with(Extensions::TCP_INFO);
    source.visit_all(&request, &mut |socket| {
        if held_since(socket, Duration::ZERO).is_some() {
            held.push(socket.clone());
        }
    })?;
    Ok(held)
}

/// Those of some inodes that no socket in any state has; `None` when sockets
/// may be missing. All sockets are looked at, and none is kept.
///
/// # Errors
///
/// When sockets can't be read.
pub(super) fn unshown(
    source: &mut dyn SocketSource,
    inodes: &HashSet<u64>,
) -> Result<Option<HashSet<u64>>, KernelError> {
    with_fallback(source, |source| {
        let mut unshown = inodes.clone();
        let mut strike = |socket: &Socket| {
            if let Some(inode) = &socket.inode {
                unshown.remove(inode);
            }
        };
        let all = source.visit_all(&Request::states(StateSet::RFC9293), &mut strike)?;
        // Sockets that are only bound have a table of their own; a kernel that
        // doesn't know the question answers with nothing.
        let bound = StateSet::NONE.with(TcpState::BoundInactive);
        let bound = source.visit_all(&Request::states(bound), &mut strike)?;
        Ok((all.complete && bound.complete).then_some(unshown))
    })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::classify::close_wait::testing::close_wait;

    /// Shows these sockets, and owns that it lost some where it did.
    struct Dump {
        sockets: Vec<Socket>,
        lost_in: Option<TcpState>,
        /// What it becomes when it is asked.
        then: SourceKind,
        kind: SourceKind,
    }

    impl Dump {
        fn of(sockets: &[Socket]) -> Self {
            Self {
                sockets: sockets.to_vec(),
                lost_in: None,
                then: SourceKind::Netlink,
                kind: SourceKind::Netlink,
            }
        }
    }

    impl SocketSource for Dump {
        fn kind(&self) -> SourceKind {
            self.kind
        }

        fn visit(
            &mut self,
            request: &Request,
            visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
        ) -> Result<Collection, KernelError> {
            let states = request.filter.states();
            for socket in &self.sockets {
                if states.contains(socket.state) && visitor(socket).is_break() {
                    break;
                }
            }
            self.kind = self.then;
            Ok(Collection {
                source: self.kind,
                fallback_reason: None,
                complete: self.lost_in.is_none_or(|state| !states.contains(state)),
                sockets: 0,
                duplicates: Some(0),
                malformed: 0,
                unjudged: 0,
                selection: None,
            })
        }
    }

    #[test]
    fn a_dump_that_lost_rows_does_not_tell_which_sockets_are_gone() {
        let socket = close_wait().inode(7).build();
        let mut dump = Dump::of(&[socket]);
        let held = HashSet::from([7, 8]);
        let gone = Some(HashSet::from([8]));
        assert_eq!(unshown(&mut dump, &held).unwrap(), gone);
        for state in [TcpState::CloseWait, TcpState::BoundInactive] {
            dump.lost_in = Some(state);
            assert_eq!(unshown(&mut dump, &held).unwrap(), None, "{state:?}");
        }
    }

    #[test]
    fn listeners_that_were_lost_make_the_reading_incomplete() {
        for (lost_in, complete) in [(None, true), (Some(TcpState::Listen), false)] {
            let mut dump = Dump {
                lost_in,
                ..Dump::of(&[close_wait().inode(0).build()])
            };
            let Reading {
                sockets,
                mut collection,
                ..
            } = super::close_wait(&mut dump).unwrap();
            assert!(collection.complete);
            listeners_of(&mut dump, &sockets, &mut collection).unwrap();
            assert_eq!(collection.complete, complete);
        }
    }

    #[test]
    fn only_a_whole_dump_of_the_same_source_says_that_a_socket_was_closed() {
        let there = close_wait().inode(7).cookie(7).build();
        let closed = close_wait().inode(8).cookie(8).build();
        let owned = close_wait().inode(9).cookie(9).build();
        let left = |mut dump: Dump| {
            let mut sockets = vec![there.clone(), closed.clone(), owned.clone()];
            let doubtful = |socket: &Socket| socket.inode != Some(9);
            let gone = drop_closed(&mut dump, &mut sockets, doubtful).unwrap();
            let inodes: Vec<_> = sockets.iter().filter_map(|socket| socket.inode).collect();
            (gone, inodes)
        };
        let dump = || Dump::of(std::slice::from_ref(&there));
        assert_eq!(left(dump()), (1, vec![7, 9]));
        let lost = Dump {
            lost_in: Some(TcpState::CloseWait),
            ..dump()
        };
        assert_eq!(left(lost), (0, vec![7, 8, 9]));
        let other = Dump {
            then: SourceKind::Procfs,
            ..dump()
        };
        assert_eq!(left(other), (0, vec![7, 8, 9]));
    }
}
