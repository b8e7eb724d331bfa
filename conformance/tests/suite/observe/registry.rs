//! A registry made by hand, which can lie, refuse, redirect and ask for a token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use conformance::observe::{
    BlobStore, Credentials, LayerReader, Limits, MAX_DOCUMENT, ObservedTag, RegistryClient, RegistryObserver,
};
use judge::digest::Digest;
use judge::evidence::{Compression, EntryKind};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Status, headers, body.
type Answer = (StatusCode, Vec<(&'static str, String)>, Vec<u8>);

/// What is served under a path, and what was asked for.
#[derive(Default)]
struct Shelf {
    served: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<String>>,
    /// The status of so many requests, whatever they ask for.
    stumbles: Mutex<(u16, usize)>,
    /// Where set, every request needs the token that this realm gives for `user:secret`.
    realm: Mutex<Option<String>>,
}

impl Shelf {
    fn put(&self, path: &str, status: u16, headers: &[(&'static str, &str)], body: &[u8]) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let entry = (StatusCode::from_u16(status).unwrap(), headers, body.to_vec());
        self.served.lock().unwrap().insert(path.to_owned(), entry);
    }

    fn manifest(&self, tag: &str, media_type: &str, body: &[u8]) -> Digest {
        let digest = Digest::of(body);
        for reference in [tag, digest.as_str()] {
            self.put(&format!("GET /v2/app/manifests/{reference}"), 200, &[("content-type", media_type)], body);
        }
        digest
    }

    fn blob(&self, body: &[u8]) -> Digest {
        let digest = Digest::of(body);
        self.put(&format!("GET /v2/app/blobs/{digest}"), 200, &[], body);
        digest
    }
}

async fn serve(State(shelf): State<Arc<Shelf>>, request: Request) -> Response<Body> {
    let path = format!("{} {}", request.method(), request.uri());
    let credentials = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    shelf.asked.lock().unwrap().push(format!("{path} {}", credentials.clone().unwrap_or_default()));
    let stumbles = &mut *shelf.stumbles.lock().unwrap();
    if stumbles.1 > 0 {
        stumbles.1 -= 1;
        return Response::builder().status(stumbles.0).body(Body::empty()).unwrap();
    }
    if let Some(realm) = shelf.realm.lock().unwrap().as_ref() {
        if path.starts_with("GET /token") {
            // user:secret
            let right = credentials.as_deref() == Some("Basic dXNlcjpzZWNyZXQ=");
            let (status, body) = if right { (200, r#"{"access_token":"T"}"#) } else { (401, "{}") };
            return Response::builder().status(status).body(body.into()).unwrap();
        }
        if credentials.as_deref() != Some("Bearer T") {
            let challenge = format!(r#"Bearer realm="{realm}",service="s""#);
            return Response::builder().status(401).header("www-authenticate", challenge).body(Body::empty()).unwrap();
        }
    }
    let found = shelf.served.lock().unwrap().get(&path).cloned();
    let Some((status, headers, body)) = found else {
        return Response::builder().status(404).body(Body::empty()).unwrap();
    };
    let builder =
        headers.into_iter().fold(Response::builder().status(status), |b, (name, value)| b.header(name, value));
    builder.body(body.into()).unwrap()
}

struct Stage {
    shelf: Arc<Shelf>,
    url: String,
    observer: RegistryObserver,
    client: RegistryClient,
    _folder: tempfile::TempDir,
}

async fn listen(shelf: Arc<Shelf>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(serve).with_state(shelf);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn stage(credentials: Option<Credentials>) -> Stage {
    let shelf = Arc::new(Shelf::default());
    let url = listen(Arc::clone(&shelf)).await;
    let folder = tempfile::tempdir().unwrap();
    let layers = LayerReader::new(BlobStore::open(folder.path()).unwrap(), Limits::default());
    let client = RegistryClient::new(&url, credentials).unwrap();
    let observer = RegistryObserver::new(client.clone(), layers);
    Stage { shelf, url, observer, client, _folder: folder }
}

fn tar_of_one_file() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "x", &b"x"[..]).unwrap();
    tar.into_inner().unwrap()
}

fn manifest_of(config: &Digest, layers: &[&str]) -> Vec<u8> {
    let layers: Vec<_> = layers.iter().map(|digest| format!(r#"{{"digest":"{digest}"}}"#)).collect();
    format!(r#"{{"config":{{"digest":"{config}"}},"layers":[{}]}}"#, layers.join(",")).into_bytes()
}

#[tokio::test]
async fn an_image_is_observed_with_what_is_missing_and_broken() {
    let stage = stage(None).await;
    let tar = tar_of_one_file();
    let (config, layer) = (stage.shelf.blob(b"{}"), stage.shelf.blob(&tar));
    let broken = stage.shelf.blob(b"rubbish");
    let gone = Digest::of(b"gone");
    let refused = Digest::of(b"refused");
    stage.shelf.put(&format!("GET /v2/app/blobs/{refused}"), 500, &[], b"");
    let names = [layer.as_str(), gone.as_str(), "../../x", broken.as_str(), layer.as_str(), refused.as_str()];
    let digest = stage.shelf.manifest("v1", OCI, &manifest_of(&config, &names));
    let observed = stage.observer.image("app", "v1").await.unwrap().unwrap();
    let image = observed.image;
    let manifest = image.manifest.unwrap();
    assert_eq!((manifest.digest, manifest.content_type.as_deref()), (digest, Some(OCI)));
    assert_eq!(image.config.unwrap().bytes, b"{}");
    assert_eq!(image.layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(), names);
    let problems: Vec<_> = image.layers.iter().map(|layer| layer.problem.as_deref().unwrap_or("")).collect();
    assert_eq!(problems[..3], ["", "the registry answers 404", "its descriptor has no valid digest"]);
    assert!(problems[3].contains("ends inside an entry"));
    let blob = image.layers[0].blob.as_ref().unwrap();
    assert_eq!((&blob.diff_id, blob.compression, blob.entries[0].kind), (&layer, Compression::None, EntryKind::File));
    assert_eq!(image.layers[3].blob.as_ref().unwrap().digest, broken);
    assert_eq!(image.layers[4].blob, image.layers[0].blob);
    assert_eq!(observed.troubles.len(), 1, "{:?}", observed.troubles);
    assert!(observed.troubles[0].contains("answers 500"));
    assert!(stage.observer.image("app", "none").await.unwrap().is_none());
}

#[tokio::test]
async fn a_blob_under_a_wrong_digest_is_told_by_what_it_hashes_to() {
    let stage = stage(None).await;
    let (wanted, config) = (Digest::of(b"wanted"), stage.shelf.blob(b"{}"));
    stage.shelf.put(&format!("GET /v2/app/blobs/{wanted}"), 200, &[], &tar_of_one_file());
    stage.shelf.manifest("v1", OCI, &manifest_of(&config, &[wanted.as_str()]));
    let observed = stage.observer.image("app", "v1").await.unwrap().unwrap();
    // No one but the registry is to blame.
    assert!(observed.troubles[0].starts_with("the registry's fault: under "), "{:?}", observed.troubles);
    let image = observed.image;
    assert_eq!(image.layers[0].name, wanted.as_str());
    assert_eq!(image.layers[0].blob.as_ref().unwrap().digest, Digest::of(&tar_of_one_file()));
}

#[tokio::test]
async fn tags_are_told_with_status_and_headers() {
    let stage = stage(None).await;
    let digest = stage.shelf.manifest("v1", OCI, b"{}");
    let ObservedTag { tag, manifest, trouble } = stage.observer.tag("other.example:5000/app:v1").await.unwrap();
    assert_eq!((tag.status, tag.content_type.as_deref(), trouble), (200, Some(OCI), None));
    assert_eq!(tag.digest.as_deref(), Some(digest.as_str()));
    assert_eq!(manifest.unwrap().bytes, b"{}");
    assert_eq!(stage.observer.tag_state("h.example/app:v1").await.unwrap(), Some(digest));
    let none = stage.observer.tag("h.example/app:none").await.unwrap();
    assert_eq!((none.tag.status, none.tag.digest, none.trouble), (404, None, None));
    assert_eq!(stage.observer.tag_state("h.example/app:none").await.unwrap(), None);
    let no_reference = stage.observer.tag("UPPER//x").await.unwrap();
    assert_eq!((no_reference.tag.status, no_reference.trouble), (0, None));
}

#[tokio::test]
async fn a_registry_that_contradicts_itself_is_a_trouble() {
    let stage = stage(None).await;
    let digest = stage.shelf.manifest("v1", OCI, b"{}");
    stage.shelf.put(&format!("GET /v2/app/manifests/{digest}"), 200, &[], b"{ }");
    let trouble = stage.observer.tag("h.example/app:v1").await.unwrap().trouble.unwrap();
    assert!(trouble.contains("registry's fault"), "{trouble}");
    let claim = Digest::of(b"other");
    stage.shelf.put("GET /v2/app/manifests/v2", 200, &[("docker-content-digest", claim.as_str())], b"{}");
    assert!(stage.observer.tag("h.example/app:v2").await.unwrap().trouble.unwrap().contains(claim.as_str()));
    stage.shelf.put("GET /v2/app/manifests/v3", 503, &[], b"");
    assert!(stage.observer.tag("h.example/app:v3").await.unwrap().trouble.unwrap().contains("503"));
    assert!(stage.observer.tag_state("h.example/app:v3").await.is_err());
}

#[tokio::test]
async fn what_is_too_large_to_be_read_is_nobody_s_trouble() {
    let stage = stage(None).await;
    let large = vec![b' '; MAX_DOCUMENT + 1];
    let config = stage.shelf.blob(&large);
    stage.shelf.manifest("large", OCI, &large);
    let found = stage.observer.tag("h.example/app:large").await.unwrap();
    assert_eq!((found.tag.status, found.tag.digest, found.trouble, found.manifest), (200, None, None, None));
    stage.shelf.manifest("config", OCI, &manifest_of(&config, &[]));
    let observed = stage.observer.image("app", "config").await.unwrap().unwrap();
    assert_eq!((observed.image.config, observed.troubles), (None, Vec::<String>::new()));
}

#[tokio::test]
async fn a_registry_that_stumbles_is_asked_again_and_a_broken_one_is_not_for_ever() {
    let stage = stage(None).await;
    let digest = stage.shelf.manifest("v1", OCI, b"{}");
    for (status, times, is_there) in [(503, 1, true), (429, 3, true), (500, 4, false)] {
        *stage.shelf.stumbles.lock().unwrap() = (status, times);
        stage.shelf.asked.lock().unwrap().clear();
        let found = stage.observer.tag_state("h.example/app:v1").await.ok().flatten();
        assert_eq!(found, is_there.then(|| digest.clone()), "{status}");
        let asked = stage.shelf.asked.lock().unwrap().len();
        assert_eq!(asked, 4.min(times + 1), "{status}");
        *stage.shelf.stumbles.lock().unwrap() = (0, 0);
    }
}

#[tokio::test]
async fn the_base_is_fetched_through_an_index_and_only_by_a_digest() {
    let stage = stage(None).await;
    let config = stage.shelf.blob(br#"{"os":"linux"}"#);
    let manifest = stage.shelf.manifest("x", OCI, &manifest_of(&config, &[]));
    let other = Digest::of(b"other");
    let platform = |os: &str| format!(r#""platform":{{"os":"{os}","architecture":"arm64"}}"#);
    let index = format!(
        r#"{{"manifests":[{{"digest":"{other}",{}}},{{"digest":"{manifest}",{}}}]}}"#,
        platform("windows"),
        platform("linux")
    );
    let index = stage.shelf.manifest("y", INDEX, index.as_bytes());
    for digest in [&manifest, &index] {
        let base = stage.observer.base_image("app", digest.as_str(), "linux", "arm64").await.unwrap();
        assert_eq!((base.fetched.status, base.config.unwrap().digest), (200, config.clone()));
    }
    let gone = stage.observer.base_image("app", other.as_str(), "linux", "arm64").await.unwrap();
    assert_eq!((gone.fetched.status, gone.config), (404, None));
    let before = stage.shelf.asked.lock().unwrap().len();
    let hostile = stage.observer.base_image("app", "../../other/manifests/x", "linux", "arm64").await.unwrap();
    assert_eq!((hostile.fetched.status, hostile.fetched.document), (0, None));
    assert_eq!(stage.observer.fetch_manifest("app", "../x?y").await.unwrap().status, 0);
    assert_eq!(stage.shelf.asked.lock().unwrap().len(), before);
}

#[tokio::test]
async fn a_token_is_fetched_once_and_never_shown_to_another_host() {
    let password = Credentials::Password { user: "user".to_owned(), password: "secret".to_owned() };
    let stage = stage(Some(password.clone())).await;
    assert!(!format!("{password:?} {:?}", stage.observer).contains("secret"));
    *stage.shelf.realm.lock().unwrap() = Some(format!("{}/token", stage.url));
    let elsewhere = Arc::new(Shelf::default());
    let other = listen(Arc::clone(&elsewhere)).await;
    elsewhere.put("GET /blob", 200, &[], b"{}");
    let config = Digest::of(b"{}");
    stage.shelf.put(&format!("GET /v2/app/blobs/{config}"), 307, &[("location", &format!("{other}/blob"))], b"");
    stage.shelf.manifest("v1", OCI, &manifest_of(&config, &[]));
    let image = stage.observer.image("app", "v1").await.unwrap().unwrap().image;
    assert_eq!(image.config.unwrap().bytes, b"{}");
    assert_eq!(*elsewhere.asked.lock().unwrap(), ["GET /blob "]);
    let asked = stage.shelf.asked.lock().unwrap().clone();
    let tokens: Vec<_> = asked.iter().filter(|line| line.starts_with("GET /token")).collect();
    assert_eq!(tokens.len(), 1, "{asked:?}");
    assert!(tokens[0].starts_with("GET /token?service=s&scope=repository%3Aapp%3Apull Basic"), "{tokens:?}");
}

#[tokio::test]
async fn wrong_credentials_are_a_trouble_and_not_a_missing_image() {
    let stage = stage(None).await;
    *stage.shelf.realm.lock().unwrap() = Some(format!("{}/token", stage.url));
    assert!(stage.observer.image("app", "v1").await.unwrap_err().to_string().contains("401"));
    let tag = stage.observer.tag("h.example/app:v1").await.unwrap();
    assert_eq!((tag.tag.status, tag.trouble.is_some()), (401, true));
}

#[tokio::test]
async fn publishing_follows_the_protocol() {
    let stage = stage(None).await;
    let (client, shelf) = (&stage.client, &stage.shelf);
    let digest = Digest::of(b"layer");
    shelf.put("POST /v2/app/blobs/uploads/", 202, &[("location", "/upload?state=1")], b"");
    let put = format!("PUT /upload?state=1&digest={}", digest.as_str().replace(':', "%3A"));
    shelf.put(&put, 201, &[], b"");
    assert_eq!(client.push_blob("app", Bytes::from_static(b"layer")).await.unwrap(), digest);
    shelf.put(&format!("HEAD /v2/app/blobs/{digest}"), 200, &[], b"");
    let before = shelf.asked.lock().unwrap().len();
    client.push_blob("app", Bytes::from_static(b"layer")).await.unwrap();
    assert_eq!(shelf.asked.lock().unwrap().len(), before + 1, "it is there already");
    shelf.put("PUT /v2/app/manifests/v1", 201, &[], b"");
    let manifest = client.push_manifest("app", "v1", OCI, Bytes::from_static(b"{}")).await.unwrap();
    assert_eq!(manifest, Digest::of(b"{}"));
    assert!(client.push_manifest("app", "v2", OCI, Bytes::new()).await.is_err());
    let mount = format!("POST /v2/app/blobs/uploads/?mount={}&from=run", digest.as_str().replace(':', "%3A"));
    shelf.put(&mount, 202, &[("location", "/upload?state=2")], b"");
    assert!(!client.mount("app", &digest, "run").await.unwrap());
    shelf.put(&mount, 201, &[], b"");
    assert!(client.mount("app", &digest, "run").await.unwrap());
    shelf.put("DELETE /v2/app/manifests/v1", 405, &[], b"");
    assert!(client.delete("app", "v1").await.is_err());
    assert!(client.delete("app", "none").await.is_ok());
}

#[test]
fn only_http_is_a_registry() {
    for url in ["", "ftp://x", "localhost:5000", "http://"] {
        assert!(RegistryClient::new(url, None).is_err(), "{url}");
    }
    assert!(RegistryClient::new("https://registry.example", None).is_ok());
}
