//! Sockets as lines, each written as it comes: a table, and below a row what has
//! no column.
//!
//! Columns are as wide as the first sockets need. A cell that has no room in the
//! rest of a line stands on the next one: nothing is cut.

use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::super::list::{ListOutput, holders, shutdown_name, timer_name};
use super::Style;
use crate::model::{
    Endpoint, InfoUnit, ListColumn, ListEnd, ListFacts, NotShown, Socket, TcpState,
};
use crate::text::number::{counted, duration, grouped};
use crate::text::safe;
use crate::text::width::columns_of;

/// Between two columns.
const GAP: usize = 2;
/// Columns before what stands below a row.
const INDENT: usize = 4;
/// Columns of an IPv4 address with its port.
const ADDRESS: usize = 21;
/// A column of processes that would be narrower stands below its row.
const PROCESSES: usize = 24;

/// What a list looks like.
#[derive(Debug)]
pub struct ListTable {
    style: Style,
    columns: Vec<Place>,
    /// What stands below each row, or, on one line, behind it.
    details: Vec<ListColumn>,
    has_heading: bool,
    one_line: bool,
    lines: Lines,
    cell: Cell,
}

/// A column of the table.
#[derive(Debug)]
struct Place {
    column: ListColumn,
    /// Where it begins, and how wide it is.
    start: usize,
    width: usize,
    /// Whether its cells have no room behind the others.
    own_line: bool,
}

/// A text, and how many columns it takes.
#[derive(Debug, Default)]
struct Cell {
    text: Vec<u8>,
    /// Bytes that take no column.
    hidden: usize,
}

/// The lines of a row.
#[derive(Debug, Default)]
struct Lines {
    text: Vec<u8>,
    /// Columns of the last of them.
    at: usize,
    /// Columns that a line may have; 0: any number.
    room: usize,
}

impl ListTable {
    /// A table of these columns, with the details below.
    #[must_use]
    pub fn new(
        columns: &[ListColumn],
        details: &[ListColumn],
        style: Style,
        has_heading: bool,
        one_line: bool,
    ) -> Self {
        let place = |&column| Place {
            column,
            start: 0,
            width: 0,
            own_line: false,
        };
        Self {
            style,
            columns: columns.iter().map(place).collect(),
            details: details.to_vec(),
            has_heading,
            one_line,
            lines: Lines {
                room: style.width.filter(|_| !one_line).unwrap_or(0),
                ..Lines::default()
            },
            cell: Cell::default(),
        }
    }

    /// Makes the columns as wide as these sockets need.
    fn measure(&mut self, sockets: &[Socket], facts: &ListFacts) {
        let room = match self.lines.room {
            0 => usize::MAX,
            room => room,
        };
        let (mut start, mut local) = (0, INDENT);
        for place in &mut self.columns {
            self.cell.clear();
            if self.has_heading {
                self.cell.text(&heading(place.column, &self.style));
            }
            place.width = self.cell.columns();
            for socket in sockets {
                self.cell.put(place.column, socket, facts, &self.style);
                place.width = place.width.max(self.cell.columns());
            }
            place.start = start;
            match place.column {
                ListColumn::Local => local = start,
                ListColumn::Process => place.width = place.width.min(PROCESSES),
                ListColumn::Remote if start + place.width > room => {
                    // Most addresses are shorter than the longest.
                    let half = room.saturating_sub(local + GAP) / 2;
                    if half >= ADDRESS {
                        place.start = local + half + GAP;
                        place.width = half;
                    }
                }
                _ => {}
            }
            place.own_line = place.start > 0 && place.start + place.width > room;
            if place.own_line {
                place.start = local;
            }
            start = place.start + place.width + GAP;
        }
        let is_below = |place: &mut Place| place.own_line && place.column == ListColumn::Process;
        if self.columns.pop_if(is_below).is_some() {
            self.details.insert(0, ListColumn::Process);
        }
    }

    fn heading(&mut self, to: &mut dyn Write) -> io::Result<()> {
        self.lines.begin();
        for place in &self.columns {
            self.cell.clear();
            self.cell.text(&heading(place.column, &self.style));
            self.lines.push(&self.cell, place);
        }
        let text = String::from_utf8_lossy(self.lines.end());
        for line in text.lines() {
            writeln!(to, "{}", self.style.faint(line))?;
        }
        Ok(())
    }

