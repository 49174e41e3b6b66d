//! Thin hands: one step about one resource. What is written before a call and what after it stands here, and nowhere else.

use std::future::Future;
use std::time::Duration;

use domain::{
    Claim, Class, Event, Fault, FaultName, Generation, IllegalTransition, Operation, Outputs, Record, State, Token,
};
use plan::FieldChange;
use serde_json::Value;
use tokio::time::Instant;

use crate::select::Task;
use crate::{
    Actual, CallError, Created, Decision, Engine, Observed, Order, Pass, Progress, Resource, Stored, Subject, decide,
};

/// The time that one call to AWS with its bookkeeping may take. None starts later than this before the deadline.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(12);

/// What came of a step.
pub(crate) enum Step {
    /// As wanted, and nothing was written.
    Done,
    /// Something changed in the ledger or in AWS.
    Moved,
    /// Nothing can be done now.
    Waiting(String),
}

impl Engine<'_> {
    /// Observes, decides and does once.
    pub(crate) async fn step(&self, order: &Order<'_>, task: &Task) -> Result<Step, Fault> {
        let resource = self.kinds.get(&task.kind).ok_or_else(|| {
            Fault::new(
                FaultName::Internal,
                format!("the {} function does not know the kind {}", order.component, task.kind),
            )
        })?;
        let hand = Hand { engine: self, order, task, resource: resource.as_ref() };
        hand.step().await
    }
}

impl Step {
    /// Nothing more is begun in this call.
    fn left_over() -> Self {
        Self::Waiting("the next call takes it up".into())
    }
}

/// Everything that one step works with.
struct Hand<'a> {
    engine: &'a Engine<'a>,
    order: &'a Order<'a>,
    task: &'a Task,
    resource: &'a dyn Resource,
}

