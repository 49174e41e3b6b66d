//! A call of the EKS API (REST-JSON), and how it is refused.
//!
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_Operations.html>

use std::collections::BTreeMap;

use axum::http::{Method, Uri};
use serde_json::{Map, Value, json};

/// One call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// The name of the operation.
    pub(crate) action: String,
    /// The region that the caller signed for.
    pub(crate) region: String,
    /// The caller's ARN.
    pub(crate) caller: String,
    /// What stands in the path, in order: the cluster first, then what is in it.
    pub(crate) names: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
}

/// An error answer of EKS.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html>
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    fields: BTreeMap<&'static str, String>,
}

/// Method, path and name of every operation that the emulator answers.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("POST", "clusters", "CreateCluster"),
    ("GET", "clusters", "ListClusters"),
    ("GET", "clusters/*", "DescribeCluster"),
    ("DELETE", "clusters/*", "DeleteCluster"),
    ("POST", "clusters/*/update-config", "UpdateClusterConfig"),
    ("POST", "clusters/*/updates", "UpdateClusterVersion"),
    ("GET", "clusters/*/updates", "ListUpdates"),
    ("GET", "clusters/*/updates/*", "DescribeUpdate"),
    ("POST", "clusters/*/updates/*/cancel-update", "CancelUpdate"),
    ("POST", "clusters/*/encryption-config/associate", "AssociateEncryptionConfig"),
    ("GET", "cluster-versions", "DescribeClusterVersions"),
    ("POST", "clusters/*/node-groups", "CreateNodegroup"),
    ("GET", "clusters/*/node-groups", "ListNodegroups"),
    ("GET", "clusters/*/node-groups/*", "DescribeNodegroup"),
    ("DELETE", "clusters/*/node-groups/*", "DeleteNodegroup"),
    ("POST", "clusters/*/node-groups/*/update-config", "UpdateNodegroupConfig"),
    ("POST", "clusters/*/node-groups/*/update-version", "UpdateNodegroupVersion"),
    ("POST", "clusters/*/fargate-profiles", "CreateFargateProfile"),
    ("GET", "clusters/*/fargate-profiles", "ListFargateProfiles"),
    ("GET", "clusters/*/fargate-profiles/*", "DescribeFargateProfile"),
    ("DELETE", "clusters/*/fargate-profiles/*", "DeleteFargateProfile"),
    ("POST", "clusters/*/addons", "CreateAddon"),
    ("GET", "clusters/*/addons", "ListAddons"),
    ("GET", "clusters/*/addons/*", "DescribeAddon"),
    ("DELETE", "clusters/*/addons/*", "DeleteAddon"),
    ("POST", "clusters/*/addons/*/update", "UpdateAddon"),
    ("GET", "addons/supported-versions", "DescribeAddonVersions"),
    ("GET", "addons/configuration-schemas", "DescribeAddonConfiguration"),
    ("POST", "clusters/*/access-entries", "CreateAccessEntry"),
    ("GET", "clusters/*/access-entries", "ListAccessEntries"),
    ("GET", "clusters/*/access-entries/*", "DescribeAccessEntry"),
    ("POST", "clusters/*/access-entries/*", "UpdateAccessEntry"),
    ("DELETE", "clusters/*/access-entries/*", "DeleteAccessEntry"),
    ("POST", "clusters/*/access-entries/*/access-policies", "AssociateAccessPolicy"),
    ("GET", "clusters/*/access-entries/*/access-policies", "ListAssociatedAccessPolicies"),
    ("DELETE", "clusters/*/access-entries/*/access-policies/*", "DisassociateAccessPolicy"),
    ("GET", "access-policies", "ListAccessPolicies"),
    ("POST", "clusters/*/pod-identity-associations", "CreatePodIdentityAssociation"),
    ("GET", "clusters/*/pod-identity-associations", "ListPodIdentityAssociations"),
    ("GET", "clusters/*/pod-identity-associations/*", "DescribePodIdentityAssociation"),
    ("POST", "clusters/*/pod-identity-associations/*", "UpdatePodIdentityAssociation"),
    ("DELETE", "clusters/*/pod-identity-associations/*", "DeletePodIdentityAssociation"),
    ("POST", "clusters/*/identity-provider-configs/associate", "AssociateIdentityProviderConfig"),
    ("POST", "clusters/*/identity-provider-configs/describe", "DescribeIdentityProviderConfig"),
    ("POST", "clusters/*/identity-provider-configs/disassociate", "DisassociateIdentityProviderConfig"),
    ("GET", "clusters/*/identity-provider-configs", "ListIdentityProviderConfigs"),
    ("POST", "clusters/*/insights", "ListInsights"),
    ("GET", "clusters/*/insights/*", "DescribeInsight"),
    ("POST", "clusters/*/insights-refresh", "StartInsightsRefresh"),
    ("GET", "clusters/*/insights-refresh", "DescribeInsightsRefresh"),
    ("POST", "tags/*", "TagResource"),
    ("DELETE", "tags/*", "UntagResource"),
    ("GET", "tags/*", "ListTagsForResource"),
];

