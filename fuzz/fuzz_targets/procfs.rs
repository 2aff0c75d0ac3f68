//! Any bytes in place of /proc/net/tcp: an outcome, and never a panic.
//!
//! `cargo +nightly fuzz run procfs`
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcpstate::kernel::{ProcRoot, ProcfsSource, SocketSource};
use tcpstate::model::{Request, StateSet};

fuzz_target!(|table: &[u8]| {
    let root = std::env::temp_dir().join(format!("tcpstate-fuzz-{}", std::process::id()));
    if std::fs::create_dir_all(root.join("net")).is_ok()
        && std::fs::write(root.join("net/tcp"), table).is_ok()
    {
        let mut source = ProcfsSource::new(&ProcRoot::new(&root));
        let _ = source.visit_all(&Request::states(StateSet::RFC9293), &mut |_| {});
    }
});
