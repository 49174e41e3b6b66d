use std::sync::Arc;

use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority, and the certificate for this machine that it made.
struct Authority {
    pem: String,
    server: Arc<ServerConfig>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&server_key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let private = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![server.der().clone()], private).unwrap();
    Authority { pem, server: Arc::new(config) }
}

/// An API server that answers one request with this, and tells what it was asked.
async fn serve(authority: &Authority, answer: String) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let acceptor = TlsAcceptor::from(authority.server.clone());
    let served = tokio::spawn(async move {
        let Ok(mut stream) = acceptor.accept(listener.accept().await.unwrap().0).await else { return String::new() };
        let mut asked = vec![0; 4096];
        let read = stream.read(&mut asked).await.unwrap();
        // Whoever stops reading is right to.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        String::from_utf8_lossy(&asked[..read]).into_owned()
    });
    (endpoint, served)
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\nx-of: it\r\n\r\n{body}", body.len())
}

fn request(authority: &Authority, endpoint: &str) -> GateRequest {
    GateRequest {
        endpoint: endpoint.to_owned(),
        certificate_authority: STANDARD.encode(&authority.pem),
        method: "POST".into(),
        path: "/api/v1/namespaces/a/pods?dryRun=All".into(),
        headers: BTreeMap::from([("authorization".into(), "Bearer secret".into())]),
        body: "{}".into(),
    }
}

async fn forwarded(request: GateRequest) -> Result<GateResponse, Fault> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    handle(&(), request, Invocation { deadline, now: Timestamp::UNIX_EPOCH }).await
}

#[tokio::test]
async fn a_request_arrives_as_it_is_and_so_does_its_answer() {
    let authority = authority();
    let (endpoint, served) = serve(&authority, answer("{\"made\": true}")).await;
    let response = forwarded(request(&authority, &endpoint)).await.unwrap();
    assert_eq!((response.status, response.body.as_str()), (201, "{\"made\": true}"));
    assert_eq!(response.headers["x-of"], "it");
    let asked = served.await.unwrap();
    assert!(asked.starts_with("POST /api/v1/namespaces/a/pods?dryRun=All HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Bearer secret") && asked.ends_with("{}"), "{asked}");
}

#[tokio::test]
async fn an_api_server_of_another_authority_is_not_spoken_with() {
    let (ours, theirs) = (authority(), authority());
    let (endpoint, served) = serve(&theirs, answer("")).await;
    let fault = forwarded(request(&ours, &endpoint)).await.unwrap_err();
    assert_eq!(fault.name, FaultName::ConnectionLost, "{fault}");
    assert!(fault.message.contains("certificate") && !fault.message.contains("secret"), "{fault}");
    assert_eq!(served.await.unwrap(), "", "nothing was asked");
}

#[tokio::test]
async fn nobody_who_listens_is_a_lost_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    let fault = forwarded(request(&authority(), &endpoint)).await.unwrap_err();
    assert_eq!(fault.name, FaultName::ConnectionLost);
    assert!(fault.message.contains("no connection came about with the API server at 127.0.0.1"), "{fault}");
}

#[tokio::test]
async fn what_lambda_could_not_carry_is_refused() {
    let authority = authority();
    // As JSON, each of its quotes takes two bytes.
    for body in ["a".repeat(LARGEST + 1), "\"".repeat(LARGEST / 2 + 1)] {
        let (endpoint, _served) = serve(&authority, answer(&body)).await;
        let fault = forwarded(request(&authority, &endpoint)).await.unwrap_err();
        assert_eq!(fault.name, FaultName::Internal, "{fault}");
    }
}

#[tokio::test]
async fn only_whole_requests_over_https_are_sent() {
    let authority = authority();
    let good = || request(&authority, "https://127.0.0.1:1");
    for bad in [
        GateRequest { endpoint: "http://127.0.0.1:1".into(), ..good() },
        GateRequest { endpoint: "https://127.0.0.1:1/api".into(), ..good() },
        GateRequest { path: "@169.254.169.254/".into(), ..good() },
        GateRequest { certificate_authority: "!".into(), ..good() },
        GateRequest { method: "A B".into(), ..good() },
        GateRequest { headers: BTreeMap::from([("a".into(), "secret\n".into())]), ..good() },
    ] {
        let fault = forwarded(bad).await.unwrap_err();
        assert_eq!(fault.name, FaultName::InvalidInput, "{fault}");
        assert!(!fault.message.contains("secret"), "{fault}");
    }
}

#[test]
fn the_sample_is_a_request() {
    let sample = include_str!("../../../events/gate/list-nodes.json");
    let request: GateRequest = serde_json::from_str(sample).unwrap();
    url(&request).unwrap();
}
