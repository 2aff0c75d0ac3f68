use super::*;
use crate::model::{Endpoint, Family};

fn listener(queue: u32, syn_recv: u32) -> Listener {
    Listener {
        local: Endpoint::new("0.0.0.0".parse().unwrap(), 80),
        family: Family::Ipv4,
        sockets: 1,
        full_sockets: Some(u32::from(queue > 64)),
        accept_queue: queue,
        accept_limit: Some(64),
        unaccepted: Some(queue),
        dead: Some(0),
        syn_recv: Some(syn_recv),
        syn_ack_retransmits: None,
        members: Vec::new(),
        cgroups: Vec::new(),
        process_unit: None,
        pids: None,
        command: None,
    }
}

fn evidence(cookies: u64, sent: u64, returned: u64) -> SynEvidence {
    SynEvidence {
        cookies: Some(cookies),
        max_backlog: Some(4_096),
        sent: Some(sent),
        returned: Some(returned),
        dropped: Some(0),
        between: true,
        listeners: Some(1),
    }
}

fn dropping() -> SynEvidence {
    SynEvidence {
        dropped: Some(1),
        ..evidence(0, 0, 0)
    }
}

/// Seen on Linux 6.18: 500 SYNs at a backlog of 64 leave 65 handshakes.
#[test]
fn every_verdict_has_its_near_miss() {
    for (queue, syn_recv, evidence, expected) in [
        (65, 0, evidence(1, 0, 0), Verdict::SlowAccept),
        (64, 0, evidence(1, 0, 0), Verdict::Fine),
        (0, 65, evidence(1, 435, 3), Verdict::FloodAbsorbed),
        (0, 65, evidence(1, 435, 430), Verdict::SynBurst),
        (0, 64, evidence(1, 0, 0), Verdict::Fine),
        (0, 65, dropping(), Verdict::FloodDropping),
        (0, 64, dropping(), Verdict::Fine),
        (0, 64, evidence(0, 0, 0), Verdict::Fine),
        (0, 0, evidence(2, 500, 1), Verdict::FloodAbsorbed),
        (0, 0, evidence(2, 500, 499), Verdict::Fine),
        (0, 0, evidence(2, 3, 0), Verdict::Fine),
        // A listener of two cannot be told to be the flooded one.
        (
            0,
            0,
            SynEvidence {
                listeners: Some(2),
                ..evidence(2, 500, 1)
            },
            Verdict::Fine,
        ),
    ] {
        let judged = verdict(&listener(queue, syn_recv), &evidence);
        assert_eq!(judged, expected, "{queue} {syn_recv} {evidence:?}");
    }
}

/// One slow client fills the queue of listen(0), and a flood of last year
/// is still in the totals.
#[test]
fn slow_clients_that_fill_a_syn_queue_are_no_flood() {
    let once = |evidence| SynEvidence {
        between: false,
        ..evidence
    };
    for evidence in [
        evidence(1, 0, 0),
        evidence(1, COOKIES_BETWEEN - 1, 0),
        evidence(0, 0, 0),
        once(evidence(1, 100_000, 3)),
        once(dropping()),
    ] {
        let full = listener(0, 65);
        assert_eq!(
            verdict(&full, &evidence),
            Verdict::SynQueueFull,
            "{evidence:?}"
        );
        let listeners = Listeners {
            listeners: vec![full],
            count: 1,
            largest_limit: None,
        };
        let judged = syn_verdict(&evidence, Some(&listeners));
        assert_eq!(judged, SynVerdict::QueueFull, "{evidence:?}");
    }
}

/// Seen on Linux 6.18: with tcp_max_syn_backlog 40 and no cookies, 31
/// handshakes are taken.
#[test]
fn without_cookies_a_quarter_of_the_backlog_is_kept_back() {
    let small = SynEvidence {
        max_backlog: Some(40),
        ..dropping()
    };
    assert_eq!(syn_limit(&listener(0, 0), &small), Some(31));
    assert_eq!(verdict(&listener(0, 31), &small), Verdict::FloodDropping);
    assert_eq!(verdict(&listener(0, 30), &small), Verdict::Fine);
    let endless = SynEvidence {
        max_backlog: Some(u64::MAX),
        ..dropping()
    };
    let several = Listener {
        sockets: 3,
        ..listener(0, 0)
    };
    assert_eq!(syn_limit(&several, &endless), Some(195));
    let with_cookies = SynEvidence {
        max_backlog: Some(40),
        ..evidence(1, 0, 0)
    };
    assert_eq!(syn_limit(&listener(0, 0), &with_cookies), Some(65));
}

#[test]
fn the_namespace_is_judged_by_cookies_and_drops() {
    let judged = |evidence| syn_verdict(&evidence, None);
    assert_eq!(judged(evidence(1, 500, 3)), SynVerdict::FloodAbsorbed);
    assert_eq!(judged(evidence(1, 500, 480)), SynVerdict::Burst);
    assert_eq!(judged(evidence(2, 500, 480)), SynVerdict::Fine);
    assert_eq!(judged(evidence(1, 9, 0)), SynVerdict::Fine);
    assert_eq!(judged(dropping()), SynVerdict::FloodDropping);
    let once = SynEvidence {
        between: false,
        ..dropping()
    };
    assert_eq!(judged(once), SynVerdict::Fine, "that may be long ago");
    assert_eq!(judged(SynEvidence::default()), SynVerdict::Unknown);
}
