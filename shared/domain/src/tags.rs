//! Tags: the user's, and those by which Landfall knows its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Generation, Incarnation, PlatformName, ResourceId, Token};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Whose a resource is. What does not carry all three is foreign and is never touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The installation's name.
    pub installation: String,
    /// The platform.
    pub platform: PlatformName,
    /// Which life of the platform.
    pub incarnation: Incarnation,
}

impl Identity {
    /// The tag that names the installation.
    pub const INSTALLATION: &'static str = "landfall:installation";
    /// The tag that names the platform.
    pub const PLATFORM: &'static str = "landfall:platform";
    /// The tag that names the platform's incarnation.
    pub const INCARNATION: &'static str = "landfall:incarnation";
    /// The tag that names the resource, as `component/name`.
    pub const RESOURCE: &'static str = "landfall:resource";
    /// The tag that names the resource's generation.
    pub const GENERATION: &'static str = "landfall:generation";
    /// The tag that names the attempt which made it.
    pub const ATTEMPT: &'static str = "landfall:attempt";

    /// The three tags that everything of this platform's life carries.
    pub fn platform_tags(&self) -> Tags {
        Tags::from([
            (Self::INSTALLATION.to_owned(), self.installation.clone()),
            (Self::PLATFORM.to_owned(), self.platform.to_string()),
            (Self::INCARNATION.to_owned(), self.incarnation.to_string()),
        ])
    }

    /// The five tags that find one generation of one resource, whatever attempt made it.
    pub fn resource_tags(&self, resource: &ResourceId, generation: Generation) -> Tags {
        let mut tags = self.platform_tags();
        tags.insert(Self::RESOURCE.to_owned(), resource.to_string());
        tags.insert(Self::GENERATION.to_owned(), generation.to_string());
        tags
    }

    /// All tags for a create: the user's, a `Name`, and ours, which win.
    pub fn create_tags(&self, user: &Tags, resource: &ResourceId, generation: Generation, attempt: Token) -> Tags {
        let mut tags = user.clone();
        tags.insert("Name".to_owned(), format!("{}-{}", self.platform, resource.name()));
        tags.append(&mut self.resource_tags(resource, generation));
        tags.insert(Self::ATTEMPT.to_owned(), attempt.to_string());
        tags
    }

    /// Whether a thing with these tags belongs to this platform's life.
    pub fn owns(&self, tags: &Tags) -> bool {
        self.platform_tags().iter().all(|(key, value)| tags.get(key) == Some(value))
    }

    /// The user's part of a thing's tags: without ours, `Name`, and what AWS reserves.
    pub fn user_tags(tags: &Tags) -> Tags {
        let ours = |key: &str| key.starts_with("landfall:") || key.starts_with("aws:") || key == "Name";
        tags.iter().filter(|(key, _)| !ours(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
