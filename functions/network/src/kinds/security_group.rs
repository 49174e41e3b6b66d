//! A security group: everything out, and TCP in as listed.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{IpPermission, IpRange, ResourceType, SecurityGroup as Listed, UserIdGroupPair};
use domain::Locator;
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::network::{Ingress, SecurityGroupSpec, Source};
use plan::{FieldChange, Ref};
use serde_json::{Value, json};

use crate::ec2::{self, filter};
use resources::seen::{Phase, Seen, changed, is_subject, observed, outputs};

/// [`domain::Kind::SecurityGroup`]. What may go out is AWS's default: everything.
///
/// Idempotent because a VPC has a group's name once, and every rule is looked up before it is added or taken away. A
/// group of that name without our tags is foreign. A rule that somebody else added is drift, and is taken away. Leaves
/// behind on failure a group that lacks rules: `observe` shows it and `update` adds them. Deleted only when no interface
/// and no rule of another group uses it.
///
/// Permissions: `ec2:CreateSecurityGroup`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:AuthorizeSecurityGroupIngress`,
/// `ec2:RevokeSecurityGroupIngress`, `ec2:DeleteSecurityGroup`, `ec2:DescribeSecurityGroups`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
pub(crate) struct SecurityGroup(pub(crate) Client);

#[async_trait]
impl Resource for SecurityGroup {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: SecurityGroupSpec = subject.spec()?;
        let listed = self.list(subject, &spec).await?;
        let known = subject.locator.is_some();
        let (ours, others): (Vec<Listed>, Vec<Listed>) =
            listed.into_iter().partition(|group| known || is_subject(subject, &ec2::tags(group.tags())));
        match others.first().and_then(|group| group.group_id()) {
            Some(id) if ours.is_empty() => Ok(Observed::Foreign(Locator(id.to_owned()))),
            _ => Ok(observed(subject, ours.iter().map(|group| seen(group, &spec)).collect())),
        }
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: SecurityGroupSpec = subject.spec()?;
        let call = self
            .0
            .create_security_group()
            .vpc_id(spec.vpc.as_str())
            .group_name(&spec.name)
            .description(&spec.description)
            .tag_specifications(ec2::tagged(ResourceType::SecurityGroup, subject, &spec.tags));
        let answer = call.customize().config_override(ec2::once()).send().await;
        let answer = answer.map_err(aws::creating("ec2:CreateSecurityGroup"))?;
        let id = resources::answered("ec2:CreateSecurityGroup", answer.group_id())?;
        let progress = resources::finished(self.admit(&id, spec.ingress.iter().map(permission).collect()).await);
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: SecurityGroupSpec = subject.spec()?;
        let id = subject.locator()?;
        if changed(changes, "ingress") {
            let listed = self.list(subject, &spec).await?;
            let there: Vec<Rule> = listed.iter().flat_map(rules).collect();
            let wanted = |rule: &Rule| matches!(rule, Rule::Plain(ingress) if spec.ingress.contains(ingress));
            let missing = spec.ingress.iter().filter(|ingress| !there.contains(&Rule::Plain((*ingress).clone())));
            // What is missing first: clients keep their way in while a block is swapped for another.
            self.admit(id, missing.map(permission).collect()).await?;
            self.dismiss(id, there.iter().filter(|rule| !wanted(rule)).map(Rule::permission).collect()).await?;
        }
        ec2::retag(&self.0, id, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let answer = self.0.delete_security_group().group_id(subject.locator()?).send().await;
        answer.map_err(aws::deleting("ec2:DeleteSecurityGroup"))?;
        Ok(Progress::Done)
    }
}

impl SecurityGroup {
    async fn list(&self, subject: &Subject, spec: &SecurityGroupSpec) -> Result<Vec<Listed>, CallError> {
        let filters = match subject.locator {
            Some(_) => ec2::find(subject, "group-id"),
            None => vec![filter("vpc-id", [spec.vpc.as_str()]), filter("group-name", [spec.name.as_str()])],
        };
        let call = self.0.describe_security_groups().set_filters(Some(filters));
        let listed = call.into_paginator().items().send().collect::<Result<_, _>>().await;
        listed.map_err(aws::reading("ec2:DescribeSecurityGroups"))
    }

    async fn admit(&self, id: &str, rules: Vec<IpPermission>) -> Result<(), CallError> {
        if rules.is_empty() {
            return Ok(());
        }
        let call = self.0.authorize_security_group_ingress().group_id(id).set_ip_permissions(Some(rules));
        match call.send().await {
            Err(error) if error.code() != Some("InvalidPermission.Duplicate") => {
                Err(aws::changing("ec2:AuthorizeSecurityGroupIngress")(error))
            }
            _ => Ok(()),
        }
    }

