//! Man pages, from the definitions of the command line.
//!
//! clap_mangen writes every option into the synopsis, long lines and the exit
//! status of all commands; these pages have what ss(8) has, and no more.

use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

use crate::text::wrap;

/// Columns of a line of source; mandoc asks for 80 at most.
const COLUMNS: usize = 76;

/// What a page says that the definitions don't.
struct Extra {
    /// `tcpstate` for all commands, else the command's name.
    name: &'static str,
    synopsis: &'static [&'static str],
    exit: &'static [(&'static str, &'static str)],
    files: &'static [(&'static str, &'static str)],
    environment: &'static [(&'static str, &'static str)],
}

const EXIT: &[(&str, &str)] = &[
    (
        "0",
        "Done. A reader that closes the pipe early changes nothing.",
    ),
    (
        "1",
        "There is a finding at warning or above, and --exit-code was given.",
    ),
    ("2", "It failed, or the arguments were wrong."),
];

const COLOR: (&str, &str) = ("NO_COLOR", "No colours, unless --color says otherwise.");
const TERM: (&str, &str) = ("TERM", "No colours and no screen where it is dumb.");

const EXTRAS: &[Extra] = &[
    Extra {
        name: "tcpstate",
        synopsis: &["tcpstate [OPTION]... [COMMAND [OPTION]...]"],
        exit: EXIT,
        files: PROC,
        environment: &[COLOR, TERM],
    },
    Extra {
        name: "summary",
        synopsis: &[
            "tcpstate [OPTION]...",
            "tcpstate summary [OPTION]... [FILTER]...",
        ],
        exit: EXIT,
        files: PROC,
        environment: &[COLOR, TERM],
    },
    Extra {
        name: "list",
        synopsis: &["tcpstate list [-alBpeimo] [OPTION]... [FILTER]..."],
        exit: ANSWERED,
        files: PROC,
        environment: &[COLOR, TERM],
    },
    Extra {
        name: "leaks",
        synopsis: &["tcpstate leaks [--pid PID]... [--over DURATION] [OPTION]... [FILTER]..."],
        exit: EXIT,
        files: PROC,
        environment: &[COLOR, TERM],
    },
    Extra {
        name: "pressure",
        synopsis: &["tcpstate pressure [--over DURATION] [OPTION]... [FILTER]..."],
        exit: EXIT,
        files: PROC,
        environment: &[COLOR, TERM],
    },
    Extra {
        name: "watch",
        synopsis: &["tcpstate watch [-n INTERVAL] [--count N] [OPTION]... [FILTER]..."],
        exit: EXIT,
        files: PROC,
        environment: &[COLOR, TERM],
    },
    Extra {
        name: "check",
        synopsis: &[
            "tcpstate check [-w NAME=RANGE]... [-c NAME=RANGE]... [--state [FILE]] [OPTION]... [FILTER]...",
            "tcpstate check --list",
        ],
        exit: &[
            (
                "0",
                "OK: nothing at warning or above, and everything was judged.",
            ),
            ("1", "WARNING."),
            ("2", "CRITICAL."),
            (
                "3",
                "UNKNOWN: something couldn't be judged, or the arguments were wrong.",
            ),
        ],
        files: &[
            (
                "$STATE_DIRECTORY/check.json, ~/.local/state/tcpstate/check.json",
                "What --state remembers, where no FILE is named.",
            ),
            ("/proc", "As all commands; --proc-root names another."),
        ],
        environment: &[
            (
                "STATE_DIRECTORY",
                "The directory of the state file; systemd sets it.",
            ),
            (
                "XDG_STATE_HOME",
                "Where the state file is kept otherwise; ~/.local/state where it isn't set.",
            ),
        ],
    },
    Extra {
        name: "explain",
        synopsis: &["tcpstate explain [WORD]"],
        exit: ANSWERED,
        files: &[],
        environment: &[COLOR, TERM],
    },
];

/// Of a command that judges nothing.
const ANSWERED: &[(&str, &str)] = &[("0", "Done."), ("2", "It failed, or the usage was wrong.")];

const PROC: &[(&str, &str)] = &[(
    "/proc",
    "Counters, settings and processes; sockets too where netlink is refused.",
)];

