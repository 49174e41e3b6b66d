//! Which run a call is about.

use domain::{Epoch, PlatformName, RunId};
use engine::Fence;
use serde::{Deserialize, Serialize};

/// The part of every component's input that names the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The platform.
    pub platform: PlatformName,
    /// The run.
    pub run: RunId,
    /// The epoch that it was given.
    pub epoch: Epoch,
}

impl Task {
    /// In whose name the call writes.
    pub fn fence(&self) -> Fence {
        Fence { platform: self.platform.clone(), run: self.run, epoch: self.epoch }
    }
}
