//! The critical path of a platform: which chain of resources, each begun when the one before is done, takes longest.
//!
//! The edges are those of the records, so it is the path of what is really there; the durations are AWS's alone, as the
//! sandbox models them. What takes AWS seconds counts nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ::sandbox::durations::Durations;
use domain::{Component, Edge, Kind, Record};
use serde_json::Value;

/// A chain of resources, in the order in which they come or go.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chain {
    steps: Vec<(String, Duration)>,
}

impl Chain {
    /// How long AWS takes for all of it.
    pub(super) fn takes(&self) -> Duration {
        self.steps.iter().map(|(_, takes)| *takes).sum()
    }

    fn then(&self, edge: &Edge, takes: Duration) -> Self {
        let mut steps = self.steps.clone();
        if !takes.is_zero() {
            steps.push((edge.resource.name().to_owned(), takes));
        }
        Self { steps }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps.iter().map(|(name, takes)| format!("{name} {:.0} s", takes.as_secs_f64()));
        f.write_str(&steps.collect::<Vec<_>>().join(" -> "))
    }
}

/// The longest chain of a deploy: everything after what it needs.
pub(super) fn up(records: &[Record], durations: Durations) -> Chain {
    let before = |record: &Record| record.needs.clone();
    longest(records, &before, &|record| creating(record, records, durations))
}

/// The longest chain of a teardown: everything after what needs it, and the network after all else, because what still
/// runs needs its ways out.
pub(super) fn down(records: &[Record], durations: Durations) -> Chain {
    let chains = Component::ALL.iter().rev().map(|component| {
        let own: Vec<Record> = records.iter().filter(|record| record.id.component() == *component).cloned().collect();
        let users = |record: &Record| {
            let edge = record.edge();
            own.iter().filter(|other| other.needs.contains(&edge)).map(Record::edge).collect()
        };
        longest(&own, &users, &|record| deleting(record, &own, durations))
    });
    Chain { steps: chains.flat_map(|chain| chain.steps).collect() }
}

fn longest(records: &[Record], before: &dyn Fn(&Record) -> Vec<Edge>, takes: &dyn Fn(&Record) -> Duration) -> Chain {
    let mut known = BTreeMap::new();
    let all = records.iter().map(|record| chain_to(record, records, before, takes, &mut known));
    all.max_by_key(Chain::takes).unwrap_or_default()
}

fn chain_to(
    record: &Record,
    records: &[Record],
    before: &dyn Fn(&Record) -> Vec<Edge>,
    takes: &dyn Fn(&Record) -> Duration,
    known: &mut BTreeMap<Edge, Chain>,
) -> Chain {
    let edge = record.edge();
    if let Some(chain) = known.get(&edge) {
        return chain.clone();
    }
    let mut longest = Chain::default();
    for earlier in before(record) {
        let Some(earlier) = records.iter().find(|record| record.edge() == earlier) else { continue };
        let chain = chain_to(earlier, records, before, takes, known);
        if chain.takes() > longest.takes() {
            longest = chain;
        }
    }
    let chain = longest.then(&edge, takes(record));
    known.insert(edge, chain.clone());
    chain
}

/// EKS makes and deletes one profile of a cluster at a time, so the last one takes as long as all.
fn fargate(records: &[Record], durations: Durations) -> Duration {
    let profiles = records.iter().filter(|record| record.kind == Kind::FargateProfile).count();
    durations.fargate_profile_changing() * u32::try_from(profiles).unwrap_or(u32::MAX)
}

fn creating(record: &Record, records: &[Record], durations: Durations) -> Duration {
    match record.kind {
        Kind::NatGateway => durations.nat_gateway_pending(),
        Kind::InterfaceEndpoint => durations.endpoint_pending(),
        Kind::TransitGatewayAttachment => durations.attachment_changing(),
        Kind::ControlPlane => durations.control_plane_creating(),
        Kind::NodeGroup => durations.node_group_changing(),
        Kind::FargateProfile => fargate(records, durations),
        Kind::Addon => durations.addon_changing(),
        Kind::Function => durations.function_attaching(),
        _ => Duration::ZERO,
    }
}

fn deleting(record: &Record, records: &[Record], durations: Durations) -> Duration {
    match record.kind {
        Kind::NatGateway => durations.nat_gateway_deleting(),
        Kind::InterfaceEndpoint => durations.endpoint_deleting(),
        Kind::ControlPlane => {
            // Protection and logs are turned off one after the other, because EKS does one update at a time.
            let protected = record.spec["deletionProtection"] == true;
            let logs = record.spec["logging"].as_array().is_some_and(|logs: &Vec<Value>| !logs.is_empty());
            let updates = u32::from(protected) + u32::from(logs);
            durations.control_plane_configuring() * updates + durations.control_plane_deleting()
        }
        Kind::Function => durations.function_interfaces_left(),
        Kind::TransitGatewayAttachment | Kind::NodeGroup | Kind::FargateProfile | Kind::Addon => {
            creating(record, records, durations)
        }
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use domain::{Generation, Outputs, ResourceId, State};
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn record(name: &str, kind: Kind, needs: &[&str]) -> Record {
        let edge = |name: &&str| Edge { resource: id(name), generation: Generation::FIRST };
        Record {
            id: id(name),
            generation: Generation::FIRST,
            kind,
            schema: Record::SCHEMA,
            target: domain::Target { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() },
            locator: None,
            spec: json!({"deletionProtection": true, "logging": ["api"]}),
            needs: needs.iter().map(edge).collect(),
            state: State::Ready,
            outputs: Outputs::new(),
            adopted: false,
            attempts: 1,
            confirmed: None,
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        }
    }

    fn id(name: &str) -> ResourceId {
        let component = if ["vpc", "nat"].contains(&name) { Component::Network } else { Component::Cluster };
        ResourceId::new(component, name)
    }

    #[test]
    fn the_longest_chain_is_told_both_ways() {
        let records = [
            record("vpc", Kind::Vpc, &[]),
            record("nat", Kind::NatGateway, &["vpc"]),
            record("control-plane", Kind::ControlPlane, &["vpc"]),
            record("one", Kind::FargateProfile, &["control-plane", "nat"]),
            record("two", Kind::FargateProfile, &["control-plane", "nat"]),
            record("dns", Kind::Addon, &["one"]),
        ];
        let durations = Durations::at(1.0);
        assert_eq!(up(&records, durations).to_string(), "control-plane 540 s -> one 180 s -> dns 30 s");
        let down = down(&records, durations);
        assert_eq!(down.to_string(), "dns 30 s -> one 180 s -> control-plane 420 s -> nat 50 s");
        assert_eq!(down.takes(), Duration::from_secs(680));
    }
}
