use super::super::testing::{RowBytes, ScriptedKernel, Step, done, message};
use super::super::{NetlinkSource, SocketSource};
use super::*;
use crate::kernel::KernelError;
use crate::model::{Request, StateSet};
use std::thread::ThreadId;

const ENOMEM: i32 = -12;

/// Datagrams of two sockets each, whose cookies count from 1.
fn datagrams(count: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|number| {
        let row = |cookie| RowBytes::new(1, cookie).message(1);
        [row(2 * number + 1), row(2 * number + 2)].concat()
    })
}

/// Numbers of datagrams: before, at and behind the start of the thread.
fn around_the_start() -> std::ops::Range<u64> {
    let start = u64::try_from(WORTH_A_THREAD).unwrap();
    start - 2..start + 30
}

/// What a source shows of such a script: cookies in their order, and how it
/// ended.
fn visit(steps: impl IntoIterator<Item = Step>) -> (Vec<u64>, Result<u64, String>) {
    let mut source = NetlinkSource::over(ScriptedKernel::new(steps));
    let mut cookies = Vec::new();
    let outcome = source.visit_all(&Request::states(StateSet::RFC9293), &mut |socket| {
        cookies.extend(socket.cookie.map(|cookie| cookie.0));
    });
    let outcome = outcome
        .map(|collection| collection.sockets)
        .map_err(|error| match error {
            KernelError::Netlink(failure) => failure.to_string(),
            other => other.to_string(),
        });
    (cookies, outcome)
}

/// Around the place where the hands change, and with every datagram in use.
#[test]
fn rows_come_whole_and_in_order_however_long_the_answer_is() {
    for count in around_the_start().chain([2_000]) {
        for done_apart in [true, false] {
            let mut script: Vec<Vec<u8>> = datagrams(count).collect();
            if done_apart {
                script.push(done(1, 0));
            } else {
                script.last_mut().unwrap().extend(done(1, 0));
            }
            let (cookies, outcome) = visit(script.into_iter().map(Step::Datagram));
            assert_eq!(cookies, (1..=2 * count).collect::<Vec<u64>>());
            assert_eq!(outcome, Ok(2 * count));
        }
    }
}

#[test]
fn what_came_before_a_failure_is_read_before_it_is_told() {
    for count in around_the_start() {
        let refused = Step::Datagram(done(1, ENOMEM));
        let failed = Step::Fails(io::Error::from_raw_os_error(105));
        let garbled = Step::Datagram(vec![1, 2, 3]);
        let endings = [
            (refused, "memory"),
            (failed, "buffer space"),
            (garbled, "cut short"),
        ];
        for (ending, words) in endings {
            let steps = datagrams(count).map(Step::Datagram).chain([ending]);
            let (cookies, outcome) = visit(steps);
            assert_eq!(cookies.len() as u64, 2 * count);
            let failure = outcome.unwrap_err();
            assert!(failure.contains(words), "{failure}");
        }
    }
}

/// The end of an earlier answer, which had failed, is no end of this one.
#[test]
fn the_end_of_another_answer_is_passed_by() {
    let before = around_the_start().end;
    let mut script: Vec<Vec<u8>> = datagrams(before).collect();
    script.push(message(20, 2, 9, &RowBytes::new(1, 99).payload()));
    script.push(done(9, 0));
    let last = 2 * before + 1;
    script.push([RowBytes::new(1, last).message(1), done(1, 0)].concat());
    let (cookies, outcome) = visit(script.into_iter().map(Step::Datagram));
    assert_eq!(cookies, (1..=last).collect::<Vec<u64>>());
    assert_eq!(outcome, Ok(last));
}

/// Says on which threads it is asked.
struct Watched {
    kernel: ScriptedKernel,
    threads: Vec<ThreadId>,
}

impl Transport for Watched {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.kernel.send(request)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.threads.push(thread::current().id());
        self.kernel.receive(buffer)
    }
}

#[test]
fn another_thread_receives_and_this_one_reads() {
    let mut transport = Watched {
        kernel: ScriptedKernel::answering(datagrams(30).chain([done(1, 0)])),
        threads: Vec::new(),
    };
    let mut read = Vec::new();
    let outcome = receive(&mut transport, 1, |datagram| {
        read.push(thread::current().id());
        Ok(datagram.is_last(1))
    });
    assert!(outcome.unwrap().is_ok());
    let here = thread::current().id();
    assert_eq!(read, [here; 31]);
    assert_eq!(transport.threads.len(), 31);
    assert!(!transport.threads.contains(&here));
}

/// A script that goes on forever: it ends because nobody reads it any more.
#[test]
fn it_stops_when_the_reading_fails() {
    struct Endless(Vec<u8>);
    impl Transport for Endless {
        fn send(&mut self, _request: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
            buffer.extend(&self.0);
            Ok(self.0.len())
        }
    }
    let mut endless = Endless(RowBytes::new(1, 1).message(1));
    let mut left = 100;
    let outcome = receive(&mut endless, 1, |_| {
        left -= 1;
        if left > 0 {
            Ok(false)
        } else {
            Err(NetlinkFailure::Garbled("enough"))
        }
    });
    assert!(matches!(
        outcome.unwrap(),
        Err(NetlinkFailure::Garbled("enough"))
    ));
}
