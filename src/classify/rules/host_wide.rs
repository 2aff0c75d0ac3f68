//! What the whole host shares: orphans and the memory of TCP.

use super::super::change::Past;
use super::super::{Evidence, Finding, Judgement, Rule, Severity};
use crate::model::Snapshot;
use crate::model::ratio;
use crate::text::number::{counted, grouped};

/// Orphans near their limit.
pub(in crate::classify) const ORPHANS: Rule = Rule {
    name: "orphans",
    topic: "orphans",
    judge: judge_orphans,
};

/// Socket memory near its limit.
pub(in crate::classify) const TCP_MEMORY: Rule = Rule {
    name: "tcp_memory",
    topic: "TCP memory",
    judge: judge_memory,
};

/// Shares of tcp_max_orphans. The kernel counts an orphan double or fourfold
/// that retransmits in vain, so it kills from a quarter of the limit on
/// (`tcp_out_of_resources`).
pub(in crate::classify) const ORPHANS_WARNING: f64 = 0.25;
pub(in crate::classify) const ORPHANS_CRITICAL: f64 = 0.9;

/// Share of the third number of tcp_mem.
pub(in crate::classify) const MEMORY_CRITICAL: f64 = 0.9;

fn judge_orphans(snapshot: &Snapshot, _past: Option<Past<'_>>) -> Judgement {
    let host_wide = &snapshot.pressure.host_wide;
    let Some(orphans) = host_wide.orphans else {
        return Judgement::NotAsked;
    };
    let Some(used) = host_wide
        .max_orphans
        .and_then(|limit| ratio(orphans, limit))
    else {
        return Judgement::Unknown;
    };
    let severity = if used >= ORPHANS_CRITICAL {
        Severity::Critical
    } else if used >= ORPHANS_WARNING {
        Severity::Warning
    } else {
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
            Evidence::ratio("used_ratio", used),
        ],
        state: None,
    }])
}

fn judge_memory(snapshot: &Snapshot, _past: Option<Past<'_>>) -> Judgement {
    let host_wide = &snapshot.pressure.host_wide;
    let Some(pages) = host_wide.memory_pages else {
        return Judgement::NotAsked;
    };
    let Some([_, pressure, high]) = host_wide.memory_limits else {
        return Judgement::Unknown;
    };
    let used = ratio(pages, high).unwrap_or(1.0);
    let severity = if used >= MEMORY_CRITICAL {
        Severity::Critical
    } else if pages >= pressure {
        Severity::Warning
    } else {
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
            Evidence::ratio("used_ratio", used),
        ],
        state: None,
    }])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::snapshot;
    use super::super::testing::severity;
    use super::*;
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
            severity(&judge_orphans(&with(host_wide), None))
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
        let Judgement::Found(findings) = judge_orphans(&with(host_wide), None) else {
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
            severity(&judge_memory(&with(host_wide), None))
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
        assert_eq!(judge_orphans(&hidden, None), Judgement::Unknown);
        assert_eq!(judge_memory(&hidden, None), Judgement::Unknown);
        let unread = with(HostWide::default());
        assert_eq!(judge_orphans(&unread, None), Judgement::NotAsked);
        assert_eq!(judge_memory(&unread, None), Judgement::NotAsked);
    }
}
