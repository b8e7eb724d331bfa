//! Path globs of slices, with the syntax of Go's `path/filepath.Match` (`cnb-buildpack.md`, launch.toml): `*` and `?`
//! stop at `/`, `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it is.

/// Whether `path` matches `pattern`; a malformed pattern matches nothing. Only the last star is tried again: what an
/// earlier one of the same part of a path could take, it can take too.
#[must_use]
pub fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    let (mut at, mut done) = (0, 0);
    // Pattern after the last star, and how far that star has come.
    let mut star: Option<(usize, usize)> = None;
    while done < path.len() {
        if pattern.get(at) == Some(&'*') {
            at += 1;
            star = Some((at, done));
        } else if let Some(length) = one_of(&pattern[at..], path[done]) {
            at += length;
            done += 1;
        } else if let Some((after, taken)) = star.filter(|(_, taken)| path[*taken] != '/') {
            star = Some((after, taken + 1));
            (at, done) = (after, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// Characters of the pattern that match `c`; none where it begins with nothing that does.
fn one_of(pattern: &[char], c: char) -> Option<usize> {
    match pattern.split_first()? {
        ('?', _) => (c != '/').then_some(1),
        ('[', rest) => {
            class(rest, c).filter(|(is_in, _)| *is_in && c != '/').map(|(_, rest)| pattern.len() - rest.len())
        }
        ('\\', rest) => (rest.first() == Some(&c)).then_some(2),
        (wanted, _) => (*wanted == c).then_some(1),
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
        for line in include_str!("../../../fixtures/go-match.tsv").lines() {
            let [pattern, path, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
            assert_eq!(matches(pattern, path), expected == "true", "{pattern} {path}");
        }
    }

    #[test]
    fn many_stars_take_no_more_time_than_few() {
        let path = "a".repeat(4000);
        assert!(!matches(&format!("{}b", "*a".repeat(30)), &path));
        assert!(matches(&format!("{}a", "*a".repeat(30)), &path));
    }
}
