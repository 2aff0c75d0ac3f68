//! What a check answers, in each format.

use super::super::{Outcome, output};
use crate::classify::Checked;
use crate::classify::assess::{Status, Verdict};
use crate::cli::{CheckArgs, CheckFormat, CheckMetrics, CommonArgs};
use crate::model::Survey;
use crate::render::plugin::Basis;
use crate::render::{json, plugin, prometheus};
use crate::state_file::replace;

/// What a check has to say.
pub(super) struct Answer {
    pub(super) status: Status,
    /// For stdout; nothing when all is well and quiet was asked for.
    pub(super) text: String,
    /// For stderr.
    pub(super) notes: Vec<String>,
}

/// Writes the textfile and says the rest.
pub(super) fn answer(
    common: &CommonArgs,
    args: &CheckArgs,
    checked: &Checked,
    format: CheckFormat,
) -> anyhow::Result<Answer> {
    let told = Told {
        page: &|verdict, kernel| prometheus::page(&checked.observation(), verdict, kernel),
        line: &|verdict| plugin::status(&Basis::one(&checked.snapshot), verdict, common.verbose),
        document: &|verdict| json::check(&checked.snapshot, verdict),
    };
    told.answer(args, checked.verdict.clone(), format)
}

/// The same of all namespaces.
pub(super) fn answer_of_all(
    common: &CommonArgs,
    args: &CheckArgs,
    survey: &Survey<Checked>,
    verdict: Verdict,
    format: CheckFormat,
) -> anyhow::Result<Answer> {
    let told = Told {
        page: &|_, kernel| prometheus::page_of_all(survey, kernel),
        line: &|verdict| {
            let basis = Basis::all(survey, args.per_netns);
            plugin::status(&basis, verdict, common.verbose)
        },
        document: &|verdict| json::check_of_all(survey, verdict),
    };
    told.answer(args, verdict, format)
}

/// How a verdict is told in each format.
struct Told<'a> {
    page: &'a dyn Fn(&Verdict, bool) -> String,
    line: &'a dyn Fn(&Verdict) -> String,
    document: &'a dyn Fn(&Verdict) -> anyhow::Result<String>,
}

impl Told<'_> {
    fn answer(
        &self,
        args: &CheckArgs,
        mut verdict: Verdict,
        format: CheckFormat,
    ) -> anyhow::Result<Answer> {
        let kernel = args.metrics == CheckMetrics::All;
        let mut notes = Vec::new();
        if let Some(path) = &args.textfile {
            let page = (self.page)(&verdict, kernel);
            if let Err(error) = replace(path, page.as_bytes(), super::arguments::patience(args)) {
                // The line of the status names the worst, and that may be another
                // thing: whoever waits for the file is told on stderr.
                notes.push(error.to_string());
                verdict.fail(error.to_string());
            }
        }
        let status = verdict.status();
        let text = match format {
            // A scrape without metrics is a host that is down.
            CheckFormat::Prometheus => (self.page)(&verdict, kernel),
            _ if args.quiet && status == Status::Ok => String::new(),
            CheckFormat::Plugin => (self.line)(&verdict),
            CheckFormat::Json => (self.document)(&verdict)?,
        };
        Ok(Answer {
            status,
            text,
            notes,
        })
    }
}

/// A check that came to nothing. Whoever reads JSON or metrics from stdout must
/// not find a line there that is neither.
pub(super) fn failed(format: CheckFormat, args: &CheckArgs, status: Status, why: String) -> Answer {
    let silent = args.quiet && status == Status::Ok;
    let text = match format {
        CheckFormat::Plugin if !silent => plugin::failed(status, &why),
        CheckFormat::Json if !silent => json::check_failed(status, &why),
        CheckFormat::Plugin | CheckFormat::Json | CheckFormat::Prometheus => String::new(),
    };
    let notes = if format == CheckFormat::Plugin || silent {
        Vec::new()
    } else {
        vec![why]
    };
    Answer {
        status,
        text,
        notes,
    }
}

/// Prints an answer. The exit status counts even where nobody reads the rest.
pub(super) fn tell(answer: &Answer) -> Outcome {
    for note in &answer.notes {
        output::note(note);
    }
    let printed = output::print(&answer.text);
    let status = match printed {
        Ok(()) => answer.status,
        Err(error) => {
            output::note(&output::in_words(&error));
            answer.status.max(Status::Unknown)
        }
    };
    Outcome::Checked(status)
}
