//! The sandbox, and one platform in it with a ledger and kinds of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_lambda::primitives::Blob;
use domain::{Class, Component, Epoch, Fault, FaultName, Identity, Incarnation, Kind, PlatformName, RunId};
use engine::{Engine, Fence, Kinds, Order, Outcome, Pass};
use jiff::{SignedDuration, Timestamp};
use plan::{Goal, Plan};
use sandbox::{Options, Sandbox};
use testkit::Records;
use tests::Folder;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::clusters::{self, GIVEN_KEY};
use crate::listing::Listing;
use crate::plans::{Before, target};
use crate::wrapped;

/// Ten minutes of AWS are a second here.
const SCALE: f64 = 1.0 / 600.0;

/// The name of the installation whose identity everything carries.
pub(crate) const INSTALLATION: &str = "undo";

/// The function of the sandbox's installation of which gates are copies.
pub(crate) const GATE: &str = "landfall-gate";

/// An archive that holds nothing: the end of a directory of no files.
/// <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>
const EMPTY_ZIP: [u8; 22] = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// More than any call takes here.
const SETTLING: SignedDuration = SignedDuration::from_secs(3);

/// Who may take on a role that is only named.
const NOBODY: &str = r#"{"Version": "2012-10-17", "Statement": []}"#;

/// In the order of the state machines.
pub(crate) const GOALS: [Goal; 4] = [Goal::Foundation, Goal::Egress, Goal::ControlPlane, Goal::Compute];

/// For how long a goal may take before a case fails.
const PATIENCE: Duration = Duration::from_secs(60);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static STAGE: OnceCell<Stage> = OnceCell::const_new();

/// The sandbox with what stands in it before us.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) before: Before,
    config: SdkConfig,
    iam: aws_sdk_iam::Client,
    listing: Listing,
    _folder: Folder,
}

/// Runs a test in the one sandbox of all.
pub(crate) fn on_stage<F: Future<Output = ()>>(test: impl FnOnce(&'static Stage) -> F) {
    let stage = RUNTIME.block_on(STAGE.get_or_init(Stage::up));
    RUNTIME.block_on(test(stage));
}

impl Stage {
    async fn up() -> Self {
        let folder = Folder::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandboxes")).unwrap();
        // The functions are members of the workspace: whoever built this test has built them beside it.
        let programs = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let options = Options { dir: folder.path.clone(), scale: SCALE, functions: Some(programs) };
        let sandbox = Sandbox::up_without_kubernetes(&options).await.unwrap();
        let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(10));
        let config = sandbox.config().to_builder().retry_config(retries).build();
        let iam = aws_sdk_iam::Client::new(&config);
        // Nobody calls a gate here. The real one is so large that making its copies takes longer than a call may.
        let gate = aws_sdk_lambda::Client::new(&config).update_function_code().function_name(GATE);
        gate.zip_file(Blob::new(EMPTY_ZIP)).send().await.unwrap();
        let before = before(&config, &iam).await;
        let listing = Listing::new(&config);
        Self { sandbox, before, config, iam, listing, _folder: folder }
    }

    /// The real kinds, their calls signed by the administrator.
    pub(crate) fn kinds(&self) -> Kinds {
        kinds(&self.config)
    }

    /// The real kinds, their calls signed by a new user of this name, who may do everything.
    pub(crate) async fn kinds_of(&self, user: &str) -> Kinds {
        let all = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
        self.iam.create_user().user_name(user).send().await.unwrap();
        self.iam.put_user_policy().user_name(user).policy_name("all").policy_document(all).send().await.unwrap();
        let key = self.iam.create_access_key().user_name(user).send().await.unwrap().access_key.unwrap();
        let credentials = Credentials::new(key.access_key_id, key.secret_access_key, None, None, "undo");
        let provider = SharedCredentialsProvider::new(credentials);
        kinds(&self.config.to_builder().credentials_provider(provider).build())
    }

    /// A new platform.
    pub(crate) fn case(&'static self, kinds: Kinds) -> Case {
        let platform = self.name();
        self.case_of(platform, kinds)
    }

    /// A name that no platform has had.
    pub(crate) fn name(&self) -> PlatformName {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        format!("undo-{:04}", NUMBER.fetch_add(1, Ordering::Relaxed)).parse().unwrap()
    }

    /// A new platform of that name.
    pub(crate) fn case_of(&'static self, platform: PlatformName, kinds: Kinds) -> Case {
        let records = Records::default();
        let epoch = records.next_epoch();
        let identity = Identity { installation: INSTALLATION.into(), platform, incarnation: Incarnation::random() };
        Case { stage: self, identity, records, kinds, run: RunId::random(), epoch }
    }

    /// A new platform where the calls about some resources are signed by users of their own, called `<prefix>.<resource>`;
    /// also answers the prefix.
    pub(crate) async fn case_marking<'a>(
        &'static self,
        resources: impl IntoIterator<Item = &'a str>,
    ) -> (Case, String) {
        let platform = self.name();
        let mut own = BTreeMap::new();
        for resource in resources {
            own.insert(resource.to_owned(), self.kinds_of(&format!("{platform}.{resource}")).await);
        }
        let prefix = platform.to_string();
        (self.case_of(platform, wrapped::marked(self.kinds(), own)), prefix)
    }
}

