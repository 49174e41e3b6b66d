//! What a kind can do. One implementation per kind, in the function of its component.

use async_trait::async_trait;
use domain::{Fault, FaultName, Generation, Identity, Kind, Locator, Outputs, ResourceId, Tags, Target, Token};
use jiff::Timestamp;
use plan::FieldChange;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The resource that a call is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Whose it is.
    pub identity: Identity,
    /// Where it lives.
    pub target: Target,
    /// Which one.
    pub id: ResourceId,
    /// Which making of it.
    pub generation: Generation,
    /// Its type.
    pub kind: Kind,
    /// By what AWS finds it, once that is known. Without it, find it by [`Identity::resource_tags`], or by the fixed
    /// name in `spec`.
    pub locator: Option<Locator>,
    /// The spec, resolved: in `observe`, `retire` and `delete` the one last applied; in `create` and `update` the one wanted.
    pub spec: Value,
    /// The attempt: the client token of a create, and the value of its attempt tag.
    pub token: Token,
    /// Whether it is wanted as something that existed before us.
    pub adopted: bool,
    /// Since when this phase has been changing it; none before its first change.
    pub changing_since: Option<Timestamp>,
    /// Whether it is to go, or is going: then what would be left of it without anybody's asking is still of it.
    pub leaving: bool,
}

impl Subject {
    /// The spec as the kind's own type. A spec that does not fit is a defect ([`FaultName::Internal`]).
    pub fn spec<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        T::deserialize(&self.spec).map_err(|error| {
            let message = format!("the stored spec of this {} cannot be read: {error}", self.kind);
            CallError::Fault(Fault::new(FaultName::Internal, message).about(&self.id))
        })
    }

    /// The locator; without one there is nothing to call about, which is [`CallError::NotFound`].
    pub fn locator(&self) -> Result<&str, CallError> {
        self.locator.as_ref().map(|locator| locator.0.as_str()).ok_or(CallError::NotFound)
    }

    /// All tags for a create.
    pub fn create_tags(&self, user: &Tags) -> Tags {
        self.identity.create_tags(user, &self.id, self.generation, self.token)
    }

    /// The tags that find it, whatever attempt made it.
    pub fn find_tags(&self) -> Tags {
        self.identity.resource_tags(&self.id, self.generation)
    }
}

/// A thing that AWS shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Actual {
    /// By what AWS finds it.
    pub locator: Locator,
    /// Those fields of the spec that AWS shows, in the form of the spec. Fields that are left out are not compared.
    pub properties: Value,
    /// What others may refer to.
    pub outputs: Outputs,
}

/// What AWS shows of a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// Nothing. Soon after a create this may only mean "not yet".
    Absent,
    /// There, and AWS is not done: being created, changed or deleted.
    Pending(Actual),
    /// There, and at rest.
    Present(Actual),
    /// There, and AWS gave up on it: why.
    Failed(Actual, String),
    /// Something with this name that is not ours.
    Foreign(Locator),
    /// Several that carry our tags: attempts whose answers were lost.
    Many(Vec<Actual>),
}

/// The answer to a create.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// By what AWS finds it.
    pub locator: Locator,
    /// What others may refer to, as far as it is known.
    pub outputs: Outputs,
    /// Whether AWS is done with it.
    pub progress: Progress,
}

/// How far a call brought things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All the way.
    Done,
    /// AWS goes on by itself; observe again.
    Pending,
}

/// Why a call did not do what was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The call was sent and no answer came: it may have had its effect.
    #[error("no answer came, so the effect is unknown: {0}")]
    Unknown(Fault),
    /// The resource is not there.
    #[error("the resource is not there")]
    NotFound,
    /// AWS answered no. Transient and conflict faults are tried again; any other ends the run.
    #[error(transparent)]
    Fault(Fault),
}

/// One kind of resource. Every call may come any number of times, and takes seconds: none waits.
#[async_trait]
pub trait Resource: Send + Sync {
    /// What AWS shows. Never changes anything.
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError>;

    /// Makes it, with [`Subject::create_tags`]. Called once for each claim. A kind of several calls (a gateway and its
    /// attachment) does the rest in `update`, for which `observe` must show what is missing.
    async fn create(&self, subject: &Subject) -> Result<Created, CallError>;

    /// Brings the fields in `changes` to what `subject.spec` says; `old` is what AWS shows or the last applied.
    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError>;

    /// Releases what hangs on it, before it is deleted. Most kinds have nothing to release.
    async fn retire(&self, _subject: &Subject) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    /// Takes it away. [`CallError::NotFound`] counts as done. What others still use is a conflict fault.
    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError>;
}
