//! Every namespace in one answer.

use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use tcpstate::collect::{SurveyPlan, read_all};
use tcpstate::kernel::netns::enter;

use super::{Idle, commands::leak, live};
use crate::lab::{Lab, netns_test, until};

fn summary(lab: &Lab) -> Value {
    let answer = lab
        .tcpstate(&["summary", "--netns", "all", "--json"])
        .run()
        .json();
    assert_eq!(answer["schema"], "tcpstate.summary.all/1");
    answer
}

fn one_of(document: &Value, inode: u64) -> Option<&Value> {
    let all = document["namespaces"].as_array().expect("an array");
    all.iter().find(|one| one["netns"]["inode"] == inode)
}

netns_test!(each_namespace_is_counted_and_judged_by_itself, |lab| {
    let (leaking, empty) = (Idle::new(), Idle::new());
    let leaked = leak(&leaking, 3);
    let name = format!("sh[{}]", leaking.process.id());
    let document = summary(lab);
    let one = one_of(&document, leaking.inode).expect("it is there");
    assert_eq!(one["examined"], "full", "{document:#}");
    assert_eq!(one["netns"]["name"], name);
    assert_eq!(one["pids"], Value::from([leaking.process.id()]));
    let answer = &one["answer"];
    assert_eq!(answer["schema"], "tcpstate.summary/1");
    assert_eq!(answer["netns"], one["netns"]);
    assert_eq!(answer["states"]["close_wait"]["total"], 3, "{document:#}");
    assert_eq!(answer["collection"]["source"], "netlink");
    let other = one_of(&document, empty.inode).expect("it is there");
    assert_eq!(other["examined"], "counters");
    assert_eq!(other["answer"], Value::Null);
    assert_eq!(other["sockets"], 0);
    let close_wait = document["totals"]["states"]["close_wait"]["total"].as_u64();
    assert!(close_wait >= Some(3), "{document:#}");
    let text = lab.tcpstate(&["summary", "--netns", "all"]).run();
    let text = text.succeeded().stdout;
    let row = text.lines().find(|line| line.starts_with(&name));
    let cells: Vec<&str> = row.expect(&text).split_whitespace().collect();
    assert_eq!(cells[2], "3", "{text}");
    assert!(text.contains(" empty\n"), "{text}");
    let csv = lab
        .tcpstate(&["summary", "--netns", "all", "--format", "csv"])
        .run();
    let line = format!("\n{name},close_wait,3,");
    assert!(csv.succeeded().stdout.contains(&line));
    drop(leaked);
});

netns_test!(without_privileges_all_are_read_from_outside, |lab| {
    let idle = Idle::new();
    let leaked = leak(&idle, 3);
    let answer = lab
        .tcpstate(&["summary", "--netns", "all", "--json"])
        .confined(lab.unprivileged())
        .run();
    let told = answer.stderr.clone();
    assert!(told.contains("read from outside"), "{told}");
    assert!(told.contains("CAP_SYS_ADMIN and CAP_SYS_PTRACE"), "{told}");
    let document = answer.json();
    let name = format!("sh[{}]", idle.process.id());
    let all = document["namespaces"].as_array().unwrap();
    let one = all.iter().find(|one| one["netns"]["name"] == name);
    let one = one.expect("it is there for everybody");
    assert_eq!(one["examined"], "proc", "{document:#}");
    let answer = &one["answer"];
    assert_eq!(answer["states"]["close_wait"]["total"], 3, "{document:#}");
    assert_eq!(answer["sysctls"]["net.ipv4.tcp_fin_timeout"], Value::Null);
    drop(leaked);
});

