use super::*;
use std::fs;
use std::os::unix::fs::symlink;

const NOW: Duration = Duration::ZERO;

fn begin(path: &Path) -> Result<Replacement, StoreError> {
    Replacement::begin(Place::find(path)?, NOW)
}

#[test]
fn a_file_is_replaced_and_nothing_is_left_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page.prom");
    for content in ["first, and long", "second"] {
        replace(&path, content.as_bytes(), NOW).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn one_at_a_time_and_who_gives_up_leaves_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    replace(&path, b"old", NOW).unwrap();
    let first = begin(&path).unwrap();
    let second = begin(&path);
    assert!(matches!(second, Err(StoreError::Busy(_))));
    drop(first);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    begin(&path).unwrap().write(b"new", 0o600).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn what_was_left_by_one_that_was_killed_is_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    fs::write(
        directory.path().join(".state.tmp"),
        "a long unfinished text",
    )
    .unwrap();
    replace(&path, b"new", NOW).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn devices_directories_and_links_are_not_written_to() {
    let directory = tempfile::tempdir().unwrap();
    for path in [
        Path::new("/dev/full"),
        directory.path(),
        Path::new("/"),
        Path::new(".."),
    ] {
        assert!(replace(path, b"x", NOW).is_err(), "{}", path.display());
    }
    let victim = directory.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let trap = directory.path().join(".state.tmp");
    symlink(&victim, &trap).unwrap();
    assert!(replace(&directory.path().join("state"), b"x", NOW).is_err());
    fs::remove_file(&trap).unwrap();
    fs::hard_link(&victim, &trap).unwrap();
    let hard = replace(&directory.path().join("state"), b"x", NOW);
    assert!(matches!(hard, Err(StoreError::NotOurs(_))));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(replace(&directory.path().join("none/state"), b"x", NOW).is_err());
}

#[test]
fn many_at_once_never_show_a_part() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let contents: Vec<Vec<u8>> = (b'a'..b'e').map(|letter| vec![letter; 100_000]).collect();
    replace(&path, &contents[0], NOW).unwrap();
    thread::scope(|scope| {
        for content in &contents {
            scope.spawn(|| {
                for _ in 0..20 {
                    replace(&path, content, Duration::from_secs(30)).unwrap();
                }
            });
        }
        for _ in 0..200 {
            let seen = fs::read(&path).unwrap();
            assert!(contents.contains(&seen), "a part of {} bytes", seen.len());
        }
    });
}
#[test]
fn a_link_is_written_through_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let file = other.path().join("state");
    let link = directory.path().join("link");
    symlink(&file, &link).unwrap();
    for content in ["where nothing was", "again"] {
        replace(&link, content.as_bytes(), NOW).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
    let ring = directory.path().join("ring");
    symlink(&ring, &ring).unwrap();
    assert!(replace(&ring, b"x", NOW).is_err());
}

#[test]
fn a_directory_that_we_may_not_list_will_do() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("private");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, Permissions::from_mode(0o300)).unwrap();
    let path = place.join("state");
    replace(&path, b"new", NOW).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    fs::set_permissions(&place, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn errors_name_the_file_that_the_user_knows() {
    let error = replace(Path::new("/proc/none/page.prom"), b"x", NOW).unwrap_err();
    let told = error.to_string();
    assert!(
        told.starts_with("cannot write /proc/none/page.prom: "),
        "{told}"
    );
}

/// Its kernel follows links there for the owner of the directory and of the
/// link alone; we follow none.
#[test]
fn a_link_that_others_may_have_made_is_not_followed() {
    let home = tempfile::tempdir().unwrap();
    let victims = home.path().join("victims");
    fs::create_dir(&victims).unwrap();
    let victim = victims.join("page");
    fs::write(&victim, "precious").unwrap();
    for mode in [0o1777, 0o777, 0o770, 0o2775] {
        let shared = home.path().join("shared");
        fs::create_dir(&shared).unwrap();
        symlink(&victim, shared.join("page")).unwrap();
        symlink(victims.join("new"), shared.join("dangling")).unwrap();
        symlink(&victims, shared.join("directory")).unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(mode)).unwrap();
        for name in [
            "page",
            "dangling",
            "directory/page",
            "directory/../victims/page",
        ] {
            let refused = replace(&shared.join(name), b"x", NOW);
            assert!(
                matches!(refused, Err(StoreError::Link(_))),
                "{name}: {refused:?}"
            );
        }
        // Without a link such a directory will do, ours below it too.
        replace(&shared.join("file"), b"x", NOW).unwrap();
        fs::create_dir(shared.join("ours")).unwrap();
        symlink(&victims, shared.join("ours/directory")).unwrap();
        replace(&shared.join("ours/directory/other"), b"x", NOW).unwrap();
        fs::remove_dir_all(&shared).unwrap();
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(fs::read_dir(&victims).unwrap().count(), 2);
}

#[test]
fn a_link_that_only_we_can_have_made_is_followed_to_files_alone() {
    let home = tempfile::tempdir().unwrap();
    let link = home.path().join("link");
    for target in ["/dev/null", "/proc", "/proc/version"] {
        symlink(target, &link).unwrap();
        assert!(replace(&link, b"x", NOW).is_err(), "{target}");
        fs::remove_file(&link).unwrap();
    }
}

/// Killed after its last step but one, it has left a file that anybody may open
/// and lock.
#[test]
fn what_others_can_lock_hinders_nobody() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("page");
    let hidden = home.path().join(".page.tmp");
    for (mode, hinders) in [(0o644, false), (0o604, false), (0o600, true)] {
        fs::write(&hidden, "old").unwrap();
        fs::set_permissions(&hidden, Permissions::from_mode(mode)).unwrap();
        let held = File::open(&hidden).unwrap();
        held.lock().unwrap();
        let written = replace(&path, b"new", Duration::from_millis(20));
        assert_eq!(
            matches!(written, Err(StoreError::Busy(_))),
            hinders,
            "{mode:o}"
        );
        assert_eq!(written.is_err(), hinders, "{mode:o}");
    }
}

#[test]
fn while_it_is_written_nobody_else_can_open_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("page");
    let begun = begin(&path).unwrap();
    let mode = fs::metadata(home.path().join(".page.tmp")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    begun.write(b"x", 0o644).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
}
