//! From a run that failed, or a plan that waits for approval, to one message that a person can act on at three in the
//! morning.
//!
//! - **One message per run and plan that waits for approval**, whoever tells of it first: its machine, or the event of its execution. Executions that
//!   belong together bear one name, and the name is marked.
//! - **None is lost**: a message that could not be sent takes its mark back and fails, so that it is tried again; a topic
//!   of the user's that does not take it is named in the message to the installation's.
//! - **None is noise**: a run that was cancelled, superseded or lost its lease ended as it should.
//! - **No account id leaves the account.**

mod message;
mod news;
mod publish;
mod story;

#[cfg(test)]
mod tests;

use aws_sdk_sns::Client;
use domain::{Class, Fault, FaultName, PlatformName};
use engine::Ledger as _;
use jiff::Timestamp;
use lambda::{Invocation, Services, Variables};
use ledger::{Failure, Ledger, Platform, Run};
use serde::Serialize;
use serde_json::Value;

use crate::message::Message;
use crate::news::{Happened, News};
use crate::publish::beside;
use crate::story::Story;

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Whether a message went out. False if there was nothing to tell, or it was told before.
    pub sent: bool,
}

/// The function's state.
pub struct Alert {
    ledger: Ledger,
    client: Client,
    installation: String,
    topic: String,
}

impl Alert {
    /// From the environment.
    pub async fn start(variables: Variables) -> Result<Self, Fault> {
        let Services { installation, config, ledger } = Services::start(&variables).await?;
        let topic = variables.text("LANDFALL_ALERT_TOPIC")?;
        Ok(Self::new(ledger, Client::new(&config), installation, topic))
    }

    /// From its parts; `topic` is the ARN of the installation's.
    pub fn new(ledger: Ledger, client: Client, installation: String, topic: String) -> Self {
        Self { ledger, client, installation, topic }
    }

    /// Answers a machine's call, or the event of an execution that failed, timed out or was aborted.
    pub async fn handle(&self, payload: Value, invocation: Invocation) -> Result<Answer, Fault> {
        let news = News::parse(payload)?;
        let run = self.run(&news).await?;
        if is_quiet(&news.happened, run.as_ref()) {
            return Ok(Answer { sent: false });
        }
        let platform = self.platform(&news, run.as_ref()).await?;
        let message = self.compose(&news, platform.as_ref(), run.as_ref(), invocation.now).await?;
        let mark = news.mark();
        if !self.ledger.mark_alerted(&mark, invocation.now).await? {
            return Ok(Answer { sent: false });
        }
        match self.send(message, platform.as_ref()).await {
            Ok(()) => Ok(Answer { sent: true }),
            Err(fault) => {
                self.ledger.unmark_alerted(&mark).await?;
                Err(fault)
            }
        }
    }

    /// The run that the news is of; none if its execution never held a platform.
    async fn run(&self, news: &News) -> Result<Option<Run>, Fault> {
        if let (Some(platform), Some(run)) = (&news.platform, news.run) {
            return Ok(self.ledger.run(platform, run).await?);
        }
        for execution in family(&news.execution, &self.installation) {
            if let Some(run) = self.ledger.run_of(&execution).await? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    /// The platform that the news is of, as far as that is known.
    async fn platform(&self, news: &News, run: Option<&Run>) -> Result<Option<Platform>, Fault> {
        let mut name: Option<PlatformName> = news.platform.clone().or_else(|| run.map(|run| run.platform.clone()));
        if name.is_none()
            && let Some(object) = &news.object
        {
            name = self.ledger.platform_of(object).await?;
        }
        if name.is_none() {
            name = self.ledger.platform_that_asked(&news.execution).await?;
        }
        match name {
            Some(name) => Ok(self.ledger.platform(&name).await?),
            None => Ok(None),
        }
    }

    async fn compose(
        &self,
        news: &News,
        platform: Option<&Platform>,
        run: Option<&Run>,
        now: Timestamp,
    ) -> Result<Message, Fault> {
        let records = match platform {
            Some(platform) => self.ledger.records(&platform.name).await?,
            None => Vec::new(),
        };
        let records: Vec<_> = records.into_iter().map(|stored| stored.record).collect();
        let request = match (&news.happened, platform) {
            (Happened::ApprovalRequired(plan), Some(platform)) => self.ledger.request(&platform.name, *plan).await?,
            _ => None,
        };
        let request = request.as_ref();
        let story = Story { installation: &self.installation, news, platform, run, request, records: &records, now };
        Message::of(&story)
    }

    /// First to the topic that the manifest names, so that the installation's can say if that did not work.
    async fn send(&self, mut message: Message, platform: Option<&Platform>) -> Result<(), Fault> {
        let own = platform.and_then(|platform| platform.alert_topic.as_deref());
        if let Some(own) = own.map(|name| beside(&self.topic, name)).filter(|own| *own != self.topic)
            && let Err(fault) = publish::publish(&self.client, &own, &message).await
        {
            tracing::warn!(topic = own, fault = %fault.name, "{fault}");
            message.note_that_missed(&own, &fault);
        }
        publish::publish(&self.client, &self.topic, &message).await
    }
}

/// An execution and those that may have been started by it, which bear its name: a redeploy starts a deploy, and a deploy
/// a teardown. The run is held by one of them.
fn family(execution: &str, installation: &str) -> Vec<String> {
    let mut family = vec![execution.to_owned()];
    if let Some((of_machine, name)) = execution.rsplit_once(':')
        && let Some((place, _)) = of_machine.rsplit_once(':')
    {
        family.extend(["deploy", "teardown"].map(|machine| format!("{place}:{installation}-{machine}:{name}")));
        family.dedup();
    }
    family
}

/// Whether nobody needs to know: the run ended as it should, or as somebody wanted.
fn is_quiet(happened: &Happened, run: Option<&Run>) -> bool {
    let is_control = |failure: &Failure| {
        failure.fault().is_some_and(|fault| fault.class() == Class::Control || fault == FaultName::Superseded)
    };
    match happened {
        Happened::Retained | Happened::ApprovalRequired(_) => false,
        Happened::Aborted(_) => run.is_some_and(|run| run.cancelled),
        Happened::Failed(failure) | Happened::TimedOut(failure) => {
            is_control(failure) || run.is_some_and(|run| run.cancelled)
        }
    }
}
