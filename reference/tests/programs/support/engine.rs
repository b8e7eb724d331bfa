//! A Docker Engine on a unix socket in the test's process: as much of its API as an exporter needs, what it was asked,
//! and what a test wants instead where a test wants that.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::archive::Archive;
use crate::support::http::{self, Answer, Asked};
use crate::support::store::{Image, Kind, Store};

/// What a test wants: what an engine does, or, after so many bytes of a body, a closed connection or another answer.
pub(crate) enum Wanted {
    Usual,
    Closed {
        after: usize,
    },
    Answer {
        after: usize,
        answer: Answer,
    },
    /// Another answer, and a connection that stays open.
    Kept {
        after: usize,
        answer: Answer,
    },
}

impl Wanted {
    /// Another answer, once all is read.
    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Answer { after: usize::MAX, answer: Answer::text(status, body) }
    }
}

type Wish = Box<dyn Fn(&Asked) -> Wanted + Send + Sync>;

struct Kept {
    store: Store,
    asked: Vec<Asked>,
    /// Requests whose body broke off.
    broken: Vec<String>,
}

pub(crate) struct Engine {
    pub(crate) address: String,
    kept: Arc<Mutex<Kept>>,
}

impl Engine {
    /// Answers at a socket; `wish` is asked before a request's body is read.
    pub(crate) fn start(socket: &Path, kind: Kind, wish: impl Fn(&Asked) -> Wanted + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let kept = Kept { store: Store::new(kind), asked: Vec::new(), broken: Vec::new() };
        let kept = Arc::new(Mutex::new(kept));
        let (wish, shared): (Arc<Wish>, _) = (Arc::new(Box::new(wish)), kept.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (wish, kept) = (wish.clone(), shared.clone());
                stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                std::thread::spawn(move || serve(stream, &wish, &kept));
            }
        });
        Self { address: format!("unix://{}", socket.display()), kept }
    }

    pub(crate) fn store<T>(&self, ask: impl FnOnce(&mut Store) -> T) -> T {
        ask(&mut self.kept.lock().unwrap().store)
    }

    /// Changes an image that is there.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Image)) {
        self.store(|store| change(store.images.iter_mut().find(|image| image.id == id).unwrap()));
    }

    /// Every tag, and the ID of its image.
    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        let images = self.store(|store| store.images.clone());
        images.iter().flat_map(|image| image.tags.iter().map(|tag| (tag.clone(), image.id.clone()))).collect()
    }

    /// Method and path of every request that changes something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        let changes = kept.asked.iter().filter(|asked| asked.method != "GET");
        changes.map(|asked| format!("{} {}", asked.method, path(asked).0)).collect()
    }

    /// The archives that were sent to their end.
    pub(crate) fn loads(&self) -> Vec<Archive> {
        let kept = self.kept.lock().unwrap();
        let loads = kept.asked.iter().filter(|asked| path(asked).0 == "/images/load" && !asked.body.is_empty());
        loads.map(|asked| Archive::read(&asked.body)).collect()
    }

    /// Waits for a request whose body breaks off.
    pub(crate) fn broken(&self) -> Option<String> {
        for _ in 0..500 {
            if let Some(target) = self.kept.lock().unwrap().broken.pop() {
                return Some(target);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

fn serve(stream: UnixStream, wish: &Wish, kept: &Mutex<Kept>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut out = stream;
    while let Some(mut asked) = http::read_head(&mut reader) {
        let wanted = wish(&asked);
        let most = match &wanted {
            Wanted::Usual => usize::MAX,
            Wanted::Closed { after } | Wanted::Answer { after, .. } | Wanted::Kept { after, .. } => *after,
        };
        if http::read_body(&mut reader, &mut asked, most).is_err() {
            kept.lock().unwrap().broken.push(asked.target);
            return;
        }
        kept.lock().unwrap().asked.push(asked.clone());
        let answer = match wanted {
            Wanted::Usual => usual(&asked, &mut kept.lock().unwrap().store),
            Wanted::Answer { answer, .. } => answer,
            Wanted::Kept { answer, .. } => {
                let _ = http::write(&mut out, &asked, &answer);
                // Until the client is gone, or will not go.
                std::thread::sleep(Duration::from_secs(30));
                return;
            }
            Wanted::Closed { .. } => return,
        };
        if http::write(&mut out, &asked, &answer).is_err() || most != usize::MAX {
            return;
        }
    }
}

/// Path, without the API's version, and query.
pub(crate) fn path(asked: &Asked) -> (String, BTreeMap<String, String>) {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let path = path.strip_prefix("/v").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or(path);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    (decoded(path), pairs.map(|(key, value)| (key.to_owned(), decoded(value))).collect())
}

fn decoded(text: &str) -> String {
    text.replace("%3A", ":").replace("%2F", "/").replace("%40", "@")
}

fn json(status: u16, body: &Value) -> Answer {
    Answer::text(status, body.to_string() + "\n").with("Content-Type", "application/json")
}

fn usual(asked: &Asked, store: &mut Store) -> Answer {
    let (path, query) = path(asked);
    match path.as_str() {
        "/version" => return version(store.kind),
        "/info" => return info(store.kind),
        "/images/load" => return load(asked, store),
        _ => {}
    }
    if let Some(name) = path.strip_prefix("/libpod/images/").and_then(|rest| rest.strip_suffix("/json")) {
        let image = store.images.iter().find(|image| store.kind == Kind::Podman && image.id.ends_with(name));
        return image.map_or(Answer::status(404), |image| json(200, &json!({ "Annotations": image.annotations() })));
    }
    let (name, action) = path.trim_start_matches("/images/").rsplit_once('/').unwrap_or((&path[8..], ""));
    let Some(image) = store.find(name).cloned() else {
        return json(404, &json!({ "message": format!("No such image: {name}") }));
    };
    match (asked.method.as_str(), action) {
        ("GET", "json") => json(200, &image.told()),
        ("GET", "get") => Answer::text(200, store.save(&image)),
        ("POST", "tag") => {
            let tag = format!("{}:{}", query["repo"], query["tag"]);
            store.images.iter_mut().for_each(|image| image.tags.retain(|known| *known != tag));
            store.images.iter_mut().filter(|known| known.id == image.id).for_each(|known| known.tags.push(tag.clone()));
            Answer::status(201)
        }
        ("DELETE", _) => {
            store.images.retain(|known| known.id != image.id);
            json(200, &json!([]))
        }
        _ => json(400, &json!({ "message": "the test's engine does not know this" })),
    }
}

fn version(kind: Kind) -> Answer {
    let name = if kind == Kind::Podman { "Podman Engine" } else { "Engine" };
    json(200, &json!({ "ApiVersion": "1.41", "Components": [{ "Name": name, "Version": "1" }] }))
}

fn info(kind: Kind) -> Answer {
    json(
        200,
        &match kind {
            Kind::Classic => json!({ "Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]] }),
            Kind::Podman => json!({ "Driver": "vfs", "DriverStatus": [] }),
            Kind::Containerd => {
                json!({ "Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]] })
            }
        },
    )
}

fn load(asked: &Asked, store: &mut Store) -> Answer {
    match store.load(&Archive::read(&asked.body)) {
        Ok(id) => json(200, &json!({ "stream": format!("Loaded image ID: {id}\n") })),
        Err(reason) if store.kind == Kind::Podman => json(500, &json!({ "message": reason })),
        Err(reason) => json(200, &json!({ "errorDetail": { "message": reason }, "error": reason })),
    }
}
