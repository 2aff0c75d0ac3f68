//! `tcpstate leaks`: verdict, count, process and descriptor are what each actor did.

use std::{
    fs,
    io::Write as _,
    net::Shutdown,
    os::unix::process::ExitStatusExt as _,
    thread::{self, sleep},
    time::Duration,
};

use serde_json::Value;
use socket2::Socket;

use crate::{
    actors::{EVIL_ARGUMENT, EVIL_NAME},
    cast::{close_wait_with, connect, connected, connected_with},
    lab::{
        Actor, Confinement, Lab, Net, Row, State, Table, netns_test,
        stage::{address_of, listen, socket},
        until,
    },
};

/// An age that every staged socket soon has.
const MIN_AGE: &str = "100ms";

/// `tcpstate leaks --json` and more arguments, once everything is old enough to be judged.
fn leaks(lab: &Lab, more: &[&str]) -> Value {
    sleep(Duration::from_millis(150));
    let arguments = [&["leaks", "--json", "--min-age", MIN_AGE], more].concat();
    judged(lab.tcpstate(&arguments).run().json())
}

/// Insists on what holds for every answer.
fn judged(document: Value) -> Value {
    assert_eq!(document["schema"], "tcpstate.leaks/1");
    let counts = &document["close_wait"];
    let of = |key: &str| {
        counts[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key} in {document:#}"))
    };
    let leaked = of("not_accepted") + of("eof_unread") + of("not_closed");
    assert_eq!(of("leaked"), leaked, "{document:#}");
    let spared = of("half_close") + of("undated") + of("recent");
    assert_eq!(of("total"), leaked + spared, "{document:#}");
    let coverage = &document["coverage"];
    assert_eq!(coverage["sockets"], of("total"));
    let unattributed =
        coverage["sockets"].as_u64().unwrap() - coverage["attributed"].as_u64().unwrap();
    assert_eq!(coverage["unattributed"], unattributed);
    assert_eq!(
        document["unattributed"].as_array().unwrap().len() as u64,
        unattributed
    );
    document
}

/// The process with a pid.
fn process(document: &Value, pid: u32) -> &Value {
    let processes = document["processes"].as_array().unwrap();
    let found = processes.iter().find(|process| process["pid"] == pid);
    found.unwrap_or_else(|| panic!("no process {pid} in {document:#}"))
}

/// The descriptors of a process that are the socket in a row.
fn fds(pid: u32, row: &Row) -> Vec<u64> {
    let link = format!("socket:[{}]", row.inode);
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors");
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| {
            fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == link.as_str())
        })
        .map(|entry| entry.file_name().to_str().unwrap().parse().unwrap())
        .collect()
}

/// Insists that a document blames one process for these sockets, and for nothing else.
fn assert_blames(document: &Value, actor: &Actor, verdict: &str, rows: &[Row]) {
    let count = rows.len() as u64;
    assert_eq!(document["close_wait"]["total"], count, "{document:#}");
    assert_eq!(document["close_wait"][verdict], count, "{document:#}");
    assert_eq!(document["coverage"]["attributed"], count, "{document:#}");
    let process = process(document, actor.pid());
    assert_eq!(process["leaked"], count, "{document:#}");
    let sockets = process["sockets"].as_array().unwrap();
    for row in rows {
        let socket = sockets.iter().find(|socket| socket["inode"] == row.inode);
        let socket = socket.unwrap_or_else(|| panic!("{row:?} in {document:#}"));
        assert_eq!(socket["verdict"], verdict);
        assert_eq!(socket["recv_q"], row.recv_queue);
        assert_eq!(socket["local"]["port"], row.local.port());
        assert_eq!(socket["remote"]["address"], row.remote.ip().to_string());
        let fds: Vec<Value> = fds(actor.pid(), row).into_iter().map(Value::from).collect();
        assert_eq!(socket["fds"], Value::from(fds));
        let at_least = socket["age_ms"]["at_least"].as_u64();
        let at_most = socket["age_ms"]["at_most"].as_u64();
        assert!(at_least >= Some(100) && at_least <= at_most, "{socket:#}");
    }
}

