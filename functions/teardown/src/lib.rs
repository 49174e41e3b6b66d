//! What a teardown has that no component has: a look at what others made, before anything is taken away; and the proof,
//! after everything was.
//!
//! The function lists and reports. It deletes nothing: components delete what the ledger names, people delete the rest.

pub mod inspect;
pub mod listing;
pub mod proof;

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use domain::{Fault, FaultName};
use engine::Ledger as _;
use lambda::{Invocation, Services, Task, Triple, Variables, Visit, call_fault, noted, visit};
use ledger::Report;
use serde::{Deserialize, Serialize};

/// The input: a step, of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    /// Which step.
    pub step: Step,
    /// Of which run.
    #[serde(flatten)]
    pub task: Task,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Look for what stands in the way, before anything is touched.
    Inspect,
    /// Prove that nothing is left.
    Proof,
}

/// Clients of the services that are listed.
#[derive(Debug, Clone)]
pub struct Clients {
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
}

/// The function's state.
pub struct Teardown {
    services: Services,
    clients: Clients,
    s3: aws_sdk_s3::Client,
    reports: String,
    settling: Duration,
}

/// How long the proof waits before it asks again what a service still showed.
const ASK_AGAIN: Duration = Duration::from_secs(10);

impl Teardown {
    /// From the environment.
    pub async fn start(variables: Variables) -> Result<Self, Fault> {
        let services = Services::start(&variables).await?;
        let config = &services.config;
        let clients = Clients {
            ec2: aws_sdk_ec2::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
        };
        let s3 = aws_sdk_s3::Client::new(config);
        let reports = variables.text("LANDFALL_STATE_BUCKET")?;
        let settling = variables.seconds("LANDFALL_SETTLING_SECONDS")?;
        Ok(Self { services, clients, s3, reports, settling })
    }

    /// Does one step.
    ///
    /// [`FaultName::Foreign`] from the inspection, [`FaultName::LeftBehind`] from a proof that failed; its report is
    /// stored all the same.
    pub async fn handle(&self, input: Input, invocation: Invocation) -> Result<Triple, Fault> {
        let (task, now) = (input.task.clone(), invocation.now);
        let result = self.step(input, invocation).await;
        noted(&self.services.ledger, &task, result, now).await
    }

    async fn step(&self, input: Input, invocation: Invocation) -> Result<Triple, Fault> {
        let phase = match input.step {
            Step::Inspect => "Inspect",
            Step::Proof => "Prove",
        };
        let visit = visit(&self.services.ledger, &input.task, phase, invocation.now).await?;
        match input.step {
            Step::Inspect => self.inspect(&visit).await,
            Step::Proof => self.prove(&visit, invocation).await,
        }
    }

    async fn inspect(&self, visit: &Visit) -> Result<Triple, Fault> {
        let stored = self.services.ledger.records(&visit.platform.name).await?;
        let records: Vec<_> = stored.into_iter().map(|stored| stored.record).collect();
        inspect::inspect(&self.clients, &visit.platform.identity(), &records).await?;
        Ok(Triple::ready("nothing stands in the way"))
    }

    async fn prove(&self, visit: &Visit, invocation: Invocation) -> Result<Triple, Fault> {
        let report = proof::prove(&self.clients, &visit.platform.identity(), visit.run.id, invocation.now).await?;
        // A service may go on showing for a while what is gone.
        let began = visit.run.phases.last().map_or(invocation.now, |phase| phase.started);
        let settled = began + jiff::SignedDuration::try_from(self.settling).unwrap_or_default() <= invocation.now;
        if !report.left.is_empty() && !settled {
            return Ok(Triple::pending(ASK_AGAIN, report.summary()));
        }
        self.store(&report).await?;
        proof::verdict(&report)?;
        Ok(Triple::ready(report.summary()))
    }

    async fn store(&self, report: &Report) -> Result<(), Fault> {
        let body = serde_json::to_vec_pretty(report)
            .map_err(|error| Fault::new(FaultName::Internal, format!("the report cannot be written: {error}")))?;
        let put = self.s3.put_object().bucket(&self.reports).key(Report::key(&report.platform, report.run));
        let put = put.content_type("application/json").body(ByteStream::from(body)).send().await;
        put.map_err(aws::changing("s3:PutObject")).map_err(call_fault)?;
        Ok(())
    }
}
