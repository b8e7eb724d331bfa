//! Words of a command line without the credentials that a URL in them may hold.

/// `text` with what stands between `://` and `@` in a word left out.
#[must_use]
pub fn without_credentials(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || "'\"<>".contains(c)).unwrap_or(after.len());
        // A password may hold a slash or another @ that should have been written otherwise.
        let hidden = after[..end].rfind('@').unwrap_or(0);
        if hidden > 0 {
            masked.push('…');
        }
        rest = &after[hidden..];
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_left_and_nothing_else_is_lost() {
        for (text, expected) in [
            ("read 'http://me:secret@host:1/a' for it", "read 'http://…@host:1/a' for it"),
            ("ftp://me:sec/r@et@host x://y@z", "ftp://…@host x://…@z"),
            ("http://host/a unix:///run/d.sock", "http://host/a unix:///run/d.sock"),
            ("http://secret@", "http://…@"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(text), expected);
        }
    }
}
