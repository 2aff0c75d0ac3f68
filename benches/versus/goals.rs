//! What is to be reached, and whether it was.
//!
//! A ratio is always a contender's median divided by tcpstate's: above 1, tcpstate is faster.

/// One goal, standing in the row it is about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Goal {
    /// Shown for context.
    #[default]
    None,
    /// tcpstate is at least so many times faster than this contender.
    Faster(f64),
    /// tcpstate takes at most this share of this contender's time.
    Share(f64),
    /// tcpstate takes at most this many ms longer than this contender.
    Beyond(f64),
    /// Peak memory of this contender, in MB.
    PeakMb(f64),
}

/// What goals are judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Result {
    /// Median time, by the clock of the race.
    pub(crate) millis: f64,
    /// tcpstate's; none where it was left out.
    pub(crate) ours: Option<f64>,
    /// Largest peak memory of all runs.
    pub(crate) peak_mb: f64,
}

impl Result {
    /// This contender's median divided by tcpstate's.
    pub(crate) fn ratio(self) -> Option<f64> {
        Some(self.millis / self.ours?)
    }
}

impl Goal {
    /// As the table shows it, with the number reached where no column has it.
    pub(crate) fn describe(self, result: Result) -> String {
        match self {
            Self::None => "–".to_owned(),
            Self::Faster(times) => format!("≥ {times}x"),
            Self::Share(share) => match result.ratio() {
                Some(ratio) => format!("tcpstate ≤ {share} of it (is {:.2})", 1.0 / ratio),
                None => format!("tcpstate ≤ {share} of it"),
            },
            Self::Beyond(millis) => match result.ours {
                Some(ours) => format!(
                    "tcpstate ≤ {millis} ms more (is {:.2})",
                    ours - result.millis
                ),
                None => format!("tcpstate ≤ {millis} ms more"),
            },
            Self::PeakMb(most) => format!("peak ≤ {most} MB"),
        }
    }

    /// None: nothing to reach, or nothing to judge it by.
    pub(crate) fn reached(self, result: Result) -> Option<bool> {
        match self {
            Self::None => None,
            Self::Faster(times) => Some(result.ratio()? >= times),
            Self::Share(share) => Some(1.0 / result.ratio()? <= share),
            Self::Beyond(millis) => Some(result.ours? - result.millis <= millis),
            Self::PeakMb(most) => Some(result.peak_mb <= most),
        }
    }
}

/// The value that belongs to the largest size not above `observed`; 2% short still counts as it.
pub(crate) fn by_size<T: Copy>(observed: usize, goals: &[(usize, T)]) -> Option<T> {
    goals
        .iter()
        .filter(|(size, _)| observed + size / 50 >= *size)
        .max_by_key(|(size, _)| *size)
        .map(|&(_, goal)| goal)
}
