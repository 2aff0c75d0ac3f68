//! Words to a filter: recursive descent, by the precedence that ss's manual
//! promises: `not`, then `and` (also the one between two conditions that isn't
//! written), then `or`.

mod condition;
mod cursor;

use std::ops::Range;

pub use self::condition::CONDITION;
use self::cursor::{Cursor, Token, Word};
use super::error::FilterError;
use super::resolve::Names;
use super::state::states;
use crate::model::{Condition, Family, Filter, StateSet};

/// Parentheses inside one another: more than any person writes, and no depth
/// for a thread's stack.
const DEEPEST: usize = 100;

/// What may stand for the name of a state.
const STATE: &str = "a state (established, time-wait, listening, …) or a group of states \
                     (all, connected, synchronized, bucket, big)";

/// What words select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The states that `state` and `exclude` before the expression leave;
    /// `None` where neither stands there.
    pub states: Option<StateSet>,
    /// The expression; [`Filter::EVERYTHING`] where there is none.
    pub expression: Filter,
}

impl Selection {
    /// The whole as one filter. `default` are the states where the words name
    /// none, neither before the expression nor in it.
    #[must_use]
    pub fn filter(self, default: StateSet) -> Filter {
        let is_state = |condition: &Condition| matches!(condition, Condition::State(_));
        let states = match self.states {
            Some(states) => states,
            None if self.expression.any(&mut { is_state }) => return self.expression,
            None => default,
        };
        Filter::from(Condition::State(states)).and(self.expression)
    }
}

/// Reads a filter from words as they come from the command line: blanks in a
/// word part it, and a backslash takes its meaning from the character behind
/// it. An address has to be of the `family`, where there is one.
///
/// # Errors
///
/// Which word is wrong or missing, why, and what may stand there.
pub fn parse(
    words: &[impl AsRef<str>],
    family: Option<Family>,
    names: &dyn Names,
) -> Result<Selection, FilterError> {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let line = words.join(" ");
    let mut parser = Parser {
        cursor: Cursor::new(&line),
        depth: 0,
        family,
        names,
    };
    let states = parser.leading_states()?;
    let expression = match parser.cursor.peek() {
        Token::End(_) => Filter::EVERYTHING,
        _ => parser.whole_expression()?,
    };
    Ok(Selection { states, expression })
}

type Parsed<T> = Result<T, FilterError>;

struct Parser<'a> {
    cursor: Cursor<'a>,
    /// Open parentheses.
    depth: usize,
    family: Option<Family>,
    names: &'a dyn Names,
}

