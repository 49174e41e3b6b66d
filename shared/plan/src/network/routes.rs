//! The ways to other networks that the manifest names.

use std::collections::BTreeMap;

use domain::ResourceId;

use super::made::label;
use super::{Ground, PeeringSpec, RouteSpec, TransitGatewayAttachmentSpec, Via, Wanted};
use crate::builder::Builder;
use crate::{Goal, Ref};

/// Adds each route to every table, with one peering connection or attachment for all routes that lead through it.
pub(super) fn add(wanted: &Wanted<'_>, ground: &Ground, into: &mut Builder) {
    let mut ways: BTreeMap<&str, ResourceId> = BTreeMap::new();
    for route in wanted.network.routes.values() {
        let (via, after) = match (&route.peer_vpc_id, &route.transit_gateway_id) {
            (Some(peer), _) => {
                let peering = ways.entry(peer).or_insert_with(|| peering(wanted, ground, peer, into));
                (Via::Peering(Ref::id(peering)), None)
            }
            (None, Some(gateway)) => {
                let attachment = ways.entry(gateway).or_insert_with(|| attachment(wanted, ground, gateway, into));
                // The route names the transit gateway, and AWS refuses it before the VPC is attached.
                (Via::TransitGateway(gateway.clone()), Some(attachment.clone()))
            }
            // The manifest's rules let no route through that leads nowhere.
            (None, None) => continue,
        };
        let destination = route.cidr.trunc();
        for table in &ground.tables {
            let name = format!("route-{}-{}", table.label, label(destination));
            let spec = RouteSpec { table: table.table.clone(), destination, via: via.clone() };
            into.add_after(Goal::Egress, name, spec, after.clone());
        }
    }
}

fn peering(wanted: &Wanted<'_>, ground: &Ground, peer: &str, into: &mut Builder) -> ResourceId {
    let spec = PeeringSpec { vpc: ground.vpc.clone(), peer_vpc: peer.to_owned(), tags: wanted.tags.clone() };
    into.add(Goal::Egress, format!("peering-{peer}"), spec)
}

fn attachment(wanted: &Wanted<'_>, ground: &Ground, gateway: &str, into: &mut Builder) -> ResourceId {
    let spec = TransitGatewayAttachmentSpec {
        vpc: ground.vpc.clone(),
        transit_gateway: gateway.to_owned(),
        subnets: ground.subnets(),
        tags: wanted.tags.clone(),
    };
    into.add(Goal::Egress, format!("attachment-{gateway}"), spec)
}
