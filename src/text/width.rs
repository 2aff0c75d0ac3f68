//! Text in the columns of a terminal: a character takes one of them, or two, or
//! none; sentences in lines.

use unicode_width::UnicodeWidthStr;

/// The columns that a text takes.
#[must_use]
pub fn columns_of(text: &str) -> usize {
    text.width()
}

/// A text with spaces behind it up to so many columns.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(columns_of(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Characters that a column may hold: more marks on one letter are no text, and
/// a name of nothing but marks is not looked through to its end.
const MARKS: usize = 8;

/// The beginning of a text, as much of it as so many columns hold.
#[must_use]
pub fn beginning(text: &str, columns: usize) -> &str {
    let end = text
        .char_indices()
        .take(columns.saturating_mul(MARKS))
        .map(|(start, character)| start + character.len_utf8())
        .take_while(|&end| {
            text.get(..end)
                .is_some_and(|start| columns_of(start) <= columns)
        })
        .last();
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// Breaks a sentence at its spaces; a word that is longer than a line stays
/// whole, so that a command can be copied.
#[must_use]
pub fn wrap(sentence: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for word in sentence.split(' ') {
        let word_length = columns_of(word);
        match lines.last_mut() {
            Some(line) if length + 1 + word_length <= columns => {
                line.push(' ');
                line.push_str(word);
                length += 1 + word_length;
            }
            _ => {
                lines.push(word.to_owned());
                length = word_length;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_character_may_take_two_columns_or_none() {
        assert_eq!(columns_of("größer"), 6);
        assert_eq!(columns_of("東京"), 4);
        assert_eq!(columns_of("e\u{301}"), 1);
        assert_eq!(pad("東京", 6), "東京  ");
        assert_eq!(pad("東京", 3), "東京");
        assert_eq!(beginning("東京都", 5), "東京");
        assert_eq!(beginning("e\u{301}t", 1), "e\u{301}");
        let marks = "\u{301}".repeat(100_000);
        assert_eq!(beginning(&marks, 10).chars().count(), 10 * MARKS);
    }

    #[test]
    fn a_word_longer_than_the_line_stays_whole() {
        assert_eq!(
            wrap("see abcdefghijk now", 6),
            ["see", "abcdefghijk", "now"]
        );
    }

    proptest! {
        #[test]
        fn wrapping_keeps_every_word_and_the_width(
            words in proptest::collection::vec("[a-z]{1,12}", 1..30),
            columns in 12_usize..60,
        ) {
            let sentence = words.join(" ");
            let lines = wrap(&sentence, columns);
            prop_assert_eq!(lines.join(" "), sentence);
            prop_assert!(lines.iter().all(|line| columns_of(line) <= columns));
        }

        #[test]
        fn the_beginning_fits_and_one_character_more_would_not(text: String, columns in 0_usize..20) {
            let start = beginning(&text, columns);
            prop_assert!(text.starts_with(start));
            prop_assert!(columns_of(start) <= columns);
            let marked = start.chars().count() == columns * MARKS;
            if let Some(next) = text[start.len()..].chars().next().filter(|_| !marked) {
                let more = start.len() + next.len_utf8();
                prop_assert!(columns_of(&text[..more]) > columns);
            }
        }
    }
}
