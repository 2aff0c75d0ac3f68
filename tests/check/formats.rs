//! JSON and Prometheus, and the files that others collect.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::staged::healthy;
use crate::{proc_args, run, stderr, stdout};

const STATES: [&str; 11] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
];

#[test]
fn json_follows_the_contract() {
    let proc_root = healthy();
    proc_root.write("sys/net/ipv4/tcp_syncookies", "0\n");
    let args = ["--json", "-w", "time_wait=80%", "-c", "listen_growth=5"];
    // A rate was asked for, and there is no HOME: that is told on stderr alone.
    let output = run(&proc_args(&proc_root, &args));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(stderr(&output).lines().count(), 1);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["schema"], "tcpstate.check/1");
    assert_eq!(document["status"], "warning");
    assert_eq!(document["host"], "web-3");
    assert_eq!(document["findings"][0]["rule"], "tcp_syncookies");
    let metrics = document["metrics"].as_array().expect("an array");
    let metric = |name: &str| {
        let found = metrics.iter().find(|metric| metric["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(metric("established")["value"], 1.0);
    assert_eq!(metric("time_wait")["warn"], "104857.6");
    assert_eq!(metric("time_wait_used")["unit"], "%");
    assert_eq!(metric("time_wait")["status"], "ok");
    assert_eq!(metric("listen_growth")["status"], "unknown");
    assert_eq!(metric("established")["status"], Value::Null);
    let problems = document["problems"].as_array().expect("an array");
    assert_eq!(problems[0]["about"][0], "tcp_syncookies");
    assert_eq!(problems[1]["status"], "unknown");
    assert_eq!(problems[1]["about"][0], "listen_growth");
    assert_eq!(metric("listen_growth")["value"], Value::Null);
    assert_eq!(metric("listen_growth")["unit"], "per hour");
    assert!(metric("listen_growth")["missing"].is_string());
    for name in STATES {
        assert!(metric(name)["value"].is_number(), "{name}");
    }
}

/// Every line is a comment or a sample of the family above it; each family
/// comes once, with its help and its type.
#[test]
fn prometheus_gets_every_state_and_no_surprises() {
    let proc_root = healthy();
    let output = run(&proc_args(
        &proc_root,
        &["--format", "prometheus", "--metrics=all"],
    ));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = stdout(&output);
    let (mut families, mut series) = (BTreeSet::new(), BTreeSet::new());
    let (mut family, mut kind) = ("", "");
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(families.insert(name), "{name} comes twice");
            assert!(help.ends_with('.') && help.len() > 5, "{line}");
            family = name;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, type_of) = rest.split_once(' ').expect("a type");
            assert_eq!(name, family);
            kind = type_of;
        } else {
            let (id, value) = line.rsplit_once(' ').expect("a value");
            assert!(series.insert(id), "{id} comes twice");
            let name = id.split('{').next().unwrap_or_default();
            assert_eq!(name, family, "{line}");
            assert!(name.starts_with("tcpstate_"), "{line}");
            let value: f64 = value.parse().expect("a number");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            if name.ends_with("_ratio") {
                assert!((0.0..=1.0).contains(&value), "{line}");
            }
        }
    }
    for state in STATES {
        let id = format!("tcpstate_sockets{{state=\"{state}\"}}");
        assert!(series.contains(id.as_str()), "{state}");
    }
    for rule in ["close_wait_leak", "time_wait_buckets", "tcp_syncookies"] {
        let id = format!("tcpstate_finding{{rule=\"{rule}\",topic=");
        assert!(
            series.iter().any(|series| series.starts_with(&id)),
            "{rule}"
        );
    }
    assert!(page.contains("tcpstate_estab_resets_total 0\n"), "{page}");
    assert!(
        page.contains("tcpstate_sockets{state=\"established\"} 1\n"),
        "{page}"
    );
}

/// A fleet pays for each series of each host.
#[test]
fn prometheus_gets_about_forty_series_by_default() {
    let proc_root = healthy();
    let page = stdout(&run(&proc_args(&proc_root, &["--format", "prometheus"])));
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    assert!((30..=50).contains(&series), "{series} series");
    for absent in [
        "tcpstate_sysctl",
        "tcpstate_estab_resets_total",
        "tcpstate_tcp_",
    ] {
        assert!(!page.contains(absent), "{absent}");
    }
}

