use std::cell::Cell;
use std::collections::BTreeMap;

use futures_util::FutureExt;
use serde_json::json;

use super::*;
use crate::image::CONFIG;

/// Documents in memory, and how often one was read.
#[derive(Default)]
struct Memory {
    documents: BTreeMap<Digest, Value>,
    read: Cell<usize>,
}

impl Memory {
    fn put(&mut self, document: Value) -> Digest {
        let digest = Digest::of(document.to_string().as_bytes());
        self.documents.insert(digest.clone(), document);
        digest
    }

    /// An image whose config says this platform; its entry in an index says `entry`, if anything.
    fn image(&mut self, name: &str, config: &str, entry: Option<&str>) -> Value {
        let mut document = platform(config);
        document["name"] = json!(name);
        let config = self.put(document);
        let manifest = self.put(json!({ "config": { "mediaType": CONFIG, "digest": config }, "layers": [] }));
        let mut described = json!({ "digest": manifest });
        if let Some(entry) = entry {
            described["platform"] = platform(entry);
        }
        described
    }

    fn choose(&self, wanted: &str, manifests: &[Value]) -> Result<(String, Vec<String>), String> {
        self.read.set(0);
        let parts: Vec<&str> = wanted.split('/').collect();
        let wanted = Platform {
            os: parts[0].to_owned(),
            architecture: parts[1].to_owned(),
            variant: parts.get(2).map(|variant| (*variant).to_owned()),
        };
        let index = Document { bytes: Vec::new(), value: json!({ "manifests": manifests }) };
        let found = image(self, index, &wanted).now_or_never().unwrap()?;
        assert!(found.behind_index);
        Ok((found.config.value["name"].as_str().unwrap().to_owned(), found.notes))
    }

    fn chosen(&self, wanted: &str, manifests: &[Value]) -> String {
        self.choose(wanted, manifests).unwrap().0
    }
}

impl Documents for Memory {
    type Error = String;

    async fn manifest(&self, digest: &Digest) -> Result<Document, String> {
        self.read.set(self.read.get() + 1);
        let value = self.documents.get(digest).cloned().ok_or_else(|| format!("no {digest}"))?;
        Ok(Document { bytes: Vec::new(), value })
    }

    async fn config(&self, digest: &Digest) -> Result<Document, String> {
        self.manifest(digest).await
    }

    fn wrong(&self, reason: String) -> String {
        reason
    }
}

fn platform(text: &str) -> Value {
    let parts: Vec<&str> = text.split('/').collect();
    let mut platform = json!({ "os": parts[0], "architecture": parts[1] });
    if let Some(variant) = parts.get(2) {
        platform["variant"] = json!(variant);
    }
    platform
}

#[test]
fn what_the_index_says_is_believed_and_nothing_else_is_read() {
    let mut memory = Memory::default();
    let index = [
        memory.image("attestation", "unknown/unknown", Some("unknown/unknown")),
        memory.image("silent", "linux/amd64", None),
        memory.image("amd64", "linux/amd64", Some("linux/amd64")),
        memory.image("s390x", "linux/s390x", Some("linux/s390x")),
    ];
    assert_eq!(memory.choose("linux/amd64", &index), Ok(("amd64".to_owned(), Vec::new())));
    assert_eq!(memory.read.get(), 2, "a manifest and its config");
}

#[test]
fn an_entry_without_platform_is_known_by_its_config() {
    let mut memory = Memory::default();
    let own = memory.image("own", "linux/amd64", None);
    let other = memory.image("other", "linux/arm64", None);
    assert_eq!(memory.chosen("linux/amd64", std::slice::from_ref(&own)), "own");
    assert_eq!(memory.chosen("linux/amd64", &[other.clone(), own.clone()]), "own");
    let higher = memory.image("higher", "linux/amd64/v3", None);
    let exact = memory.image("exact", "linux/amd64/v2", None);
    assert_eq!(memory.chosen("linux/amd64/v2", &[higher, own, exact]), "exact");
    let missing = json!({ "digest": Digest::of(b"missing") });
    let told = memory.choose("linux/amd64", &[other.clone(), missing]).unwrap_err();
    assert!(told.starts_with("no sha256:"), "{told}");
    let told = memory.choose("linux/amd64", &[other]).unwrap_err();
    assert!(told.contains("linux/arm64"), "{told}");
}

