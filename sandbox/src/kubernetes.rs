//! The real Kubernetes of one emulated EKS cluster: API server, controllers, scheduler and etcd in one process.
//!
//! Its endpoint and its certificate authority stay what they are as long as its folder stays, so starting it again with
//! another version is an upgrade or a roll-back. It is gone when its [`ControlPlane`] is gone, with its data kept.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::Error;
use crate::program::tail;

mod build;
mod wanted;

pub use build::program;
pub(crate) use wanted::{
    Access, Addon, AddonHealth, Claim, Demand, FargateNode, FargateProfile, FargateSelector, InstanceType, Node,
    NodePool, Taint,
};

/// How a control plane is started.
#[derive(Debug, Clone)]
pub(crate) struct ServeOptions {
    /// Where it keeps its data, keys and log; made if it is not there.
    pub(crate) dir: PathBuf,
    /// The minor version of Kubernetes that it behaves as, `1.35`; at most one minor below what it was before.
    pub(crate) version: String,
    /// The range of service addresses.
    pub(crate) service_cidr: String,
    /// Where it posts a TokenReview for each bearer token that is not of a service account.
    pub(crate) authentication_url: String,
    /// The `iss` of the service accounts' tokens: the cluster's OIDC issuer.
    pub(crate) service_account_issuer: String,
}

/// A running control plane; dropping it ends it.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    ready: Ready,
    client: reqwest::Client,
    process: Process,
}

impl ControlPlane {
    /// Starts a control plane and waits until its API server is ready, which takes seconds.
    ///
    /// # Errors
    /// If the program does not start, refuses the version, or is not ready in time; the error has the end of its log.
    pub(crate) async fn start(program: &Path, options: &ServeOptions) -> Result<Self, Error> {
        std::fs::create_dir_all(&options.dir).map_err(Error::file(&options.dir))?;
        let log = options.dir.join("kubernetes.log");
        let (process, output) = Process::start(program, options, &log)?;
        let line = tokio::task::spawn_blocking(move || first_line(output));
        // A busy machine may need long. If nothing comes, dropping the process ends the reading too.
        let line = tokio::time::timeout(Duration::from_secs(120), line).await;
        let line = line.ok().and_then(Result::ok).unwrap_or_default();
        let ready = serde_json::from_str(&line).map_err(|_| failed(&log))?;
        let client = crate::http().timeout(Duration::from_secs(60)).build();
        let client = client.map_err(Error::aws("making a client of the control plane"))?;
        Ok(Self { ready, client, process })
    }

