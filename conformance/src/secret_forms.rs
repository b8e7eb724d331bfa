//! Forms in which a secret is still a secret: a reader of one of them has the whole, or nearly.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A shorter secret is a word that may stand anywhere, also backwards.
const LEAST: usize = 8;
/// Parts are looked for of secrets that are at least this long.
const LONG: usize = 24;

/// The forms of a secret next to itself, the longest first.
#[must_use]
pub(crate) fn forms(secret: &str) -> Vec<String> {
    if secret.len() < LEAST {
        return Vec::new();
    }
    let bytes = secret.as_bytes();
    let written = |each: fn(&u8) -> String, between: &str| bytes.iter().map(each).collect::<Vec<_>>().join(between);
    let mut found = vec![
        written(ToString::to_string, ", "),
        written(ToString::to_string, ","),
        written(ToString::to_string, " "),
        written(|byte| format!("%{byte:02x}"), ""),
        written(|byte| format!("%{byte:02X}"), ""),
        written(|byte| format!("\\x{byte:02x}"), ""),
        written(|byte| format!("{byte:02x}"), ""),
        written(|byte| format!("{byte:02X}"), ""),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        secret.chars().rev().collect(),
    ];
    // All but a quarter of it can be tried out.
    let kept = secret.chars().count() - secret.chars().count() / 4;
    if secret.len() >= LONG {
        let starts: Vec<usize> = secret.char_indices().map(|(at, _)| at).chain([secret.len()]).collect();
        found.extend(starts.windows(kept + 1).map(|part| secret[part[0]..part[kept]].to_owned()));
    }
    found.sort_by_key(|form| std::cmp::Reverse(form.len()));
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_in_other_forms_and_a_word_is_not_one() {
        let secret = "5e6f0d9cba7843125e6f0d9cba784312";
        let all = forms(secret);
        for form in [
            "35653666306439636261373834333132".repeat(2),
            secret.chars().rev().collect(),
            secret[..24].to_owned(),
            secret[8..].to_owned(),
            secret[3..27].to_owned(),
        ] {
            assert!(all.contains(&form), "{form}");
        }
        assert!(all.windows(2).all(|pair| pair[0].len() >= pair[1].len()));
        assert!(!all.contains(&secret[..23].to_owned()));
        assert!(forms("secret").is_empty());
        assert!(!forms("a-password-of-me").contains(&"a-password-o".to_owned()));
    }
}