    /// The details of a socket, one behind the other.
    fn details(&mut self, socket: &Socket, facts: &ListFacts) {
        let mut first = true;
        for &column in &self.details {
            if column == ListColumn::Process {
                self.cell.put(column, socket, facts, &self.style);
                // Who can hold none needs no line that says so.
                if self.cell.text != b"-" {
                    self.lines.list(&self.cell.text);
                }
                continue;
            }
            self.cell.clear();
            if !self.cell.put_detail(column, socket, facts, &self.style) {
                continue;
            }
            let width = self.cell.columns();
            if first {
                if self.one_line {
                    self.lines.space(GAP);
                } else {
                    self.lines.next(INDENT);
                }
            } else {
                self.lines.put(b",", 1);
                // The comma behind it has to fit too.
                if self.lines.has_room(width + 2) {
                    self.lines.space(1);
                } else {
                    self.lines.next(INDENT);
                }
            }
            self.lines.put(&self.cell.text, width);
            first = false;
        }
    }
}

impl ListOutput for ListTable {
    fn begin(
        &mut self,
        first: &[Socket],
        not_shown: Option<NotShown>,
        facts: &ListFacts,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        self.measure(first, facts);
        if !self.has_heading {
            return Ok(());
        }
        if let Some(not_shown) = not_shown {
            let line = left_out(&not_shown);
            writeln!(to, "{}", self.style.faint(&line))?;
        }
        self.heading(to)
    }

    fn socket(&mut self, socket: &Socket, facts: &ListFacts, to: &mut dyn Write) -> io::Result<()> {
        self.lines.begin();
        for place in &self.columns {
            self.cell.put(place.column, socket, facts, &self.style);
            if place.column == ListColumn::Process && !self.lines.fits(&self.cell, place) {
                self.lines.list(&self.cell.text);
            } else {
                self.lines.push(&self.cell, place);
            }
        }
        if !self.details.is_empty() {
            self.details(socket, facts);
        }
        to.write_all(self.lines.end())
    }

