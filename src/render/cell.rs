//! Texts in CSV.

/// A text that others chose. Spreadsheets take some first characters for the
/// beginning of a formula; a quote before them makes it text.
pub(super) fn cell(text: Option<&str>) -> String {
    match text {
        Some(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => {
            format!("'{text}")
        }
        Some(text) => text.to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        assert_eq!(cell(Some("=1+1")), "'=1+1");
        assert_eq!(cell(Some("java")), "java");
        assert_eq!(cell(None), "");
    }
}