/// The operation that a method and a path ask for, and the names in the path.
pub(crate) fn operation(method: &Method, path: &str) -> Option<(&'static str, Vec<String>)> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    OPERATIONS.iter().find_map(|(verb, pattern, action)| {
        let pattern: Vec<&str> = pattern.split('/').collect();
        let fits = pattern.iter().zip(&parts).all(|(wanted, part)| *wanted == "*" || wanted == part);
        if *verb != method.as_str() || pattern.len() != parts.len() || !fits {
            return None;
        }
        let names = pattern.iter().zip(&parts).filter(|(wanted, _)| **wanted == "*").map(|(_, part)| decoded(part));
        Some((*action, names.collect()))
    })
}

fn decoded(part: &str) -> String {
    // A path has no "+" for a space, and no "&".
    let pair = format!("x={}", part.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

impl Request {
    /// The call in a request; none if it is no operation that the emulator knows.
    pub(crate) fn read(method: &Method, uri: &Uri, body: &[u8], region: &str, caller: &str) -> Option<Self> {
        let (action, names) = operation(method, uri.path())?;
        Some(Self {
            action: action.to_owned(),
            region: region.to_owned(),
            caller: caller.to_owned(),
            names,
            query: url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
            body: serde_json::from_slice(body).unwrap_or_else(|_| json!({})),
        })
    }

    /// The name of the cluster, wherever the operation has it; empty without one.
    pub(crate) fn cluster(&self) -> &str {
        let of_path = self.names.first().filter(|_| !self.action.ends_with("agResource") && !self.on_tags());
        of_path.map_or_else(|| self.text("name").unwrap_or_default(), String::as_str)
    }

    /// The roles and users that the call names, which IAM may not know.
    pub(crate) fn principals(&self) -> Vec<String> {
        let fields = ["roleArn", "nodeRole", "podExecutionRoleArn", "serviceAccountRoleArn", "principalArn"];
        let nodes = self.body["computeConfig"]["nodeRoleArn"].as_str();
        let owned = self.body["podIdentityAssociations"].as_array().into_iter().flatten();
        let named = fields.iter().filter_map(|field| self.text(field)).chain(nodes);
        named.chain(owned.filter_map(|one| one["roleArn"].as_str())).map(str::to_owned).collect()
    }

    fn on_tags(&self) -> bool {
        self.action == "ListTagsForResource"
    }

    /// The second name in the path.
    pub(super) fn member(&self) -> &str {
        self.names.get(1).map_or("", String::as_str)
    }

    /// A text in the body.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.body[field].as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn required(&self, field: &str) -> Result<&str, Refusal> {
        self.text(field).ok_or_else(|| Refusal::parameter(format!("{field} is required")))
    }

    /// A list of texts in the body.
    pub(super) fn list(&self, field: &str) -> Vec<String> {
        texts(&self.body[field])
    }

    /// The first value of a parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter of the query.
    pub(super) fn parameters(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The tags that the call gives.
    pub(super) fn tags(&self) -> Map<String, Value> {
        self.body["tags"].as_object().cloned().unwrap_or_default()
    }

    /// One page of a list, by `maxResults` and `nextToken` of query or body.
    pub(super) fn page(&self, field: &str, all: Vec<Value>) -> Result<Value, Refusal> {
        let given = |name: &str| match &self.body[name] {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(text.clone()),
            _ => self.parameter(name).map(str::to_owned),
        };
        let size = match given("maxResults").map(|text| text.parse::<usize>()) {
            None => 100,
            Some(Ok(size)) if (1..=100).contains(&size) => size,
            Some(_) => return Err(Refusal::parameter("maxResults needs to be 1 to 100")),
        };
        let from = match given("nextToken").map(|text| text.parse::<usize>()) {
            None => 0,
            Some(Ok(from)) => from,
            Some(Err(_)) => return Err(Refusal::parameter("Invalid nextToken")),
        };
        let next = (all.len() > from.saturating_add(size)).then(|| (from + size).to_string());
        let page: Vec<Value> = all.into_iter().skip(from).take(size).collect();
        Ok(json!({field: page, "nextToken": next}))
    }
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: BTreeMap::new() }
    }

    /// A parameter that is wrong in itself, or names what is not there.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    /// A request that does not go with the state of things.
    pub(super) fn request(message: impl Into<String>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    /// Something is in the way, for now.
    pub(super) fn in_use(message: impl Into<String>) -> Self {
        Self::new("ResourceInUseException", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", message)
    }

    /// Readiness checks that `force` would override.
    pub(super) fn state(message: impl Into<String>) -> Self {
        Self::new("InvalidStateException", message)
    }

    /// Of the tagging operations, which have codes of their own.
    pub(super) fn tags(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, message)
    }

    /// An operation that the emulator does not know.
    pub(crate) fn unknown(method: &Method, path: &str) -> Self {
        Self::new("UnknownOperationException", format!("the sandbox's EKS has no operation for {method} {path}"))
    }

    /// Says which cluster it is about, unless there is none.
    pub(super) fn about(mut self, field: &'static str, name: &str) -> Self {
        if !name.is_empty() {
            self.fields.insert(field, name.to_owned());
        }
        self
    }

    /// The HTTP status of the code, by the service model.
    pub(crate) fn status(&self) -> u16 {
        match self.code {
            "ResourceNotFoundException" | "NotFoundException" | "UnknownOperationException" => 404,
            "ResourceInUseException" => 409,
            _ => 400,
        }
    }

    /// The members of the error beside its message.
    pub(crate) fn document(&self) -> Value {
        let mut document = json!({"__type": self.code, "message": self.message});
        for (field, name) in &self.fields {
            document[*field] = json!(name);
        }
        document
    }
}

/// The texts of a list.
pub(super) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_in_the_path_is_one_name() {
        let path = "/clusters/demo/access-entries/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fp%2Fadmin/access-policies";
        let (action, names) = operation(&Method::POST, path).unwrap();
        assert_eq!(action, "AssociateAccessPolicy");
        assert_eq!(names, ["demo", "arn:aws:iam::111122223333:role/p/admin"]);
    }

    #[test]
    fn the_cluster_is_found_in_path_and_body_but_not_in_the_arn_of_tags() {
        let read = |method: Method, path: &'static str, body: &str| {
            Request::read(&method, &Uri::from_static(path), body.as_bytes(), "eu-west-1", "").unwrap()
        };
        assert_eq!(read(Method::POST, "/clusters", r#"{"name": "demo"}"#).cluster(), "demo");
        assert_eq!(read(Method::GET, "/clusters/demo/addons/x", "").cluster(), "demo");
        assert_eq!(read(Method::GET, "/tags/arn%3Aaws%3Aeks", "").cluster(), "");
    }
}
