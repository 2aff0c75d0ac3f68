//! Any datagram, taken apart and decoded: an outcome, and never a panic.
//!
//! `cargo +nightly fuzz run netlink`
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcpstate::kernel::sock_diag::message::{Message, Messages};
use tcpstate::kernel::sock_diag::row::decode;
use tcpstate::model::{Query, StateSet};

fuzz_target!(|datagram: &[u8]| {
    let query = Query::states(StateSet::RFC9293);
    for message in Messages::new(datagram).flatten() {
        if let Message::Row(payload) = message.content {
            let _ = decode(payload, &query);
        }
    }
    let _ = decode(datagram, &query);
});
