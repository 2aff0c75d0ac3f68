//! Text from outside, made harmless for a terminal.

use std::borrow::Cow;
use std::io;

use unicode_width::UnicodeWidthChar;

/// Marks above and below one character that a language may need; more of them
/// draw over the lines around.
const MOST_MARKS: usize = 3;

/// Replaces everything that could move a cursor, change a colour, break a line
/// or turn the direction of writing, and what can't be seen, by its escaped
/// form: whoever may name a process may otherwise draw on the screen of whoever
/// looks for it, or have a name that looks like another one.
#[must_use]
pub fn safe(text: &str) -> Cow<'_, str> {
    if kept(text).all(|(_, is_kept)| is_kept) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for (character, is_kept) in kept(text) {
        if is_kept {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
    }
    Cow::Owned(shown)
}

/// Each character, and whether it may stay as it is.
fn kept(text: &str) -> impl Iterator<Item = (char, bool)> {
    // Marks join the character before them: at the beginning that is ours.
    let mut marks = MOST_MARKS;
    text.chars().map(move |character| {
        let is_mark = character.width() == Some(0);
        marks = if is_mark { marks + 1 } else { 0 };
        (character, is_harmless(character) && marks <= MOST_MARKS)
    })
}

/// Whether a character does nothing but show.
#[must_use]
pub fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            // Marks and overrides of direction, line and paragraph
            // separators, invisible joiners, byte-order mark, and the
            // replacement for bytes that are no text.
            '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
                | '\u{61c}'
            // Letters and signs that nobody sees (Default_Ignorable_Code_Point
            // in Unicode's DerivedCoreProperties, and the empty Braille
            // pattern).
                | '\u{ad}'
                | '\u{34f}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{ffa0}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
            // Spaces that look like the one of the keyboard, or wider.
                | '\u{a0}'
                | '\u{1680}'
                | '\u{2000}'..='\u{200a}'
                | '\u{202f}'
                | '\u{205f}'
                | '\u{3000}'
        )
}

/// The kernel's words without the number that the library adds to them: no
/// operator looks it up.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// A word as a shell takes it.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_cannot_clear_the_screen_or_turn_the_line() {
        assert_eq!(safe("evil\u{1b}[2J\"},{"), "evil\\u{1b}[2J\"},{");
        assert_eq!(safe("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(safe("x\u{202e}gpj.exe"), "x\\u{202e}gpj.exe");
        assert_eq!(safe("\u{9b}31m"), "\\u{9b}31m");
        assert!(matches!(safe("größer 東京"), Cow::Borrowed(_)));
    }

    /// A process called U+3164 had an empty name, and one with U+00AD in it that
    /// of another.
    #[test]
    fn a_name_that_cannot_be_seen_is_written_out() {
        assert_eq!(safe("\u{3164}"), "\\u{3164}");
        assert_eq!(safe("ng\u{ad}inx"), "ng\\u{ad}inx");
        for invisible in ['\u{115f}', '\u{2800}', '\u{fe0f}', '\u{a0}', '\u{3000}'] {
            assert!(safe(&format!("a{invisible}b")).is_ascii(), "{invisible:?}");
        }
    }

    /// A hundred accents on one letter covered the lines above.
    #[test]
    fn marks_stay_with_their_letter_and_are_few() {
        let accents = |count| "\u{301}".repeat(count);
        let name = format!("e{}x", accents(3));
        assert_eq!(safe(&name), name);
        let shown = safe(&format!("e{}x", accents(100))).into_owned();
        assert_eq!(shown, format!("e{}{}x", accents(3), "\\u{301}".repeat(97)));
        assert_eq!(safe("\u{301}x"), "\\u{301}x", "it would join our text");
    }

    proptest! {
        /// Characters one by one: proptest makes no String with a control
        /// character in it.
        #[test]
        fn what_comes_out_has_no_control_characters(text: Vec<char>) {
            let text = String::from_iter(text);
            let shown = safe(&text);
            prop_assert!(kept(&shown).all(|(_, is_kept)| is_kept));
            prop_assert!(matches!(safe(&shown), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn a_number_of_the_library_is_no_reason() {
        let full = io::Error::from_raw_os_error(28);
        assert_eq!(reason(&full), "No space left on device");
        assert_eq!(reason(&io::Error::other("cut short")), "cut short");
    }

    #[test]
    fn a_word_is_quoted_where_a_shell_would_take_it_apart() {
        assert_eq!(shell_word("shop/api-0"), "shop/api-0");
        assert_eq!(shell_word("/a b"), "'/a b'");
        assert_eq!(shell_word("/it's"), r"'/it'\''s'");
    }
}
