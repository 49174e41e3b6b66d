//! Account ids do not leave the account.

/// Replaces every run of exactly twelve digits by eight stars and its last four digits.
///
/// Used for alerts, for what the CLI prints for others to read, and for logs of level info.
pub fn mask_accounts(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut digits = String::new();
    for character in text.chars().chain(std::iter::once('\0')) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        if digits.len() == 12 {
            masked.push_str("********");
            masked.push_str(&digits[8..]);
        } else {
            masked.push_str(&digits);
        }
        digits.clear();
        masked.push(character);
    }
    masked.pop();
    masked
}

#[cfg(test)]
mod tests {
    use super::mask_accounts;

    #[test]
    fn only_account_ids_are_masked() {
        assert_eq!(mask_accounts("arn:aws:iam::123456789012:role/x"), "arn:aws:iam::********9012:role/x");
        assert_eq!(mask_accounts("123456789012"), "********9012");
        assert_eq!(mask_accounts("1234567890123 12345 x"), "1234567890123 12345 x");
        assert_eq!(mask_accounts(""), "");
    }
}
