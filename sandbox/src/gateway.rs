//! The gateway: what every client and every function of a sandbox takes for AWS.
//!
//! It guarantees that each call is recorded, that rules apply before anything is done, that EC2 network calls behave as
//! on AWS, and that IAM is asked for every one of them; all else is MiniStack's answer as it is.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::routing::any;
use tokio::sync::Notify;

use crate::Error;
use crate::durations::Durations;
use crate::ec2::{self, Ec2};
use crate::privileges::Privileges;

mod calls;
mod control;
mod errors;
mod missing_object;
mod request;
mod rules;
mod upstream;

pub use calls::Call;
pub use rules::{Effect, Rule};

use calls::Calls;
use errors::Problem;
use request::Identity;
use rules::Rules;
use upstream::{Forwarded, Upstream};

/// The state of one sandbox's gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) calls: Calls,
    pub(crate) rules: Rules,
    ec2: Ec2,
    upstream: Upstream,
    pub(crate) stop: Notify,
    down: Notify,
}

impl Gateway {
    /// In front of MiniStack at this address.
    pub(crate) fn new(upstream: &str, durations: Durations) -> Result<Self, reqwest::Error> {
        Ok(Self {
            calls: Calls::default(),
            rules: Rules::default(),
            ec2: Ec2::new(durations),
            upstream: Upstream::new(upstream)?,
            stop: Notify::new(),
            down: Notify::new(),
        })
    }

    /// The service to run.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        control::routes().fallback(any(serve)).with_state(self)
    }

    /// What MiniStack noted of the functions' permissions.
    pub(crate) async fn privileges(&self) -> Result<Privileges, reqwest::Error> {
        self.upstream.privileges().await
    }

    /// Ends the server thread.
    pub(crate) fn shut_down(&self) {
        self.down.notify_one();
    }

    async fn handle(
        &self,
        forwarded: Forwarded,
        identity: &Identity,
        effect: Option<Effect>,
    ) -> Result<Response<Body>, reqwest::Error> {
        let lag = match effect {
            Some(Effect::HideFor { milliseconds }) => Duration::from_millis(milliseconds),
            _ => Duration::ZERO,
        };
        if identity.service == "ec2" && Ec2::serves(&identity.action) {
            return self.answer_ec2(forwarded, identity, lag).await;
        }
        let asked = forwarded.clone();
        let answer = self.upstream.forward(forwarded).await?;
        missing_object::correct(&self.upstream, asked, identity, answer).await
    }

    async fn answer_ec2(
        &self,
        forwarded: Forwarded,
        identity: &Identity,
        lag: Duration,
    ) -> Result<Response<Body>, reqwest::Error> {
        let request = ec2::Request {
            action: identity.action.clone(),
            region: identity.region.clone(),
            parameters: request::parameters(&forwarded.uri, &forwarded.body).collect(),
        };
        if let Some(denial) = self.upstream.denial(forwarded, &self.ec2.checks(&request)).await? {
            return Ok(denial);
        }
        let (status, text) = match self.ec2.answer(&request, lag) {
            Ok(text) => (200, text),
            Err(refusal) => (refusal.status, refusal.document()),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("text/xml;charset=UTF-8"));
        Ok(response)
    }

    fn record(&self, identity: &Identity, caller: &str, status: u16, since: Instant) {
        self.calls.add(Call {
            number: 0,
            at: jiff::Timestamp::now(),
            service: identity.service.clone(),
            action: identity.action.clone(),
            region: identity.region.clone(),
            caller: caller.to_owned(),
            mutating: identity.mutating,
            status,
            milliseconds: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
}

async fn serve(State(gateway): State<Arc<Gateway>>, request: Request) -> Response<Body> {
    let since = Instant::now();
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return Problem::new(400, "IncompleteBody", "The request body ended early").answer("s3");
    };
    let identity = request::identify(&parts.method, &parts.uri, &parts.headers, &body);
    let caller = gateway.upstream.principal(&identity.access_key).await;
    let effect = gateway.rules.effect(&identity, &caller);
    if let Some(answer) = refused(&identity, &caller, effect.as_ref()).await {
        gateway.record(&identity, &caller, answer.status().as_u16(), since);
        return answer;
    }
    let forwarded = Forwarded { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    let answer = gateway.handle(forwarded, &identity, effect.clone()).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "MiniStack did not answer");
        Problem::new(503, "ServiceUnavailable", "the sandbox's MiniStack did not answer").answer(&identity.service)
    });
    let dropped = matches!(effect, Some(Effect::Hang { .. } | Effect::DropAnswer));
    gateway.record(&identity, &caller, if dropped { 0 } else { answer.status().as_u16() }, since);
    if dropped {
        close_connection();
    }
    answer
}

// The answers of rules that stop a call before anything is done.
async fn refused(identity: &Identity, caller: &str, effect: Option<&Effect>) -> Option<Response<Body>> {
    let problem = match effect? {
        Effect::Fail { status, code, message } => Problem::new(*status, code, message),
        Effect::Deny => Problem::denied(&identity.service, &identity.action, caller),
        Effect::Throttle => Problem::throttled(&identity.service),
        Effect::ServerError => Problem::internal(&identity.service),
        Effect::Hang { milliseconds } => {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
            close_connection();
        }
        Effect::DropAnswer | Effect::HideFor { .. } => return None,
    };
    Some(problem.answer(&identity.service))
}

// axum has no other way to hang up without an answer: unwinding ends the task that serves this one connection. The
// panic hook is not called.
fn close_connection() -> ! {
    std::panic::resume_unwind(Box::new("a rule dropped the answer"))
}

/// Serves on a thread of its own, so that the sandbox lives as long as its owner and not as long as one async runtime.
pub(crate) fn run(gateway: Arc<Gateway>, listener: std::net::TcpListener) -> Result<JoinHandle<()>, Error> {
    let failed = |error: std::io::Error| Error::Gateway(error.into());
    listener.set_nonblocking(true).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(failed)?;
    Ok(std::thread::spawn(move || {
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let router = Arc::clone(&gateway).router();
            tokio::select! {
                served = axum::serve(listener, router) => served,
                () = gateway.down.notified() => Ok(()),
            }
        });
        if let Err(error) = served {
            tracing::error!(%error, "the gateway stopped");
        }
        runtime.shutdown_background();
    }))
}
