//! A registry in the test's process: it keeps blobs and manifests in memory, remembers what it was asked, and does what
//! a test wants instead where a test wants that.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reference::digest::Digest;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::build::{Build, RunImage, run_image};
use crate::support::http::{self, Answer, Asked};

/// What a test wants: an answer of its own, a closed connection, or what a registry does.
pub(crate) enum Wanted {
    Usual,
    Closed,
    /// Nothing for so long, then a closed connection.
    Silence(Duration),
    /// A body that never ends.
    Endless,
    Answer(Answer),
}

type Wish = Box<dyn Fn(&Asked) -> Wanted + Send + Sync>;

#[derive(Default)]
struct Kept {
    /// Repository and digest.
    links: BTreeSet<(String, String)>,
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<(String, String), Vec<u8>>,
    /// Places of uploads that were begun and neither ended nor cancelled.
    uploads: BTreeSet<String>,
    begun: usize,
    asked: Vec<Asked>,
}

pub(crate) struct Server {
    pub(crate) host: String,
    kept: Arc<Mutex<Kept>>,
}

impl Server {
    pub(crate) fn start(wish: impl Fn(&Asked) -> Wanted + Send + Sync + 'static) -> Self {
        Self::listen(Box::new(wish), |stream, wish, kept| serve(stream, wish, kept))
    }

    /// A registry at this address, where the machine has it.
    pub(crate) fn start_at(address: &str) -> Option<Self> {
        let listener = TcpListener::bind(address).ok()?;
        Some(Self::listen_on(listener, Box::new(|_| Wanted::Usual), |stream, wish, kept| serve(stream, wish, kept)))
    }

    /// A registry that is heard through something else.
    pub(crate) fn start_through<S: Read + Write + 'static>(through: fn(TcpStream) -> S) -> Self {
        Self::listen(Box::new(|_| Wanted::Usual), move |stream, wish, kept| serve(through(stream), wish, kept))
    }

    /// A registry that is spoken to by TLS, with a certificate of the authority in `fixtures/certificates`.
    pub(crate) fn start_tls(wish: impl Fn(&Asked) -> Wanted + Send + Sync + 'static) -> Self {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/certificates");
        let chain = vec![CertificateDer::from_pem_file(folder.join("registry.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(folder.join("registry.key")).unwrap();
        let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let tls = Arc::new(tls.with_single_cert(chain, key).unwrap());
        Self::listen(Box::new(wish), move |stream, wish, kept| {
            let session = rustls::ServerConnection::new(tls.clone()).unwrap();
            serve(rustls::StreamOwned::new(session, stream), wish, kept);
        })
    }

    fn listen(wish: Wish, serve: impl Fn(TcpStream, &Wish, &Mutex<Kept>) + Clone + Send + 'static) -> Self {
        Self::listen_on(TcpListener::bind("127.0.0.1:0").unwrap(), wish, serve)
    }

    fn listen_on(
        listener: TcpListener,
        wish: Wish,
        serve: impl Fn(TcpStream, &Wish, &Mutex<Kept>) + Clone + Send + 'static,
    ) -> Self {
        let host = listener.local_addr().unwrap().to_string();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (wish, shared) = (Arc::new(wish), kept.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (wish, kept, serve) = (wish.clone(), shared.clone(), serve.clone());
                std::thread::spawn(move || serve(stream, &wish, &kept));
            }
        });
        Self { host, kept }
    }

    /// Has a run image in a repository, under its digest.
    pub(crate) fn publish(&self, repository: &str, run: &RunImage) {
        let mut kept = self.kept.lock().unwrap();
        for bytes in &run.blobs {
            let digest = Digest::of(bytes).to_string();
            kept.links.insert((repository.to_owned(), digest.clone()));
            kept.manifests.insert((repository.to_owned(), digest.clone()), bytes.clone());
            kept.blobs.insert(digest, bytes.clone());
        }
    }

    pub(crate) fn put_manifest(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let key = (repository.to_owned(), digest.to_string());
        self.kept.lock().unwrap().manifests.insert(key, bytes.to_vec());
        digest
    }

    /// Gives a manifest a tag.
    pub(crate) fn tag(&self, repository: &str, tag: &str, bytes: &[u8]) {
        self.kept.lock().unwrap().manifests.insert((repository.to_owned(), tag.to_owned()), bytes.to_vec());
    }

    /// Has a blob in a repository.
    pub(crate) fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let (digest, mut kept) = (Digest::of(bytes), self.kept.lock().unwrap());
        kept.links.insert((repository.to_owned(), digest.to_string()));
        kept.blobs.insert(digest.to_string(), bytes.to_vec());
        digest
    }

    /// A blob of any repository.
    pub(crate) fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.kept.lock().unwrap().blobs.get(digest).cloned()
    }

    /// Forgets a tag.
    pub(crate) fn untag(&self, repository: &str, tag: &str) {
        self.kept.lock().unwrap().manifests.remove(&(repository.to_owned(), tag.to_owned()));
    }

    pub(crate) fn manifest(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        self.kept.lock().unwrap().manifests.get(&(repository.to_owned(), reference.to_owned())).cloned()
    }

    pub(crate) fn has(&self, repository: &str, digest: &str) -> bool {
        self.kept.lock().unwrap().links.contains(&(repository.to_owned(), digest.to_owned()))
    }

    /// Places of uploads that were begun and neither ended nor cancelled.
    pub(crate) fn uploads(&self) -> Vec<String> {
        self.kept.lock().unwrap().uploads.iter().cloned().collect()
    }

    /// Forgets everything.
    pub(crate) fn forget(&self) {
        *self.kept.lock().unwrap() = Kept::default();
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.kept.lock().unwrap().asked.clone()
    }

    /// Method and path of every request that changes something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let asked = self.asked().into_iter().filter(|asked| asked.method == "PUT" || asked.method == "POST");
        asked.map(|asked| format!("{} {}", asked.method, asked.target)).collect()
    }
}

