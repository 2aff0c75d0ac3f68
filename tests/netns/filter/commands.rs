//! The same words in every command.

use serde_json::Value;

use crate::lab::{Lab, Net, netns_test, stage};

fn document(lab: &Lab, command: &[&str], words: &str) -> Value {
    let words: Vec<&str> = words.split(' ').collect();
    let output = lab.tcpstate(&[command, &["--json"], &words].concat()).run();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_str(&output.stdout).expect("one document")
}

netns_test!(every_command_takes_the_same_words, |lab| {
    let _open = stage::established(Net::V4, 3);
    let _leaked = stage::fin_wait2_held(Net::V6, 2);
    let _done = stage::time_wait(Net::V4, 4);
    let own = format!("pid = {}", std::process::id());
    let others = format!("not {own}");
    for command in [&["summary"][..], &["watch", "--count", "1"]] {
        let established =
            |words: &str| document(lab, command, words)["states"]["established"].clone();
        let mine = document(lab, command, &own);
        assert_eq!(mine["states"]["established"]["total"], 6, "{mine}");
        assert_eq!(mine["states"]["close_wait"]["total"], 2, "{mine}");
        // Nobody keeps who had them.
        assert!(mine["states"]["time_wait"].is_null(), "{mine}");
        assert_eq!(mine["collection"]["filter"], Value::from(own.as_str()));
        assert_eq!(established(&others)["total"], 0);
        assert_eq!(established("src ::/0")["total"], 0);
        let waiting = document(lab, command, "time-wait");
        assert_eq!(waiting["states"]["time_wait"]["total"], 4, "{waiting}");
    }
    // A recent close_wait socket counts, whatever it is judged to be.
    let of_leaks = |words: &str| document(lab, &["leaks"], words)["close_wait"]["total"].clone();
    assert_eq!(of_leaks("src ::/0"), 2);
    assert_eq!(of_leaks("not src ::/0"), 0);
    assert_eq!(of_leaks(&own), 2);
    assert_eq!(of_leaks(&others), 0);
    let check = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let all = [&["check", "-c", "established=5"], words.as_slice()].concat();
        lab.tcpstate(&all).run().status.code()
    };
    assert_eq!((check(&own), check(&others)), (Some(2), Some(0)));
    let ports = document(lab, &["pressure"], "dst 192.0.2.1");
    assert_eq!(ports["ports"]["destinations"], Value::Array(Vec::new()));
    // A page of numbers of the whole host would be no answer.
    assert_eq!(ports["findings"], Value::Array(Vec::new()));
});

netns_test!(
    a_wrong_filter_is_refused_before_anything_is_printed,
    |lab| {
        for (command, status) in [
            ("summary", 2),
            ("leaks", 2),
            ("pressure", 2),
            ("watch", 2),
            ("list", 2),
            ("check", 3),
        ] {
            let output = lab.tcpstate(&[command, "dport", "=", "99999"]).run();
            assert_eq!(output.status.code(), Some(status), "{output:?}");
            assert!(output.stderr.contains("\n          ^^^^^\n"), "{output:?}");
            let says_unknown = output.stdout.starts_with("TCPSTATE UNKNOWN: ");
            assert!(
                output.stdout.is_empty() || command == "check" && says_unknown,
                "{output:?}"
            );
            let output = lab.tcpstate(&[command, "process", "nobody-is-so"]).run();
            assert_eq!(output.status.code(), Some(status), "{output:?}");
        }
    }
);
