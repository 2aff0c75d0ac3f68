//! The list beside `ss`: the same facts of every socket.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;

use serde_json::Value;

use crate::filter::fixture::Fixture;
use crate::lab::{Lab, netns_test};

/// What one of the two says of a socket, by name.
type Facts = BTreeMap<String, String>;

/// Every socket by its cookie, as `ss -tanpiemoO` shows it.
fn by_ss(lab: &Lab) -> Option<BTreeMap<String, Facts>> {
    let lines = lab.ss_lines(&["-tanpiemoOH"])?;
    let sockets = lines.iter().map(|line| {
        let mut facts = Facts::new();
        // The names of programs here have no blanks.
        let mut words = line.split_ascii_whitespace();
        for name in ["state", "recv_q", "send_q", "local", "remote"] {
            let word = words.next().expect("five columns");
            facts.insert(name.to_owned(), word.to_owned());
        }
        while let Some(word) = words.next() {
            match word.split_once(':') {
                // Those of one congestion control, and no part of tcp_info.
                Some(("bbr" | "dctcp" | "vegas", _)) => {}
                Some((name, value)) => drop(facts.insert(name.to_owned(), value.to_owned())),
                None => match word {
                    "ts" | "usec_ts" | "sack" | "ecn" | "ecnseen" | "fastopen" | "app_limited" => {
                        facts.insert(word.to_owned(), String::new());
                    }
                    "send" | "pacing_rate" | "delivery_rate" => {
                        let value = words.next().expect("a rate").to_owned();
                        facts.insert(word.to_owned(), value);
                    }
                    "<->" | "-->" | "<--" | "---" => {
                        facts.insert("shutdown".to_owned(), word.to_owned());
                    }
                    congestion => {
                        facts.insert("congestion".to_owned(), congestion.to_owned());
                    }
                },
            }
        }
        let cookie = facts.remove("sk").expect("a cookie");
        (cookie, facts)
    });
    Some(sockets.collect())
}

/// The same of what `tcpstate list --json` says, in the words of ss: of the names
/// that ss mentions, for it leaves zeros out.
fn by_us(socket: &Value, ss: &Facts) -> Facts {
    let names = ss.keys();
    let ours = names.filter_map(|name| Some((name.clone(), ours(socket, ss, name)?)));
    ours.collect()
}

/// One fact; `None` where we don't tell it.
fn ours(socket: &Value, ss: &Facts, name: &str) -> Option<String> {
    let text = |name: &str| socket[name].as_str();
    let number = |name: &str| socket[name].as_u64();
    let listens = text("state") == Some("listen");
    Some(match name {
        "state" => match text("state")? {
            "established" => "ESTAB".to_owned(),
            "bound_inactive" => "UNCONN".to_owned(),
            state => state
                .to_uppercase()
                .replace('_', "-")
                .replace("WAIT1", "WAIT-1")
                .replace("WAIT2", "WAIT-2"),
        },
        "recv_q" if listens => number("accept_queue")?.to_string(),
        "send_q" if listens => number("accept_limit")?.to_string(),
        "recv_q" | "send_q" => number(name)?.to_string(),
        "local" => end(socket, name, text("interface")),
        "remote" => end(socket, name, None),
        "users" => {
            let held = socket["processes"].as_array()?.iter().map(|holder| {
                let command = holder["command"].as_str().expect("a name");
                format!("(\"{command}\",pid={},fd={})", holder["pid"], holder["fd"])
            });
            // ss has the last descriptor first.
            let mut held: Vec<String> = held.collect();
            held.reverse();
            format!("({})", held.join(","))
        }
        "timer" => {
            let kind = socket["timer"]["kind"].as_str()?;
            // When it fires is another time at another time.
            let (_, rest) = ss[name].split_once(',')?;
            let (fires, _) = rest.split_once(',')?;
            format!("({kind},{fires},{})", socket["timer"]["retransmits"])
        }
        "uid" => number("uid")?.to_string(),
        "ino" => number("inode").unwrap_or(0).to_string(),
        "fwmark" => format!("{:#x}", number("mark")?),
        "cgroup" => text("cgroup")?.to_owned(),
        "v6only" => u8::from(socket["v6only"].as_bool()?).to_string(),
        "shutdown" => {
            let bits = number("shutdown")?;
            let receiving = if bits & 1 == 0 { '<' } else { '-' };
            let sending = if bits & 2 == 0 { '>' } else { '-' };
            format!("{receiving}-{sending}")
        }
        "skmem" => {
            let fields = [
                ("r", "rmem_alloc"),
                ("rb", "rcvbuf"),
                ("t", "wmem_alloc"),
                ("tb", "sndbuf"),
                ("f", "fwd_alloc"),
                ("w", "wmem_queued"),
                ("o", "optmem"),
                ("bl", "backlog"),
                ("d", "drops"),
            ];
            let fields = fields.map(|(letter, name)| format!("{letter}{}", socket["memory"][name]));
            format!("({})", fields.join(","))
        }
        "congestion" => text("congestion_control")?.to_owned(),
        name => in_tcp_info(socket, ss, name)?,
    })
}

