//! Sockets in an order, and the first of them.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::model::{Endpoint, Holding, ListColumn, ListFacts, Socket};

/// By what sockets are sorted: numbers from the largest, everything else from
/// the first, unless it is the other way round. What isn't known comes last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) column: ListColumn,
    pub(super) reversed: bool,
}

/// A socket with its key.
pub(super) struct Entry {
    key: Key,
    socket: Socket,
}

/// Keys of one column are of one kind, or unknown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Largest(Reverse<u64>),
    Smallest(u64),
    End(Endpoint),
    LastEnd(Reverse<Endpoint>),
    Text(String),
    LastText(Reverse<String>),
    Unknown,
}

impl Order {
    /// Keeps a socket if it is among the first `most`.
    pub(super) fn keep(
        &self,
        kept: &mut BinaryHeap<Entry>,
        socket: &Socket,
        facts: &ListFacts,
        most: usize,
    ) {
        let key = self.key(socket, facts);
        if kept.len() >= most {
            // Most sockets of many go here, and none of them is copied.
            if kept.peek().is_none_or(|last| last.key <= key) {
                return;
            }
            kept.pop();
        }
        kept.push(Entry {
            key,
            socket: socket.clone(),
        });
    }

    /// Sorts sockets of which more has become known.
    pub(super) fn sort(&self, sockets: &mut [Socket], facts: &ListFacts) {
        sockets.sort_by_cached_key(|socket| self.key(socket, facts));
    }

    fn key(&self, socket: &Socket, facts: &ListFacts) -> Key {
        let end = |end| {
            if self.reversed {
                Key::LastEnd(Reverse(end))
            } else {
                Key::End(end)
            }
        };
        let address = |end: Endpoint| Endpoint { port: 0, ..end };
        let text = match self.column {
            ListColumn::State => Some(socket.state.name().to_owned()),
            ListColumn::Local => return end(socket.local),
            ListColumn::Remote => return end(socket.remote),
            ListColumn::LocalAddress => return end(address(socket.local)),
            ListColumn::RemoteAddress => return end(address(socket.remote)),
            ListColumn::Timer => {
                let expires = socket.timer.map(|timer| timer.expires_ms.into());
                return self.number(expires);
            }
            ListColumn::Interface => {
                let name = socket.interface.map(|index| facts.interfaces.get(&index));
                name.flatten().cloned().flatten()
            }
            ListColumn::Cgroup => facts.cgroup(socket).and_then(|cgroup| cgroup.path.clone()),
            ListColumn::Unit => {
                let unit = facts.cgroup(socket).and_then(|cgroup| cgroup.unit.as_ref());
                unit.map(ToString::to_string)
            }
            ListColumn::Process => match facts.holding(socket) {
                Some(Holding::By([first, ..])) => {
                    let command = facts.command(first.pid).unwrap_or_default();
                    Some(format!("{command} {:010}", first.pid))
                }
                _ => None,
            },
            ListColumn::Congestion => socket
                .details
                .as_ref()
                .map(|details| details.congestion.clone())
                .filter(|name| !name.is_empty()),
            column => {
                // Until it is measured it is 0.
                let is_rtt = matches!(column, ListColumn::Info(field) if field.name == "rtt");
                let number = column.number(socket, facts);
                return self.number(number.filter(|&number| !is_rtt || number > 0));
            }
        };
        match text {
            None => Key::Unknown,
            Some(text) if self.reversed => Key::LastText(Reverse(text)),
            Some(text) => Key::Text(text),
        }
    }

    fn number(&self, number: Option<u64>) -> Key {
        match number {
            None => Key::Unknown,
            Some(number) if self.reversed => Key::Smallest(number),
            Some(number) => Key::Largest(Reverse(number)),
        }
    }
}

impl Entry {
    pub(super) fn socket(self) -> Socket {
        self.socket
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::testing::socket;

    #[test]
    fn the_largest_number_is_first_and_the_unknown_last() {
        let sockets: Vec<Socket> = [3_u32, 9, 1, 7]
            .into_iter()
            .map(|queue| Socket {
                recv_q: queue,
                inode: (queue != 9).then_some(queue.into()),
                ..socket("192.0.2.1:80", "192.0.2.2:9").build()
            })
            .collect();
        let first = |column, reversed, most| -> Vec<u32> {
            let order = Order { column, reversed };
            let mut kept = BinaryHeap::new();
            for socket in &sockets {
                order.keep(&mut kept, socket, &ListFacts::default(), most);
            }
            let kept = kept.into_sorted_vec().into_iter();
            kept.map(|entry| entry.socket().recv_q).collect()
        };
        assert_eq!(first(ListColumn::RecvQ, false, usize::MAX), [9, 7, 3, 1]);
        assert_eq!(first(ListColumn::RecvQ, false, 2), [9, 7]);
        assert_eq!(first(ListColumn::RecvQ, true, 2), [1, 3]);
        assert_eq!(first(ListColumn::Inode, false, 9), [7, 3, 1, 9]);
        assert_eq!(first(ListColumn::Inode, true, 9), [1, 3, 7, 9]);
        assert_eq!(first(ListColumn::RecvQ, false, 0), [0; 0]);
    }
}
