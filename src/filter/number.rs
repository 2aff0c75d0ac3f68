//! Numbers of the filter language.

/// A number as ss takes it: decimal, hexadecimal after `0x`, octal after `0`.
pub(super) fn integer<N: TryFrom<u64>>(text: &str) -> Option<N> {
    let (digits, base) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => match text.strip_prefix('0') {
            Some(digits) if !digits.is_empty() => (digits, 8),
            _ => (text, 10),
        },
    };
    // from_str_radix takes a sign.
    if !digits.starts_with(|first: char| first.is_digit(base)) {
        return None;
    }
    let number = u64::from_str_radix(digits, base).ok()?;
    N::try_from(number).ok()
}

/// Bytes: a decimal number, of KiB with `k`, of MiB with `M`, of GiB with `G`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let shift = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_base_that_it_begins_with() {
        for (text, number) in [
            ("80", Some(80)),
            ("0x50", Some(80)),
            ("0X50", Some(80)),
            ("0120", Some(80)),
            ("0", Some(0)),
            ("00", Some(0)),
            ("080", None),
            ("0x", None),
            ("0x+1", None),
            ("+1", None),
            ("-1", None),
            ("", None),
            ("1 ", None),
            ("65536", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(integer::<u16>(text), number, "{text}");
        }
    }

    #[test]
    fn bytes_have_binary_units() {
        for (text, number) in [
            ("0", Some(0)),
            ("1500", Some(1500)),
            ("64k", Some(65_536)),
            ("1M", Some(1 << 20)),
            ("2GiB", Some(2 << 30)),
            ("k", None),
            ("+1k", None),
            ("1.5k", None),
            ("1x", None),
            ("99999999999G", None),
        ] {
            assert_eq!(bytes(text), number, "{text}");
        }
    }
}