/// The same of what tcp_info says.
fn in_tcp_info(socket: &Value, ss: &Facts, name: &str) -> Option<String> {
    let info = |name: &str| socket["info"][name].as_u64();
    let option = |bit: u64| (info("options")? & bit != 0).then(String::new);
    let milliseconds = |name: &str| Some(thousandths(info(name)?));
    Some(match name {
        "ts" => option(1)?,
        "sack" => option(2)?,
        "ecn" => option(8)?,
        "ecnseen" => option(16)?,
        "fastopen" => option(32)?,
        "usec_ts" => option(64)?,
        "app_limited" => (info("delivery_rate_app_limited")? == 1).then(String::new)?,
        "wscale" => format!("{},{}", info("snd_wscale")?, info("rcv_wscale")?),
        "rto" | "ato" => milliseconds(name)?,
        "rtt" => format!("{}/{}", milliseconds("rtt")?, milliseconds("rttvar")?),
        "minrtt" => milliseconds("min_rtt")?,
        "rcv_rtt" => milliseconds("rcv_rtt")?,
        "mss" => info("snd_mss")?.to_string(),
        "rcvmss" => info("rcv_mss")?.to_string(),
        "cwnd" => info("snd_cwnd")?.to_string(),
        "ssthresh" => info("snd_ssthresh")?.to_string(),
        "notsent" => info("notsent_bytes")?.to_string(),
        "retrans" => format!("{}/{}", info("retrans")?, info("total_retrans")?),
        // The walk of ours is the later one.
        "lastsnd" => since(&ss[name], info("last_data_sent")?),
        "lastrcv" => since(&ss[name], info("last_data_recv")?),
        "lastack" => since(&ss[name], info("last_ack_recv")?),
        "busy" => {
            let before = ss[name].strip_suffix("ms")?;
            format!("{}ms", since(before, info("busy_time")? / 1_000))
        }
        "rwnd_limited" | "sndbuf_limited" => {
            info(name)?;
            ss[name].clone()
        }
        // ss makes it of three others.
        "send" => ss[name].clone(),
        "pacing_rate" => {
            let most = info("max_pacing_rate").map(|most| format!("/{}bps", most * 8));
            format!(
                "{}bps{}",
                info("pacing_rate")? * 8,
                most.unwrap_or_default()
            )
        }
        "delivery_rate" => format!("{}bps", info("delivery_rate")? * 8),
        // Under the kernel's own name.
        name => info(name)?.to_string(),
    })
}

/// A time that only grows: as long as it was, or longer.
fn since(before: &str, now: u64) -> String {
    let then: u64 = before.parse().expect("a number");
    if now >= then {
        before.to_owned()
    } else {
        now.to_string()
    }
}

/// Microseconds as milliseconds with as many decimals as they need.
fn thousandths(microseconds: u64) -> String {
    let text = format!("{}.{:03}", microseconds / 1_000, microseconds % 1_000);
    // printf's %g has six digits.
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// An end as ss writes it.
fn end(socket: &Value, name: &str, interface: Option<&str>) -> String {
    let address = socket[name]["address"].as_str().expect("an address");
    let on = interface.map_or_else(String::new, |interface| format!("%{interface}"));
    let is_dual = socket["v6only"] == Value::Bool(false) && address == "::";
    let listens_on_both = socket["family"] == "ipv6" && socket["v6only"] == Value::Bool(false);
    let address = match address {
        "::" if is_dual || listens_on_both => "*".to_owned(),
        address if socket["family"] == "ipv6" => format!("[{address}]"),
        address => address.to_owned(),
    };
    let port = match socket[name]["port"].as_u64() {
        Some(0) | None => "*".to_owned(),
        Some(port) => port.to_string(),
    };
    format!("{address}{on}:{port}")
}

netns_test!(every_fact_that_ss_shows_is_shown_and_the_same, |lab| {
    let _fixture = Fixture::make(lab);
    // Held twice.
    let listener = TcpListener::bind("127.0.0.1:2222").expect("bound");
    let _again = listener.try_clone().expect("a second descriptor");
    let mut differing = Vec::new();
    // Timers fire meanwhile, and what they count changes.
    for _ in 0..20 {
        let Some(ss) = by_ss(lab) else { return };
        let document = lab.tcpstate(&["list", "-apiem", "--json"]).run().json();
        let sockets = document["sockets"].as_array().expect("sockets");
        let of_cookie = |cookie: &str| {
            let number = u64::from_str_radix(cookie, 16).expect("a number");
            sockets.iter().find(|socket| socket["cookie"] == number)
        };
        differing.clear();
        let cookies: BTreeSet<&String> = ss.keys().collect();
        // Older versions of ss don't ask for those that are bound and no more.
        let is_bound = |socket: &&Value| socket["state"] == "bound_inactive";
        let bound = sockets.iter().filter(is_bound).count();
        if sockets.len() < cookies.len() || sockets.len() - bound > cookies.len() {
            differing.push(format!("{} of {} sockets", sockets.len(), cookies.len()));
        }
        for (cookie, theirs) in &ss {
            let Some(socket) = of_cookie(cookie) else {
                differing.push(format!("{cookie}: not in the list"));
                continue;
            };
            let ours = by_us(socket, theirs);
            for (name, value) in theirs {
                if ours.get(name) != Some(value) {
                    differing.push(format!(
                        "{cookie} {name}: {value}, ours {:?}",
                        ours.get(name)
                    ));
                }
            }
        }
        if differing.is_empty() {
            return;
        }
    }
    panic!("{}", differing.join("\n"));
});