netns_test!(
    sockets_alone_in_a_namespace_are_counted_with_who_has_them,
    |lab| {
        let idle = Idle::new();
        let listeners = enter(&live(), &idle.namespace(), |_| {
            // More than this host has sockets without a table of their own.
            [(); 64].map(|()| TcpListener::bind("0.0.0.0:0").unwrap())
        });
        let inode = idle.inode;
        drop(idle);
        let own = std::process::id();
        until("their holder", || {
            let document = summary(lab);
            assert_eq!(one_of(&document, inode), None);
            let host_wide = &document["host_wide"];
            assert!(host_wide["unaccounted_at_most"].as_u64() >= Some(64));
            let holders = host_wide["holders"].as_array().unwrap();
            match holders.iter().find(|holder| holder["pid"] == own) {
                Some(holder) if holder["sockets"] == 64 => Ok(()),
                _ => Err(format!("{host_wide:#}")),
            }
        });
        drop(listeners);
    }
);

netns_test!(one_that_ends_meanwhile_is_no_error_and_no_row, |_lab| {
    let idle = Idle::new();
    let leaked = leak(&idle, 1);
    let key = idle.key();
    let idle = Mutex::new(Some((idle, leaked)));
    let survey = read_all(
        &live(),
        SurveyPlan {
            // It has been counted by then, and is yet to be read.
            wants: &|_| {
                drop(idle.lock().unwrap().take());
                true
            },
            names_all: true,
            until: Instant::now() + Duration::from_secs(60),
        },
        |inside, _, _| Ok::<_, String>(inside.netns_inode()),
    )
    .unwrap();
    let mut all = survey.namespaces.iter();
    assert!(all.all(|one| one.netns.inode != key.inode()));
    for (one, inode) in survey.answers() {
        assert_eq!(one.netns.inode, *inode);
    }
});

netns_test!(what_the_time_does_not_suffice_for_is_told, |_lab| {
    let idle = Idle::new();
    let survey = read_all(
        &live(),
        SurveyPlan {
            wants: &|_| true,
            names_all: false,
            until: Instant::now(),
        },
        |_, _, _| Ok::<_, String>(()),
    )
    .unwrap();
    let mut all = survey.namespaces.iter();
    let one = all.find(|one| one.netns.inode == Some(idle.inode));
    let examined = &one.unwrap().examined;
    assert_eq!(examined.reason(), Some("the time was over"));
    assert_eq!(survey.answers().count(), 0);
});

netns_test!(leaks_and_what_runs_out_have_the_namespace_first, |lab| {
    let idle = Idle::new();
    let leaked = leak(&idle, 3);
    let listening = enter(&live(), &idle.namespace(), |_| {
        TcpListener::bind("0.0.0.0:7300").unwrap()
    });
    let name = format!("sh[{}]", idle.process.id());
    let own = std::process::id().to_string();
    let ask = |more: &[&str]| {
        let answer = lab.tcpstate(&[more, &["--netns", "all"]].concat()).run();
        answer.succeeded().stdout
    };
    let rows = |text: &str| -> Vec<Vec<String>> {
        let of_it = text.lines().filter(|line| line.starts_with(&name));
        let cells = of_it.map(|line| line.split_whitespace().map(str::to_owned).collect());
        cells.collect()
    };
    let text = ask(&["leaks", "--min-age", "0s"]);
    let row = rows(&text);
    assert_eq!(row[0][1], own, "{text}");
    let again = format!("tcpstate leaks --min-age 0s --netns '{name}'");
    assert!(text.contains(&again), "{text}");
    let csv = ask(&["leaks", "--min-age", "0s", "--format", "csv"]);
    assert_eq!(csv.matches(&format!("\n{name},{own},")).count(), 3, "{csv}");
    let document: Value = serde_json::from_str(&ask(&["leaks", "--json"])).unwrap();
    assert_eq!(document["schema"], "tcpstate.leaks.all/1");
    let one = one_of(&document, idle.inode).expect("it is there");
    assert_eq!(one["answer"]["close_wait"]["total"], 3, "{document:#}");
    let text = ask(&["pressure"]);
    let listener = |row: &&Vec<String>| row[1] == "0.0.0.0:7300";
    assert_eq!(rows(&text).iter().filter(listener).count(), 1, "{text}");
    assert!(text.matches("\nORPHANS ").count() <= 1, "{text}");
    let csv = ask(&["pressure", "--format", "csv-listeners"]);
    assert!(csv.contains(&format!("\n{name},0.0.0.0,7300,")), "{csv}");
    let document: Value = serde_json::from_str(&ask(&["pressure", "--json"])).unwrap();
    assert_eq!(document["schema"], "tcpstate.pressure.all/1");
    let one = one_of(&document, idle.inode).expect("it is there");
    let listeners = one["answer"]["listeners"].as_array().unwrap();
    assert_eq!(listeners.len(), 1, "{document:#}");
    drop((leaked, listening));
});

