//! How requests come to a recorder, and pass.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use hyper_util::rt::TokioIo;
use judge::evidence::{Channel, FaultKind, Form, Leak, Private, WireRecord};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use super::faults::{self, Closed};
use super::guard::challenge;
use super::recorder::{Looked, Recorded, Recorder, Waiting};
use super::searched::Searching;
use super::sent::{Kept, Sent};
use super::token;

/// Answers every connection. A connection that the recorder closes without an answer is one of HTTP itself, below what
/// a router can say.
pub(super) async fn serve(listener: TcpListener, recorder: Arc<Recorder>, elsewhere: Option<String>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // The system has no more descriptors now; it may have some later.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Without this, small answers wait for more to send.
        let _ = stream.set_nodelay(true);
        connections.spawn(connected(stream, recorder.clone(), elsewhere.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// A connection, under TLS or in the clear.
async fn connected(stream: TcpStream, recorder: Arc<Recorder>, elsewhere: Option<String>) {
    let Some(acceptor) = recorder.acceptor.clone() else {
        if is_handshake(&stream).await {
            recorder.unheard_handshakes.fetch_add(1, Ordering::Relaxed);
        }
        return answered_on(stream, recorder, Way { elsewhere, channel: None }).await;
    };
    if !is_handshake(&stream).await {
        return answered_on(stream, recorder, Way { elsewhere, channel: Some(Channel::Clear) }).await;
    }
    // A client that does not trust the certificate ends the connection here.
    if let Ok(stream) = acceptor.accept(stream).await {
        recorder.handshakes.fetch_add(1, Ordering::Relaxed);
        let channel = if recorder.is_doubtful { Channel::Doubtful } else { Channel::Tls };
        answered_on(stream, recorder, Way { elsewhere, channel: Some(channel) }).await;
    }
}

/// Whether what is sent begins a handshake of TLS: no request begins with this byte.
async fn is_handshake(stream: &TcpStream) -> bool {
    const HANDSHAKE: u8 = 22;
    let mut first = [0];
    stream.peek(&mut first).await.is_ok_and(|count| count == 1) && first == [HANDSHAKE]
}

async fn answered_on(stream: impl AsyncRead + AsyncWrite + Unpin, recorder: Arc<Recorder>, way: Way) {
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        pass(recorder.clone(), request.map(Body::new), way.clone())
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// How a request came.
#[derive(Clone)]
struct Way {
    /// The other host, where it came to that.
    elsewhere: Option<String>,
    channel: Option<Channel>,
}

/// What is known of a request before it is passed on.
fn record(
    sequence: u64,
    parts: &axum::http::request::Parts,
    (target, looked): (&str, Option<&Looked>),
    way: Way,
) -> WireRecord {
    let kept = |text: String| match looked {
        Some(looked) => looked.kept(text),
        None => text,
    };
    let of = |name| {
        let all: Vec<_> =
            parts.headers.get_all(name).iter().map(|one| String::from_utf8_lossy(one.as_bytes())).collect();
        (!all.is_empty()).then(|| kept(all.join(", ")))
    };
    WireRecord {
        sequence,
        method: parts.method.to_string(),
        target: kept(target.to_owned()),
        content_type: of(header::CONTENT_TYPE),
        had_credentials: parts.headers.contains_key(header::AUTHORIZATION),
        elsewhere: way.elsewhere,
        channel: way.channel,
        told: looked.map(|looked| looked.told.clone()),
        form: Some(Form {
            length: of(header::CONTENT_LENGTH),
            range: of(header::CONTENT_RANGE),
            accept: of(header::ACCEPT),
        }),
        ..WireRecord::default()
    }
}

async fn pass(recorder: Arc<Recorder>, request: Request, way: Way) -> Result<Response, Closed> {
    let sequence = recorder.next.fetch_add(1, Ordering::Relaxed);
    let asked = request.headers().get(header::HOST).cloned();
    let answer = passed(recorder.clone(), request, way, sequence).await?;
    let names = names(answer.headers(), asked.as_ref().and_then(|host| host.to_str().ok()));
    if !names.is_empty() {
        recorder.change(sequence, |record| record.names = names);
    }
    Ok(answer)
}

/// The hosts that an answer leads to other than the one that was asked.
fn names(headers: &HeaderMap, asked: Option<&str>) -> Vec<String> {
    let values = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let realms = values(header::WWW_AUTHENTICATE).filter_map(|value| value.split_once("realm=\"")?.1.split('"').next());
    let hosts = values(header::LOCATION).chain(realms).filter_map(|place| {
        let (scheme, rest) = place.split_once("//")?;
        let host = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
        (Some(host) != asked && !host.is_empty()).then(|| format!("{scheme}//{host}"))
    });
    let mut found: Vec<String> = hosts.collect();
    found.dedup();
    found
}

/// Waits until a request was sent: what is answered before can be lost with the connection.
async fn sent_to_the_end<T, E>(body: &mut (impl Stream<Item = Result<T, E>> + Unpin)) {
    while let Some(Ok(_)) = body.next().await {}
}

/// The form that a request sends, as far as a token server reads it.
async fn form_of<E>(body: &mut (impl Stream<Item = Result<bytes::Bytes, E>> + Unpin)) -> Vec<u8> {
    let mut form = Vec::new();
    while let Some(Ok(chunk)) = body.next().await {
        form.extend_from_slice(&chunk[..chunk.len().min(token::LONGEST_FORM - form.len())]);
    }
    form
}

async fn passed(recorder: Arc<Recorder>, request: Request, way: Way, sequence: u64) -> Result<Response, Closed> {
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let is_elsewhere = way.elsewhere.is_some();
    let is_unheard = way.channel == Some(Channel::Clear) && !is_elsewhere;
    let tokens = recorder.tokens.as_ref().filter(|_| !is_elsewhere);
    let is_of_tokens = tokens.is_some_and(|_| token::is_for_the_server(&target));
    let of = if is_unheard || is_of_tokens { recorder.whose(&parts.headers) } else { None };
    let looked = recorder.looked_through(&parts.headers, &target);
    let of = of.or_else(|| looked.as_ref().map(|looked| looked.of.clone()));
    let begun = Recorded { record: record(sequence, &parts, (&target, looked.as_ref()), way), of };
    recorder.records.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
    let sent = Sent::new();
    let kept = is_manifest(&parts.method, &target).then(Kept::default);
    let searched = looked.as_ref().filter(|_| is_of_an_upload(&parts.method, &target)).and_then(Looked::searched);
    let place = target.split('?').next().unwrap_or_default();
    let searched = searched.map(|new| recorder.uploads.searching(place, parts.method == Method::PATCH, new));
    let mut watched = watched(body, recorder.clone(), sequence, sent.clone(), (kept.clone(), searched));
    if is_unheard {
        sent_to_the_end(&mut watched).await;
        recorder.answered(sequence, StatusCode::BAD_REQUEST);
        return Ok(in_the_clear());
    }
    if let Some(tokens) = tokens.filter(|_| is_of_tokens) {
        let (asked, whose) = if parts.method == Method::POST {
            let asked = token::form(&form_of(&mut watched).await);
            let whose = token::refresh_token(&asked).and_then(|token| recorder.with_password(&token));
            recorder.is_of(sequence, whose.as_ref().map(|(of, _)| of.clone()));
            (asked, whose)
        } else {
            (target, recorder.password_of(&parts.headers))
        };
        let answer = tokens.answer(&parts.method, &asked, whose);
        recorder.answered(sequence, answer.status());
        return Ok(answer);
    }
    let asked = (&parts.method, target.as_str());
    let is_time = || recorder.faults.expire_tokens(asked.0, asked.1);
    if let Some(index) = tokens.and_then(|tokens| tokens.expire(&parts.headers, asked, is_time)) {
        recorder.change(sequence, |record| record.fault = Some(index));
        sent_to_the_end(&mut watched).await;
    }
    let may_mount = tokens.is_none_or(|tokens| tokens.may_mount(&parts.headers, &target));
    if !recorder.lets_pass(&mut parts.headers, (&parts.method, &target), is_elsewhere) {
        recorder.answered(sequence, StatusCode::UNAUTHORIZED);
        return Ok(tokens.map_or_else(challenge, |tokens| tokens.challenge(&parts.method, &target)));
    }
    // A body of known length keeps its header, so that the registry sees what was sent; an empty one stays empty.
    let has_body = parts.headers.contains_key(header::TRANSFER_ENCODING)
        || parts.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length: u64 = length.unwrap_or_default();
    let met = if is_elsewhere { None } else { recorder.faults.met(&parts.method, &target) };
    if let Some(met) = &met {
        recorder.change(sequence, |record| record.fault = Some(met.index));
        let body = (&mut watched, length, kept.as_ref());
        if let Some(answer) = recorder.instead((sequence, &target), &met.fault, body).await {
            return answer;
        }
    }
    let asked = met.as_ref().map_or_else(|| target.clone(), |met| faults::asked_instead(met, &target));
    // A mount from where a token is not good is declined, as registries do.
    let asked = if may_mount { asked } else { asked.split('?').next().unwrap_or_default().to_owned() };
    match recorder.upstream.url(&asked) {
        Some(uri) => parts.uri = uri,
        None => return Ok(StatusCode::BAD_REQUEST.into_response()),
    }
    let slow = met.as_ref().map(|met| &met.fault).filter(|fault| fault.kind == FaultKind::Slow);
    let body = match slow {
        _ if !has_body => Body::empty(),
        Some(fault) => Body::from_stream(faults::slowed(fault.seconds.unwrap_or_default(), length, watched)),
        None => Body::from_stream(watched),
    };
    let target = match looked {
        Some(looked) => looked.kept(target),
        None => target,
    };
    let doing = format!("answer {} {}", parts.method, target.split('?').next().unwrap_or_default());
    let mut waiting = Waiting { recorder: recorder.clone(), target: target.clone(), doing, sent, over: false };
    let asked = recorder.upstream.ask(axum::http::Request::from_parts(parts, body));
    let (status, why) = match waiting.head(asked).await {
        Ok(Ok(mut response)) => {
            if let Some(kept) = kept {
                recorder.change(sequence, |record| record.manifest = kept.manifest());
            }
            let status = response.status();
            recorder.upstream.lead_back(response.headers_mut());
            let answer = answer(recorder.clone(), (sequence, target), response);
            let answer = match met {
                Some(met) => faults::spoiled(&met.fault, answer, recorder.led_to(&met.fault).as_deref()).await?,
                None => answer,
            };
            recorder.answered(sequence, status);
            return Ok(answer);
        }
        Ok(Err(_)) => (StatusCode::BAD_GATEWAY, String::new()),
        Err(overdue) => (StatusCode::GATEWAY_TIMEOUT, overdue.to_string()),
    };
    recorder.answered(sequence, status);
    Ok((status, why).into_response())
}

/// What Go's server answers to a request that comes without TLS.
fn in_the_clear() -> Response {
    let said = "Client sent an HTTP request to an HTTPS server.\n";
    (StatusCode::BAD_REQUEST, [(header::CONNECTION, "close")], said).into_response()
}

fn is_manifest(method: &Method, target: &str) -> bool {
    method == Method::PUT && target.contains("/manifests/")
}

fn is_of_an_upload(method: &Method, target: &str) -> bool {
    matches!(*method, Method::POST | Method::PATCH | Method::PUT) && target.contains("/blobs/uploads/")
}

/// A request's body, counted as it passes.
fn watched(
    body: Body,
    recorder: Arc<Recorder>,
    sequence: u64,
    sent: Sent,
    (kept, mut searched): (Option<Kept>, Option<Searching>),
) -> impl futures_util::Stream<Item = Result<bytes::Bytes, axum::Error>> + Unpin {
    let mut body = body.into_data_stream();
    futures_util::stream::poll_fn(move |context| {
        let polled = body.poll_next_unpin(context);
        sent.note(polled.is_pending());
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            recorder.change(sequence, |record| record.request_bytes += chunk.len() as u64);
            if let Some(kept) = &kept {
                kept.add(chunk);
            }
            if searched.as_mut().is_some_and(|searched| searched.finds_in(chunk)) {
                let told = Leak { what: Private::Credential, header: None, in_body: true };
                recorder.change(sequence, |record| record.told.get_or_insert_default().push(told));
            }
        }
        polled
    })
}

fn answer(
    recorder: Arc<Recorder>,
    (sequence, target): (u64, String),
    response: hyper::Response<hyper::body::Incoming>,
) -> Response {
    let (parts, body) = response.into_parts();
    let doing = format!("send {}", target.split('?').next().unwrap_or_default());
    let watched = recorder.waits.stream(&doing, Body::new(body).into_data_stream());
    let counted = watched.map(move |item| match item {
        Ok(chunk) => {
            if let Ok(chunk) = &chunk {
                recorder.change(sequence, |record| record.response_bytes += chunk.len() as u64);
            }
            chunk
        }
        Err(overdue) => {
            recorder.silences.send_modify(|silences| silences.push((target.clone(), overdue.clone())));
            Err(axum::Error::new(overdue))
        }
    });
    Response::from_parts(parts, Body::from_stream(counted))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn hosts_are_named_by_places_and_realms() {
        let named = |name: HeaderName, value: &'static str| {
            names(&HeaderMap::from_iter([(name, HeaderValue::from_static(value))]), Some("r.example:5"))
        };
        assert_eq!(named(header::LOCATION, "https://s.example:8/v2?x=y"), ["https://s.example:8"]);
        assert_eq!(named(header::LOCATION, "http://me@[::1]:8"), ["http://[::1]:8"]);
        assert_eq!(named(header::LOCATION, "//s.example/x"), ["//s.example"]);
        let realm = "Bearer realm=\"https://t.example/token\",service=\"https://other.example\"";
        assert_eq!(named(header::WWW_AUTHENTICATE, realm), ["https://t.example"]);
        for own in ["/v2/x", "http://r.example:5/v2/x", "", "http:///x"] {
            assert!(named(header::LOCATION, own).is_empty(), "{own}");
        }
        assert!(named(header::WWW_AUTHENTICATE, "Basic realm=\"registry\"").is_empty());
    }
}
