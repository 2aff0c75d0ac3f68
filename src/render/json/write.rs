//! JSON that harms no terminal either.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::text::is_harmless;

/// Writes a document without a space or a line end.
///
/// # Errors
///
/// When it can't be written; with the error of the output itself, by which a
/// closed pipe is known.
pub(super) fn write(document: &impl Serialize, to: impl Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(to, Harmless);
    document.serialize(&mut serializer).map_err(io::Error::from)
}

/// A document as text, and a line end.
///
/// # Errors
///
/// When a part of it can't be written as JSON.
pub(super) fn line(document: &impl Serialize) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    write(document, &mut bytes)?;
    bytes.push(b'\n');
    Ok(String::from_utf8(bytes)?)
}

/// JSON asks for the escape of characters below U+0020 only. Terminals take
/// U+009B for the beginning of a sequence too, and a sign of direction turns
/// what stands behind it. To a parser an escaped character is the same.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly all there is: without a look at each character by itself.
        if fragment.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(|character| !is_harmless(character)) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut characters = from.chars();
            if let Some(character) = characters.next() {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// U+009B alone begins a sequence, as ESC and `[` do.
    #[test]
    fn a_name_in_json_cannot_clear_the_screen_or_turn_the_line() {
        let name = "a\u{9b}2J\u{7f}\u{202e}\u{e0001}\u{1b}\"größer\n";
        let text = line(&[name]).unwrap();
        assert_eq!(
            text,
            "[\"a\\u009b2J\\u007f\\u202e\\udb40\\udc01\\u001b\\\"größer\\n\"]\n"
        );
    }

    proptest! {
        #[test]
        fn what_comes_out_is_harmless_and_means_the_same(name: Vec<char>) {
            let name = String::from_iter(name);
            let text = line(&name).unwrap();
            prop_assert!(text.trim_end_matches('\n').chars().all(is_harmless));
            prop_assert_eq!(serde_json::from_str::<String>(&text).unwrap(), name);
        }
    }
}
