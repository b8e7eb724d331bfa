//! A load in progress: parts of an archive are streamed into the daemon as they are made, never more than a few chunks
//! of it in memory. An archive that is not finished reaches the daemon as a broken connection, not as a short archive.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::ImportImageOptionsBuilder;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::saved::Place;
use super::{Cause, DaemonError, PATIENCE, UNPACKING, saved};
use crate::failure::{Reason, behind};
use crate::layer::{self, LayerError};
use crate::target::TargetError;

/// Bytes of a chunk.
const CHUNK: usize = 256 * 1024;
/// Chunks that may wait for the daemon.
const WAITING: usize = 4;

/// An archive on its way into a daemon.
pub(super) struct Load {
    /// None is the archive's end.
    sender: mpsc::Sender<Option<Bytes>>,
    /// What the daemon answers; ended with the load.
    answers: JoinSet<Result<(), Cause>>,
    /// The daemon has answered, and needs no more of the archive.
    answered: CancellationToken,
    written: HashSet<String>,
    host: String,
    name: String,
}

impl Load {
    /// Opens the load of the image `name` into the daemon at `host`.
    pub(super) fn begin(api: &Docker, host: &str, name: &str) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        // Its time ends when the daemon begins to answer, and some answer only when all is unpacked.
        let api = api.clone().with_timeout(UNPACKING);
        let (mut answers, answered) = (JoinSet::new(), CancellationToken::new());
        let done = answered.clone().drop_guard();
        answers.spawn(async move {
            let _done = done;
            let options = ImportImageOptionsBuilder::default().quiet(true).build();
            let mut answers = api.import_image(options, bollard::body_try_stream(chunks(receiver)), None);
            while let Some(answer) = answers.next().await {
                answer.map_err(|error| Cause::from(&error))?;
            }
            Ok(())
        });
        Self { sender, answers, answered, written: HashSet::new(), host: host.to_owned(), name: name.to_owned() }
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
        let (sender, answered) = (self.sender.clone(), self.answered.clone());
        let chunks = Chunks { sender, answered, runtime: Handle::current() };
        let written = tokio::task::spawn_blocking(move || {
            let mut out = io::BufWriter::with_capacity(CHUNK, chunks);
            write(&mut out)?;
            out.flush().map_err(LayerError::Spool)
        });
        let written = written.await.map_err(|error| DaemonError::Spool(io::Error::other(error)))?;
        let Err(LayerError::Spool(error)) = &written else { return Ok(written?) };
        let Some(cause) = behind::<Cause>(error) else { return Ok(written?) };
        // The daemon's own words say more than that it takes nothing.
        match tokio::time::timeout(Duration::from_secs(5), self.answers.join_next()).await {
            Ok(Some(Ok(Err(said)))) => Err(self.failed(said)),
            _ => Err(self.failed(cause.clone())),
        }
    }

    /// Ends the archive, and waits for what the daemon makes of it.
    pub(super) async fn finish(mut self) -> Result<(), TargetError> {
        self.send(|out| out.write_all(&[0; 1024]).map_err(LayerError::Spool)).await?;
        // Where no one takes it any more, the answer says why.
        let _ = self.sender.send_timeout(None, PATIENCE).await;
        let answered = tokio::time::timeout(UNPACKING, self.answers.join_next()).await;
        let cause = match answered {
            Ok(Some(Ok(Ok(())))) => return Ok(()),
            Ok(Some(Ok(Err(cause)))) => cause,
            Ok(Some(Err(error))) => Cause::Broke(Reason::innermost(&error)),
            Ok(None) => Cause::Stopped("answers nothing".to_owned()),
            Err(_) => Cause::Stopped(format!("gives no answer within {} minutes", UNPACKING.as_secs() / 60)),
        };
        Err(self.failed(cause))
    }

    fn failed(&self, cause: Cause) -> TargetError {
        DaemonError::Failed { doing: format!("load {}", self.name), host: self.host.clone(), cause }.into()
    }
}

/// What is received, up to the archive's end; without that an error, which breaks the connection off.
fn chunks(receiver: mpsc::Receiver<Option<Bytes>>) -> impl Stream<Item = io::Result<Bytes>> {
    futures_util::stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(chunk)) => Some((Ok(chunk), Some(receiver))),
            Some(None) => None,
            None => Some((Err(io::Error::other("the archive is not finished")), None)),
        }
    })
}

/// Sends what is written as chunks of a stream. Written to outside of the runtime's own threads.
struct Chunks {
    sender: mpsc::Sender<Option<Bytes>>,
    answered: CancellationToken,
    runtime: Handle,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use tokio::sync::mpsc::error::SendTimeoutError;
        let gone = |what: String| io::Error::new(ErrorKind::BrokenPipe, Cause::Stopped(what));
        let early = || gone("ended the load before the archive's end".to_owned());
        let chunk = Some(Bytes::copy_from_slice(bytes));
        let sent = self.runtime.block_on(async {
            tokio::select! {
                sent = self.sender.send_timeout(chunk, PATIENCE) => Some(sent),
                () = self.answered.cancelled() => None,
            }
        });
        match sent {
            Some(Ok(())) => Ok(bytes.len()),
            None | Some(Err(SendTimeoutError::Closed(_))) => Err(early()),
            Some(Err(SendTimeoutError::Timeout(_))) => {
                Err(gone(format!("took nothing of the archive for {} s", PATIENCE.as_secs())))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn an_archive_without_its_end_is_an_error_and_no_shorter_archive() {
        for is_finished in [true, false] {
            let (sender, receiver) = mpsc::channel(WAITING);
            sender.send(Some(Bytes::from_static(b"part"))).await.unwrap();
            if is_finished {
                sender.send(None).await.unwrap();
            }
            drop(sender);
            let archive: Result<Vec<Bytes>, _> = chunks(receiver).try_collect().await;
            assert_eq!(archive.is_ok(), is_finished);
        }
    }
}
