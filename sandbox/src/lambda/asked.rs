//! A call that makes or configures a function: what of it concerns its role and its network.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>,
//! <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html>

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ec2::{ACCOUNT, Check};

/// What a function asks for of a VPC; both lists empty is no VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VpcConfig {
    pub(crate) subnets: Vec<String>,
    pub(crate) groups: Vec<String>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) region: String,
    /// The function's name.
    pub(crate) name: String,
    pub(crate) creates: bool,
    /// None where the function stays where it is.
    pub(crate) network: Option<VpcConfig>,
    role: Option<String>,
    tags: BTreeMap<String, String>,
}

impl Asked {
    /// Reads a call by its path and body; none if it is no call of Lambda that makes sense.
    pub(crate) fn read(action: &str, region: &str, path: &str, body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let creates = action == "CreateFunction";
        let name = if creates { body["FunctionName"].as_str()?.to_owned() } else { name_in(path)? };
        let tags = body["Tags"].as_object().into_iter().flatten();
        Some(Self {
            region: region.to_owned(),
            name: bare(&name).to_owned(),
            creates,
            network: body["VpcConfig"].as_object().map(|_| VpcConfig::read(&body["VpcConfig"])),
            role: body["Role"].as_str().map(str::to_owned),
            tags: tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
        })
    }

    /// What the caller must be allowed to do besides the call itself: to pass the role, to give tags, and to see the
    /// network.
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html>,
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions>
    pub(crate) fn checks(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        if let Some(role) = &self.role {
            let service = ("iam:PassedToService".to_owned(), "lambda.amazonaws.com".to_owned());
            checks.push(check("iam:PassRole", role.clone(), BTreeMap::from([service])));
        }
        if self.creates && !self.tags.is_empty() {
            let given = self.tags.iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), value.clone()));
            let arn = format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", self.region, self.name);
            let tag_keys = Some(self.tags.keys().cloned().collect());
            checks.push(Check { tag_keys, ..check("lambda:TagResource", arn, given.collect()) });
        }
        if self.network.as_ref().is_some_and(|network| !network.is_empty()) {
            for action in ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"] {
                checks.push(check(action, "*".into(), BTreeMap::new()));
            }
        }
        checks
    }
}

impl VpcConfig {
    pub(crate) fn is_empty(&self) -> bool {
        self.subnets.is_empty() && self.groups.is_empty()
    }

    fn read(given: &Value) -> Self {
        let list = |field: &str| {
            let mut ids: Vec<String> =
                given[field].as_array().into_iter().flatten().filter_map(|id| Some(id.as_str()?.to_owned())).collect();
            // The order does not count.
            ids.sort();
            ids.dedup();
            ids
        };
        Self { subnets: list("SubnetIds"), groups: list("SecurityGroupIds") }
    }
}

/// The function that stands in a path: `/2015-03-31/functions/<name or ARN>/configuration`.
pub(crate) fn name_in(path: &str) -> Option<String> {
    let part = path.trim_start_matches('/').split('/').nth(2).filter(|part| !part.is_empty())?;
    let text = url::form_urlencoded::parse(part.as_bytes()).next()?.0.into_owned();
    Some(bare(&text).to_owned())
}

// The name in an ARN: <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html> (FunctionName)
fn bare(name: &str) -> &str {
    let own = name.rsplit_once(":function:").map_or(name, |(_, own)| own);
    own.split(':').next().unwrap_or(own)
}

fn check(action: &str, resource: String, context: BTreeMap<String, String>) -> Check {
    Check { action: action.to_owned(), resource, context, tag_keys: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(action: &str, path: &str, body: &Value) -> Asked {
        Asked::read(action, "eu-west-1", path, body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn who_makes_a_function_in_a_vpc_must_pass_its_role_give_its_tags_and_see_the_network() {
        let body = json!({
            "FunctionName": "gate", "Role": "arn:aws:iam::111122223333:role/gate", "Tags": {"team": "a"},
            "VpcConfig": {"SubnetIds": ["subnet-2", "subnet-1"], "SecurityGroupIds": ["sg-1"]},
        });
        let asked = read("CreateFunction", "/2015-03-31/functions", &body);
        let network = VpcConfig { subnets: vec!["subnet-1".into(), "subnet-2".into()], groups: vec!["sg-1".into()] };
        assert_eq!((asked.name.as_str(), asked.network.as_ref()), ("gate", Some(&network)));
        let actions: Vec<String> = asked.checks().into_iter().map(|check| check.action).collect();
        let seeing = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"];
        assert_eq!(actions, [&["iam:PassRole", "lambda:TagResource"][..], &seeing].concat());
    }

    #[test]
    fn a_function_is_named_by_its_name_or_its_arn_and_stays_where_it_is_unless_told() {
        let paths = [
            "/2015-03-31/functions/gate/configuration",
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Agate/configuration",
        ];
        for path in paths {
            let asked = read("UpdateFunctionConfiguration", path, &json!({"Timeout": 9}));
            assert_eq!((asked.name.as_str(), &asked.network, asked.checks().len()), ("gate", &None, 0));
        }
        let out = json!({"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}});
        let asked = read("UpdateFunctionConfiguration", paths[0], &out);
        assert_eq!((asked.network.clone(), asked.checks().len()), (Some(VpcConfig::default()), 0));
    }
}
