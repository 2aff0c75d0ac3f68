use super::*;
use crate::model::{
    CheckState, Counter, CounterSnapshot, Counters, Payload, Sending, Sighting, Sightings,
    SocketCookie,
};
use std::fs;

/// Nobody waits for long where a test holds the lock.
const PATIENCE: Duration = Duration::from_millis(200);

fn states() -> CheckStates {
    let mut counters = Counters::default();
    counters.set(Counter::EstabResets, u64::MAX);
    counters.set(Counter::ListenDrops, 0);
    let sighting = Sighting {
        seen: Duration::from_millis(7),
        not_yet: None,
        sending: Sending {
            payload: Payload {
                once: Some(u64::MAX),
                acked: None,
            },
            last: Some(Duration::from_millis(9)),
            pause: Duration::from_millis(3),
        },
    };
    let counted = CounterSnapshot {
        drops: crate::model::ListenerDrops::from([("0.0.0.0:80".to_owned(), 7)]),
        at: Duration::from_millis(123_450),
        counters,
        values: [("close_wait".to_owned(), 3.0)].into(),
    };
    CheckStates(vec![CheckState {
        begun: Duration::from_millis(123_456),
        ended: Duration::from_millis(123_457),
        boot_id: "a-b".to_owned(),
        netns: Some(4_026_531_840),
        scope: "remote \"x\"\n".to_owned(),
        snapshots: vec![counted],
        close_wait: Some(Sightings {
            begun: Duration::from_millis(5),
            ended: Duration::from_millis(6),
            sockets: [(SocketCookie(u64::MAX), sighting)].into(),
        }),
    }])
}

#[test]
fn what_one_leaves_the_next_one_finds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let (mut state, before) = StateFile::open(&path, PATIENCE);
    assert_eq!(before, CheckStates::default());
    state.save(&states()).unwrap();
    assert_eq!(state.trouble(), None);
    let (again, before) = StateFile::open(&path, PATIENCE);
    assert_eq!(before, states());
    assert_eq!(again.trouble(), None);
}

/// Opens a file with this content, saves, and says what was wrong and what
/// is in it then.
fn saved_over(content: &[u8]) -> (Option<String>, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    fs::write(&path, content).unwrap();
    let (mut state, before) = StateFile::open(&path, PATIENCE);
    assert_eq!(before, CheckStates::default());
    state.save(&states()).unwrap();
    (state.trouble().map(str::to_owned), fs::read(&path).unwrap())
}

#[test]
fn what_is_damaged_or_older_is_begun_anew_with_one_warning() {
    for (content, word) in [
        (&b"{\"schema\":\"tcpstate.state/3\",\"boot"[..], "damaged"),
        (b"{\"schema\":\"tcpstate.state/", "damaged"),
        (b"{\"schema\":\"tcpstate.state/3\"}", "damaged"),
        (b"{\"schema\":\"tcpstate.state/1\"}", "older"),
    ] {
        let (trouble, after) = saved_over(content);
        let trouble = trouble.unwrap();
        assert!(trouble.contains(word), "{trouble}");
        assert!(
            after
                .starts_with(b"{\"schema\":\"tcpstate.state/3\",\"checks\":[{\"begun_ms\":123456,")
        );
    }
    let (trouble, after) = saved_over(b"");
    assert_eq!(trouble, None, "mktemp makes them empty");
    assert!(!after.is_empty());
}

#[test]
fn what_is_not_ours_or_newer_stays_as_it_is() {
    for (content, word) in [
        (&b"root:x:0:0:root:/root:/bin/bash\n"[..], "no state file"),
        (b"\xff\xfe", "no state file"),
        (b"{\"schema\":\"other/1\"}", "no state file"),
        (b"{\"schema\":\"tcpstate.state/4\",\"x\":1}", "version 4"),
        // Not written by any tcpstate that we know of.
        (b"{\"schema\":\"tcpstate.state/-1\",\"x\":1}", "version -1"),
        (
            b"{\"schema\":\"tcpstate.state/+3\",\"checks\":[]}",
            "version +3",
        ),
        (
            b"{\"schema\":\"tcpstate.state/0\",\"checks\":[]}",
            "version 0",
        ),
        (
            b"{\"schema\":\"tcpstate.state/99999999999999999999\",\"checks\":[]}",
            "version 99999999999999999999,",
        ),
    ] {
        let (trouble, after) = saved_over(content);
        let trouble = trouble.unwrap();
        assert!(trouble.contains(word), "{trouble}");
        assert_eq!(after, content);
    }
}

#[test]
fn a_place_that_cannot_be_written_to_costs_a_warning() {
    for path in ["/dev/full", "/proc/tcpstate-state", "/", "/proc/none/state"] {
        let (mut state, before) = StateFile::open(Path::new(path), PATIENCE);
        assert_eq!(before, CheckStates::default());
        assert!(!state.keeps());
        state.save(&states()).unwrap();
        let told = state.trouble().unwrap_or_default();
        assert!(told.starts_with("cannot write /"), "{path}: {told}");
    }
}
#[test]
fn a_pipe_in_its_place_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let kind = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
    let (state, before) = StateFile::open(&path, PATIENCE);
    assert_eq!(before, CheckStates::default());
    assert!(
        state
            .trouble()
            .unwrap_or_default()
            .contains("no regular file")
    );
    assert!(matches!(Place::find(&path), Err(StoreError::NoFile(_))));
}

#[test]
fn while_another_check_writes_the_first_memory_the_next_run_will_know() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let place = Place::find(&path).unwrap();
    let _other = Replacement::begin(place, PATIENCE).unwrap();
    let (state, before) = StateFile::open(&path, PATIENCE);
    assert_eq!(before, CheckStates::default());
    assert!(state.keeps());
}

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
