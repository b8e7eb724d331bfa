//! What a recorder knows, and how it waits for its registry.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use judge::evidence::{FaultKind, Leak, Private, WireFault, WireRecord};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::faults::{self, Closed, Faults};
use super::guard::Guard;
use super::searched::{Searched, Uploads};
use super::sent::{Kept, Sent};
use super::token::Tokens;
use super::told::Known;
use super::upstream::Upstream;
use crate::limits::{Overdue, Waits};

pub(super) struct Recorder {
    pub(super) upstream: Upstream,
    pub(super) next: Arc<AtomicU64>,
    pub(super) records: Mutex<Vec<Recorded>>,
    pub(super) guard: Option<Guard>,
    /// Credentials that no one has but exporters that are given them, by what paths begin with that are asked with
    /// them.
    pub(super) made_up: Mutex<Vec<(String, Guard)>>,
    /// Where tokens are wanted.
    pub(super) tokens: Option<Tokens>,
    /// What exporters know that no request has to tell, by what the paths of theirs begin with.
    pub(super) known: Mutex<BTreeMap<String, Arc<Known>>>,
    /// The other host, where there is one on this machine.
    pub(super) elsewhere: Option<String>,
    /// With which TLS is spoken, where it is.
    pub(super) acceptor: Option<TlsAcceptor>,
    /// Whether its certificate is one that is not to be trusted.
    pub(super) is_doubtful: bool,
    /// How many connections came to speak under it.
    pub(super) handshakes: AtomicU64,
    /// How many connections began a handshake where none is spoken.
    pub(super) unheard_handshakes: AtomicU64,
    pub(super) faults: Faults,
    pub(super) uploads: Uploads,
    pub(super) waits: Waits,
    /// In which requests the registry was silent.
    pub(super) silences: watch::Sender<Vec<(String, Overdue)>>,
}

/// A request, and whose it is where its path does not tell.
pub(super) struct Recorded {
    pub(super) record: WireRecord,
    pub(super) of: Option<String>,
}

/// What a request was found to tell.
pub(super) struct Looked {
    /// How the paths begin of those whose it is.
    pub(super) of: String,
    pub(super) told: Vec<Leak>,
    known: Arc<Known>,
}

impl Looked {
    fn has_credential(&self) -> bool {
        self.told.iter().any(|told| told.what == Private::Credential)
    }

    /// The request's body, where it is one of an upload.
    pub(super) fn searched(&self) -> Option<Searched> {
        Searched::for_words(self.known.kept_out_of_uploads())
    }

    /// What of a word of the request may be kept.
    pub(super) fn kept(&self, text: String) -> String {
        if self.has_credential() { self.known.masked(&text) } else { text }
    }
}

impl Recorder {
    /// Whether a request has the credentials that it needs; those that are none of the registry's are taken away.
    pub(super) fn lets_pass(
        &self,
        headers: &mut HeaderMap,
        (method, target): (&Method, &str),
        is_elsewhere: bool,
    ) -> bool {
        let is_made_up = self.whose(headers).is_some();
        let asks = !is_elsewhere && (self.is_doubtful || self.faults.want_credentials(target));
        let has_some = headers.contains_key(header::AUTHORIZATION);
        // The registry knows neither those nor what is for another host.
        if (is_made_up && self.tokens.is_none()) || is_elsewhere {
            headers.remove(header::AUTHORIZATION);
        }
        if is_elsewhere {
            return true;
        }
        if let Some(tokens) = &self.tokens {
            let passes = tokens.let_pass(headers, method, target);
            headers.remove(header::AUTHORIZATION);
            return passes;
        }
        if let Some(guard) = &self.guard {
            let passes = guard.lets_pass(headers);
            headers.remove(header::AUTHORIZATION);
            return passes;
        }
        !asks || has_some
    }

    /// For what the credentials of a request were made up.
    pub(super) fn whose(&self, headers: &HeaderMap) -> Option<String> {
        self.password_of(headers).map(|(of, _)| of)
    }

