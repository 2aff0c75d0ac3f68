use std::cell::Cell;
use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

thread_local! {
    static SPENT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// A search takes 30 ms of a core, so it may be done every 3 s.
fn clock() -> Duration {
    SPENT.set(SPENT.get() + Duration::from_millis(30));
    SPENT.get()
}

/// A /proc, and who is known to hold what in it.
struct Staged {
    root: TempDir,
    known: OwnerCache,
    start: Instant,
    /// Calls for the processes where a search begins: so many searches.
    searches: u32,
}

impl Staged {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            known: OwnerCache::new(clock),
            start: Instant::now(),
            searches: 0,
        }
    }

    fn process(&self, pid: u32, started: u64, inodes: &[u64]) {
        let directory = self.root.path().join(pid.to_string());
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("fd")).unwrap();
        let stat = format!("{pid} (x) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 {started} 0 0");
        fs::write(directory.join("stat"), stat).unwrap();
        for (fd, inode) in inodes.iter().enumerate() {
            let link = directory.join(format!("fd/{fd}"));
            symlink(format!("socket:[{inode}]"), link).unwrap();
        }
    }

    /// The holders of sockets, and whether each was sought everywhere.
    fn look(&mut self, second: u32, inodes: &[u64]) -> Vec<(Vec<u32>, bool)> {
        let wanted: Inodes = inodes.iter().copied().collect();
        let proc_root = ProcRoot::new(self.root.path());
        let now = self.start + SECOND * second;
        let searches = &mut self.searches;
        let hints = || {
            *searches += 1;
            Hints::default()
        };
        let known = &mut self.known;
        let everywhere = Budget::Everywhere;
        known.begin(now);
        known
            .update(&proc_root, &wanted, hints, everywhere)
            .unwrap();
        let inodes = inodes.iter();
        inodes
            .map(|&inode| {
                let pids = known.owners().of(inode).iter().map(|holder| holder.pid);
                (
                    pids.collect(),
                    known.owners().was_searched_everywhere(inode),
                )
            })
            .collect()
    }
}

/// Every sample read where each descriptor of the host leads: a third of a core
/// on a host with 200,000.
#[test]
fn a_search_that_costs_much_is_done_seldom() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10, 11]);
    for (second, searches) in [(0, 1), (1, 1), (2, 1), (3, 2), (5, 2), (6, 3)] {
        let found = staged.look(second, &[10, 11]);
        assert_eq!(found, [(vec![7], true), (vec![7], true)], "{second}");
        assert_eq!(staged.searches, searches, "{second}");
    }
    let now = staged.start + SECOND * 7;
    let search = staged.known.last_search().unwrap();
    assert_eq!((search.ago(now), search.every), (SECOND, SECOND * 3));
}

#[test]
fn who_holds_it_no_more_is_not_shown_between_two_searches() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10, 11]);
    staged.process(8, 1, &[11, 12]);
    staged.process(9, 1, &[13]);
    let all = [10, 11, 12, 13];
    staged.look(0, &all);
    // What is new is looked for nearby, which isn't done again soon.
    staged.look(1, &[10, 11, 12, 13, 14]);
    // One has closed a socket that the other still has, and has another under
    // that number; one has ended, and its number is another's.
    staged.process(7, 1, &[10, 99]);
    staged.process(9, 2, &[13]);
    let found = staged.look(2, &all);
    let expected = [
        (vec![7], true),
        (vec![8], true),
        (vec![8], true),
        // It was sought before whoever had it let it go.
        (vec![], false),
    ];
    assert_eq!((found.as_slice(), staged.searches), (&expected[..], 1));
    assert_eq!(staged.look(3, &[13]), [(vec![9], true)], "found again");
}

#[test]
fn a_new_socket_of_a_known_holder_is_found_at_once() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10]);
    staged.process(8, 1, &[]);
    staged.look(0, &[10]);
    staged.process(7, 1, &[10, 11]);
    staged.process(8, 1, &[12]);
    let found = staged.look(1, &[10, 11, 12]);
    // Of the stranger's nothing follows yet.
    let expected = [(vec![7], true), (vec![7], false), (vec![], false)];
    assert_eq!((found.as_slice(), staged.searches), (&expected[..], 1));
    assert_eq!(staged.look(3, &[12]), [(vec![8], true)]);
}

/// Who closed all that it had, and had others at the next sample, was gone from
/// the view until the next search.
#[test]
fn who_closed_all_that_it_had_is_nearby_still() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10]);
    staged.look(0, &[10]);
    staged.process(7, 1, &[]);
    assert_eq!(staged.look(1, &[]), []);
    staged.process(7, 1, &[11]);
    assert_eq!(staged.look(2, &[11]), [(vec![7], false)]);
    assert_eq!(staged.searches, 1);
}

