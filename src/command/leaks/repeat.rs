//! The caller's options once more, for the commands that are suggested.

use std::fmt::Write;

use crate::classify::close_wait::MIN_AGE;
use crate::cli::{CommonArgs, LeaksArgs, Source};
use crate::text::number::argument;
use crate::text::shell_word;

/// Each option that changes the question, after a space; not `--pid` and what
/// only changes how the answer looks. `netns`: the namespace where all are looked
/// at.
pub(super) fn options(common: &CommonArgs, args: &LeaksArgs, netns: Option<&str>) -> String {
    let mut text = String::new();
    if args.min_age.0 != MIN_AGE {
        let _ = write!(text, " --min-age {}", argument(args.min_age.0));
    }
    for peer in &args.remote {
        let _ = write!(text, " --remote {}", shell_word(peer));
    }
    for port in &args.listen_port {
        let _ = write!(text, " --listen-port {port}");
    }
    for (given, option) in [
        (common.ipv4, " -4"),
        (common.ipv6, " -6"),
        (args.deep, " --deep"),
        (common.source == Source::Netlink, " --source netlink"),
        (common.source == Source::Procfs, " --source procfs"),
    ] {
        if given {
            text.push_str(option);
        }
    }
    if let Some(netns) = netns.or(common.netns.as_deref()) {
        let _ = write!(text, " --netns {}", shell_word(netns));
    }
    let root = common.proc_root.to_string_lossy();
    if root != "/proc" {
        let _ = write!(text, " --proc-root {}", shell_word(&root));
    }
    for word in &args.filter.words {
        let _ = write!(text, " {}", shell_word(word));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn repeated(arguments: &str) -> String {
        let arguments = ["tcpstate", "leaks"]
            .into_iter()
            .chain(arguments.split(' '));
        let cli = Cli::try_parse_from(arguments.filter(|one| !one.is_empty())).unwrap();
        let Some(Command::Leaks(args)) = &cli.command else {
            panic!("another command");
        };
        options(&cli.common, args, None)
    }

    #[test]
    fn the_question_is_repeated_and_the_form_of_the_answer_is_not() {
        assert_eq!(repeated(""), "");
        assert_eq!(repeated("--pid 7 --json --sockets --over 5s"), "");
        let options = "--min-age 1500ms --remote 10.0.0.9:5432 --listen-port 80 -4 --deep \
                       --source procfs --proc-root /host/proc dport :5432";
        assert_eq!(repeated(options), format!(" {options}"));
    }
}
