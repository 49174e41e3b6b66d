//! A platform's cluster as the ledger knows it: where its Kubernetes API is, and who may use it.
//!
//! The ledger is asked and not EKS. So whoever may look at a platform finds the way to its cluster with no permission of
//! EKS, and what was replaced or is being deleted is never mistaken for what is there. Every run brings what EKS may
//! change up to date.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Component, Kind, PlatformName, Record, Region, ResourceId, State};
use http::Uri;
use ledger::{Platform, Status};
use plan::cluster::{AccessEntrySpec, CONTROL_PLANE, ControlPlaneSpec};
use plan::network::{SecurityGroupSpec, Source};
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::failure::Failure;
use crate::output::access::no_answer;
use crate::printer::Printer;

/// How long a connection may take; within AWS's networks it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// A cluster that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The platform, and so the cluster's own name.
    pub platform: PlatformName,
    /// Its region.
    pub region: Region,
    /// Its ARN.
    pub arn: String,
    /// The URL of its Kubernetes API.
    pub endpoint: String,
    /// The certificate of the authority that signed that of the endpoint, PEM in base64.
    pub authority: String,
    /// The minor that runs.
    pub version: String,
    /// The blocks of the internet from which the API is reached.
    pub public: Vec<String>,
    /// The blocks of other networks from which it is reached.
    pub private: Vec<String>,
    /// The ARNs of the roles and users that have an access entry, Landfall's own among them, in order.
    pub principals: Vec<String>,
}

impl Cluster {
    /// From where the API is reached: `203.0.113.7/32, 10.200.0.0/16 and the platform's VPC`.
    pub fn reached_from(&self) -> String {
        let blocks: Vec<&str> = self.public.iter().chain(&self.private).map(String::as_str).collect();
        if blocks.is_empty() {
            "the platform's VPC alone".to_owned()
        } else {
            format!("{} and the platform's VPC", blocks.join(", "))
        }
    }
}

/// The cluster of a platform with these records.
pub fn of(platform: &Platform, records: &[Record]) -> Result<Cluster, Failure> {
    let name = &platform.name;
    let record = control_plane(records).ok_or_else(|| none(platform))?;
    if let Some(state) = unusable(record) {
        return Err(Failure::new(format!("The cluster of `{name}` {state}"))
            .hint(format!("Look at it with `landfall describe {name} {}`", record.id)));
    }
    let output = |name: &str| record.outputs.get(name).cloned();
    let known = (output("arn"), output("endpoint"), output("certificateAuthority"), output("version"));
    let (Some(arn), Some(endpoint), Some(authority), Some(version)) = known else {
        return Err(Failure::new(format!("The cluster of `{name}` is not ready yet"))
            .hint(format!("Follow the run that makes it with `landfall status {name} --watch`")));
    };
    let spec: ControlPlaneSpec = spec(record)?;
    Ok(Cluster {
        platform: name.clone(),
        region: platform.target.region.clone(),
        arn,
        endpoint,
        authority,
        version,
        public: spec.public_access_cidrs.iter().map(ToString::to_string).collect(),
        private: private(&spec, records)?,
        principals: principals(records)?,
    })
}

/// Warns if the API takes no connection from here, and says from where it does.
pub async fn tell_if_unreached(cluster: &Cluster, printer: Printer) {
    if !answers(&cluster.endpoint).await {
        printer.warn(&no_answer(cluster));
    }
}

/// Whether a connection can be made.
async fn answers(endpoint: &str) -> bool {
    let Ok(address) = endpoint.parse::<Uri>() else { return false };
    let place = (address.host().unwrap_or_default().to_owned(), address.port_u16().unwrap_or(443));
    matches!(tokio::time::timeout(PATIENCE, TcpStream::connect(place)).await, Ok(Ok(_)))
}

/// The newest record of the control plane.
pub fn control_plane(records: &[Record]) -> Option<&Record> {
    let id = ResourceId::new(Component::Cluster, CONTROL_PLANE);
    let all = records.iter().filter(|record| record.id == id && record.state != State::Gone);
    all.max_by_key(|record| record.generation)
}

/// Those of some records that are there and stay, the newest of each resource.
pub fn there(records: &[Record], kind: Kind) -> impl Iterator<Item = &Record> {
    let mut newest: BTreeMap<&ResourceId, &Record> = BTreeMap::new();
    for record in records.iter().filter(|record| record.kind == kind && is_there(record)) {
        let known = newest.entry(&record.id).or_insert(record);
        if known.generation < record.generation {
            *known = record;
        }
    }
    newest.into_values()
}