    /// The same, and the password of those credentials.
    pub(super) fn password_of(&self, headers: &HeaderMap) -> Option<(String, String)> {
        let all = self.made_up.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, guard) = all.iter().find(|(_, guard)| guard.lets_pass(headers))?;
        Some((of.clone(), guard.password.clone()))
    }

    /// For what a password was made up, and the password.
    pub(super) fn with_password(&self, password: &str) -> Option<(String, String)> {
        let all = self.made_up.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, guard) = all.iter().find(|(_, guard)| guard.password == password)?;
        Some((of.clone(), guard.password.clone()))
    }

    /// Writes down whose a request is, where that is known.
    pub(super) fn is_of(&self, sequence: u64, of: Option<String>) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = records.iter_mut().rev().find(|one| one.record.sequence == sequence) {
            one.of = one.of.take().or(of);
        }
    }

    /// What a request tells, and whose it is; none where it is not known what to look for.
    pub(super) fn looked_through(&self, headers: &HeaderMap, target: &str) -> Option<Looked> {
        let all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let looked = |(of, known): (&String, &Arc<Known>)| Looked {
            of: of.clone(),
            told: known.told(headers, target),
            known: Arc::clone(known),
        };
        if let Some(own) = all.iter().find(|(prefix, _)| target.starts_with(prefix.as_str())) {
            return Some(looked(own));
        }
        all.iter().map(looked).find(Looked::has_credential)
    }

    pub(super) fn change(&self, sequence: u64, change: impl FnOnce(&mut WireRecord)) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = records.iter_mut().rev().find(|one| one.record.sequence == sequence) {
            change(&mut one.record);
        }
    }

    /// What a fault answers in place of the registry; none where the registry is asked.
    pub(super) async fn instead(
        &self,
        (sequence, target): (u64, &str),
        fault: &WireFault,
        (body, length, kept): (
            &mut (impl futures_util::Stream<Item = Result<bytes::Bytes, axum::Error>> + Unpin),
            u64,
            Option<&Kept>,
        ),
    ) -> Option<Result<Response, Closed>> {
        if matches!(
            fault.kind,
            FaultKind::Status | FaultKind::MountRefused | FaultKind::NotStored | FaultKind::Redirect
        ) {
            // What is answered before all was sent can be lost with the connection.
            while let Some(Ok(_)) = body.next().await {}
        }
        if fault.kind == FaultKind::ResetDuring {
            let mut come = 0;
            while come < length.div_ceil(2) {
                let Some(Ok(chunk)) = body.next().await else { break };
                come += chunk.len() as u64;
            }
        }
        let manifest = kept.and_then(Kept::manifest);
        let digest = manifest.as_ref().map(|manifest| manifest.digest.to_string());
        self.change(sequence, |record| record.manifest = manifest);
        let answer = faults::instead(fault, target, digest, self.led_to(fault).as_deref()).await?;
        if let Ok(answer) = &answer {
            self.answered(sequence, answer.status());
        }
        Some(answer)
    }

    /// How the URL begins of the host to which a fault leads, where there is one.
    pub(super) fn led_to(&self, fault: &WireFault) -> Option<String> {
        let scheme = if self.acceptor.is_some() && !fault.without_tls { "https" } else { "http" };
        self.elsewhere.as_ref().map(|host| format!("{scheme}://{host}"))
    }

    /// Writes down what was answered, when all of an answer but its body is on its way.
    pub(super) fn answered(&self, sequence: u64, status: StatusCode) {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        self.change(sequence, |record| (record.status, record.answered) = (status.as_u16(), Some(place)));
    }

    pub(super) fn silent(&self, target: &str, doing: &str, waited: Duration) -> Overdue {
        let overdue = self.waits.silent(doing, waited);
        self.silences.send_modify(|silences| silences.push((target.to_owned(), overdue.clone())));
        overdue
    }
}

/// A wait for the registry. Where its client gives up after long, the registry was silent all the same.
pub(super) struct Waiting {
    pub(super) recorder: Arc<Recorder>,
    pub(super) target: String,
    pub(super) doing: String,
    pub(super) sent: Sent,
    pub(super) over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waited = self.sent.silent_since().map(|since| since.elapsed());
        if let Some(waited) = waited.filter(|waited| !self.over && self.recorder.waits.was_long(*waited)) {
            self.recorder.silent(&self.target, &self.doing, waited);
        }
    }
}

impl Waiting {
    /// Waits for the head of an answer.
    pub(super) async fn head<T>(&mut self, answer: impl Future<Output = T>) -> Result<T, Overdue> {
        tokio::pin!(answer);
        loop {
            let (since, limit) = (self.sent.silent_since(), self.recorder.waits.limit());
            let until = since.unwrap_or_else(Instant::now) + limit;
            tokio::select! {
                biased;
                answer = &mut answer => {
                    self.over = true;
                    return Ok(answer);
                }
                () = tokio::time::sleep_until(until.into()) => {}
            }
            if let Some(now) = self.sent.silent_since().filter(|_| since.is_some())
                && now.elapsed() >= limit
            {
                self.over = true;
                return Err(self.recorder.silent(&self.target, &self.doing, limit));
            }
        }
    }
}
