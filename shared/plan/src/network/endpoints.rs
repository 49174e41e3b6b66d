//! Private ways to AWS services.

use std::collections::BTreeSet;

use manifest::{EndpointMode, Nat, WITHOUT_NAT};

use super::{GatewayEndpointSpec, Ground, Ingress, InterfaceEndpointSpec, SecurityGroupSpec, Source, Wanted};
use crate::builder::Builder;
use crate::{Goal, Ref};

/// The services that have gateway endpoints. These cost nothing.
const GATEWAYS: &[&str] = &["s3", "dynamodb"];

/// Adds the endpoints that the manifest needs and names, without those that a given VPC has already: a second one of the
/// same service would fight over its private name.
pub(super) fn add(wanted: &Wanted<'_>, ground: &Ground, into: &mut Builder) {
    let (gateways, interfaces): (Vec<&str>, Vec<&str>) =
        services(wanted).into_iter().partition(|service| GATEWAYS.contains(service));
    for service in gateways {
        let spec = GatewayEndpointSpec {
            vpc: ground.vpc.clone(),
            service: full_name(wanted, service),
            route_tables: ground.tables.iter().map(|table| table.table.clone()).collect(),
            tags: wanted.tags.clone(),
        };
        into.add(Goal::Egress, name(service), spec);
    }
    if interfaces.is_empty() {
        return;
    }
    let group = Ref::id(&into.add(Goal::Foundation, "security-group-endpoints", clients(wanted, ground)));
    for service in interfaces {
        let spec = InterfaceEndpointSpec {
            vpc: ground.vpc.clone(),
            service: full_name(wanted, service),
            subnets: ground.subnets(),
            security_groups: vec![group.clone()],
            tags: wanted.tags.clone(),
        };
        into.add(Goal::Egress, name(service), spec);
    }
}

fn services<'a>(wanted: &Wanted<'a>) -> BTreeSet<&'a str> {
    let asked = &wanted.network.vpc_endpoints;
    let mut services: BTreeSet<&str> = asked.additional.iter().map(String::as_str).collect();
    if asked.mode == EndpointMode::Auto {
        services.insert("s3");
        if wanted.network.nat == Nat::Disable {
            services.extend(WITHOUT_NAT);
        }
    }
    if let Some(given) = &wanted.facts.given {
        services.retain(|service| !given.endpoints.iter().any(|there| there == service));
    }
    services
}

/// Who may reach the endpoints: everything in the VPC.
fn clients(wanted: &Wanted<'_>, ground: &Ground) -> SecurityGroupSpec {
    SecurityGroupSpec {
        vpc: ground.vpc.clone(),
        name: format!("landfall-{}-endpoints", wanted.manifest.metadata.name),
        description: "Clients of the VPC endpoints".to_owned(),
        ingress: ground.cidrs.iter().map(|block| Ingress { port: 443, from: Source::Block(*block) }).collect(),
        tags: wanted.tags.clone(),
    }
}

fn full_name(wanted: &Wanted<'_>, service: &str) -> String {
    format!("com.amazonaws.{}.{service}", wanted.target.region)
}

fn name(service: &str) -> String {
    format!("endpoint-{}", service.replace('.', "-"))
}