#[test]
fn a_copy_of_a_descriptor_is_found_by_the_next_search() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10]);
    staged.look(0, &[10]);
    staged.process(8, 1, &[10]);
    assert_eq!(staged.look(1, &[10]), [(vec![7], true)]);
    assert_eq!(staged.look(3, &[10]), [(vec![7, 8], true)]);
}

#[test]
fn what_nobody_holds_is_not_sought_for_ever() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10]);
    for second in 0..3 {
        let found = staged.look(second, &[10, 11]);
        assert_eq!(found, [(vec![7], true), (vec![], true)]);
    }
    // A search nearby takes time of its own.
    assert!(staged.known.for_new.last().is_none());
}

#[test]
fn after_a_failure_it_begins_anew() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10]);
    staged.look(0, &[10]);
    let wanted = Inodes::from_iter([10]);
    let nowhere = ProcRoot::new(&staged.root.path().join("nowhere"));
    let now = staged.start + SECOND;
    let hints = Hints::default;
    let everywhere = Budget::Everywhere;
    staged.known.begin(now);
    let outcome = staged.known.update(&nowhere, &wanted, hints, everywhere);
    assert!(outcome.is_err());
    assert_eq!(staged.known.kept(), 0);
    assert_eq!(staged.look(1, &[10]), [(vec![7], true)]);
    assert_eq!(staged.searches, 2);
}

/// Who holds the sockets, by a search that reads few descriptors, and whether
/// all were looked for.
fn quick(staged: &mut Staged, second: u32, inodes: &[u64]) -> (u32, Vec<Vec<u32>>, bool) {
    let proc_root = ProcRoot::new(staged.root.path());
    staged.known.begin(staged.start + SECOND * second);
    let searches = &mut staged.searches;
    let hints = || {
        *searches += 1;
        Hints::default()
    };
    let wanted = inodes.iter().copied().collect();
    let known = &mut staged.known;
    known
        .update(&proc_root, &wanted, hints, Budget::Descriptors(10_000))
        .unwrap();
    let pids = inodes.iter().map(|&inode| {
        let holders = known.owners().of(inode).iter();
        holders.map(|holder| holder.pid).collect()
    });
    let pids = pids.collect();
    (*searches, pids, known.tried_all(inodes.iter().copied()))
}

/// Each sample looked through the descriptors of whoever leaks.
#[test]
fn names_are_not_searched_for_while_the_same_sockets_leak() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10, 11]);
    let seven = || vec![vec![7], vec![7]];
    for second in 0..30 {
        let found = quick(&mut staged, second, &[10, 11]);
        assert_eq!(found, (1, seven(), true));
    }
    // Half of them is closed: nobody is said to leak it.
    staged.process(7, 1, &[10]);
    assert_eq!(quick(&mut staged, 30, &[10]), (1, vec![vec![7]], true));
}

/// A leak that grows is another one at each sample, each of which looked
/// through 25,000 descriptors.
#[test]
fn a_leak_that_grows_is_not_searched_for_at_each_sample() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10]);
    assert_eq!(quick(&mut staged, 0, &[]), (0, vec![], true));
    assert_eq!(quick(&mut staged, 0, &[10]), (1, vec![vec![7]], true));
    staged.process(7, 1, &[10, 11]);
    let some = (1, vec![vec![7], vec![]], false);
    for second in 1..9 {
        assert_eq!(quick(&mut staged, second, &[10, 11]), some);
    }
    let all = (2, vec![vec![7], vec![7]], true);
    assert_eq!(quick(&mut staged, 9, &[10, 11]), all);
}

/// A view asks beside the summary, for other sockets.
#[test]
fn two_who_ask_at_one_moment_share_what_is_known() {
    let mut staged = Staged::new();
    staged.process(7, 1, &[10]);
    staged.process(8, 1, &[12]);
    for second in 0..3 {
        assert_eq!(quick(&mut staged, second, &[10]).1, [[7]]);
        let of_view = staged.look(second, &[10, 12]);
        assert_eq!(of_view, [(vec![7], true), (vec![8], true)]);
    }
    assert_eq!(staged.searches, 2, "one for each");
    // Nobody asks for them any more.
    let none: [u64; 0] = [];
    quick(&mut staged, 3, &none);
    quick(&mut staged, 4, &none);
    assert_eq!(staged.known.owners().iter().count(), 0);
}
