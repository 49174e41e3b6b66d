//! A spec may refer to what another resource gave: the id of a VPC that does not exist yet.
//!
//! In JSON an open reference is `{"$of": "network/vpc", "output": "id"}`. The dollar keeps it apart from everything else
//! in a spec: no tag key may hold one, so nothing that a user writes is ever taken for a reference.

use domain::{Outputs, ResourceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const MARK: &str = "$of";

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
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), replace(value, with))).collect(),
        Value::Array(items) => items.iter().map(|item| replace(item, with)).collect(),
        other => other.clone(),
    }
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
    fn tags_are_never_taken_for_references() {
        let spec = json!({"tags": {"of": "network/vpc", "output": "id"}});
        assert_eq!(resolve(&spec, &|_| None), Ok(spec.clone()));
    }
}
