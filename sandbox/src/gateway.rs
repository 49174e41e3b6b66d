//! The gateway: what every client and every function of a sandbox takes for AWS.
//!
//! It guarantees that each call is recorded, that rules apply before anything is done, that EC2 network calls behave as
//! on AWS, and that IAM is asked for every one of them; all else is MiniStack's answer as it is.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::any;
use tokio::sync::Notify;
use ulid::Ulid;

use crate::Error;
use crate::durations::Durations;
use crate::ec2::{self, Ec2};
use crate::eks::Eks;
use crate::lambda::Functions;
use crate::privileges::Privileges;

mod calls;
mod chaos;
mod control;
mod door;
mod eks;
mod errors;
mod faults;
mod lambda;
mod missing_object;
mod passage;
mod planes;
mod request;
mod rules;
mod upstream;

pub use calls::{Attempt, Call};
pub use chaos::Chaos;
pub use rules::{Effect, Rule};

use calls::Calls;
use ec2::Aftermath;
use errors::{Problem, REQUEST_ID};
use faults::{Arrived, Faults};
use planes::Planes;
use request::Identity;
use upstream::{Forwarded, Upstream};

/// The state of one sandbox's gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) calls: Calls,
    pub(crate) faults: Faults,
    ec2: Ec2,
    eks: Eks,
    functions: Functions,
    planes: Planes,
    /// Where functions find their way into their VPC.
    passage: SocketAddr,
    upstream: Upstream,
    pub(crate) stop: Notify,
    down: Notify,
}

