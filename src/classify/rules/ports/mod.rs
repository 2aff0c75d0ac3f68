//! Ports that run out: towards a destination, and those of bind().

use super::super::metric::{About, Measured, Metric, Missing, Observation, Range, Unit};
use super::super::ports::{self, CRITICAL, WARNING, taken_out};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use super::{MOST_FINDINGS, none_amiss};
use crate::model::{Destination, PortReading, Ports, SharedPool, Snapshot};
use crate::text::number::{counted, grouped};

/// A destination with few ports left.
pub(super) const PORTS_EXHAUSTION: Rule = Rule::new("ports_exhaustion", "ports", judge)
    .explained(
        "connect() takes a local port that has no connection with the same addresses and remote \
         port. Towards one destination they run out: when all usable ports of \
         ip_local_port_range are taken, most of them in TIME_WAIT as a rule, connect() fails \
         with EADDRNOTAVAIL. Keep connections open, add destination addresses, or set \
         tcp_tw_reuse=1. See tcpstate pressure, and tcpstate explain TIME_WAIT.",
    )
    .measuring(
        Metric::new(
            "ports_used",
            Unit::Percent,
            "local ports taken towards the fullest destination, as a share of those usable",
            ports_used,
        )
        .about(About::Destinations)
        .warns(Range::from(WARNING * 100.0))
        .alarms(Range::from(CRITICAL * 100.0)),
    )
    .lingering();

/// A destination that will be full within this time, by two snapshots, is as
/// good as full, s: no TIME_WAIT that began between them ends before.
const SOON_S: f64 = 60.0;

/// With less than this taken a burst of a few seconds may be all there is to it.
const HALF: f64 = 0.5;