    fn end(&mut self, _end: &ListEnd, _facts: &ListFacts, _to: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// `28,113 TIME_WAIT, 45 LISTEN and 3 SYN_RECV not shown: -a`
fn left_out(not_shown: &NotShown) -> String {
    let count = |state: TcpState, number: Option<u64>, at_most: bool| match number {
        Some(0) => None,
        Some(number) if at_most => Some(format!("up to {} {state}", grouped(number))),
        Some(number) => Some(format!("{} {state}", grouped(number))),
        None => Some(state.to_string()),
    };
    let at_most = not_shown.time_wait_at_most;
    let parts = [
        count(TcpState::TimeWait, not_shown.time_wait, at_most),
        count(TcpState::Listen, not_shown.listen, false),
        count(TcpState::SynRecv, not_shown.syn_recv, false),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.as_slice() {
        [] => "none in TIME_WAIT, LISTEN and SYN_RECV".to_owned(),
        [only] => format!("{only} not shown: -a"),
        [first @ .., last] => format!("{} and {last} not shown: -a", first.join(", ")),
    }
}

/// What stands above a column, with the unit of its numbers.
fn heading(column: ListColumn, style: &Style) -> String {
    let name = match column {
        ListColumn::RecvQ | ListColumn::SendQ => column.key().replace('_', "-"),
        column => column.key().replace('_', " "),
    };
    let unit = unit(column, style);
    format!("{} {unit}", name.to_uppercase())
        .trim_end()
        .to_owned()
}

/// The unit of a column's numbers.
fn unit(column: ListColumn, style: &Style) -> &'static str {
    match column {
        ListColumn::Info(field) => match field.unit {
            InfoUnit::Microseconds if !style.unicode => "us",
            unit => unit.symbol(),
        },
        ListColumn::Memory(_) if column.key() != "drops" => "B",
        _ => "",
    }
}

impl Place {
    const fn is_right(&self) -> bool {
        self.column.is_number()
    }
}

impl Lines {
    fn begin(&mut self) {
        self.text.clear();
        self.at = 0;
    }

    /// The lines, without spaces at the end.
    fn end(&mut self) -> &[u8] {
        self.trim();
        self.text.push(b'\n');
        &self.text
    }

    fn trim(&mut self) {
        while self.text.last() == Some(&b' ') {
            self.text.pop();
        }
    }

    fn space(&mut self, columns: usize) {
        self.text.resize(self.text.len() + columns, b' ');
        self.at += columns;
    }

    fn put(&mut self, text: &[u8], columns: usize) {
        self.text.extend_from_slice(text);
        self.at += columns;
    }

    fn has_room(&self, columns: usize) -> bool {
        self.room == 0 || self.at + columns <= self.room
    }

    /// Goes to the next line.
    fn next(&mut self, indent: usize) {
        self.trim();
        self.text.push(b'\n');
        self.at = 0;
        self.space(indent);
    }

    /// Whether a cell has room in its column.
    fn fits(&self, cell: &Cell, place: &Place) -> bool {
        let start = place.start.max(self.at + GAP);
        self.room == 0 || start + cell.columns() <= self.room
    }

    /// Puts the parts of a list below the row.
    fn list(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        self.next(INDENT);
        for (index, part) in text.split_inclusive(", ").enumerate() {
            let width = columns_of(part.trim_end());
            if index > 0 && !self.has_room(width) {
                self.next(INDENT);
            }
            self.put(part.as_bytes(), columns_of(part));
        }
    }

    /// Puts a cell into its column, or, where there is no room, as near to it as
    /// it goes.
    fn push(&mut self, cell: &Cell, place: &Place) {
        let width = cell.columns();
        if width == 0 {
            return;
        }
        let missing = if place.is_right() {
            place.width.saturating_sub(width)
        } else {
            0
        };
        let wanted = place.start + missing;
        // A wider cell before it may have taken the place.
        let start = if self.at == 0 {
            wanted
        } else {
            wanted.max(self.at + GAP)
        };
        if !place.own_line && (self.room == 0 || start + width <= self.room) {
            self.space(start - self.at);
        } else {
            let start = wanted.min(self.room.saturating_sub(width)).max(INDENT);
            self.next(start);
        }
        self.put(&cell.text, width);
    }
}

impl Cell {
    fn clear(&mut self) {
        self.text.clear();
        self.hidden = 0;
    }

    fn columns(&self) -> usize {
        self.text.len().saturating_sub(self.hidden)
    }

    /// A text that is harmless.
    fn text(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        if !text.is_ascii() {
            self.hidden += text.len().saturating_sub(columns_of(text));
        }
    }

    fn number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut length = 0;
        for digit in digits.iter_mut().rev() {
            // A remainder of 10 is a digit.
            *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            length += 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.text
            .extend_from_slice(digits.get(20 - length..).unwrap_or_default());
    }

    fn hexadecimal(&mut self, number: u64) {
        self.text(&format!("{number:x}"));
    }

    fn address(&mut self, address: IpAddr, facts: &ListFacts) {
        if let Some(names) = &facts.names
            && let Some(name) = names.hosts.get(&address.to_canonical())
        {
            self.text(&safe(name));
            return;
        }
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                self.number(a.into());
                for octet in [b, c, d] {
                    self.text.push(b'.');
                    self.number(octet.into());
                }
            }
            IpAddr::V6(address) => {
                // Into memory it can't fail.
                let _ = write!(self.text, "{address}");
            }
        }
    }

    fn port(&mut self, port: u16, facts: &ListFacts) {
        if let Some(names) = &facts.names
            && !names.local_ports.is_some_and(|range| range.contains(port))
            && let Some(name) = names.services.get(&port)
        {
            self.text(&safe(name));
        } else if port == 0 {
            self.text.push(b'*');
        } else {
            self.number(port.into());
        }
    }

    /// An end, with the interface that it is on.
    fn end(&mut self, end: Endpoint, interface: Option<u32>, facts: &ListFacts) {
        let bracketed = end.address.is_ipv6();
        if bracketed {
            self.text.push(b'[');
        }
        self.address(end.address, facts);
        if let Some(index) = interface {
            self.text.push(b'%');
            self.interface(index, facts);
        }
        if bracketed {
            self.text.push(b']');
        }
        self.text.push(b':');
        self.port(end.port, facts);
    }

    fn interface(&mut self, index: u32, facts: &ListFacts) {
        match facts.interfaces.get(&index) {
            Some(Some(name)) => self.text(&safe(name)),
            _ => self.number(index.into()),
        }
    }

    fn user(&mut self, uid: u32, facts: &ListFacts) {
        let names = facts.names.as_ref();
        match names.and_then(|names| names.users.get(&uid)) {
            Some(name) => self.text(&safe(name)),
            None => self.number(uid.into()),
        }
    }

    fn cgroup(&mut self, socket: &Socket, facts: &ListFacts) {
        let Some(cgroup) = facts.cgroup(socket) else {
            return;
        };
        match &cgroup.path {
            Some(path) => self.text(&safe(path)),
            None if cgroup.removed => self.text("removed"),
            None => {
                self.text("id ");
                self.number(cgroup.id.0);
            }
        }
    }

