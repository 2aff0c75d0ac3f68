//! What is wrong with a filter, and where.

use std::fmt;
use std::ops::Range;

use crate::text::{safe, width::columns_of, wrap};

/// Columns of what may stand there, indented by two.
const WIDTH: usize = 76;

/// Columns shown on either side of the word that is wrong.
const AROUND: usize = 60;

/// A filter that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// The words as one line.
    line: String,
    /// The bytes of the word that is wrong; none: a word is missing there.
    at: Range<usize>,
    what: String,
    /// What may stand there.
    expected: String,
}

impl FilterError {
    pub(super) fn new(line: &str, at: Range<usize>, what: String, expected: String) -> Self {
        Self {
            line: line.to_owned(),
            at,
            what,
            expected,
        }
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

/// The message, the line, carets below the word, and what may stand there.
impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |range: Range<usize>| self.line.get(range).unwrap_or_default();
        let before = part(0..self.at.start);
        let word = part(self.at.clone());
        let after = part(self.at.end..self.line.len());
        let before: Vec<char> = before.chars().collect();
        let cut = before.len().saturating_sub(AROUND);
        let (more, before) = match before.get(cut..) {
            Some(end) if cut > 0 => ("…", String::from_iter(end)),
            _ => ("", String::from_iter(before)),
        };
        let before = safe(&before);
        let word: String = word.chars().take(AROUND).collect();
        let word = safe(&word);
        let rest: String = after.chars().take(AROUND).collect();
        let left_out = if rest.len() < after.len() { "…" } else { "" };
        writeln!(f, "{}", safe(&self.what))?;
        writeln!(f, "  {more}{before}{word}{}{left_out}", safe(&rest))?;
        let indent = " ".repeat(columns_of(more) + columns_of(&before));
        let carets = "^".repeat(columns_of(&word).max(1));
        write!(f, "  {indent}{carets}")?;
        let expected = format!("expected: {}", self.expected);
        wrap(&expected, WIDTH)
            .iter()
            .try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for FilterError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_below_the_word_whatever_stands_before_it() {
        let line = "process 東京\u{1b} and sport = x";
        let at = line.find('x').unwrap();
        let error = FilterError::new(line, at..at + 1, "what".into(), "a port".into());
        let shown = error.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1], "  process 東京\\u{1b} and sport = x");
        let column = |line: &str, found| columns_of(line.split(found).next().unwrap());
        assert_eq!(column(lines[1], 'x'), column(lines[2], '^'));
        assert_eq!(lines[3], "  expected: a port");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_word_is_shown() {
        let line = format!(
            "{}bogus {}",
            "sport = 1 or ".repeat(1000),
            "or sport = 1 ".repeat(1000)
        );
        let at = line.find("bogus").unwrap();
        let error = FilterError::new(&line, at..at + 5, "what".into(), "a".into());
        let shown = error.to_string();
        assert!(shown.lines().all(|line| columns_of(line) < 140), "{shown}");
    }
}
