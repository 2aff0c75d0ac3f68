//! Any datagram, taken apart and decoded: an outcome, and never a panic.
//!
//! `cargo +nightly fuzz run netlink`
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcpstate::kernel::sock_diag::message::{Message, Messages};
use tcpstate::kernel::sock_diag::row::decode;
use tcpstate::model::StateSet;

fuzz_target!(|datagram: &[u8]| {
    for message in Messages::new(datagram).flatten() {
        if let Message::Row(payload) = message.content {
            let _ = decode(payload, StateSet::RFC9293);
        }
    }
    let _ = decode(datagram, StateSet::RFC9293);
});