/// Ports that no new connection can have, towards the destination that has
/// fewest left, per cent. Unknown where nobody grouped them.
fn ports_used(observation: &Observation) -> Measured {
    match &observation.snapshot.pressure.ports {
        _ if !observation.snapshot.collection.complete => Err(Missing::Unread),
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

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    let snapshot = observation.snapshot;
    let ports = match &snapshot.pressure.ports {
        PortReading::NotRead => return Judgement::NotAsked,
        PortReading::Failed => return Judgement::Unknown,
        PortReading::RuledOut { .. } => return none_amiss(snapshot),
        PortReading::Grouped(ports) => ports,
    };
    if ports.destinations.iter().any(|d| d.usable.is_none()) {
        return Judgement::Unknown;
    }
    let mut found: Vec<Finding> = of_range(ports, levels).into_iter().collect();
    let pools = ports.shared_pools.iter().take(MOST_FINDINGS);
    found.extend(pools.filter_map(|pool| of_pool(pool, levels)));
    found.extend(
        ports
            .destinations
            .iter()
            // That they run out is the finding of their pool.
            .filter(|destination| ports.pool_of(destination).is_none())
            .filter_map(|destination| Some((destination, severity(destination, levels)?)))
            .take(MOST_FINDINGS)
            .filter_map(|(destination, severity)| finding(destination, severity, snapshot)),
    );
    if found.is_empty() && ports.destinations.is_empty() && ports.left_out > 0 {
        // None was asked for.
        Judgement::NotAsked
    } else if found.is_empty() {
        none_amiss(snapshot)
    } else {
        Judgement::Found(found)
    }
}

/// By the share of ports that are taken, and by when none is left.
fn by_share_and_time(used: f64, exhausted_in_s: Option<f64>, levels: &Levels) -> Option<Severity> {
    let soon = exhausted_in_s.is_some_and(|s| s <= SOON_S);
    let circumstance = if soon && used >= WARNING {
        Some(Severity::Critical)
    } else {
        (soon && used >= HALF).then_some(Severity::Warning)
    };
    levels.severity(Some(used * 100.0), circumstance)
}

/// The time until none is left, as a phrase.
fn at_this_rate(free: u32, exhausted_in_s: Option<f64>) -> String {
    exhausted_in_s
        .filter(|_| free > 0)
        .map_or_else(String::new, |s| format!(", at this rate in {s:.0} s"))
}

fn severity(destination: &Destination, levels: &Levels) -> Option<Severity> {
    let used = destination.used_ratio()?;
    let severity = by_share_and_time(used, destination.exhausted_in_s(), levels);
    if severity.is_some() {
        return severity;
    }
    // Whether those in TIME_WAIT can be reused depends on the peer's timestamps,
    // which nothing tells.
    let usable = destination.usable?;
    let raw = f64::from(destination.in_use) / f64::from(usable.max(1));
    (raw >= WARNING).then_some(Severity::Info)
}

fn finding(destination: &Destination, severity: Severity, snapshot: &Snapshot) -> Option<Finding> {
    let usable = destination.usable?;
    let free = destination.free()?;
    let Destination {
        remote,
        in_use,
        time_wait,
        reusable,
        ..
    } = destination;
    let local = destination.local();
    let waiting = match (time_wait, reusable) {
        (0, _) => String::new(),
        (_, 0) => {
            let why = ports::why_not_reusable(destination, snapshot).unwrap_or("all are too young");
            let waiting = grouped((*time_wait).into());
            format!(", {waiting} of them in TIME_WAIT and none reusable ({why})")
        }
        _ => format!(
            ", {} of them in TIME_WAIT, {} reusable if the peer uses timestamps",
            grouped((*time_wait).into()),
            grouped((*reusable).into())
        ),
    };
    let soon = at_this_rate(free, destination.exhausted_in_s());
    let fails = if destination.bound_first {
        "bind() before connect() fails with EADDRINUSE"
    } else {
        "connect() fails with EADDRNOTAVAIL"
    };
    let mut evidence = vec![
        Evidence::count("in_use", (*in_use).into()),
        Evidence::count("time_wait", (*time_wait).into()),
        Evidence::count("reusable", (*reusable).into()),
        Evidence::count("usable", usable.into()),
        Evidence::count("free", free.into()),
    ];
    evidence.extend(
        destination
            .used_ratio()
            .map(|r| Evidence::number("used_ratio", r)),
    );
    Some(Finding {
        rule: PORTS_EXHAUSTION.name,
        severity,
        subject: format!("{local} to {remote}"),
        message: format!(
            "{} of the {} ports from {local} to {remote} are taken{waiting}; {}{soon}",
            grouped((*in_use).into()),
            grouped(usable.into()),
            until_it_fails(free.into(), fails),
        ),
        advice: ports::advice(destination, snapshot),
        evidence,
        state: None,
    })
}

/// How many connections are left, and what happens then.
fn until_it_fails(free: u64, fails: &str) -> String {
    match free {
        0 => format!("no connection is left: {fails} now"),
        _ => format!(
            "{}, then {fails}",
            counted(free, "more connection", "more connections")
        ),
    }
}

/// What is wrong with a pool of bind(), which is one for all destinations of a
/// local address or of all.
fn of_pool(pool: &SharedPool, levels: &Levels) -> Option<Finding> {
    let used = pool.used_ratio()?;
    let (usable, free) = (pool.usable?, pool.free()?);
    let exhausted_in_s = pool.exhausted_in_s();
    let severity = by_share_and_time(used, exhausted_in_s, levels)?;
    let address = pool.local_address;
    let (whose, on, spread) = if address.is_unspecified() {
        (
            "of all local addresses together".to_owned(),
            "on the wildcard address ",
            "or bind() to each local address, which has ports of its own",
        )
    } else {
        (format!("of {}", pool.local()), "", "or add local addresses")
    };
    Some(Finding {
        rule: PORTS_EXHAUSTION.name,
        severity,
        subject: format!("bind() on {}", pool.local()),
        message: format!(
            "{} of the {} ports {whose} are taken, and bind() {on}gives each out once for all \
             {}; {}{}",
            grouped(pool.taken.into()),
            grouped(usable.into()),
            counted(pool.destinations.into(), "destination", "destinations"),
            until_it_fails(free.into(), "bind() before connect() fails with EADDRINUSE"),
            at_this_rate(free, exhausted_in_s),
        ),
        advice: format!(
            "set IP_BIND_ADDRESS_NO_PORT before bind(), so that each destination has all ports; \
             {spread}; or widen net.ipv4.ip_local_port_range"
        ),
        evidence: vec![
            Evidence::count("in_use", pool.taken.into()),
            Evidence::count("usable", usable.into()),
            Evidence::count("free", free.into()),
            Evidence::number("used_ratio", used),
        ],
        state: None,
    })
}

/// What is wrong with the range itself, when others have its ports.
fn of_range(ports: &Ports, levels: &Levels) -> Option<Finding> {
    let range = ports.settings.range?;
    let usable = ports.usable()?;
    let taken = taken_out(usable, range);
    if taken < WARNING {
        return None;
    }
    let reserved = ports.settings.reserved.as_ref()?.count_in(range);
    let mut causes = Vec::new();
    for (count, one, more) in [
        (ports.listened?, "listener", "listeners"),
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
        Evidence::count("listened_on", ports.listened?.into()),
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

#[cfg(test)]
mod tests;
