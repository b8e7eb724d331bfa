//! Forms of text that descriptors use: media types, digests and URIs. Whether a text is one, no more.

/// Whether a text is a media type, `type/subtype` of RFC 6838, section 4.2, without parameters.
pub(crate) fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        name.len() <= 127 && bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric()) && bytes.all(rest)
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// The scheme of a text that is a URI of RFC 3986, as far as its characters tell.
pub(crate) fn uri_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let marks = b"-._~:/?#[]@!$&'()*+,;=%";
    let is_rest = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte));
    (is_scheme && !rest.is_empty() && is_rest).then_some(scheme)
}

/// Whether a text is a digest by the grammar of `oci-image-descriptor.md`, Digests.
pub(crate) fn is_digest(text: &str) -> bool {
    let is_component =
        |part: &str| !part.is_empty() && part.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit());
    let is_encoded = |part: &str| part.chars().all(|one| one.is_ascii_alphanumeric() || "=_-".contains(one));
    text.split_once(':').is_some_and(|(algorithm, encoded)| {
        let is_whole = match algorithm {
            "sha256" | "blake3" => is_hash(encoded, 64),
            "sha512" => is_hash(encoded, 128),
            _ => !encoded.is_empty() && is_encoded(encoded),
        };
        algorithm.split(['+', '.', '_', '-']).all(is_component) && is_whole
    })
}

fn is_hash(encoded: &str, length: usize) -> bool {
    encoded.len() == length && encoded.chars().all(|one| matches!(one, '0'..='9' | 'a'..='f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_has_two_names() {
        for good in ["application/vnd.oci.image.layer.v1.tar+gzip", "a/b", "text/x-1"] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in ["", "a", "a/", "/b", "-a/b", "a/b/c", "a/b; charset=utf-8", "a /b", "a/ü", "+a/b"] {
            assert!(!is_media_type(bad), "{bad}");
        }
        assert!(!is_media_type(&format!("a/{}", "b".repeat(128))));
    }

    #[test]
    fn a_uri_has_a_scheme() {
        for (good, scheme) in
            [("https://blobs.example/a?b=c#d", "https"), ("urn:x:y", "urn"), ("http://[::1]/a%20b", "http")]
        {
            assert_eq!(uri_scheme(good), Some(scheme));
        }
        for bad in
            ["", "blobs.example/a", "https:", "://a", "http://a b", "http://ä", "1a:b", "ht tp:x", "https://a/{x}"]
        {
            assert_eq!(uri_scheme(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_digest_has_an_algorithm_and_its_length() {
        let hash = "0a".repeat(32);
        for (text, is_it) in [
            (format!("sha256:{hash}"), true),
            (format!("sha512:{hash}{hash}"), true),
            (format!("blake3:{hash}"), true),
            (format!("sha256:{}", hash.to_uppercase()), false),
            (format!("sha256:{hash}0"), false),
            ("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8".to_owned(), true),
            ("own:x_=-1".to_owned(), true),
            ("own:".to_owned(), false),
            ("own:a/b".to_owned(), false),
            ("Own:x".to_owned(), false),
            ("own++x:x".to_owned(), false),
            (hash, false),
        ] {
            assert_eq!(is_digest(&text), is_it, "{text}");
        }
    }
}
