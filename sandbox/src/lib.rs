//! AWS on one machine, for demo and tests; never shipped.
//!
//! A [`Sandbox`] is MiniStack with IAM enforced, a gateway in front of it that behaves like AWS where MiniStack does not
//! (see `README.md`), and Landfall's own template deployed through CloudFormation, its functions built and run natively.
//! It guarantees that any number of sandboxes run side by side, and that nothing of one outlives it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use aws_config::{BehaviorVersion, Region, SdkConfig};

pub mod durations;
mod ec2;
mod eks;
mod error;
mod functions;
mod gateway;
mod http;
pub mod kubernetes;
mod lambda;
mod ministack;
pub mod privileges;
mod program;
mod stack;
pub mod venv;

pub use eks::DeprecatedApi;
pub use error::Error;
pub use gateway::{Attempt, Call, Chaos, Effect, Rule};
pub use http::http;

use durations::Durations;
use eks::Eks;
use gateway::Gateway;
use ministack::MiniStack;
use privileges::Privileges;

/// The region of the installation.
pub const REGION: &str = "eu-west-1";
/// The access key of the sandbox's administrator, whom IAM does not restrict.
pub const ACCESS_KEY: &str = "AKIALANDFALLSANDBOX0";
/// The secret to [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "landfall-sandbox";

/// What kind of sandbox is wanted.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its folder: logs, zips, the plain template, and `env` to source.
    pub dir: PathBuf,
    /// What AWS's real durations and the state machines' waits are multiplied by: 1/60 makes a minute a second.
    pub scale: f64,
    /// Where the functions' programs lie; without it they are built first.
    pub functions: Option<PathBuf>,
}

/// A running sandbox; dropping it ends it.
#[derive(Debug)]
pub struct Sandbox {
    environment: BTreeMap<String, String>,
    config: SdkConfig,
    gateway: Arc<Gateway>,
    // The order matters: MiniStack goes first, and with it whoever still calls the gateway.
    _ministack: MiniStack,
    server: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox and deploys the installation into it. Answers when the stack is complete.
    ///
    /// # Errors
    /// If a program is missing or fails, the functions do not build, or a resource of the stack cannot be created; the
    /// error says which, and why.
    pub async fn up(options: &Options) -> Result<Self, Error> {
        Self::start(options, true).await
    }

    /// The same without Kubernetes: clusters have states, and nothing runs in them. Many come and go in seconds, so that
    /// what is built of EKS can be tried over and over.
    ///
    /// # Errors
    /// As of [`Sandbox::up`].
    pub async fn up_without_kubernetes(options: &Options) -> Result<Self, Error> {
        Self::start(options, false).await
    }

    async fn start(options: &Options, kubernetes: bool) -> Result<Self, Error> {
        let dir = std::path::absolute(&options.dir).map_err(Error::file(&options.dir))?;
        std::fs::create_dir_all(&dir).map_err(Error::file(&dir))?;
        let (python, programs) = tokio::try_join!(venv::python(), functions::programs(options.functions.as_deref()))?;
        let ((listener, address), (passage, way)) = (listen()?, listen()?);
        let endpoint = format!("http://{address}");
        tracing::info!("starting MiniStack behind {endpoint}");
        let (ministack, zips) = tokio::try_join!(
            MiniStack::start(&python, &dir, &endpoint, options.scale),
            functions::zip(&python, programs, &dir)
        )?;
        let durations = Durations::at(options.scale);
        let state = dir.join("eks.json");
        forget(&dir, &state)?;
        let eks =
            if kubernetes { Eks::with_control_planes(durations, state) } else { Eks::open(durations, Some(state)) };
        let gateway = Gateway::new(&endpoint, way, &ministack.address, durations, eks, &dir);
        let gateway = Arc::new(gateway.map_err(|error| Error::Gateway(error.into()))?);
        let server = Some(gateway::run(Arc::clone(&gateway), listener, passage)?);
        let config = config(&endpoint).await;
        let mut sandbox = Self { environment: BTreeMap::new(), config, gateway, _ministack: ministack, server };
        tracing::info!("creating the installation's stack");
        let outputs = stack::create(&sandbox.config, &python, &zips, options.scale, &dir).await?;
        sandbox.environment = environment(&endpoint, &outputs);
        sandbox.reset();
        write_environment(&dir, &sandbox.environment)?;
        Ok(sandbox)
    }

    /// The variables that `env` in the sandbox's folder sets: endpoint, credentials, region, and `LANDFALL_…`.
    #[must_use]
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// One of these variables; empty if there is none of this name.
    #[must_use]
    pub fn variable(&self, name: &str) -> &str {
        self.environment.get(name).map_or("", String::as_str)
    }

