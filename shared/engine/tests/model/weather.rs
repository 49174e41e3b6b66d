//! What goes wrong, and how often: drawn from the seed, and only until a number of troubles is spent. In some histories
//! AWS is slow besides.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Component, Fault, FaultName};
use jiff::SignedDuration;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use testkit::{Call, Injected, Records, Trouble, Verb, World};

/// For how long a request that nobody waits for any more may be under way. No longer than a function may run.
const LATE: i64 = 15;

/// For how long EC2 may not show what was created. Less than the settling time.
const LAG: i64 = 25;

/// How many seconds a call may take where AWS is slow. Less than the engine waits for.
const SLOW: i64 = 11;

/// The troubles of one history.
#[derive(Clone)]
pub(crate) struct Weather {
    random: Arc<Mutex<SmallRng>>,
    left: Arc<AtomicI64>,
    is_slow: bool,
}

impl Weather {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let left = random.random_range(0..=25);
        let is_slow = random.random_ratio(1, 4);
        Self { random: Arc::new(Mutex::new(random)), left: Arc::new(AtomicI64::new(left)), is_slow }
    }

    /// Lets it happen to AWS and to the ledger.
    pub(crate) fn befall(&self, world: &World, records: &Records) {
        let (aws, ledger, lag) = (self.clone(), self.clone(), self.clone());
        world.script(move |call| match aws.strikes(1, 12) {
            true => aws.befalls(call),
            false => aws.is_slow.then(|| Injected::Slow(Duration::from_secs(aws.upto(SLOW).unsigned_abs()))),
        });
        records.script(move || {
            ledger.strikes(1, 40).then(|| if ledger.flip() { Trouble::Refused } else { Trouble::AnswerLost })
        });
        world.visible_after(move || SignedDuration::from_secs(lag.upto(LAG)));
    }

    /// No more trouble from now on.
    pub(crate) fn clears(&self, world: &World, records: &Records) {
        self.left.store(0, Ordering::Relaxed);
        world.heal();
        records.heal();
    }

    /// Whether trouble comes now, at these odds; each is counted.
    pub(crate) fn strikes(&self, one: u32, of: u32) -> bool {
        let struck = self.random.lock().unwrap().random_ratio(one, of) && self.left.load(Ordering::Relaxed) > 0;
        if struck {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        struck
    }

    /// A number from 0 to `most`.
    pub(crate) fn upto(&self, most: i64) -> i64 {
        self.random.lock().unwrap().random_range(0..=most)
    }

    fn flip(&self) -> bool {
        self.random.lock().unwrap().random()
    }

    fn befalls(&self, call: &Call) -> Option<Injected> {
        let fault = |name| Some(Injected::Fault(Fault::new(name, "the model has it so")));
        match (self.upto(11), call.verb) {
            (0 | 1, _) => fault(FaultName::Throttled),
            (2, _) => fault(FaultName::ServiceUnavailable),
            (3, _) => Some(Injected::RequestLost),
            (_, Verb::Observe | Verb::Retire) => None,
            (4 | 5, _) => Some(Injected::AnswerLost),
            (6, _) => Some(Injected::ErrorAfterEffect),
            (7 | 8, _) => Some(Injected::ArrivesLate(SignedDuration::from_secs(self.upto(LATE)))),
            (9, Verb::Create) => fault(FaultName::QuotaExceeded),
            (10, Verb::Create) => Some(Injected::FailsLater("AWS gave up".into())),
            (9 | 10, Verb::Update) if call.id.component() == Component::Cluster => {
                Some(Injected::FailsLater("AWS gave up".into()))
            }
            (11, Verb::Create) => Some(Injected::HalfDone),
            _ => fault(FaultName::AccessDenied),
        }
    }
}
