//! What EKS has others do: MiniStack, which keeps instances and logs, and the control plane's process.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// One thing to do outside the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// Make sure that the log group of a cluster is there, after so long.
    LogGroup { region: String, name: String, after: Duration },
    /// Show these instances in EC2.
    Launch { region: String, instances: Vec<Instance> },
    /// End these instances.
    Terminate { region: String, ids: Vec<String> },
    /// Start the control plane, with this minor version; the one that runs ends.
    Start { region: String, cluster: String, version: String },
    /// Tell the control plane what it should hold by now.
    Instruct { region: String, cluster: String },
    /// End the control plane and forget its data.
    End { region: String, cluster: String },
}

/// An instance of a managed node group, or of EKS Auto Mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) image: String,
    pub(crate) instance_type: String,
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) address: String,
    pub(crate) group: String,
    pub(crate) spot: bool,
    /// The service that manages it in its user's stead.
    pub(crate) operator: Option<&'static str>,
    pub(crate) tags: BTreeMap<String, String>,
}
