//! A VPC of the platform's own, with subnets in every zone and a route table for each way out.

use domain::ResourceId;
use ipnet::Ipv4Net;
use manifest::Network;

use super::addresses::{self, Layout, POD_ZONES};
use super::zones::{self, Zone};
use super::{
    Ground, InternetGatewaySpec, PrivateSubnet, RouteTableSpec, SubnetSpec, Table, VpcCidrSpec, VpcSpec, Wanted,
    assign_slots, egress,
};
use crate::builder::Builder;
use crate::{Goal, Problem, Ref, Slots};

/// Tag keys by which a load balancer controller finds subnets:
/// <https://docs.aws.amazon.com/eks/latest/userguide/network-load-balancing.html>.
const PUBLIC_ROLE: &str = "kubernetes.io/role/elb";
const PRIVATE_ROLE: &str = "kubernetes.io/role/internal-elb";

/// The subnets of one zone.
struct Subnets {
    zone: Zone,
    private: Ipv4Net,
    public: Option<Ipv4Net>,
    pods: Option<Ipv4Net>,
}

pub(super) fn add(wanted: &Wanted<'_>, into: &mut Builder) -> Result<(Ground, Slots), Vec<Problem>> {
    let chosen = zones::choose(&wanted.network.availability_zones, wanted.facts)?;
    let slots = assign_slots(&chosen, &wanted.facts.slots);
    let block = wanted.network.cidr.unwrap_or_else(Network::default_cidr).trunc();
    let pods = wanted.network.pods.as_ref().map(|pods| pods.cidr.trunc());
    let divided = divide(wanted.network, block, pods, zones::numbered(&chosen, &slots), &slots)?;

    let vpc = into.add(Goal::Foundation, "vpc", VpcSpec { cidr: block, tags: wanted.tags.clone() });
    let vpc = Ref::id(&vpc);
    let more = pods.map(|cidr| {
        let name = format!("vpc-cidr-{}", label(cidr));
        into.add(Goal::Foundation, name, VpcCidrSpec { vpc: vpc.clone(), cidr })
    });
    let mut making = Making { wanted, vpc, more, into };
    let tables = making.tables(divided);
    let mut all: Vec<Table> = tables.public.iter().map(|public| making.table("public", &public.table)).collect();
    all.extend(
        tables.private.iter().map(|private| making.table(&format!("private-{}", private.subnet.zone), &private.table)),
    );
    let Making { vpc, .. } = making;
    egress::add(wanted, &tables, into);
    let cidrs = std::iter::once(block).chain(pods).collect();
    let private = tables.private.into_iter().map(|table| table.subnet).collect();
    Ok((Ground { vpc, cidrs, private, tables: all, api_groups: None }, slots))
}

/// The route tables and what stands behind them.
pub(super) struct Tables {
    /// Where there are public subnets.
    pub(super) public: Option<PublicTable>,
    /// One a zone, in order of the zones' numbers.
    pub(super) private: Vec<PrivateTable>,
}

/// The table of all public subnets.
pub(super) struct PublicTable {
    pub(super) table: ResourceId,
    pub(super) gateway: ResourceId,
    /// One a zone, in order of the zones' numbers, with the zones' ids.
    pub(super) subnets: Vec<(String, ResourceId)>,
}

/// The table of one zone's private subnets.
pub(super) struct PrivateTable {
    pub(super) table: ResourceId,
    pub(super) subnet: PrivateSubnet,
}

/// A block in a resource's name.
pub(super) fn label(block: Ipv4Net) -> String {
    block.to_string().replace('/', "-")
}

fn divide(
    network: &Network,
    block: Ipv4Net,
    pods: Option<Ipv4Net>,
    zones: Vec<Zone>,
    slots: &Slots,
) -> Result<Vec<Subnets>, Vec<Problem>> {
    let mut problems = Vec::new();
    let layout = Layout::of(block);
    match &layout {
        None => problems.push(unfit("cidr", block)),
        Some(layout) => problems.extend(crowded("cidr", block, &zones, slots, layout.zones())),
    }
    let pool = pods.map(|pods| (pods, addresses::pods(pods)));
    match &pool {
        Some((pods, None)) => problems.push(unfit("pods.cidr", *pods)),
        Some((pods, Some(_))) => problems.extend(crowded("pods.cidr", *pods, &zones, slots, POD_ZONES)),
        None => {}
    }
    let Some(layout) = layout.filter(|_| problems.is_empty()) else { return Err(problems) };
    let subnets = |zone: Zone| {
        let public = network.public_subnets.then(|| layout.public(zone.slot)).transpose()?;
        let pods = pool.and_then(|(_, pool)| pool).map(|pool| pool.subnet(zone.slot)).transpose()?;
        Ok(Subnets { private: layout.private(zone.slot)?, public, pods, zone })
    };
    let divided: Result<Vec<Subnets>, domain::CidrError> = zones.into_iter().map(subnets).collect();
    divided.map_err(|error| vec![Problem::network("BadCidrSize", "cidr", error.to_string(), "choose a larger block")])
}

