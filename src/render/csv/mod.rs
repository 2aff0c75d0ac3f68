//! CSV: a line a state, a destination, a listener, or a socket that a process
//! holds. What isn't known is empty.

mod leaks;
mod list;
mod pressure;

pub use self::leaks::{leaks, leaks_of_all};
pub use self::list::ListCsv;
pub use self::pressure::{destinations, destinations_of_all, listeners, listeners_of_all};

use crate::classify::Judged;
use crate::model::{Groups, Snapshot, StateCount, Survey, Surveyed, TcpState};

/// `state,total,ipv4,ipv6`; a number that isn't known is empty.
///
/// # Errors
///
/// When the numbers can't be written as CSV, which memory alone could cause.
pub fn summary(snapshot: &Snapshot) -> anyhow::Result<String> {
    states(state_rows("", snapshot), 1)
}

/// The same of every namespace, its name first.
///
/// # Errors
///
/// As [`summary`].
pub fn summary_of_all(survey: &Survey<Judged>) -> anyhow::Result<String> {
    let of = |(one, judged)| {
        let (one, judged): (&Surveyed<Judged>, &Judged) = (one, judged);
        state_rows(one.name(), &judged.snapshot)
    };
    states(survey.answers().flat_map(of), 0)
}

/// A namespace, a state and its count.
type StateRow<'a> = (&'a str, TcpState, Option<StateCount>);

fn state_rows<'a>(netns: &'a str, snapshot: &'a Snapshot) -> impl Iterator<Item = StateRow<'a>> {
    let unknown = StateCount {
        total: snapshot.states.unknown,
        ipv4: None,
        ipv6: None,
    };
    let named = snapshot.states.iter();
    let all = named.chain([(TcpState::Unknown(0), Some(unknown))]);
    all.map(move |(state, count)| (netns, state, count))
}

/// A line for each, without the first columns.
fn states<'a>(
    rows: impl IntoIterator<Item = StateRow<'a>>,
    without: usize,
) -> anyhow::Result<String> {
    let fields: [Field<'_, StateRow<'_>>; 5] = [
        ("netns", &|(netns, ..)| cell(Some(netns))),
        ("state", &|(_, state, _)| state.key().to_owned()),
        ("total", &|(.., count)| {
            number(count.map(|count| count.total))
        }),
        ("ipv4", &|(.., count)| {
            number(count.and_then(|count| count.ipv4))
        }),
        ("ipv6", &|(.., count)| {
            number(count.and_then(|count| count.ipv6))
        }),
    ];
    lines(rows, fields.get(without..).unwrap_or_default())
}

/// A line a group, the largest first: its values, its sockets in each state that
/// occurs, and all of them. Where there is no value stands why.
///
/// # Errors
///
/// When the numbers can't be written as CSV, which memory alone could cause.
pub fn groups(groups: &Groups, most: usize) -> anyhow::Result<String> {
    let states = groups.states();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let keys = groups.by.iter().map(|key| key.name());
    let named = states.iter().map(|state| state.key().to_owned());
    writer.write_record(keys.chain(named).chain(["total".to_owned()]))?;
    for (values, count) in groups.sorted().into_iter().take(most) {
        let values = values.iter().map(|&value| cell(Some(&groups.text(value))));
        let counts = states.iter().map(|&state| count.of(state));
        let counts = counts.chain([count.total()]).map(|count| count.to_string());
        writer.write_record(values.chain(counts))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// A column: its heading, and how to get its cell.
type Field<'a, T> = (&'static str, &'a dyn Fn(&T) -> String);

/// A line of headings, and one for each item.
fn lines<T>(items: impl IntoIterator<Item = T>, fields: &[Field<'_, T>]) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(fields.iter().map(|(heading, _)| heading))?;
    for item in items {
        writer.write_record(fields.iter().map(|(_, cell)| cell(&item)))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// A number; empty where it isn't known.
fn number(number: Option<impl ToString>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// A text that others chose. Spreadsheets take some first characters for the
/// beginning of a formula, of a cell or, where they split at semicolons too, of
/// a part of it; a quote before them makes it text.
fn cell(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let mut cell = String::with_capacity(text.len());
    let mut at_start = true;
    for character in text.chars() {
        if at_start && begins_formula(character) {
            cell.push('\'');
        }
        at_start = matches!(character, ';' | '\t' | '\r' | '\n')
            || (at_start && character.is_whitespace());
        cell.push(character);
    }
    cell
}

/// The full-width forms count as their ASCII ones.
const fn begins_formula(character: char) -> bool {
    matches!(
        character,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        assert_eq!(cell(Some("=1+1")), "'=1+1");
        assert_eq!(cell(Some("java")), "java");
        assert_eq!(cell(Some("a-b=c")), "a-b=c");
        assert_eq!(cell(None), "");
    }

    /// A spreadsheet that splits at semicolons ran it.
    #[test]
    fn nor_is_any_part_of_it_nor_a_full_width_one() {
        assert_eq!(cell(Some("a;=1+1")), "a;'=1+1");
        assert_eq!(cell(Some("a; @x")), "a; '@x");
        assert_eq!(cell(Some(" =1")), " '=1");
        assert_eq!(cell(Some("＝1+1")), "'＝1+1");
    }
}
