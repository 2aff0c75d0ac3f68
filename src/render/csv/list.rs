//! Sockets as CSV, a line each, written as they come.

use std::io::{self, Write};

use super::cell;
use crate::model::{Endpoint, Holding, ListColumn, ListEnd, ListFacts, NotShown, Socket};
use crate::render::list::{ListOutput, holders, shutdown_name, timer_name};

/// A column for each that is shown, ends in two parts: numbers in the unit of
/// the kernel, and no names in place of them. What isn't known is empty.
#[derive(Debug)]
pub struct ListCsv {
    columns: Vec<ListColumn>,
    has_heading: bool,
    line: Vec<u8>,
}

impl ListCsv {
    /// A line of these columns for each socket.
    #[must_use]
    pub fn new(columns: &[ListColumn], has_heading: bool) -> Self {
        let parts = |&column| match column {
            ListColumn::Local => vec![ListColumn::LocalAddress, ListColumn::LocalPort],
            ListColumn::Remote => vec![ListColumn::RemoteAddress, ListColumn::RemotePort],
            column => vec![column],
        };
        Self {
            columns: columns.iter().flat_map(parts).collect(),
            has_heading,
            line: Vec::new(),
        }
    }

    /// Writes a line of these cells.
    fn write(
        &mut self,
        cells: impl Fn(ListColumn, &mut Vec<u8>),
        to: &mut dyn Write,
    ) -> io::Result<()> {
        self.line.clear();
        for (index, &column) in self.columns.iter().enumerate() {
            if index > 0 {
                self.line.push(b',');
            }
            cells(column, &mut self.line);
        }
        self.line.push(b'\n');
        to.write_all(&self.line)
    }
}

impl ListOutput for ListCsv {
    fn begin(
        &mut self,
        _first: &[Socket],
        _not_shown: Option<NotShown>,
        _facts: &ListFacts,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        if !self.has_heading {
            return Ok(());
        }
        self.write(
            |column, line| line.extend_from_slice(column.key().as_bytes()),
            to,
        )
    }

    fn socket(&mut self, socket: &Socket, facts: &ListFacts, to: &mut dyn Write) -> io::Result<()> {
        self.write(|column, line| push(column, socket, facts, line), to)
    }

    fn end(&mut self, _end: &ListEnd, _facts: &ListFacts, _to: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Adds what a column says of a socket. Into memory nothing fails.
fn push(column: ListColumn, socket: &Socket, facts: &ListFacts, line: &mut Vec<u8>) {
    let address = |end: Endpoint, line: &mut Vec<u8>| {
        let _ = write!(line, "{}", end.address);
        if let Some(index) = end.zone {
            line.push(b'%');
            match facts.interfaces.get(&index) {
                Some(Some(name)) => text(name, line),
                _ => drop(write!(line, "{index}")),
            }
        }
    };
    let cgroup = facts.cgroup(socket);
    match column {
        ListColumn::State => text(socket.state.key(), line),
        ListColumn::LocalAddress => address(socket.local, line),
        ListColumn::RemoteAddress => address(socket.remote, line),
        ListColumn::Timer => text(
            socket.timer.map_or("", |timer| timer_name(timer.kind)),
            line,
        ),
        ListColumn::Shutdown => text(socket.shutdown.map_or("", shutdown_name), line),
        ListColumn::Interface => {
            let name = socket
                .interface
                .and_then(|index| facts.interfaces.get(&index));
            match (name.and_then(Option::as_deref), socket.interface) {
                (Some(name), _) => text(name, line),
                (None, Some(index)) => drop(write!(line, "{index}")),
                (None, None) => {}
            }
        }
        ListColumn::Cgroup => {
            let path = cgroup.and_then(|cgroup| cgroup.path.as_deref());
            text(path.unwrap_or_default(), line);
        }
        ListColumn::Unit => {
            let unit = cgroup.and_then(|cgroup| cgroup.unit.as_ref());
            text(&unit.map_or_else(String::new, ToString::to_string), line);
        }
        ListColumn::Process => match facts.holding(socket) {
            None | Some(Holding::NoProcess) => {}
            Some(holding) => text(&holders(holding, facts), line),
        },
        ListColumn::Congestion => {
            let name = socket
                .details
                .as_ref()
                .map(|details| details.congestion.as_str());
            text(name.unwrap_or_default(), line);
        }
        column => {
            if let Some(number) = column.number(socket, facts) {
                let _ = write!(line, "{number}");
            }
        }
    }
}

/// Adds a text, between quotes where it needs them.
fn text(text: &str, line: &mut Vec<u8>) {
    let text = cell(Some(text));
    if text.contains([',', '"', '\n', '\r']) {
        line.push(b'"');
        line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        line.push(b'"');
    } else {
        line.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_cell() {
        let mut line = Vec::new();
        text("a\",\n=1", &mut line);
        assert_eq!(String::from_utf8(line).unwrap(), "\"a\"\",\n'=1\"");
    }
}
