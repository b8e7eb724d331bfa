//! gzip on all cores: blocks of 1 MiB, each a member of its own (RFC 1952 allows many), made side by side and written
//! in order. The result depends on the bytes alone, not on how many cores there are.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use deflate::Members;

use super::LayerError;

/// Bytes of a member before compression; larger ones gain nothing.
const BLOCK: usize = 1 << 20;
/// More workers would hold more blocks than the memory that is promised.
const MOST_WORKERS: usize = 12;

struct Job {
    block: Vec<u8>,
    done: SyncSender<Vec<u8>>,
}

/// Runs `produce` with a writer, compresses what it writes into `out` on so many cores at most, gives both results.
pub(super) fn compress<W, T>(
    mut out: W,
    cores: usize,
    produce: impl FnOnce(&mut dyn Write) -> Result<T, LayerError>,
) -> Result<(T, W), LayerError>
where
    W: Write + Send,
{
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_WORKERS).min(cores);
    thread::scope(|scope| {
        let (jobs, todo) = mpsc::sync_channel::<Job>(1);
        let todo = Arc::new(Mutex::new(todo));
        for _ in 0..workers {
            let todo = todo.clone();
            scope.spawn(move || work(&todo));
        }
        // Workers alone hold the receiver, so that a writer whose workers are gone is told.
        drop(todo);
        let (order, queue) = mpsc::sync_channel::<Receiver<Vec<u8>>>(workers + 1);
        let writer = scope.spawn(move || {
            let written = in_order(&queue, &mut out);
            written.map(|()| out)
        });
        let mut blocks = Blocks { block: Vec::with_capacity(BLOCK), jobs, order };
        let produced = produce(&mut blocks).and_then(|value| {
            blocks.send().map_err(LayerError::Spool)?;
            Ok(value)
        });
        drop(blocks);
        let written = writer.join().unwrap_or_else(|_| Err(io::Error::other("the writing thread ended")));
        // Where writing failed, that is the cause of what the producer saw.
        match (written, produced) {
            (Ok(out), Ok(value)) => Ok((value, out)),
            (Err(error), Ok(_) | Err(LayerError::Spool(_))) => Err(LayerError::Spool(error)),
            (_, Err(error)) => Err(error),
        }
    })
}

fn work(todo: &Mutex<Receiver<Job>>) {
    let mut members = Members::new();
    loop {
        let job = todo.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, done }) = job else { return };
        // A writer that is gone has said why already.
        let _ = done.send(members.of(&block));
    }
}

fn in_order(queue: &Receiver<Receiver<Vec<u8>>>, out: &mut impl Write) -> io::Result<()> {
    for member in queue {
        out.write_all(&member.recv().map_err(io::Error::other)?)?;
    }
    out.flush()
}

/// Cuts what is written into blocks.
struct Blocks {
    block: Vec<u8>,
    jobs: SyncSender<Job>,
    order: SyncSender<Receiver<Vec<u8>>>,
}

impl Blocks {
    fn send(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let (done, result) = mpsc::sync_channel(1);
        let gone = |_| io::Error::other("the compressing threads ended");
        self.order.send(result).map_err(|_| io::Error::other("the writing thread ended"))?;
        self.jobs.send(Job { block, done }).map_err(gone)
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is full"))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_ends_it_with_the_disk_s_reason() {
        let result = compress(Full, 2, |out| {
            for _ in 0..64 {
                out.write_all(&vec![1; BLOCK]).map_err(LayerError::Spool)?;
            }
            Ok(())
        });
        assert!(crate::failure::chain(&result.err().unwrap()).contains("the disk is full"));
    }
}
