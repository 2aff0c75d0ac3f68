//! A port as people write it.

/// Reads a port of a listener or a connection of ours. No socket has port 0:
/// whoever asked for it would get an empty answer, which looks as if all were
/// well.
///
/// # Errors
///
/// When it is no port that a socket can have.
pub(super) fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err("a port is a number from 1 to 65535".to_owned()),
    }
}
