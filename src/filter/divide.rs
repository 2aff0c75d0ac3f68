//! A filter divided between two judges, the first of whom knows less.

use crate::model::{Condition, Filter, StateSet, TcpState};

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

/// What a filter says in each of these states, states in which it says the same
/// together: no condition on states is left. States in which it selects nothing
/// are left out.
#[must_use]
pub fn divide_by_states(filter: &Filter, states: StateSet) -> Vec<(StateSet, Filter)> {
    let mut divided: Vec<(StateSet, Filter)> = Vec::new();
    for state in TcpState::NAMED {
        let inside = in_state(filter, state);
        if !states.contains(state) || inside == Filter::NOTHING {
            continue;
        }
        match divided.iter_mut().find(|(_, known)| *known == inside) {
            Some((states, _)) => *states = states.with(state),
            None => divided.push((StateSet::NONE.with(state), inside)),
        }
    }
    divided
}

/// The filter of a socket whose state is known.
fn in_state(filter: &Filter, state: TcpState) -> Filter {
    match filter {
        Filter::Is(Condition::State(states)) if states.contains(state) => Filter::EVERYTHING,
        Filter::Is(Condition::State(_)) => Filter::NOTHING,
        Filter::Is(_) => filter.clone(),
        Filter::Not(filter) => match in_state(filter, state) {
            Filter::And(all) if all.is_empty() => Filter::NOTHING,
            Filter::Or(any) if any.is_empty() => Filter::EVERYTHING,
            filter => filter.negated(),
        },
        Filter::And(all) => {
            let parts = all.iter().map(|part| in_state(part, state));
            let parts: Vec<_> = parts.filter(|part| !part.is_everything()).collect();
            if parts.contains(&Filter::NOTHING) {
                return Filter::NOTHING;
            }
            Filter::And(parts)
        }
        Filter::Or(any) => {
            let parts = any.iter().map(|part| in_state(part, state));
            let parts: Vec<_> = parts.filter(|part| *part != Filter::NOTHING).collect();
            if parts.contains(&Filter::EVERYTHING) {
                return Filter::EVERYTHING;
            }
            Filter::Or(parts)
        }
    }
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
    fn by_states_no_condition_on_states_is_left() {
        let state = |state| Filter::from(Condition::State(StateSet::NONE.with(state)));
        let (listen, closing) = (TcpState::Listen, TcpState::Closing);
        let states: StateSet = [listen, closing].into_iter().collect();
        let divided = |filter: &Filter| divide_by_states(filter, states);
        assert_eq!(divided(&port(1)), [(states, port(1))]);
        assert_eq!(divided(&state(TcpState::TimeWait)), []);
        assert_eq!(
            divided(&state(listen).or(port(1))),
            [
                (StateSet::NONE.with(listen), Filter::EVERYTHING),
                (StateSet::NONE.with(closing), Filter::Or(vec![port(1)])),
            ]
        );
        assert_eq!(
            divided(&state(listen).or(port(1)).negated()),
            [(
                StateSet::NONE.with(closing),
                Filter::Or(vec![port(1)]).negated()
            )]
        );
        assert_eq!(
            divided(&state(listen).negated().and(port(1))),
            [(StateSet::NONE.with(closing), Filter::And(vec![port(1)]))]
        );
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
