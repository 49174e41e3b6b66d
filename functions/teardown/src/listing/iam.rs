//! What IAM shows. IAM knows no region.

use aws_sdk_iam::Client;
use domain::{Fault, Region, Tags};
use engine::CallError;
use lambda::call_fault;

use super::{Found, after, named, tagged, time};

/// Roles by path. Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
pub async fn roles(iam: &Client, path: &str) -> Result<Vec<Found>, Fault> {
    let mut pages = iam.list_roles().path_prefix(path).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(role) = pages.next().await {
        let role = role.map_err(aws::reading("iam:ListRoles")).map_err(call_fault)?;
        let created = time(Some(role.create_date()));
        found.push(named("role", role.role_name(), role.path(), created, "iam delete-role --role-name"));
    }
    Ok(found)
}

/// The same role with a command that removes it: a role goes only without its policies, and out of every instance profile.
/// EKS puts the role of nodes into one, and takes it out again.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html>
pub async fn with_its_policies(iam: &Client, role: Found) -> Result<Found, Fault> {
    let name = role.locator.clone();
    let mut first = Vec::new();
    let mut pages = iam.list_role_policies().role_name(&name).into_paginator().items().send();
    while let Some(policy) = pages.next().await {
        let policy = policy.map_err(aws::reading("iam:ListRolePolicies")).map_err(call_fault)?;
        first.push(format!("iam delete-role-policy --role-name {name} --policy-name {policy}"));
    }
    let mut pages = iam.list_attached_role_policies().role_name(&name).into_paginator().items().send();
    while let Some(policy) = pages.next().await {
        let policy = policy.map_err(aws::reading("iam:ListAttachedRolePolicies")).map_err(call_fault)?;
        let arn = policy.policy_arn().unwrap_or_default();
        first.push(format!("iam detach-role-policy --role-name {name} --policy-arn {arn}"));
    }
    let mut pages = iam.list_instance_profiles_for_role().role_name(&name).into_paginator().items().send();
    while let Some(profile) = pages.next().await {
        let profile = profile.map_err(aws::reading("iam:ListInstanceProfilesForRole")).map_err(call_fault)?;
        let profile = profile.instance_profile_name();
        first.push(format!(
            "iam remove-role-from-instance-profile --instance-profile-name {profile} --role-name {name}"
        ));
    }
    Ok(after(role, first))
}

/// The issuers of EKS in a region that IAM knows, with their tags.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOpenIDConnectProviders.html>
pub async fn oidc_providers(iam: &Client, region: &Region) -> Result<Vec<Found>, Fault> {
    let answer = iam.list_open_id_connect_providers().send().await;
    let answer = answer.map_err(aws::reading("iam:ListOpenIDConnectProviders")).map_err(call_fault)?;
    let of_eks = format!("/oidc.eks.{region}.");
    let arns = answer.open_id_connect_provider_list().iter().filter_map(|listed| listed.arn());
    let mut found = Vec::new();
    for arn in arns.filter(|arn| arn.contains(&of_eks)) {
        let answer = iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await;
        let provider = match answer.map_err(aws::reading("iam:GetOpenIDConnectProvider")) {
            Ok(provider) => provider,
            Err(CallError::NotFound) => continue,
            Err(error) => return Err(call_fault(error)),
        };
        let tags: Tags = provider.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        let command = "iam delete-open-id-connect-provider --open-id-connect-provider-arn";
        found.push(tagged("OIDC provider", arn, tags, time(provider.create_date()), command));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;

    #[tokio::test]
    async fn a_role_goes_only_without_its_policies_and_out_of_every_instance_profile() {
        let iam = Account::default().clients().0.iam;
        let role = named("role", "node", "/landfall/home/demo/", None, "iam delete-role --role-name");
        let steps = with_its_policies(&iam, role).await.unwrap().command;
        assert_eq!(
            steps.split(" && ").collect::<Vec<_>>(),
            [
                "aws iam delete-role-policy --role-name node --policy-name write",
                "aws iam detach-role-policy --role-name node --policy-arn arn:aws:iam::aws:policy/Node",
                "aws iam remove-role-from-instance-profile --instance-profile-name eks-1 --role-name node",
                "aws iam delete-role --role-name node",
            ]
        );
    }
}