    async fn dismiss(&self, id: &str, rules: Vec<IpPermission>) -> Result<(), CallError> {
        if rules.is_empty() {
            return Ok(());
        }
        let call = self.0.revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(rules));
        match call.send().await {
            Err(error) if error.code() != Some("InvalidPermission.NotFound") => {
                Err(aws::changing("ec2:RevokeSecurityGroupIngress")(error))
            }
            _ => Ok(()),
        }
    }
}

/// One rule that AWS shows.
#[derive(Debug, Clone, PartialEq)]
enum Rule {
    /// Of the form that a spec can say.
    Plain(Ingress),
    /// Any other: port ranges, other protocols, groups of other VPCs, prefix lists, IPv6.
    Strange(IpPermission),
}

impl Rule {
    fn permission(&self) -> IpPermission {
        match self {
            Self::Plain(ingress) => permission(ingress),
            Self::Strange(other) => other.clone(),
        }
    }

    fn shown(&self) -> Value {
        match self {
            Self::Plain(ingress) => json!(ingress),
            Self::Strange(other) => json!({"other": format!("{other:?}")}),
        }
    }
}

/// The rules of a group, sorted; AWS puts all blocks and groups of one port together.
fn rules(group: &Listed) -> Vec<Rule> {
    let mut rules = Vec::new();
    for together in group.ip_permissions() {
        let port = match (together.ip_protocol(), together.from_port(), together.to_port()) {
            (Some("tcp"), Some(from), Some(to)) if from == to => u16::try_from(from).ok(),
            _ => None,
        };
        let mut rest = together.clone();
        rest.ip_ranges = Some(plain(port, rest.ip_ranges.take(), block, &mut rules));
        rest.user_id_group_pairs = Some(plain(port, rest.user_id_group_pairs.take(), group_of_the_vpc, &mut rules));
        let is_empty = rest.ip_ranges().is_empty()
            && rest.ipv6_ranges().is_empty()
            && rest.prefix_list_ids().is_empty()
            && rest.user_id_group_pairs().is_empty();
        if !is_empty {
            rules.push(Rule::Strange(rest));
        }
    }
    rules.sort_by_key(|rule| rule.shown().to_string());
    rules
}

/// Adds the rules that a spec can say, and answers the sources of the others.
fn plain<T>(
    port: Option<u16>,
    sources: Option<Vec<T>>,
    source: fn(&T) -> Option<Source>,
    rules: &mut Vec<Rule>,
) -> Vec<T> {
    let mut strange = Vec::new();
    for one in sources.into_iter().flatten() {
        match (port, source(&one)) {
            (Some(port), Some(from)) => rules.push(Rule::Plain(Ingress { port, from })),
            _ => strange.push(one),
        }
    }
    strange
}

fn block(range: &IpRange) -> Option<Source> {
    range.cidr_ip()?.parse().ok().map(Source::Block)
}

fn group_of_the_vpc(pair: &UserIdGroupPair) -> Option<Source> {
    let group = pair.group_id().filter(|_| pair.vpc_peering_connection_id().is_none())?;
    Some(Source::Group { group: Ref::Known(group.to_owned()) })
}

fn seen(group: &Listed, spec: &SecurityGroupSpec) -> Seen {
    let id = group.group_id().unwrap_or_default();
    let tags = ec2::tags(group.tags());
    let there = rules(group);
    let in_spec = spec.ingress.iter().map(|ingress| Rule::Plain(ingress.clone())).filter(|rule| there.contains(rule));
    let mut ingress: Vec<Rule> = in_spec.collect();
    let rest: Vec<Rule> = there.into_iter().filter(|rule| !ingress.contains(rule)).collect();
    ingress.extend(rest);
    let properties = json!({
        "vpc": group.vpc_id(),
        "name": group.group_name(),
        "description": group.description(),
        "ingress": ingress.iter().map(Rule::shown).collect::<Vec<_>>(),
        "tags": aws::shown_tags(&spec.tags, &tags),
    });
    Seen { id: id.to_owned(), phase: Phase::Resting, tags, properties, outputs: outputs([("id", id)]) }
}

fn permission(ingress: &Ingress) -> IpPermission {
    let port = i32::from(ingress.port);
    let permission = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port);
    let permission = match &ingress.from {
        Source::Block(block) => permission.ip_ranges(IpRange::builder().cidr_ip(block.to_string()).build()),
        Source::Group { group } => {
            permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(group.as_str()).build())
        }
    };
    permission.build()
}
