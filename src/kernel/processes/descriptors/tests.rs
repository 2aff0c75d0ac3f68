//! Tables with and without gaps, staged and our own.

use super::*;
use std::collections::BTreeSet;
use std::fs::File;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;

use proptest::prelude::*;
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use crate::kernel::processes::directory::DIRECTORY_BUFFER;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// Where trying numbers ends in a directory with these names, and what it has
/// found by then.
fn tried(names: impl IntoIterator<Item = u32>, task: Task) -> (u32, Vec<u32>) {
    let staged = tempfile::tempdir().unwrap();
    for fd in names {
        symlink("socket:[50]", staged.path().join(fd.to_string())).unwrap();
    }
    let directory = openat(CWD, staged.path(), DIRECTORY, Mode::empty()).unwrap();
    let mut found = Vec::new();
    let mut reader = Reader {
        directory: &directory,
        task,
        keep: &|inode| inode == 50,
        link: [MaybeUninit::uninit(); LINK_BUFFER],
        any: false,
        found: &mut found,
    };
    let next = reader.try_numbers().unwrap();
    (next, found.iter().map(|(_, holder)| holder.fd).collect())
}

fn all(told: u32) -> Task {
    Task::part(7, None, None, told)
}

#[test]
fn a_table_without_gaps_is_not_listed_but_for_its_end() {
    let every: Vec<u32> = (0..300).collect();
    assert_eq!(tried(0..300, all(300)), (300, every));
}

#[test]
fn where_the_kernel_does_not_tell_how_many_there_are_no_number_is_tried() {
    assert_eq!(tried(0..300, all(0)), (0, Vec::new()));
}

#[test]
fn a_few_gaps_don_t_matter() {
    let (next, found) = tried((0..3).chain(10..50).chain(60..300), all(300));
    assert_eq!(next, 300);
    assert_eq!(found.len(), 3 + 40 + 240);
}

#[test]
fn a_long_gap_ends_the_trying_soon_however_much_came_before() {
    let gaps = |next: u32, after: u32| (1..=GAPS_AT_ONCE).contains(&(next - after));
    let (next, found) = tried((0..3).chain(900..1200), all(303));
    assert!(gaps(next, 3), "{next}");
    assert_eq!(found, [0, 1, 2]);
    let (next, found) = tried((0..2000).chain(2500..2600), all(2100));
    assert!(gaps(next, 2000), "{next}");
    assert_eq!(found.len(), 2000);
}

#[test]
fn every_second_number_missing_ends_the_trying_too() {
    let (next, found) = tried((0..500).map(|half| 2 * half), all(500));
    assert!(next < 3 * GAPS_AT_ONCE, "{next}");
    assert_eq!(found, (0..next).step_by(2).collect::<Vec<u32>>());
}

#[test]
fn a_part_tries_its_own_numbers_only() {
    let part = |from, to| tried(0..300, Task::part(7, from, to, 300));
    assert_eq!(part(None, Some(100)), (100, (0..100).collect()));
    assert_eq!(part(Some(100), Some(200)), (200, (100..200).collect()));
    assert_eq!(part(Some(200), None), (300, (200..300).collect()));
    // A stripe of a sample may end behind the last descriptor.
    assert_eq!(part(Some(290), Some(900)), (300, (290..300).collect()));
    assert_eq!(part(Some(400), None), (400, Vec::new()));
}

/// The descriptors of our own that refer to a socket, as one walk sees them.
fn own(inode: u64, task: Task) -> Vec<u32> {
    let directory = openat(CWD, "/proc/self/fd", DIRECTORY, Mode::empty()).unwrap();
    let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
    let mut found = Vec::new();
    let room = buffer.spare_capacity_mut();
    read_links(&directory, task, &|other| other == inode, room, &mut found).unwrap();
    assert!(found.iter().all(|&(of, _)| of == inode));
    found.iter().map(|(_, holder)| holder.fd).collect()
}

/// A socket, with copies whose numbers are at least these.
fn spread(at_least: &[u32]) -> (u64, Vec<OwnedFd>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
    let mut copies = vec![OwnedFd::from(listener)];
    for &number in at_least {
        let number = number.try_into().unwrap();
        copies.push(rustix::io::fcntl_dupfd_cloexec(&copies[0], number).unwrap());
    }
    (inode, copies)
}

fn numbers(copies: &[OwnedFd]) -> Vec<u32> {
    let numbers = copies.iter().map(|fd| fd.as_raw_fd().cast_unsigned());
    numbers.collect::<BTreeSet<u32>>().into_iter().collect()
}

#[test]
fn a_descriptor_far_away_is_found_whatever_the_kernel_told() {
    let (inode, copies) = spread(&[3900]);
    let there_are = numbers(&copies);
    // Many were opened since, or closed since, or it is as it was.
    for told in [0, 1, 10, 3901, 100_000, u32::MAX] {
        assert_eq!(own(inode, all(told)), there_are, "{told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_descriptor_is_in_one_part_whatever_the_gaps_and_the_number_told(
        at_least in prop::collection::vec(100_u32..3800, 0..200),
        run in 0_u32..3000,
        told in prop_oneof![Just(0), 0_u32..5000],
        cut in 1_u32..4000,
    ) {
        let run: Vec<u32> = (run..run + 150).collect();
        let (inode, copies) = spread(&[at_least, run].concat());
        let mut found = own(inode, Task::part(7, None, Some(cut), told));
        prop_assert!(found.iter().all(|&fd| fd < cut));
        found.extend(own(inode, Task::part(7, Some(cut), None, told)));
        prop_assert_eq!(found, numbers(&copies));
    }
}

#[test]
fn a_path_too_long_for_the_kernel_hides_no_socket() {
    let root = tempfile::tempdir().unwrap();
    let mut directory = OwnedFd::from(File::open(root.path()).unwrap());
    let name = "x".repeat(250);
    for _ in 0..20 {
        mkdirat(&directory, &name, Mode::RWXU).unwrap();
        directory = openat(&directory, &name, DIRECTORY, Mode::empty()).unwrap();
    }
    let (inode, mut copies) = spread(&[]);
    let far = directory.as_raw_fd() + 1;
    copies.push(rustix::io::fcntl_dupfd_cloexec(&copies[0], far).unwrap());
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let refused = rustix::fs::readlink(path, Vec::new()).unwrap_err();
    assert_eq!(refused, Errno::NAMETOOLONG);
    for told in [0, 5000] {
        assert_eq!(own(inode, all(told)), numbers(&copies));
    }
}
