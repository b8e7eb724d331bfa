//! What a registry asks for before it serves: the challenges of `WWW-Authenticate` headers (RFC 9110, 11.6.1).

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// One challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case.
    pub(super) scheme: String,
    /// Names in lower case → values without quotes.
    pub(super) parameters: BTreeMap<String, String>,
}

/// All challenges of an answer; what is malformed ends the list.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).flat_map(parsed).collect()
}

fn parsed(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        if end == 0 {
            return found;
        }
        let word = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let Some(value) = rest.strip_prefix('=') else {
            found.push(Challenge { scheme: word, parameters: BTreeMap::new() });
            continue;
        };
        let Some((value, after)) = taken(value.trim_start()) else { return found };
        rest = after;
        if let Some(challenge) = found.last_mut() {
            challenge.parameters.insert(word, value);
        }
    }
}

/// A token or quoted string, and what is after it.
fn taken(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some((value, &quoted[at + 1..])),
            c => {
                value.push(c);
                escaped = false;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(header: &str) -> Vec<(String, Vec<String>)> {
        let pairs = |challenge: Challenge| {
            let parameters = challenge.parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
            (challenge.scheme, parameters)
        };
        parsed(header).into_iter().map(pairs).collect()
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let one = |scheme: &str, parameters: &[&str]| {
            (scheme.to_owned(), parameters.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(
            shown(r#"Bearer realm="https://a.example/t?x=1,2",service="a b",scope="repository:a:pull,push""#),
            [one("bearer", &["realm=https://a.example/t?x=1,2", "scope=repository:a:pull,push", "service=a b"])]
        );
        assert_eq!(
            shown(r#"BASIC Realm=plain, Bearer realm="q\"q" , service = s"#),
            [one("basic", &["realm=plain"]), one("bearer", &["realm=q\"q", "service=s"])]
        );
        assert_eq!(shown("Negotiate"), [one("negotiate", &[])]);
        assert_eq!(shown(r#"Bearer realm="unended"#), [one("bearer", &[])]);
        assert_eq!(shown(""), []);
        assert_eq!(shown("=x"), []);
    }
}
