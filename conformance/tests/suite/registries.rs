//! One sequence of requests, whose answers are those of the distribution specification.

use conformance::rig::registry::{Registry, RegistryChoice};
use judge::digest::Digest;
use reqwest::{Client, Method, Response};
use serde_json::json;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

struct Session {
    client: Client,
    base: String,
    transcript: Vec<String>,
}

impl Session {
    async fn send(
        &mut self,
        what: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = self.client.request(method, url).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        self.transcript.push(format!("{what}: {}", response.status().as_u16()));
        response
    }

    /// Where an upload goes on.
    fn next(&self, response: &Response) -> String {
        let location = response.headers()["location"].to_str().unwrap();
        reqwest::Url::parse(&self.base).unwrap().join(location).unwrap().to_string()
    }

    async fn upload(&mut self, what: &str, repository: &str, bytes: &[u8], digest: &str) -> Response {
        let begun = self.send("begin", Method::POST, &format!("/v2/{repository}/blobs/uploads/"), &[], b"").await;
        let next = self.next(&begun);
        let joint = if next.contains('?') { '&' } else { '?' };
        let octets = [("content-type", "application/octet-stream")];
        self.send(what, Method::PUT, &format!("{next}{joint}digest={digest}"), &octets, bytes).await
    }
}

fn manifest(config: &Digest, layer: &Digest, sizes: (usize, usize)) -> Vec<u8> {
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": sizes.0 },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": sizes.1 }],
    })
    .to_string()
    .into_bytes()
}

async fn blobs(session: &mut Session, config: &[u8], layer: &[u8]) {
    let (config_digest, layer_digest) = (Digest::of(config), Digest::of(layer));
    session.send("no blob", Method::HEAD, &format!("/v2/a/b/blobs/{layer_digest}"), &[], b"").await;
    session.upload("whole blob", "a/b", config, config_digest.as_str()).await;
    session.upload("wrong digest", "a/b", b"other", config_digest.as_str()).await;
    let begun = session.send("begin chunks", Method::POST, "/v2/a/b/blobs/uploads/", &[], b"").await;
    let next = session.next(&begun);
    let first = [("content-range", "0-3"), ("content-type", "application/octet-stream")];
    let appended = session.send("first chunk", Method::PATCH, &next, &first, &layer[..4]).await;
    let next = session.next(&appended);
    let joint = if next.contains('?') { '&' } else { '?' };
    let octets = [("content-type", "application/octet-stream")];
    session.send("last chunk", Method::PUT, &format!("{next}{joint}digest={layer_digest}"), &octets, &layer[4..]).await;
    let whole = session.send("blob", Method::GET, &format!("/v2/a/b/blobs/{layer_digest}"), &[], b"").await;
    assert_eq!(whole.bytes().await.unwrap(), layer);
    let part = session
        .send("part", Method::GET, &format!("/v2/a/b/blobs/{layer_digest}"), &[("range", "bytes=2-4")], b"")
        .await;
    assert_eq!(part.bytes().await.unwrap(), &layer[2..5]);
    let mount = format!("/v2/other/blobs/uploads/?mount={layer_digest}&from=a/b");
    session.send("mount", Method::POST, &mount, &[], b"").await;
    let nothing = Digest::of(b"nothing");
    session
        .send("mount nothing", Method::POST, &format!("/v2/other/blobs/uploads/?mount={nothing}&from=a/b"), &[], b"")
        .await;
    session.send("mounted", Method::HEAD, &format!("/v2/other/blobs/{layer_digest}"), &[], b"").await;
}

