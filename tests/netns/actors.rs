//! The programs that play a part in a test, each in a process of its own.

use crate::lab::{
    Net, Part,
    stage::{address_of, listen, socket},
};

/// What an actor does, from its start to its end.
pub(crate) type Act = fn(&mut Part);

/// Name and function of each; `lab.actor(name, …)` starts one.
pub(crate) const ACTORS: &[(&str, Act)] = &[("deaf server", server_that_never_reads)];

/// Accepts as many connections as its argument says, and never looks at one again. Says its port,
/// and "accepted" when it has them all.
fn server_that_never_reads(part: &mut Part) {
    let count: usize = part.argument(0);
    let listener = listen(socket(Net::V4), Net::V4, 64);
    part.say(address_of(&listener).port());
    let accepted: Vec<_> = (0..count)
        .map(|_| listener.accept().expect("accept"))
        .collect();
    part.say("accepted");
    part.stay();
    drop(accepted);
}
