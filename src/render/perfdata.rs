//! Performance data: `'label'=value[UOM];warn;crit;min;max`.

use crate::classify::assess::Gauge;
use crate::classify::metric::Range;
use crate::text::number::decimal;

/// The gauges, separated by spaces, with this before each label; empty when
/// there are none.
pub(super) fn perfdata(prefix: &str, gauges: &[Gauge]) -> String {
    let items: Vec<String> = gauges.iter().map(|gauge| item(prefix, gauge)).collect();
    items.join(" ")
}

/// A value that isn't known is `U`, which has no unit. Of one that is known
/// within bounds the bound is there, as perfdata can't say more; JSON and -vv do.
fn item(prefix: &str, gauge: &Gauge) -> String {
    let value = match gauge.value {
        Ok(value) => format!("{}{}", decimal(value), gauge.id.unit().uom()),
        Err(_) => "U".to_owned(),
    };
    // A share of a limit that isn't known is in no unit of the value.
    let range = |range: Option<Range>| {
        range
            .filter(|range| gauge.limit.is_some() || !range.is_percent())
            .map_or_else(String::new, |range| range.to_string())
    };
    let min = if gauge.id.growth { "" } else { "0" };
    let max = gauge.limit.map_or_else(String::new, decimal);
    let item = format!(
        "'{prefix}{}'={value};{};{};{min};{max}",
        gauge.id,
        range(gauge.warn),
        range(gauge.crit),
    );
    item.trim_end_matches(';').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::metric::{MetricId, Missing};
    use crate::classify::rules::{find_metric, metrics};
    use proptest::prelude::*;

    fn gauge(name: &str, value: f64) -> Gauge {
        Gauge {
            id: find_metric(name).unwrap(),
            value: Ok(value),
            bounds: None,
            phrase: None,
            limit: None,
            warn: None,
            crit: None,
        }
    }

    #[test]
    fn values_have_their_unit_limits_and_ranges() {
        let mut used = gauge("time_wait_used", 82.25);
        used.warn = "80".parse().ok();
        used.crit = "@95:".parse().ok();
        used.limit = Some(100.0);
        let plain = gauge("listen", 5.0);
        let growth = gauge("close_wait_growth", -12.5);
        assert_eq!(
            perfdata("", &[used.clone(), plain, growth]),
            "'time_wait_used'=82.25%;80;@95:;0;100 'listen'=5;;;0 'close_wait_growth'=-12.5"
        );
        used.value = Err(Missing::Unread);
        used.limit = None;
        assert_eq!(perfdata("a::", &[used]), "'a::time_wait_used'=U;80;@95:;0");
    }

    /// `'label'=value[UOM];[warn];[crit];[min];[max]`, as the guidelines have
    /// it; the rest after a good item.
    fn parse(text: &str) -> Option<&str> {
        let (label, rest) = text.strip_prefix('\'')?.split_once("'=")?;
        (!label.is_empty() && !label.contains(['\'', '=', '|'])).then_some(())?;
        let (item, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut fields = item.split(';');
        let value = fields.next()?;
        let number = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "-.".contains(c))
        };
        let digits = value.trim_end_matches(['%', 's', 'c']);
        (value == "U" || (number(digits) && value.len() - digits.len() <= 1)).then_some(())?;
        for range in [fields.next(), fields.next()].into_iter().flatten() {
            (range.is_empty() || range.parse::<Range>().is_ok() && !range.contains('%'))
                .then_some(())?;
        }
        for end in [fields.next(), fields.next()].into_iter().flatten() {
            (end.is_empty() || number(end)).then_some(())?;
        }
        fields.next().is_none().then_some(rest)
    }

    fn any_range() -> impl Strategy<Value = Option<Range>> {
        let text = (any::<bool>(), -1e6_f64..1e6, 0.0_f64..1e6, 0_u8..4);
        proptest::option::of(text.prop_map(|(inside, start, length, open)| {
            let at = if inside { "@" } else { "" };
            let text = match open {
                0 => format!("{at}{start}:"),
                1 => format!("{at}~:{start}"),
                2 => format!("{at}{length}"),
                _ => format!("{at}{start}:{}", start + length),
            };
            text.parse().unwrap()
        }))
    }

    proptest! {
        #[test]
        fn perfdata_are_what_the_guidelines_allow(
            gauges in proptest::collection::vec(
                (0..metrics().count(), any::<bool>(), proptest::option::of(-1e12_f64..1e12),
                 proptest::option::of(0.0_f64..1e9), any_range(), any_range()),
                1..30,
            ),
        ) {
            let gauges: Vec<Gauge> = gauges
                .into_iter()
                .map(|(index, growth, value, limit, warn, crit)| Gauge {
                    id: MetricId { metric: metrics().nth(index).unwrap(), growth },
                    value: value.ok_or(Missing::NotYet),
                    bounds: None,
                    phrase: None,
                    limit,
                    warn,
                    crit,
                })
                .collect();
            let text = perfdata("", &gauges);
            let mut rest = text.as_str();
            let mut items = 0;
            while !rest.is_empty() {
                let Some(left) = parse(rest) else {
                    return Err(TestCaseError::fail(rest.to_owned()));
                };
                rest = left;
                items += 1;
            }
            prop_assert_eq!(items, gauges.len());
        }
    }
}