    /// The configuration for SDK clients, with the administrator's credentials. S3 clients need path style addresses.
    #[must_use]
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Makes the calls that the rule takes go wrong.
    pub fn script(&self, rule: Rule) {
        self.gateway.faults.add(rule);
    }

    /// Makes calls of the functions go wrong by chance.
    pub fn chaos(&self, chaos: Chaos) {
        self.gateway.faults.add_chaos(chaos);
    }

    /// Every fault that struck since the last reset, oldest first, each as the rule that makes it strike again.
    #[must_use]
    pub fn faults(&self) -> Vec<Rule> {
        self.faults_since(0)
    }

    /// The same without the first so many.
    #[must_use]
    pub fn faults_since(&self, count: usize) -> Vec<Rule> {
        self.gateway.faults.struck_since(count)
    }

    /// Ends all rules and all chaos. What struck stays on record.
    pub fn clear_rules(&self) {
        self.gateway.faults.end();
    }

    /// Ends the rules and the chaos about this (see [`Rule::about`]), and the rules for this caller.
    pub fn clear_rules_of(&self, text: &str) {
        self.gateway.faults.end_of(text);
    }

    /// Every call since the sandbox came up or was last reset, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.gateway.calls.since(0)
    }

    /// The calls after the one of this number.
    #[must_use]
    pub fn calls_since(&self, number: u64) -> Vec<Call> {
        self.gateway.calls.since(number)
    }

    /// The ids of everything in EC2, and the ARNs of everything in EKS, with a tag of this value, whatever Describe shows.
    #[must_use]
    pub fn tagged(&self, value: &str) -> Vec<String> {
        self.gateway.tagged(value)
    }

    /// Says which deprecated API a client of a cluster uses; with none, that none is used any more.
    pub fn deprecated_api(&self, cluster: &str, used: Option<DeprecatedApi>) {
        self.gateway.eks.deprecated_api(REGION, cluster, used);
    }

    /// Which permissions of the functions' roles were needed since the sandbox came up, and what was denied to them.
    ///
    /// # Errors
    /// If MiniStack does not answer.
    pub async fn privileges(&self) -> Result<Privileges, Error> {
        self.gateway.privileges().await.map_err(|error| Error::Gateway(error.into()))
    }

    /// Forgets all calls, rules and faults.
    pub fn reset(&self) {
        self.gateway.calls.clear();
        self.gateway.faults.clear();
    }

    /// Returns when somebody asks the gateway to stop (`POST /_sandbox/stop`).
    pub async fn stopped(&self) {
        self.gateway.stop.notified().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.gateway.shut_down();
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

fn listen() -> Result<(TcpListener, SocketAddr), Error> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let bound = bound.and_then(|listener| listener.local_addr().map(|address| (listener, address)));
    bound.map_err(|error| Error::Gateway(error.into()))
}

/// Nothing of an earlier sandbox's clusters is left: what MiniStack held of them is gone as well.
fn forget(dir: &Path, state: &Path) -> Result<(), Error> {
    let planes = dir.join("eks");
    for (gone, path) in [(std::fs::remove_file(state), state), (std::fs::remove_dir_all(&planes), &planes)] {
        match gone {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(path)(error)),
            _ => {}
        }
    }
    Ok(())
}

async fn config(endpoint: &str) -> SdkConfig {
    let credentials = aws_sdk_s3::config::Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "sandbox");
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .load()
        .await
}

fn environment(endpoint: &str, outputs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let fixed = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
    ];
    let given = [
        ("LANDFALL_INSTALLATION", "Installation"),
        ("LANDFALL_BUCKET", "Bucket"),
        ("LANDFALL_STATE_BUCKET", "StateBucket"),
        ("LANDFALL_TABLE", "Table"),
        ("LANDFALL_DEPLOY_MACHINE", "DeployMachine"),
        ("LANDFALL_TEARDOWN_MACHINE", "TeardownMachine"),
        ("LANDFALL_TEARDOWN_FUNCTION", "TeardownFunction"),
        ("LANDFALL_CLUSTER_ROLE", "ClusterRole"),
        ("LANDFALL_GATE_FUNCTION", "GateFunction"),
        ("LANDFALL_REDEPLOY_MACHINE", "RedeployMachine"),
        ("LANDFALL_ALERT_TOPIC", "AlertTopic"),
    ];
    let given = given.iter().filter_map(|(name, output)| Some((*name, outputs.get(*output)?.as_str())));
    fixed.into_iter().chain(given).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

// Written last and at once, so that whoever sees it may use it.
fn write_environment(dir: &Path, environment: &BTreeMap<String, String>) -> Result<(), Error> {
    let text: String = environment.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
    let (draft, path) = (dir.join("env.draft"), dir.join("env"));
    std::fs::write(&draft, text).map_err(Error::file(&draft))?;
    std::fs::rename(&draft, &path).map_err(Error::file(&path))
}
