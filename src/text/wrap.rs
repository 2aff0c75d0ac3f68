//! Sentences in lines.

use super::width::columns_of;

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
    }

    #[test]
    fn a_word_longer_than_the_line_stays_whole() {
        assert_eq!(
            wrap("see abcdefghijk now", 6),
            ["see", "abcdefghijk", "now"]
        );
    }
}
