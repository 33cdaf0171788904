//! A user serves over TLS: clients that trust the certificate speak HTTP/1.1 or HTTP/2, others get
//! nowhere. On HTTP/2 answers share a connection, and a flood of broken-off requests harms nobody.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::server::Server;
use crate::support::{arg, command, thinking_model};

/// A certificate for `localhost` that signs itself; its files are `cert.pem` and `key.pem`.
fn certificate() -> (TempDir, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    (dir, made.cert.der().clone())
}

fn tls_args(dir: &Path) -> [String; 4] {
    let file = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    ["--tls-cert".into(), file("cert.pem"), "--tls-key".into(), file("key.pem")]
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), future).await };
    runtime.block_on(limited).expect("an answer within a minute")
}

/// Shakes hands as a client that trusts `root` and offers `protocols`.
async fn handshake(
    address: &str,
    root: Option<&CertificateDer<'static>>,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(root.cloned());
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn request(method: &str, url: &str, body: &str) -> Request<Full<Bytes>> {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    Request::builder().method(method).uri(url).body(body).unwrap()
}

fn chat(max_tokens: usize) -> String {
    json!({
        "model": "default", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0,
        "max_tokens": max_tokens, "ignore_eos": true, "stream": true, "logit_bias": {"68": 100},
    })
    .to_string()
}

#[test]
fn over_tls_both_versions_of_http_are_spoken_to_those_who_trust_the_certificate() {
    let (model, (files, root)) = (thinking_model(), certificate());
    let args = tls_args(files.path());
    let server = Server::start(arg(model.path()), &args.each_ref().map(String::as_str));
    block_on(async {
        let stream = handshake(&server.address, Some(&root), &[b"h2", b"http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "the newer one is chosen");
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let url = "https://localhost/v1/chat/completions";
        let answer = sender.send_request(request("POST", url, &chat(6))).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.ends_with(b"data: [DONE]\n\n"), "{body:?}");

        let stream = handshake(&server.address, Some(&root), &[b"http/1.1"]).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut asked = request("GET", "/v1/models", "");
        asked.headers_mut().insert("host", "localhost".parse().unwrap());
        let answer = sender.send_request(asked).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_11));

        let stranger = handshake(&server.address, None, &[b"h2"]).await;
        assert!(stranger.unwrap_err().to_string().contains("UnknownIssuer"));
    });
    let plain = server.get("/v1/models");
    assert_eq!(plain.status, 0, "no HTTP without TLS: {plain:?}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_at_the_start() {
    let (model, (files, _), (other, _)) = (thinking_model(), certificate(), certificate());
    std::fs::write(files.path().join("empty.pem"), "").unwrap();
    let path = |dir: &TempDir, name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    for (cert, key, wrong) in [
        (path(&files, "cert.pem"), path(&other, "key.pem"), "cert.pem"),
        (path(&files, "cert.pem"), path(&files, "empty.pem"), "empty.pem"),
        (path(&files, "nowhere.pem"), path(&files, "key.pem"), "nowhere.pem"),
        (path(&files, "empty.pem"), path(&files, "key.pem"), "empty.pem"),
    ] {
        let args = ["serve", "--model", arg(model.path()), "--port", "0"];
        let mut command = command(&[&args[..], &["--tls-cert", &cert, "--tls-key", &key]].concat());
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{cert} with {key}: {stderr}");
        let what = stderr.lines().next().unwrap();
        assert!(what.contains(wrong) && stderr.contains("\nhint: `--tls-cert`"), "{stderr}");
    }
}

#[test]
fn on_http2_answers_share_a_connection_and_broken_off_requests_harm_nobody() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &[]);
    let url = format!("http://{}", server.address);
    block_on(async {
        let stream = TcpStream::connect(&server.address).await.unwrap();
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let chat_url = format!("{url}/v1/chat/completions");
        // Both begin before either ends.
        let mut answers = Vec::new();
        for _ in 0..2 {
            let asked = request("POST", &chat_url, &chat(400));
            let answer = sender.clone().send_request(asked).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
            answers.push(answer.into_body());
        }
        let health = sender.clone().send_request(request("GET", &format!("{url}/health"), ""));
        assert_eq!(health.await.unwrap().status(), 200, "answered beside the streams");
        for answer in answers {
            let body = answer.collect().await.unwrap().to_bytes();
            assert!(body.ends_with(b"data: [DONE]\n\n"), "{body:?}");
        }
        // Each is reset as soon as it is sent. The server may close the connection over it.
        for _ in 0..2000 {
            let mut sender = sender.clone();
            if sender.ready().await.is_err() {
                break;
            }
            let asked = sender.send_request(request("POST", &chat_url, &chat(400)));
            drop(tokio::time::timeout(Duration::from_micros(50), asked).await);
        }
    });
    let models: Value = server.get("/v1/models").ok();
    assert_eq!(models["object"], "list");
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while server.metric("vllm:num_requests_running") + server.metric("vllm:num_requests_waiting")
        > 0.0
    {
        assert!(std::time::Instant::now() < deadline, "requests that nobody waits for still run");
    }
    assert_eq!(server.metric("vllm:kv_cache_usage_perc"), 0.0);
}
