//! A route table, with the subnets that use it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, RouteTable as Listed, RouteTableAssociationStateCode};
use domain::Locator;
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::network::RouteTableSpec;
use serde_json::json;

use crate::ec2::{self, filter};
use resources::seen::{Phase, Seen, among, changed, listed_before, observed, outputs, texts};

/// [`domain::Kind::RouteTable`].
///
/// Idempotent because the create has a client token and every subnet is looked up before it is associated. A subnet that
/// uses another table is moved in one call, so that it is never without. Leaves behind on failure a table that some
/// subnets do not use yet: `observe` shows it and `update` associates them. A subnet that somebody else associated is
/// left alone, and keeps the table from being deleted.
///
/// Permissions: `ec2:CreateRouteTable`, `ec2:CreateTags`, `ec2:DeleteTags`, `ec2:AssociateRouteTable`,
/// `ec2:ReplaceRouteTableAssociation`, `ec2:DisassociateRouteTable`, `ec2:DeleteRouteTable`,
/// `ec2:DescribeRouteTables`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html>
pub(crate) struct RouteTable(pub(crate) Client);

#[async_trait]
impl Resource for RouteTable {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: RouteTableSpec = subject.spec()?;
        let listed = self.list(ec2::find(subject, "route-table-id")).await?;
        let seen = listed.iter().map(|table| {
            let id = table.route_table_id().unwrap_or_default();
            let tags = ec2::tags(table.tags());
            let subnets: BTreeSet<String> = associations(table).into_keys().collect();
            let properties = json!({
                "vpc": table.vpc_id(),
                "subnets": among(&spec.subnets, &subnets),
                "tags": aws::shown_tags(&spec.tags, &tags),
            });
            Seen { id: id.to_owned(), phase: Phase::Resting, tags, properties, outputs: outputs([("id", id)]) }
        });
        Ok(observed(subject, seen.collect()))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: RouteTableSpec = subject.spec()?;
        let call = self
            .0
            .create_route_table()
            .vpc_id(spec.vpc.as_str())
            .client_token(subject.token.to_string())
            .tag_specifications(ec2::tagged(ResourceType::RouteTable, subject, &spec.tags));
        let answer = call.send().await.map_err(aws::creating("ec2:CreateRouteTable"))?;
        let id =
            resources::answered("ec2:CreateRouteTable", answer.route_table().and_then(|table| table.route_table_id()))?;
        let progress = resources::finished(self.associate(&id, &texts(&spec.subnets), &BTreeSet::new()).await);
        let outputs = outputs([("id", &id)]);
        Ok(Created { locator: Locator(id), outputs, progress })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: RouteTableSpec = subject.spec()?;
        let id = subject.locator()?;
        if changed(changes, "subnets") {
            let wanted = texts(&spec.subnets);
            let dropped = &listed_before(changes, "subnets") - &wanted;
            self.associate(id, &wanted, &dropped).await?;
        }
        ec2::retag(&self.0, id, changes).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let spec: RouteTableSpec = subject.spec()?;
        let id = subject.locator()?;
        self.associate(id, &BTreeSet::new(), &texts(&spec.subnets)).await?;
        let answer = self.0.delete_route_table().route_table_id(id).send().await;
        answer.map_err(aws::deleting("ec2:DeleteRouteTable"))?;
        Ok(Progress::Done)
    }
}

impl RouteTable {
    async fn list(&self, filters: Vec<aws_sdk_ec2::types::Filter>) -> Result<Vec<Listed>, CallError> {
        let call = self.0.describe_route_tables().set_filters(Some(filters));
        let listed = call.into_paginator().items().send().collect::<Result<_, _>>().await;
        listed.map_err(aws::reading("ec2:DescribeRouteTables"))
    }

    /// Lets the `wanted` subnets use the table, and the `dropped` ones the VPC's main table if they use this one.
    async fn associate(
        &self,
        table: &str,
        wanted: &BTreeSet<String>,
        dropped: &BTreeSet<String>,
    ) -> Result<(), CallError> {
        let subnets: Vec<&str> = wanted.iter().chain(dropped).map(String::as_str).collect();
        if subnets.is_empty() {
            return Ok(());
        }
        let tables = self.list(vec![filter("association.subnet-id", subnets)]).await?;
        let uses: BTreeMap<String, (Option<&str>, String)> = tables
            .iter()
            .flat_map(|other| {
                let id = other.route_table_id();
                associations(other).into_iter().map(move |(subnet, association)| (subnet, (id, association)))
            })
            .collect();
        for subnet in wanted {
            match uses.get(subnet) {
                Some((Some(used), _)) if *used == table => {}
                Some((_, association)) => self.take_over(table, association).await?,
                None => self.begin_use(table, subnet).await?,
            }
        }
        for subnet in dropped {
            match uses.get(subnet) {
                Some((Some(used), association)) if *used == table => self.end_use(association).await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn begin_use(&self, table: &str, subnet: &str) -> Result<(), CallError> {
        let call = self.0.associate_route_table().route_table_id(table).subnet_id(subnet);
        call.send().await.map_err(aws::changing("ec2:AssociateRouteTable"))?;
        Ok(())
    }

    async fn take_over(&self, table: &str, association: &str) -> Result<(), CallError> {
        let call = self.0.replace_route_table_association().association_id(association).route_table_id(table);
        call.send().await.map_err(aws::changing("ec2:ReplaceRouteTableAssociation"))?;
        Ok(())
    }

    /// One that is gone already is what was wanted: the subnet was deleted, or another table took it over.
    async fn end_use(&self, association: &str) -> Result<(), CallError> {
        let answer = self.0.disassociate_route_table().association_id(association).send().await;
        match answer.map_err(aws::deleting("ec2:DisassociateRouteTable")) {
            Ok(_) | Err(CallError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The associations of a table that hold, by subnet.
fn associations(table: &Listed) -> BTreeMap<String, String> {
    use RouteTableAssociationStateCode::{Disassociated, Disassociating, Failed};
    let holds = |association: &&aws_sdk_ec2::types::RouteTableAssociation| {
        let state = association.association_state().and_then(|state| state.state());
        !matches!(state, Some(Disassociated | Disassociating | Failed))
    };
    let pair = |association: &aws_sdk_ec2::types::RouteTableAssociation| {
        Some((association.subnet_id()?.to_owned(), association.route_table_association_id()?.to_owned()))
    };
    table.associations().iter().filter(holds).filter_map(pair).collect()
}
