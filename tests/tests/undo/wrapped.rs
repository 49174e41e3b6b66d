//! Kinds that pass every call on to the real ones, each with a twist.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{Class, Fault, FaultName};
use engine::{CallError, Created, Kinds, Observed, Progress, Resource, Subject};
use plan::FieldChange;

/// The calls about some resources are signed by users of their own.
pub(crate) struct Marked {
    usual: Box<dyn Resource>,
    of: BTreeMap<String, Box<dyn Resource>>,
}

/// Every kind of `usual`, where the calls about a resource in `of` are made by its own.
pub(crate) fn marked(usual: Kinds, mut of: BTreeMap<String, Kinds>) -> Kinds {
    let own = |kind: domain::Kind, of: &mut BTreeMap<String, Kinds>| {
        of.iter_mut().filter_map(|(name, kinds)| Some((name.clone(), kinds.remove(&kind)?))).collect()
    };
    let mark = |(kind, usual)| -> (domain::Kind, Box<dyn Resource>) {
        (kind, Box::new(Marked { usual, of: own(kind, &mut of) }))
    };
    usual.into_iter().map(mark).collect()
}

impl Marked {
    fn about(&self, subject: &Subject) -> &dyn Resource {
        self.of.get(subject.id.name()).unwrap_or(&self.usual).as_ref()
    }
}

#[async_trait]
impl Resource for Marked {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        self.about(subject).observe(subject).await
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        self.about(subject).create(subject).await
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        self.about(subject).update(subject, changes).await
    }

    async fn retire(&self, subject: &Subject) -> Result<Progress, CallError> {
        self.about(subject).retire(subject).await
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        self.about(subject).delete(subject).await
    }
}

/// Whatever is asked for once is done twice, and nobody hears of the creates.
pub(crate) struct Twice(Box<dyn Resource>);

/// Every kind of `usual`, twice.
pub(crate) fn twice(usual: Kinds) -> Kinds {
    usual.into_iter().map(|(kind, usual)| (kind, Box::new(Twice(usual)) as Box<dyn Resource>)).collect()
}

#[async_trait]
impl Resource for Twice {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        self.0.observe(subject).await
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let first = self.0.create(subject).await;
        if !matches!(first, Ok(_) | Err(CallError::Unknown(_))) {
            return first;
        }
        let _ = self.0.create(subject).await;
        Err(CallError::Unknown(Fault::new(FaultName::ConnectionLost, "both answers were lost")))
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        self.0.update(subject, changes).await?;
        self.0.update(subject, changes).await
    }

    async fn retire(&self, subject: &Subject) -> Result<Progress, CallError> {
        self.0.retire(subject).await?;
        self.0.retire(subject).await
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let first = self.0.delete(subject).await?;
        match self.0.delete(subject).await {
            Ok(_) | Err(CallError::NotFound) => Ok(first),
            // What AWS is already deleting may say so.
            Err(CallError::Fault(fault)) if fault.class() == Class::Conflict && first == Progress::Pending => Ok(first),
            Err(error) => Err(error),
        }
    }
}