/// A page without metrics would be a host that is down.
#[test]
fn quiet_prints_metrics_all_the_same() {
    let proc_root = healthy();
    let output = run(&proc_args(
        &proc_root,
        &["--quiet", "--format", "prometheus"],
    ));
    assert!(stdout(&output).contains("tcpstate_check_status 0\n"));
}

/// Without its limit a share is a share, and no number of sockets.
#[test]
fn a_share_of_an_unknown_limit_is_written_as_one() {
    let proc_root = healthy();
    fs::remove_file(proc_root.file("sys/net/ipv4/tcp_max_tw_buckets")).expect("removed");
    let share = ["-w", "time_wait=80%"];
    let output = run(&proc_args(&proc_root, &[&share[..], &["--json"]].concat()));
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let metrics = document["metrics"].as_array().expect("an array");
    let metric = metrics.iter().find(|metric| metric["name"] == "time_wait");
    assert_eq!(metric.expect("there")["warn"], "80%");
    let output = run(&proc_args(&proc_root, &[&share[..], &["-vv"]].concat()));
    assert!(
        stdout(&output).contains("time_wait: 0, warning 80%\n"),
        "{output:?}"
    );
}

/// A number of a part of the sockets is no fact, and a rule that could not
/// judge has not found nothing.
#[test]
fn prometheus_publishes_nothing_of_an_incomplete_dump() {
    let proc_root = healthy();
    let table = fs::read_to_string(proc_root.file("net/tcp")).expect("readable");
    proc_root.write("net/tcp", &format!("{table}garbage\n"));
    let output = run(&proc_args(&proc_root, &["--format", "prometheus"]));
    let page = stdout(&output);
    for line in [
        "tcpstate_finding{rule=\"tcp_syncookies\",topic=\"tcp_syncookies\"} 0\n",
        "tcpstate_check_status 3\n",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
    for absent in ["tcpstate_sockets{", "rule=\"close_wait_leak\"", "NaN"] {
        assert!(!page.contains(absent), "{absent} in {page}");
    }
    let not_judged = page
        .lines()
        .find_map(|line| line.strip_prefix("tcpstate_rules_not_judged "));
    assert!(not_judged.is_some_and(|rules| rules != "0"), "{page}");
}

#[test]
fn promtool_has_nothing_to_say() {
    let proc_root = healthy();
    let page = run(&proc_args(&proc_root, &["--format", "prometheus"])).stdout;
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut tool = match tool {
        Ok(tool) => tool,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!ci, "can't be skipped with CI=true: no promtool");
            // libtest captures what the print macros write, but not this.
            writeln!(
                io::stderr(),
                "SKIPPED promtool_has_nothing_to_say: no promtool; Debian has it in prometheus"
            )
            .expect("stderr");
            return;
        }
        Err(error) => panic!("promtool: {error}"),
    };
    let mut stdin = tool.stdin.take().expect("a pipe");
    stdin.write_all(&page).expect("written");
    drop(stdin);
    let output = tool.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn the_textfile_is_what_a_scrape_would_be() {
    let proc_root = healthy();
    let page = proc_root.file("tcpstate.prom");
    let args = ["--quiet", "--textfile", page.to_str().expect("text")];
    let output = run(&proc_args(&proc_root, &args));
    assert!(
        output.stdout.is_empty() && output.status.success(),
        "{output:?}"
    );
    let printed = stdout(&run(&proc_args(&proc_root, &["--format", "prometheus"])));
    let written = fs::read_to_string(page).expect("there");
    let without_time = |page: &str| -> Vec<String> {
        let lines = page
            .lines()
            .filter(|line| !line.contains("duration_seconds "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(without_time(&written), without_time(&printed));
}

/// A share of all ports that a part of the sockets has, or listeners without a
/// peer, were a 0 that looked like health.
#[test]
fn of_a_part_what_it_cannot_tell_is_no_zero() {
    let proc_root = healthy();
    let args = ["--remote", ":80", "--format", "prometheus"];
    let page = stdout(&run(&proc_args(&proc_root, &args)));
    assert!(
        page.contains("\ntcpstate_sockets{state=\"time_wait\"} 0\n"),
        "{page}"
    );
    for series in [
        "sockets{state=\"listen\"}",
        "time_wait_used_ratio",
        "ports_used_ratio",
        "accept_queues_full",
    ] {
        assert!(
            !page.contains(&format!("\ntcpstate_{series} ")),
            "{series} in {page}"
        );
    }
}
