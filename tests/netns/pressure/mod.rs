//! `tcpstate pressure`: what it predicts is what the kernel does.

mod listeners;
mod ports;
mod unresponsive;

use serde_json::Value;

use crate::lab::Lab;

/// `tcpstate pressure --json` and more arguments.
fn pressure(lab: &Lab, more: &[&str]) -> Value {
    let arguments = [&["pressure", "--json"], more].concat();
    let document = lab.tcpstate(&arguments).run().json();
    assert_eq!(document["schema"], "tcpstate.pressure/1");
    document
}

/// The findings of a rule, as severities.
fn severities<'a>(document: &'a Value, rule: &str) -> Vec<&'a str> {
    let findings = document["findings"].as_array().expect("findings");
    findings
        .iter()
        .filter(|finding| finding["rule"] == rule)
        .map(|finding| finding["severity"].as_str().expect("a severity"))
        .collect()
}
