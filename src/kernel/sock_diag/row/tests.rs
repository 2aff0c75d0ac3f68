use super::super::testing::RowBytes;
use super::*;
use crate::model::StateSet;
use netlink_packet_core::Parseable;
use netlink_packet_sock_diag::inet::InetResponse;
use proptest::prelude::*;

fn decoded(row: &RowBytes) -> Decoded {
    decode(&row.payload(), StateSet::RFC9293).expect("long enough, and of a family")
}

fn socket(row: &RowBytes) -> Socket {
    let decoded = decoded(row);
    assert!(decoded.attributes_whole);
    decoded.socket
}

#[test]
fn every_field_comes_from_its_place() {
    let row = RowBytes::new(8, 0x0000_0007_0000_0009)
        .byte(2, 2)
        .byte(3, 5)
        .field(40, 3)
        .field(52, 1_500)
        .field(56, 51)
        .field(60, 7)
        .field(64, 1_000)
        .field(68, 4_836)
        .attribute(21, &77_u64.to_ne_bytes());
    let socket = socket(&row);
    assert_eq!(socket.state, TcpState::CloseWait);
    assert_eq!(socket.kind, SocketKind::Full);
    assert_eq!(socket.local.to_string(), "10.0.0.1:80");
    assert_eq!(socket.remote.to_string(), "10.0.0.2:40000");
    assert_eq!(socket.interface, Some(3));
    assert_eq!((socket.recv_q, socket.send_q), (51, Some(7)));
    assert_eq!(
        socket.timer,
        Some(SocketTimer {
            kind: TimerKind::Keepalive,
            expires_ms: 1_500,
            retransmits: 5
        })
    );
    assert_eq!(socket.uid, Some(1_000));
    assert_eq!(socket.inode, Some(4_836));
    assert_eq!(socket.cookie, Some(SocketCookie(0x0000_0007_0000_0009)));
    assert_eq!(socket.cgroup, Some(CgroupId(77)));
    assert_eq!(socket.shutdown, Some(0));
    assert_eq!(socket.tcp_info, None);
}

#[test]
fn small_sockets_have_no_owner_whatever_the_kernel_writes_there() {
    let time_wait = RowBytes::new(6, 1).bare().byte(2, 3);
    let fin_wait2 = RowBytes::new(5, 1).bare().byte(2, 3);
    let request = RowBytes::new(3, 1).bare().byte(2, 1);
    for (row, kind) in [
        (time_wait, SocketKind::TimeWait),
        (fin_wait2, SocketKind::TimeWait),
        (request, SocketKind::Request),
    ] {
        let socket = socket(&row);
        assert_eq!(socket.kind, kind);
        assert_eq!((socket.uid, socket.inode), (None, None), "nobody, not root");
    }
}

/// Seen on Linux 6.1 and 6.12: a connection that nobody has accepted, to a listener of
/// the user 1000, has uid 0; Linux 6.18 has 1000.
#[test]
fn the_owner_of_a_socket_without_a_file_is_not_root() {
    let owner = |uid, inode| {
        let row = RowBytes::new(8, 1).field(64, uid).field(68, inode);
        let socket = socket(&row);
        assert_eq!(socket.kind, SocketKind::Full);
        socket.uid
    };
    assert_eq!(owner(0, 0), None);
    assert_eq!(owner(1_000, 0), Some(1_000));
    assert_eq!(owner(0, 4_836), Some(0));
}

#[test]
fn the_two_kinds_of_fin_wait2_and_of_syn_recv_are_told_apart() {
    for timer in [0, 2] {
        let held_or_orphaned = RowBytes::new(5, 1).byte(2, timer);
        assert_eq!(socket(&held_or_orphaned).kind, SocketKind::Full);
    }
    let fast_open = RowBytes::new(3, 1).byte(2, 1);
    assert_eq!(socket(&fast_open).kind, SocketKind::Full);
}

#[test]
fn closed_means_bound_when_bound_sockets_were_asked_for() {
    let row = RowBytes::new(7, 1).payload();
    let state = |states| decode(&row, states).expect("a row").socket.state;
    assert_eq!(state(StateSet::RFC9293), TcpState::Close);
    assert_eq!(
        state(StateSet::RFC9293.with(TcpState::BoundInactive)),
        TcpState::BoundInactive
    );
}

#[test]
fn tcp_info_of_any_length_gives_the_fields_that_it_has() {
    let mut bytes = vec![0_u8; 600];
    bytes[44..48].copy_from_slice(&11_u32.to_ne_bytes());
    bytes[52..56].copy_from_slice(&22_u32.to_ne_bytes());
    bytes[56..60].copy_from_slice(&33_u32.to_ne_bytes());
    bytes[120..128].copy_from_slice(&44_u64.to_ne_bytes());
    bytes[200..208].copy_from_slice(&55_u64.to_ne_bytes());
    bytes[208..216].copy_from_slice(&66_u64.to_ne_bytes());
    for (length, data_sent, data_recv, ack_recv, acked, sent, again) in [
        (0, None, None, None, None, None, None),
        (47, None, None, None, None, None, None),
        (48, Some(11), None, None, None, None, None),
        (104, Some(11), Some(22), Some(33), None, None, None),
        (207, Some(11), Some(22), Some(33), Some(44), None, None),
        (208, Some(11), Some(22), Some(33), Some(44), Some(55), None),
        (
            600,
            Some(11),
            Some(22),
            Some(33),
            Some(44),
            Some(55),
            Some(66),
        ),
    ] {
        let row = RowBytes::new(8, 1).attribute(2, &bytes[..length]);
        let info = socket(&row).tcp_info.expect("it was sent");
        assert_eq!(info.last_data_sent, data_sent, "{length} bytes");
        assert_eq!(info.last_data_recv, data_recv, "{length} bytes");
        assert_eq!(info.last_ack_recv, ack_recv, "{length} bytes");
        assert_eq!(info.bytes_acked, acked, "{length} bytes");
        assert_eq!(info.bytes_sent, sent, "{length} bytes");
        assert_eq!(info.bytes_retrans, again, "{length} bytes");
    }
}

