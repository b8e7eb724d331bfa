//! Contents of a layer's files, read ahead in the order of the tar by threads of their own: while one part is hashed
//! and compressed, the next are read. What is ahead of the tar is bounded.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::slice;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::{Item, Kind, LayerError, Tree};

/// Bytes of a chunk.
const CHUNK: usize = 256 * 1024;
/// Files of a chunk.
const MOST_FILES: usize = 64;
/// Chunks that wait for the tar, or are being read.
const WAITING: usize = 8;
/// More threads only wait for each other.
const MOST_READERS: usize = 4;

type Chunk = Result<Vec<u8>, LayerError>;

/// Gives `with` the contents of the tree's files; they are read on so many cores at most.
pub(super) fn contents<T>(
    tree: &Tree,
    cores: usize,
    with: impl FnOnce(&mut Contents<'_>) -> Result<T, LayerError>,
) -> Result<T, LayerError> {
    let jobs = Jobs { items: tree.items.iter(), rest: None };
    let spent = Mutex::new(Vec::new());
    if jobs.clone().nth(1).is_none() {
        return with(&mut Contents { from: From::Here(jobs), spent: &spent, chunk: Vec::new(), at: 0 });
    }
    let readers = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(cores).min(MOST_READERS);
    let (order, queue) = mpsc::sync_channel(WAITING);
    let todo = Mutex::new(Todo { jobs, order: Some(order) });
    thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| read(&todo, &spent));
        }
        let mut contents = Contents { from: From::Readers(queue), spent: &spent, chunk: Vec::new(), at: 0 };
        let done = with(&mut contents);
        // Readers end where nothing takes what they read.
        drop(contents);
        done
    })
}

/// The contents, one after another.
pub(super) struct Contents<'a> {
    from: From<'a>,
    /// Chunks that may be used again.
    spent: &'a Mutex<Vec<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
}

enum From<'a> {
    /// Of a tree that is one chunk, for which a thread would not pay.
    Here(Jobs<'a>),
    Readers(Receiver<Receiver<Chunk>>),
}

impl Contents<'_> {
    /// Passes on the next file, whose size this is.
    pub(super) fn pass(&mut self, size: u64, out: &mut dyn Write) -> Result<(), LayerError> {
        let mut left = size;
        while left > 0 {
            if self.at == self.chunk.len() && !self.advance()? {
                return Err(LayerError::Spool(io::Error::other("the reading threads ended")));
            }
            let there = &self.chunk[self.at..];
            let taken = usize::try_from(left).map_or(there.len(), |left| left.min(there.len()));
            out.write_all(&there[..taken]).map_err(LayerError::Spool)?;
            self.at += taken;
            left -= taken as u64;
        }
        Ok(())
    }

    /// Reads what is left: files without content have to be there too.
    pub(super) fn finish(&mut self) -> Result<(), LayerError> {
        while self.advance()? {}
        Ok(())
    }

    fn advance(&mut self) -> Result<bool, LayerError> {
        let mut spent = std::mem::take(&mut self.chunk);
        self.at = 0;
        match &mut self.from {
            From::Here(jobs) => {
                let Some(job) = jobs.next() else { return Ok(false) };
                spent.clear();
                self.chunk = of(&job, spent)?;
            }
            From::Readers(queue) => {
                self.spent.lock().unwrap_or_else(PoisonError::into_inner).push(spent);
                let Ok(chunk) = queue.recv() else { return Ok(false) };
                let ended = |_| LayerError::Spool(io::Error::other("a reading thread ended"));
                self.chunk = chunk.recv().map_err(ended)??;
            }
        }
        Ok(true)
    }
}

/// A part of a file.
struct Part<'a> {
    source: &'a Path,
    /// The file of several parts, which is opened once: what takes its place meanwhile is another file.
    file: Option<Arc<File>>,
    at: u64,
    size: usize,
    is_last: bool,
}

/// A file of which some has been given out.
#[derive(Clone)]
struct Rest<'a> {
    source: &'a Path,
    file: Option<Arc<File>>,
    at: u64,
    size: u64,
}

/// Cuts the files of a tree into chunks.
#[derive(Clone)]
struct Jobs<'a> {
    items: slice::Iter<'a, Item>,
    rest: Option<Rest<'a>>,
}

impl<'a> Jobs<'a> {
    fn file(&mut self) -> Option<Rest<'a>> {
        self.items.find_map(|item| match &item.kind {
            Kind::File { source, size } => Some(Rest { source, file: None, at: 0, size: *size }),
            _ => None,
        })
    }
}

impl<'a> Iterator for Jobs<'a> {
    type Item = Vec<Part<'a>>;

    fn next(&mut self) -> Option<Vec<Part<'a>>> {
        let (mut job, mut room) = (Vec::new(), CHUNK);
        while room > 0 && job.len() < MOST_FILES {
            let Some(mut next) = self.rest.take().or_else(|| self.file()) else { break };
            let size = usize::try_from(next.size - next.at).map_or(room, |left| left.min(room));
            let (at, end) = (next.at, next.at + size as u64);
            let is_last = end == next.size;
            if !is_last && next.file.is_none() {
                // What cannot be opened is told when it is read.
                next.file = File::open(next.source).ok().map(Arc::new);
            }
            job.push(Part { source: next.source, file: next.file.clone(), at, size, is_last });
            room -= size;
            if !is_last {
                self.rest = Some(Rest { at: end, ..next });
            }
        }
        (!job.is_empty()).then_some(job)
    }
}

