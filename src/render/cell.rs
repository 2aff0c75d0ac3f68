//! Texts in CSV.

/// A text that others chose. Spreadsheets take some first characters for the
/// beginning of a formula, of a cell or, where they split at semicolons too, of
/// a part of it; a quote before them makes it text.
pub(super) fn cell(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let mut cell = String::with_capacity(text.len());
    let mut at_start = true;
    for character in text.chars() {
        if at_start && begins_formula(character) {
            cell.push('\'');
        }
        at_start = matches!(character, ';' | '\t' | '\r' | '\n')
            || (at_start && character.is_whitespace());
        cell.push(character);
    }
    cell
}

/// The full-width forms count as their ASCII ones.
const fn begins_formula(character: char) -> bool {
    matches!(
        character,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        assert_eq!(cell(Some("=1+1")), "'=1+1");
        assert_eq!(cell(Some("java")), "java");
        assert_eq!(cell(Some("a-b=c")), "a-b=c");
        assert_eq!(cell(None), "");
    }

    /// A spreadsheet that splits at semicolons ran it.
    #[test]
    fn nor_is_any_part_of_it_nor_a_full_width_one() {
        assert_eq!(cell(Some("a;=1+1")), "a;'=1+1");
        assert_eq!(cell(Some("a; @x")), "a; '@x");
        assert_eq!(cell(Some(" =1")), " '=1");
        assert_eq!(cell(Some("＝1+1")), "'＝1+1");
    }
}
