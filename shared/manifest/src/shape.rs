//! The tree held against the schema: one walk for every field that there is or ever will be.
//!
//! What is wrong is reported and left out of the value that comes back, so that the rules can still judge the rest.

use serde_json::{Map, Value};

use crate::formats;
use crate::problem::{Problem, Severity};
use crate::schema::{allows, branches, expects, join, nearest, object, properties, words};
use crate::secret::redact;
use crate::tree::{Content, Node, Place};

/// What other tools call a field: the word, and our path.
const ELSEWHERE: &[(&str, &str)] = &[
    ("vpc", "spec.network"),
    ("natGateway", "spec.network.nat"),
    ("natGateways", "spec.network.nat"),
    ("gateway", "spec.network.nat"),
    ("id", "spec.network.vpcId"),
    ("subnetIds", "spec.network.subnets"),
    ("azs", "spec.network.availabilityZones"),
    ("cidrBlock", "spec.network.cidr"),
    ("secondaryCIDR", "spec.network.pods.cidr"),
    ("permissionsBoundaryArn", "spec.permissionsBoundary"),
    // eksctl's: https://docs.aws.amazon.com/eks/latest/eksctl/schema.html
    ("accessConfig", "spec.cluster.accessEntries"),
    ("authenticationMode", "spec.cluster.accessEntries"),
    ("autoModeConfig", "spec.compute.autoMode"),
    ("cloudWatch", "spec.cluster.logging"),
    ("clusterEndpoints", "spec.cluster.apiServer"),
    ("clusterLogging", "spec.cluster.logging"),
    ("desiredCapacity", "desiredSize"),
    ("fargateProfiles", "spec.compute.fargateProfiles"),
    ("iam", "spec.serviceAccounts"),
    ("iamIdentityMappings", "spec.cluster.accessEntries"),
    ("instanceType", "instanceTypes"),
    ("managedNodeGroups", "spec.compute.managedNodeGroups"),
    ("nodeGroups", "spec.compute.managedNodeGroups"),
    ("nodegroups", "spec.compute.managedNodeGroups"),
    ("podIdentityAssociations", "spec.serviceAccounts"),
    ("principalARN", "role"),
    ("privateCluster", "spec.cluster.apiServer"),
    ("secretsEncryption", "spec.cluster.encryptionConfig"),
    ("spot", "capacityType"),
    ("volumeSize", "diskSize"),
];

/// Checks `node` against `schema` and gives what is right of it.
pub(crate) fn check(schema: &Value, node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<Value> {
    match &node.content {
        Content::Map(_) if allows(schema, "object") => Some(map(object(schema), node, path, problems)),
        Content::List(items) if allows(schema, "array") => {
            let of_items = std::iter::once(schema).chain(branches(schema)).find_map(|schema| schema.get("items"));
            let any = Value::Bool(true);
            let checked: Vec<Option<Value>> = (items.iter().enumerate())
                .map(|(index, item)| {
                    let (schema, path) = (of_items.unwrap_or(&any), join(path, &index.to_string()));
                    if item.is_null() {
                        problems.push(wrong_type(schema, item, &path));
                        return None;
                    }
                    check(schema, item, &path, problems)
                })
                .collect();
            // A list with a bad item is set aside as a whole, so that no rule counts what is left of it.
            checked.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
        }
        Content::Scalar(_, value) => scalar(schema, value, node, path, problems),
        _ => {
            problems.push(wrong_type(schema, node, path));
            None
        }
    }
}

fn map(schema: &Value, node: &Node, path: &str, problems: &mut Vec<Problem>) -> Value {
    let Content::Map(entries) = &node.content else { return Value::Null };
    let mut checked = Map::new();
    for entry in entries {
        let is_named = schema["properties"].get(&entry.key).is_some();
        let field = match (&schema["properties"][&entry.key], &schema["additionalProperties"]) {
            (Value::Null, further @ Value::Object(_)) => further,
            // A document whose form is not ours to judge: an add-on's configuration, a policy.
            (Value::Null, Value::Bool(true)) => {
                checked.insert(entry.key.clone(), whole(&entry.value));
                continue;
            }
            (Value::Null, _) => {
                problems.push(unknown(schema, &entry.key, entry.key_place, path));
                continue;
            }
            (field, _) => field,
        };
        let field_path = join(path, &entry.key);
        if entry.value.is_null() && !is_named {
            problems.push(wrong_type(field, &entry.value, &field_path));
            continue;
        }
        if let Some(value) = check(field, &entry.value, &field_path, problems) {
            checked.insert(entry.key.clone(), value);
        }
    }
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let written = entries.iter().find(|entry| entry.key == required);
        if written.is_none_or(|entry| entry.value.is_null()) {
            let place = written.map_or(node.place, |entry| entry.key_place);
            let example = &schema["properties"][required]["examples"][0];
            let example =
                if example.is_null() { String::new() } else { format!(", like `{required}: {}`", bare(example)) };
            let message = format!("`{required}` is missing");
            problems.push(found("MissingField", path, place, "", message, format!("add `{required}`{example}")));
        }
        // What is missing or wrong is reported; something of the right shape stands in for it, so that the rules can judge
        // the rest.
        if !checked.contains_key(required) {
            checked.insert(required.to_owned(), stand_in(&schema["properties"][required]));
        }
    }
    Value::Object(checked)
}