impl Gateway {
    /// At `endpoint`, in front of MiniStack at `upstream`, with the functions' way into their VPCs at `passage`; the control
    /// planes' data is in the folder.
    pub(crate) fn new(
        endpoint: &str,
        passage: SocketAddr,
        upstream: &str,
        durations: Durations,
        eks: Eks,
        dir: &Path,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            calls: Calls::default(),
            faults: Faults::default(),
            ec2: Ec2::new(durations),
            eks,
            functions: Functions::new(durations),
            planes: Planes::new(dir.join("eks"), endpoint),
            passage,
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

    /// What goes wrong with this call, if anything.
    fn fault(&self, identity: &Identity, caller: &str, request: &Forwarded) -> Option<Effect> {
        let holds = |text: &str| {
            let named = || match identity.service.as_str() {
                "ec2" => self.ec2.concerns(&ec2_request(identity, request), text),
                "eks" => {
                    self.eks_request(identity, caller, request).is_some_and(|asked| self.eks.concerns(&asked, text))
                }
                _ => false,
            };
            request::mentions(&request.uri, &request.body, text) || named()
        };
        self.faults.strike(&Arrived { identity, caller, holds: &holds })
    }

    /// Does what is asked; `effect` may change what comes of it.
    async fn handle(
        &self,
        forwarded: Forwarded,
        identity: &Identity,
        effect: Option<&Effect>,
    ) -> Result<Response<Body>, reqwest::Error> {
        let aftermath = match effect {
            Some(Effect::HideFor { milliseconds }) => Aftermath::Hidden(Duration::from_millis(*milliseconds)),
            Some(Effect::FailLater { code, message }) => Aftermath::Failing(code.clone(), message.clone()),
            _ => Aftermath::None,
        };
        if identity.service == "ec2" && Ec2::serves(&identity.action) {
            return self.answer_ec2(forwarded, identity, &aftermath).await;
        }
        if identity.service == "eks" {
            return self.answer_eks(forwarded, identity, &aftermath).await;
        }
        if identity.service == "lambda" {
            return self.answer_lambda(forwarded, identity, &aftermath).await;
        }
        let asked = forwarded.clone();
        let answer = self.upstream.forward(forwarded).await?;
        missing_object::correct(&self.upstream, asked, identity, answer).await
    }

    async fn answer_ec2(
        &self,
        forwarded: Forwarded,
        identity: &Identity,
        aftermath: &Aftermath,
    ) -> Result<Response<Body>, reqwest::Error> {
        let request = ec2_request(identity, &forwarded);
        if let Some(denial) = self.upstream.denial(forwarded, "ec2", &self.ec2.checks(&request)).await? {
            return Ok(denial);
        }
        let (status, text) = match self.ec2.answer(&request, aftermath) {
            Ok(text) => (200, text),
            Err(refusal) => (refusal.status, refusal.document(request.id)),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("text/xml;charset=UTF-8"));
        if let Ok(id) = HeaderValue::from_str(&request.id.to_string()) {
            headers.insert(REQUEST_ID, id);
        }
        Ok(response)
    }

    /// The ids of everything in EC2, and the ARNs of everything in EKS, that has a tag of this value.
    pub(crate) fn tagged(&self, value: &str) -> Vec<String> {
        [self.ec2.tagged(value), self.eks.tagged(value)].concat()
    }

    /// What a change is about, as far as tags tell.
    fn about(&self, identity: &Identity, caller: &str, request: &Forwarded) -> About {
        match identity.service.as_str() {
            _ if !identity.mutating => About::default(),
            "ec2" => About::of(&self.ec2, &ec2_request(identity, request)),
            "eks" => {
                let asked = self.eks_request(identity, caller, request);
                About { platform: asked.and_then(|asked| self.eks.platform_of(&asked)), ..About::default() }
            }
            _ => About::default(),
        }
    }

    fn record(&self, identity: &Identity, caller: &str, about: About, status: u16, since: Instant) {
        self.calls.add(Call {
            number: 0,
            at: jiff::Timestamp::now(),
            service: identity.service.clone(),
            action: identity.action.clone(),
            region: identity.region.clone(),
            caller: caller.to_owned(),
            mutating: identity.mutating,
            platform: about.platform,
            attempt: about.attempt,
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
    let forwarded = Forwarded { method: parts.method, uri: parts.uri, headers: parts.headers, body }.of_client();
    // As on AWS, what has arrived is done, whether or not its caller still waits for the answer.
    match tokio::spawn(perform(gateway, forwarded, since)).await {
        Ok(Some(answer)) => answer,
        _ => close_connection(),
    }
}

/// One call from its arrival to its answer; none if the caller gets none.
async fn perform(gateway: Arc<Gateway>, request: Forwarded, since: Instant) -> Option<Response<Body>> {
    let identity = request::identify(&request.method, &request.uri, &request.headers, &request.body);
    let caller = gateway.upstream.principal(&identity.access_key).await;
    let effect = gateway.fault(&identity, &caller, &request);
    let about = gateway.about(&identity, &caller, &request);
    let refused = effect.as_ref().and_then(|effect| refusal(&identity, &caller, effect));
    if let Some(Effect::Hang { milliseconds } | Effect::HangThenDo { milliseconds }) = effect {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    let answer = match (refused, &effect) {
        (Some(problem), _) => Some(problem.answer(&identity.service)),
        (None, Some(Effect::Hang { .. })) => None,
        (None, effect) => {
            let done = gateway.handle(request, &identity, effect.as_ref()).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "MiniStack did not answer");
                Problem::new(503, "ServiceUnavailable", "the sandbox's MiniStack did not answer")
                    .answer(&identity.service)
            });
            match effect {
                Some(Effect::HangThenDo { .. } | Effect::DropAnswer) => None,
                Some(Effect::ServerErrorAfter) => Some(Problem::internal(&identity.service).answer(&identity.service)),
                _ => Some(done),
            }
        }
    };
    let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
    gateway.record(&identity, &caller, about, status, since);
    answer
}

/// The answer of an effect that stops a call before anything is done.
fn refusal(identity: &Identity, caller: &str, effect: &Effect) -> Option<Problem> {
    match effect {
        Effect::Fail { status, code, message } => Some(Problem::new(*status, code, message)),
        Effect::Deny => Some(Problem::denied(&identity.service, &identity.action, caller)),
        Effect::Throttle => Some(Problem::throttled(&identity.service)),
        Effect::Expired => Some(Problem::expired(&identity.service)),
        Effect::ServerError => Some(Problem::internal(&identity.service)),
        Effect::ServerErrorAfter
        | Effect::Hang { .. }
        | Effect::HangThenDo { .. }
        | Effect::DropAnswer
        | Effect::HideFor { .. }
        | Effect::FailLater { .. } => None,
    }
}

/// What a change in EC2 is about.
#[derive(Default)]
struct About {
    platform: Option<String>,
    attempt: Option<Attempt>,
}

impl About {
    fn of(ec2: &Ec2, request: &ec2::Request) -> Self {
        Self { platform: ec2.platform_of(request), attempt: Attempt::of(request) }
    }
}

fn ec2_request(identity: &Identity, request: &Forwarded) -> ec2::Request {
    ec2::Request {
        id: Ulid::generate(),
        action: identity.action.clone(),
        region: identity.region.clone(),
        parameters: request::parameters(&request.uri, &request.body).collect(),
    }
}

// axum has no other way to hang up without an answer: unwinding ends the task that serves this one connection. The
// panic hook is not called.
fn close_connection() -> ! {
    std::panic::resume_unwind(Box::new("a rule dropped the answer"))
}

/// Serves on a thread of its own, so that the sandbox lives as long as its owner and not as long as one async runtime.
pub(crate) fn run(
    gateway: Arc<Gateway>,
    listener: std::net::TcpListener,
    passage: std::net::TcpListener,
) -> Result<JoinHandle<()>, Error> {
    let failed = |error: std::io::Error| Error::Gateway(error.into());
    listener.set_nonblocking(true).map_err(failed)?;
    passage.set_nonblocking(true).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(failed)?;
    Ok(std::thread::spawn(move || {
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let passage = tokio::net::TcpListener::from_std(passage)?;
            let router = Arc::clone(&gateway).router();
            tokio::select! {
                () = Arc::clone(&gateway).work() => Ok(()),
                served = passage::serve(Arc::clone(&gateway), passage) => served,
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
