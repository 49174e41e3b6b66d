//! Who must take part: a kind that is new joins the plans, or this fails.

use std::collections::BTreeSet;

use aws_config::BehaviorVersion;
use domain::{Component, Kind};

use crate::plans::Before;

#[test]
fn every_kind_is_made_here_or_given() {
    let before = Before {
        peer: "vpc-00000000000000009".into(),
        transit_gateway: "tgw-00000000000000009".into(),
        vpc: "vpc-00000000000000001".into(),
        subnets: ["subnet-00000000000000001".into(), "subnet-00000000000000002".into()],
    };
    let platform = "demo".parse().unwrap();
    let of = |plan: plan::Plan| plan.resources.into_values().map(|desired| desired.kind).collect::<BTreeSet<Kind>>();
    let (given, made): (Vec<Kind>, Vec<Kind>) = Component::Network.kinds().partition(|kind| kind.is_given());
    assert_eq!(of(before.first(&platform)), made.iter().copied().collect());
    assert_eq!(of(before.second(&platform)), made.into_iter().collect());
    assert!(given.iter().all(|kind| of(before.given(&platform)).contains(kind)));
}

#[test]
fn the_network_function_knows_every_kind() {
    let config = aws_config::SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
    let known: Vec<Kind> = network::kinds(&network::Clients::new(&config)).into_keys().collect();
    assert_eq!(known, Component::Network.kinds().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
}
