//! What the function teardown tells people: the proof of a teardown, a document in S3; and the orphans of an
//! installation, an answer to the command.

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
    /// What AWS deletes by itself at a time that is set: nothing is left to be done about it.
    #[serde(default)]
    pub scheduled: Vec<Scheduled>,
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

/// One thing whose deletion is scheduled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// What it is.
    pub what: String,
    /// By what its service finds it.
    pub locator: String,
    /// When it goes.
    pub at: Timestamp,
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

/// What carries an installation's tags or names and stands in no live record of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Orphans {
    /// The installation.
    pub installation: String,
    /// When the services were asked.
    pub at: Timestamp,
    /// How many there are.
    pub total: usize,
    /// The oldest of them, oldest first; those of unknown age come last.
    pub orphans: Vec<Orphan>,
}

/// One thing that the ledger does not name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// What it is.
    pub what: String,
    /// By what its service finds it.
    pub locator: String,
    /// The platform that it names.
    pub platform: Option<String>,
    /// When it was made, where anything tells.
    pub created: Option<Timestamp>,
    /// Why it counts as the installation's.
    pub reason: String,
    /// The command that removes it.
    pub command: String,
}
