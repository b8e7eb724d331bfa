//! Uploads that are open. A registry keeps what it got of one until someone ends it, so where an export or a
//! rebase ends by a signal or by a failure, they are ended too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, Url};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use tokio::time::timeout;

use super::request::Request;
use super::transport::Transport;
use crate::image_name::ImageName;

/// How long the end of an upload that is given up is waited for.
const TO_CANCEL: Duration = Duration::from_secs(2);
/// How long the answer to a request for an upload is waited for, which says where to cancel it.
const TO_BEGIN: Duration = Duration::from_secs(1);

/// Uploads that were begun, and neither ended nor given up.
#[derive(Clone, Default)]
pub struct Uploads {
    /// Read while one is being begun, written by who ends all, so that none begins unseen; whether all are over.
    over: Arc<RwLock<bool>>,
    open: Arc<Mutex<Vec<Open>>>,
}

struct Open {
    transport: Arc<Transport>,
    name: ImageName,
    place: String,
}

/// An upload whose place is not known yet.
pub(super) struct Beginning {
    open: Arc<Mutex<Vec<Open>>>,
    _over: OwnedRwLockReadGuard<bool>,
}

impl Uploads {
    /// Cancels all that are open; none begins afterwards. What used them has to be over: it would send to them.
    pub async fn cancel(&self) {
        // Without an answer in time there is no place to cancel. The others' are known all the same.
        let over = timeout(TO_BEGIN, self.over.write()).await;
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        join_all(open.iter().map(|open| cancel(&open.transport, &open.name, &open.place))).await;
        if let Ok(mut over) = over {
            *over = true;
        }
    }

    /// Before an upload is asked for.
    pub(super) async fn begin(&self) -> Beginning {
        let over = self.over.clone().read_owned().await;
        if *over {
            // No one waits for it any more.
            std::future::pending::<()>().await;
        }
        Beginning { open: self.open.clone(), _over: over }
    }

    /// After an upload was ended or given up.
    pub(super) fn ended(&self, place: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|open| open.place != place);
    }
}

impl Beginning {
    /// The registry says where the upload is.
    pub(super) fn at(self, transport: &Arc<Transport>, name: &ImageName, place: &str) {
        let open = Open { transport: transport.clone(), name: name.clone(), place: place.to_owned() };
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(open);
    }
}

/// Ends an upload that is given up; it may be over already.
pub(super) async fn cancel(transport: &Transport, name: &ImageName, place: &str) {
    let is_allowed = Url::parse(place).is_ok_and(|url| transport.may_lead_to(name, &url));
    if is_allowed {
        let request = Request::new("end an upload to", name, Method::DELETE, place);
        let _ = timeout(TO_CANCEL, transport.send(&request, 1)).await;
    }
}
