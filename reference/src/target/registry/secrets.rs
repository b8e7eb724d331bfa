//! What was sent as a credential, so that no message repeats it: a server may echo what it got.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

static SENT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Most characters of what a registry says that a message repeats.
const MOST: usize = 300;
/// A shorter word would hide what is not secret.
const LEAST: usize = 4;

/// Remembers the value of an Authorization header.
pub(super) fn remember(header: &str) {
    let value = header.split_once(' ').map_or(header, |(_, value)| value).trim();
    let decoded = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let password = decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password.to_owned());
    let mut sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
    sent.extend([Some(value.to_owned()), decoded, password].into_iter().flatten().filter(|word| word.len() >= LEAST));
}

/// What a server said, fit for a terminal and a log: in one line, of bounded length, without what it was told in
/// confidence.
pub(super) fn shown(said: &str) -> String {
    let sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
    // The longest first: a password is part of what it was sent in.
    let mut words: Vec<&String> = sent.iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let hidden = words.into_iter().fold(said.to_owned(), |text, word| text.replace(word.as_str(), "(left out)"));
    let line: String = hidden.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect();
    if hidden.chars().count() > MOST { line + "…" } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_s_words_have_neither_escapes_nor_credentials() {
        let pair = STANDARD.encode("me:open-sesame-99");
        remember(&format!("Basic {pair}"));
        remember("Bearer a.token.of-99");
        let said = format!("\u{1b}[31mno\nway\u{7} for {pair} or me:open-sesame-99 or a.token.of-99, open-sesame-99");
        let shown_ = shown(&said);
        assert_eq!(shown_, " [31mno way  for (left out) or (left out) or (left out), (left out)");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), MOST + 1);
    }
}
