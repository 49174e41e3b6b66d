//! An account that shows what a test says, through clients that reach nothing else.

use aws_sdk_cloudwatchlogs::operation::delete_log_group::DeleteLogGroupOutput;
use aws_sdk_cloudwatchlogs::operation::describe_log_groups::DescribeLogGroupsOutput;
use aws_sdk_cloudwatchlogs::operation::list_tags_for_resource::ListTagsForResourceOutput;
use aws_sdk_cloudwatchlogs::types::LogGroup;
use aws_sdk_ec2::operation as ec2;
use aws_sdk_ec2::types::{Filter, Instance, NetworkInterface, SecurityGroup, Tag};
use aws_sdk_eks::operation::describe_cluster::DescribeClusterOutput;
use aws_sdk_eks::operation::list_clusters::ListClustersOutput;
use aws_sdk_eks::operation::list_fargate_profiles::ListFargateProfilesOutput;
use aws_sdk_eks::operation::list_nodegroups::ListNodegroupsOutput;
use aws_sdk_eks::types::Cluster;
use aws_sdk_iam::operation as iam;
use aws_sdk_kms::operation as kms;
use aws_sdk_lambda::operation::list_functions::ListFunctionsOutput;
use aws_sdk_lambda::operation::list_tags::ListTagsOutput;
use aws_sdk_lambda::types::FunctionConfiguration;
use aws_smithy_mocks::{Rule, mock};
use domain::Tags;

use crate::Clients;

/// What is there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) instances: Vec<Instance>,
    pub(crate) interfaces: Vec<NetworkInterface>,
    pub(crate) groups: Vec<SecurityGroup>,
    pub(crate) clusters: Vec<Cluster>,
    /// Each with its tags.
    pub(crate) keys: Vec<(aws_sdk_kms::types::KeyMetadata, Tags)>,
    /// Each with its tags.
    pub(crate) log_groups: Vec<(LogGroup, Tags)>,
    /// The names of functions, each with its tags.
    pub(crate) functions: Vec<(&'static str, Tags)>,
}

/// What answers a Describe call of EC2: those `items` that pass all filters.
macro_rules! shows {
    ($operation:ident, $output:path, $set:ident, $filters:ident, $items:expr, $passes:expr) => {{
        let items = $items;
        mock!(aws_sdk_ec2::Client::$operation).then_compute_output(move |input| {
            let passes = |item: &&_| input.$filters().iter().all(|filter| $passes(*item, filter));
            <$output>::builder().$set(Some(items.iter().filter(passes).cloned().collect())).build()
        })
    }};
    ($operation:ident, $output:path) => {
        mock!(aws_sdk_ec2::Client::$operation).then_output(|| <$output>::builder().build())
    };
}

impl Account {
    /// The clients, and the rule by which a log group is deleted.
    pub(crate) fn clients(&self) -> (Clients, Rule) {
        let deleted = mock!(aws_sdk_cloudwatchlogs::Client::delete_log_group)
            .then_output(|| DeleteLogGroupOutput::builder().build());
        let mut logs = self.logs();
        logs.push(deleted.clone());
        let clients = Clients {
            ec2: testkit::mocked!(aws_sdk_ec2, MatchAny, &self.ec2()),
            eks: testkit::mocked!(aws_sdk_eks, MatchAny, &self.eks()),
            iam: testkit::mocked!(aws_sdk_iam, MatchAny, &iam()),
            kms: testkit::mocked!(aws_sdk_kms, MatchAny, &self.kms()),
            logs: testkit::mocked!(aws_sdk_cloudwatchlogs, MatchAny, &logs),
            lambda: testkit::mocked!(aws_sdk_lambda, MatchAny, &self.lambda()),
        };
        (clients, deleted)
    }

