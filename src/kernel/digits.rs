//! Numbers in the text of /proc.

/// A number that is nothing but digits; `None` for an empty text, a sign, a
/// space, and what 64 bits don't hold.
pub(super) fn number(digits: &[u8], base: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &byte| {
        let digit = char::from(byte).to_digit(base)?;
        value
            .checked_mul(u64::from(base))?
            .checked_add(u64::from(digit))
    })
}

/// The same in base 10.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    number(digits, 10)
}
