//! Ports towards a destination that run out.

use super::super::ports::{self, CRITICAL, WARNING};
use super::super::{Evidence, Finding, Judgement, Rule, Severity};
use crate::model::number::grouped;
use crate::model::{Destination, PortReading, Sample};

/// A destination with few ports left.
pub(in crate::classify) const PORTS_EXHAUSTION: Rule = Rule {
    name: "ports_exhaustion",
    topic: "ports",
    judge,
};

/// More findings than this say nothing more.
const MOST_FINDINGS: usize = 5;

/// A destination that will be full within this time, by two samples, is as
/// good as full, s.
const SOON_S: f64 = 60.0;

fn judge(sample: &Sample, _previous: Option<&Sample>) -> Judgement {
    let ports = match &sample.pressure.ports {
        PortReading::NotRead => return Judgement::NotAsked,
        PortReading::RuledOut { .. } => return Judgement::Fine,
        PortReading::TooMany { connections } => {
            return Judgement::Found(vec![too_many(*connections)]);
        }
        PortReading::Grouped(ports) => ports,
    };
    if ports.destinations.iter().any(|d| d.usable.is_none()) {
        return Judgement::Unknown;
    }
    let found: Vec<Finding> = ports
        .destinations
        .iter()
        .filter_map(|destination| Some((destination, severity(destination)?)))
        .take(MOST_FINDINGS)
        .filter_map(|(destination, severity)| finding(destination, severity, sample))
        .collect();
    if found.is_empty() {
        Judgement::Fine
    } else {
        Judgement::Found(found)
    }
}

/// Nobody could tell, which is worth knowing and no alarm: a large server is
/// always so.
fn too_many(connections: u64) -> Finding {
    Finding {
        rule: PORTS_EXHAUSTION.name,
        severity: Severity::Info,
        subject: "ports".to_owned(),
        message: format!(
            "whether a destination runs out of ports was not looked at: {} connections are too \
             many to group in passing",
            grouped(connections)
        ),
        advice: "group them: tcpstate pressure".to_owned(),
        evidence: vec![Evidence::count("connections", connections)],
        state: None,
    }
}

fn severity(destination: &Destination) -> Option<Severity> {
    let used = destination.used_ratio()?;
    let soon = destination.exhausted_in_s().is_some_and(|s| s <= SOON_S);
    if used >= CRITICAL || (used >= WARNING && soon) {
        Some(Severity::Critical)
    } else if used >= WARNING {
        Some(Severity::Warning)
    } else {
        None
    }
}

fn finding(destination: &Destination, severity: Severity, sample: &Sample) -> Option<Finding> {
    let usable = destination.usable?;
    let free = destination.free()?;
    let Destination {
        local_address,
        remote,
        in_use,
        time_wait,
        reusable,
        ..
    } = destination;
    let waiting = match (time_wait, reusable) {
        (0, _) => String::new(),
        (_, 0) => {
            let why = ports::why_not_reusable(destination, sample).unwrap_or("all too young");
            let waiting = grouped((*time_wait).into());
            format!(", {waiting} of them in TIME_WAIT and none reusable ({why})")
        }
        _ => format!(
            ", {} of them in TIME_WAIT, {} reusable",
            grouped((*time_wait).into()),
            grouped((*reusable).into())
        ),
    };
    let soon = destination
        .exhausted_in_s()
        .map_or_else(String::new, |s| format!(", at this rate in {s:.0} s"));
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
            .map(|r| Evidence::ratio("used_ratio", r)),
    );
    Some(Finding {
        rule: PORTS_EXHAUSTION.name,
        severity,
        subject: format!("{local_address} to {remote}"),
        message: format!(
            "{} of the {} ports from {local_address} to {remote} are taken{waiting}; {} more \
             connections, then connect() fails with EADDRNOTAVAIL{soon}",
            grouped((*in_use).into()),
            grouped(usable.into()),
            grouped(free.into()),
        ),
        advice: ports::advice(destination, sample),
        evidence,
        state: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::sample;
    use super::super::testing::severity;
    use super::*;
    use crate::model::{Endpoint, Ports, Pressure, Sysctl};

    fn destination(in_use: u32, reusable: u32) -> Destination {
        Destination {
            local_address: "10.0.0.5".parse().unwrap(),
            remote: Endpoint::new("10.0.0.9".parse().unwrap(), 5_432),
            in_use,
            time_wait: in_use,
            reusable,
            recent_time_wait: 0,
            usable: Some(1_000),
            bound_first: false,
            sustainable_per_s: None,
            growth_per_s: None,
        }
    }

    fn judged(destination: Destination) -> Judgement {
        let pressure = Pressure {
            ports: PortReading::Grouped(Ports {
                destinations: vec![destination],
                ..Ports::default()
            }),
            ..Pressure::default()
        };
        let sample = sample()
            .with_sysctl(Sysctl::TcpTwReuse, 2)
            .with_sysctl(Sysctl::TcpTimestamps, 1)
            .with_pressure(pressure);
        judge(&sample.build(), None)
    }

    #[test]
    fn fires_at_eighty_percent_and_is_critical_at_ninety_five() {
        for (in_use, reusable, expected) in [
            (799, 0, None),
            (800, 0, Some(Severity::Warning)),
            (949, 0, Some(Severity::Warning)),
            (950, 0, Some(Severity::Critical)),
            // What connect() takes over blocks nothing.
            (1_000, 300, None),
            (1_000, 100, Some(Severity::Warning)),
        ] {
            let judgement = judged(destination(in_use, reusable));
            assert_eq!(severity(&judgement), expected, "{in_use} {reusable}");
        }
    }

    #[test]
    fn one_that_is_full_within_a_minute_is_critical() {
        let growing = |growth| Destination {
            growth_per_s: Some(growth),
            ..destination(850, 0)
        };
        assert_eq!(severity(&judged(growing(2.5))), Some(Severity::Critical));
        assert_eq!(severity(&judged(growing(2.4))), Some(Severity::Warning));
        assert_eq!(severity(&judged(growing(-9.0))), Some(Severity::Warning));
    }

    #[test]
    fn the_words_name_the_cause() {
        let Judgement::Found(findings) = judged(destination(900, 0)) else {
            panic!("90 % are a warning");
        };
        assert_eq!(
            findings[0].message,
            "900 of the 1,000 ports from 10.0.0.5 to 10.0.0.9:5432 are taken, 900 of them in \
             TIME_WAIT and none reusable (tcp_tw_reuse=2 helps loopback only); 100 more \
             connections, then connect() fails with EADDRNOTAVAIL"
        );
        assert!(findings[0].advice.contains("tcp_tw_reuse=1"));
        assert!(!findings[0].advice.contains("recycle"));
    }

    #[test]
    fn what_was_not_looked_at_has_no_verdict() {
        let with = |ports| {
            let pressure = Pressure {
                ports,
                ..Pressure::default()
            };
            judge(&sample().with_pressure(pressure).build(), None)
        };
        assert_eq!(with(PortReading::NotRead), Judgement::NotAsked);
        let few = PortReading::RuledOut {
            connections: 10,
            usable: 28_000,
        };
        assert_eq!(with(few), Judgement::Fine);
        let many = PortReading::TooMany {
            connections: 1_000_000,
        };
        assert_eq!(severity(&with(many)), Some(Severity::Info));
        let unknown = Destination {
            usable: None,
            ..destination(1_000, 0)
        };
        assert_eq!(judged(unknown), Judgement::Unknown);
    }
}
