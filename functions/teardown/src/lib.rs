//! What a teardown has that no component has: a look at what others made, before anything is taken away; and the proof,
//! after everything was. And what no teardown reaches: what carries the installation's tags or names, and no record.
//!
//! The function lists and reports. It deletes one thing only, before each look of the proof: the log group that EKS makes
//! again ([`remains`]). Components delete what the ledger names, people delete the rest.

#[cfg(test)]
mod account;
mod input;
pub mod inspect;
pub mod listing;
pub mod orphans;
pub mod proof;
pub mod remains;

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use domain::{Fault, FaultName, Region};
use engine::Ledger as _;
use jiff::Timestamp;
use lambda::{Invocation, Services, Task, Triple, Variables, Visit, call_fault, noted, visit};
use ledger::{Orphans, Report};
use serde::Serialize;

pub use input::Input;
use orphans::Home;
use remains::Past;

/// The answer.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a step of a run.
    Triple(Triple),
    /// To whoever looks for orphans.
    Orphans(Orphans),
}

/// Clients of the services that are listed.
#[derive(Debug, Clone)]
pub struct Clients {
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// EKS.
    pub eks: aws_sdk_eks::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// KMS.
    pub kms: aws_sdk_kms::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
}

/// The function's state.
pub struct Teardown {
    services: Services,
    region: Region,
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
            eks: aws_sdk_eks::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
        };
        let s3 = aws_sdk_s3::Client::new(config);
        let reports = variables.text("LANDFALL_STATE_BUCKET")?;
        let settling = variables.seconds("LANDFALL_SETTLING_SECONDS")?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let region = Region::parse(&region).map_err(|error| Fault::new(FaultName::Internal, error.to_string()))?;
        Ok(Self { services, region, clients, s3, reports, settling })
    }

    /// Does one step.
    ///
    /// [`FaultName::Foreign`] from the inspection, [`FaultName::LeftBehind`] from a proof that failed; its report is
    /// stored all the same.
    pub async fn handle(&self, input: Input, invocation: Invocation) -> Result<Answer, Fault> {
        let ledger = &self.services.ledger;
        let now = invocation.now;
        let (task, result) = match input {
            Input::Inspect(task) => {
                let result = self.inspect(&task, now).await;
                (task, result)
            }
            Input::Proof(task) => {
                let result = self.prove(&task, now).await;
                (task, result)
            }
            Input::Orphans {} => {
                let home = Home { installation: &self.services.installation, region: &self.region };
                return orphans::find(&self.clients, ledger, home, now).await.map(Answer::Orphans);
            }
        };
        noted(ledger, &task, result, now).await.map(Answer::Triple)
    }

    async fn inspect(&self, task: &Task, now: Timestamp) -> Result<Triple, Fault> {
        let visit = visit(&self.services.ledger, task, "Inspect", now).await?;
        let stored = self.services.ledger.records(&visit.platform.name).await?;
        let records: Vec<_> = stored.into_iter().map(|stored| stored.record).collect();
        inspect::inspect(&self.clients, &visit.platform.identity(), &records).await?;
        Ok(Triple::ready("nothing stands in the way"))
    }

    async fn prove(&self, task: &Task, now: Timestamp) -> Result<Triple, Fault> {
        let visit = visit(&self.services.ledger, task, "Prove", now).await?;
        let Visit { platform, run, .. } = &visit;
        let (identity, past) = (platform.identity(), Past::of(&self.services.ledger, platform).await?);
        if let Some(past) = &past {
            remains::sweep(&self.clients, past).await?;
        }
        let report = proof::prove(&self.clients, &identity, &platform.target, past.as_ref(), run.id, now).await?;
        // A service may go on showing for a while what is gone.
        let began = visit.run.phases.last().map_or(now, |phase| phase.started);
        let settled = began + jiff::SignedDuration::try_from(self.settling).unwrap_or_default() <= now;
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
