//! The account in which the platforms live: a model of AWS, a model of the table, and the executions in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{AccountId, PlatformName, Region, Target};
use engine::Kinds;
use fleet::{PlatformStep, RunStep, decide_platform, decide_run};
use jiff::SignedDuration;
use ledger::{Ledger, ObjectKey, Waiting};
use plan::{Facts, Plan};
use testkit::{Clock, ModelTable, Turns, World};

use crate::watch::Watch;

/// How often the fleet looks.
const TICK: Duration = Duration::from_secs(60);

/// For how long EC2 does not show what was created, and for how long at most the index does not show what was written.
const UNSEEN: SignedDuration = SignedDuration::from_secs(1);

pub(crate) struct Stage {
    pub(crate) clock: Arc<Clock>,
    pub(crate) world: World,
    pub(crate) kinds: Kinds,
    pub(crate) table: Arc<ModelTable>,
    versions: Mutex<BTreeMap<PlatformName, u64>>,
    started: Mutex<BTreeSet<String>>,
    running: Mutex<BTreeSet<String>>,
    /// The calls of AWS by second.
    pace: Arc<Mutex<BTreeMap<i64, usize>>>,
    watch: Arc<Mutex<Watch>>,
}

/// Somebody who owns one platform.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: PlatformName,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(Clock::following());
        // A call of EC2 takes a tenth of a second or two, one of DynamoDB some milliseconds.
        let world = World::new(Arc::clone(&clock), Arc::new(Turns::taking(30, 120, 1)));
        let table = Arc::new(ModelTable::new(Arc::clone(&clock), Arc::new(Turns::taking(1, 6, 2)), UNSEEN));
        let (pace, watch) = (Arc::<Mutex<BTreeMap<i64, usize>>>::default(), Arc::<Mutex<Watch>>::default());
        let (seconds, time, watcher) = (Arc::clone(&pace), Arc::clone(&clock), Arc::clone(&watch));
        world.script(move |_| {
            *seconds.lock().unwrap().entry(time.now().as_second()).or_default() += 1;
            None
        });
        world.visible_after(|| UNSEEN);
        table.watch(move |changes| watcher.lock().unwrap().see(changes));
        Self {
            kinds: world.kinds(),
            clock,
            world,
            table,
            versions: Mutex::default(),
            started: Mutex::default(),
            running: Mutex::default(),
            pace,
            watch,
        }
    }

    /// The ledger as one invocation of a function has it: with patience of its own.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::new(Arc::<ModelTable>::clone(&self.table))
    }

    /// The newest version of a platform's manifest.
    pub(crate) fn newest(&self, user: &User) -> u64 {
        self.versions.lock().unwrap()[&user.name]
    }

    /// Uploads a version of a manifest; its event comes twice.
    pub(crate) async fn upload(self: &Arc<Self>, user: &User, version: u64) {
        self.versions.lock().unwrap().insert(user.name.clone(), version);
        for event in ["one", "two"] {
            self.start(user, format!("{}-{version}-{event}", user.name), ledger::Trigger::Upload);
        }
    }

    /// Starts an execution of the deploy machine, if none of that name was started before.
    fn start(self: &Arc<Self>, user: &User, name: String, trigger: ledger::Trigger) -> bool {
        if !self.started.lock().unwrap().insert(name.clone()) {
            return false;
        }
        self.running.lock().unwrap().insert(name.clone());
        let (stage, user) = (Arc::clone(self), user.clone());
        tokio::spawn(async move {
            if let Err(fault) = stage.deploy(&user, &name, trigger).await {
                stage.watch.lock().unwrap().found.push(format!("{name}: {} {fault}", fault.name));
            }
            stage.running.lock().unwrap().remove(&name);
        });
        true
    }

    /// Starts what waits, as the functions settle and fleet do.
    pub(crate) async fn start_waiting(
        self: &Arc<Self>,
        ledger: &Ledger,
        user: &User,
        waiting: &Waiting,
    ) -> Result<(), engine::LedgerError> {
        let name = format!("{}-{}", user.name, waiting.id);
        let is_new = self.start(user, name.clone(), ledger::Trigger::Waiting);
        if !is_new && !self.is_running(&name) {
            ledger.clear_waiting(&user.name, waiting.id).await?;
        }
        Ok(())
    }

    fn is_running(&self, name: &str) -> bool {
        self.running.lock().unwrap().contains(name)
    }

    /// Waits until no execution is under way, and after two looks of the fleet still is none.
    pub(crate) async fn idle(&self) {
        let mut quiet = 0;
        while quiet < 2 * TICK.as_secs() + 1 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            quiet = if self.running.lock().unwrap().is_empty() { quiet + 1 } else { 0 };
        }
    }

    /// What the function fleet does, minute by minute. No run is to be reaped here: all their machines live.
    pub(crate) async fn fleet(self: Arc<Self>) {
        loop {
            tokio::time::sleep(TICK).await;
            let ledger = self.ledger();
            let now = self.clock.now();
            for run in ledger.open_runs().await.unwrap() {
                let step = decide_run(&run, self.is_running(&run.execution), now);
                if step != RunStep::Leave {
                    self.watch.lock().unwrap().found.push(format!("the fleet wants to {step:?} {run:?}"));
                }
            }
            let all_rest = ledger.pause_of_all().await.unwrap().is_some();
            for platform in ledger.platforms().await.unwrap() {
                if let Ok(PlatformStep::Fulfil(waiting)) = decide_platform(&platform, all_rest, now) {
                    let user = User { name: platform.name };
                    self.start_waiting(&ledger, &user, &waiting).await.unwrap();
                }
            }
        }
    }

    /// What went wrong so far.
    pub(crate) fn found(&self) -> Vec<String> {
        self.watch.lock().unwrap().found.clone()
    }

    /// The most calls of AWS in one second.
    pub(crate) fn peak(&self) -> usize {
        self.pace.lock().unwrap().values().copied().max().unwrap_or_default()
    }
}

impl User {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.parse().unwrap() }
    }

    pub(crate) fn object(&self) -> ObjectKey {
        ObjectKey { bucket: "manifests".into(), key: format!("manifests/{}.yaml", self.name) }
    }

    /// The plan of a version of the manifest: the second adds a zone's gateway, an endpoint, and a tag to everything.
    pub(crate) fn plan(&self, version: u64) -> Plan {
        let network = match version {
            1 => "{availabilityZones: 2, flowLogs: {enabled: true}, vpcEndpoints: {additional: [xray]}}",
            _ => "{availabilityZones: 2, nat: HighlyAvailable, vpcEndpoints: {additional: [sts, xray]}}",
        };
        let text = format!(
            "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: {}}}\nspec:\n  region: eu-west-1\n  \
             tags: {{version: \"{version}\"}}\n  network: {network}\n",
            self.name
        );
        let manifest = manifest::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}")).manifest;
        let zones = ["a", "b"].iter().zip(1..).map(|(name, n)| (format!("euw1-az{n}"), format!("eu-west-1{name}")));
        let facts = Facts { zones: zones.collect(), ..Facts::default() };
        plan::plan("test", &manifest, &target(), &facts).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }
}

pub(crate) fn target() -> Target {
    Target { account: AccountId::parse("111122223333").unwrap(), region: Region::parse("eu-west-1").unwrap() }
}
