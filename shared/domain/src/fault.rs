//! Faults: failures with a name from a closed list.
//!
//! The name is an API. It is the `errorType` of a function, hence what a state machine matches in `ErrorEquals`, and
//! the name of a page under `docs/errors/`. A test holds all three together.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ResourceId;

/// What the state machine does with a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Try again, with backoff and jitter.
    Transient,
    /// Not a failure: something else is under way. Answered as pending.
    Conflict,
    /// Stop before anything is touched, and tell the uploader.
    Input,
    /// Stop: a permission, a quota or an agreement is missing.
    Account,
    /// Restore or stop, and alert.
    Broken,
    /// End this execution and harm nothing.
    Control,
}

macro_rules! faults {
    ($($name:ident: $class:ident, $sentence:literal;)*) => {
        /// Every fault that Landfall knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum FaultName { $(#[doc = $sentence] $name),* }

        impl FaultName {
            /// The whole list.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name, as the state machines match it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// What the state machine does with it.
            pub fn class(self) -> Class {
                match self { $(Self::$name => Class::$class),* }
            }

            /// What it means, in a sentence.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence),* }
            }
        }
    };
}

faults! {
    Throttled: Transient, "AWS asked us to slow down.";
    ServiceUnavailable: Transient, "An AWS service answered with an error of its own.";
    ConnectionLost: Transient, "No answer came from an AWS service.";
    UpdateInProgress: Conflict, "AWS is still changing this resource.";
    DependencyStillThere: Conflict, "Something in AWS still uses this resource.";
    InvalidManifest: Input, "The manifest has errors.";
    InvalidInput: Input, "The execution was started with an input that Landfall does not understand.";
    UnknownPlatform: Input, "There is no platform of that name.";
    BoundElsewhere: Input, "The name belongs to another manifest, account or region.";
    ImmutableField: Input, "The change touches what cannot be changed for the life of a platform.";
    Rejected: Input, "Somebody rejected the plan that waited for approval.";
    ApprovalExpired: Input, "Nobody approved the plan in time.";
    Protected: Input, "The platform is protected against deletion.";
    Superseded: Input, "A newer revision took the place of this one.";
    UnusableNetwork: Input, "The network that the manifest names cannot carry this platform.";
    AccessDenied: Account, "The function's role lacks a permission.";
    QuotaExceeded: Account, "A quota of the account is used up.";
    Foreign: Account, "Something that Landfall did not make stands where it would build.";
    CreateFailed: Broken, "AWS could not create a resource.";
    UpdateFailed: Broken, "AWS could not change a resource.";
    DeleteFailed: Broken, "AWS could not delete a resource.";
    Unverified: Broken, "What was built is not as the plan says.";
    Unhealthy: Broken, "AWS or Kubernetes reports that something does not work.";
    Stuck: Broken, "A resource made no progress for too long.";
    DeadlineExceeded: Broken, "The run took longer than it may.";
    LeftBehind: Broken, "The teardown could not prove that nothing is left.";
    Internal: Broken, "Landfall met a state that it should never meet.";
    LostLease: Control, "Another run took over this platform.";
    Cancelled: Control, "The run was cancelled.";
}

impl fmt::Display for FaultName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure: its name, what happened to which resource and why, and what to do next.
///
/// `Display` is one sentence without the name; it holds no secret but may hold account ids
/// (see [`crate::mask_accounts`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// From the closed list.
    pub name: FaultName,
    /// What happened and why.
    pub message: String,
    /// The resource that it happened to, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// What to do: a sentence or a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What AWS answered, if that was it. Boxed, because few faults have one and all are handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<AwsAnswer>>,
}

/// How AWS refused a call: what its support asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsAnswer {
    /// The call, as IAM names it: `ec2:CreateVpc`.
    pub action: String,
    /// The error code; none if no answer came, or none that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The id of the request, where AWS gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

impl Fault {
    /// A fault with its message.
    pub fn new(name: FaultName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), resource: None, next: None, answer: None }
    }

    /// The same, about a resource; one that is named already stays.
    pub fn about(mut self, resource: &ResourceId) -> Self {
        self.resource.get_or_insert_with(|| resource.clone());
        self
    }

    /// The same, with what to do next.
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The same, with what AWS answered.
    pub fn answered(mut self, answer: AwsAnswer) -> Self {
        self.answer = Some(Box::new(answer));
        self
    }

    /// The class of its name.
    pub fn class(&self) -> Class {
        self.name.class()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(resource) = &self.resource {
            write!(f, "{resource}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.next {
            Some(next) => write!(f, " Next: {next}"),
            None => Ok(()),
        }
    }
}
