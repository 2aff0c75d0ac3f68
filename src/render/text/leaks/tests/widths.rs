//! Where there is less room than a line needs.

use super::*;
use crate::text::width::columns_of;

const LONG: [&str; 2] = [
    "[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
    "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65534",
];
const MAPPED: [&str; 2] = [
    "[::ffff:192.168.100.101]:65535",
    "[::ffff:192.168.100.102]:65534",
];

/// With addresses as long as they get, and as many descriptors as there can be.
fn stage() -> Stage {
    let mut stage = Stage::full();
    let long_id = Unit::Systemd {
        name: "a-service-with-a-long-name@instance.service".to_owned(),
        user: Some(1000),
    };
    let busy = process(
        4_194_303,
        "fifteen-letters",
        Some(long_id),
        (1_048_000, 1_048_576),
    );
    stage.processes.insert(busy.pid, busy);
    for [local, remote] in [LONG, MAPPED] {
        let socket = close_wait()
            .ends(local, remote)
            .times(86_340_010, 86_400_000);
        stage.add(4_194_303, socket.clone());
        stage.add(0, socket);
    }
    stage
}

fn shown(columns: Option<usize>, asked: &[u32], list_sockets: bool) -> String {
    let stage = stage();
    let style = Style {
        width: columns,
        ..on_terminal()
    };
    stage.show(&stage.report(None), |view| {
        let view = LeaksView {
            asked,
            list_sockets,
            ..*view
        };
        leaks(&view, &style)
    })
}

/// What can't be broken: an address, and a command that is to be copied.
fn is_whole(line: &str) -> bool {
    let words = line.trim_end_matches('→').trim();
    !words.contains(' ') || line.starts_with("→ ")
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [40, 60, 80, 100, 132] {
        for list_sockets in [false, true] {
            let text = shown(Some(columns), &[2231, 4_194_303], list_sockets);
            for line in text.lines() {
                let fits = line.chars().count() <= columns;
                assert!(
                    fits || columns < 80 && is_whole(line),
                    "{line:?} in\n{text}"
                );
            }
        }
    }
}

#[test]
fn no_digit_of_an_address_is_lost_for_want_of_room() {
    for columns in [Some(40), Some(80), Some(132), None] {
        let text = shown(columns, &[], true);
        for [local, remote] in [LONG, MAPPED] {
            assert_eq!(text.matches(local).count(), 2, "{local} in\n{text}");
            assert!(text.matches(remote).count() >= 2, "{remote} in\n{text}");
        }
    }
}

#[test]
fn off_a_terminal_each_socket_has_one_line() {
    let text = shown(None, &[], true);
    for [local, remote] in [LONG, MAPPED] {
        let ends = format!("{local} → {remote}");
        assert_eq!(text.matches(&ends).count(), 2, "{text}");
    }
}

#[test]
fn the_sockets_of_a_process_at_80_columns_and_at_40() {
    let stage = {
        let mut stage = stage();
        stage.sockets.drain(..stage.sockets.len() - 4);
        stage
    };
    for columns in [80, 40] {
        let style = Style {
            width: Some(columns),
            ..on_terminal()
        };
        let text = stage.show(&stage.report(None), |view| {
            let view = LeaksView {
                list_sockets: true,
                ..*view
            };
            leaks(&view, &style)
        });
        insta::assert_snapshot!(format!("sockets_at_{columns}_columns"), text);
    }
}

/// comm has 15 bytes: five such characters, which take ten columns.
#[test]
fn columns_stand_below_each_other_whatever_letters_a_name_has() {
    let mut stage = Stage::full();
    if let Some(java) = stage.processes.get_mut(&2231) {
        java.command = Some("東京都港区".to_owned());
    }
    let style = Style {
        width: Some(132),
        ..on_terminal()
    };
    let text = stage.show(&stage.report(None), |view| leaks(view, &style));
    let column_of = |row: &str, cell: &str| {
        let line = text.lines().find(|line| line.contains(row)).unwrap();
        columns_of(&line[..line.find(cell).unwrap()])
    };
    let peers = column_of("LEAKED", "PEERS");
    assert_eq!(column_of("東京都港区  ", "10.0.0.9:5432"), peers, "{text}");
    assert_eq!(column_of("nginx  ", "192.0.2.7"), peers, "{text}");
}

#[test]
fn who_was_asked_for_is_introduced_with_its_command_line() {
    let introduced = "\nrsync[411]  uid 1000\n/usr/bin/rsync -x\n";
    for list_sockets in [false, true] {
        let text = shown(Some(80), &[411], list_sockets);
        assert_eq!(text.matches(introduced).count(), 1, "{text}");
    }
    assert!(!shown(Some(80), &[], false).contains("/usr/bin/rsync"));
}

#[test]
fn a_command_line_cannot_fill_the_screen_and_is_whole_off_a_terminal() {
    let mut stage = Stage::full();
    let class_path = "/opt/x.jar:".repeat(1_000);
    if let Some(java) = stage.processes.get_mut(&2231) {
        java.cmdline = Some(vec!["java\u{1b}[2J".to_owned(), class_path.clone()]);
    }
    let shown = |width| {
        let style = Style {
            width,
            ..on_terminal()
        };
        stage.show(&stage.report(None), |view| {
            let view = LeaksView {
                asked: &[2231],
                ..*view
            };
            leaks(&view, &style)
        })
    };
    let text = shown(Some(80));
    let line = text.lines().find(|line| line.contains("/opt/x.jar"));
    assert!(line.is_some_and(|line| line.len() < 400 && line.ends_with('…')));
    assert!(text.contains("java\\u{1b}[2J"), "{text}");
    assert!(shown(None).contains(&class_path));
}