    /// Where its API server listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        Url::parse(&self.ready.endpoint).ok()?.socket_addrs(|| None).ok()?.first().copied()
    }

    /// The certificate of the authority that signed the endpoint's, PEM in base64, as `DescribeCluster` gives it.
    pub(crate) fn certificate_authority(&self) -> &str {
        &self.ready.certificate_authority
    }

    /// The configuration for `kubectl` of an administrator whom RBAC does not restrict.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.ready.kubeconfig
    }

    /// The version that the API server tells, as in `v1.35.0-eks-0000000`.
    pub(crate) fn version(&self) -> &str {
        &self.ready.version
    }

    /// Whether the process still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.process.0.try_wait(), Ok(None))
    }

    /// Sets the nodes.
    ///
    /// # Errors
    /// If the control plane refuses the list or does not answer.
    pub(crate) async fn nodes(&self, nodes: &[Node]) -> Result<(), Error> {
        self.put("nodes", nodes).await
    }

    /// Sets the Fargate profiles. They take the pods that are created from now on, as on EKS.
    ///
    /// # Errors
    /// As [`nodes`](Self::nodes).
    pub(crate) async fn fargate_profiles(&self, profiles: &[FargateProfile]) -> Result<(), Error> {
        self.put("fargate-profiles", profiles).await
    }

    /// Sets the EKS add-ons: their objects are made, updated and removed.
    ///
    /// # Errors
    /// As [`nodes`](Self::nodes), and if an add-on is unknown or its configuration is not one of this add-on.
    pub(crate) async fn addons(&self, addons: &[Addon]) -> Result<(), Error> {
        self.put("addons", addons).await
    }

    /// How each add-on fares now.
    ///
    /// # Errors
    /// If the control plane does not answer.
    pub(crate) async fn addon_health(&self) -> Result<Vec<AddonHealth>, Error> {
        self.get("addons", "asking the control plane for its add-ons").await
    }

    /// The nodes that Fargate has now.
    ///
    /// # Errors
    /// If the control plane does not answer.
    pub(crate) async fn fargate_nodes(&self) -> Result<Vec<FargateNode>, Error> {
        self.get("fargate-nodes", "asking the control plane for the nodes of Fargate").await
    }

    /// Sets the node pools of EKS Auto Mode.
    ///
    /// # Errors
    /// As [`nodes`](Self::nodes).
    pub(crate) async fn node_pools(&self, pools: &[NodePool]) -> Result<(), Error> {
        self.put("node-pools", pools).await
    }

    /// Which nodes of those pools are missing now, and which nobody needs.
    ///
    /// # Errors
    /// If the control plane does not answer.
    pub(crate) async fn demand(&self) -> Result<Demand, Error> {
        self.get("demand", "asking the control plane which nodes it lacks").await
    }

    /// Sets the access policies that access entries are associated with.
    ///
    /// # Errors
    /// As [`nodes`](Self::nodes), and if a policy is unknown.
    pub(crate) async fn access(&self, access: &[Access]) -> Result<(), Error> {
        self.put("access", access).await
    }

    async fn get<T: DeserializeOwned>(&self, what: &str, doing: &'static str) -> Result<T, Error> {
        let answer = self.client.get(format!("{}/{what}", self.ready.control)).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status).map_err(Error::aws(doing))?;
        let body = answer.bytes().await.map_err(Error::aws(doing))?;
        serde_json::from_slice(&body).map_err(Error::aws(doing))
    }

    async fn put<T: Serialize>(&self, what: &str, list: &[T]) -> Result<(), Error> {
        let doing = "telling the control plane what it should hold";
        let body = serde_json::to_vec(list).map_err(Error::aws(doing))?;
        let request = self.client.put(format!("{}/{what}", self.ready.control));
        let request = request.header("content-type", "application/json").body(body);
        let answer = request.send().await.map_err(Error::aws(doing))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let said = answer.text().await.map_err(Error::aws(doing))?;
        Err(Error::aws(doing)(format!("{what}: {}", said.trim())))
    }
}

/// What the program prints when it is ready.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    endpoint: String,
    certificate_authority: String,
    control: String,
    kubeconfig: PathBuf,
    version: String,
}

#[derive(Debug)]
struct Process(Child);

impl Process {
    fn start(program: &Path, options: &ServeOptions, log: &Path) -> Result<(Self, Option<ChildStdout>), Error> {
        let log = OpenOptions::new().create(true).append(true).open(log).map_err(Error::file(log))?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--dir").arg(&options.dir);
        for (name, value) in [
            ("--version", &options.version),
            ("--service-cidr", &options.service_cidr),
            ("--authentication-url", &options.authentication_url),
            ("--service-account-issuer", &options.service_account_issuer),
        ] {
            command.arg(name).arg(value);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child =
            command.spawn().map_err(|source| Error::Start { program: program.display().to_string(), source })?;
        let output = child.stdout.take();
        Ok((Self(child), output))
    }
}

impl Drop for Process {
    /// Closing its standard input ends it, etcd last.
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(15);
        while matches!(self.0.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.0.kill();
                let _ = self.0.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn first_line(output: Option<ChildStdout>) -> String {
    let mut line = String::new();
    if let Some(output) = output {
        // What cannot be read is as little ready as what says nothing.
        let _ = BufReader::new(output).read_line(&mut line);
    }
    line
}

fn failed(log: &Path) -> Error {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    Error::Kubernetes { log: log.to_owned(), tail: tail(&text, 20) }
}
