//! The control planes of all clusters: one real Kubernetes for each, started, told and ended in the order of the jobs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Gateway;
use super::door::Door;
use crate::Error;
use crate::eks::{Job, Wanted};
use crate::kubernetes::{self, ControlPlane, ServeOptions};

/// How often a control plane is asked how its add-ons fare, which nodes Fargate has, and which nodes it lacks.
const LOOK: Duration = Duration::from_millis(500);

/// Who gets the jobs of each cluster, by region and name.
#[derive(Debug)]
pub(crate) struct Planes {
    dir: PathBuf,
    /// The gateway's own address.
    endpoint: String,
    workers: Mutex<HashMap<(String, String), UnboundedSender<Job>>>,
    /// Where the API servers listen that run now.
    inner: Mutex<HashMap<(String, String), SocketAddr>>,
}

/// One cluster's control plane.
struct Worker {
    gateway: Weak<Gateway>,
    region: String,
    cluster: String,
    /// It, and the version that it was started with.
    plane: Option<(ControlPlane, String)>,
    /// Its public endpoint, which stays while it is started again.
    door: Option<Door>,
    told: Wanted,
}

impl Planes {
    /// With the control planes' data under this folder.
    pub(crate) fn new(dir: PathBuf, endpoint: &str) -> Self {
        Self { dir, endpoint: endpoint.to_owned(), workers: Mutex::default(), inner: Mutex::default() }
    }

    /// Has a job done after all that came before it for this cluster.
    pub(super) fn hand(gateway: &Arc<Gateway>, region: &str, cluster: &str, job: Job) {
        let key = (region.to_owned(), cluster.to_owned());
        let mut workers = gateway.planes.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = workers.entry(key).or_insert_with(|| {
            let (sender, receiver) = unbounded_channel();
            let worker = Worker {
                gateway: Arc::downgrade(gateway),
                region: region.to_owned(),
                cluster: cluster.to_owned(),
                plane: None,
                door: None,
                told: Wanted::default(),
            };
            tokio::spawn(worker.run(receiver));
            sender
        });
        // Its worker ends only with the gateway.
        let _ = worker.send(job);
    }

    /// Where a cluster's API server listens; nowhere while it does not run.
    pub(super) fn inner(&self, region: &str, cluster: &str) -> Option<SocketAddr> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.get(&(region.to_owned(), cluster.to_owned())).copied()
    }

    fn put(&self, region: &str, cluster: &str, address: Option<SocketAddr>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (region.to_owned(), cluster.to_owned());
        match address {
            Some(address) => drop(inner.insert(key, address)),
            None => drop(inner.remove(&key)),
        }
    }

    fn folder(&self, region: &str, cluster: &str) -> PathBuf {
        self.dir.join(region).join(cluster)
    }
}

