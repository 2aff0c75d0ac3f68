//! The range itself, when others have its ports.

use super::super::super::ports::{WARNING, taken_out};
use super::super::super::rule::Levels;
use super::super::super::{Evidence, Finding, Severity};
use super::PORTS_EXHAUSTION;
use crate::model::Ports;
use crate::text::number::{counted, grouped};

/// What is wrong with the range, if something is.
pub(super) fn finding(ports: &Ports, levels: &Levels) -> Option<Finding> {
    let range = ports.settings.range?;
    let usable = ports.usable()?;
    let taken = taken_out(usable, range);
    if taken < WARNING {
        return None;
    }
    let reserved = ports.settings.reserved.as_ref()?.count_in(range);
    let mut causes = Vec::new();
    for (count, one, more) in [
        (ports.listened, "listener", "listeners"),
        (ports.bound.unwrap_or(0), "bound socket", "bound sockets"),
        (reserved, "reservation", "reservations"),
    ] {
        if count > 0 {
            causes.push(counted(count.into(), one, more));
        }
    }
    let (severity, left) = if usable == 0 {
        (
            Severity::Critical,
            "none is left, and connect() fails with EADDRNOTAVAIL whatever its destination"
                .to_owned(),
        )
    } else {
        (
            Severity::Warning,
            format!(
                "{} left to connections",
                counted(usable.into(), "port is", "ports are")
            ),
        )
    };
    let value = if usable == 0 { 100.0 } else { 0.0 };
    let severity = levels.severity(Some(value), Some(severity))?;
    let mut evidence = vec![
        Evidence::count("range", range.size().into()),
        Evidence::count("reserved", reserved.into()),
        Evidence::count("listened_on", ports.listened.into()),
    ];
    evidence.extend(
        ports
            .bound
            .map(|bound| Evidence::count("explicitly_bound", bound.into())),
    );
    evidence.push(Evidence::count("usable", usable.into()));
    Some(Finding {
        rule: PORTS_EXHAUSTION.name,
        severity,
        subject: "net.ipv4.ip_local_port_range".to_owned(),
        message: format!(
            "of the {} ports of {range} {} take most away; {left}",
            grouped(range.size().into()),
            causes.join(", "),
        ),
        advice: "see who has them: ss -tlnp; tcpstate summary --bound; and widen \
                 net.ipv4.ip_local_port_range or narrow ip_local_reserved_ports"
            .to_owned(),
        evidence,
        state: None,
    })
}