    fn ec2(&self) -> Vec<Rule> {
        let instances = self.instances.clone();
        let reserved = mock!(aws_sdk_ec2::Client::describe_instances).then_compute_output(move |input| {
            let passes = |one: &&Instance| input.filters().iter().all(|filter| has(one.tags(), filter));
            let shown = instances.iter().filter(passes).cloned().collect();
            let reservation = aws_sdk_ec2::types::Reservation::builder().set_instances(Some(shown)).build();
            ec2::describe_instances::DescribeInstancesOutput::builder().reservations(reservation).build()
        });
        let interface = |one: &NetworkInterface, filter: &Filter| match filter.name() {
            Some("status") => one.status().map(|status| status.as_str()) == Some(&filter.values()[0]),
            Some("description") => one.description() == Some(&filter.values()[0]),
            Some("interface-type") => one.interface_type().map(|kind| kind.as_str()) == Some(&filter.values()[0]),
            Some("group-id") => one.groups().iter().any(|group| group.group_id() == Some(&filter.values()[0])),
            _ => has(one.tag_set(), filter),
        };
        vec![
            reserved,
            shows!(
                describe_network_interfaces,
                ec2::describe_network_interfaces::DescribeNetworkInterfacesOutput,
                set_network_interfaces,
                filters,
                self.interfaces.clone(),
                interface
            ),
            shows!(
                describe_security_groups,
                ec2::describe_security_groups::DescribeSecurityGroupsOutput,
                set_security_groups,
                filters,
                self.groups.clone(),
                |one: &SecurityGroup, filter: &Filter| has(one.tags(), filter)
            ),
            shows!(describe_vpcs, ec2::describe_vpcs::DescribeVpcsOutput),
            shows!(describe_subnets, ec2::describe_subnets::DescribeSubnetsOutput),
            shows!(describe_internet_gateways, ec2::describe_internet_gateways::DescribeInternetGatewaysOutput),
            shows!(describe_route_tables, ec2::describe_route_tables::DescribeRouteTablesOutput),
            shows!(describe_nat_gateways, ec2::describe_nat_gateways::DescribeNatGatewaysOutput),
            shows!(describe_addresses, ec2::describe_addresses::DescribeAddressesOutput),
            shows!(describe_vpc_endpoints, ec2::describe_vpc_endpoints::DescribeVpcEndpointsOutput),
            shows!(
                describe_vpc_peering_connections,
                ec2::describe_vpc_peering_connections::DescribeVpcPeeringConnectionsOutput
            ),
            shows!(
                describe_transit_gateway_vpc_attachments,
                ec2::describe_transit_gateway_vpc_attachments::DescribeTransitGatewayVpcAttachmentsOutput
            ),
            shows!(describe_flow_logs, ec2::describe_flow_logs::DescribeFlowLogsOutput),
            shows!(describe_launch_templates, ec2::describe_launch_templates::DescribeLaunchTemplatesOutput),
            shows!(describe_volumes, ec2::describe_volumes::DescribeVolumesOutput),
        ]
    }

    fn eks(&self) -> Vec<Rule> {
        let (clusters, names) = (self.clusters.clone(), self.clusters.clone());
        let listed = mock!(aws_sdk_eks::Client::list_clusters).then_compute_output(move |_| {
            let names = names.iter().filter_map(|one| one.name().map(str::to_owned)).collect();
            ListClustersOutput::builder().set_clusters(Some(names)).build()
        });
        let described = mock!(aws_sdk_eks::Client::describe_cluster).then_compute_output(move |input| {
            let cluster = clusters.iter().find(|one| one.name() == input.name()).cloned();
            DescribeClusterOutput::builder().set_cluster(cluster).build()
        });
        let groups = mock!(aws_sdk_eks::Client::list_nodegroups)
            .then_output(|| ListNodegroupsOutput::builder().nodegroups("core").build());
        let profiles = mock!(aws_sdk_eks::Client::list_fargate_profiles)
            .then_output(|| ListFargateProfilesOutput::builder().fargate_profile_names("apps").build());
        vec![listed, described, groups, profiles]
    }

