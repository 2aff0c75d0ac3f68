//! Where the numbers are from, for headings.

use crate::model::Host;
use crate::text::safe;

/// The host, and the network namespace where it has a name: numbers of another
/// namespace look the same. `None` for a recording.
pub(crate) fn place(host: &Host) -> Option<String> {
    let name = host.name.as_deref().map(safe)?;
    let netns = host.netns.as_ref().and_then(|netns| netns.name.as_deref());
    Some(match netns {
        Some(netns) => format!("{name}, netns {}", safe(netns)),
        None => name.into_owned(),
    })
}
