//! The screen: sockets come and go, keys are pressed, the terminal is read.

use std::fs;
use std::net::{TcpListener, TcpStream};

use rustix::process::{Pid, Signal, kill_process};

use super::pane::Pane;
use super::wait::until;

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("not 0");
    kill_process(pid, signal).expect("send a signal");
}

/// Connections whose peers have closed: our ends are in CLOSE_WAIT.
fn close_wait(count: usize) -> Vec<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("an address");
    (0..count)
        .map(|_| {
            let peer = TcpStream::connect(address).expect("connect");
            let (ours, _) = listener.accept().expect("accept");
            drop(peer);
            ours
        })
        .collect()
}

/// The count in the row of a state.
fn count(screen: &str, state: &str) -> Option<u64> {
    let row = screen.lines().find(|line| line.starts_with(state))?;
    row.split_whitespace().nth(1)?.replace(',', "").parse().ok()
}

#[test]
fn sockets_are_seen_coming_and_going() {
    let Some(pane) = Pane::open(80, 24) else {
        return;
    };
    pane.watch("-n 100ms");
    let before = count(&pane.screen(), "CLOSE_WAIT").expect("a count");
    let held = close_wait(60);
    pane.wait_for("60 more", |screen| {
        count(screen, "CLOSE_WAIT").is_some_and(|now| now >= before + 60)
            && screen.contains(" stuck")
    });
    drop(held);
    pane.wait_for("60 less", |screen| {
        count(screen, "CLOSE_WAIT").is_some_and(|now| now < before + 60)
    });
    pane.keys(&["q"]);
    pane.assert_given_back("0");
}

/// A serial console says 0 by 0.
#[test]
fn a_terminal_that_does_not_know_its_size_is_not_left_empty() {
    let Some(pane) = Pane::open(100, 30) else {
        return;
    };
    pane.run("stty rows 0 columns 0");
    pane.watch("-n 100ms");
    let screen = pane.wait_for("the last line", |screen| screen.contains("? help"));
    let lines: Vec<&str> = screen.lines().collect();
    let longest = lines.iter().map(|line| line.trim_end().chars().count());
    assert!(longest.max() <= Some(80), "{screen}");
    assert!(
        lines.iter().skip(24).all(|line| line.is_empty()),
        "{screen}"
    );
    pane.keys(&["C-l"]);
    pane.wait_for("it again", |screen| screen.contains("? help"));
    // Somebody tells it. It stayed at 80 by 24, and on less that is garbage.
    for (columns, lines) in [(60, 20), (120, 40)] {
        pane.resize(columns, lines);
        pane.wait_for("the last line where it belongs", |screen| {
            let last = screen.lines().nth(usize::from(lines) - 1);
            last.is_some_and(|line| line.starts_with("q quit"))
        });
    }
    pane.keys(&["q"]);
    pane.assert_given_back("0");
}

#[test]
fn the_process_that_holds_them_is_found_and_looked_at_closely() {
    let Some(pane) = Pane::open(100, 30) else {
        return;
    };
    let held = close_wait(7);
    pane.watch("-n 200ms");
    pane.keys(&["2"]);
    let own = std::process::id().to_string();
    let of_ours = |screen: &str| {
        let mut lines = screen.lines();
        lines.any(|line| line.split_whitespace().next() == Some(own.as_str()))
    };
    pane.wait_for("this process", of_ours);
    // A filter leaves its row alone, the arrows choose it.
    pane.keys(&["/"]);
    pane.run(&own);
    pane.wait_for("the filter", |screen| {
        screen.contains("(Esc: all)") && of_ours(screen)
    });
    pane.keys(&["Down"]);
    pane.keys(&["Enter"]);
    pane.wait_for("its sockets", |screen| {
        screen.contains(&format!("[{own}]")) && screen.contains("VERDICT")
    });
    // What is known of it had taken all lines of a small screen.
    pane.resize(40, 10);
    pane.wait_for("some of its sockets", |screen| {
        screen.contains(&format!("[{own}]"))
            && screen.contains("VERDICT")
            && screen.contains("127.0.0.1:")
            && screen.contains(" more")
    });
    pane.resize(100, 30);
    pane.keys(&["Escape"]);
    pane.wait_for("the way back", of_ours);
    drop(held);
    pane.keys(&["q"]);
    pane.assert_given_back("0");
}