    fn lambda(&self) -> Vec<Rule> {
        let (listed, tagged) = (self.functions.clone(), self.functions.clone());
        let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}");
        vec![
            mock!(aws_sdk_lambda::Client::list_functions).then_compute_output(move |_| {
                let one =
                    |name: &str| FunctionConfiguration::builder().function_name(name).function_arn(arn(name)).build();
                ListFunctionsOutput::builder()
                    .set_functions(Some(listed.iter().map(|(name, _)| one(name)).collect()))
                    .build()
            }),
            mock!(aws_sdk_lambda::Client::list_tags).then_compute_output(move |input| {
                let found = tagged.iter().find(|(name, _)| input.resource() == Some(&arn(name)));
                let tags = found.map(|(_, tags)| tags.clone().into_iter().collect());
                ListTagsOutput::builder().set_tags(tags).build()
            }),
        ]
    }

    fn kms(&self) -> Vec<Rule> {
        let (listed, tagged, described) = (self.keys.clone(), self.keys.clone(), self.keys.clone());
        vec![
            mock!(aws_sdk_kms::Client::list_aliases)
                .then_output(|| kms::list_aliases::ListAliasesOutput::builder().build()),
            mock!(aws_sdk_kms::Client::list_keys).then_compute_output(move |_| {
                let entry = |id: &str| aws_sdk_kms::types::KeyListEntry::builder().key_id(id).build();
                let entries = listed.iter().map(|(key, _)| entry(key.key_id())).collect();
                kms::list_keys::ListKeysOutput::builder().set_keys(Some(entries)).build()
            }),
            mock!(aws_sdk_kms::Client::list_resource_tags).then_compute_output(move |input| {
                let found = tagged.iter().find(|(key, _)| Some(key.key_id()) == input.key_id());
                let tags = found.map(|(_, tags)| tags.clone()).unwrap_or_default().into_iter().map(|(key, value)| {
                    aws_sdk_kms::types::Tag::builder().tag_key(key).tag_value(value).build().unwrap()
                });
                kms::list_resource_tags::ListResourceTagsOutput::builder().set_tags(Some(tags.collect())).build()
            }),
            mock!(aws_sdk_kms::Client::describe_key).then_compute_output(move |input| {
                let found = described.iter().find(|(key, _)| Some(key.key_id()) == input.key_id());
                let key = found.map(|(key, _)| key.clone());
                kms::describe_key::DescribeKeyOutput::builder().set_key_metadata(key).build()
            }),
        ]
    }

    fn logs(&self) -> Vec<Rule> {
        let (listed, tagged) = (self.log_groups.clone(), self.log_groups.clone());
        vec![
            mock!(aws_sdk_cloudwatchlogs::Client::describe_log_groups).then_compute_output(move |input| {
                let prefix = input.log_group_name_prefix().unwrap_or_default().to_owned();
                let begins = |group: &LogGroup| group.log_group_name().unwrap_or_default().starts_with(&prefix);
                let shown = listed.iter().map(|(group, _)| group.clone()).filter(begins).collect();
                DescribeLogGroupsOutput::builder().set_log_groups(Some(shown)).build()
            }),
            mock!(aws_sdk_cloudwatchlogs::Client::list_tags_for_resource).then_compute_output(move |input| {
                let is_it = |group: &LogGroup| {
                    group
                        .arn()
                        .is_some_and(|arn| arn.trim_end_matches(":*") == input.resource_arn().unwrap_or_default())
                };
                let tags = tagged.iter().find(|(group, _)| is_it(group)).map(|(_, tags)| tags.clone());
                let tags = tags.map(|tags| tags.into_iter().collect());
                ListTagsForResourceOutput::builder().set_tags(tags).build()
            }),
        ]
    }
}

/// A role with a policy of each sort, in an instance profile.
fn iam() -> Vec<Rule> {
    vec![
        mock!(aws_sdk_iam::Client::list_roles)
            .then_output(|| iam::list_roles::ListRolesOutput::builder().set_roles(Some(Vec::new())).build().unwrap()),
        mock!(aws_sdk_iam::Client::list_open_id_connect_providers)
            .then_output(|| iam::list_open_id_connect_providers::ListOpenIdConnectProvidersOutput::builder().build()),
        mock!(aws_sdk_iam::Client::list_role_policies).then_output(|| {
            iam::list_role_policies::ListRolePoliciesOutput::builder().policy_names("write").build().unwrap()
        }),
        mock!(aws_sdk_iam::Client::list_attached_role_policies).then_output(|| {
            let policy = aws_sdk_iam::types::AttachedPolicy::builder().policy_arn("arn:aws:iam::aws:policy/Node");
            iam::list_attached_role_policies::ListAttachedRolePoliciesOutput::builder()
                .attached_policies(policy.build())
                .build()
        }),
        mock!(aws_sdk_iam::Client::list_instance_profiles_for_role).then_output(|| {
            let profile = aws_sdk_iam::types::InstanceProfile::builder()
                .path("/")
                .instance_profile_name("eks-1")
                .instance_profile_id("AIPA1")
                .arn("arn:aws:iam::111122223333:instance-profile/eks-1")
                .create_date(aws_sdk_iam::primitives::DateTime::from_secs(0))
                .set_roles(Some(Vec::new()));
            iam::list_instance_profiles_for_role::ListInstanceProfilesForRoleOutput::builder()
                .instance_profiles(profile.build().unwrap())
                .build()
                .unwrap()
        }),
    ]
}

/// What has a tag passes filters for it; of other filters, all that is here is meant.
fn has(tags: &[Tag], filter: &Filter) -> bool {
    let (name, values) = (filter.name().unwrap_or_default(), filter.values());
    match name.strip_prefix("tag:") {
        Some(key) => tags.iter().any(|tag| tag.key() == Some(key) && tag.value() == Some(&values[0])),
        None => name != "tag-key" || tags.iter().any(|tag| tag.key() == Some(&values[0])),
    }
}

/// One tag of EC2.
pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}
