//! Daemons made by hand, which answer as the three kinds of store do.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use conformance::observe::{BlobStore, DaemonObserver, LayerReader, Limits, ObservedInDaemon};
use judge::digest::Digest;
use judge::evidence::StoreKind;

const REFERENCE: &str = "host.example:5000/app:v1";

type Answers = HashMap<String, (u16, Vec<u8>)>;

async fn serve(State(answers): State<Arc<Answers>>, request: Request) -> Response<Body> {
    let path = format!("{} {}", request.method(), request.uri());
    let (status, body) = answers.get(&path).cloned().unwrap_or((404, br#"{"message":"no such image"}"#.to_vec()));
    Response::builder().status(status).header("content-type", "application/json").body(body.into()).unwrap()
}

async fn observer(answers: Answers, store: StoreKind) -> DaemonObserver {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(serve).with_state(Arc::new(answers));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let docker = bollard::Docker::connect_with_http(&host, 10, bollard::API_DEFAULT_VERSION).unwrap();
    DaemonObserver::new(docker, &host, store, "26.1.5".to_owned()).unwrap()
}

fn with_image(archive: Vec<u8>) -> Answers {
    let inspection = br#"{"Id":"sha256:abc","Odd":{"kept":1,"kept":2}}"#.to_vec();
    Answers::from([
        (format!("GET /images/{REFERENCE}/json"), (200, inspection)),
        (format!("GET /images/{REFERENCE}/get"), (200, archive)),
    ])
}

async fn observe(answers: Answers, store: StoreKind) -> ObservedInDaemon {
    let folder = tempfile::tempdir().unwrap();
    let layers = LayerReader::new(BlobStore::open(folder.path()).unwrap(), Limits::default());
    let references = [REFERENCE.to_owned(), "host.example:5000/app:v2".to_owned(), "NO//REFERENCE".to_owned()];
    observer(answers, store).await.image(&references, &layers).await.unwrap()
}

fn archive(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    for (path, target) in links {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, path, target).unwrap();
    }
    tar.into_inner().unwrap()
}

fn blob_path(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::of(bytes).encoded())
}

/// An archive in both formats at once, as newer engines save it; the manifest's digest.
fn both(names: &str) -> (Vec<u8>, Digest) {
    let layer = archive(&[("x", b"x")], &[]);
    let (config, gone) = (&b"{}"[..], Digest::of(b"gone"));
    let (layer_digest, config_digest) = (Digest::of(&layer), Digest::of(config));
    let manifest = format!(
        r#"{{"config":{{"digest":"{config_digest}"}},"layers":[{{"digest":"{layer_digest}"}},{{"digest":"{gone}"}}]}}"#
    );
    let digest = Digest::of(manifest.as_bytes());
    let index = format!(r#"{{"manifests":[{{"digest":"{gone}"}},{{"digest":"{digest}","annotations":{{{names}}}}}]}}"#);
    let old = format!(
        r#"[{{"Config":"other"}},{{"Config":"{}","RepoTags":["{REFERENCE}"],"Layers":["{}","y/layer.tar","gone"]}}]"#,
        blob_path(config),
        blob_path(&layer)
    );
    let (config_path, layer_path, manifest_path) =
        (blob_path(config), blob_path(&layer), blob_path(manifest.as_bytes()));
    let files = [
        (config_path.as_str(), config),
        (&layer_path, &layer),
        (&manifest_path, manifest.as_bytes()),
        ("index.json", index.as_bytes()),
        ("manifest.json", old.as_bytes()),
    ];
    (archive(&files, &[("y/layer.tar", &format!("../{layer_path}"))]), digest)
}

#[tokio::test]
async fn a_classic_store_has_no_manifest_and_layers_by_path() {
    let (archive, _) = both("");
    let seen = observe(with_image(archive), StoreKind::Classic).await;
    assert_eq!((seen.save_problem, seen.troubles), (None, vec![]));
    let inspection = seen.facts.inspect.unwrap();
    assert_eq!(inspection.text(), Some(r#"{"Id":"sha256:abc","Odd":{"kept":1,"kept":2}}"#));
    let ids: Vec<_> = seen.facts.tag_ids.iter().map(|tag| tag.id.as_deref()).collect();
    assert_eq!(ids, [Some("sha256:abc"), None, None]);
    assert_eq!(seen.tags[0].digest.as_deref(), Some("sha256:abc"));
    assert_eq!(seen.facts.saved.len(), 5);
    assert!(seen.facts.archive_index.is_some() && seen.facts.archive_manifest.is_some());
    let image = seen.image.unwrap();
    assert_eq!((image.manifest, image.config.unwrap().bytes), (None, b"{}".to_vec()));
    let [layer, linked, gone] = &image.layers[..] else { panic!("three layers") };
    assert_eq!((linked.name.as_str(), &linked.blob), ("y/layer.tar", &layer.blob));
    assert_eq!(layer.blob.as_ref().unwrap().entries[0].path, "/x");
    assert!(gone.blob.is_none() && gone.problem.as_deref().unwrap().contains("not in the archive"));
}

#[tokio::test]
async fn a_containerd_store_is_read_through_its_index() {
    for names in [
        format!(r#""io.containerd.image.name":"{REFERENCE}""#),
        r#""org.opencontainers.image.ref.name":"v1""#.to_owned(),
    ] {
        let (archive, manifest) = both(&names);
        let image = observe(with_image(archive), StoreKind::Containerd).await.image.unwrap();
        assert_eq!(image.manifest.unwrap().digest, manifest);
        let [layer, gone] = &image.layers[..] else { panic!("two layers") };
        assert_eq!(layer.name, layer.blob.as_ref().unwrap().digest.as_str());
        assert!(gone.blob.is_none() && gone.problem.is_some());
    }
}

#[tokio::test]
async fn an_image_that_is_not_there_is_no_trouble() {
    let seen = observe(Answers::new(), StoreKind::Podman).await;
    assert_eq!((seen.image, seen.facts.inspect, seen.save_problem, seen.troubles), (None, None, None, vec![]));
}

#[tokio::test]
async fn an_image_that_is_not_saved_is_told_with_the_daemons_words() {
    let mut answers = with_image(Vec::new());
    let (whole, _) = both("");
    answers.insert(format!("GET /images/{REFERENCE}/get"), (500, br#"{"message":"layer not found"}"#.to_vec()));
    let seen = observe(answers, StoreKind::Containerd).await;
    assert!(seen.save_problem.unwrap().contains("layer not found"));
    assert!(seen.facts.inspect.is_some());
    let cut = observe(with_image(whole[..513].to_vec()), StoreKind::Classic).await;
    assert!(cut.save_problem.unwrap().contains("end"));
}

#[tokio::test]
async fn a_push_ends_with_the_daemons_words() {
    let path = "POST /images/host.example:5000/app/push?tag=v1".to_owned();
    let good = Answers::from([(path.clone(), (200, b"{\"status\":\"Pushed\"}\r\n{\"status\":\"Done\"}".to_vec()))]);
    assert_eq!(observer(good, StoreKind::Classic).await.push(REFERENCE, None).await.unwrap(), "Pushed\nDone\n");
    let lines =
        b"{\"status\":\"Preparing\"}\r\n{\"errorDetail\":{\"message\":\"denied\"},\"error\":\"denied\"}".to_vec();
    let bad = Answers::from([(path, (200, lines))]);
    let error = observer(bad, StoreKind::Classic).await.push(REFERENCE, None).await.unwrap_err();
    assert!(error.reason.contains("denied"), "{}", error.reason);
    assert_eq!(error.log, "Preparing\n");
}
