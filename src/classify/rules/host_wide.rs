//! What the whole host shares: orphans and the memory of TCP.

use super::super::metric::{About, Measured, Metric, Missing, Observation, Range, Unit, share};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use crate::model::{float, ratio};
use crate::text::number::{counted, grouped};

/// Orphans near their limit. The kernel counts an orphan double or fourfold
/// that retransmits in vain, so it kills from a quarter of the limit on
/// (`tcp_out_of_resources`).
pub(super) const ORPHANS: Rule = Rule::new("orphans", "orphans", judge_orphans)
    .explained(
        "Sockets without a process wait for acknowledgements, on the whole host. Near \
         tcp_max_orphans the kernel resets such connections, and what they had still to send is \
         lost. Cause: many peers that went away or read slowly. See towards whom: tcpstate \
         pressure.",
    )
    .measuring(
        Metric::new(
            "orphans_used",
            Unit::Percent,
            "sockets of the host that no process holds, as a share of tcp_max_orphans",
            |observation| share(orphans(observation), max_orphans(observation)),
        )
        .about(About::Host)
        .warns(Range::from(25.0))
        .alarms(Range::from(90.0)),
    );

/// The number of orphans.
pub(super) const ORPHANS_COUNT: Metric = Metric::new(
    "orphans",
    Unit::Count,
    "sockets of the host that no process holds; 100 % is tcp_max_orphans",
    orphans,
)
.about(About::Host)
.limited(max_orphans);

/// Socket memory near its limit. It warns from the second number of tcp_mem
/// on, wherever that is.
pub(super) const TCP_MEMORY: Rule = Rule::new("tcp_memory", "TCP memory", judge_memory)
    .explained(
        "Socket buffers of the host are near the limits of tcp_mem. From the second number on \
         the kernel shrinks buffers, at the third it drops. Cause: many connections with full \
         queues, such as slow readers. See queues with ss -tm, and raise tcp_mem where the \
         memory is there.",
    )
    .measuring(
        Metric::new(
            "tcp_memory_used",
            Unit::Percent,
            "memory of TCP buffers on the host, as a share of the third number of tcp_mem",
            memory_used,
        )
        .about(About::Host)
        .alarms(Range::from(90.0)),
    );

fn orphans(observation: &Observation) -> Measured {
    let orphans = observation.snapshot.pressure.host_wide.orphans;
    orphans.map(float).ok_or(Missing::Unread)
}

/// A child namespace doesn't show it.
fn max_orphans(observation: &Observation) -> Measured {
    let limit = observation.snapshot.pressure.host_wide.max_orphans;
    limit.map(float).ok_or(Missing::Hidden)
}

/// Per cent of what is never exceeded.
fn memory_used(observation: &Observation) -> Measured {
    let host_wide = &observation.snapshot.pressure.host_wide;
    let [_, _, high] = host_wide.memory_limits.ok_or(Missing::Hidden)?;
    let pages = host_wide.memory_pages.ok_or(Missing::Unread)?;
    share(Ok(float(pages)), Ok(float(high)))
}

fn judge_orphans(observation: &Observation, levels: &Levels) -> Judgement {
    let host_wide = &observation.snapshot.pressure.host_wide;
    let Some(orphans) = host_wide.orphans else {
        return Judgement::NotAsked;
    };
    let Some(used) = host_wide
        .max_orphans
        .and_then(|limit| ratio(orphans, limit))
    else {
        return Judgement::Unknown;
    };
    let Some(severity) = levels.severity(Some(used * 100.0), None) else {
        return Judgement::Fine;
    };
    let limit = host_wide.max_orphans.unwrap_or(0);
    Judgement::Found(vec![Finding {
        rule: ORPHANS.name,
        severity,
        subject: "orphans".to_owned(),
        message: format!(
            "{} held by no process, in all namespaces of the host together; {} may be, and from a \
             quarter of that on the kernel resets those that retransmit in vain",
            counted(orphans, "socket is", "sockets are"),
            grouped(limit),
        ),
        advice: "see what they wait for, peers that vanished most likely, in each network \
                 namespace (containers too): ss -tano state fin-wait-1 state closing state last-ack"
            .to_owned(),
        evidence: vec![
            Evidence::count("orphans", orphans),
            Evidence::count("max_orphans", limit),
            Evidence::number("used_ratio", used),
        ],
        state: None,
    }])
}

