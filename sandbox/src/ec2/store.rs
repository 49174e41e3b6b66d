//! The records of one region: every network resource, its tags, and the change that time will bring it.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rand::RngExt;
use serde_json::{Value, json};

use super::request::{Refusal, Request};
use super::{Aftermath, endpoint, nat, transit};
use crate::durations::Durations;

/// What a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Vpc,
    Subnet,
    InternetGateway,
    RouteTable,
    Address,
    NatGateway,
    Endpoint,
    SecurityGroup,
    SecurityGroupRule,
    Interface,
    FlowLog,
    Peering,
    TransitGateway,
    TransitGatewayAttachment,
    NetworkAcl,
    LaunchTemplate,
}

/// One resource.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// What Describe prints, without its tags.
    pub(super) document: Value,
    pub(super) tags: BTreeMap<String, String>,
    /// When its pending change ends.
    pub(super) due: Option<Instant>,
    visible: Instant,
}

/// One region.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) region: String,
    records: Vec<Record>,
    tokens: HashMap<String, (BTreeMap<String, String>, Value)>,
    latest: Vec<String>,
}

impl Kind {
    /// Prefix of the id; resource type in tag specifications and ARNs; field of the id; error for an unknown id; noun.
    fn facts(self) -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Vpc => ("vpc", "vpc", "vpcId", "InvalidVpcID.NotFound", "vpc ID"),
            Self::Subnet => ("subnet", "subnet", "subnetId", "InvalidSubnetID.NotFound", "subnet ID"),
            Self::InternetGateway => (
                "igw",
                "internet-gateway",
                "internetGatewayId",
                "InvalidInternetGatewayID.NotFound",
                "internetGateway ID",
            ),
            Self::RouteTable => ("rtb", "route-table", "routeTableId", "InvalidRouteTableID.NotFound", "routeTable ID"),
            Self::Address => {
                ("eipalloc", "elastic-ip", "allocationId", "InvalidAllocationID.NotFound", "allocation ID")
            }
            Self::NatGateway => ("nat", "natgateway", "natGatewayId", "NatGatewayNotFound", "Nat Gateway"),
            Self::Endpoint => {
                ("vpce", "vpc-endpoint", "vpcEndpointId", "InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id")
            }
            Self::SecurityGroup => ("sg", "security-group", "groupId", "InvalidGroup.NotFound", "security group"),
            Self::SecurityGroupRule => (
                "sgr",
                "security-group-rule",
                "securityGroupRuleId",
                "InvalidSecurityGroupRuleId.NotFound",
                "security group rule ID",
            ),
            Self::Interface => (
                "eni",
                "network-interface",
                "networkInterfaceId",
                "InvalidNetworkInterfaceID.NotFound",
                "networkInterface ID",
            ),
            Self::FlowLog => ("fl", "vpc-flow-log", "flowLogId", "InvalidFlowLogId.NotFound", "FlowLog ID"),
            Self::Peering => (
                "pcx",
                "vpc-peering-connection",
                "vpcPeeringConnectionId",
                "InvalidVpcPeeringConnectionID.NotFound",
                "vpcPeeringConnection ID",
            ),
            Self::TransitGateway => {
                ("tgw", "transit-gateway", "transitGatewayId", "InvalidTransitGatewayID.NotFound", "transitGateway ID")
            }
            Self::TransitGatewayAttachment => (
                "tgw-attach",
                "transit-gateway-attachment",
                "transitGatewayAttachmentId",
                "InvalidTransitGatewayAttachmentID.NotFound",
                "transitGatewayAttachment ID",
            ),
            Self::NetworkAcl => ("acl", "network-acl", "networkAclId", "InvalidNetworkAclID.NotFound", "networkAcl ID"),
            Self::LaunchTemplate => (
                "lt",
                "launch-template",
                "launchTemplateId",
                "InvalidLaunchTemplateId.NotFoundException",
                "launch template ID",
            ),
        }
    }

    /// The resource type in tag specifications and ARNs.
    pub(super) fn tag_type(self) -> &'static str {
        self.facts().1
    }

    pub(super) fn id_field(self) -> &'static str {
        self.facts().2
    }

    pub(super) fn not_found(self, id: &str) -> Refusal {
        let (_, _, _, code, noun) = self.facts();
        Refusal::new(code, format!("The {noun} '{id}' does not exist"))
    }

    pub(super) fn new_id(self) -> String {
        random_id(self.facts().0)
    }
}

impl Record {
    /// The text of a field, or nothing.
    pub(super) fn text(&self, field: &str) -> &str {
        self.document[field].as_str().unwrap_or_default()
    }

    pub(super) fn has(&self, field: &str, value: &str) -> bool {
        self.text(field) == value
    }

    /// The elements of a list field.
    pub(super) fn list(&self, field: &str) -> &[Value] {
        self.document[field].as_array().map_or(&[], Vec::as_slice)
    }

    pub(super) fn list_mut(&mut self, field: &str) -> &mut Vec<Value> {
        if !self.document[field].is_array() {
            self.document[field] = json!([]);
        }
        match &mut self.document[field] {
            Value::Array(list) => list,
            _ => unreachable!("made an array above"),
        }
    }

    pub(super) fn tag_set(&self) -> Value {
        self.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
    }
}

