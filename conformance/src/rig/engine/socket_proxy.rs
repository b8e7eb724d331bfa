//! The socket through which all clients reach a private engine: bytes pass as they are, and the engine is killed in the
//! middle of a request where a scenario asks for it. Of HTTP only the request line is read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::Process;
use super::supervisor::EngineCommand;
use crate::locked::locked;

/// How much of an image reaches the engine before it ends: never a whole one.
const OF_AN_IMAGE: usize = 512;
/// Time for the engine to begin with what it was sent.
const BEGINS: Duration = Duration::from_millis(50);

/// In which request an engine ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillPoint {
    /// While it is sent an image.
    Load,
    /// After it has begun to push one.
    Push,
}

/// A listening proxy; it ends when it is dropped.
pub(super) struct SocketProxy {
    shared: Arc<Shared>,
    socket: PathBuf,
    task: JoinHandle<()>,
}

struct Shared {
    engine: PathBuf,
    process: Arc<Process>,
    armed: Mutex<Option<KillPoint>>,
    fired: AtomicBool,
}

impl SocketProxy {
    /// Listens at `docker.sock` in the engine's folder.
    pub(super) fn open(folder: &Path, process: Arc<Process>) -> std::io::Result<Self> {
        let socket = folder.join("docker.sock");
        let listener = UnixListener::bind(&socket)?;
        let engine = folder.join("engine.sock");
        let shared = Arc::new(Shared { engine, process, armed: Mutex::default(), fired: AtomicBool::default() });
        let passing = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass(Arc::clone(&passing), client));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { shared, socket, task })
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn arm(&self, at: KillPoint) {
        self.shared.fired.store(false, Ordering::SeqCst);
        *locked(&self.shared.armed) = Some(at);
    }

    /// Whether the engine was ended since it was armed.
    pub(super) fn disarm(&self) -> bool {
        locked(&self.shared.armed).take();
        self.shared.fired.swap(false, Ordering::SeqCst)
    }

    /// Whether the engine answers a ping within a second.
    pub(super) async fn engine_answers(&self) -> bool {
        let asked = async {
            let mut engine = UnixStream::connect(&self.shared.engine).await.ok()?;
            engine.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n").await.ok()?;
            let mut answer = String::new();
            engine.read_to_string(&mut answer).await.ok()?;
            answer.lines().next().map(|line| line.contains(" 200 "))
        };
        tokio::time::timeout(Duration::from_secs(1), asked).await.ok().flatten().unwrap_or(false)
    }
}

impl Drop for SocketProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// Takes the order to end the engine, where these bytes begin the request that it was given for.
    fn fires(&self, bytes: &[u8]) -> Option<KillPoint> {
        let mut armed = locked(&self.armed);
        let at = armed.filter(|at| asked(bytes) == Some(*at))?;
        armed.take();
        Some(at)
    }

    /// Ends the engine. In a task of its own: this connection ends with the engine, and with it who waits here.
    async fn end(&self) {
        self.fired.store(true, Ordering::SeqCst);
        let process = Arc::clone(&self.process);
        let ended = tokio::spawn(async move {
            tokio::time::sleep(BEGINS).await;
            let _ = process.end(EngineCommand::Kill).await;
        });
        let _ = ended.await;
    }
}

/// What a request asks the engine to do. A request begins with a write of its client's, so it begins a chunk.
fn asked(bytes: &[u8]) -> Option<KillPoint> {
    let line = bytes.strip_prefix(b"POST ")?;
    let end = line.iter().position(|byte| *byte == b'\r')?;
    let target = std::str::from_utf8(&line[..end]).ok()?.split(' ').next()?;
    let path = target.split('?').next()?;
    if path.ends_with("/images/load") || path.ends_with("/images/create") && target.contains("fromSrc=") {
        Some(KillPoint::Load)
    } else if path.contains("/images/") && path.ends_with("/push") {
        Some(KillPoint::Push)
    } else {
        None
    }
}

async fn pass(shared: Arc<Shared>, client: UnixStream) {
    // A client whose engine does not run sees its connection closed, as by a proxy of Docker's own.
    let Ok(engine) = UnixStream::connect(&shared.engine).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_engine, to_engine) = engine.into_split();
    let pushes = Arc::new(AtomicBool::new(false));
    let up = sent(Arc::clone(&shared), from_client, to_engine, Arc::clone(&pushes));
    let down = answered(shared, from_engine, to_client, pushes);
    // What the engine has closed is over; a client may close its half and still listen.
    tokio::pin!(up, down);
    tokio::select! {
        () = &mut down => {}
        ended = &mut up => if !ended { down.await },
    }
}

/// Passes what the client sends; whether the engine was ended on the way.
async fn sent(shared: Arc<Shared>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, pushes: Arc<AtomicBool>) -> bool {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..read];
        match shared.fires(bytes) {
            Some(KillPoint::Load) => {
                let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(read, |at| at + 4);
                let _ = to.write_all(&bytes[..read.min(head + OF_AN_IMAGE)]).await;
                shared.end().await;
                return true;
            }
            Some(KillPoint::Push) => pushes.store(true, Ordering::SeqCst),
            None => {}
        }
        if to.write_all(bytes).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
    false
}

/// Passes what the engine answers.
async fn answered(shared: Arc<Shared>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, pushes: Arc<AtomicBool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if pushes.swap(false, Ordering::SeqCst) {
            shared.end().await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_by_their_line() {
        for (line, at) in [
            ("POST /v1.41/images/load?quiet=1 HTTP/1.1\r\nHost: x\r\n\r\n", Some(KillPoint::Load)),
            ("POST /images/create?fromSrc=-&repo=a HTTP/1.1\r\n", Some(KillPoint::Load)),
            ("POST /v1.41/images/create?fromImage=a HTTP/1.1\r\n", None),
            ("POST /v1.41/images/127.0.0.1:5000/team/app/push?tag=x HTTP/1.1\r\n", Some(KillPoint::Push)),
            ("POST /v1.41/images/app/tag?repo=push HTTP/1.1\r\n", None),
            ("GET /v1.41/images/load HTTP/1.1\r\n", None),
            ("POST /v1.41/images/load", None),
        ] {
            assert_eq!(asked(line.as_bytes()), at, "{line}");
        }
    }
}
