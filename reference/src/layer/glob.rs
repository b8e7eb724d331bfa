//! Path globs of slices, with the syntax of Go's `path/filepath.Match` (`cnb-buildpack.md`, launch.toml): `*` and `?`
//! stop at `/`, `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it is.

/// Whether `path` matches `pattern`; a malformed pattern matches nothing.
#[must_use]
pub fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    here(&pattern, &path)
}

fn here(pattern: &[char], path: &[char]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => {
            let reach = path.iter().position(|c| *c == '/').unwrap_or(path.len());
            (0..=reach).any(|taken| here(rest, &path[taken..]))
        }
        (Some(('?', rest)), Some((c, after))) => *c != '/' && here(rest, after),
        (Some(('[', rest)), Some((c, after))) => {
            class(rest, *c).is_some_and(|(is_in, rest)| is_in && *c != '/' && here(rest, after))
        }
        (Some(('\\', rest)), Some((c, after))) => {
            rest.split_first().is_some_and(|(wanted, rest)| wanted == c && here(rest, after))
        }
        (Some((wanted, rest)), Some((c, after))) => wanted == c && here(rest, after),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Whether `c` is in the class whose text begins after `[`, and the pattern after `]`; none where it is malformed.
fn class(mut text: &[char], c: char) -> Option<(bool, &[char])> {
    let negated = text.first() == Some(&'^');
    if negated {
        text = &text[1..];
    }
    let mut found = false;
    let mut first = true;
    loop {
        if text.first() == Some(&']') && !first {
            return Some((found != negated, &text[1..]));
        }
        first = false;
        let (low, rest) = one(text)?;
        let (high, rest) = match rest.split_first() {
            Some(('-', rest)) => one(rest)?,
            _ => (low, rest),
        };
        found |= (low..=high).contains(&c);
        text = rest;
    }
}

fn one(text: &[char]) -> Option<(char, &[char])> {
    match text.split_first()? {
        ('\\', rest) => rest.split_first().map(|(c, rest)| (*c, rest)),
        ('-' | ']', _) => None,
        (c, rest) => Some((*c, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        for (pattern, path, expected) in [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a]x", "zx", true),
            ("\\*", "*", true),
            ("[]a]", "]", false),
            ("[-]", "-", false),
            ("[", "a", false),
            ("[\\]]", "]", true),
            ("é?", "éé", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