fn serve<S: Read + Write>(stream: S, wish: &Wish, kept: &Mutex<Kept>) {
    let mut reader = BufReader::new(stream);
    while let Some(mut asked) = http::read_head(&mut reader) {
        if http::read_body(&mut reader, &mut asked, usize::MAX).is_err() {
            return;
        }
        kept.lock().unwrap().asked.push(asked.clone());
        let answer = match wish(&asked) {
            Wanted::Usual => usual(&asked, &mut kept.lock().unwrap()),
            Wanted::Answer(answer) => answer,
            Wanted::Closed => return,
            Wanted::Silence(time) => return std::thread::sleep(time),
            Wanted::Endless => {
                let out = reader.get_mut();
                let head = out.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                while head.is_ok() && out.write_all(&[0; 8 * 1024]).is_ok() {}
                return;
            }
        };
        if http::write(reader.get_mut(), &asked, &answer).is_err() {
            return;
        }
    }
}

fn usual(asked: &Asked, kept: &mut Kept) -> Answer {
    let target = asked.target.strip_prefix("/v2/").unwrap_or(&asked.target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parameter = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(|text| text.replace("%3A", ":"))
    };
    if let Some((repository, reference)) = path.split_once("/manifests/") {
        let key = (repository.to_owned(), reference.to_owned());
        if asked.method == "PUT" {
            let by_digest = (repository.to_owned(), Digest::of(&asked.body).to_string());
            kept.manifests.insert(by_digest, asked.body.clone());
            kept.manifests.insert(key, asked.body.clone());
            return Answer::status(201).with("Docker-Content-Digest", Digest::of(&asked.body).to_string());
        }
        return kept
            .manifests
            .get(&key)
            .map_or(Answer::status(404), |bytes| Answer { body: bytes.clone(), ..Answer::status(200) });
    }
    if let Some((repository, upload)) = path.split_once("/blobs/uploads/") {
        if asked.method == "POST" {
            if let (Some(digest), Some(from)) = (parameter("mount"), parameter("from"))
                && kept.links.contains(&(from, digest.clone()))
            {
                kept.links.insert((repository.to_owned(), digest));
                return Answer::status(201);
            }
            kept.begun += 1;
            // The path is that of all uploads to the repository, so that tests can name it.
            let place = format!("/v2/{repository}/blobs/uploads/u{upload}?state={}", kept.begun);
            kept.uploads.insert(place.clone());
            return Answer::status(202).with("Location", place);
        }
        let state = parameter("state").unwrap_or_default();
        let was_open = kept.uploads.remove(&format!("/v2/{repository}/blobs/uploads/{upload}?state={state}"));
        if asked.method == "DELETE" {
            return Answer::status(if was_open { 204 } else { 404 });
        }
        let digest = Digest::of(&asked.body).to_string();
        if parameter("digest").as_deref() != Some(digest.as_str()) {
            return Answer::status(400);
        }
        kept.links.insert((repository.to_owned(), digest.clone()));
        kept.blobs.insert(digest, asked.body.clone());
        return Answer::status(201);
    }
    let (repository, digest) = path.split_once("/blobs/").unwrap_or_default();
    match kept.blobs.get(digest) {
        Some(bytes) if kept.links.contains(&(repository.to_owned(), digest.to_owned())) => {
            Answer { body: bytes.clone(), ..Answer::status(200) }
        }
        _ => Answer::status(404),
    }
}

/// A run image of two layers.
pub(crate) fn two_layers() -> RunImage {
    run_image(&[&[0; 1024], &[0; 2048]])
}

/// A build whose run image is in the server's repository `run`.
pub(crate) fn build_on(server: &Server, run: &RunImage) -> Build {
    server.publish("run", run);
    let build = Build::new();
    build.analyzed(&format!("{}/run:1", server.host), &format!("{}/run@{}", server.host, run.manifest));
    build
}

/// The app image's tag in the server's repository `app`.
pub(crate) fn app(server: &Server) -> String {
    format!("{}/app:1", server.host)
}
