//! What EKS tries in its caller's name before it starts nodes from the caller's launch template: to run instances of it.
//! A caller who may not is refused.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/permissions-for-launch-templates.html> (what `RunInstances` asks for),
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html> (`ec2:LaunchTemplate`),
//! <https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3199> (what the refusal looks like; EKS wraps it in an
//! `InvalidRequestException`, here it is the denial itself)

use std::collections::BTreeMap;

use super::request::Request;
use crate::ec2::{ACCOUNT, Check, Ec2};

pub(super) fn checks(request: &Request, ec2: &Ec2) -> Vec<Check> {
    let named = &request.body["launchTemplate"];
    let name = ["id", "name"].iter().find_map(|field| named[field].as_str());
    let Some(template) = name.and_then(|name| ec2.template(&request.region, name)) else { return Vec::new() };
    let arn = |kind: &str, id: &str| format!("arn:aws:ec2:{}:{ACCOUNT}:{kind}/{id}", request.region);
    let from = arn("launch-template", &template.id);
    let mut checks = vec![check("ec2:RunInstances", from.clone(), "aws:ResourceTag", &template.tags)];
    for kind in ["instance", "network-interface", "security-group", "subnet", "volume"] {
        checks.push(check("ec2:RunInstances", arn(kind, "*"), "", &BTreeMap::new()));
    }
    let image = format!("arn:aws:ec2:{}::image/*", request.region);
    checks.push(check("ec2:RunInstances", image, "", &BTreeMap::new()));
    for (kind, tags) in &template.gives {
        let mut tagging = check("ec2:CreateTags", arn(kind, "*"), "aws:RequestTag", tags);
        tagging.context.insert("ec2:CreateAction".into(), "RunInstances".into());
        tagging.tag_keys = Some(tags.keys().cloned().collect());
        checks.push(tagging);
    }
    for check in &mut checks {
        check.context.insert("ec2:LaunchTemplate".into(), from.clone());
    }
    checks
}

fn check(action: &str, resource: String, key: &str, tags: &BTreeMap<String, String>) -> Check {
    let context = tags.iter().map(|(name, value)| (format!("{key}/{name}"), value.clone())).collect();
    Check { action: action.into(), resource, context, tag_keys: None }
}
