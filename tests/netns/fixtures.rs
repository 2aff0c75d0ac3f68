//! The lab itself, checked against `ss` and against each view that the kernel gives: a test of
//! tcpstate is worth as much as the sockets that it looks at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use crate::lab::{
    Confinement, Family, Lab, Mix, Net, State, Tally, netns_test,
    stage::{self, Staged},
};

/// Stages in every family, and insists that all views agree with what was made.
fn agrees(lab: &Lab, stage: impl Fn(Net) -> Staged) -> Tally {
    let mut mix = Mix::default();
    for net in Net::ALL {
        mix.add(stage(net));
    }
    all_views_agree(lab, &mix)
}

fn all_views_agree(lab: &Lab, mix: &Mix) -> Tally {
    let made = mix.settle();
    if lab.shows_bound_sockets() {
        assert_eq!(lab.sock_diag(), made, "sock_diag");
    }
    if let Some(shown) = lab.ss() {
        assert_eq!(shown, made.without_bound(), "ss");
    }
    assert_eq!(
        lab.table().tally(),
        made.without_bound(),
        "/proc/net/tcp and tcp6"
    );
    made
}

netns_test!(established, |lab| {
    let made = agrees(lab, |net| stage::established(net, 3));
    assert_eq!(made.count(State::Established, Family::Ipv4), 6);
    assert_eq!(made.count(State::Established, Family::Ipv6), 12);
});

netns_test!(established_dual_stack, |lab| {
    let mut mix = Mix::default();
    mix.add(stage::established_dual_stack(3));
    let made = all_views_agree(lab, &mix);
    assert_eq!(made.count(State::Established, Family::Ipv4), 3);
    assert_eq!(made.count(State::Established, Family::Ipv6), 3);
});

netns_test!(listen, |lab| {
    agrees(lab, |net| stage::listening(net, 3));
});

netns_test!(bound_inactive, |lab| {
    let made = agrees(lab, |net| stage::bound(net, 3));
    assert_eq!(made.total(State::BoundInactive), 9);
    assert_eq!(made.sum(), 9, "and nothing else");
});

netns_test!(syn_sent, |lab| {
    agrees(lab, |net| stage::syn_sent(net, 3));
});

netns_test!(syn_recv, |lab| {
    agrees(lab, |net| stage::syn_recv(net, 3));
});

netns_test!(syn_recv_from_nowhere, |lab| {
    let mut mix = Mix::default();
    mix.add(stage::syn_recv_from_nowhere(lab, Net::V4, 20));
    mix.add(stage::syn_recv_from_nowhere(lab, Net::Mapped, 30));
    let made = all_views_agree(lab, &mix);
    assert_eq!(made.count(State::SynRecv, Family::Ipv4), 20);
    assert_eq!(made.count(State::SynRecv, Family::Ipv6), 30);
});

netns_test!(fast_open_syn_recv, |lab| {
    agrees(lab, |net| stage::fast_open_syn_recv(lab, net, 3));
});

netns_test!(fin_wait1_held, |lab| {
    agrees(lab, |net| stage::fin_wait1_held(net, 3));
});

netns_test!(fin_wait1_orphaned, |lab| {
    agrees(lab, |net| stage::fin_wait1_orphaned(net, 3));
});

netns_test!(fin_wait2_held, |lab| {
    agrees(lab, |net| stage::fin_wait2_held(net, 3));
});

netns_test!(fin_wait2_orphaned_full, |lab| {
    agrees(lab, |net| stage::fin_wait2_orphaned_full(lab, net, 3));
});

netns_test!(fin_wait2_minisocket, |lab| {
    agrees(lab, |net| stage::fin_wait2_minisocket(net, 3));
});

netns_test!(time_wait, |lab| {
    let made = agrees(lab, |net| stage::time_wait(net, 3));
    assert_eq!(made.sum(), 9, "nothing but TIME_WAIT");
});

netns_test!(time_wait_of_server, |lab| {
    agrees(lab, |net| stage::time_wait_of_server(net, 3));
});

netns_test!(last_ack, |lab| {
    agrees(lab, |net| stage::last_ack(net, 3));
});

netns_test!(closing, |lab| {
    agrees(lab, |net| stage::closing(net, 3));
});

netns_test!(not_accepted, |lab| {
    agrees(lab, |net| stage::not_accepted(net, 3));
});

netns_test!(full_accept_queue, |lab| {
    agrees(lab, |net| stage::full_accept_queue(net, 3));
});

netns_test!(everything_together, |lab| {
    let mix = Mix::of_everything(lab);
    let made = all_views_agree(lab, &mix);
    for state in State::ALL {
        // No socket is seen in CLOSE, other than as a bound one.
        if state != State::Close {
            for family in [Family::Ipv4, Family::Ipv6] {
                assert!(made.count(state, family) > 0, "{state:?} {family:?}");
            }
        }
    }
});

netns_test!(a_reset_leaves_nothing_but_minisockets, |lab| {
    let mix = Mix::of_everything(lab);
    mix.settle();
    mix.reset();
    let kept = [State::TimeWait, State::FinWait2, State::SynRecv];
    crate::lab::until("the resets", || {
        let left = lab.table().tally();
        let kept: u64 = kept.into_iter().map(|state| left.total(state)).sum();
        if left.sum() == kept {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
});

netns_test!(addresses_can_be_added, |lab| {
    let addresses = [
        IpAddr::V4(Ipv4Addr::new(10, 8, 0, 1)),
        IpAddr::V6(Ipv6Addr::new(0xfd08, 0, 0, 0, 0, 0, 0, 1)),
    ];
    for address in addresses {
        let to = SocketAddr::new(address, 0);
        TcpListener::bind(to).expect_err("not ours yet");
        lab.add_address(address, if address.is_ipv4() { 32 } else { 128 });
        TcpListener::bind(to).expect("ours");
    }
});

netns_test!(a_confined_program_gets_no_netlink, |lab| {
    let listening = stage::listening(Net::V4, 1);
    for (errno, words) in [(1, "Operation not permitted"), (97, "not supported")] {
        let program = lab.program("ss", &["-tanH"]);
        let answer = program.confined(Confinement::without_netlink(errno)).run();
        if lab.ss().is_some() {
            assert!(answer.stderr.contains(words), "{answer:#?}");
        }
    }
    drop(listening);
});

netns_test!(an_unprivileged_program_has_no_capability, |lab| {
    let program = lab.program("cat", &["/proc/self/status"]);
    let answer = program.confined(lab.unprivileged()).run().succeeded();
    let capabilities = "CapEff:\t0000000000000000";
    assert!(answer.stdout.contains(capabilities), "{answer:#?}");
    if lab.is_real_root() {
        let user = "Uid:\t65534\t65534\t65534\t65534";
        assert!(answer.stdout.contains(user), "{answer:#?}");
        let all = lab.program("cat", &["/proc/self/status"]);
        let all = all.confined(Confinement::no_capabilities());
        assert!(all.run().stdout.contains(capabilities));
    }
});