#[test]
fn the_baseline_comes_before_a_variant_and_a_higher_one_is_never_taken() {
    let mut memory = Memory::default();
    let mut of = |text: &str| memory.image(text, text, Some(text));
    let [plain, v2, v3] = ["linux/amd64", "linux/amd64/v2", "linux/amd64/v3"].map(&mut of);
    let [arm, v6, v7, v8] = ["linux/arm", "linux/arm/v6", "linux/arm/v7", "linux/arm/v8"].map(&mut of);
    let [arm64, arm64_v8, arm64_v9] = ["linux/arm64", "linux/arm64/v8", "linux/arm64/v9"].map(&mut of);
    for (wanted, index, chosen) in [
        ("linux/amd64/v2", vec![&v3, &plain], Some(&plain)),
        ("linux/amd64/v3", vec![&v2, &plain], Some(&plain)),
        ("linux/amd64/v3", vec![&v2, &plain, &v3], Some(&v3)),
        ("linux/amd64/v3", vec![&v2], Some(&v2)),
        ("linux/amd64", vec![&v3, &v2, &plain], Some(&plain)),
        ("linux/amd64", vec![&v3, &v2], None),
        ("linux/arm/v7", vec![&v8, &v6], Some(&v6)),
        ("linux/arm/v6", vec![&v8, &v7], None),
        ("linux/arm/v6", vec![&v7, &arm], Some(&arm)),
        ("linux/arm", vec![&v8, &v7, &v6], Some(&v7)),
        ("linux/arm64/v8", vec![&arm64_v9, &arm64], Some(&arm64)),
        ("linux/arm64", vec![&arm64_v9, &arm64_v8], Some(&arm64_v8)),
    ] {
        let index: Vec<Value> = index.into_iter().cloned().collect();
        let found = memory.choose(wanted, &index);
        let expected = chosen.map(|entry| shown(&entry["platform"]));
        assert_eq!(found.as_ref().ok().map(|(name, _)| name), expected.as_ref(), "{wanted} of {found:?}");
    }
    let (_, notes) = memory.choose("linux/arm/v7", std::slice::from_ref(&v6)).unwrap();
    assert!(notes[0].contains("linux/arm/v7"), "{notes:?}");
    let told = memory.choose("linux/amd64", &[v3, v2]).unwrap_err();
    assert!(told.contains("no image for linux/amd64; it has linux/amd64/v2, linux/amd64/v3"), "{told}");
}

#[test]
fn an_index_in_an_index_is_opened_and_one_in_that_is_not() {
    let mut memory = Memory::default();
    let own = memory.image("own", "linux/amd64", Some("linux/amd64"));
    let inner = memory.put(json!({ "manifests": [own] }));
    for entry in [json!({ "digest": inner, "platform": platform("linux/amd64") }), json!({ "digest": inner })] {
        assert_eq!(memory.chosen("linux/amd64", &[entry]), "own");
    }
    let deeper = memory.put(json!({ "manifests": [{ "digest": inner }] }));
    let told = memory.choose("linux/amd64", &[json!({ "digest": deeper })]).unwrap_err();
    assert!(told.contains("more than 2 levels"), "{told}");
}

#[test]
fn a_digest_of_another_algorithm_is_told() {
    let memory = Memory::default();
    let entry = json!({ "digest": "sha512:00", "platform": platform("linux/amd64") });
    let told = memory.choose("linux/amd64", &[entry]).unwrap_err();
    assert!(told.contains("sha512"), "{told}");
}
