//! The gate: one HTTPS request from inside a platform's VPC to its Kubernetes API, and the answer back.
//!
//! It guarantees: it speaks with the endpoint that it is told, and only if that shows a certificate of the authority that
//! it is told; it answers in time, or says why not; it logs neither tokens nor bodies. It knows no ledger, no AWS and no
//! Kubernetes: who may do what there, the token in the request decides.
//!
//! It goes through the proxy that `HTTPS_PROXY` names, if that is set.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{Fault, FaultName};
use kube::{GateRequest, GateResponse};
use lambda::{Invocation, Variables};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, Request, Response, Url};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How long all of it may take: less than the caller waits for one call of AWS.
const LIMIT: Duration = Duration::from_secs(7);
/// How large an answer may be, in bytes as Lambda carries it: some less than 6 MiB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LARGEST: usize = 6_000_000;

/// It keeps nothing.
pub async fn start(_: Variables) -> Result<(), Fault> {
    Ok(())
}

/// Forwards one request.
///
/// # Errors
/// [`FaultName::InvalidInput`] for a request that cannot be sent, [`FaultName::ConnectionLost`] if no answer came,
/// [`FaultName::Internal`] for an answer that Lambda could not carry.
pub async fn handle((): &(), request: GateRequest, _: Invocation) -> Result<GateResponse, Fault> {
    let client = client(&request)?;
    let url = url(&request)?;
    let place = place(&url);
    let answer = client.execute(outgoing(request, url)?).await.map_err(|error| lost(&place, &error))?;
    let (status, headers) = (answer.status().as_u16(), texts(answer.headers()));
    let answer = GateResponse { status, headers, body: body(answer, &place).await? };
    // Written as JSON it is longer: quotes within are escaped.
    let size = serde_json::to_vec(&answer).map_err(|error| Fault::new(FaultName::Internal, error.to_string()))?.len();
    if size > LARGEST { Err(too_large(&place)) } else { Ok(answer) }
}

/// A client that trusts nothing but the request's own authority.
fn client(request: &GateRequest) -> Result<Client, Fault> {
    let authority = STANDARD.decode(&request.certificate_authority);
    let authority = authority.map_err(|error| refused(&format!("the authority is not base64: {error}")))?;
    let authorities = Certificate::from_pem_bundle(&authority);
    let authorities = authorities.map_err(|error| refused(&format!("the authority is not PEM: {}", told(&error))))?;
    let client = aws::https()
        .tls_certs_only(authorities)
        .https_only(true)
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(LIMIT);
    client.build().map_err(|error| refused(&format!("the authority cannot be used: {}", told(&error))))
}

fn url(request: &GateRequest) -> Result<Url, Fault> {
    let endpoint =
        Url::parse(&request.endpoint).map_err(|error| refused(&format!("the endpoint is no URL: {error}")))?;
    let is_bare = endpoint.path() == "/" && endpoint.query().is_none();
    if endpoint.scheme() != "https" || !is_bare || !request.path.starts_with('/') {
        return Err(refused("an endpoint is https:// and a host, and a path begins with a slash"));
    }
    let url = format!("{}{}", endpoint.as_str().trim_end_matches('/'), request.path);
    Url::parse(&url).map_err(|error| refused(&format!("the path is none: {error}")))
}

fn outgoing(request: GateRequest, url: Url) -> Result<Request, Fault> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| refused("the method is none"))?;
    // Not with its value: it may be the token.
    let header = |(name, value): (&String, &String)| Some((HeaderName::try_from(name).ok()?, value.try_into().ok()?));
    let headers: Option<HeaderMap> = request.headers.iter().map(header).collect();
    let headers = headers.ok_or_else(|| refused("a header cannot be sent"))?;
    let mut outgoing = Request::new(method, url);
    *outgoing.headers_mut() = headers;
    if !request.body.is_empty() {
        *outgoing.body_mut() = Some(request.body.into());
    }
    Ok(outgoing)
}

/// The whole body, if it can be carried at all.
async fn body(mut answer: Response, place: &str) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| lost(place, &error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err(too_large(place));
        }
    }
    String::from_utf8(bytes).map_err(|_| Fault::new(FaultName::Internal, format!("{place} answered no text")))
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| Some((name.to_string(), value.to_str().ok()?.to_owned()));
    headers.iter().filter_map(text).collect()
}

fn place(url: &Url) -> String {
    format!("the API server at {}", url.authority())
}

fn refused(why: &str) -> Fault {
    Fault::new(FaultName::InvalidInput, format!("the request cannot be sent: {why}"))
}

fn lost(place: &str, error: &reqwest::Error) -> Fault {
    let what = if error.is_connect() { "no connection came about with" } else { "no answer came from" };
    Fault::new(FaultName::ConnectionLost, format!("{what} {place}: {}", told(error)))
}

fn too_large(place: &str) -> Fault {
    let message = format!("the answer of {place} is larger than {LARGEST} bytes, which Lambda does not carry");
    Fault::new(FaultName::Internal, message)
}

/// An error with its causes, of which reqwest shows none. It names the URL, which holds no secret.
fn told(error: &dyn Error) -> String {
    let (mut told, mut cause) = (error.to_string(), error.source());
    while let Some(next) = cause {
        told.push_str(&format!(": {next}"));
        cause = next.source();
    }
    told
}

#[cfg(test)]
mod tests;
