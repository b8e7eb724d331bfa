//! What a user gave, as it may be told again: without the credentials that a URL in it may hold.

/// `text` without users and passwords of URLs: what stands between `://` and `@` in a word, and in a word without a
/// scheme what stands before `@` where that has a colon.
#[must_use]
pub fn without_credentials(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || c.is_control() || "'\"<>`".contains(c);
    text.split_inclusive(ends).map(word).collect()
}

fn word(word: &str) -> String {
    let after = |separator: &str| word.find(separator).map(|at| at + separator.len());
    let url = after("://");
    // A URL that was taken for a path has lost a slash.
    let (kept, rest) = word.split_at(url.or_else(|| after(":/")).unwrap_or(0));
    // A password may hold a slash or another @ that should have been written otherwise; a digest stands behind one too.
    let before = rest.rmatch_indices('@').map(|(at, _)| at).find(|at| !is_digest(&rest[at + 1..]));
    match before {
        Some(at) if at > 0 && (url.is_some() || is_pair(&rest[..at])) => format!("{kept}…{}", &rest[at..]),
        _ => word.to_owned(),
    }
}

/// Whether a user and a password, and not the host or path of something else, stand before an `@`.
fn is_pair(text: &str) -> bool {
    text.split_once(':').is_some_and(|(user, _)| !user.is_empty() && !user.contains('/'))
}

fn is_digest(text: &str) -> bool {
    ["sha256:", "sha512:"].iter().any(|algorithm| text.starts_with(algorithm))
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
            ("tcp://me:secret@h:1, 'me:secret@h/a'", "tcp://…@h:1, '…@h/a'"),
            ("x (http://me:secret@h) `http://me:secret@h`", "x (http://…@h) `http://…@h`"),
            ("\u{1b}[33mhttp://me:secret@h\u{1b}[0m", "\u{1b}[33mhttp://…@h\u{1b}[0m"),
            (
                "http://h:1/v2/a@sha256:ab h:1/a@sha256:ab h:1/a:t@sha256:ab",
                "http://h:1/v2/a@sha256:ab h:1/a@sha256:ab h:1/a:t@sha256:ab",
            ),
            ("http://me:secret@h/a@sha256:ab", "http://…@h/a@sha256:ab"),
            ("/srv/http:/me:secret@h: x layout:/a/b@c", "/srv/http:/…@h: x layout:/a/b@c"),
            ("java@1.2 me@host git@host:path", "java@1.2 me@host git@host:path"),
            ("http://secret@", "http://…@"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(text), expected);
        }
    }
}
