//! Ids that Landfall gives: they are never reused, and each says what it fences or finds.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::Component;

/// One execution on one platform. Sorts by the time at which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Ulid);

/// One life of a platform's name. It stands in every identity tag, so that what yesterday's platform of the same name
/// left behind is never taken for today's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(Ulid);

/// What marks one attempt to create one resource: stored with the claim, sent as client token where the API takes one,
/// and put on the resource as a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(Ulid);

macro_rules! ulid_like {
    ($($name:ident),*) => {$(
        impl $name {
            /// A new one, random and never given before.
            pub fn random() -> Self {
                Self(Ulid::generate())
            }

            /// One from its 26 characters; `None` if the text is none.
            pub fn parse(text: &str) -> Option<Self> {
                Ulid::from_string(text).ok().map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
ulid_like!(RunId, Incarnation, Token);

impl Token {
    /// When the attempt was made, to the millisecond.
    pub fn at(self) -> Timestamp {
        let milliseconds = i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }
}

/// The fencing number of a platform. Whoever holds an older one may write nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Which making of a resource: a replacement is the next generation and stands beside the last until that is pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation that every resource begins with.
    pub const FIRST: Self = Self(1);

    /// The generation that replaces this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A resource of a platform, written `network/vpc`: the component that owns it and a name unique in that component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId {
    component: Component,
    name: String,
}

impl ResourceId {
    /// `component/name`. Names come from plan code, not from users.
    pub fn new(component: Component, name: impl Into<String>) -> Self {
        Self { component, name: name.into() }
    }

    /// The component that owns it.
    pub fn component(&self) -> Component {
        self.component
    }

    /// The name inside its component.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The text is no `component/name`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no resource id; write it like network/vpc")]
pub struct InvalidResourceId(String);

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.component, self.name)
    }
}

impl TryFrom<String> for ResourceId {
    type Error = InvalidResourceId;

    fn try_from(text: String) -> Result<Self, InvalidResourceId> {
        let parsed = text.split_once('/').and_then(|(component, name)| {
            (!name.is_empty()).then_some(())?;
            Some(Self::new(Component::parse(component)?, name))
        });
        parsed.ok_or(InvalidResourceId(text))
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> String {
        id.to_string()
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