#[test]
fn every_view_opens_and_help_explains() {
    let Some(pane) = Pane::open(80, 24) else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let port = listener.local_addr().expect("an address").port();
    pane.watch("-n 100ms");
    for (key, heading) in [
        ("3", "towards"),
        ("4", "LISTENERS"),
        ("5", "somaxconn"),
        ("1", "STATE"),
    ] {
        pane.keys(&[key]);
        pane.wait_for(heading, |screen| screen.contains(heading));
    }
    pane.keys(&["Tab"]);
    pane.wait_for("the next view", |screen| {
        screen.contains("in CLOSE_WAIT leaked")
    });
    pane.keys(&["4"]);
    pane.keys(&["/"]);
    pane.run(&format!(":{port}"));
    pane.wait_for("our listener", |screen| {
        screen.contains(&format!("127.0.0.1:{port}"))
    });
    pane.keys(&["?"]);
    pane.wait_for("the help", |screen| screen.contains("draw everything anew"));
    pane.keys(&["?"]);
    pane.wait_for("the view", |screen| {
        !screen.contains("draw everything anew")
    });
    pane.keys(&["C-c"]);
    pane.assert_given_back("0");
}

#[test]
fn a_paused_screen_samples_nothing_until_it_goes_on() {
    let Some(pane) = Pane::open(80, 24) else {
        return;
    };
    pane.watch("-n 100ms");
    pane.keys(&["Space"]);
    let paused = pane.wait_for("the pause", |screen| screen.contains("PAUSED"));
    let heading = |screen: &str| screen.lines().next().map(str::to_owned);
    // The notice counts the seconds; the sample stays the same.
    let later = pane.wait_for("seconds later", |screen| screen.contains("PAUSED for 2 s"));
    assert_eq!(heading(&later), heading(&paused));
    pane.keys(&["Space"]);
    pane.wait_for("another sample", |screen| {
        heading(screen) != heading(&paused)
    });
    pane.keys(&["+"]);
    pane.wait_for("a longer interval", |screen| {
        screen.contains("every 200 ms")
    });
    pane.keys(&["-"]);
    pane.wait_for("a shorter interval", |screen| {
        screen.contains("every 100 ms")
    });
    pane.keys(&["q"]);
    pane.assert_given_back("0");
}

/// No tick is used during a pause, and it was the ticks that were looked at.
#[test]
fn a_duration_ends_a_paused_screen_too() {
    let Some(pane) = Pane::open(80, 24) else {
        return;
    };
    pane.watch("-n 100ms --duration 3s");
    pane.keys(&["Space"]);
    pane.wait_for("the pause", |screen| screen.contains("PAUSED"));
    pane.assert_given_back("0");
}

#[test]
fn the_frame_follows_the_size_of_the_terminal() {
    let Some(pane) = Pane::open(80, 24) else {
        return;
    };
    pane.watch("-n 100ms");
    for (columns, lines) in [(40_u16, 10_u16), (120, 40), (20, 3), (80, 24)] {
        pane.resize(columns, lines);
        pane.wait_for("the keys in the last line", |screen| {
            let last = screen.lines().last().unwrap_or("");
            screen.lines().count() == usize::from(lines) && last.starts_with("q quit")
        });
    }
    pane.keys(&["q"]);
    pane.assert_given_back("0");
}

#[test]
fn the_terminal_is_given_back_whatever_ends_it() {
    let Some(pane) = Pane::open(80, 24) else {
        return;
    };
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        pane.watch("-n 100ms");
        send(pane.child(), signal);
        pane.assert_given_back("0");
    }
    pane.watch("-n 100ms");
    send(pane.child(), Signal::QUIT);
    // As if nobody had caught it: the shell says 128 + 3.
    pane.assert_given_back("131");
}

#[test]
fn the_screen_is_left_when_suspended_and_comes_back() {
    let Some(pane) = Pane::open(80, 24) else {
        return;
    };
    for by_signal in [false, true] {
        pane.watch("-n 100ms");
        if by_signal {
            send(pane.child(), Signal::TSTP);
        } else {
            pane.keys(&["C-z"]);
        }
        // 128 + SIGSTOP: what a shell says of a stopped job.
        pane.wait_for("the shell", |screen| screen.contains("Stopped"));
        pane.assert_given_back("147");
        pane.run("fg");
        pane.wait_for("the screen", |screen| screen.contains("1 overview"));
        pane.keys(&["5"]);
        pane.wait_for("a view", |screen| screen.contains("somaxconn"));
        pane.keys(&["q"]);
        pane.assert_given_back("0");
    }
}

#[test]
fn it_ends_when_the_terminal_is_gone() {
    let Some(pane) = Pane::open(80, 24) else {
        return;
    };
    // No SIGHUP tells it: only the terminal that doesn't answer.
    let binary = env!("CARGO_BIN_EXE_tcpstate");
    pane.run(&format!("clear; trap '' HUP; {binary} watch -n 100ms"));
    pane.wait_for("the first frame", |screen| screen.contains("1 overview"));
    let child = pane.child();
    pane.close();
    until("the end of it", || {
        match fs::metadata(format!("/proc/{child}")) {
            Ok(_) => Err(format!("{child} is still there")),
            Err(_) => Ok(()),
        }
    });
}
