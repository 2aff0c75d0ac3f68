//! Text from outside, made harmless for a terminal.

use std::borrow::Cow;

/// Replaces everything that could move a cursor, change a colour, break a line
/// or turn the direction of writing by its escaped form: whoever may name a
/// process may otherwise draw on the screen of whoever looks for it.
#[must_use]
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_harmless(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
    }
    Cow::Owned(shown)
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
                | '\u{e0000}'..='\u{e007f}'
                | '\u{61c}'
        )
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

    proptest! {
        /// Characters one by one: proptest makes no String with a control
        /// character in it.
        #[test]
        fn what_comes_out_has_no_control_characters(text: Vec<char>) {
            let text = String::from_iter(text);
            let shown = safe(&text);
            prop_assert!(shown.chars().all(is_harmless));
            prop_assert!(matches!(safe(&shown), Cow::Borrowed(_)));
        }
    }
}
