//! MiniStack behind the gateway: passes calls on as they came, and asks it about IAM.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use serde_json::{Value, json};
use url::Url;

use super::errors::REQUEST_ID;
use crate::ec2::Check;
use crate::privileges::Privileges;

/// With it, a request is not done: MiniStack answers whether its signer may do what the header says.
const AUTHORIZE: &str = "x-sandbox-authorize";
/// What the gateway knows of a function's network (`python/functions.py`).
const NETWORK: &str = "x-sandbox-network";

/// The connection to MiniStack.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: String,
    client: reqwest::Client,
    principals: Mutex<HashMap<String, String>>,
}

/// Everything of a request that is passed on.
#[derive(Debug, Clone)]
pub(crate) struct Forwarded {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Forwarded {
    /// Without what only the gateway may say.
    pub(crate) fn of_client(mut self) -> Self {
        for name in [AUTHORIZE, NETWORK] {
            self.headers.remove(name);
        }
        self
    }

    /// With what is known of the network of the function that it is about.
    pub(crate) fn with_network(mut self, known: &Value) -> Self {
        if let Ok(value) = hex(known).parse() {
            self.headers.insert(NETWORK, value);
        }
        self
    }
}

impl Upstream {
    /// To MiniStack at this address (`http://127.0.0.1:4566`).
    pub(crate) fn new(address: &str) -> Result<Self, reqwest::Error> {
        // S3 redirects are for the caller to follow, and long polls take as long as they take.
        let client = crate::http().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { address: address.to_owned(), client, principals: Mutex::default() })
    }

    /// MiniStack's answer. The host header is kept, because the caller has signed it.
    pub(crate) async fn forward(&self, request: Forwarded) -> Result<Response<Body>, reqwest::Error> {
        let head = request.method == Method::HEAD;
        let answer = self.send(request, None).await?;
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers().iter().filter(|(name, _)| kept(name, head)) {
            response = response.header(name, value);
        }
        let body = Body::from(answer.bytes().await?);
        Ok(response.body(body).unwrap_or_default())
    }

    /// The denial, as this service says it, if the signer of the request may not do all of this.
    pub(crate) async fn denial(
        &self,
        request: Forwarded,
        service: &str,
        checks: &[Check],
    ) -> Result<Option<Response<Body>>, reqwest::Error> {
        if checks.is_empty() {
            return Ok(None);
        }
        let question = json!({"service": service, "checks": checks});
        let answer = self.send(request, Some(&question)).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let mut response = Response::builder().status(answer.status());
        for name in ["content-type", REQUEST_ID] {
            if let Some(value) = answer.headers().get(name) {
                response = response.header(name, value);
            }
        }
        let body = Body::from(answer.bytes().await?);
        Ok(Some(response.body(body).unwrap_or_default()))
    }

    /// Whose access key this is; empty if nobody's.
    pub(crate) async fn principal(&self, access_key: &str) -> String {
        if access_key.is_empty() {
            return String::new();
        }
        let known = self.principals.lock().unwrap_or_else(PoisonError::into_inner).get(access_key).cloned();
        if let Some(known) = known {
            return known;
        }
        let asked = self.client.get(format!("{}/_sandbox/principal/{access_key}", self.address)).send().await;
        let arn = match asked {
            Ok(answer) => answer.bytes().await.ok(),
            Err(_) => None,
        }
        .and_then(|body| serde_json::from_slice::<serde_json::Value>(&body).ok())
        .and_then(|answer| answer["arn"].as_str().map(str::to_owned))
        .unwrap_or_default();
        if !arn.is_empty() {
            self.principals.lock().unwrap_or_else(PoisonError::into_inner).insert(access_key.to_owned(), arn.clone());
        }
        arn
    }

    /// Has MiniStack do, or say, what EKS needs of it (`python/managed.py`).
    pub(crate) async fn managed(&self, what: &str, question: &Value) -> Result<Value, reqwest::Error> {
        let address = format!("{}/_sandbox/managed/{what}", self.address);
        let answer = self.client.post(address).body(question.to_string()).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?).unwrap_or_default())
    }

    /// The ARN of whoever signed this presigned `GetCallerIdentity`; none if the signature is not good.
    pub(crate) async fn signer(&self, address: &Url, headers: HeaderMap) -> Result<Option<String>, reqwest::Error> {
        let query = address.query().unwrap_or_default();
        let request = self.client.get(format!("{}{}?{query}", self.address, address.path())).headers(headers);
        let answer = request.send().await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        let text = answer.text().await?;
        Ok(text.split_once("<Arn>").and_then(|(_, rest)| rest.split_once("</Arn>")).map(|(arn, _)| arn.to_owned()))
    }

    /// What was needed and denied (`python/privileges.py`).
    pub(crate) async fn privileges(&self) -> Result<Privileges, reqwest::Error> {
        let answer = self.client.get(format!("{}/_sandbox/privileges", self.address)).send().await?;
        Ok(serde_json::from_slice(&answer.bytes().await?).unwrap_or_default())
    }

    async fn send(&self, request: Forwarded, question: Option<&Value>) -> Result<reqwest::Response, reqwest::Error> {
        let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = request.headers;
        for name in ["connection", "expect", "content-length", "transfer-encoding"] {
            headers.remove(name);
        }
        // Policies that ask for `aws:SecureTransport` see what a client of AWS would have: TLS.
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let mut builder = self.client.request(request.method, format!("{}{path}", self.address)).headers(headers);
        if let Some(question) = question {
            builder = builder.header(AUTHORIZE, hex(question));
        }
        builder.body(request.body).send().await
    }
}

fn kept(name: &HeaderName, head: bool) -> bool {
    match name.as_str() {
        "connection" | "transfer-encoding" | "keep-alive" => false,
        // The body's length is known again from the body, except where there is none.
        "content-length" => head,
        _ => true,
    }
}

// A header holds no arbitrary text.
fn hex(value: &Value) -> String {
    value.to_string().bytes().map(|byte| format!("{byte:02x}")).collect()
}
