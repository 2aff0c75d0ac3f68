//! What `ss` says: the oracle that users compare us with.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

use super::{Family, State, Tally, namespace};

/// Counts what `ss -tanH` prints, by family.
pub(super) fn tally() -> Option<Tally> {
    installed().then(|| {
        let mut tally = Tally::default();
        for (family, flag) in [(Family::Ipv4, "-4"), (Family::Ipv6, "-6")] {
            for line in run(&["-tanH", flag]).lines() {
                let word = line.split_ascii_whitespace().next().expect("a state");
                tally.add(State::from_ss(word), family, 1);
            }
        }
        tally
    })
}

/// Writes the kernel's answers, unparsed, into `file`.
pub(super) fn record(file: &Path) -> bool {
    let possible = installed();
    if possible {
        run(&["-tan", "-D", file.to_str().expect("a plain path")]);
    }
    possible
}

fn run(arguments: &[&str]) -> String {
    let output = Command::new("ss").args(arguments).output().expect("ss");
    assert!(output.status.success(), "ss {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("ss prints ASCII")
}

/// Says it once in a test, however often the test asks.
fn installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        let mut version = Command::new("ss");
        let found = version.arg("-V").stdout(Stdio::null()).status().is_ok();
        if !found {
            namespace::skip("the comparison with ss, which isn't installed");
        }
        found
    })
}
