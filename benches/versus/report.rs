//! One aligned table for each race.

use std::thread;

use anyhow::Result;

use crate::goals;
use crate::measure::{self, Clock, Series};

/// What the reader has to know of all tables.
pub(crate) fn preamble() -> Result<String> {
    let kernel = rustix::system::uname();
    let linking = if cfg!(target_feature = "crt-static") {
        "static"
    } else {
        "dynamic"
    };
    Ok(format!(
        "Linux {}, {} cores, tcpstate linked {linking}. Output of all goes to /dev/null.\n\
         ratio: the contender's median by tcpstate's. Peak memory: ru_maxrss; a pipeline's is that \
         of its largest process; below {:.1} MB (the spawning process) none can be told.",
        kernel.release().to_string_lossy(),
        thread::available_parallelism().map_or(1, usize::from),
        measure::least_peak_mb()?,
    ))
}

/// The table, and whether every goal in it was reached.
pub(crate) fn table(all: &[Series], clock: Clock) -> (String, bool) {
    let ours = all
        .iter()
        .find(|series| series.contender.is_ours())
        .and_then(|series| series.millis(clock))
        .map(|(median, ..)| median);
    let mut rows: Vec<[String; 7]> = vec![
        [
            "contender",
            match clock {
                Clock::Wall => "median ms",
                Clock::Cpu => "CPU ms",
            },
            "min..max",
            "peak MB",
            "ratio",
            "goal",
            "reached",
        ]
        .map(str::to_owned),
    ];
    let mut every = true;
    for series in all {
        let Some((median, least, most)) = series.millis(clock) else {
            continue;
        };
        let result = goals::Result {
            millis: median,
            peak_mb: series.peak_mb(),
            ours,
        };
        let goal = series.contender.goal;
        let reached = goal.reached(result);
        every &= reached != Some(false);
        let mut label = series.contender.label.clone();
        if series.failures() > 0 {
            label += " (exit status not 0)";
        }
        rows.push([
            label,
            format!("{median:.2}"),
            format!("{least:.2}..{most:.2}"),
            format!("{:.1}", result.peak_mb),
            result
                .ratio()
                .map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
            goal.describe(result),
            match reached {
                None => "–",
                Some(true) => "yes",
                Some(false) => "NO",
            }
            .to_owned(),
        ]);
    }
    (aligned(&rows), every)
}

/// First column and goals to the left, numbers to the right.
fn aligned(rows: &[[String; 7]]) -> String {
    let mut widths = [0; 7];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                0 | 5 | 6 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text += "  ";
        text += cells.join("  ").trim_end();
        text += "\n";
    }
    text
}
