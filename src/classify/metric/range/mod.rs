//! The ranges of the monitoring plugins: `[@]start:end`.

use std::fmt;
use std::str::FromStr;

use super::observation::Bounds;

/// A range that a value is compared with. Both ends belong to it.
///
/// | text | alerts when the value is |
/// |---|---|
/// | `10` | below 0 or above 10 |
/// | `10:` | below 10 |
/// | `~:10` | above 10 |
/// | `10:20` | below 10 or above 20 |
/// | `@10:20` | from 10 to 20 |
///
/// Numbers behind which a `%` stands are shares of the metric's limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The lower end; minus infinity for `~`.
    start: f64,
    /// The upper end; infinity where none is written.
    end: f64,
    /// `@`: alerts inside, not outside.
    inside: bool,
    /// The numbers are per cent of a limit.
    percent: bool,
}

/// Text that is no range, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no range: {why}; write [@]start:end, as in 10 (alert outside 0 to 10), 10: \
     (below 10), ~:10 (above 10), 10:20 (outside), @10:20 (inside), 80% (of a limit)"
)]
pub struct NotARange {
    text: String,
    why: &'static str,
}

impl Range {
    /// Alerts from a value on: `@start:`.
    #[must_use]
    pub const fn from(start: f64) -> Self {
        Self {
            start,
            end: f64::INFINITY,
            inside: true,
            percent: false,
        }
    }

    /// Alerts above a value that is never negative: `end`.
    #[must_use]
    pub const fn above(end: f64) -> Self {
        Self {
            start: 0.0,
            end,
            inside: false,
            percent: false,
        }
    }

    /// Whether a value raises the alert.
    #[must_use]
    pub fn alerts(&self, value: f64) -> bool {
        let contains = self.start <= value && value <= self.end;
        contains == self.inside
    }

    /// The same of a value that may be known only within bounds; `None` where
    /// these don't tell.
    #[must_use]
    pub fn alerts_within(&self, value: f64, bounds: Option<Bounds>) -> Option<bool> {
        match bounds {
            Some(bounds) => self.alerts_between(bounds),
            None => Some(self.alerts(value)),
        }
    }

    /// Whether a value between these bounds raises the alert; `None` where that
    /// depends on the value.
    #[must_use]
    pub fn alerts_between(&self, bounds: Bounds) -> Option<bool> {
        let all_in = self.start <= bounds.low && bounds.high <= self.end;
        let none_in = bounds.high < self.start || self.end < bounds.low;
        (all_in || none_in).then_some(all_in == self.inside)
    }

    /// Where a value that raises the alert lies: `above 10`.
    #[must_use]
    pub fn phrase(&self, value: f64) -> String {
        let Self { start, end, .. } = *self;
        if !self.inside {
            return if value < start {
                format!("below {start}")
            } else {
                format!("above {end}")
            };
        }
        match (start.is_finite(), end.is_finite()) {
            (true, true) => format!("from {start} to {end}"),
            (true, false) => format!("{start} or more"),
            (false, true) => format!("{end} or less"),
            (false, false) => "any value".to_owned(),
        }
    }

    /// Whether the numbers are shares of a limit.
    #[must_use]
    pub const fn is_percent(&self) -> bool {
        self.percent
    }

    /// The same range in the units of what 100 % are.
    #[must_use]
    pub fn of(&self, whole: f64) -> Self {
        let scale = |end: f64| {
            if end.is_finite() {
                end * whole / 100.0
            } else {
                end
            }
        };
        Self {
            start: scale(self.start),
            end: scale(self.end),
            inside: self.inside,
            percent: false,
        }
    }
}

impl FromStr for Range {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|why| NotARange {
            text: text.to_owned(),
            why,
        })
    }
}

/// With more than this of a limit the number would have no meaning, and
/// multiplied with it none that a float could hold.
const MOST_PERCENT: f64 = 1e9;

fn parse(text: &str) -> Result<Range, &'static str> {
    let (inside, ends) = match text.strip_prefix('@') {
        Some(ends) => (true, ends),
        None => (false, text),
    };
    if ends.starts_with('/') {
        return Err("the shell replaced ~ by a home directory; quote it");
    }
    let (start, end) = match ends.split_once(':') {
        Some(("", "")) if !inside => return Err("there is no number"),
        Some((start, end)) => (lower(start)?, upper(end)?),
        None if ends.is_empty() => return Err("there is no number"),
        None => (None, upper(ends)?),
    };
    let (lowest, highest) = (
        start.map_or(0.0, |end| end.number),
        end.map_or(f64::INFINITY, |end| end.number),
    );
    if lowest > highest {
        return Err("it ends before it starts");
    }
    let written = || [start, end].into_iter().flatten();
    let percent = written().any(|end| end.percent);
    // 0 and ~ are the same with and without the sign.
    let bare = |end: End| !end.percent && end.number != 0.0 && end.number.is_finite();
    if percent && written().any(bare) {
        return Err("one end has a % and the other has none");
    }
    Ok(Range {
        start: lowest,
        end: highest,
        inside,
        percent,
    })
}

/// One end as it was written.
#[derive(Clone, Copy)]
struct End {
    number: f64,
    percent: bool,
}

/// `None` for nothing, which is 0.
fn lower(text: &str) -> Result<Option<End>, &'static str> {
    match text {
        "~" => Ok(Some(End {
            number: f64::NEG_INFINITY,
            percent: false,
        })),
        text => upper(text),
    }
}

/// `None` for nothing, which is infinity.
fn upper(text: &str) -> Result<Option<End>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    let (digits, percent) = match text.strip_suffix('%') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    // Rust would also take inf, nan and infinity for numbers.
    let plain = digits
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    match digits.parse::<f64>() {
        Ok(number) if percent && number.abs() > MOST_PERCENT => Err("no share is so large"),
        Ok(number) if plain && number.is_finite() => Ok(Some(End { number, percent })),
        _ => Err("what should be a number isn't one"),
    }
}

/// The canonical text, which the perfdata carry. A `%` isn't part of it: there
/// a range has the unit of its value.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inside {
            f.write_str("@")?;
        }
        if self.start == f64::NEG_INFINITY {
            f.write_str("~:")?;
        } else if self.start != 0.0 || self.end == f64::INFINITY {
            write!(f, "{}:", self.start)?;
        }
        if self.end.is_finite() {
            write!(f, "{}", self.end)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
