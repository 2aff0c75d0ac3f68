//! The pool of bind(): one for all destinations of a local address, or of all.

use super::super::super::rule::Levels;
use super::super::super::{Evidence, Finding};
use super::{PORTS_EXHAUSTION, at_this_rate, by_share_and_time, until_it_fails};
use crate::model::SharedPool;
use crate::text::number::{counted, grouped};

/// What is wrong with a pool, if something is.
pub(super) fn finding(pool: &SharedPool, levels: &Levels) -> Option<Finding> {
    let used = pool.used_ratio()?;
    let (usable, free) = (pool.usable?, pool.free()?);
    let exhausted_in_s = pool.exhausted_in_s();
    let severity = by_share_and_time(used, exhausted_in_s, levels)?;
    let address = pool.local_address;
    let (whose, on, spread) = if address.is_unspecified() {
        (
            "of all local addresses together".to_owned(),
            "on the wildcard address ",
            "or bind() to each local address, which has ports of its own",
        )
    } else {
        (format!("of {address}"), "", "or add local addresses")
    };
    Some(Finding {
        rule: PORTS_EXHAUSTION.name,
        severity,
        subject: format!("bind() on {address}"),
        message: format!(
            "{} of the {} ports {whose} are taken, and bind() {on}gives each out once for all \
             {}; {}{}",
            grouped(pool.taken.into()),
            grouped(usable.into()),
            counted(pool.destinations.into(), "destination", "destinations"),
            until_it_fails(free.into(), "bind() before connect() fails with EADDRINUSE"),
            at_this_rate(free, exhausted_in_s),
        ),
        advice: format!(
            "set IP_BIND_ADDRESS_NO_PORT before bind(), so that each destination has all ports; \
             {spread}; or widen net.ipv4.ip_local_port_range"
        ),
        evidence: vec![
            Evidence::count("in_use", pool.taken.into()),
            Evidence::count("usable", usable.into()),
            Evidence::count("free", free.into()),
            Evidence::ratio("used_ratio", used),
        ],
        state: None,
    })
}