async fn manifests(session: &mut Session, config: &[u8], layer: &[u8]) {
    let bytes = manifest(&Digest::of(config), &Digest::of(layer), (config.len(), layer.len()));
    let digest = Digest::of(&bytes);
    let typed = [("content-type", MANIFEST)];
    session.send("no manifest", Method::GET, "/v2/a/b/manifests/1", &[("accept", MANIFEST)], b"").await;
    let lost = manifest(&Digest::of(config), &Digest::of(b"lost"), (config.len(), 4));
    session.send("manifest of a lost blob", Method::PUT, "/v2/a/b/manifests/1", &typed, &lost).await;
    for tag in ["2", "1"] {
        session.send("manifest", Method::PUT, &format!("/v2/a/b/manifests/{tag}"), &typed, &bytes).await;
    }
    session
        .send("under another digest", Method::PUT, &format!("/v2/a/b/manifests/{}", Digest::of(b"x")), &typed, &bytes)
        .await;
    session.send("not JSON", Method::PUT, "/v2/a/b/manifests/3", &typed, b"{").await;
    for reference in ["1", digest.as_str()] {
        let path = format!("/v2/a/b/manifests/{reference}");
        let found = session.send("fetch", Method::GET, &path, &[("accept", MANIFEST)], b"").await;
        assert_eq!(found.headers()["content-type"], MANIFEST);
        assert_eq!(found.headers()["docker-content-digest"], digest.as_str());
        assert_eq!(found.bytes().await.unwrap(), bytes, "bytes are kept verbatim");
    }
    let tags = session.send("tags", Method::GET, "/v2/a/b/tags/list", &[], b"").await;
    let tags: serde_json::Value = serde_json::from_slice(&tags.bytes().await.unwrap()).unwrap();
    let mut names: Vec<&str> = tags["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["1", "2"]);
    session.send("tags of nothing", Method::GET, "/v2/none/tags/list", &[], b"").await;
    session.send("delete", Method::DELETE, &format!("/v2/a/b/manifests/{digest}"), &[], b"").await;
    session.send("deleted", Method::GET, "/v2/a/b/manifests/1", &[("accept", MANIFEST)], b"").await;
}

async fn transcript(choice: RegistryChoice) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = Registry::start(&choice, None).await.unwrap();
    assert!(registry.host().starts_with("127.0.0.1:"));
    let mut session = Session { client: Client::new(), base: registry.base_url().to_owned(), transcript: Vec::new() };
    session.send("base", Method::GET, "/v2/", &[], b"").await;
    blobs(&mut session, b"{}", b"the layer").await;
    manifests(&mut session, b"{}", b"the layer").await;
    registry.stop().await.unwrap();
    session.transcript.join("\n")
}

#[tokio::test]
async fn the_embedded_registry_answers_as_the_specification_says() {
    insta::assert_snapshot!("answers", transcript(RegistryChoice::Embedded).await);
}

#[tokio::test]
#[ignore = "needs the services of registry-compose/with-services"]
async fn a_registry_program_answers_the_same() {
    insta::assert_snapshot!("answers", transcript(RegistryChoice::Executable).await);
}

#[tokio::test]
#[ignore = "needs the services of registry-compose/with-services"]
async fn a_registry_in_a_container_answers_the_same() {
    insta::assert_snapshot!("answers", transcript(RegistryChoice::Container).await);
}

/// The specification asks for it, and registry:2 does not do it.
#[tokio::test]
async fn a_chunk_with_a_gap_is_refused_and_the_upload_goes_on() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let mut session = Session { client: Client::new(), base: registry.base_url().to_owned(), transcript: Vec::new() };
    let begun = session.send("begin", Method::POST, "/v2/a/blobs/uploads/", &[], b"").await;
    let next = session.next(&begun);
    let gap = session.send("gap", Method::PATCH, &next, &[("content-range", "9-12")], b"blob").await;
    assert_eq!((gap.status().as_u16(), session.next(&gap)), (416, next.clone()));
    let digest = Digest::of(b"blob");
    let end = session.send("end", Method::PUT, &format!("{next}&digest={digest}"), &[], b"blob").await;
    assert_eq!(end.status().as_u16(), 201);
    registry.stop().await.unwrap();
}

/// As registries of the world have it: a client that makes the place itself, or joins the digest with a second `?`,
/// fails.
#[tokio::test]
async fn an_upload_goes_on_at_its_whole_place_alone() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let mut session = Session { client: Client::new(), base: registry.base_url().to_owned(), transcript: Vec::new() };
    let digest = Digest::of(b"blob");
    let begun = session.send("begin", Method::POST, "/v2/a/blobs/uploads/", &[], b"").await;
    let next = session.next(&begun);
    let (bare, _) = next.split_once('?').unwrap();
    for wrong in [format!("{bare}?digest={digest}"), format!("{next}?digest={digest}")] {
        let refused = session.send("wrong", Method::PUT, &wrong, &[], b"blob").await;
        assert!(matches!(refused.status().as_u16(), 400 | 404), "{wrong}: {}", refused.status());
    }
    let appended = session.send("append", Method::PATCH, &next, &[], b"bl").await;
    // The place of before says that nothing is there yet.
    let stale = session.send("stale", Method::PUT, &format!("{next}&digest={digest}"), &[], b"ob").await;
    let next = session.next(&appended);
    let end = session.send("end", Method::PUT, &format!("{next}&digest={digest}"), &[], b"ob").await;
    assert_eq!((stale.status().as_u16(), end.status().as_u16()), (404, 201));
    registry.stop().await.unwrap();
}
