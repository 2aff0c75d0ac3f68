use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::classify::close_wait::testing::close_wait;
use crate::classify::close_wait::{Judge, MIN_AGE};
use crate::collect::cpu_budget::cpu_time;

const JUDGE: Judge<'_> = Judge {
    min_age: MIN_AGE,
    uptime: None,
    earlier: None,
};

/// A /proc in which each process holds sockets with these inodes.
fn staged(processes: &[(u32, &[u64])]) -> (TempDir, ProcRoot) {
    let root = tempfile::tempdir().unwrap();
    let proc = root.path().join("proc");
    for &(pid, inodes) in processes {
        let fds = proc.join(format!("{pid}/fd"));
        fs::create_dir_all(&fds).unwrap();
        for (fd, inode) in inodes.iter().enumerate() {
            symlink(format!("socket:[{inode}]"), fds.join(fd.to_string())).unwrap();
        }
        let stat = format!("{pid} (x) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
        fs::write(proc.join(format!("{pid}/stat")), stat).unwrap();
        fs::write(proc.join(format!("{pid}/comm")), format!("p{pid}\n")).unwrap();
    }
    let proc_root = ProcRoot::new(&proc);
    (root, proc_root)
}

fn digest(inodes: impl IntoIterator<Item = u64>) -> Digest {
    let mut digest = Digest::default();
    for inode in inodes {
        digest.add(&close_wait().inode(inode).build(), &JUDGE);
    }
    digest
}

fn owners(digest: &Digest, proc_root: Option<&ProcRoot>) -> Vec<LeakOwner> {
    let mut cache = OwnerCache::new(cpu_time);
    super::owners(digest, proc_root, &mut cache).0
}

/// Who leaks how many, with how many others; 0 is nobody, or several more.
fn named(digest: &Digest, proc_root: &ProcRoot) -> Vec<(u32, u64, u64)> {
    let owners = owners(digest, Some(proc_root)).into_iter();
    owners
        .map(|owner| {
            let pid = match owner.kind {
                LeakOwnerKind::Process { pid, .. } => pid,
                _ => 0,
            };
            (pid, owner.leaked, owner.others)
        })
        .collect()
}

#[test]
fn forked_holders_of_the_same_sockets_are_one_suspect() {
    let same: &[u64] = &[11, 12, 13];
    let (_root, proc_root) = staged(&[(5, same), (6, same), (7, same), (8, &[14])]);
    let leaked = digest([11, 12, 13, 14]);
    assert_eq!(named(&leaked, &proc_root), [(5, 3, 2), (8, 1, 0)]);
}

#[test]
fn who_inherited_a_part_is_not_counted_again() {
    let (_root, proc_root) = staged(&[(5, &[11]), (6, &[11, 12, 13]), (7, &[11, 12])]);
    assert_eq!(named(&digest([11, 12, 13]), &proc_root), [(6, 3, 2)]);
}

#[test]
fn the_rest_is_told_however_much_is_named() {
    let (_root, proc_root) = staged(&[(5, &[11, 12])]);
    let unknown = named(&digest([11, 12, 13, 14, 15]), &proc_root);
    assert_eq!(unknown, [(5, 2, 0), (0, 3, 0)]);
    let each: Vec<(u32, [u64; 1])> = (1..=7).map(|pid| (pid, [u64::from(pid)])).collect();
    let each: Vec<(u32, &[u64])> = each.iter().map(|(pid, one)| (*pid, &one[..])).collect();
    let (_root, proc_root) = staged(&each);
    let many = named(&digest(1..=7), &proc_root);
    assert_eq!(many.len(), MOST_OWNERS + 1);
    assert_eq!(many[MOST_OWNERS], (0, 2, 0), "two have no room by name");
}

/// They were one lump that nobody was known to have: of 56 processes with one
/// socket each it looked like a leak of 51.
#[test]
fn those_who_have_no_room_by_name_are_many_and_not_one() {
    let each: Vec<(u32, [u64; 1])> = (1..=56).map(|pid| (pid, [u64::from(pid)])).collect();
    let mut each: Vec<(u32, &[u64])> = each.iter().map(|(pid, one)| (*pid, &one[..])).collect();
    // A child that inherited a socket is no leaker more.
    each.push((57, &[56]));
    let (_root, proc_root) = staged(&each);
    let found = owners(&digest(1..=56), Some(&proc_root));
    let who: Vec<(&LeakOwnerKind, u64)> = found.iter().map(|s| (&s.kind, s.leaked)).collect();
    assert_eq!(who.len(), MOST_OWNERS + 1, "{who:?}");
    assert!(who[..MOST_OWNERS].iter().all(|(_, leaked)| *leaked == 1));
    assert_eq!(who[MOST_OWNERS], (&others(51), 51));
}

fn others(processes: u64) -> LeakOwnerKind {
    LeakOwnerKind::Others {
        processes,
        elsewhere: 0,
    }
}

#[test]
fn what_nobody_was_found_for_is_apart_from_those_without_a_name() {
    let each: Vec<(u32, [u64; 1])> = (1..=7).map(|pid| (pid, [u64::from(pid)])).collect();
    let each: Vec<(u32, &[u64])> = each.iter().map(|(pid, one)| (*pid, &one[..])).collect();
    let (_root, proc_root) = staged(&each);
    let found = owners(&digest(1..=10), Some(&proc_root));
    let rest: Vec<(&LeakOwnerKind, u64)> = found[MOST_OWNERS..]
        .iter()
        .map(|s| (&s.kind, s.leaked))
        .collect();
    assert_eq!(rest, [(&others(2), 2), (&LeakOwnerKind::Unknown, 3)]);
}

#[test]
fn more_than_is_remembered_is_the_rest_and_the_number_a_lower_bound() {
    let (_root, proc_root) = staged(&[(5, &[1, 2, 3])]);
    let leaked = digest(1..=9_000);
    let owners = owners(&leaked, Some(&proc_root));
    assert!(owners.iter().any(|owner| owner.or_more));
    let sum: u64 = owners.iter().map(|owner| owner.leaked).sum();
    assert_eq!(sum, 9_000);
}

/// Before Linux 6.2 nobody tells how many descriptors a process has; 1,024 were
/// reckoned with for each, so that no more than 97 processes were looked into.
#[test]
fn a_leaker_among_many_small_processes_is_found_where_no_number_is_told() {
    let leaked: &[u64] = &[11, 12, 13];
    let others = (1_000..1_900).map(|pid| (pid, &[][..]));
    let kernel_threads = (2_000..2_050).map(|pid| (pid, &[][..]));
    let all: Vec<_> = [(5, leaked)]
        .into_iter()
        .chain(others)
        .chain(kernel_threads)
        .collect();
    let (_root, proc_root) = staged(&all);
    for (pid, _) in all {
        let memory = if pid < 2_000 { "VmSize:\t 9 kB\n" } else { "" };
        let status = format!("Name:\tx\nFDSize:\t64\n{memory}Threads:\t1\n");
        fs::write(proc_root.file(&format!("{pid}/status")), status).unwrap();
    }
    let leaked = digest(leaked.iter().copied());
    assert_eq!(named(&leaked, &proc_root), [(5, 3, 0)]);
}

#[test]
fn without_a_leak_nobody_is_suspected() {
    let (_root, proc_root) = staged(&[(5, &[11])]);
    assert_eq!(named(&Digest::default(), &proc_root), []);
}

#[test]
fn a_process_that_has_the_number_of_a_holder_now_is_not_suspected() {
    let (root, proc_root) = staged(&[(5, &[11, 12])]);
    assert_eq!(named(&digest([11, 12]), &proc_root), [(5, 2, 0)]);
    // The descriptors stay with the process that has ended.
    let (proc, ended) = (root.path().join("proc"), root.path().join("ended"));
    fs::rename(proc.join("5"), &ended).unwrap();
    fs::create_dir(proc.join("5")).unwrap();
    symlink(ended.join("fd"), proc.join("5/fd")).unwrap();
    let stat = "5 (y) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 4712 0 0";
    fs::write(proc.join("5/stat"), stat).unwrap();
    assert_eq!(named(&digest([11, 12]), &proc_root), [(0, 2, 0)]);
}