fn is_there(record: &Record) -> bool {
    matches!(record.state, State::Pending(_) | State::Ready | State::Updating(_))
}

fn none(platform: &Platform) -> Failure {
    let name = &platform.name;
    if platform.status == Status::Gone {
        return Failure::new(format!("The platform `{name}` is gone"))
            .hint(format!("See the proof of that with `landfall report {name}`"));
    }
    let failure = Failure::new(format!("The platform `{name}` has no cluster"));
    if platform.lease.is_some() {
        return failure.hint(format!("A run is under way: follow it with `landfall status {name} --watch`"));
    }
    failure.hint("Ask for one with `cluster: {}` in its manifest: `landfall explain cluster`")
}

fn unusable(record: &Record) -> Option<String> {
    match &record.state {
        State::Ready | State::Updating(_) | State::Gone => None,
        // Without an endpoint, it is said below what to do.
        State::Creating(_) | State::Unknown(_) | State::Pending(_) => None,
        State::Retiring(_) | State::Deleting(_) => Some("is being taken away".to_owned()),
        State::Failed(operation) => {
            let reason = operation.reason.as_deref().unwrap_or("AWS gave no reason");
            Some(format!("has failed: {reason}"))
        }
    }
}

/// What the control plane's security groups admit.
fn private(control_plane: &ControlPlaneSpec, records: &[Record]) -> Result<Vec<String>, Failure> {
    let mut blocks = Vec::new();
    for record in there(records, Kind::SecurityGroup) {
        let id = record.outputs.get("id").map(String::as_str);
        if control_plane.security_groups.iter().any(|group| Some(group.as_str()) == id) {
            let group: SecurityGroupSpec = spec(record)?;
            // The gate's group is Landfall's own way.
            let blocks_of = group.ingress.iter().filter(|ingress| matches!(ingress.from, Source::Block(_)));
            blocks.extend(blocks_of.map(|ingress| ingress.from.to_string()));
        }
    }
    Ok(blocks)
}

fn principals(records: &[Record]) -> Result<Vec<String>, Failure> {
    there(records, Kind::AccessEntry).map(|record| Ok(spec::<AccessEntrySpec>(record)?.principal)).collect()
}

/// The spec of a record, as its kind has it.
pub fn spec<T: DeserializeOwned>(record: &Record) -> Result<T, Failure> {
    T::deserialize(&record.spec).map_err(|error| {
        Failure::new(format!("The record of `{}` cannot be read", record.id))
            .caused_by(&error)
            .hint("Use a `landfall` as new as the installation")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn said(failure: &Failure) -> String {
        crate::output::failure::render(crate::output::paint::Paint::PLAIN, failure)
    }

    #[test]
    fn a_cluster_with_its_networks_and_its_users() {
        let cluster = of(&fixtures::platform(), &fixtures::cluster_records()).unwrap();
        assert_eq!(cluster.endpoint, "https://0A1B2C3D.gr7.eu-west-1.eks.amazonaws.com");
        assert_eq!(cluster.reached_from(), "203.0.113.7/32, 10.200.0.0/16 and the platform's VPC");
        let names: Vec<&str> = cluster.principals.iter().filter_map(|arn| arn.rsplit('/').next()).collect();
        assert_eq!(names, ["landfall-cluster", "deployer", "ada"]);
        let closed = Cluster { public: Vec::new(), private: Vec::new(), ..cluster };
        assert_eq!(closed.reached_from(), "the platform's VPC alone");
    }

    #[tokio::test]
    async fn only_what_listens_is_reached() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("https://{}", listener.local_addr().unwrap());
        assert!(answers(&endpoint).await);
        drop(listener);
        assert!(!answers(&endpoint).await);
    }

    #[test]
    fn why_there_is_no_cluster_to_use() {
        let platform = fixtures::platform();
        let with = |change: &dyn Fn(&mut Record)| {
            let mut records = fixtures::cluster_records();
            records.iter_mut().filter(|record| record.kind == Kind::ControlPlane).for_each(change);
            said(&of(&platform, &records).unwrap_err())
        };
        let gone = Platform { status: Status::Gone, ..fixtures::platform() };
        let all = [
            said(&of(&platform, &[]).unwrap_err()),
            said(&of(&gone, &[]).unwrap_err()),
            with(&|record| drop(record.outputs.remove("endpoint"))),
            with(&|record| record.state = State::Deleting(fixtures::operation(5, None))),
            with(&|record| record.state = State::Failed(fixtures::operation(5, Some("EKS found no free address")))),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