impl Worker {
    async fn run(mut self, mut jobs: UnboundedReceiver<Job>) {
        // Not only when there is nothing to do: while add-ons come, there always is.
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let job = tokio::select! {
                job = jobs.recv() => match job {
                    Some(job) => Some(job),
                    None => return,
                },
                _ = looks.tick() => None,
            };
            let Some(gateway) = self.gateway.upgrade() else { return };
            let done = match job {
                Some(Job::Start { version, .. }) => self.start(&gateway, version).await,
                Some(Job::End { .. }) => self.end(&gateway).await,
                Some(_) => self.tell(&gateway).await,
                None => self.look(&gateway).await,
            };
            if let Err(error) = done {
                tracing::error!(cluster = self.cluster, error = describe(&error), "the control plane");
            }
        }
    }

    async fn start(&mut self, gateway: &Gateway, version: String) -> Result<(), Error> {
        self.stop(gateway).await;
        let Some(origin) = gateway.eks.origin(&self.region, &self.cluster) else { return Ok(()) };
        let Planes { endpoint, .. } = &gateway.planes;
        let options = ServeOptions {
            dir: gateway.planes.folder(&self.region, &self.cluster),
            version,
            service_cidr: origin.service_cidr,
            authentication_url: format!("{endpoint}/_sandbox/eks/{}/{}/authenticate", self.region, self.cluster),
            service_account_issuer: origin.issuer,
        };
        match self.run_behind_its_door(gateway, &options).await {
            Ok((plane, endpoint)) => {
                let authority = plane.certificate_authority().to_owned();
                let (version, kubeconfig) = (plane.version(), plane.kubeconfig().display());
                tracing::info!("Kubernetes {version} runs as {}; its administrator has {kubeconfig}", self.cluster);
                self.plane = Some((plane, options.version));
                self.told = Wanted::default();
                gateway.eks.plane_started(&self.region, &self.cluster, &endpoint, &authority);
                self.tell(gateway).await
            }
            Err(error) => {
                gateway.eks.plane_failed(&self.region, &self.cluster, &describe(&error));
                Err(error)
            }
        }
    }

    /// A control plane that is ready, and its public endpoint: that of before, if there was one.
    async fn run_behind_its_door(
        &mut self,
        gateway: &Gateway,
        options: &ServeOptions,
    ) -> Result<(ControlPlane, String), Error> {
        let plane = ControlPlane::start(&kubernetes::program().await?, options).await?;
        let door = match self.door.take() {
            Some(door) => door,
            None => {
                let port = gateway.eks.public_port(&self.region, &self.cluster).unwrap_or_default();
                let door = Door::new(self.gateway.clone(), &self.region, &self.cluster, port);
                door.map_err(|error| Error::Gateway(error.into()))?
            }
        };
        let endpoint = door.endpoint();
        self.door = Some(door);
        gateway.planes.put(&self.region, &self.cluster, plane.address());
        Ok((plane, endpoint))
    }

    async fn tell(&mut self, gateway: &Gateway) -> Result<(), Error> {
        let wanted = gateway.eks.wanted(&gateway.ec2, &self.region, &self.cluster);
        let (Some((plane, _)), Some(wanted)) = (&self.plane, wanted) else { return Ok(()) };
        if wanted.nodes != self.told.nodes {
            plane.nodes(&wanted.nodes).await?;
        }
        if wanted.pools != self.told.pools {
            plane.node_pools(wanted.pools.as_deref().unwrap_or_default()).await?;
        }
        if wanted.profiles != self.told.profiles {
            plane.fargate_profiles(&wanted.profiles).await?;
        }
        if wanted.addons != self.told.addons {
            plane.addons(&wanted.addons).await?;
        }
        if wanted.access != self.told.access {
            plane.access(&wanted.access).await?;
        }
        self.told = wanted;
        Ok(())
    }

    // Every so often: EKS replaces a control plane that has failed, too.
    // <https://docs.aws.amazon.com/eks/latest/userguide/disaster-recovery-resiliency.html>
    async fn look(&mut self, gateway: &Gateway) -> Result<(), Error> {
        let Some((plane, version)) = &mut self.plane else { return Ok(()) };
        if !plane.is_running() {
            let version = version.clone();
            return self.start(gateway, version).await;
        }
        // What a control plane did not take, it may take now.
        self.tell(gateway).await?;
        let Some((plane, _)) = &self.plane else { return Ok(()) };
        gateway.eks.fargate_told(&self.region, &self.cluster, &plane.fargate_nodes().await?);
        if !self.told.addons.is_empty() {
            let health = plane.addon_health().await?;
            gateway.eks.addons_told(&self.region, &self.cluster, &health);
        }
        if self.told.pools.is_some() {
            let demand = plane.demand().await?;
            gateway.eks.demanded(&gateway.ec2, &self.region, &self.cluster, &self.told, &demand);
        }
        Ok(())
    }

    async fn end(&mut self, gateway: &Gateway) -> Result<(), Error> {
        self.stop(gateway).await;
        self.door = None;
        let folder = gateway.planes.folder(&self.region, &self.cluster);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(folder)(error)),
            _ => Ok(()),
        }
    }

    // Ending a process blocks.
    async fn stop(&mut self, gateway: &Gateway) {
        gateway.planes.put(&self.region, &self.cluster, None);
        if let Some(plane) = self.plane.take() {
            let ended = tokio::task::spawn_blocking(move || drop(plane)).await;
            if let Err(error) = ended {
                tracing::error!(%error, "a control plane did not end");
            }
        }
    }
}

fn describe(error: &Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
