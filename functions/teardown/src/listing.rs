//! Typed listings: what a service itself says is there. Proof, inspection and orphan finder count nothing else.
//!
//! Every listing reads all pages. What a service shows for a while after its deletion (a NAT gateway in state `deleted`)
//! is not there any more.

pub mod ec2;
pub mod eks;
pub mod functions;
pub mod iam;
pub mod kms;
pub mod logs;

use aws_sdk_ec2::primitives::DateTime;
use domain::{Identity, Tags, Token};
use jiff::Timestamp;

/// One thing that a service shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is, in the service's word.
    pub what: &'static str,
    /// By what the service finds it.
    pub locator: String,
    /// Its tags; empty where the service lists without them.
    pub tags: Tags,
    /// The platform that its tag, its name or its path names.
    pub platform: Option<String>,
    /// When it was made: by its service's word, else by its attempt tag.
    pub created: Option<Timestamp>,
    /// The command that removes it.
    pub command: String,
}

impl Found {
    /// Whether it carries the installation's tag.
    pub fn is_of(&self, installation: &str) -> bool {
        self.tags.get(Identity::INSTALLATION).is_some_and(|tag| tag == installation)
    }

    /// Whether it carries the tags of this platform, in whatever life.
    pub fn is_of_platform(&self, identity: &Identity) -> bool {
        self.is_of(&identity.installation) && self.tags.get(Identity::PLATFORM) == Some(&identity.platform.to_string())
    }
}

/// The path under which an installation's platforms have their roles and log groups.
pub fn path(installation: &str) -> String {
    format!("/landfall/{installation}/")
}

/// What a service lists with its tags.
fn tagged(what: &'static str, locator: &str, tags: Tags, created: Option<Timestamp>, command: &str) -> Found {
    let platform = tags.get(Identity::PLATFORM).cloned();
    let attempt = || tags.get(Identity::ATTEMPT).and_then(|attempt| Token::parse(attempt)).map(Token::at);
    let created = created.or_else(attempt);
    let (locator, command) = (locator.to_owned(), format!("aws {command} {locator}"));
    Found { what, locator, tags, platform, created, command }
}

/// What a service lists without tags. `path` is `/landfall/<installation>/<platform>/…`.
fn named(what: &'static str, name: &str, path: &str, created: Option<Timestamp>, command: &str) -> Found {
    let platform = path.split('/').nth(3).filter(|segment| !segment.is_empty()).map(str::to_owned);
    Found { platform, ..tagged(what, name, Tags::new(), created, command) }
}

/// The same, with what must be done first.
fn after(found: Found, first: Vec<String>) -> Found {
    let mut steps: Vec<String> = first.into_iter().map(|step| format!("aws {step}")).collect();
    steps.push(found.command);
    Found { command: steps.join(" && "), ..found }
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    Timestamp::from_second(time?.secs()).ok()
}
