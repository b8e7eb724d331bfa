//! What an exporter knows and no request has to tell: looked for in what passes, and never kept.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use judge::evidence::{Leak, Private};

use crate::secret_forms;

/// What is looked for is at least this long: a shorter word may stand anywhere.
const LEAST: usize = 4;

/// What the exporter of one scenario knows now.
#[derive(Default, Clone)]
pub struct Known {
    words: Vec<(Private, String)>,
    /// Credentials for other registries, which are not to be in Authorization either.
    others: Vec<String>,
}

impl Known {
    /// A password or token, or what is sent of it.
    #[must_use]
    pub fn credential(mut self, word: &str) -> Self {
        let forms = encoded(word).into_iter().chain(secret_forms::forms(word));
        self.words.extend(forms.map(|word| (Private::Credential, word)));
        self.add(Private::Credential, word);
        self
    }

    /// One that is for another registry.
    #[must_use]
    pub fn credential_of_another(mut self, word: &str) -> Self {
        self.others.extend(Some(word.to_owned()).filter(|word| word.len() >= LEAST));
        self.credential(word)
    }

    /// The value of a variable: of those that are paths, because other ones may be said for good reasons.
    #[must_use]
    pub fn variable(mut self, value: &str) -> Self {
        const SHORT: usize = 12;
        if value.starts_with('/') && value.len() >= SHORT {
            self.words.extend(encoded(value).into_iter().map(|word| (Private::Variable, word)));
            self.add(Private::Variable, value);
        }
        self
    }

    /// The name of the machine.
    #[must_use]
    pub fn host_name(mut self, name: &str) -> Self {
        self.words.extend(encoded(name).into_iter().map(|word| (Private::HostName, word)));
        self.add(Private::HostName, name);
        self
    }

    fn add(&mut self, what: Private, word: &str) {
        if word.len() >= LEAST {
            self.words.push((what, word.to_owned()));
        }
    }

    fn first_in(&self, text: &str) -> Option<Private> {
        self.words.iter().find(|(_, word)| text.contains(word.as_str())).map(|(what, _)| *what)
    }

    /// What a request tells. Authorization is for credentials, and is looked at for those of other registries alone.
    pub(super) fn told(&self, headers: &HeaderMap, target: &str) -> Vec<Leak> {
        let plain = decoded(target);
        let in_target = self.first_in(target).or_else(|| self.first_in(&plain));
        let in_target = in_target.map(|what| Leak { what, header: None, in_body: false });
        let others = headers.iter().filter(|(name, _)| *name != header::AUTHORIZATION);
        let in_headers = others.filter_map(|(name, value)| {
            let what = self.first_in(&String::from_utf8_lossy(value.as_bytes()))?;
            Some(in_header(what, name.as_str()))
        });
        let is_of_another = headers.get_all(header::AUTHORIZATION).iter().any(|value| {
            let value = String::from_utf8_lossy(value.as_bytes());
            self.others.iter().any(|word| value.contains(word.as_str()))
        });
        let of_another = is_of_another.then(|| in_header(Private::Credential, header::AUTHORIZATION.as_str()));
        // Its value is the address of a person.
        let sender = headers.contains_key(header::FROM).then(|| in_header(Private::Sender, header::FROM.as_str()));
        in_target.into_iter().chain(in_headers).chain(of_another).chain(sender).collect()
    }

    /// What no body of an upload may hold: of a shorter word there is no saying that bytes are not so by chance.
    pub(super) fn kept_out_of_uploads(&self) -> Vec<Vec<u8>> {
        const LEAST_IN_BYTES: usize = 12;
        let secret =
            self.words.iter().filter(|(what, _)| *what == Private::Credential).map(|(_, word)| word.as_bytes());
        secret.filter(|word| word.len() >= LEAST_IN_BYTES).map(<[u8]>::to_vec).collect()
    }

    /// `text` with every credential masked. One that is written in percent signs takes all the text with it.
    pub(super) fn masked(&self, text: &str) -> String {
        let secret = || self.words.iter().filter(|(what, _)| *what == Private::Credential).map(|(_, word)| word);
        let masked = secret().fold(text.to_owned(), |text, word| text.replace(word.as_str(), &"*".repeat(word.len())));
        let plain = decoded(&masked);
        if secret().any(|word| plain.contains(word.as_str())) {
            let path = masked.split('?').next().unwrap_or_default();
            return if secret().any(|word| decoded(path).contains(word.as_str())) {
                "/".to_owned()
            } else {
                path.to_owned()
            };
        }
        masked
    }
}