netns_test!(a_check_of_all_finds_what_is_anywhere, |lab| {
    let (leaking, other) = (Idle::new(), Idle::new());
    let leaked = leak(&leaking, 3);
    let listening = enter(&live(), &other.namespace(), |_| {
        TcpListener::bind("0.0.0.0:0").unwrap()
    });
    let name = format!("sh[{}]", leaking.process.id());
    let check = |more: &[&str]| {
        let fixed = ["check", "--netns", "all", "--min-age", "0s"];
        lab.tcpstate(&[&fixed, more].concat()).run()
    };
    // Who holds them is this process, whose own namespace is another.
    let own = std::process::id().to_string();
    let of_pid = ["--pid", &own, "-c", "close_wait=2"];
    let answer = check(&of_pid);
    assert_eq!(answer.status.code(), Some(2), "{answer:#?}");
    assert!(answer.stdout.contains(&name), "{answer:#?}");
    assert!(answer.stdout.contains("'close_wait'=3;;;0"), "{answer:#?}");
    let each = [&of_pid[..], &["--per-netns"]].concat();
    let label = format!("'{name}::close_wait'=3");
    assert!(check(&each).stdout.contains(&label));
    let answer = check(&[&of_pid[..], &["--json"]].concat());
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(document["schema"], "tcpstate.check.all/1");
    assert_eq!(document["totals"]["status"], "critical", "{document:#}");
    let one = one_of(&document, leaking.inode).expect("it is there");
    assert_eq!(one["answer"]["status"], "critical", "{document:#}");
    let one = one_of(&document, other.inode).expect("it is there");
    assert_eq!(one["answer"]["status"], "ok", "{document:#}");
    let page = check(&[&of_pid[..], &["--format", "prometheus"]].concat()).stdout;
    let series = format!("tcpstate_sockets{{netns=\"{name}\",state=\"close_wait\"}} 3\n");
    assert!(page.contains(&series), "{page}");
    let absent = u32::MAX.to_string();
    let answer = check(&["--pid", &absent]);
    assert_eq!(answer.status.code(), Some(3), "{answer:#?}");
    drop((leaked, listening));
});

netns_test!(a_check_of_all_remembers_each_by_itself, |lab| {
    let leaking = Idle::new();
    let leaked = leak(&leaking, 3);
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state").display().to_string();
    let check = || {
        let check = ["check", "--netns", "all", "--json", "--state", &state];
        // Others on this host may be ill.
        let answer = lab.tcpstate(&check).run();
        let document: Value = serde_json::from_str(&answer.stdout).unwrap();
        one_of(&document, leaking.inode)
            .expect("it is there")
            .clone()
    };
    check();
    let states = std::fs::read_to_string(&state).unwrap();
    let states: Value = serde_json::from_str(&states).unwrap();
    let all = states["checks"].as_array().unwrap();
    let own = all.iter().find(|one| one["netns"] == leaking.inode);
    let sockets = &own.expect("it has left something")["close_wait"]["sockets"];
    assert_eq!(sockets.as_object().unwrap().len(), 3, "{sockets:#}");
    check();
    drop(leaked);
});
