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

/// The ends of the sockets that `ss -tnH` prints with these arguments beside, as it writes them;
/// what it says where it refuses them. `None`, and said loudly, where it isn't installed.
pub(super) fn ends(arguments: &[String]) -> Option<Result<Vec<[String; 2]>, String>> {
    if !installed() {
        return None;
    }
    let mut ss = Command::new("ss");
    let output = ss.arg("-tnH").args(arguments).output().expect("ss");
    let text = |bytes| String::from_utf8(bytes).expect("ss prints ASCII");
    if !output.status.success() {
        return Some(Err(text(output.stderr)));
    }
    // The state is left out where one is asked for.
    let ends = |line: &str| {
        let mut words = line
            .split_ascii_whitespace()
            .filter(|word| word.contains(':'));
        [0; 2].map(|_| words.next().expect("two ends").to_owned())
    };
    Some(Ok(text(output.stdout).lines().map(ends).collect()))
}

/// The lines that it prints.
pub(super) fn lines(arguments: &[&str]) -> Option<Vec<String>> {
    installed().then(|| run(arguments).lines().map(str::to_owned).collect())
}

/// The version of `ss`, as in `6.1`.
pub(super) fn version() -> Option<String> {
    let output = Command::new("ss").arg("-V").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, version) = text.trim().rsplit_once('-')?;
    let mut numbers = version.split('.');
    Some(format!("{}.{}", numbers.next()?, numbers.next()?))
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