fn unfit(field: &str, block: Ipv4Net) -> Problem {
    Problem::network("BadCidrSize", field, format!("{block} cannot be divided"), "write a block from /16 to /24")
}

/// A zone that was left keeps its place, because its subnets may still be there.
fn crowded(field: &str, block: Ipv4Net, zones: &[Zone], slots: &Slots, room: u32) -> Option<Problem> {
    let outside: Vec<&str> = zones.iter().filter(|zone| zone.slot >= room).map(|zone| zone.id.as_str()).collect();
    if outside.is_empty() {
        return None;
    }
    let inside: Vec<&str> = slots.iter().filter(|(_, slot)| **slot < room).map(|(zone, _)| zone.as_str()).collect();
    let message = format!("{block} has room for {room} zones, and none for {}", outside.join(", "));
    let fix = format!("use no zones but {}, or a larger block", inside.join(", "));
    Some(Problem::network("NoRoomForZones", field, message, fix))
}

/// What the resources of the VPC are made with.
struct Making<'a, 'b> {
    wanted: &'a Wanted<'a>,
    vpc: Ref,
    /// The block of the pods, of which their subnets say nothing.
    more: Option<ResourceId>,
    into: &'b mut Builder,
}

impl Making<'_, '_> {
    fn tables(&mut self, divided: Vec<Subnets>) -> Tables {
        let public: Vec<(String, ResourceId)> = divided
            .iter()
            .filter_map(|subnets| Some((subnets.zone.id.clone(), self.public_subnet(&subnets.zone, subnets.public?))))
            .collect();
        let private = divided.iter().map(|subnets| self.private(subnets)).collect();
        let public = (!public.is_empty()).then(|| self.public(public));
        Tables { public, private }
    }

    fn public(&mut self, subnets: Vec<(String, ResourceId)>) -> PublicTable {
        let spec = InternetGatewaySpec { vpc: self.vpc.clone(), tags: self.wanted.tags.clone() };
        let gateway = self.into.add(Goal::Foundation, "internet-gateway", spec);
        let used_by = subnets.iter().map(|(_, subnet)| Ref::id(subnet)).collect();
        PublicTable { table: self.route_table("route-table-public", used_by), gateway, subnets }
    }

    fn private(&mut self, subnets: &Subnets) -> PrivateTable {
        let zone = subnets.zone.id.clone();
        let subnet = Ref::id(&self.subnet("private", &zone, subnets.private, Some(PRIVATE_ROLE), None));
        let more = self.more.clone();
        let pods = subnets.pods.map(|cidr| Ref::id(&self.subnet("pods", &zone, cidr, None, more)));
        let used_by = std::iter::once(subnet.clone()).chain(pods.clone()).collect();
        let table = self.route_table(&format!("route-table-private-{zone}"), used_by);
        PrivateTable { table, subnet: PrivateSubnet { zone, subnet, pods } }
    }

    fn public_subnet(&mut self, zone: &Zone, cidr: Ipv4Net) -> ResourceId {
        self.subnet("public", &zone.id, cidr, Some(PUBLIC_ROLE), None)
    }

    fn subnet(
        &mut self,
        what: &str,
        zone: &str,
        cidr: Ipv4Net,
        role: Option<&str>,
        after: Option<ResourceId>,
    ) -> ResourceId {
        let spec = SubnetSpec {
            vpc: self.vpc.clone(),
            zone: zone.to_owned(),
            cidr,
            role_tag: role.map(str::to_owned),
            public_addresses: role == Some(PUBLIC_ROLE),
            tags: self.wanted.tags.clone(),
        };
        self.into.add_after(Goal::Foundation, format!("subnet-{what}-{zone}"), spec, after)
    }

    fn route_table(&mut self, name: &str, subnets: Vec<Ref>) -> ResourceId {
        let spec = RouteTableSpec { vpc: self.vpc.clone(), subnets, tags: self.wanted.tags.clone() };
        self.into.add(Goal::Foundation, name, spec)
    }

    fn table(&self, label: &str, table: &ResourceId) -> Table {
        Table { label: label.to_owned(), table: Ref::id(table) }
    }
}
