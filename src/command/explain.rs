//! `tcpstate explain`: what does this mean, and what to do?

use anyhow::bail;

use super::{Outcome, output, source};
use crate::classify::Rule;
use crate::classify::rules::RULES;
use crate::cli::{CommonArgs, ExplainArgs};
use crate::collect::{self, Question};
use crate::explain::Topic;
use crate::model::Snapshot;
use crate::render::text::explain;

/// Prints an explanation.
pub(super) fn run(common: &CommonArgs, args: &ExplainArgs) -> anyhow::Result<Outcome> {
    if common.json {
        bail!("cannot explain as JSON: leave out --json");
    }
    let style = output::style(common.color);
    // What is asked for is refused before anything of the host is read.
    let text: &dyn Fn(Option<&Snapshot>) -> String = match args.word.as_deref() {
        None => &|live| explain::machine(live, &style),
        Some(word) => {
            if let Some(topic) = Topic::find(word) {
                &move |live| explain::topic(topic, live, &style)
            } else if let Some(rule) = RULES.iter().find(|rule| is_called(rule, word)) {
                &move |live| explain::rule(rule, live, &style)
            } else {
                bail!("{}", unknown(word));
            }
        }
    };
    let live = if args.no_live {
        None
    } else {
        Some(read(common)?)
    };
    output::print(&text(live.as_ref()))?;
    Ok(Outcome::Done)
}

/// A rule is meant by its name, and by that of its metric, which perfdata show.
fn is_called(rule: &Rule, word: &str) -> bool {
    let metric = rule.value.as_ref();
    rule.name == word || metric.is_some_and(|metric| metric.name == word)
}

/// What is here of it.
fn read(common: &CommonArgs) -> anyhow::Result<Snapshot> {
    let question = Question::default();
    source::with(common, |namespace| {
        let mut namespace = source::select(namespace, common, &source::Wanted::default())?;
        Ok(collect::read(&mut namespace, &question, &mut |_| {})?)
    })
}

/// The words that come nearest, or the kinds that there are.
fn unknown(word: &str) -> String {
    let lower = word.to_lowercase().replace('-', "_");
    let topics = Topic::all().map(Topic::name);
    let names = topics.chain(RULES.iter().map(|rule| rule.name));
    let near: Vec<&str> = names
        .filter(|name| {
            let name = name.to_lowercase();
            name.contains(&lower) || (lower.len() > 3 && lower.contains(&name))
        })
        .take(8)
        .collect();
    let word = crate::text::safe(word);
    if near.is_empty() {
        format!(
            "cannot explain {word:?}: it is no state, sequence (handshake, close, reset, fastopen, \
             syncookies), setting, counter or rule; see tcpstate check --list for the rules"
        )
    } else {
        format!("cannot explain {word:?}: did you mean {}?", near.join(", "))
    }
}
