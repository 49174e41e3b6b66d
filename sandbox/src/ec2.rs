//! The EC2 network, as AWS behaves.
//!
//! MiniStack keeps EC2 objects but not EC2's rules: it deletes a subnet under a living NAT gateway, knows no secondary
//! CIDR, ignores most filters and `DryRun`, and has every NAT gateway available at once. So the gateway answers the
//! network calls from this model, and leaves to MiniStack what it does well: checking the signature and the policies.
//!
//! A resource is kept as the document that its Describe call prints (field names as on the wire), so that filters,
//! lists and answers need no second description of it. What each module corrects names the AWS page that says so.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::durations::Durations;

mod address;
mod authorize;
mod cidr;
mod endpoint;
mod filter;
mod flow_log;
mod function;
mod group;
pub(crate) mod instance_type;
mod interface;
mod internet_gateway;
mod launch_template;
mod listing;
mod managed;
mod nat;
mod peering;
mod reach;
mod request;
mod route;
mod rule;
mod store;
mod subnet;
mod tag;
#[cfg(test)]
mod tests;
mod transit;
mod vpc;
mod xml;
mod zone;

pub(crate) use authorize::Check;
pub(crate) use managed::Subnet;
pub(crate) use reach::{Bar, End};
pub(crate) use request::{Refusal, Request};
pub(crate) use store::random_uuid;

use store::Store;

/// The account that every sandbox plays in.
pub(crate) const ACCOUNT: &str = "111122223333";

/// The networks of all regions.
#[derive(Debug)]
pub(crate) struct Ec2 {
    regions: Mutex<HashMap<String, Store>>,
    durations: Durations,
}

/// What comes of a create, other than what is usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Aftermath {
    None,
    /// Describe does not show it for so long, as eventual consistency may hide it:
    /// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
    Hidden(Duration),
    /// What AWS goes on with by itself ends as failed, with this code and reason.
    Failing(String, String),
}

/// One call under way: what it asks, and the region that it changes.
struct Call<'a> {
    request: &'a Request,
    store: &'a mut Store,
    durations: Durations,
}