fn in_header(what: Private, name: &str) -> Leak {
    Leak { what, header: Some(name.to_owned()), in_body: false }
}

/// What base64 of any text that contains `word` contains: it may begin at each of three places of a group.
fn encoded(word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for before in 0..3 {
        let text = ["\0".repeat(before).as_bytes(), word.as_bytes()].concat();
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let all = engine.encode(&text);
            // Characters at both ends depend on what stands next to the word.
            let first = (before * 8).div_ceil(6);
            let last = text.len() * 8 / 6;
            let kept = all.get(first..last).unwrap_or_default().to_owned();
            // Of a short word too little is left to be told from others.
            if kept.len() >= 3 * LEAST && !found.contains(&kept) {
                found.push(kept);
            }
        }
    }
    found
}

/// `text` with characters in place of what is written in percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const PASSWORD: &str = "5e6f0d9cba7843125e6f0d9cba784312";

    fn known() -> Known {
        Known::default().credential(PASSWORD).variable("/layers/report.toml").host_name("another-host")
    }

    fn told(name: HeaderName, value: &str, target: &str) -> Vec<Private> {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        known().told(&headers, target).into_iter().map(|told| told.what).collect()
    }

    #[test]
    fn a_credential_is_found_in_every_form_and_place_but_its_own() {
        let pair = format!("platform:{PASSWORD}");
        let forms = [
            PASSWORD.chars().rev().collect(),
            PASSWORD[..28].to_owned(),
            PASSWORD.to_owned(),
            pair.clone(),
            STANDARD.encode(&pair),
            STANDARD.encode(format!("{{\"{pair}\"}}")),
        ];
        for form in forms {
            assert_eq!(told(header::USER_AGENT, &format!("x ({form})"), "/v2/"), [Private::Credential], "{form}");
            assert_eq!(told(header::ACCEPT, "x", &format!("/v2/?x={form}")), [Private::Credential], "{form}");
            assert!(told(header::AUTHORIZATION, &form, "/v2/").is_empty(), "{form}");
            assert!(!known().masked(&format!("/v2/?x={form}")).contains(&form), "{form}");
        }
        let written = PASSWORD.replace('f', "%66");
        assert_eq!(told(header::ACCEPT, "x", &format!("/v2/?x={written}")), [Private::Credential]);
        assert_eq!(known().masked(&format!("/v2/?x={written}")), "/v2/");
        assert_eq!(known().masked(&format!("/v2/{written}/?x=1")), "/");
    }

    #[test]
    fn credentials_of_another_registry_are_found_in_authorization_too() {
        let known = Known::default().credential(PASSWORD).credential_of_another("of-another-registry");
        let told = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
            known.told(&headers, "/v2/").len()
        };
        assert_eq!(told(&format!("Bearer {PASSWORD}.0")), 0);
        assert_eq!(told("Bearer of-another-registry.0"), 1);
    }

    #[test]
    fn what_surrounds_an_exporter_is_found_and_what_it_asks_is_not() {
        assert_eq!(told(header::USER_AGENT, "x (another-host)", "/v2/"), [Private::HostName]);
        assert_eq!(told(header::USER_AGENT, "{\"R\": \"/layers/report.toml\"}", "/v2/"), [Private::Variable]);
        let encoded = STANDARD.encode("{\"HOST\": \"another-host\", \"R\": \"/layers/report.toml\"}");
        assert_eq!(told(header::USER_AGENT, &encoded, "/v2/"), [Private::Variable]);
        assert_eq!(told(header::FROM, "someone@example.com", "/v2/"), [Private::Sender]);
        for target in ["/v2/team/app/manifests/latest", "/v2/layers/blobs/sha256:5e6f0d9cba784312", "/v2/?x=%zz%"] {
            assert!(told(header::USER_AGENT, "go-containerregistry/v0.20", target).is_empty(), "{target}");
            assert_eq!(known().masked(target), target);
        }
        assert!(Known::default().credential("abc").told(&HeaderMap::new(), "/v2/abc/").is_empty());
    }
}
