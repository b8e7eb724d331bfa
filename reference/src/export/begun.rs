//! Layers made side by side, ahead of those that wait for them: a small one keeps one core busy at most. A large one is
//! made on all cores by itself, so that memory holds what one needs.

use std::sync::Arc;
use std::thread;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::ExportError;
use crate::digest::DiffId;
use crate::image::Descriptor;
use crate::layer::{self, LayerError, Ready, Tree};
use crate::target::{Content, NewLayer};

/// More small layers at a time would hold more blocks than the memory that is promised.
const MOST: usize = 4;
/// A layer of more bytes is made by itself.
const SMALL: u64 = 4 << 20;

/// How layers are made for a target.
pub(super) enum Way {
    /// Hashed, to be streamed later.
    Streamed,
    /// Compressed, unless it is one of these.
    Compressed(Vec<(DiffId, Descriptor)>),
}

/// Makes layers.
pub(super) struct Workshop {
    way: Arc<Way>,
    permits: Arc<Semaphore>,
    most: usize,
    ahead: bool,
}

/// A layer that is being made, or will be once it is waited for.
pub(super) enum Begun {
    Ahead(JoinHandle<Result<NewLayer, ExportError>>),
    Waiting(Tree),
}

impl Workshop {
    /// `ahead` is whether temporary disk may hold more than one layer.
    pub(super) fn new(way: Way, ahead: bool) -> Self {
        let most = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST);
        Self { way: Arc::new(way), permits: Arc::new(Semaphore::new(most)), most, ahead }
    }

    /// Begins with a layer, where that may be done ahead.
    pub(super) fn begin(&self, tree: Tree) -> Begun {
        if self.ahead { Begun::Ahead(self.start(tree)) } else { Begun::Waiting(tree) }
    }

    /// A layer that is compressed already.
    pub(super) async fn ready(&self, layer: Ready) -> Result<NewLayer, ExportError> {
        let way = self.way.clone();
        blocking(move || {
            let temporary = std::env::temp_dir();
            let blob = layer.spool(&temporary)?;
            if matches!(*way, Way::Compressed(_)) {
                layer.unpack(&blob, std::io::sink())?;
                return Ok(NewLayer::Made(blob));
            }
            let spool = tempfile::tempfile_in(&temporary).map_err(LayerError::Spool)?;
            let (file, size) = layer.unpack(&blob, spool)?;
            Ok(NewLayer::Streamed { diff_id: layer.diff_id, size, content: Content::Tar(file) })
        })
        .await
    }

    /// The layer.
    pub(super) async fn finish(&self, begun: Begun) -> Result<NewLayer, ExportError> {
        let task = match begun {
            Begun::Ahead(task) => task,
            Begun::Waiting(tree) => self.start(tree),
        };
        task.await?
    }

    fn start(&self, tree: Tree) -> JoinHandle<Result<NewLayer, ExportError>> {
        let (way, permits) = (self.way.clone(), self.permits.clone());
        let is_small = tree.bytes() <= SMALL;
        let weight = if is_small { 1 } else { u32::try_from(self.most).unwrap_or(1) };
        tokio::spawn(async move {
            let tree = Arc::new(tree);
            if let Some(layer) = hashed(&way, &tree, &permits).await? {
                return Ok(layer);
            }
            let _permits = permits.acquire_many(weight).await;
            let made = blocking(move || {
                let cores = if is_small { 1 } else { usize::MAX };
                layer::compress(&tree, &std::env::temp_dir(), cores)
            });
            made.await.map(NewLayer::Made)
        })
    }
}

/// The layer where its hash is enough: it will be streamed, or is there already. Then it is neither compressed nor
/// sent.
async fn hashed(way: &Arc<Way>, tree: &Arc<Tree>, permits: &Semaphore) -> Result<Option<NewLayer>, ExportError> {
    if matches!(&**way, Way::Compressed(known) if known.is_empty()) {
        return Ok(None);
    }
    let _permit = permits.acquire().await;
    let source = tree.clone();
    let (diff_id, size) = blocking(move || layer::diff_id(&source)).await?;
    Ok(match &**way {
        Way::Streamed => Some(NewLayer::Streamed { diff_id, size, content: Content::Tree(tree.clone()) }),
        Way::Compressed(known) => {
            let descriptor = known.iter().find(|(known, _)| *known == diff_id).map(|(_, layer)| layer.clone());
            descriptor.map(|descriptor| NewLayer::Reused { diff_id, descriptor: Some(descriptor) })
        }
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LayerError> + Send + 'static,
) -> Result<T, ExportError> {
    Ok(tokio::task::spawn_blocking(work).await??)
}