/// Everything below a node, as it is written.
fn whole(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(_, value) => value.clone(),
        Content::List(items) => items.iter().map(whole).collect(),
        Content::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), whole(&entry.value))).collect(),
    }
}

fn scalar(schema: &Value, value: &Value, node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<Value> {
    let kind = match value {
        // A key without a value means that the field is left out.
        Value::Null => return None,
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        _ => "string",
    };
    if !allows(schema, kind) {
        // Text that looks like a number is the field's text all the same, as tags show: `cost-center: 4711`.
        if kind != "string" && allows(schema, "string") && words(schema).is_empty() && schema.get("format").is_none() {
            return Some(Value::String(node.text()));
        }
        problems.push(wrong_type(schema, node, path));
        return None;
    }
    if let Some(text) = value.as_str() {
        let words = words(schema);
        if !words.is_empty() && !words.iter().any(|(word, _)| word == text) {
            let fix = match nearest(text, words.iter().map(|(word, _)| word.as_str())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of {}", expects(schema)),
            };
            let message = format!("`{text}` is none of {}", expects(schema));
            problems.push(found("UnknownValue", path, node.place, text, message, fix));
            return None;
        }
        if let Some(format) = schema["format"].as_str()
            && let Err((message, fix)) = formats::check(format, text)
        {
            problems.push(found("BadFormat", path, node.place, text, message, fix));
            return None;
        }
    }
    if let Some((low, high)) = range(schema)
        && value.as_i64().is_some_and(|number| number < low || number > high)
    {
        let message = format!("{value} is not between {low} and {high}");
        problems.push(found("OutOfRange", path, node.place, &node.text(), message, format!("write {low} to {high}")));
        return None;
    }
    Some(value.clone())
}

fn range(schema: &Value) -> Option<(i64, i64)> {
    let own = |schema: &Value| Some((schema["minimum"].as_i64()?, schema["maximum"].as_i64()?));
    own(schema).or_else(|| branches(schema).find_map(own))
}

fn unknown(schema: &Value, key: &str, place: Place, path: &str) -> Problem {
    let elsewhere = ELSEWHERE.iter().find(|(word, _)| *word == key).map(|(_, ours)| (*ours).to_owned());
    let near = nearest(key, properties(schema).map(|(name, _)| name));
    let fix = match near.or(elsewhere) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let known: Vec<&str> = properties(schema).map(|(name, _)| name).collect();
            format!("known here: {}", known.join(", "))
        }
    };
    found("UnknownField", &join(path, key), place, key, format!("there is no field `{key}` here"), fix)
}

fn wrong_type(schema: &Value, node: &Node, path: &str) -> Problem {
    let is = match &node.content {
        Content::Scalar(_, Value::Null) => "nothing".to_owned(),
        Content::Map(_) => "a map".to_owned(),
        Content::List(_) => "a list".to_owned(),
        Content::Scalar(text, Value::String(_)) => format!("the text `{text}`"),
        Content::Scalar(text, _) => format!("`{text}`"),
    };
    let fix = match &node.content {
        Content::Scalar(text, Value::Bool(_) | Value::Number(_)) if allows(schema, "string") => {
            format!("quote it: \"{text}\"")
        }
        _ => format!("write a {}", expects(schema)),
    };
    let message = format!("{is} stands where a {} belongs", expects(schema));
    found("WrongType", path, node.place, &node.text(), message, fix)
}

fn found(code: &'static str, path: &str, place: Place, text: &str, message: String, fix: String) -> Problem {
    Problem {
        severity: Severity::Error,
        code,
        path: path.to_owned(),
        line: place.line,
        column: place.column,
        text: redact(text).chars().take(80).collect(),
        message,
        fix,
    }
}

fn stand_in(schema: &Value) -> Value {
    match words(schema).first() {
        Some((word, _)) => Value::String(word.clone()),
        None => schema["examples"][0].clone(),
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