/// The kinds of all components. What several own, each makes in the same way.
fn kinds(config: &SdkConfig) -> Kinds {
    let mut all = network::kinds(&network::Clients::new(config));
    all.extend(cluster::kinds(&cluster::Clients::new(config, GATE.to_owned())));
    all
}

async fn before(config: &SdkConfig, iam: &aws_sdk_iam::Client) -> Before {
    let ec2 = aws_sdk_ec2::Client::new(config);
    let vpc = async |cidr: &str| ec2.create_vpc().cidr_block(cidr).send().await.unwrap().vpc.unwrap().vpc_id.unwrap();
    let (peer, vpc) = (vpc("10.9.0.0/16").await, vpc("10.60.0.0/16").await);
    let subnet = async |zone: &str, cidr: &str| {
        let made = ec2.create_subnet().vpc_id(&vpc).availability_zone_id(zone).cidr_block(cidr).send().await.unwrap();
        made.subnet.unwrap().subnet_id.unwrap()
    };
    let subnets = [subnet("euw1-az1", "10.60.0.0/24").await, subnet("euw1-az2", "10.60.1.0/24").await];
    for names in [false, true] {
        let on = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(true).build();
        let call = ec2.modify_vpc_attribute().vpc_id(&vpc);
        let call = if names { call.enable_dns_hostnames(on) } else { call.enable_dns_support(on) };
        call.send().await.unwrap();
    }
    let gateway = ec2.create_transit_gateway().send().await.unwrap().transit_gateway.unwrap();
    let kms = aws_sdk_kms::Client::new(config);
    let key = kms.create_key().send().await.unwrap().key_metadata.unwrap();
    kms.create_alias().alias_name(GIVEN_KEY).target_key_id(key.key_id()).send().await.unwrap();
    iam.create_user().user_name("mona").send().await.unwrap();
    let role = async |name: &str| {
        let call = iam.create_role().role_name(name).assume_role_policy_document(NOBODY);
        call.send().await.unwrap().role.unwrap().arn
    };
    let (_, own) = (role("deployer").await, role("undo-own").await);
    let facts = clusters::facts(config, &own, &vpc, &subnets).await;
    Before { peer, transit_gateway: gateway.transit_gateway_id.unwrap(), vpc, subnets, facts }
}

/// The components as the state machines call them.
pub(crate) fn in_order(pass: Pass) -> [Component; 2] {
    match pass {
        Pass::Prune => [Component::Cluster, Component::Network],
        Pass::Converge(_) | Pass::Verify => [Component::Network, Component::Cluster],
    }
}

/// One platform.
pub(crate) struct Case {
    pub(crate) stage: &'static Stage,
    pub(crate) identity: Identity,
    pub(crate) records: Records,
    kinds: Kinds,
    run: RunId,
    epoch: Epoch,
}

impl Case {
    /// Its name.
    pub(crate) fn platform(&self) -> &PlatformName {
        &self.identity.platform
    }

    /// A new epoch: nothing that was begun before may write any more.
    pub(crate) fn next_phase(&mut self) {
        self.epoch = self.records.next_epoch();
    }

