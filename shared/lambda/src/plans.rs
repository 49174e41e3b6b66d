//! Plans as documents in S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use domain::{Fault, FaultName, PlatformName};
use ledger::Platform;
use plan::{Plan, PlanNumber};

use crate::call_fault;

/// The plans of every platform: `plans/<platform>/<number>.json` in the state bucket.
///
/// A number is given out once (see `Ledger::reserve_plan`), so a document is written by one admission only.
#[derive(Debug, Clone)]
pub struct PlanStore {
    client: Client,
    bucket: String,
}

impl PlanStore {
    /// The plans in this bucket.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// Where a plan lies in the bucket.
    pub fn key(platform: &PlatformName, number: PlanNumber) -> String {
        format!("plans/{platform}/{number}.json")
    }

    /// A plan of a platform. Number 0 is the empty plan, which is stored nowhere.
    pub async fn load(&self, platform: &Platform, number: PlanNumber) -> Result<Plan, Fault> {
        if number == 0 {
            return Ok(Plan::empty(platform.target.clone()));
        }
        let key = Self::key(&platform.name, number);
        let broken = |why: String| {
            Fault::new(FaultName::Internal, format!("plan {number} of {} cannot be read: {why}", platform.name))
        };
        let answer = self.client.get_object().bucket(&self.bucket).key(&key).send().await;
        let answer = answer.map_err(|error| match aws::reading("s3:GetObject")(error) {
            engine::CallError::NotFound => broken(format!("s3://{}/{key} is not there", self.bucket)),
            error => call_fault(error),
        })?;
        let lost = |_| Fault::new(FaultName::ConnectionLost, "s3:GetObject: the connection failed half-way");
        let bytes = answer.body.collect().await.map_err(lost)?.into_bytes();
        serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))
    }

    /// Stores a plan under a number that was given out to the caller. The answer is its key.
    pub async fn save(&self, platform: &PlatformName, number: PlanNumber, plan: &Plan) -> Result<String, Fault> {
        let key = Self::key(platform, number);
        let bytes = serde_json::to_vec(plan)
            .map_err(|error| Fault::new(FaultName::Internal, format!("the plan cannot be written: {error}")))?;
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type("application/json")
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(aws::changing("s3:PutObject"))
            .map_err(call_fault)?;
        Ok(key)
    }
}