fn judge_memory(observation: &Observation, levels: &Levels) -> Judgement {
    let host_wide = &observation.snapshot.pressure.host_wide;
    let Some(pages) = host_wide.memory_pages else {
        return Judgement::NotAsked;
    };
    let Some([_, pressure, high]) = host_wide.memory_limits else {
        return Judgement::Unknown;
    };
    let used = ratio(pages, high).unwrap_or(1.0);
    let under_pressure = (pages >= pressure).then_some(Severity::Warning);
    let Some(severity) = levels.severity(Some(used * 100.0), under_pressure) else {
        return Judgement::Fine;
    };
    Judgement::Found(vec![Finding {
        rule: TCP_MEMORY.name,
        severity,
        subject: "net.ipv4.tcp_mem".to_owned(),
        message: format!(
            "TCP buffers of the whole host take {} pages; from {} on the kernel shrinks windows, \
             beyond {} it drops data and kills orphans",
            grouped(pages),
            grouped(pressure),
            grouped(high),
        ),
        advice: "see whose queues are full, in each network namespace (containers too), and \
                 whether their programs read: ss -tnmp"
            .to_owned(),
        evidence: vec![
            Evidence::count("memory_pages", pages),
            Evidence::count("pressure_pages", pressure),
            Evidence::count("high_pages", high),
            Evidence::number("used_ratio", used),
        ],
        state: None,
    }])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::snapshot;
    use super::super::testing::{judged_by, severity};
    use super::*;
    use crate::model::Snapshot;
    use crate::model::{HostWide, Pressure};

    fn with(host_wide: HostWide) -> Snapshot {
        let pressure = Pressure {
            host_wide,
            ..Pressure::default()
        };
        snapshot().with_pressure(pressure).build()
    }

    #[test]
    fn orphans_are_judged_by_their_limit() {
        let judged = |orphans| {
            let host_wide = HostWide {
                orphans: Some(orphans),
                max_orphans: Some(1_000),
                ..HostWide::default()
            };
            severity(&judged_by(&ORPHANS, &with(host_wide), None))
        };
        assert_eq!(judged(249), None);
        assert_eq!(judged(250), Some(Severity::Warning));
        assert_eq!(judged(899), Some(Severity::Warning));
        assert_eq!(judged(900), Some(Severity::Critical));
    }

    /// The count is the host's, the list only that of a namespace: behind a
    /// dead peer all were in a container, and the command showed nothing.
    #[test]
    fn orphans_are_said_to_be_in_any_namespace() {
        let host_wide = HostWide {
            orphans: Some(100),
            max_orphans: Some(100),
            ..HostWide::default()
        };
        let Judgement::Found(findings) = judged_by(&ORPHANS, &with(host_wide), None) else {
            panic!("the limit is reached");
        };
        let begins = "100 sockets are held by no process, in all namespaces";
        assert!(findings[0].message.starts_with(begins));
        assert!(findings[0].advice.contains("in each network namespace"));
        // Both ends closed before the path broke.
        assert!(findings[0].advice.contains("state closing"));
    }

    #[test]
    fn memory_is_judged_by_the_second_and_third_limit() {
        let judged = |pages| {
            let host_wide = HostWide {
                memory_pages: Some(pages),
                memory_limits: Some([600, 800, 1_000]),
                ..HostWide::default()
            };
            severity(&judged_by(&TCP_MEMORY, &with(host_wide), None))
        };
        assert_eq!(judged(799), None);
        assert_eq!(judged(800), Some(Severity::Warning));
        assert_eq!(judged(899), Some(Severity::Warning));
        assert_eq!(judged(900), Some(Severity::Critical));
    }

    #[test]
    fn a_namespace_that_hides_the_limits_has_no_verdict() {
        let hidden = with(HostWide {
            orphans: Some(5),
            memory_pages: Some(5),
            ..HostWide::default()
        });
        assert_eq!(judged_by(&ORPHANS, &hidden, None), Judgement::Unknown);
        assert_eq!(judged_by(&TCP_MEMORY, &hidden, None), Judgement::Unknown);
        let unread = with(HostWide::default());
        assert_eq!(judged_by(&ORPHANS, &unread, None), Judgement::NotAsked);
        assert_eq!(judged_by(&TCP_MEMORY, &unread, None), Judgement::NotAsked);
    }
}
