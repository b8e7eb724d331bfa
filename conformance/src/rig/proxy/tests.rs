use axum::body::Body;
use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use judge::evidence::Channel;

use super::*;
use crate::observe::{Credentials, RegistryClient};
use crate::rig::registry::{Registry, RegistryChoice};

#[tokio::test]
async fn a_guard_lets_nobody_pass_without_its_password_and_keeps_none() {
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let guard = Guard::new("somebody", "open-sesame");
    let proxy = RecordingProxy::start_guarded(registry.base_url(), guard, &Patience::default()).await.unwrap();
    let url = format!("http://{}", proxy.host());
    let password =
        |password: &str| Some(Credentials::Password { user: "somebody".to_owned(), password: password.to_owned() });
    let push = async |credentials| {
        let client = RegistryClient::new(&url, credentials).unwrap();
        client.push_blob("team/app", bytes::Bytes::from_static(b"a blob")).await
    };
    for credentials in [None, password("wrong")] {
        let refused = push(credentials).await.unwrap_err().to_string();
        assert!(refused.contains("401"), "{refused}");
    }
    assert!(proxy.taken("/v2/").iter().all(|record| record.status == 401));
    let digest = push(password("open-sesame")).await.unwrap();
    let behind = RegistryClient::new(registry.base_url(), None).unwrap();
    assert!(behind.has_blob("team/app", &digest).await.unwrap());
    let records = proxy.taken("/v2/");
    assert!(records.iter().any(|record| record.had_credentials && record.status == 201), "{records:?}");
    assert!(!format!("{records:?}").contains("Basic"), "{records:?}");
}