/// The end of each stream, seen by the server as CLOSE_WAIT with so many bytes unread.
fn shut(clients: &[Socket], unread: u32) -> Vec<Row> {
    let shut = |client: &Socket| {
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(client, unread)
    };
    clients.iter().map(shut).collect()
}

netns_test!(data_that_nobody_reads, |lab| {
    for net in Net::ALL {
        let (actor, clients) = connected(lab, "never reads", net, 2);
        for mut client in &clients {
            client.write_all(&[b'x'; 50]).unwrap();
        }
        let rows = shut(&clients, 51);
        assert_blames(&leaks(lab, &[]), &actor, "eof_unread", &rows);
        drop(actor);
        until("the sockets to be gone", || {
            match Table::read().find(rows[1].local, rows[1].remote) {
                Some(row) if row.state == State::CloseWait => Err(format!("{row:?}")),
                _ => Ok(()),
            }
        });
    }
});

netns_test!(an_end_that_was_read_and_forgotten, |lab| {
    let (mut actor, clients) = connected(lab, "never closes", Net::V4, 3);
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
    }
    actor.expect("eof");
    let rows: Vec<Row> = clients
        .iter()
        .map(|client| close_wait_with(client, 0))
        .collect();
    assert_blames(&leaks(lab, &[]), &actor, "not_closed", &rows);
});

netns_test!(a_short_read_under_edge_triggered_epoll, |lab| {
    for (size, read, unread, verdict) in [
        ("20", "20", 31, "eof_unread"),
        ("4096", "50", 0, "not_closed"),
    ] {
        let (mut actor, clients) = connected_with(lab, "reads short", Net::V4, 2, &[size]);
        for mut client in &clients {
            client.write_all(&[b'x'; 50]).unwrap();
        }
        shut(&clients, 51);
        actor.tell("read");
        for said in [read, read, "0 events left"] {
            actor.expect(said);
        }
        let rows = clients.iter().map(|client| close_wait_with(client, unread));
        let rows: Vec<Row> = rows.collect();
        let port = rows[0].local.port().to_string();
        let document = leaks(lab, &["--listen-port", &port]);
        assert_blames(&document, &actor, verdict, &rows);
        let leaks = process(&document, actor.pid());
        let hint = leaks["hint"].as_str().unwrap();
        assert!(hint.contains("edge-triggered epoll"), "{hint}");
        if size == "20" {
            assert!(hint.contains("60 bytes of data wait"), "{hint}");
        }
    }
});

netns_test!(a_minute_is_the_usual_patience, |lab| {
    let (_actor, clients) = connected(lab, "never reads", Net::V4, 2);
    shut(&clients, 1);
    let document = judged(lab.tcpstate(&["leaks", "--json"]).run().json());
    assert_eq!(document["min_age_ms"], 60_000);
    assert_eq!(document["close_wait"]["recent"], 2, "{document:#}");
    let status = lab.tcpstate(&["leaks", "--exit-code"]).run().status;
    assert_eq!(status.code(), Some(0));
    let arguments = ["leaks", "--exit-code", "--min-age", "1ms"];
    assert_eq!(lab.tcpstate(&arguments).run().status.code(), Some(1));
});

netns_test!(a_half_close_that_goes_on_sending_is_no_leak, |lab| {
    let (mut actor, clients) = connected(lab, "half closes", Net::V4, 1);
    clients[0].shutdown(Shutdown::Write).unwrap();
    actor.expect("eof");
    let document = thread::scope(|scope| {
        let looking = scope.spawn(|| leaks(lab, &["--over", "1s"]));
        while !looking.is_finished() {
            actor.tell("send");
            actor.expect("sent");
            sleep(Duration::from_millis(50));
        }
        looking.join().unwrap()
    });
    assert_eq!(document["close_wait"]["half_close"], 1, "{document:#}");
    let socket = &process(&document, actor.pid())["sockets"][0];
    assert_eq!(socket["half_close"], "sent_between_samples");
});