type Answer = Result<Value, Refusal>;
type Action = fn(&mut Call<'_>) -> Answer;

impl Ec2 {
    pub(crate) fn new(durations: Durations) -> Self {
        Self { regions: Mutex::default(), durations }
    }

    /// Whether this model answers the action; the others are MiniStack's.
    pub(crate) fn serves(action: &str) -> bool {
        find(action).is_some() || listing::serves(action)
    }

    /// What the caller must be allowed to do for this request.
    pub(crate) fn checks(&self, request: &Request) -> Vec<Check> {
        self.with_region(request, |call| authorize::checks(call.request, call.store))
    }

    /// Whether the request names a resource with a tag of this value.
    pub(crate) fn concerns(&self, request: &Request, text: &str) -> bool {
        let named = |id: &String, call: &Call<'_>| {
            call.store.any(id).is_some_and(|record| record.tags.values().any(|value| value == text))
        };
        self.with_region(request, |call| request.parameters.values().any(|value| named(value, call)))
    }

    /// The platform whose tag the request gives, or that owns what the request names.
    pub(crate) fn platform_of(&self, request: &Request) -> Option<String> {
        const TAG: &str = "landfall:platform";
        let given = request.parameters.iter().find(|(name, value)| name.ends_with(".Key") && *value == TAG);
        if let Some((name, _)) = given {
            return request.get(&format!("{}Value", name.trim_end_matches("Key"))).map(str::to_owned);
        }
        self.with_region(request, |call| {
            let owner = |id: &String| call.store.any(id)?.tags.get(TAG).cloned();
            request.parameters.values().filter(|value| value.contains('-')).find_map(owner)
        })
    }

    /// The ids of everything that is there with a tag of this value, whatever Describe shows of it.
    pub(crate) fn tagged(&self, value: &str) -> Vec<String> {
        let regions = self.regions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let gone =
            |record: &store::Record| record.has("state", "deleted") || record.document["status"]["code"] == "deleted";
        let all = regions.values().flat_map(Store::everything).filter(|record| !gone(record));
        all.filter(|record| record.tags.values().any(|one| one == value)).map(|record| record.id.clone()).collect()
    }

    /// The answer as EC2 XML. The caller has been authorized.
    pub(crate) fn answer(&self, request: &Request, aftermath: &Aftermath) -> Result<String, Refusal> {
        // DryRun: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html
        if request.flag("DryRun") == Some(true) {
            return Err(Refusal {
                status: 412,
                ..Refusal::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
            });
        }
        let members = self.with_region(request, |call| {
            if let Some(remembered) = call.store.remembered(call.request)? {
                return Ok(remembered);
            }
            let members = match find(&request.action) {
                Some(action) => action(call)?,
                None => listing::describe(call.request, call.store)?,
            };
            call.store.remember(call.request, &members);
            call.store.follow(aftermath);
            Ok::<_, Refusal>(members)
        })?;
        Ok(xml::response(request, &members))
    }

    fn with_region<T>(&self, request: &Request, run: impl FnOnce(&mut Call<'_>) -> T) -> T {
        let durations = self.durations;
        self.with_store(&request.region, |store| run(&mut Call { request, store, durations }))
    }

    fn with_store<T>(&self, region: &str, run: impl FnOnce(&mut Store) -> T) -> T {
        let mut regions = self.regions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let store = regions.entry(region.to_owned()).or_insert_with(|| Store::new(region));
        store.settle(self.durations);
        run(store)
    }
}

fn find(action: &str) -> Option<Action> {
    let found: Action = match action {
        "CreateVpc" => vpc::create,
        "DeleteVpc" => vpc::delete,
        "ModifyVpcAttribute" => vpc::modify_attribute,
        "DescribeVpcAttribute" => vpc::describe_attribute,
        "AssociateVpcCidrBlock" => vpc::associate_cidr,
        "DisassociateVpcCidrBlock" => vpc::disassociate_cidr,
        "CreateSubnet" => subnet::create,
        "DeleteSubnet" => subnet::delete,
        "ModifySubnetAttribute" => subnet::modify_attribute,
        "CreateInternetGateway" => internet_gateway::create,
        "AttachInternetGateway" => internet_gateway::attach,
        "DetachInternetGateway" => internet_gateway::detach,
        "DeleteInternetGateway" => internet_gateway::delete,
        "CreateRouteTable" => route::create_table,
        "DeleteRouteTable" => route::delete_table,
        "AssociateRouteTable" => route::associate,
        "DisassociateRouteTable" => route::disassociate,
        "ReplaceRouteTableAssociation" => route::replace_association,
        "CreateRoute" => route::create,
        "ReplaceRoute" => route::replace,
        "DeleteRoute" => route::delete,
        "AllocateAddress" => address::allocate,
        "ReleaseAddress" => address::release,
        "CreateNatGateway" => nat::create,
        "DeleteNatGateway" => nat::delete,
        "CreateVpcEndpoint" => endpoint::create,
        "ModifyVpcEndpoint" => endpoint::modify,
        "DeleteVpcEndpoints" => endpoint::delete,
        "DescribeVpcEndpointServices" => endpoint::describe_services,
        "DescribePrefixLists" => endpoint::describe_prefix_lists,
        "CreateSecurityGroup" => group::create,
        "DeleteSecurityGroup" => group::delete,
        "AuthorizeSecurityGroupIngress" => rule::authorize_ingress,
        "AuthorizeSecurityGroupEgress" => rule::authorize_egress,
        "RevokeSecurityGroupIngress" => rule::revoke_ingress,
        "RevokeSecurityGroupEgress" => rule::revoke_egress,
        "CreateNetworkInterface" => interface::create,
        "DeleteNetworkInterface" => interface::delete,
        "CreateFlowLogs" => flow_log::create,
        "DeleteFlowLogs" => flow_log::delete,
        "CreateVpcPeeringConnection" => peering::create,
        "AcceptVpcPeeringConnection" => peering::accept,
        "DeleteVpcPeeringConnection" => peering::delete,
        "CreateTransitGateway" => transit::create,
        "DeleteTransitGateway" => transit::delete,
        "CreateTransitGatewayVpcAttachment" => transit::attach,
        "ModifyTransitGatewayVpcAttachment" => transit::modify,
        "DeleteTransitGatewayVpcAttachment" => transit::detach,
        "CreateTags" => tag::create,
        "DeleteTags" => tag::delete,
        "DescribeTags" => tag::describe,
        "DescribeAvailabilityZones" => zone::describe,
        "DescribeInstanceTypes" => instance_type::describe,
        "CreateLaunchTemplate" => launch_template::create,
        "CreateLaunchTemplateVersion" => launch_template::create_version,
        "ModifyLaunchTemplate" => launch_template::modify,
        "DeleteLaunchTemplate" => launch_template::delete,
        "DescribeLaunchTemplates" => launch_template::describe,
        "DescribeLaunchTemplateVersions" => launch_template::describe_versions,
        _ => return None,
    };
    Some(found)
}
