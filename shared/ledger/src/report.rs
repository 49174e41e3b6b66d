//! The proof of a teardown: a document in S3, written by the function teardown, read by people and by the command.

use domain::{PlatformName, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was looked for after a teardown, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The platform that was torn down.
    pub platform: PlatformName,
    /// The run that did it.
    pub run: RunId,
    /// When the services were asked.
    pub at: Timestamp,
    /// Each listing that was made.
    pub listings: Vec<Listing>,
    /// What is left. Empty is the proof.
    pub left: Vec<Leftover>,
}

/// One listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// What was listed, in the service's word.
    pub what: String,
    /// By what: a tag, a name or a path.
    pub by: String,
    /// How many of this platform were found.
    pub found: usize,
}

/// One thing that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is.
    pub what: String,
    /// By what its service finds it.
    pub locator: String,
    /// Why it counts as this platform's.
    pub reason: String,
    /// The command that removes it.
    pub command: String,
}

impl Report {
    /// Where the report of a run lies in the installation's state bucket.
    pub fn key(platform: &PlatformName, run: RunId) -> String {
        format!("reports/{platform}/{run}.json")
    }

    /// `0 left`, or how many are.
    pub fn summary(&self) -> String {
        format!("{} left", self.left.len())
    }
}
