//! What is kept from sample to sample.

use super::super::*;
use super::staged::{CLOSE_WAIT, Host, LISTEN};
use crate::classify::history::{HISTORY, Timeline};
use crate::model::TcpState;

const SOCKETS: u16 = 5;

/// Whoever watches for days has no more memory than whoever watches for an
/// hour: all sockets are others in each sample, and nothing of them is kept.
#[test]
fn nothing_is_kept_of_what_is_gone() {
    for view in [Details::None, Details::Leaks, Details::Connections] {
        let host = Host::new(0);
        let mut sampler = host.with_fallback();
        let mut timeline = Timeline::default();
        let mut kept = Vec::new();
        for second in 0..u16::try_from(HISTORY).unwrap() + 60 {
            let numbers = (0..SOCKETS).map(move |number| 1 + second * SOCKETS + number);
            let waiting = numbers.clone().map(|number| (CLOSE_WAIT, number));
            host.process(7, 4_711 + u64::from(second), numbers);
            // A listener that is another one each time, too.
            host.has([(LISTEN, 10_000 + second)].into_iter().chain(waiting));
            let reading = sampler.take_at(view, host.at(second.into()));
            timeline.push(reading.unwrap());
            kept.push((sampler.kept(), timeline.kept()));
        }
        let (last, earlier) = (kept[kept.len() - 1], kept[kept.len() - 40]);
        assert_eq!(last, earlier, "{view:?}");
        assert!(last.0 <= 12 * usize::from(SOCKETS), "{view:?}: {last:?}");
        assert_eq!(timeline.past(TcpState::Listen).count(), HISTORY);
    }
}
