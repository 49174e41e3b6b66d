//! One invocation of a function, polled by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use domain::{Component, Epoch, Fault, Identity, RunId};
use engine::{Engine, Fence, Kinds, Order, Outcome, Pass};
use jiff::{SignedDuration, Timestamp};
use plan::Plan;
use testkit::{Clock, Records};
use tokio::time::Instant;

use crate::history::Times;

/// Whether somebody has reason to go on.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What all invocations share.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) clock: Arc<Clock>,
    pub(crate) records: Arc<Records>,
    pub(crate) kinds: Arc<Kinds>,
}

/// An invocation under way.
pub(crate) struct Actor {
    pub(crate) epoch: Epoch,
    /// When Lambda ends it, whatever it is doing.
    pub(crate) ends: Timestamp,
    /// The last moment at which it may begin a change.
    pub(crate) last_call: Timestamp,
    work: Pin<Box<dyn Future<Output = Result<Outcome, Fault>>>>,
    woken: Arc<Woken>,
}

impl Actor {
    pub(crate) fn new(
        stage: &Stage,
        identity: Identity,
        run: RunId,
        epoch: Epoch,
        plan: Arc<Plan>,
        component: Component,
        pass: Pass,
    ) -> Self {
        let now = stage.clock.now();
        let Stage { clock, records, kinds } = stage.clone();
        let work = async move {
            let time = move || clock.now();
            let engine = Engine {
                ledger: records.as_ref(),
                kinds: &kinds,
                settling: SignedDuration::from_secs(Times::SETTLING),
                patience: SignedDuration::from_mins(30),
                clock: &time,
            };
            let order = Order {
                fence: Fence { platform: identity.platform.clone(), run, epoch },
                identity,
                target: plan.target.clone(),
                plan: &plan,
                component,
                pass,
                deadline: Instant::now() + Duration::from_secs(Times::DEADLINE.unsigned_abs()),
            };
            engine.advance(&order).await
        };
        Self {
            epoch,
            ends: now + SignedDuration::from_secs(Times::FUNCTION),
            last_call: now + SignedDuration::from_secs(Times::DEADLINE - Times::CALL),
            work: Box::pin(work),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        }
    }

    /// Whether polling it again may bring it further.
    pub(crate) fn can_go_on(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }

    /// Lets it go on until it gives way.
    pub(crate) fn go_on(&mut self) -> Option<Result<Outcome, Fault>> {
        self.woken.0.store(false, Ordering::Relaxed);
        let waker = Arc::clone(&self.woken).into();
        match self.work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}