impl Hand<'_> {
    async fn step(&self) -> Result<Step, Fault> {
        let record = self.task.stored.as_ref().map(|stored| &stored.record);
        let mut subject = self.subject(record);
        if record.is_some_and(|record| record.attempts > 1) {
            subject.locator = None;
        }
        let seen = match self.limited(self.resource.observe(&subject)).await {
            Ok(seen) => seen,
            Err(CallError::NotFound) => Observed::Absent,
            Err(error) => return self.wait_or_fail(error),
        };
        let moment = self.engine.moment(self.order);
        let decision = decide(self.order.pass, &self.task.id, self.task.wanted.as_ref(), record, &seen, &moment);
        tracing::debug!(resource = %self.task.id, ?decision, "decided");
        if self.order.pass == Pass::Verify
            && !matches!(decision, Decision::Done | Decision::Wait(_) | Decision::Refuse(_))
        {
            return Err(Fault::new(FaultName::Internal, "verify may change nothing"));
        }
        self.perform(decision).await
    }

    async fn perform(&self, decision: Decision) -> Result<Step, Fault> {
        match decision {
            Decision::Done => Ok(Step::Done),
            Decision::Wait(reason) => Ok(Step::Waiting(reason)),
            Decision::Refuse(fault) => Err(fault),
            _ if self.out_of_time() => Ok(Step::left_over()),
            Decision::Create => self.create(self.task.stored.as_ref()).await,
            Decision::Replace(_) => self.create(None).await,
            Decision::Accept(actual) => self.note(actual, Event::Accepted(self.operation(None))).await,
            Decision::Confirm(actual) => self.note(actual, Event::Settled).await,
            Decision::Fail(actual, why) => {
                self.note(actual, Event::Broke(self.operation(Some(why.clone())))).await?;
                Err(Fault::new(FaultName::CreateFailed, why))
            }
            Decision::Update(actual, changes) => self.update(actual, &changes).await,
            Decision::Retire(actual) => self.retire(actual).await,
            Decision::Delete(actual) => self.delete(actual, None).await,
            Decision::DeleteSurplus(surplus) => self.delete_surplus(surplus).await,
            Decision::Forget => match &self.task.stored {
                Some(stored) => self.forget(stored).await,
                None => Ok(Step::Moved),
            },
        }
    }

    /// Claims, creates, and writes down what came of it. Without `stored` it is a new generation.
    async fn create(&self, stored: Option<&Stored>) -> Result<Step, Fault> {
        let claim = Claim { run: self.order.fence.run, token: Token::random(), at: (self.engine.clock)() };
        let mut record = self.new_record(stored);
        let before = match record.state {
            State::Creating(_) | State::Unknown(_) => record.state,
            other => legal(other.apply(Event::Vanished))?,
        };
        record.state = legal(before.apply(Event::Claimed(claim)))?;
        let claimed = self.write(stored, record).await?;
        match self.limited(self.resource.create(&self.subject(Some(&claimed.record)))).await {
            Ok(created) => self.created(&claimed, created).await,
            Err(CallError::Unknown(fault)) => self.answer_lost(&claimed, fault).await,
            // A server's own error says nothing about the effect.
            Err(CallError::Fault(fault)) if fault.name == FaultName::ServiceUnavailable => {
                self.answer_lost(&claimed, fault).await
            }
            // It may be there already, by a request of an earlier attempt that came late. Of a first generation the next
            // look finds that by its tags; a later one is looked at only while its record stands.
            Err(CallError::Fault(fault))
                if fault.class() == Class::Conflict && claimed.record.generation > Generation::FIRST =>
            {
                self.answer_lost(&claimed, fault).await
            }
            // AWS said no: nothing was made, and the claim is taken back.
            Err(error) => {
                self.forget(&claimed).await?;
                self.wait_or_fail(error)
            }
        }
    }

    async fn created(&self, claimed: &Stored, created: Created) -> Result<Step, Fault> {
        let event = match created.progress {
            Progress::Done => Event::Settled,
            Progress::Pending => Event::Accepted(self.operation(None)),
        };
        let confirmed = (created.progress == Progress::Done).then_some(self.order.fence.epoch);
        self.transition(claimed, event, |record| {
            record.locator = Some(created.locator);
            record.outputs = created.outputs;
            record.confirmed = confirmed;
        })
        .await?;
        Ok(Step::Moved)
    }

    async fn answer_lost(&self, claimed: &Stored, fault: Fault) -> Result<Step, Fault> {
        tracing::warn!(resource = %self.task.id, %fault, "the answer to a create was lost");
        self.transition(claimed, Event::AnswerLost, |_| ()).await?;
        Ok(Step::Waiting("whether it was created is not known yet".into()))
    }

    async fn update(&self, actual: Actual, changes: &[FieldChange]) -> Result<Step, Fault> {
        let Some(stored) = &self.task.stored else { return Err(missing_record()) };
        let operation = match &stored.record.state {
            State::Updating(operation) if operation.epoch == self.order.fence.epoch => operation.clone(),
            _ => self.operation(None),
        };
        let begun = self
            .transition(stored, Event::ChangeBegun(operation), |record| record.locator = Some(actual.locator))
            .await?;
        let mut subject = self.subject(Some(&begun.record));
        subject.spec = self.wanted_spec();
        match self.limited(self.resource.update(&subject, changes)).await {
            Ok(Progress::Done) => {
                // A change may change the outputs too, which only another look tells.
                let fill = |record: &mut Record| {
                    self.as_wanted(record);
                    record.confirmed = None;
                };
                self.transition(&begun, Event::Settled, fill).await?;
                Ok(Step::Moved)
            }
            Ok(Progress::Pending) => Ok(Step::Waiting("AWS is changing it".into())),
            Err(error) => self.wait_or_fail(error),
        }
    }

    async fn retire(&self, actual: Actual) -> Result<Step, Fault> {
        let Some(stored) = &self.task.stored else { return Err(missing_record()) };
        let operation = match &stored.record.state {
            State::Retiring(operation) if operation.epoch == self.order.fence.epoch => operation.clone(),
            _ => self.operation(None),
        };
        let locator = actual.locator.clone();
        let retiring =
            self.transition(stored, Event::RetireBegun(operation), |record| record.locator = Some(locator)).await?;
        match self.limited(self.resource.retire(&self.subject(Some(&retiring.record)))).await {
            Ok(Progress::Done) | Err(CallError::NotFound) if self.out_of_time() => Ok(Step::left_over()),
            Ok(Progress::Done) | Err(CallError::NotFound) => self.delete(actual, Some(retiring)).await,
            Ok(Progress::Pending) => Ok(Step::Waiting("what hangs on it is being released".into())),
            Err(error) => self.wait_or_fail(error),
        }
    }

    async fn delete(&self, actual: Actual, retired: Option<Stored>) -> Result<Step, Fault> {
        let Some(stored) = retired.as_ref().or(self.task.stored.as_ref()) else {
            return self.delete_surplus(vec![actual]).await;
        };
        let operation = match &stored.record.state {
            State::Deleting(operation) if operation.epoch == self.order.fence.epoch => operation.clone(),
            _ => self.operation(None),
        };
        let deleting = self
            .transition(stored, Event::DeleteBegun(operation.clone()), |record| record.locator = Some(actual.locator))
            .await?;
        match self.limited(self.resource.delete(&self.subject(Some(&deleting.record)))).await {
            Ok(Progress::Done) | Err(CallError::NotFound) => self.forget(&deleting).await,
            Ok(Progress::Pending) => Ok(Step::Waiting("AWS is deleting it".into())),
            // Why it could not go yet is what a person wants to read if it never does.
            Err(CallError::Fault(fault)) if fault.class() == Class::Conflict => {
                let reason = Operation { reason: Some(fault.message.clone()), ..operation };
                self.transition(&deleting, Event::DeleteBegun(reason), |_| ()).await?;
                Ok(Step::Waiting(fault.message))
            }
            Err(error) => self.wait_or_fail(error),
        }
    }

    async fn delete_surplus(&self, surplus: Vec<Actual>) -> Result<Step, Fault> {
        for actual in surplus {
            if self.out_of_time() {
                return Ok(Step::left_over());
            }
            self.engine.ledger.check(&self.order.fence).await?;
            let mut subject = self.subject(self.task.stored.as_ref().map(|stored| &stored.record));
            subject.locator = Some(actual.locator);
            match self.limited(self.resource.delete(&subject)).await {
                Ok(_) | Err(CallError::NotFound) => {}
                Err(error) => return self.wait_or_fail(error),
            }
        }
        Ok(Step::Moved)
    }

    /// Writes down what AWS shows.
    async fn note(&self, actual: Actual, event: Event) -> Result<Step, Fault> {
        let fill = |record: &mut Record| {
            record.locator = Some(actual.locator);
            record.outputs = actual.outputs;
            // A creation was asked for the spec that its claim names, and may lack steps; only another look can tell that
            // it is what the plan wants now.
            let looked_before = self.task.stored.is_some() || self.task.kind.is_given();
            if looked_before && matches!(record.state, State::Ready | State::Updating(_)) && event == Event::Settled {
                self.confirm(record);
            }
        };
        match &self.task.stored {
            Some(stored) => {
                self.transition(stored, event.clone(), fill).await?;
            }
            None => {
                let claim = Claim { run: self.order.fence.run, token: Token::random(), at: (self.engine.clock)() };
                let mut record = self.new_record(None);
                record.state = legal(legal(State::Gone.apply(Event::Claimed(claim)))?.apply(event.clone()))?;
                record.adopted = self.task.kind.is_given();
                fill(&mut record);
                self.write(None, record).await?;
            }
        }
        Ok(Step::Moved)
    }

    async fn forget(&self, stored: &Stored) -> Result<Step, Fault> {
        let edge = stored.record.edge();
        self.engine.ledger.forget(&self.order.fence, stored.version, &edge).await?;
        Ok(Step::Moved)
    }

    /// Applies `event`, lets `fill` complete the record, and writes it if it says something new. Either way the epoch was
    /// checked after that.
    async fn transition(&self, stored: &Stored, event: Event, fill: impl FnOnce(&mut Record)) -> Result<Stored, Fault> {
        let mut record = stored.record.clone();
        fill(&mut record);
        record.state = legal(record.state.apply(event))?;
        if record == stored.record {
            self.engine.ledger.check(&self.order.fence).await?;
            return Ok(stored.clone());
        }
        self.write(Some(stored), record).await
    }

    async fn write(&self, before: Option<&Stored>, mut record: Record) -> Result<Stored, Fault> {
        record.updated = (self.engine.clock)();
        let version = before.map(|stored| stored.version);
        let version = self.engine.ledger.write(&self.order.fence, version, &record).await?;
        Ok(Stored { record, version })
    }

    /// A record for a creation: the one that is there, made over, or one for the next generation.
    fn new_record(&self, stored: Option<&Stored>) -> Record {
        let now = (self.engine.clock)();
        let mut record = Record {
            id: self.task.id.clone(),
            generation: stored.map_or(self.task.next_generation, |stored| stored.record.generation),
            kind: self.task.kind,
            schema: Record::SCHEMA,
            target: self.order.target.clone(),
            locator: None,
            spec: Value::Null,
            needs: Vec::new(),
            state: stored.map_or(State::Gone, |stored| stored.record.state.clone()),
            outputs: Outputs::new(),
            adopted: false,
            attempts: stored.map_or(1, |stored| stored.record.attempts + 1),
            confirmed: None,
            created: stored.map_or(now, |stored| stored.record.created),
            updated: now,
        };
        self.as_wanted(&mut record);
        record
    }

    /// It was seen or made as the plan wants it, in this phase.
    fn confirm(&self, record: &mut Record) {
        self.as_wanted(record);
        record.confirmed = Some(self.order.fence.epoch);
    }

    fn as_wanted(&self, record: &mut Record) {
        if let Some(wanted) = &self.task.wanted {
            record.spec = wanted.spec.clone();
            record.needs = wanted.needs.clone();
        }
    }

    fn wanted_spec(&self) -> Value {
        self.task.wanted.as_ref().map_or(Value::Null, |wanted| wanted.spec.clone())
    }

    fn subject(&self, record: Option<&Record>) -> Subject {
        let token = record.and_then(|record| match &record.state {
            State::Creating(claim) | State::Unknown(claim) => Some(claim.token),
            _ => None,
        });
        Subject {
            identity: self.order.identity.clone(),
            target: record.map_or(&self.order.target, |record| &record.target).clone(),
            id: self.task.id.clone(),
            generation: record.map_or(self.task.generation, |record| record.generation),
            kind: self.task.kind,
            locator: record.and_then(|record| record.locator.clone()),
            spec: record.map_or_else(|| self.wanted_spec(), |record| record.spec.clone()),
            token: token.unwrap_or_else(Token::random),
            adopted: self.task.kind.is_given(),
            changing_since: record.and_then(|record| match &record.state {
                State::Updating(operation) if operation.epoch == self.order.fence.epoch => Some(operation.since),
                _ => None,
            }),
            leaving: self.task.wanted.is_none()
                || record.is_some_and(|record| matches!(record.state, State::Retiring(_) | State::Deleting(_))),
        }
    }

    fn operation(&self, reason: Option<String>) -> Operation {
        Operation { run: self.order.fence.run, epoch: self.order.fence.epoch, since: (self.engine.clock)(), reason }
    }

    fn out_of_time(&self) -> bool {
        self.order.deadline.saturating_duration_since(Instant::now()) < CALL_LIMIT
    }

    /// A call that takes too long counts as one whose answer was lost.
    async fn limited<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        tokio::time::timeout(CALL_LIMIT, call).await.unwrap_or_else(|_| {
            Err(CallError::Unknown(Fault::new(FaultName::ConnectionLost, format!("no answer within {CALL_LIMIT:?}"))))
        })
    }

    /// Conflicts and read lag are waited for; everything else ends the call.
    fn wait_or_fail(&self, error: CallError) -> Result<Step, Fault> {
        match error {
            CallError::NotFound => Ok(Step::Waiting("what it needs is not visible yet".into())),
            CallError::Fault(fault) if fault.class() == Class::Conflict => Ok(Step::Waiting(fault.message)),
            CallError::Unknown(fault) | CallError::Fault(fault) => Err(fault),
        }
    }
}

fn legal(step: Result<State, IllegalTransition>) -> Result<State, Fault> {
    step.map_err(|illegal| Fault::new(FaultName::Internal, illegal.to_string()))
}

fn missing_record() -> Fault {
    Fault::new(FaultName::Internal, "a resource without a record cannot be changed")
}
