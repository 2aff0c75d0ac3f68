//! The words of a filter, one after the other. How far a word goes depends on
//! what may stand there: `sport=:80` are three, `cgroup /a=b` are two.

use std::ops::Range;

use crate::model::Comparison;

/// A place in the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

/// What stands where a condition may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    End(Range<usize>),
    Open(Range<usize>),
    Close(Range<usize>),
    And(Range<usize>),
    Or(Range<usize>),
    Not(Range<usize>),
    Word(Word),
}

/// A word and the bytes that it takes in the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Without the backslashes.
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

/// Signs and what they mean; one that another begins with comes after it.
const SIGNS: [(&str, Comparison); 7] = [
    ("==", Comparison::Equal),
    ("=", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::AtMost),
    ("<", Comparison::Less),
    (">=", Comparison::AtLeast),
    (">", Comparison::Greater),
];

/// Words for them.
const WORDS: [(&str, Comparison); 9] = [
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("neq", Comparison::NotEqual),
    ("lt", Comparison::Less),
    ("le", Comparison::AtMost),
    ("leq", Comparison::AtMost),
    ("gt", Comparison::Greater),
    ("ge", Comparison::AtLeast),
    ("geq", Comparison::AtLeast),
];

const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(line: &'a str) -> Self {
        Self { line, at: 0 }
    }

    pub(super) const fn line(&self) -> &'a str {
        self.line
    }

    /// Goes on behind what was read.
    pub(super) const fn go_behind(&mut self, read: &Range<usize>) {
        self.at = read.end;
    }

    /// What comes, where a condition may begin.
    pub(super) fn peek(&self) -> Token {
        let (start, rest) = self.unread();
        let sign = |bytes: usize| start..start + bytes;
        let both = |one: char, two: &str| {
            sign(if rest.starts_with(two) {
                2
            } else {
                one.len_utf8()
            })
        };
        match rest.chars().next() {
            None => Token::End(sign(0)),
            Some('(') => Token::Open(sign(1)),
            Some(')') => Token::Close(sign(1)),
            Some(one @ '&') => Token::And(both(one, "&&")),
            Some(one @ '|') => Token::Or(both(one, "||")),
            Some('!') => Token::Not(sign(1)),
            Some('=' | '<' | '>') => Token::Word(self.word(is_blank)),
            Some(_) => {
                let ends = |character| is_blank(character) || "()=!<>&|".contains(character);
                let word = self.word(ends);
                match self.raw(&word) {
                    "and" => Token::And(word.at),
                    "or" => Token::Or(word.at),
                    "not" => Token::Not(word.at),
                    _ => Token::Word(word),
                }
            }
        }
    }

    /// Reads a comparison, if one comes.
    pub(super) fn comparison(&mut self) -> Option<Comparison> {
        let (start, rest) = self.unread();
        let sign = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign));
        if let Some((sign, comparison)) = sign {
            self.at = start + sign.len();
            return Some(*comparison);
        }
        let word = self.word(is_blank);
        let named = WORDS.iter().find(|(name, _)| *name == self.raw(&word));
        named.map(|(_, comparison)| {
            self.at = word.at.end;
            *comparison
        })
    }

    /// Reads a value: up to the next blank, or to a parenthesis that isn't
    /// opened in it, and where it is no name, to the next sign for and, or.
    /// `None`, and nothing is read, where no value comes.
    pub(super) fn value(&mut self, is_name: bool) -> Option<Word> {
        let mut open = 0_usize;
        let word = self.word(|character| {
            match character {
                '(' => open += 1,
                ')' if open == 0 => return true,
                ')' => open -= 1,
                _ => {}
            }
            is_blank(character) || (!is_name && matches!(character, '&' | '|'))
        });
        let reserved = ["", "and", "or", "not", "!", "&", "&&", "|", "||"];
        let raw = self.raw(&word);
        if reserved.contains(&raw) || raw.starts_with('(') {
            return None;
        }
        self.at = word.at.end;
        Some(word)
    }

    /// The word that comes, or the empty one at the end, where a message has to
    /// point at something.
    pub(super) fn next(&self) -> Range<usize> {
        self.word(is_blank).at
    }

    /// Where the next word begins, and all from there on.
    fn unread(&self) -> (usize, &'a str) {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let word = rest.trim_start_matches(is_blank);
        (self.line.len() - word.len(), word)
    }

    /// What stands in the line for a word.
    fn raw(&self, word: &Word) -> &'a str {
        self.line.get(word.at.clone()).unwrap_or_default()
    }

    fn word(&self, mut ends: impl FnMut(char) -> bool) -> Word {
        let (start, rest) = self.unread();
        let mut text = String::new();
        let mut end = start + rest.len();
        let mut protected = false;
        for (index, character) in rest.char_indices() {
            if !protected && character == '\\' {
                protected = true;
                continue;
            }
            if !protected && ends(character) {
                end = start + index;
                break;
            }
            protected = false;
            text.push(character);
        }
        Word {
            text,
            at: start..end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line read as words of conditions.
    fn words(line: &str) -> Vec<String> {
        let mut cursor = Cursor::new(line);
        let mut words = Vec::new();
        loop {
            let token = cursor.peek();
            let at = match &token {
                Token::End(_) => return words,
                Token::Word(word) => &word.at,
                Token::Open(at)
                | Token::Close(at)
                | Token::And(at)
                | Token::Or(at)
                | Token::Not(at) => at,
            };
            words.push(line[at.clone()].to_owned());
            cursor.go_behind(at);
        }
    }

    #[test]
    fn signs_need_no_blanks() {
        assert_eq!(words("(sport"), ["(", "sport"]);
        assert_eq!(words("!sport"), ["!", "sport"]);
        assert_eq!(
            words("not(a)&&b||c|d&e"),
            [
                "not", "(", "a", ")", "&&", "b", "||", "c", "|", "d", "&", "e"
            ]
        );
        assert_eq!(words(" \t\n"), [""; 0]);
    }

    #[test]
    fn comparisons_are_signs_or_whole_words() {
        for (text, comparison, rest) in [
            ("=:80", Some(Comparison::Equal), ":80"),
            ("== 80", Some(Comparison::Equal), "80"),
            (">=80", Some(Comparison::AtLeast), "80"),
            ("geq 80", Some(Comparison::AtLeast), "80"),
            ("genius", None, "genius"),
            ("!80", None, "!80"),
            ("\\eq", None, "\\eq"),
        ] {
            let mut cursor = Cursor::new(text);
            assert_eq!(cursor.comparison(), comparison, "{text}");
            let value = cursor.value(false).unwrap();
            assert_eq!(cursor.raw(&value), rest, "{text}");
        }
    }

    #[test]
    fn a_value_ends_where_its_kind_does() {
        for (text, is_name, value) in [
            (":80)", false, Some(":80")),
            (":80&&dport", false, Some(":80")),
            ("/a&b=c", true, Some("/a&b=c")),
            ("/a(b))", true, Some("/a(b)")),
            ("my\\ program x", true, Some("my program")),
            ("\\and", true, Some("and")),
            ("and", true, None),
            ("(", true, None),
            (") x", true, None),
            ("", true, None),
            ("x\\", true, Some("x")),
        ] {
            let word = Cursor::new(text).value(is_name);
            assert_eq!(word.map(|word| word.text).as_deref(), value, "{text}");
        }
    }
}
