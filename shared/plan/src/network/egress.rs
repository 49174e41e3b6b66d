//! The ways of a platform's own VPC to the internet.

use domain::ResourceId;
use ipnet::Ipv4Net;
use manifest::Nat;

use super::made::{PublicTable, Tables};
use super::{ElasticIpSpec, NatGatewaySpec, RouteSpec, Via, Wanted};
use crate::builder::Builder;
use crate::{Goal, Ref};

/// Adds the default routes, and the NAT gateways that the private ones lead to: one in the zone that came first, or one
/// in every zone, or none.
pub(super) fn add(wanted: &Wanted<'_>, tables: &Tables, into: &mut Builder) {
    let Some(public) = &tables.public else { return };
    let via = Via::InternetGateway(Ref::id(&public.gateway));
    default_route("public", &public.table, via, into);
    let in_zones = match wanted.network.nat {
        Nat::Disable => 0,
        Nat::Single => 1,
        Nat::HighlyAvailable => public.subnets.len(),
    };
    let gateways: Vec<(&str, ResourceId)> = public.subnets[..in_zones.min(public.subnets.len())]
        .iter()
        .map(|(zone, subnet)| (zone.as_str(), nat_gateway(wanted, zone, subnet, public, into)))
        .collect();
    for private in &tables.private {
        let own = gateways.iter().find(|(zone, _)| *zone == private.subnet.zone);
        if let Some((_, gateway)) = own.or(gateways.first()) {
            let via = Via::NatGateway(Ref::id(gateway));
            default_route(&format!("private-{}", private.subnet.zone), &private.table, via, into);
        }
    }
}

fn nat_gateway(
    wanted: &Wanted<'_>,
    zone: &str,
    subnet: &ResourceId,
    public: &PublicTable,
    into: &mut Builder,
) -> ResourceId {
    let tags = wanted.tags.clone();
    let spec = ElasticIpSpec { subnet: Ref::id(subnet), tags: tags.clone() };
    let address = into.add(Goal::Egress, format!("address-{zone}"), spec);
    let spec = NatGatewaySpec { subnet: Ref::id(subnet), address: Ref::id(&address), tags };
    // AWS makes none in a VPC without an internet gateway, and detaches none from a VPC that has public addresses.
    into.add_after(Goal::Egress, format!("nat-{zone}"), spec, [public.gateway.clone()])
}

fn default_route(label: &str, table: &ResourceId, via: Via, into: &mut Builder) {
    let spec = RouteSpec { table: Ref::id(table), destination: Ipv4Net::default(), via };
    into.add(Goal::Egress, format!("route-{label}-default"), spec);
}
