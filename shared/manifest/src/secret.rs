//! What looks like a secret is never shown again: not in a problem, not in the line that a problem quotes.

/// Whether a text holds what looks like a secret.
pub(crate) fn looks_secret(text: &str) -> bool {
    text.split(is_separator).any(is_secret_word)
}

/// The text with every word that looks like a secret replaced by stars of the same length.
pub(crate) fn redact(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_separator) {
        let word = piece.trim_end_matches(is_separator);
        if is_secret_word(word) {
            shown.push_str(&"*".repeat(word.chars().count()));
            shown.push_str(&piece[word.len()..]);
        } else {
            shown.push_str(piece);
        }
    }
    shown
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || ",;:{}[]\"'=".contains(c)
}

fn is_secret_word(word: &str) -> bool {
    let access_key = word.len() == 20 && (word.starts_with("AKIA") || word.starts_with("ASIA"));
    let tokens = ["-----BEGIN", "ghp_", "github_pat_", "glpat-", "xoxb-"];
    access_key || tokens.iter().any(|token| word.starts_with(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_starred_out_and_nothing_else_is() {
        assert_eq!(redact("tags: {key: AKIAIOSFODNN7EXAMPLE, a: b}"), "tags: {key: ********************, a: b}");
        assert_eq!(redact("token: ghp_abc"), "token: *******");
        assert_eq!(redact("owner: me"), "owner: me");
        assert!(looks_secret("x=AKIAIOSFODNN7EXAMPLE") && !looks_secret("AKIA"));
    }
}