/// A list shows what the commands that judge have no use for; they pay nothing
/// for it.
#[test]
fn details_are_kept_where_they_are_asked_for() {
    let memory: Vec<u8> = (1_u32..=8).flat_map(u32::to_ne_bytes).collect();
    let row = RowBytes::new(1, 1)
        .attribute(2, &[7; 120])
        .attribute(4, b"cubic\0")
        .attribute(7, &memory)
        .attribute(11, &[1]);
    let socket = socket(&row);
    assert_eq!((socket.v6only, socket.details), (Some(true), None));
    let mut details = SocketDetails::default();
    read_details(&row.payload(), &mut details);
    assert_eq!(details.info.0.len(), 120);
    assert_eq!(details.congestion, "cubic");
    let memory = details.memory.unwrap().0;
    assert_eq!((memory[0], memory[7], memory[8]), (Some(1), Some(8), None));
    read_details(&RowBytes::new(6, 1).payload(), &mut details);
    assert_eq!(
        details,
        SocketDetails::default(),
        "nothing of the row before"
    );
}

#[test]
fn unknown_attributes_are_passed_over_and_flags_in_the_type_are_not_part_of_it() {
    const NLA_F_NESTED: u16 = 0x8000;
    let row = RowBytes::new(1, 1)
        .attribute(999, &[1, 2, 3])
        .attribute(NLA_F_NESTED | INET_DIAG_CGROUP_ID, &5_u64.to_ne_bytes())
        .attribute(500, &[]);
    assert_eq!(socket(&row).cgroup, Some(CgroupId(5)));
}

#[test]
fn a_broken_attribute_costs_those_behind_it_and_is_told() {
    let cgroup = 5_u64.to_ne_bytes();
    for broken in [&[3, 0, 1, 0][..], &[200, 0, 1, 0], &[0, 0, 0, 0], &[1, 2]] {
        let row = RowBytes::new(1, 1).attribute(21, &cgroup).raw(broken);
        let decoded = decoded(&row);
        assert!(!decoded.attributes_whole, "{broken:?}");
        assert_eq!(decoded.socket.cgroup, Some(CgroupId(5)));
    }
}

#[test]
fn no_cookie_is_none() {
    assert_eq!(socket(&RowBytes::new(1, 0)).cookie, None);
    assert_eq!(socket(&RowBytes::new(1, u64::MAX)).cookie, None);
}

#[test]
fn a_row_too_short_or_of_no_tcp_family_is_not_one() {
    let row = RowBytes::new(1, 1).payload();
    assert!(decode(&row[..71], StateSet::RFC9293).is_none());
    let unix = RowBytes::new(1, 1).byte(0, 1).payload();
    assert!(decode(&unix, StateSet::RFC9293).is_none());
}

proptest! {
    /// The owned parser of netlink-packet-sock-diag is the oracle for what both
    /// understand.
    #[test]
    fn the_view_agrees_with_the_owned_parser(
        state in 1_u8..=11,
        ipv6 in any::<bool>(),
        timer in 0_u8..=4,
        retransmits in any::<u8>(),
        cookie in 1..u64::MAX,
        numbers in any::<[u32; 5]>(),
        interface in any::<u32>(),
        addresses in any::<[u8; 32]>(),
    ) {
        let [expires, rqueue, wqueue, uid, inode] = numbers;
        let mut row = RowBytes::new(state, cookie)
            .byte(2, timer)
            .byte(3, retransmits)
            .field(40, interface)
            .field(52, expires)
            .field(56, rqueue)
            .field(60, wqueue)
            .field(64, uid)
            .field(68, inode);
        if ipv6 {
            row = row.ipv6();
            for (offset, byte) in (8..).zip(addresses) {
                row = row.byte(offset, byte);
            }
        }
        let payload = row.payload();
        let owned = InetResponse::parse(payload.as_slice()).unwrap().header;
        let socket = socket(&row);
        prop_assert_eq!(socket.state.number(), owned.state);
        prop_assert_eq!(socket.local.port, owned.socket_id.source_port);
        prop_assert_eq!(socket.remote.port, owned.socket_id.destination_port);
        prop_assert_eq!(socket.local.address, owned.socket_id.source_address);
        prop_assert_eq!(socket.remote.address, owned.socket_id.destination_address);
        prop_assert_eq!(socket.interface.unwrap_or(0), owned.socket_id.interface_id);
        prop_assert_eq!(
            socket.cookie.unwrap().0.to_le_bytes(),
            owned.socket_id.cookie
        );
        prop_assert_eq!(socket.recv_q, owned.recv_queue);
        prop_assert_eq!(socket.send_q, Some(owned.send_queue));
        if socket.kind == SocketKind::Full {
            let nobody = owned.uid == 0 && owned.inode == 0;
            prop_assert_eq!(socket.uid, (!nobody).then_some(owned.uid));
            prop_assert_eq!(socket.inode.unwrap_or(0), u64::from(owned.inode));
        }
    }

    #[test]
    fn any_attributes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decoded(&RowBytes::new(8, 1).raw(&bytes));
    }
}