impl Parser<'_> {
    fn error<T>(&self, at: Range<usize>, what: impl Into<String>, expected: &str) -> Parsed<T> {
        let line = self.cursor.line();
        Err(FilterError::new(line, at, what.into(), expected.to_owned()))
    }

    /// `state NAME`, `exclude NAME` and names of states, from left to right.
    fn leading_states(&mut self) -> Parsed<Option<StateSet>> {
        let start = self.cursor;
        let mut chosen = None;
        let mut words = 0;
        let mut excluded = false;
        while let Token::Word(word) = self.cursor.peek() {
            let set = match word.text.as_str() {
                "state" | "exclude" | "excl" => {
                    self.cursor.go_behind(&word.at);
                    self.state_after(&word)?
                }
                name => match states(name) {
                    Some(set) => {
                        self.cursor.go_behind(&word.at);
                        set
                    }
                    None => break,
                },
            };
            excluded = matches!(word.text.as_str(), "exclude" | "excl");
            words += 1;
            chosen = Some(if excluded {
                chosen.unwrap_or(StateSet::ALL).difference(set)
            } else {
                chosen.unwrap_or(StateSet::NONE).union(set)
            });
        }
        match self.cursor.peek() {
            Token::And(and) if words > 0 => {
                self.cursor.go_behind(&and);
                if let Token::End(end) = self.cursor.peek() {
                    return self.error(end, "a condition is missing at the end", CONDITION);
                }
            }
            // One state alone is the first condition of the expression.
            Token::Or(_) if words == 1 && !excluded => {
                self.cursor = start;
                return Ok(None);
            }
            Token::Or(or) if words > 0 => {
                let what = "`or` cannot follow the states before the expression";
                return self.error(
                    or,
                    what,
                    "the expression: put ( state NAME or … ) in parentheses",
                );
            }
            _ => {}
        }
        Ok(chosen)
    }

    /// The states whose name follows a word.
    fn state_after(&mut self, word: &Word) -> Parsed<StateSet> {
        let Token::Word(name) = self.cursor.peek() else {
            let what = format!("a state is missing after `{}`", word.text);
            return self.error(self.cursor.next(), what, STATE);
        };
        let Some(set) = states(&name.text) else {
            let what = format!("unknown state {}", name.text);
            return self.error(name.at, what, STATE);
        };
        self.cursor.go_behind(&name.at);
        Ok(set)
    }

    fn whole_expression(&mut self) -> Parsed<Filter> {
        let expression = self.either()?;
        match self.cursor.peek() {
            Token::End(_) => Ok(expression),
            Token::Close(at) => self.error(at, "this ) closes no (", "and, or, or a condition"),
            _ => self.error(
                self.cursor.next(),
                "this does not belong here",
                "and, or, or the end",
            ),
        }
    }

    /// `… or …`
    fn either(&mut self) -> Parsed<Filter> {
        let mut filters = vec![self.both()?];
        while let Token::Or(or) = self.cursor.peek() {
            self.cursor.go_behind(&or);
            filters.push(self.both()?);
        }
        Ok(one_or(filters, Filter::Or))
    }

    /// `… and …`, or without the word.
    fn both(&mut self) -> Parsed<Filter> {
        let mut filters = vec![self.negation()?];
        loop {
            match self.cursor.peek() {
                Token::And(and) => self.cursor.go_behind(&and),
                Token::Not(_) | Token::Open(_) | Token::Word(_) => {}
                Token::Or(_) | Token::Close(_) | Token::End(_) => break,
            }
            filters.push(self.negation()?);
        }
        Ok(one_or(filters, Filter::And))
    }

    fn negation(&mut self) -> Parsed<Filter> {
        let mut negated = false;
        while let Token::Not(not) = self.cursor.peek() {
            self.cursor.go_behind(&not);
            negated = !negated;
        }
        let filter = self.primary()?;
        Ok(if negated { filter.negated() } else { filter })
    }

    fn primary(&mut self) -> Parsed<Filter> {
        match self.cursor.peek() {
            Token::Open(open) => self.parenthesis(&open),
            Token::Word(word) => {
                self.cursor.go_behind(&word.at);
                self.condition(&word)
            }
            Token::End(at) => self.error(at, "a condition is missing at the end", CONDITION),
            Token::Close(at) => self.error(at, "a condition is missing before this )", CONDITION),
            Token::And(at) | Token::Or(at) | Token::Not(at) => {
                let word = self.cursor.line().get(at.clone()).unwrap_or_default();
                let what = format!("a condition is missing before `{word}`");
                self.error(at, what, CONDITION)
            }
        }
    }

    fn parenthesis(&mut self, open: &Range<usize>) -> Parsed<Filter> {
        if self.depth == DEEPEST {
            let what = format!("more than {DEEPEST} nested parentheses");
            return self.error(open.clone(), what, "a condition without parentheses");
        }
        self.cursor.go_behind(open);
        self.depth += 1;
        let inside = self.either()?;
        self.depth -= 1;
        match self.cursor.peek() {
            Token::Close(close) => {
                self.cursor.go_behind(&close);
                Ok(inside)
            }
            _ => self.error(
                open.clone(),
                "this ( is not closed",
                ") at the end of what it opens",
            ),
        }
    }
}

/// The only one of several, or all of them together.
fn one_or(mut filters: Vec<Filter>, together: impl Fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.pop() {
        Some(only) if filters.is_empty() => only,
        Some(last) => {
            filters.push(last);
            together(filters)
        }
        None => together(filters),
    }
}
