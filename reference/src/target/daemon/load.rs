//! A load in progress: parts of an archive are streamed into the daemon as they are made, never more than a few chunks
//! of it in memory. An archive that is not finished reaches the daemon as a broken connection, not as a short archive.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::ImportImageOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::saved::Place;
use super::{DaemonError, PATIENCE, UNPACKING, error, saved};
use crate::layer::{self, LayerError};
use crate::target::TargetError;

/// Bytes of a chunk.
const CHUNK: usize = 256 * 1024;
/// Chunks that may wait for the daemon.
const WAITING: usize = 4;

/// An archive on its way into a daemon.
pub(super) struct Load {
    sender: mpsc::Sender<io::Result<Bytes>>,
    /// What the daemon answers; ended with the load.
    answers: JoinSet<Result<(), String>>,
    written: HashSet<String>,
}

impl Load {
    /// Opens the load.
    pub(super) fn begin(api: &Docker) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        // Its time ends when the daemon begins to answer, and some answer only when all is unpacked.
        let api = api.clone().with_timeout(UNPACKING);
        let mut answers = JoinSet::new();
        answers.spawn(async move {
            let options = ImportImageOptionsBuilder::default().quiet(true).build();
            let mut answers = api.import_image(options, bollard::body_try_stream(stream), None);
            while let Some(answer) = answers.next().await {
                answer.map_err(|error| error::said(&error))?;
            }
            Ok(())
        });
        Self { sender, answers, written: HashSet::new() }
    }

    /// Sends a file of the archive, unless there is one of this name already. `write` writes exactly `size` bytes.
    pub(super) async fn file(
        &mut self,
        name: String,
        size: u64,
        write: impl FnOnce(&mut dyn Write) -> Result<(), LayerError> + Send + 'static,
    ) -> Result<(), TargetError> {
        if !self.written.insert(name.clone()) {
            return Ok(());
        }
        self.send(move |out| {
            out.write_all(&layer::plain_header(&name, size)).map_err(LayerError::Spool)?;
            write(out)?;
            let over = usize::try_from(size % 512).unwrap_or(0);
            if over == 0 { Ok(()) } else { out.write_all(&[0; 512][over..]).map_err(LayerError::Spool) }
        })
        .await
    }

    /// Sends a file that is in memory.
    pub(super) async fn bytes(&mut self, name: String, bytes: Vec<u8>) -> Result<(), TargetError> {
        let size = bytes.len() as u64;
        self.file(name, size, move |out| out.write_all(&bytes).map_err(LayerError::Spool)).await
    }

    /// Sends what lies at a place of a spooled file.
    pub(super) async fn spooled(&mut self, name: String, spool: File, place: Place) -> Result<(), TargetError> {
        self.file(name, place.size, move |out| saved::copy(&spool, place, out).map_err(LayerError::Spool)).await
    }

    async fn send(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), LayerError> + Send + 'static,
    ) -> Result<(), TargetError> {
        let chunks = Chunks { sender: self.sender.clone(), runtime: Handle::current() };
        let written = tokio::task::spawn_blocking(move || {
            let mut out = io::BufWriter::with_capacity(CHUNK, chunks);
            write(&mut out)?;
            out.flush().map_err(LayerError::Spool)
        });
        match written.await.map_err(|error| DaemonError::Spool(io::Error::other(error)))? {
            // The daemon's own words say more than that it takes nothing.
            Err(LayerError::Spool(error)) if error.kind() == ErrorKind::BrokenPipe => {
                let said = tokio::time::timeout(Duration::from_secs(5), self.answers.join_next()).await;
                let reason = match said {
                    Ok(Some(Ok(Err(reason)))) => reason,
                    _ => error.to_string(),
                };
                Err(refused(reason).into())
            }
            other => Ok(other?),
        }
    }

    /// Ends the archive, and waits for what the daemon makes of it.
    pub(super) async fn finish(mut self) -> Result<(), TargetError> {
        self.send(|out| out.write_all(&[0; 1024]).map_err(LayerError::Spool)).await?;
        drop(self.sender);
        let answered = tokio::time::timeout(UNPACKING, self.answers.join_next()).await;
        let reason = match answered {
            Ok(Some(Ok(Ok(())))) => return Ok(()),
            Ok(Some(Ok(Err(reason)))) => reason,
            Ok(Some(Err(error))) => error.to_string(),
            Ok(None) => "nothing".to_owned(),
            Err(_) => format!("nothing within {} minutes", UNPACKING.as_secs() / 60),
        };
        Err(refused(reason).into())
    }
}

fn refused(reason: String) -> DaemonError {
    DaemonError::Refused { doing: "load", what: "the image".to_owned(), reason }
}

/// Sends what is written as chunks of a stream. Written to outside of the runtime's own threads.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use tokio::sync::mpsc::error::SendTimeoutError;
        let chunk = Ok(Bytes::copy_from_slice(bytes));
        let sent = self.runtime.block_on(self.sender.send_timeout(chunk, PATIENCE));
        let gone = |reason: String| io::Error::new(ErrorKind::BrokenPipe, reason);
        match sent {
            Ok(()) => Ok(bytes.len()),
            Err(SendTimeoutError::Closed(_)) => Err(gone("it ended the load before the archive's end".to_owned())),
            Err(SendTimeoutError::Timeout(_)) => {
                Err(gone(format!("it took nothing of the archive for {} s", PATIENCE.as_secs())))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