/// The page of a command, or none where nobody has written what the page says
/// beside the definitions. `pages` are the names of all pages, `date` the day
/// of this version, as in its CHANGELOG.
#[must_use]
pub fn page(command: &Command, pages: &[String], date: &str) -> Option<String> {
    let name = page_name(command);
    let extra = EXTRAS
        .iter()
        .find(|extra| extra.name == command.get_name())?;
    let version = format!("tcpstate {}", env!("CARGO_PKG_VERSION"));
    let title = name.to_uppercase();
    let mut page = Roff::new();
    page.control(
        "TH",
        [title.as_str(), "1", date, version.as_str(), "User Commands"],
    );

    page.control("SH", ["NAME"]);
    let about = command.get_about().map(ToString::to_string);
    for line in wrap(&format!("{name} - {}", about.unwrap_or_default()), COLUMNS) {
        page.text([roman(line)]);
    }

    page.control("SH", ["SYNOPSIS"]);
    for line in extra.synopsis {
        page.control("HP", []);
        synopsis(&mut page, line);
    }

    page.control("SH", ["DESCRIPTION"]);
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    // The first paragraph is the line under NAME.
    let paragraphs: Vec<&str> = about.split("\n\n").skip(1).collect();
    for (index, text) in paragraphs.iter().enumerate() {
        if index > 0 {
            page.control("PP", []);
        }
        paragraph(&mut page, text);
    }

    page.control("SH", ["OPTIONS"]);
    options(&mut page, command);

    let commands: Vec<&Command> = command.get_subcommands().collect();
    if !commands.is_empty() {
        page.control("SH", ["COMMANDS"]);
        for command in commands {
            let about = command.get_about().map(ToString::to_string);
            let see = format!("tcpstate-{}(1)", command.get_name());
            entry(&mut page, vec![bold(see)], &about.unwrap_or_default());
        }
    }

    if let Some((_, examples)) = examples(command)
        .as_deref()
        .and_then(|text| text.split_once('\n'))
    {
        page.control("SH", ["EXAMPLES"]);
        page.control("nf", []);
        for line in examples.lines() {
            page.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        page.control("fi", []);
    }

    for (heading, entries) in [
        ("EXIT STATUS", extra.exit),
        ("FILES", extra.files),
        ("ENVIRONMENT", extra.environment),
    ] {
        if !entries.is_empty() {
            page.control("SH", [heading]);
        }
        for (term, text) in entries {
            entry(&mut page, vec![bold(*term)], text);
        }
    }

    page.control("SH", ["SEE ALSO"]);
    let others = pages.iter().filter(|other| **other != name);
    let mut see: Vec<String> = others.map(|other| format!("{other}(1)")).collect();
    see.extend(["ss(8)", "tcp(7)", "sock_diag(7)", "proc(5)"].map(str::to_owned));
    paragraph(&mut page, &see.join(", "));
    Some(page.render())
}

/// `tcpstate-leaks`; `tcpstate` for all commands.
#[must_use]
pub fn page_name(command: &Command) -> String {
    match command.get_name() {
        "tcpstate" => "tcpstate".to_owned(),
        name => format!("tcpstate-{name}"),
    }
}

/// Examples stand in the help behind the options, under a heading of theirs.
fn examples(command: &Command) -> Option<String> {
    let text = command.get_after_help()?.to_string();
    text.starts_with("Examples:").then_some(text)
}

/// What is typed as it is bold, what stands for something else italic.
fn synopsis(page: &mut Roff, line: &str) {
    let inlines: Vec<Inline> = line
        .split_inclusive(|character: char| " []=".contains(character))
        .map(|word| {
            let stem = word.trim_end_matches([' ', '[', ']', '=', '.']);
            if !stem.is_empty() && stem.chars().all(|character| character.is_ascii_uppercase()) {
                italic(word)
            } else if stem.is_empty() {
                roman(word)
            } else {
                bold(word)
            }
        })
        .collect();
    page.text(inlines);
}

/// The options of this command, then those under a heading of theirs.
fn options(page: &mut Roff, command: &Command) {
    let shown = |arg: &&Arg| !arg.is_hide_set();
    let mut headings: Vec<Option<&str>> = vec![None];
    for arg in command.get_arguments().filter(shown) {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    for heading in headings {
        if let Some(heading) = heading {
            page.control("SS", [heading]);
        }
        let of_heading = |arg: &&Arg| arg.get_help_heading() == heading;
        for arg in command.get_arguments().filter(shown).filter(of_heading) {
            option(page, arg);
        }
    }
}

fn option(page: &mut Roff, arg: &Arg) {
    let mut term = Vec::new();
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    for (index, flag) in short.into_iter().chain(long).enumerate() {
        if index > 0 {
            term.push(roman(", "));
        }
        term.push(bold(flag));
    }
    if arg.is_positional() || arg.get_action().takes_values() {
        for name in arg.get_value_names().unwrap_or_default() {
            if !term.is_empty() {
                term.push(roman(" "));
            }
            let optional = arg
                .get_num_args()
                .is_some_and(|range| range.min_values() == 0);
            if optional && !arg.is_positional() {
                term.extend([roman("["), italic(name.as_str()), roman("]")]);
            } else {
                term.push(italic(name.as_str()));
            }
        }
    }
    let help = arg.get_long_help().or(arg.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    let takes_values = arg.get_action().takes_values();
    if takes_values && !defaults.is_empty() && !arg.is_hide_default_value_set() {
        text = format!("{text}. The default is {}", defaults.join(", "));
    }
    entry(page, term, &format!("{text}."));
    for value in arg.get_possible_values() {
        let help = value.get_help().map(ToString::to_string);
        if let (Some(help), true) = (help, takes_values) {
            page.control("RS", []);
            entry(page, vec![bold(value.get_name())], &help);
            page.control("RE", []);
        }
    }
}

/// A term, and what it means below it.
fn entry(page: &mut Roff, term: Vec<Inline>, text: &str) {
    page.control("TP", []);
    page.text(term);
    paragraph(page, text);
}

/// Sentences, each on a line of its own, and lines that aren't too long.
fn paragraph(page: &mut Roff, text: &str) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (sentence, after) = rest
            .match_indices(['.', '?', '!'])
            .map(|(at, _)| rest.split_at(at + 1))
            .find(|(_, after)| after.starts_with(' '))
            .unwrap_or((rest, ""));
        for line in wrap(sentence.trim_start(), COLUMNS) {
            page.text([roman(line)]);
        }
        rest = after.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_a_line() {
        let mut page = Roff::new();
        paragraph(&mut page, "It is 1.5 s.  The rest\nfollows? Yes.");
        assert!(
            page.to_roff()
                .contains("It is 1.5 s.\nThe rest follows?\nYes.")
        );
    }
}