netns_test!(a_child_that_has_the_socket_too, |lab| {
    let (mut actor, clients) = connected(lab, "shares with a child", Net::V4, 1);
    let child: u32 = actor.hear().parse().unwrap();
    let rows = shut(&clients, 1);
    let document = leaks(lab, &[]);
    assert_blames(&document, &actor, "eof_unread", &rows);
    assert_eq!(process(&document, child)["leaked"], 1);
    assert_eq!(process(&document, child)["command"], "cat");
    let socket = &process(&document, actor.pid())["sockets"][0];
    assert_eq!(socket["shared_with"], Value::from(vec![child]));
});

netns_test!(connections_that_nobody_accepts, |lab| {
    let mut actor = lab.actor("never accepts", &["v4", "8"]);
    let mut to = Net::V4.loopback();
    to.set_port(actor.hear().parse().unwrap());
    let clients: Vec<Socket> = (0..3).map(|_| connect(Net::V4, to)).collect();
    shut(&clients, 1);
    let document = leaks(lab, &[]);
    assert_eq!(document["close_wait"]["not_accepted"], 3, "{document:#}");
    assert_eq!(document["coverage"]["attributed"], 3);
    let listener = &document["listeners"][0];
    assert_eq!(listener["local"]["port"], to.port());
    assert_eq!(listener["not_accepted"], 3);
    assert_eq!(listener["accept_queue"], 3);
    assert_eq!(listener["accept_limit"], 8);
    assert_eq!(listener["pids"], Value::from(vec![actor.pid()]));
});

netns_test!(listeners_that_share_a_port_are_all_named, |lab| {
    let mut first = lab.actor("shares its port", &["mapped", "0"]);
    let port = first.hear();
    let mut second = lab.actor("shares its port", &["mapped", &port]);
    second.expect(&port);
    let mut to = Net::V4.loopback();
    to.set_port(port.parse().unwrap());
    let clients: Vec<Socket> = (0..4).map(|_| connect(Net::V4, to)).collect();
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
    }
    let mut pids = [first.pid(), second.pid()];
    pids.sort_unstable();
    until("the ends to arrive", || {
        let document = leaks(lab, &[]);
        if document["close_wait"]["not_accepted"] != 4 {
            return Err(format!("{document:#}"));
        }
        assert_eq!(document["listeners"][0]["pids"], Value::from(pids.to_vec()));
        Ok(())
    });
});

netns_test!(a_pool_whose_server_closed, |lab| {
    let listener = listen(socket(Net::V4), Net::V4, 8);
    let to = address_of(&listener);
    let mut actor = lab.actor("pools connections", &[&to.to_string(), "4"]);
    let servers: Vec<_> = (0..4).map(|_| listener.accept().unwrap()).collect();
    actor.expect("connected");
    let mut rows = Vec::new();
    for (server, client) in servers {
        drop(server);
        rows.push(Table::wait_for(
            client.as_socket().unwrap(),
            to,
            State::CloseWait,
        ));
    }
    let document = leaks(lab, &["--remote", &to.to_string()]);
    assert_blames(&document, &actor, "eof_unread", &rows);
    let process = process(&document, actor.pid());
    assert_eq!(process["remotes"].as_array().unwrap().len(), 1);
    assert_eq!(process["remotes"][0]["port"], to.port());
    assert_eq!(process["remotes"][0]["count"], 4);
    assert!(
        process["hint"].as_str().unwrap().contains("pool"),
        "{process:#}"
    );
    let elsewhere = leaks(lab, &["--remote", "192.0.2.1"]);
    assert_eq!(elsewhere["close_wait"]["total"], 0);
});

