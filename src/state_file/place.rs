//! Where the state file is when nobody says.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::atomic::{StoreError, make_private_directory};

const NAME: &str = "check.json";

/// The place by the conventions of systemd (`$STATE_DIRECTORY`, which it makes
/// for a unit with `StateDirectory=`) and XDG (`$XDG_STATE_HOME`, else
/// `~/.local/state`), made if it isn't there. `None` where the environment
/// names no place, as under `env -i`.
///
/// # Errors
///
/// When the directory can't be made.
pub fn default_state_file(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, StoreError> {
    let Some(directory) = directory(variable) else {
        return Ok(None);
    };
    make_private_directory(&directory)?;
    Ok(Some(directory.join(NAME)))
}

fn directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // A relative path would depend on where the check is started.
    let absolute = |name: &str| {
        let path = PathBuf::from(variable(name)?);
        path.is_absolute().then_some(path)
    };
    let of_unit = variable("STATE_DIRECTORY").and_then(|value| {
        // A unit with several directories has them separated by colons.
        let first = value.to_str()?.split(':').next()?.to_owned();
        Path::new(&first)
            .is_absolute()
            .then(|| PathBuf::from(first))
    });
    of_unit.or_else(|| {
        let home = || Some(absolute("HOME")?.join(".local/state"));
        Some(absolute("XDG_STATE_HOME").or_else(home)?.join("tcpstate"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_goes_before_the_user_and_nothing_relative_counts() {
        for (environment, expected) in [
            (&[][..], None),
            (
                &[("HOME", "/home/a")],
                Some("/home/a/.local/state/tcpstate"),
            ),
            (
                &[("HOME", "/home/a"), ("XDG_STATE_HOME", "/x")],
                Some("/x/tcpstate"),
            ),
            (
                &[("XDG_STATE_HOME", "x"), ("HOME", "/h")],
                Some("/h/.local/state/tcpstate"),
            ),
            (
                &[
                    ("STATE_DIRECTORY", "/var/lib/tcpstate:/var/lib/b"),
                    ("HOME", "/h"),
                ],
                Some("/var/lib/tcpstate"),
            ),
            (&[("STATE_DIRECTORY", "")], None),
            (&[("HOME", "")], None),
        ] {
            let found = directory(|name| {
                let entry = environment.iter().find(|(key, _)| *key == name);
                entry.map(|(_, value)| OsString::from(value))
            });
            assert_eq!(found.as_deref(), expected.map(Path::new), "{environment:?}");
        }
    }

    #[test]
    fn the_directory_is_made() {
        let home = tempfile::tempdir().unwrap();
        let file =
            default_state_file(|name| (name == "HOME").then(|| home.path().as_os_str().to_owned()));
        let file = file.unwrap().unwrap();
        assert!(file.parent().unwrap().is_dir());
        assert!(!file.exists());
    }
}
