use super::super::evidence::COOKIES_BETWEEN;
use super::super::syn_limit;
use super::*;
use crate::model::{Endpoint, Family, ListenSocket};

fn listener(queue: u32, syn_recv: u32) -> Listener {
    Listener {
        local: Endpoint::new("0.0.0.0".parse().unwrap(), 80),
        family: Family::Ipv4,
        interface: None,
        drops: None,
        sockets: 1,
        full_sockets: Some(u32::from(queue > 64)),
        accept_queue: queue,
        accept_limit: Some(64),
        unaccepted: Some(queue),
        dead: Some(0),
        syn_recv: Some(syn_recv),
        syn_ack_retransmits: None,
        members: vec![member(queue, 64)],
        cgroups: Vec::new(),
        program: None,
    }
}

fn member(queue: u32, limit: u32) -> ListenSocket {
    ListenSocket {
        inode: None,
        cgroup: None,
        accept_queue: queue,
        accept_limit: Some(limit),
        pids: None,
    }
}

fn evidence(cookies: u64, sent: u64, returned: u64) -> SynEvidence {
    SynEvidence {
        cookies: Some(cookies),
        max_backlog: Some(4_096),
        sent: Some(sent),
        returned: Some(returned),
        dropped: Some(0),
        dropped_by_queue: None,
        between: true,
        listeners: Some(1),
        largest_queue: Some(65),
        full_for_sure: false,
        unanswered: false,
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
            drops: crate::model::ListenerDrops::new(),
            listeners: vec![full],
            count: 1,
            largest_limit: Some(64),
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
        members: vec![member(0, 64), member(0, 64), member(0, 64)],
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

/// Seen on Linux 6.18: with tcp_syncookies=2 60 clients that haven't answered
/// yet were called a flood. As many would have stood in the SYN queue unseen.
#[test]
fn with_cookies_for_everybody_as_many_as_a_queue_holds_are_on_their_way() {
    for (sent, returned, largest_queue, expected) in [
        (60, 0, Some(65), Verdict::Fine),
        (65, 0, Some(65), Verdict::Fine),
        (66, 0, Some(65), Verdict::FloodAbsorbed),
        // Those that came back are on their way no longer.
        (125, 60, Some(65), Verdict::Fine),
        (125, 59, Some(65), Verdict::FloodAbsorbed),
        (500, 251, Some(65), Verdict::Fine),
        (500, 250, Some(65), Verdict::FloodAbsorbed),
        (66, 0, Some(129), Verdict::Fine),
        (500, 0, None, Verdict::Fine),
    ] {
        let evidence = SynEvidence {
            largest_queue,
            ..evidence(2, sent, returned)
        };
        let judged = verdict(&listener(0, 0), &evidence);
        assert_eq!(judged, expected, "{sent} sent, {returned} returned");
        let judged = syn_verdict(&evidence, None);
        let expected = match (largest_queue, expected) {
            (None, _) => SynVerdict::Unknown,
            (_, Verdict::Fine) => SynVerdict::Fine,
            _ => SynVerdict::FloodAbsorbed,
        };
        assert_eq!(judged, expected, "{sent} sent, {returned} returned");
    }
}

/// Seen on Linux 6.18: of 85 legitimate clients of a backlog of 64, whose answers
/// were still on their way, 20 had got cookies, and were called a flood.
#[test]
fn honest_clients_beyond_a_full_syn_queue_are_no_flood_while_they_are_on_their_way() {
    for (sent, returned, unanswered, expected) in [
        (20, 0, false, Verdict::SynQueueFull),
        (65, 0, false, Verdict::SynQueueFull),
        (66, 0, false, Verdict::FloodAbsorbed),
        (130, 65, false, Verdict::SynQueueFull),
        (131, 65, false, Verdict::FloodAbsorbed),
        // Those in the queue would have answered within a second.
        (20, 0, true, Verdict::FloodAbsorbed),
        (20, 10, true, Verdict::FloodAbsorbed),
        (20, 11, true, Verdict::SynBurst),
    ] {
        let evidence = SynEvidence {
            unanswered,
            ..evidence(1, sent, returned)
        };
        let judged = verdict(&listener(0, 65), &evidence);
        assert_eq!(judged, expected, "{sent} sent, {returned} returned");
    }
    // What was sent last year is on its way no longer.
    let so_far = SynEvidence {
        between: false,
        ..evidence(1, 100, 36)
    };
    assert_eq!(syn_verdict(&so_far, None), SynVerdict::FloodAbsorbed);
}

/// Few cookies say nothing of who got them.
#[test]
fn a_flood_begins_at_ten_cookies_while_somebody_looks_and_at_a_hundred_before() {
    let judged = |sent, between| {
        let evidence = SynEvidence {
            between,
            unanswered: between,
            ..evidence(1, sent, 0)
        };
        syn_verdict(&evidence, None)
    };
    assert_eq!(judged(9, true), SynVerdict::Fine);
    assert_eq!(judged(10, true), SynVerdict::FloodAbsorbed);
    assert_eq!(judged(99, false), SynVerdict::Fine);
    assert_eq!(judged(100, false), SynVerdict::FloodAbsorbed);
}

/// A place of four sockets with room for 65 handshakes each, one of them with
/// room for nine only.
fn four() -> Listener {
    Listener {
        sockets: 4,
        members: vec![member(0, 64), member(0, 64), member(0, 64), member(0, 8)],
        ..listener(0, 0)
    }
}

/// Handshakes don't say which of the sockets they belong to: a queue of one
/// may be full long before all are.
#[test]
fn one_syn_queue_of_several_may_be_full_before_all_are() {
    let of = |syn_recv, evidence: SynEvidence| {
        let listener = Listener {
            syn_recv: Some(syn_recv),
            ..four()
        };
        verdict(&listener, &evidence)
    };
    let lost = SynEvidence {
        unanswered: true,
        ..evidence(1, 10, 0)
    };
    assert_eq!(syn_limit(&four(), &dropping()), Some(204));
    for (syn_recv, evidence, expected) in [
        (8, dropping(), Verdict::Fine),
        (9, dropping(), Verdict::FloodDropping),
        (9, lost, Verdict::FloodAbsorbed),
        (9, evidence(1, 10, 0), Verdict::Fine),
        (9, evidence(1, 10, 6), Verdict::SynBurst),
        // Nothing says that it turned anybody away.
        (9, evidence(1, 9, 0), Verdict::Fine),
        (200, evidence(0, 0, 0), Verdict::Fine),
        // However they are spread, one has no place left.
        (201, evidence(0, 0, 0), Verdict::SynQueueFull),
        (201, evidence(1, 9, 0), Verdict::SynQueueFull),
    ] {
        assert_eq!(of(syn_recv, evidence), expected, "{syn_recv} {evidence:?}");
    }
    // Another listener's queue is full for sure: these drops are its.
    let explained = SynEvidence {
        full_for_sure: true,
        ..dropping()
    };
    assert_eq!(of(200, explained), Verdict::Fine);
    assert_eq!(of(201, explained), Verdict::FloodDropping);
}