/// What the readers share.
struct Todo<'a> {
    jobs: Jobs<'a>,
    /// Gone once there are no more chunks, which ends the queue, or once nothing takes them.
    order: Option<SyncSender<Receiver<Chunk>>>,
}

impl<'a> Todo<'a> {
    /// The next chunk to be read, and where it is waited for.
    fn next(&mut self) -> Option<(Vec<Part<'a>>, SyncSender<Chunk>)> {
        let order = self.order.as_ref()?;
        let (done, result) = mpsc::sync_channel(1);
        let job = self.jobs.next().filter(|_| order.send(result).is_ok());
        if job.is_none() {
            self.order = None;
        }
        Some((job?, done))
    }
}

/// Reads one chunk after another until there are no more, or nothing takes them.
fn read(todo: &Mutex<Todo<'_>>, spent: &Mutex<Vec<Vec<u8>>>) {
    loop {
        let next = todo.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((job, done)) = next else { return };
        let mut buffer = spent.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        buffer.clear();
        let _ = done.send(of(&job, buffer));
    }
}

/// The content of the parts, exactly: a tar with a longer or shorter file would be another tar.
fn of(job: &[Part<'_>], mut buffer: Vec<u8>) -> Chunk {
    buffer.reserve(CHUNK + MOST_FILES);
    for part in job {
        let fail = |error| LayerError::Read { path: part.source.to_path_buf(), source: error };
        let opened = match &part.file {
            Some(file) => file.clone(),
            None => Arc::new(File::open(part.source).map_err(fail)?),
        };
        let (start, mut done) = (buffer.len(), 0);
        // One byte more shows a file that has grown.
        buffer.resize(start + part.size + usize::from(part.is_last), 0);
        loop {
            match opened.read_at(&mut buffer[start + done..], part.at + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(fail(error)),
            }
            if done >= part.size {
                break;
            }
        }
        if done != part.size {
            return Err(LayerError::Changed { path: part.source.to_path_buf() });
        }
        buffer.truncate(start + part.size);
    }
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Owner;
    use super::*;

    fn all(tree: &Tree, cores: usize) -> Result<Vec<u8>, LayerError> {
        contents(tree, cores, |contents| {
            let mut found = Vec::new();
            contents.pass(tree.bytes(), &mut found)?;
            contents.finish()?;
            Ok(found)
        })
    }

    fn walk(folder: &Path) -> Tree {
        Tree::of_folder(folder, "/x", Owner { uid: 0, gid: 0 }).unwrap()
    }

    #[test]
    fn contents_come_in_order_on_any_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let mut expected = Vec::new();
        for file in 0..400_u32 {
            // Some are empty, some fill a chunk, some are of several.
            let size = [0, 1, 1000, CHUNK, CHUNK * 3 + 7][usize::try_from(file).unwrap() % 5]
                / (1 + usize::from(file > 20) * 99);
            let bytes: Vec<u8> =
                (0..size).map(|at| u8::try_from((at * 7 + usize::try_from(file).unwrap()) % 251).unwrap()).collect();
            fs::write(folder.path().join(format!("{file:03}")), &bytes).unwrap();
            expected.extend(bytes);
        }
        let tree = walk(folder.path());
        for cores in [1, 2, 16] {
            assert!(all(&tree, cores).unwrap() == expected, "{cores}");
        }
    }

    #[test]
    fn a_file_that_changes_its_size_or_goes_is_told_by_its_path() {
        for (name, size) in [("empty", 0), ("small", 10), ("large", CHUNK * 2 + 1)] {
            for change in ["grown", "shrunk", "gone"] {
                if (name, change) == ("empty", "shrunk") {
                    continue;
                }
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join(name);
                fs::write(&path, vec![1; size]).unwrap();
                let tree = walk(folder.path());
                match change {
                    "grown" => fs::write(&path, vec![1; size + 1]).unwrap(),
                    "shrunk" => fs::write(&path, vec![1; size - 1]).unwrap(),
                    _ => fs::remove_file(&path).unwrap(),
                }
                let told = all(&tree, 2).unwrap_err();
                let is_right = match &told {
                    LayerError::Changed { path: of } => change != "gone" && *of == path,
                    LayerError::Read { path: of, .. } => change == "gone" && *of == path,
                    _ => false,
                };
                assert!(is_right, "{name} {change}: {told}");
            }
        }
    }

    #[test]
    fn readers_end_when_nothing_takes_what_they_read() {
        let folder = tempfile::tempdir().unwrap();
        for file in 0..100 {
            fs::write(folder.path().join(file.to_string()), vec![0; CHUNK]).unwrap();
        }
        let full = |_: &mut Contents<'_>| Err::<(), _>(LayerError::Spool(io::Error::other("full")));
        assert!(contents(&walk(folder.path()), 4, full).is_err());
    }
}