netns_test!(keepalives_hide_an_age_until_a_second_look, |lab| {
    let (mut actor, clients) = connected(lab, "keeps alive", Net::V4, 1);
    actor.expect("keeping alive");
    shut(&clients, 1);
    sleep(Duration::from_millis(2_200));
    let ask = |more: &[&str]| {
        let arguments = [&["leaks", "--json", "--min-age", "1300ms"], more].concat();
        judged(lab.tcpstate(&arguments).run().json())
    };
    let document = ask(&[]);
    assert_eq!(document["close_wait"]["undated"], 1, "{document:#}");
    let document = ask(&["--over", "1400ms"]);
    assert_eq!(document["close_wait"]["eof_unread"], 1, "{document:#}");
    assert_eq!(document["comparison"]["stayed"], 1);
});

// One that stays may be a spare connection of a pool, as one in CLOSE_WAIT may.
netns_test!(a_reset_hides_the_socket_and_not_the_descriptor, |lab| {
    for (count, exit_code) in [(1, 0), (2, 1)] {
        let (actor, clients) = connected(lab, "never reads", Net::V4, count);
        let rows = shut(&clients, 1);
        let fds = fds(actor.pid(), &rows[0]);
        for client in clients {
            client.set_linger(Some(Duration::ZERO)).unwrap();
        }
        until("the reset", || {
            let table = Table::read();
            let mut left = rows.iter();
            match left.find_map(|row| table.find(row.local, row.remote)) {
                None => Ok(()),
                Some(row) => Err(format!("{row:?}")),
            }
        });
        assert_eq!(
            leaks(lab, &[])["closed_connections"],
            Value::Null,
            "nobody asked"
        );
        let pid = actor.pid().to_string();
        for more in [&["--pid", pid.as_str()][..], &["--deep"]] {
            let document = leaks(lab, more);
            let closed = document["closed_connections"]["descriptors"]
                .as_array()
                .unwrap();
            let mut closed = closed.iter();
            let ours = closed.find(|one| one["pid"] == actor.pid() && one["fd"] == fds[0]);
            let ours = ours.unwrap_or_else(|| panic!("{document:#}"));
            assert_eq!(ours["inode"], rows[0].inode);
        }
        let port = rows[0].local.port().to_string();
        let found = |more: &[&str]| {
            let document = leaks(lab, &[&["--pid", &pid], more].concat());
            document["closed_connections"]["descriptors"]
                .as_array()
                .map(Vec::len)
        };
        assert_eq!(found(&["--listen-port", &port]), Some(count));
        assert_eq!(found(&["--listen-port", "1"]), Some(0));
        assert_eq!(found(&["-6"]), Some(0));
        let status = |more: &[&str]| {
            let arguments = [&["leaks", "--exit-code", "--pid", &pid], more].concat();
            lab.tcpstate(&arguments).run().status.code()
        };
        assert_eq!(status(&[]), Some(0), "close() may be on its way");
        assert_eq!(status(&["--over", "1s"]), Some(exit_code));
    }
});

netns_test!(other_users_processes_are_a_gap_that_is_told, |lab| {
    let (actor, clients) = connected(lab, "never reads", Net::V4, 2);
    shut(&clients, 1);
    sleep(Duration::from_millis(150));
    let arguments = ["leaks", "--json", "--min-age", MIN_AGE];
    let program = lab.tcpstate(&arguments).confined(lab.unprivileged());
    let document = judged(program.run().json());
    assert_eq!(document["close_wait"]["eof_unread"], 2, "{document:#}");
    assert_eq!(document["coverage"]["attributed"], 0, "{document:#}");
    assert!(document["coverage"]["processes_denied"].as_u64() >= Some(1));
    assert_eq!(document["unattributed"][0]["reason"], "permission");
    assert!(document["coverage"]["reason"].is_string());
    drop(actor);
});

netns_test!(a_socket_in_flight_is_nobodys, |lab| {
    let (mut actor, clients) = connected(lab, "has it in flight", Net::V4, 2);
    actor.expect("in flight");
    shut(&clients, 1);
    let document = leaks(lab, &[]);
    assert_eq!(document["close_wait"]["eof_unread"], 2, "{document:#}");
    assert_eq!(document["coverage"]["unattributed"], 2, "{document:#}");
    assert_eq!(document["unattributed"][0]["reason"], "in_flight");
    let told = document["coverage"]["reason"].as_str().unwrap();
    assert!(told.contains("2 in the UNIX socket fd "), "{told}");
    assert!(told.contains(&actor.pid().to_string()), "{told}");
});

