//! Sockets that are in no table while a descriptor is held: those that a reset
//! or a timeout took away from a program that never closed them.

use super::super::metric::Observation;
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use crate::model::UNLISTED_MANY;
use crate::text::number::counted;

/// Sockets outside of every table. How many are TCP's isn't known, so that many
/// of them are worth a look and no more.
pub(super) const UNLISTED: Rule = Rule::new("unlisted_sockets", "closed descriptors", judge)
.explained("The kernel counts sockets that are in no table of their protocol: not connected, not listening, or reset while a program holds the descriptor. A program that leaks connections with keepalive ends so: every row of its leak vanishes, and its descriptors stay. Fresh sockets of other protocols count too, so that the number is an upper bound. See which descriptors: tcpstate leaks --deep.");

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    let Some(unlisted) = observation.snapshot.unlisted_at_most else {
        return Judgement::NotAsked;
    };
    let many = (unlisted >= UNLISTED_MANY).then_some(Severity::Info);
    let Some(severity) = levels.severity(None, many) else {
        return Judgement::Fine;
    };
    Judgement::Found(vec![Finding {
        rule: UNLISTED.name,
        severity,
        subject: "closed descriptors".to_owned(),
        message: format!(
            "up to {} in no table while a program holds them: connections that were reset and \
             never closed look so, and so do sockets that were never connected",
            counted(unlisted, "socket is", "sockets are"),
        ),
        advice: "see which descriptors, and whose: tcpstate leaks --deep".to_owned(),
        evidence: vec![Evidence::count("unlisted_at_most", unlisted)],
        state: None,
    }])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::snapshot;
    use super::super::testing::judged_by;
    use super::*;

    #[test]
    fn many_are_worth_a_look_and_few_are_not() {
        let judged = |unlisted| {
            let mut snapshot = snapshot().build();
            snapshot.unlisted_at_most = unlisted;
            judged_by(&UNLISTED, &snapshot, None)
        };
        assert_eq!(judged(None), Judgement::NotAsked);
        assert_eq!(judged(Some(UNLISTED_MANY - 1)), Judgement::Fine);
        let Judgement::Found(findings) = judged(Some(49)) else {
            panic!("49 are many");
        };
        assert_eq!(findings[0].severity, Severity::Info);
        assert!(
            findings[0]
                .message
                .starts_with("up to 49 sockets are in no table")
        );
        assert!(findings[0].advice.ends_with("tcpstate leaks --deep"));
    }
}