    fn service(&mut self, socket: &Socket, facts: &ListFacts, style: &Style) {
        let cgroup = facts.cgroup(socket);
        if let Some(unit) = cgroup.and_then(|cgroup| cgroup.unit.as_ref()) {
            let name = if style.width.is_some() {
                unit.short()
            } else {
                unit.to_string()
            };
            self.text(&safe(&name));
        }
    }

    /// What a column shows of a socket; nothing where it has nothing to tell.
    fn put(&mut self, column: ListColumn, socket: &Socket, facts: &ListFacts, style: &Style) {
        self.clear();
        match column {
            ListColumn::State => match socket.state {
                TcpState::Unknown(_) => self.text(&socket.state.to_string()),
                named => self.text(named.name()),
            },
            ListColumn::RecvQ => {
                self.number(socket.recv_q.into());
                if let Some(limit) = socket.accept_limit() {
                    self.text.push(b'/');
                    self.number(limit.into());
                }
            }
            ListColumn::SendQ => match socket.send_q {
                Some(sent) if socket.state != TcpState::Listen => self.number(sent.into()),
                _ => {}
            },
            ListColumn::Local => {
                let interface = socket.interface.or(socket.local.zone);
                self.end(socket.local, interface, facts);
            }
            ListColumn::Remote => self.end(socket.remote, socket.remote.zone, facts),
            ListColumn::LocalAddress => self.address(socket.local.address, facts),
            ListColumn::LocalPort => self.port(socket.local.port, facts),
            ListColumn::RemoteAddress => self.address(socket.remote.address, facts),
            ListColumn::RemotePort => self.port(socket.remote.port, facts),
            ListColumn::Timer => {
                if let Some(timer) = socket.timer {
                    let expires = Duration::from_millis(timer.expires_ms.into());
                    self.text(timer_name(timer.kind));
                    self.text(" ");
                    self.text(&duration(expires));
                }
            }
            ListColumn::Interface => {
                if let Some(index) = socket.interface {
                    self.interface(index, facts);
                }
            }
            ListColumn::User => {
                if let Some(uid) = socket.uid {
                    self.user(uid, facts);
                }
            }
            ListColumn::Cookie => {
                if let Some(cookie) = socket.cookie {
                    self.hexadecimal(cookie.0);
                }
            }
            ListColumn::Mark => {
                if let Some(mark) = socket.mark {
                    self.text("0x");
                    self.hexadecimal(mark.into());
                }
            }
            ListColumn::Shutdown => {
                if let Some(shutdown) = socket.shutdown {
                    self.text(shutdown_name(shutdown));
                }
            }
            ListColumn::V6only => {
                if let Some(only) = socket.v6only {
                    self.text(if only { "yes" } else { "no" });
                }
            }
            ListColumn::Cgroup => self.cgroup(socket, facts),
            ListColumn::Unit => self.service(socket, facts, style),
            ListColumn::Process => {
                if let Some(holding) = facts.holding(socket) {
                    self.text(&holders(holding, facts));
                }
            }
            ListColumn::Congestion => {
                if let Some(details) = &socket.details {
                    self.text(&safe(&details.congestion));
                }
            }
            column => {
                if let Some(number) = column.number(socket, facts) {
                    self.number(number);
                }
            }
        }
    }