/// All that is answered to a request, until the connection is closed.
async fn said(proxy: &RecordingProxy, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(proxy.host()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset has said what it had.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn declared_faults_are_made_written_down_and_over_when_they_are() {
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let proxy = RecordingProxy::start(registry.base_url()).await.unwrap();
    let fault = |text: &str| toml::from_str::<WireFault>(text).unwrap();
    proxy.arm(
        "/v2/team/",
        &[
            fault("method='GET'\npath='app/manifests/*'\ntimes=1\nkind='reset-before'"),
            fault("method='PUT'\npath='app/manifests/*'\nkind='not-stored'"),
        ],
        None,
    );
    let get = "GET /v2/team/app/manifests/latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let put = "PUT /v2/team/app/manifests/latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 32\r\n\r\n\
               {\"config\":{\"digest\":\"sha256:0\"}}";
    assert_eq!(said(&proxy, get).await, "");
    assert!(said(&proxy, put).await.starts_with("HTTP/1.1 201 "));
    assert!(said(&proxy, get).await.starts_with("HTTP/1.1 404 "));
    let records = proxy.taken("/v2/team/");
    let seen: Vec<_> = records.iter().map(|one| (one.status, one.fault, one.answered.is_some())).collect();
    assert_eq!(seen, [(0, Some(0), false), (201, Some(1), true), (404, None, true)]);
    assert_eq!(records[1].manifest.as_ref().unwrap().blobs, ["sha256:0"]);
    proxy.arm("/v2/team/", &[fault("path='app/manifests/*'\nkind='reset-during'")], None);
    assert_eq!(said(&proxy, put).await, "");
    assert!(said(&proxy, get).await.starts_with("HTTP/1.1 404 "));
    proxy.arm("/v2/team/", &[], None);
    assert!(!said(&proxy, put).await.starts_with("HTTP/1.1 201 "));
}

/// A recorder under TLS before a registry, and the registry as one is asked who trusts it.
async fn under_tls(registry: &Registry, authority: &Authority) -> (RecordingProxy, Upstream) {
    let setup = Setup { authority: Some(authority), ..Setup::default() };
    let proxy = RecordingProxy::start_as(registry.base_url(), setup, &Patience::default()).await.unwrap();
    let client = Upstream::new(&format!("https://{}", proxy.host()), trusting(authority)).unwrap();
    (proxy, client)
}

fn trusting(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    roots
}

async fn get(client: &Upstream, target: &str) -> Result<(u16, String), hyper_util::client::legacy::Error> {
    let request = axum::http::Request::get(client.url(target).unwrap()).body(Body::empty()).unwrap();
    let answer = client.ask(request).await?;
    let place = answer.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
    Ok((answer.status().as_u16(), place.unwrap_or_default()))
}

#[tokio::test]
async fn what_comes_without_tls_is_told_and_not_passed_on() {
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let authority = Authority::new().unwrap();
    let (proxy, client) = under_tls(&registry, &authority).await;
    assert!(proxy.has_tls() && !proxy.is_trusted());
    // A client that trusts another authority ends the connection before it asks.
    let other = Upstream::new(&format!("https://{}", proxy.host()), trusting(&Authority::new().unwrap())).unwrap();
    get(&other, "/v2/team/app/tags/list").await.unwrap_err();
    assert!(!proxy.is_trusted() && proxy.taken("/v2/").is_empty());
    assert_eq!(get(&client, "/v2/team/app/manifests/latest").await.unwrap().0, 404);
    assert!(proxy.is_trusted());
    let put = "PUT /v2/team/app/manifests/latest HTTP/1.1\r\nHost: x\r\nAuthorization: Basic c2VjcmV0\r\n\
               Content-Length: 2\r\n\r\n{}";
    let answer = said(&proxy, put).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("HTTP request to an HTTPS server"), "{answer}");
    // What is of no repository is of those who were given what it is asked with.
    let (user, password) = proxy.made_up("/v2/mine/");
    assert_ne!(proxy.made_up("/v2/other/").1, password);
    let pair = STANDARD.encode(format!("{user}:{password}"));
    said(&proxy, &format!("GET /v2/ HTTP/1.0\r\nAuthorization: Basic {pair}\r\n\r\n")).await;
    assert!(proxy.taken("/v2/other/").is_empty());
    assert!(matches!(&proxy.taken("/v2/mine/")[..], [one] if one.is_in_the_clear() && one.target == "/v2/"));
    let records = proxy.taken("/v2/team/");
    let seen: Vec<_> =
        records.iter().map(|one| (one.channel.unwrap(), one.status, one.request_bytes, one.had_credentials)).collect();
    assert_eq!(seen, [(Channel::Tls, 404, 0, false), (Channel::Clear, 400, 2, true)]);
    assert!(!format!("{records:?}").contains("c2VjcmV0"), "{records:?}");
    assert!(proxy.taken("/").is_empty());
}

#[tokio::test]
async fn a_registry_under_tls_leads_elsewhere_with_it_and_without() {
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let authority = Authority::new().unwrap();
    let (proxy, client) = under_tls(&registry, &authority).await;
    let target = "/v2/team/app/manifests/latest";
    let led = async |more: &str| {
        let fault = format!("method='GET'\npath='*'\nkind='redirect'\n{more}");
        proxy.arm("/v2/team/", &[toml::from_str::<WireFault>(&fault).unwrap()], None);
        let (status, place) = get(&client, target).await.unwrap();
        assert_eq!(status, 307);
        place.strip_suffix(target).unwrap().to_owned()
    };
    let (secure, plain) = (led("").await, led("without-tls=true").await);
    assert!(secure.starts_with("https://127.0.0.2:") && plain.starts_with("http://127.0.0.2:"), "{secure} {plain}");
    let secure = Upstream::new(&secure, trusting(&authority)).unwrap();
    let plain = Upstream::new(&plain, RootCertStore::empty()).unwrap();
    let _ = proxy.taken("/");
    for there in [&secure, &plain] {
        assert_eq!(get(there, target).await.unwrap().0, 404);
    }
    let seen: Vec<_> =
        proxy.taken("/").into_iter().map(|one| (one.channel.unwrap(), one.elsewhere.is_some())).collect();
    assert_eq!(seen, [(Channel::Tls, true), (Channel::Clear, true)]);
}

#[tokio::test]
async fn a_registry_with_tls_is_asked_by_its_certificate_alone() {
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let (theirs, ours) = (Authority::new().unwrap(), Authority::new().unwrap());
    let (registry, _) = under_tls(&registry, &theirs).await;
    let url = format!("https://{}", registry.host());
    for (roots, status) in [(trusting(&theirs), 404), (trusting(&ours), 502)] {
        let setup = Setup { authority: Some(&ours), roots: Some(roots), ..Setup::default() };
        let proxy = RecordingProxy::start_as(&url, setup, &Patience::default()).await.unwrap();
        let client = Upstream::new(&format!("https://{}", proxy.host()), trusting(&ours)).unwrap();
        assert_eq!(get(&client, "/v2/team/app/manifests/latest").await.unwrap().0, status);
    }
    assert!(registry.taken("/").iter().all(|record| record.channel == Some(Channel::Tls)));
}
