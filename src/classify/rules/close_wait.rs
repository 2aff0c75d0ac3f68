//! CLOSE_WAIT: the peer closed, the application didn't.

use super::super::{Evidence, Finding, Judgement, Rule, Severity};
use crate::model::number::counted;
use crate::model::{Sample, TcpState};

/// Many connections that wait for their application to close them.
pub(in crate::classify) const CLOSE_WAIT_PILEUP: Rule = Rule {
    name: "close_wait_pileup",
    topic: "CLOSE_WAIT",
    judge,
};

/// A healthy application closes within milliseconds, so even a busy host has
/// few at any moment; one that leaks passes this within its first hour.
const WARNING: u64 = 50;
/// A common descriptor limit is 1,024: near it, accept() and open() fail.
const CRITICAL: u64 = 1_000;

fn judge(sample: &Sample, _previous: Option<&Sample>) -> Judgement {
    let Some(close_wait) = sample.states.total_of(TcpState::CloseWait) else {
        return Judgement::Unknown;
    };
    let severity = match close_wait {
        CRITICAL.. => Severity::Critical,
        WARNING.. => Severity::Warning,
        _ => return Judgement::Fine,
    };
    let mut evidence = vec![Evidence::count("close_wait", close_wait)];
    let established = sample.states.total_of(TcpState::Established);
    evidence.extend(established.map(|count| Evidence::count("established", count)));
    Judgement::Found(vec![Finding {
        rule: CLOSE_WAIT_PILEUP.name,
        severity,
        subject: "CLOSE_WAIT".to_owned(),
        message: format!(
            "{} were closed by the peer and not by the application; \
             CLOSE_WAIT has no timeout",
            counted(close_wait, "connection", "connections"),
        ),
        advice: "find the processes that hold them: ss -tnp state close-wait".to_owned(),
        evidence,
        state: Some(TcpState::CloseWait),
    }])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::sample;
    use super::*;

    #[test]
    fn fires_from_fifty_and_is_critical_from_a_thousand() {
        for (count, severity) in [
            (0, None),
            (49, None),
            (50, Some(Severity::Warning)),
            (999, Some(Severity::Warning)),
            (1_000, Some(Severity::Critical)),
        ] {
            let found = match judge(
                &sample().with_state(TcpState::CloseWait, count).build(),
                None,
            ) {
                Judgement::Found(findings) => Some(findings[0].severity),
                Judgement::Fine => None,
                Judgement::Unknown | Judgement::NotAsked => panic!("the count is known"),
            };
            assert_eq!(found, severity, "{count}");
        }
    }
}
