//! What states, sequences, settings and counters mean. A rule's text stands
//! beside the rule.
//!
//! The texts rest on RFC 9293 (TCP), RFC 7413 (Fast Open), RFC 4987 (SYN
//! floods) and on what the kernel does.

mod counters;
mod sequences;
mod settings;
mod states;

use crate::model::{Counter, Sysctl, TcpState};

pub use sequences::Sequence;
pub use settings::{Setting, settings};
pub use states::MACHINE;

/// Something that can be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A state of a socket.
    State(TcpState),
    /// What is exchanged, drawn.
    Sequence(Sequence),
    /// A setting of the kernel.
    Sysctl(Sysctl),
    /// A counter of the kernel.
    Counter(Counter),
}

/// What is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// A drawing of at most 80 columns, in box characters; empty where there is
    /// none.
    pub drawing: &'static str,
    /// What it means, what is normal, what to do: a paragraph each.
    pub paragraphs: &'static [&'static str],
    /// Settings that matter for it.
    pub sysctls: &'static [Sysctl],
    /// Counters that tell of it.
    pub counters: &'static [Counter],
}

impl Topic {
    /// What can be explained.
    pub fn all() -> impl Iterator<Item = Self> {
        let states = TcpState::NAMED.into_iter().map(Self::State);
        let sequences = Sequence::ALL.into_iter().map(Self::Sequence);
        let sysctls = Sysctl::ALL.iter().copied().map(Self::Sysctl);
        let counters = Counter::ALL.iter().copied().map(Self::Counter);
        states.chain(sequences).chain(sysctls).chain(counters)
    }

    /// Finds a topic by a word: a state in any spelling, the name of a sequence,
    /// of a setting with or without what stands before its last dot, of a
    /// counter.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        // `close` is the sequence, `CLOSE` and `closed` are the state.
        let sequence = Sequence::ALL.into_iter().find(|one| one.name() == word);
        if let Some(sequence) = sequence {
            return Some(Self::Sequence(sequence));
        }
        if let Ok(state) = word.parse() {
            return Some(Self::State(state));
        }
        Self::all().find(|topic| topic.is_called(word))
    }

    fn is_called(self, word: &str) -> bool {
        let is_short = |sysctl: Sysctl| sysctl.short_name().eq_ignore_ascii_case(word);
        self.name().eq_ignore_ascii_case(word)
            || matches!(self, Self::Sysctl(sysctl) if is_short(sysctl))
    }

    /// The name as the kernel writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::State(state) => state.name(),
            Self::Sequence(sequence) => sequence.name(),
            Self::Sysctl(sysctl) => sysctl.name(),
            Self::Counter(counter) => counter.name(),
        }
    }

    /// What is said of it.
    #[must_use]
    pub const fn explanation(self) -> Explanation {
        match self {
            Self::State(state) => states::explain(state),
            Self::Sequence(sequence) => sequences::explain(sequence),
            Self::Sysctl(sysctl) => settings::explain(sysctl),
            Self::Counter(counter) => counters::explain(counter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_finds_its_topic_however_it_is_spelled() {
        let state = |word| Topic::find(word) == Some(Topic::State(TcpState::CloseWait));
        assert!(state("CLOSE_WAIT") && state("close-wait"));
        let reuse = Some(Topic::Sysctl(Sysctl::TcpTwReuse));
        assert_eq!(Topic::find("tcp_tw_reuse"), reuse);
        assert_eq!(Topic::find("net.ipv4.tcp_tw_reuse"), reuse);
        let drops = Some(Topic::Counter(Counter::ListenDrops));
        assert_eq!(Topic::find("listendrops"), drops);
        let sequence = Some(Topic::Sequence(Sequence::Handshake));
        assert_eq!(Topic::find("handshake"), sequence);
        let close = Some(Topic::Sequence(Sequence::Close));
        assert_eq!(Topic::find("close"), close);
        assert_eq!(Topic::find("CLOSE"), Some(Topic::State(TcpState::Close)));
        assert_eq!(Topic::find("nonsense"), None);
    }

    #[test]
    fn every_topic_has_a_text_and_is_found_by_its_name() {
        for topic in Topic::all() {
            let explanation = topic.explanation();
            assert!(!explanation.paragraphs.is_empty(), "{topic:?}");
            for paragraph in explanation.paragraphs {
                assert!(paragraph.ends_with('.'), "{topic:?}: {paragraph}");
            }
            assert_eq!(Topic::find(topic.name()), Some(topic), "{topic:?}");
        }
    }

    #[test]
    fn every_drawing_fits_eighty_columns() {
        let fits = |drawing: &str, columns| {
            let mut lines = drawing.lines();
            lines.all(|line| line.chars().count() <= columns)
        };
        for topic in Topic::all() {
            // Two columns stand before it.
            assert!(fits(topic.explanation().drawing, 78), "{topic:?}");
        }
        assert!(fits(MACHINE, 80));
    }
}
