//! A spec may refer to what another resource gave: the id of a VPC that does not exist yet.
//!
//! In JSON an open reference is `{"$of": "network/vpc", "output": "id"}`. The dollar keeps it apart from everything else
//! in a spec: no tag key may hold one, nor any key of a policy, so nothing that a user writes is ever taken for a reference.
//!
//! Where the output is a part of a text, that is `{"$joined": ["a", {"$of": …}, "b"]}` ([`joined`]). Where it is a part of a
//! key, the object is a list of its entries, `{"$entries": [[key, value], …]}` ([`entries`]), as the conditions of a trust
//! document need it.

use std::fmt;

use domain::{Outputs, ResourceId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

const MARK: &str = "$of";
const JOINED: &str = "$joined";
const ENTRIES: &str = "$entries";

/// A text that is known, or the output of another resource.
///
/// In a plan it may be either; in a record, and in what a resource is made from, every one is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ref {
    /// Known.
    Known(String),
    /// What `of` gives under the name `output`.
    Output {
        /// The resource.
        #[serde(rename = "$of")]
        of: ResourceId,
        /// The name of its output, such as `id`.
        output: String,
    },
}

impl Ref {
    /// The output `id` of a resource.
    pub fn id(of: &ResourceId) -> Self {
        Self::output(of, "id")
    }

    /// An output of a resource.
    pub fn output(of: &ResourceId, output: &str) -> Self {
        Self::Output { of: of.clone(), output: output.to_owned() }
    }

    /// The text of a resolved reference; empty for one that is not, which no resolved spec holds.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(text) => text,
            Self::Output { .. } => "",
        }
    }

    /// The reference that `value` is, if it is an open one.
    fn open(value: &Value) -> Option<(ResourceId, String)> {
        value.as_object().filter(|map| map.contains_key(MARK))?;
        match Self::deserialize(value) {
            Ok(Self::Output { of, output }) => Some((of, output)),
            _ => None,
        }
    }
}

/// The text of all `parts` together: each a text or a [`Ref`].
pub fn joined(parts: impl IntoIterator<Item = Value>) -> Value {
    json!({JOINED: parts.into_iter().collect::<Vec<_>>()})
}

/// An object whose keys may be made of references: each a text, a [`Ref`], or [`joined`].
pub fn entries(entries: impl IntoIterator<Item = (Value, Value)>) -> Value {
    json!({ENTRIES: entries.into_iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>()})
}

impl fmt::Display for Ref {
    /// The text, or which output of which resource.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(text) => f.write_str(text),
            Self::Output { of, output } => write!(f, "{of}:{output}"),
        }
    }
}

/// A reference whose resource has not given that output yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{of} has no output `{output}` yet")]
pub struct Unresolved {
    /// The resource that is waited for.
    pub of: ResourceId,
    /// The output that it lacks.
    pub output: String,
}

/// The same spec with every [`Ref::Output`] replaced by what `outputs` says of its resource.
pub fn resolve<'a>(spec: &Value, outputs: &impl Fn(&ResourceId) -> Option<&'a Outputs>) -> Result<Value, Unresolved> {
    let (resolved, open) = resolve_known(spec, outputs);
    match open {
        None => Ok(resolved),
        Some(unresolved) => Err(unresolved),
    }
}

/// The same, as far as it goes: what is not known yet stays a reference, and the first of these is told.
pub(crate) fn resolve_known<'a>(
    spec: &Value,
    outputs: &impl Fn(&ResourceId) -> Option<&'a Outputs>,
) -> (Value, Option<Unresolved>) {
    let mut first = None;
    let resolved = replace(spec, &mut |of, output| {
        let known = outputs(&of).and_then(|known| known.get(&output));
        if known.is_none() && first.is_none() {
            first = Some(Unresolved { of, output });
        }
        known.cloned()
    });
    (resolved, first)
}

/// Every resource that a spec refers to, in the order in which they stand, each once.
pub(crate) fn referred(spec: &Value) -> Vec<ResourceId> {
    let mut found = Vec::new();
    replace(spec, &mut |of, _| {
        if !found.contains(&of) {
            found.push(of);
        }
        None
    });
    found
}

fn replace(value: &Value, with: &mut impl FnMut(ResourceId, String) -> Option<String>) -> Value {
    if let Some((of, output)) = Ref::open(value) {
        return with(of, output).map_or_else(|| value.clone(), Value::String);
    }
    match value {
        Value::Object(map) => closed(map.iter().map(|(key, value)| (key.clone(), replace(value, with))).collect()),
        Value::Array(items) => items.iter().map(|item| replace(item, with)).collect(),
        other => other.clone(),
    }
}

/// The text or the object that a map of ours stands for, once all its references are known.
fn closed(map: Map<String, Value>) -> Value {
    let text = |part: &Value| part.as_str().map(str::to_owned);
    let known = match (map.get(JOINED), map.get(ENTRIES)) {
        (Some(Value::Array(parts)), None) => parts.iter().map(text).collect::<Option<String>>().map(Value::String),
        (None, Some(Value::Array(entries))) => {
            let entry = |entry: &Value| Some((text(entry.get(0)?)?, entry.get(1)?.clone()));
            entries.iter().map(entry).collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        _ => None,
    };
    known.unwrap_or(Value::Object(map))
}

#[cfg(test)]
mod tests {
    use domain::Component;
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_found_and_replaced_wherever_they_stand() {
        let vpc = ResourceId::new(Component::Network, "vpc");
        let nat = ResourceId::new(Component::Network, "nat");
        let spec = json!({"vpc": Ref::id(&vpc), "via": {"natGateway": Ref::id(&nat)}, "more": [Ref::id(&vpc), "x"]});
        assert_eq!(referred(&spec), [nat.clone(), vpc.clone()].iter().rev().cloned().collect::<Vec<_>>());
        let known = Outputs::from([("id".to_owned(), "vpc-1".to_owned())]);
        let of_vpc = |of: &ResourceId| (*of == vpc).then_some(&known);
        assert_eq!(resolve(&spec, &of_vpc), Err(Unresolved { of: nat.clone(), output: "id".into() }));
        let all = |_: &ResourceId| Some(&known);
        let resolved = json!({"vpc": "vpc-1", "via": {"natGateway": "vpc-1"}, "more": ["vpc-1", "x"]});
        assert_eq!(resolve(&spec, &all), Ok(resolved));
    }

    #[test]
    fn references_are_parts_of_texts_and_of_keys() {
        let provider = ResourceId::new(Component::Cluster, "oidc-provider");
        let host = json!(Ref::output(&provider, "host"));
        let key = |name: &str| joined([host.clone(), json!(name)]);
        let spec = json!({"StringEquals": entries([(key(":sub"), json!("a")), (json!("b"), key("!"))])});
        assert_eq!(referred(&spec), std::slice::from_ref(&provider));
        assert!(resolve(&spec, &|_| None).is_err());
        let outputs = Outputs::from([("host".to_owned(), "oidc.eks/id/1".to_owned())]);
        let resolved = json!({"StringEquals": {"oidc.eks/id/1:sub": "a", "b": "oidc.eks/id/1!"}});
        assert_eq!(resolve(&spec, &|of| (*of == provider).then_some(&outputs)), Ok(resolved));
    }

    #[test]
    fn tags_are_never_taken_for_references() {
        let spec = json!({"tags": {"of": "network/vpc", "output": "id"}});
        assert_eq!(resolve(&spec, &|_| None), Ok(spec.clone()));
    }
}