    /// One call of a component's function.
    pub(crate) async fn call(&self, plan: &Plan, component: Component, pass: Pass) -> Result<Outcome, Fault> {
        let engine = Engine {
            ledger: &self.records,
            kinds: &self.kinds,
            settling: SETTLING,
            patience: SignedDuration::from_mins(2),
            clock: &Timestamp::now,
        };
        let order = Order {
            fence: Fence { platform: self.platform().clone(), run: self.run, epoch: self.epoch },
            identity: self.identity.clone(),
            target: target(),
            plan,
            component,
            pass,
            deadline: Instant::now() + Duration::from_secs(50),
        };
        engine.advance(&order).await
    }

    /// Calls until the goal is reached, as a state machine does: what is built on goes last.
    pub(crate) async fn until_ready(&self, plan: &Plan, pass: Pass) -> Result<(), Fault> {
        for component in in_order(pass) {
            self.component_until_ready(plan, component, pass).await?;
        }
        Ok(())
    }

    async fn component_until_ready(&self, plan: &Plan, component: Component, pass: Pass) -> Result<(), Fault> {
        let begun = Instant::now();
        let mut last = String::new();
        while begun.elapsed() < PATIENCE {
            match self.call(plan, component, pass).await {
                Ok(Outcome::Ready) => return Ok(()),
                Ok(Outcome::Pending { blocked, .. }) => last = format!("{blocked:?}"),
                Err(fault) if fault.class() == Class::Transient => last = fault.to_string(),
                Err(fault) => return Err(fault),
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        Err(Fault::new(FaultName::DeadlineExceeded, last))
    }

    /// Builds all of it, and takes nothing away.
    pub(crate) async fn build(&self, plan: &Plan) -> Result<(), Fault> {
        for goal in GOALS {
            self.until_ready(plan, Pass::Converge(goal)).await?;
        }
        Ok(())
    }

    /// Converge, verify and prune, as a run does.
    pub(crate) async fn deploy(&self, plan: &Plan) -> Result<(), Fault> {
        self.build(plan).await?;
        self.until_ready(plan, Pass::Verify).await?;
        self.until_ready(plan, Pass::Prune).await
    }

    /// Takes everything away.
    pub(crate) async fn tear_down(&self) -> Result<(), Fault> {
        self.until_ready(&Plan::empty(target()), Pass::Prune).await
    }

    /// What the services show of it.
    pub(crate) async fn physical(&self) -> BTreeSet<String> {
        let config = &self.stage.config;
        let clients = teardown::Clients {
            ec2: aws_sdk_ec2::Client::new(config),
            eks: aws_sdk_eks::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
        };
        // What EKS leaves is listed apart, below.
        let target = target();
        let proof = teardown::proof::prove(&clients, &self.identity, &target, None, self.run, Timestamp::now());
        // An alias goes with its key.
        let left = proof.await.unwrap().left.into_iter().filter(|left| left.what != "KMS alias");
        let mut found: BTreeSet<String> = left.map(|left| format!("{} {}", left.what, left.locator)).collect();
        found.extend(self.stage.listing.of(self.platform()).await);
        found
    }

    /// Why the ledger and the services do not name the same things; nothing if they do.
    pub(crate) async fn disagreement(&self) -> Result<(), String> {
        // A route and a further block are parts of others, which no listing shows.
        let listed = |kind: Kind| !kind.is_given() && !matches!(kind, Kind::Route | Kind::VpcCidr);
        let named: BTreeSet<String> = self
            .records
            .all()
            .into_iter()
            .filter(|record| listed(record.kind))
            .map(|record| record.locator.map_or_else(|| format!("{} without locator", record.id), |found| found.0))
            .collect();
        let shown: BTreeSet<String> = self
            .physical()
            .await
            .into_iter()
            .map(|one| one.rsplit_once(' ').map_or(one.clone(), |(_, locator)| locator.to_owned()))
            .collect();
        if named == shown {
            return Ok(());
        }
        let only =
            |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>();
        Err(format!("only in the ledger {:?}, only in AWS {:?}", only(&named, &shown), only(&shown, &named)))
    }
}
