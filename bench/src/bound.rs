//! The bound: the same bytes read, hashed, compressed, hashed again and sent while the rest is still read, on two
//! cores, and nothing else. No exporter can be faster with the same compressor.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use deflate::Members;
use reference::digest::Hasher;

use super::Failure;
use super::registry::Connection;

/// Bytes that are compressed at a time.
const BLOCK: usize = 1 << 20;
/// What is promised of two cores.
const CORES: usize = 2;

struct Job {
    block: Vec<u8>,
    done: SyncSender<Vec<u8>>,
}

/// Sends every layer of a build to a repository, `host/name`.
pub(super) fn run(folder: &Path, repository: &str) -> Result<(), Failure> {
    let (host, name) = repository.split_once('/').ok_or("a repository is host/name")?;
    let layers = fs::read_dir(folder.join("layers/b"))?.map(|entry| Ok(entry?.path()));
    let mut layers = layers.collect::<Result<Vec<PathBuf>, std::io::Error>>()?;
    layers.retain(|path| path.is_dir());
    let (lanes, compressors) = if layers.len() > 1 { (CORES, 1) } else { (1, CORES) };
    let layers = Mutex::new(layers);
    thread::scope(|scope| {
        let lane = || {
            let mut connection = Connection::open(host).map_err(|error| error.to_string())?;
            loop {
                let next = layers.lock().map_err(|error| error.to_string())?.pop();
                let Some(layer) = next else { return Ok(()) };
                send(&layer, &mut connection, name, compressors).map_err(|error| error.to_string())?;
            }
        };
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().try_for_each(|lane| lane.join().unwrap_or_else(|_| Err("a lane ended".to_owned())))
    })
    .map_err(|error: String| error.into())
}

fn send(layer: &Path, connection: &mut Connection, name: &str, compressors: usize) -> Result<(), Failure> {
    thread::scope(|scope| {
        let (jobs, todo) = mpsc::sync_channel::<Job>(compressors);
        let (order, queue) = mpsc::sync_channel(compressors + 1);
        let todo = std::sync::Arc::new(Mutex::new(todo));
        for _ in 0..compressors {
            let todo = todo.clone();
            scope.spawn(move || compress(&todo));
        }
        drop(todo);
        let reader = scope.spawn(move || {
            let mut blocks = Blocks { block: Vec::with_capacity(BLOCK), hasher: Hasher::new(), jobs, order };
            blocks.of(layer).and_then(|()| blocks.pass()).map_err(|error| error.to_string())
        });
        let mut hasher = Hasher::new();
        let mut upload = connection.begin(name)?;
        for member in queue {
            let member = member.recv()?;
            hasher.update(&member);
            upload.send(&member)?;
        }
        reader.join().unwrap_or_else(|_| Err("the reader ended".to_owned()))?;
        upload.finish(hasher.finish().as_str())
    })
}

fn compress(todo: &Mutex<Receiver<Job>>) {
    let mut members = Members::new();
    loop {
        let Ok(Ok(job)) = todo.lock().map(|todo| todo.recv()) else { return };
        let _ = job.done.send(members.of(&job.block));
    }
}

struct Blocks {
    block: Vec<u8>,
    hasher: Hasher,
    jobs: SyncSender<Job>,
    order: SyncSender<Receiver<Vec<u8>>>,
}

impl Blocks {
    fn of(&mut self, path: &Path) -> Result<(), Failure> {
        if path.is_dir() {
            return fs::read_dir(path)?.try_for_each(|entry| self.of(&entry?.path()));
        }
        let mut file = File::open(path)?;
        loop {
            let room = BLOCK - self.block.len();
            if file.by_ref().take(room as u64).read_to_end(&mut self.block)? < room {
                return Ok(());
            }
            self.pass()?;
        }
    }

    fn pass(&mut self) -> Result<(), Failure> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        self.hasher.update(&block);
        let (done, result) = mpsc::sync_channel(1);
        self.order.send(result)?;
        self.jobs.send(Job { block, done }).map_err(|_| "the compressors ended")?;
        Ok(())
    }
}