    /// The same with the column's name and unit; whether there is anything to
    /// tell.
    fn put_detail(
        &mut self,
        column: ListColumn,
        socket: &Socket,
        facts: &ListFacts,
        style: &Style,
    ) -> bool {
        match column {
            // They are told with the timer and the cgroup.
            ListColumn::TimerExpires | ListColumn::TimerRetransmits | ListColumn::Unit => {
                return false;
            }
            ListColumn::Info(_) | ListColumn::Memory(_) => {
                let Some(number) = column.number(socket, facts) else {
                    return false;
                };
                self.text.extend_from_slice(column.key().as_bytes());
                self.text.push(b' ');
                self.number(number);
                let unit = unit(column, style);
                if !unit.is_empty() {
                    self.text.push(b' ');
                    self.text.extend_from_slice(unit.as_bytes());
                    // µ is one column as any other of their characters.
                    self.hidden += unit.len() - unit.chars().count();
                }
                return true;
            }
            ListColumn::Mark if socket.mark == Some(0) => return false,
            ListColumn::Shutdown if socket.shutdown == Some(0) => return false,
            _ => {}
        }
        self.put(column, socket, facts, style);
        if self.text.is_empty() {
            return false;
        }
        let name = match column {
            ListColumn::User => "uid",
            ListColumn::Congestion => "congestion control",
            column => column.key(),
        };
        let value = std::mem::take(&mut self.text);
        self.text.extend_from_slice(name.as_bytes());
        self.text.push(b' ');
        self.text.extend_from_slice(&value);
        if let (ListColumn::Timer, Some(timer)) = (column, socket.timer)
            && timer.retransmits > 0
        {
            let times = counted(
                timer.retransmits.into(),
                "retransmission",
                "retransmissions",
            );
            self.text(", ");
            self.text(&times);
        }
        if column == ListColumn::Cgroup
            && let Some(unit) = facts.cgroup(socket).and_then(|cgroup| cgroup.unit.as_ref())
        {
            self.text(" (");
            self.text(&safe(&unit.short()));
            self.text(")");
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::classify::testing::socket;
    use crate::model::{Holder, OwnerCoverage, Owners, Process};

    const NAME: &str = "evil\u{1b}[2J\n, name";

    /// The list of these sockets, each held by two processes.
    fn listed(sockets: &[Socket], columns: Option<usize>, one_line: bool) -> String {
        let inodes = sockets.iter().filter_map(|socket| socket.inode);
        let held = inodes.flat_map(|inode| {
            let holders = [(77, 3), (77, 4), (78, 3)];
            holders.map(|(pid, fd)| (inode, Holder::descriptor(pid, fd)))
        });
        let owners = Owners::new(held.collect(), BTreeMap::new(), OwnerCoverage::default());
        let evil = Process {
            pid: 77,
            start_time: 1,
            command: Some(NAME.to_owned()),
            cmdline: None,
            uid: None,
            cgroup: None,
            unit: None,
            open_fds: None,
            fd_limit: None,
        };
        let facts = ListFacts {
            owners: Some((owners, [(77, evil)].into_iter().collect())),
            ..ListFacts::default()
        };
        let shown = [ListColumn::USUAL, &[ListColumn::Process]].concat();
        let style = Style {
            width: columns,
            ..Style::default()
        };
        let details = [ListColumn::User, ListColumn::Inode];
        let mut table = ListTable::new(&shown, &details, style, true, one_line);
        let mut text = Vec::new();
        table.begin(sockets, None, &facts, &mut text).unwrap();
        for socket in sockets {
            table.socket(socket, &facts, &mut text).unwrap();
        }
        String::from_utf8(text).unwrap()
    }

    fn sockets() -> Vec<Socket> {
        let held = |local, remote, inode| Socket {
            inode: Some(inode),
            ..socket(local, remote).build()
        };
        let long = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
        vec![
            held("192.0.2.1:80", "192.0.2.200:50123", 7),
            held(long, long, 8),
            socket("0.0.0.0:80", "0.0.0.0:0")
                .listening(3, Some(8))
                .build(),
        ]
    }

    #[test]
    fn nothing_is_cut_and_no_line_is_wider_than_the_terminal() {
        for columns in [80, 60, 120, 200] {
            let text = listed(&sockets(), Some(columns), false);
            let widest = text.lines().map(columns_of).max();
            assert!(widest <= Some(columns), "{text}");
            for part in [
                "192.0.2.200:50123",
                "[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
                "3/8",
                "evil\\u{1b}[2J\\n, name[77] fd 3 4",
                "?[78] fd 3",
                "inode 8",
            ] {
                let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(part), "{columns}: {part}: {text}");
            }
        }
    }

    #[test]
    fn off_a_terminal_a_row_is_a_line_and_its_details_are_another() {
        let lines = |one_line| listed(&sockets(), None, one_line).lines().count();
        // A listener without an inode has none here.
        assert_eq!((lines(false), lines(true)), (1 + 3 + 3, 1 + 3));
    }

    #[test]
    fn the_heading_says_what_is_not_shown() {
        let not_shown = NotShown {
            listen: Some(0),
            syn_recv: Some(3),
            time_wait: Some(28_113),
            time_wait_at_most: false,
        };
        assert_eq!(
            left_out(&not_shown),
            "28,113 TIME_WAIT and 3 SYN_RECV not shown: -a"
        );
        let uncounted = NotShown {
            listen: Some(4),
            syn_recv: None,
            time_wait_at_most: true,
            ..not_shown
        };
        assert_eq!(
            left_out(&uncounted),
            "up to 28,113 TIME_WAIT, 4 LISTEN and SYN_RECV not shown: -a"
        );
    }
}