impl Store {
    pub(super) fn new(region: &str) -> Self {
        Self { region: region.to_owned(), records: Vec::new(), tokens: HashMap::new(), latest: Vec::new() }
    }

    /// Adds a record with a new id, which is also set in the document.
    pub(super) fn add(&mut self, kind: Kind, mut document: Value, tags: BTreeMap<String, String>) -> String {
        let id = kind.new_id();
        document[kind.id_field()] = json!(id);
        self.latest.push(id.clone());
        self.records.push(Record { id: id.clone(), kind, document, tags, due: None, visible: Instant::now() });
        id
    }

    pub(super) fn find(&self, kind: Kind, id: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.kind == kind && record.id == id)
    }

    pub(super) fn get(&self, kind: Kind, id: &str) -> Result<&Record, Refusal> {
        self.find(kind, id).ok_or_else(|| kind.not_found(id))
    }

    pub(super) fn get_mut(&mut self, kind: Kind, id: &str) -> Result<&mut Record, Refusal> {
        self.records.iter_mut().find(|record| record.kind == kind && record.id == id).ok_or_else(|| kind.not_found(id))
    }

    /// Any record by its id.
    pub(super) fn any_mut(&mut self, id: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.id == id)
    }

    pub(super) fn any(&self, id: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.id == id)
    }

    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.kind == kind)
    }

    pub(super) fn all_mut(&mut self, kind: Kind) -> impl Iterator<Item = &mut Record> {
        self.records.iter_mut().filter(move |record| record.kind == kind)
    }

    pub(super) fn everything(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    pub(super) fn visible(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        let now = Instant::now();
        self.all(kind).filter(move |record| record.visible <= now)
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.records.retain(|record| record.id != id);
    }

    pub(super) fn remove_where(&mut self, gone: impl Fn(&Record) -> bool) {
        self.records.retain(|record| !gone(record));
    }

    pub(super) fn schedule(&mut self, id: &str, after: Duration) {
        if let Some(record) = self.any_mut(id) {
            record.due = Some(Instant::now() + after);
        }
    }

    /// Brings every change to its end whose time has come.
    pub(super) fn settle(&mut self, durations: Durations) {
        self.latest.clear();
        let now = Instant::now();
        let due: Vec<(String, Kind)> = self
            .records
            .iter()
            .filter(|record| record.due.is_some_and(|due| due <= now))
            .map(|record| (record.id.clone(), record.kind))
            .collect();
        for (id, kind) in due {
            if let Some(record) = self.any_mut(&id) {
                record.due = None;
            }
            match kind {
                Kind::NatGateway => nat::settle(self, &id, durations),
                Kind::Endpoint => endpoint::settle(self, &id),
                Kind::TransitGatewayAttachment => transit::settle(self, &id),
                _ => {}
            }
        }
    }

    /// The answer that a client token was given before, with the state of today. That of something deleted makes nothing
    /// new: a retry succeeds "without performing any further actions. However, the result might contain updated
    /// information, such as the current creation status".
    /// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>
    pub(super) fn remembered(&self, request: &Request) -> Result<Option<Value>, Refusal> {
        let Some((parameters, answer)) = request.get("ClientToken").and_then(|token| self.tokens.get(token)) else {
            return Ok(None);
        };
        if *parameters == request.parameters {
            return Ok(Some(self.updated(answer.clone())));
        }
        Err(Refusal::new(
            "IdempotentParameterMismatch",
            "The client token you have provided is associated with a resource with different parameters.",
        ))
    }

    fn updated(&self, mut answer: Value) -> Value {
        for (field, kind) in [("natGateway", Kind::NatGateway), ("vpcEndpoint", Kind::Endpoint)] {
            let Some(id) = answer[field][kind.id_field()].as_str() else { continue };
            let state = self.find(kind, id).map_or("deleted", |record| record.text("state")).to_owned();
            answer[field]["state"] = json!(state);
        }
        answer
    }

    pub(super) fn remember(&mut self, request: &Request, answer: &Value) {
        if let Some(token) = request.get("ClientToken") {
            self.tokens.insert(token.to_owned(), (request.parameters.clone(), answer.clone()));
        }
    }

    /// Hides what the call under way has made, or dooms it.
    pub(super) fn follow(&mut self, aftermath: &Aftermath) {
        let latest = std::mem::take(&mut self.latest);
        for record in self.records.iter_mut().filter(|record| latest.contains(&record.id)) {
            match aftermath {
                Aftermath::None => {}
                Aftermath::Hidden(lag) => record.visible = Instant::now() + *lag,
                Aftermath::Failing(code, message) if record.due.is_some() => {
                    record.document["coming"] = json!({"failureCode": code, "failureMessage": message});
                }
                Aftermath::Failing(..) => {}
            }
        }
    }
}

/// An id as AWS makes them: a prefix and seventeen hexadecimal digits.
pub(super) fn random_id(prefix: &str) -> String {
    let digits = format!("{:032x}", rand::rng().random::<u128>());
    format!("{prefix}-{}", &digits[..17])
}

/// A UUID, as services name what they make.
pub(crate) fn random_uuid() -> String {
    let digits = format!("{:032x}", rand::rng().random::<u128>());
    let part = |from: usize, to: usize| &digits[from..to];
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// The present in the form of the EC2 API.
pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