netns_test!(a_name_cannot_harm_a_terminal_or_a_parser, |lab| {
    let (mut actor, clients) = connected(lab, "has an evil name", Net::V4, 1);
    let child: u32 = actor.hear().parse().unwrap();
    shut(&clients, 1);
    let document = leaks(lab, &[]);
    assert_eq!(process(&document, actor.pid())["command"], EVIL_NAME);
    assert_eq!(process(&document, child)["cmdline"][0], EVIL_ARGUMENT);
    for format in [&["--sockets"][..], &["--format", "csv"]] {
        let arguments = [&["leaks", "--min-age", "0s", "--color", "never"], format].concat();
        let answer = lab.tcpstate(&arguments).run().succeeded();
        let wrong = answer.stdout.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(wrong, None, "in {}", answer.stdout);
    }
});

netns_test!(over_proc_ages_come_from_a_second_look, |lab| {
    let (actor, clients) = connected(lab, "never reads", Net::V6, 2);
    shut(&clients, 1);
    let ask = |more: &[&str]| {
        let arguments = [&["leaks", "--json", "--min-age", "500ms"], more].concat();
        let program = lab.tcpstate(&arguments);
        judged(
            program
                .confined(Confinement::without_netlink(1))
                .run()
                .json(),
        )
    };
    let document = ask(&[]);
    assert_eq!(document["collection"]["source"], "procfs");
    assert!(document["collection"]["fallback_reason"].is_string());
    assert_eq!(document["close_wait"]["undated"], 2, "{document:#}");
    let document = ask(&["--over", "1s"]);
    assert_eq!(document["close_wait"]["eof_unread"], 2, "{document:#}");
    assert_eq!(process(&document, actor.pid())["leaked"], 2);
});

netns_test!(what_cannot_be_answered_is_refused, |lab| {
    let answer = lab.tcpstate(&["leaks", "--pid", "4294967295"]).run();
    assert_eq!(answer.status.code(), Some(2));
    let told = "tcpstate: no process 4294967295, or /proc hides it (hidepid); see tcpstate leaks";
    assert!(answer.stderr.starts_with(told), "{}", answer.stderr);
    let (status, stderr) = lab.tcpstate(&["leaks"]).run_into_closed_pipe();
    assert_eq!(
        (status.code(), status.signal(), stderr.as_str()),
        (Some(0), None, "")
    );
});

// Keepalive had reset what a server leaked: no row was left, and all was well.
netns_test!(many_resets_are_looked_for_and_told_of, |lab| {
    for (count, is_many) in [(3, false), (25, true)] {
        let (actor, clients) = connected(lab, "never reads", Net::V4, count);
        let rows = shut(&clients, 1);
        for client in clients {
            client.set_linger(Some(Duration::ZERO)).unwrap();
        }
        until("the resets", || {
            let table = Table::read();
            let mut left = rows.iter();
            match left.find_map(|row| table.find(row.local, row.remote)) {
                None => Ok(()),
                Some(row) => Err(format!("{row:?}")),
            }
        });
        let document = leaks(lab, &[]);
        let closed = document["closed_connections"]["descriptors"].as_array();
        let ours = closed.map(|all| all.iter().filter(|one| one["pid"] == actor.pid()).count());
        assert_eq!(ours, is_many.then_some(count), "{document:#}");
        let told = "sockets are in no table";
        let advice = "tcpstate leaks --deep";
        for (command, words) in [
            (&["summary"][..], [told, advice]),
            (&["check", "-v"], [told; 2]),
        ] {
            let answer = lab.tcpstate(command).run();
            let says = words.map(|words| answer.stdout.contains(words));
            assert_eq!(says, [is_many; 2], "{answer:#?}");
        }
    }
});
