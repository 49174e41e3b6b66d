//! EKS behind the gateway: calls are authorized and answered, and what EKS has others do is done.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::Gateway;
use super::planes::Planes;
use super::request::Identity;
use super::upstream::Forwarded;
use crate::ec2::Aftermath;
use crate::eks::{self, Facts, Job, Refusal, Request};

/// How often EKS and Lambda go on by themselves.
const PULSE: Duration = Duration::from_millis(50);

impl Gateway {
    /// The call of EKS in a request; none if the emulator does not know it.
    pub(super) fn eks_request(&self, identity: &Identity, caller: &str, request: &Forwarded) -> Option<Request> {
        Request::read(&request.method, &request.uri, &request.body, &identity.region, caller)
    }

    pub(super) async fn answer_eks(
        &self,
        forwarded: Forwarded,
        identity: &Identity,
        aftermath: &Aftermath,
    ) -> Result<Response<Body>, reqwest::Error> {
        let caller = self.upstream.principal(&identity.access_key).await;
        let Some(request) = self.eks_request(identity, &caller, &forwarded) else {
            return Ok(respond(Err(Refusal::unknown(&forwarded.method, forwarded.uri.path()))));
        };
        if let Some(denial) = self.upstream.denial(forwarded, "eks", &self.eks.checks(&self.ec2, &request)).await? {
            return Ok(denial);
        }
        let arns = request.principals();
        let facts = match arns.is_empty() {
            true => Facts::default(),
            false => {
                let answer = self.upstream.managed("missing", &json!({"arns": arns})).await?;
                Facts { missing: serde_json::from_value(answer["missing"].clone()).unwrap_or_default() }
            }
        };
        Ok(respond(self.eks.answer(&self.ec2, &request, &facts, aftermath)))
    }

    /// Goes on with what takes its time, as long as the gateway runs.
    pub(super) async fn work(self: Arc<Self>) {
        loop {
            tokio::time::sleep(PULSE).await;
            self.tidy().await;
            self.eks.settle(&self.ec2);
            for job in self.eks.jobs() {
                if let Err(error) = self.perform(&job).await {
                    tracing::error!(?job, %error, "EKS could not have this done");
                }
            }
        }
    }

    /// Who the bearer of a token is in a cluster, as a TokenReview.
    pub(super) async fn authenticate(&self, region: &str, cluster: &str, review: &Value) -> Value {
        let token = review["spec"]["token"].as_str().unwrap_or_default();
        let found = match eks::read_token(token, jiff::Timestamp::now()) {
            Ok(address) => self.bearer(region, cluster, &address).await,
            Err(reason) => Err(format!("the token is not one of EKS: {reason}")),
        };
        eks::review(found)
    }

    async fn bearer(&self, region: &str, cluster: &str, address: &Url) -> Result<Value, String> {
        let mut headers = HeaderMap::new();
        // As its holder has signed it: the host without the port that is usual, and the name of this cluster.
        let host = match (address.host_str(), address.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        for (name, value) in [("host", host.as_str()), ("x-k8s-aws-id", cluster)] {
            headers.insert(name, value.parse().map_err(|_| "the token's host is no host".to_owned())?);
        }
        let signer = self.upstream.signer(address, headers).await.map_err(|error| error.to_string())?;
        let signer = signer.ok_or("STS does not accept the token for this cluster")?;
        let user = self.eks.user(region, cluster, &signer);
        user.ok_or_else(|| format!("{signer} has no access entry in cluster {cluster}"))
    }

    async fn perform(self: &Arc<Self>, job: &Job) -> Result<(), reqwest::Error> {
        let (what, question) = match job {
            Job::LogGroup { region, name, after } => {
                let (gateway, question) = (Arc::clone(self), json!({"region": region, "name": name}));
                let after = *after;
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    if let Err(error) = gateway.upstream.managed("log-group", &question).await {
                        tracing::error!(%error, "EKS could not make a log group");
                    }
                });
                return Ok(());
            }
            Job::Launch { region, instances } => ("launch", json!({"region": region, "instances": instances})),
            Job::Terminate { region, ids } => ("terminate", json!({"region": region, "ids": ids})),
            Job::Start { region, cluster, .. } | Job::Instruct { region, cluster } | Job::End { region, cluster } => {
                Planes::hand(self, region, cluster, job.clone());
                return Ok(());
            }
        };
        self.upstream.managed(what, &question).await.map(drop)
    }
}

fn respond(answer: Result<Value, Refusal>) -> Response<Body> {
    let (status, code, document) = match answer {
        Ok(document) => (200, None, document),
        Err(refusal) => (refusal.status(), Some(refusal.code), refusal.document()),
    };
    let mut response = Response::new(Body::from(document.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let id = ulid::Ulid::generate().to_string();
    let headers = [
        ("content-type", "application/json"),
        ("x-amzn-requestid", &id),
        ("x-amzn-errortype", code.unwrap_or_default()),
    ];
    for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
