//! A filter divided between two judges, the first of whom knows less.

use crate::model::{Condition, Filter};

/// What each of two judges is asked. Both together select what the whole filter
/// does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// For the first: conditions that it can judge, with `Not` at these only.
    /// It selects every socket that the whole does, and perhaps more.
    pub first: Filter,
    /// For the second, of the sockets that the first selects.
    pub rest: Filter,
}

/// Divides a filter by the conditions that the first judge can judge. Where it
/// can't, it accepts, whatever the condition or its negation would say.
pub fn divide(filter: &Filter, can: &dyn Fn(&Condition) -> bool) -> Division {
    let mut parts = Vec::new();
    conjunction(filter, false, &mut parts);
    let mut division = Division {
        first: Filter::EVERYTHING,
        rest: Filter::EVERYTHING,
    };
    for (part, negated) in parts {
        let first = weakened(part, negated, can);
        if !first.is_everything() {
            division.first = division.first.and(first);
        }
        if part.any(&mut |condition| !can(condition)) {
            let whole = if negated {
                part.clone().negated()
            } else {
                part.clone()
            };
            division.rest = division.rest.and(whole);
        }
    }
    division
}

/// Divides a filter by what the row of a socket tells: the rest takes its
/// processes, its unit or its age.
#[must_use]
pub fn divide_by_rows(filter: &Filter) -> Division {
    divide(filter, &|condition| {
        !matches!(
            condition,
            Condition::Pid(_)
                | Condition::Process(_)
                | Condition::Unit(_)
                | Condition::Container(_)
                | Condition::Age(..)
        )
    })
}

/// The filters that all have to select a socket, and whether each is negated.
fn conjunction<'f>(filter: &'f Filter, negated: bool, parts: &mut Vec<(&'f Filter, bool)>) {
    match (filter, negated) {
        (Filter::And(all), false) | (Filter::Or(all), true) => {
            for part in all {
                conjunction(part, negated, parts);
            }
        }
        (Filter::Not(filter), _) => conjunction(filter, !negated, parts),
        _ => parts.push((filter, negated)),
    }
}

/// The filter or its negation, with acceptance in place of what can't be
/// judged.
fn weakened(filter: &Filter, negated: bool, can: &dyn Fn(&Condition) -> bool) -> Filter {
    match (filter, negated) {
        (Filter::Is(condition), _) if !can(condition) => Filter::EVERYTHING,
        (Filter::Is(_), false) => filter.clone(),
        (Filter::Is(_), true) => filter.clone().negated(),
        (Filter::Not(filter), _) => weakened(filter, !negated, can),
        (Filter::And(parts), false) | (Filter::Or(parts), true) => parts
            .iter()
            .map(|part| weakened(part, negated, can))
            .filter(|part| !part.is_everything())
            .fold(Filter::EVERYTHING, Filter::and),
        (Filter::Or(parts), false) | (Filter::And(parts), true) => {
            let mut either = Filter::NOTHING;
            for part in parts {
                let part = weakened(part, negated, can);
                if part.is_everything() {
                    return Filter::EVERYTHING;
                }
                either = either.or(part);
            }
            either
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Comparison, End};

    fn port(port: u16) -> Filter {
        Condition::Port(End::Local, Comparison::Equal, port).into()
    }

    fn pid() -> Filter {
        Condition::Pid(7).into()
    }

    fn divided(filter: &Filter) -> (Filter, Filter) {
        let division = divide(filter, &|condition| !matches!(condition, Condition::Pid(_)));
        (division.first, division.rest)
    }

    #[test]
    fn what_cannot_be_judged_is_accepted_under_not_as_well() {
        let everything = || Filter::EVERYTHING;
        for (filter, first, rest) in [
            (port(1), port(1), everything()),
            (pid(), everything(), pid()),
            (pid().negated(), everything(), pid().negated()),
            (port(1).and(pid()), port(1), pid()),
            (port(1).or(pid()), everything(), port(1).or(pid())),
            (
                port(1).and(pid()).negated(),
                everything(),
                port(1).and(pid()).negated(),
            ),
            (
                port(1).or(pid()).negated(),
                port(1).negated(),
                pid().negated(),
            ),
            (
                port(1).or(pid().and(port(2))),
                port(1).or(port(2)),
                port(1).or(pid().and(port(2))),
            ),
            (Filter::NOTHING, Filter::NOTHING, everything()),
            (everything().negated(), Filter::NOTHING, everything()),
        ] {
            assert_eq!(divided(&filter), (first, rest), "{filter:?}");
        }
    }
}
