//! What the ledger knows of one resource: enough to delete it with nothing else at hand.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AccountId, Epoch, Generation, Kind, Region, ResourceId, State};

/// The account and region in which a platform lives, for life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

/// By what AWS finds a resource: an id such as `vpc-0abc`, an ARN, or a name that is unique in its service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Locator(pub String);

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What other resources may refer to, by name: `id`, `arn`, `address`.
pub type Outputs = BTreeMap<String, String>;

/// One generation of one resource: the end of an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// The resource that is needed.
    pub resource: ResourceId,
    /// Which generation of it.
    pub generation: Generation,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.resource, self.generation)
    }
}

/// What the ledger knows of one generation of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The resource.
    pub id: ResourceId,
    /// Which making of it.
    pub generation: Generation,
    /// Its type: who can delete it.
    pub kind: Kind,
    /// The version of this record's form. Grows when a form can no longer be read as the next.
    pub schema: u32,
    /// Where it lives. Not found counts as gone only here.
    pub target: Target,
    /// By what AWS finds it; none until a create has answered.
    pub locator: Option<Locator>,
    /// The spec that was applied last, or is being applied, with every reference resolved.
    pub spec: Value,
    /// What this one uses. None of these is deleted before it.
    pub needs: Vec<Edge>,
    /// What is going on.
    pub state: State,
    /// What others may refer to.
    pub outputs: Outputs,
    /// Whether it existed before us: then it is forgotten, never deleted.
    pub adopted: bool,
    /// How many attempts were made to create it. After more than one, an earlier product may still come to light, so it
    /// is looked for by its tags and not by its locator.
    pub attempts: u32,
    /// The phase that last found it, or made it, as its spec says. Until Verify, that phase need not look again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Epoch>,
    /// When the first claim was made.
    pub created: Timestamp,
    /// When the record last changed.
    pub updated: Timestamp,
}

impl Record {
    /// The form that this version writes.
    pub const SCHEMA: u32 = 1;

    /// The end of an edge that points here.
    pub fn edge(&self) -> Edge {
        Edge { resource: self.id.clone(), generation: self.generation }
    }
}
