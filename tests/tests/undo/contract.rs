//! Who must take part: a kind that is new joins the plans, or this fails.

use std::collections::BTreeSet;

use aws_config::BehaviorVersion;
use domain::{Component, Kind};

use crate::clusters::{FARGATE, NODES};
use crate::plans::NETWORK;
use crate::stage::{GATE, on_stage};

#[test]
fn every_kind_is_made_here_or_given() {
    on_stage(async |stage| {
        let (before, platform) = (&stage.before, stage.name());
        let of = |plan: plan::Plan, component: Component| {
            let own = plan.resources.into_iter().filter(|(id, _)| id.component() == component);
            own.map(|(_, desired)| desired.kind).collect::<BTreeSet<Kind>>()
        };
        let (given, made): (Vec<Kind>, Vec<Kind>) = Component::Network.kinds().partition(|kind| kind.is_given());
        for plan in [NETWORK.first, NETWORK.second] {
            assert_eq!(of(plan(before, &platform), Component::Network), made.iter().copied().collect());
        }
        let looked_at = of(before.given(&platform), Component::Network);
        assert!(given.iter().all(|kind| looked_at.contains(kind)));
        for plans in [[NODES.first, FARGATE.first], [NODES.second, FARGATE.second]] {
            let made: BTreeSet<Kind> =
                plans.into_iter().flat_map(|plan| of(plan(before, &platform), Component::Cluster)).collect();
            assert_eq!(made, Component::Cluster.kinds().collect());
        }
    });
}

#[test]
fn each_function_knows_every_kind_of_its_component() {
    let config = aws_config::SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
    let kinds = [
        (Component::Network, network::kinds(&network::Clients::new(&config))),
        (Component::Cluster, cluster::kinds(&cluster::Clients::new(&config, GATE.to_owned()))),
    ];
    for (component, kinds) in kinds {
        let known: Vec<Kind> = kinds.into_keys().collect();
        assert_eq!(known, component.kinds().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
    }
}
