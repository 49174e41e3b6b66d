//! What lies in the buckets of an installation: manifests, plans, reports.

use aws_sdk_s3::primitives::ByteStream;
use domain::PlatformName;
use plan::{Plan, PlanNumber};
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::installation::Installation;
use crate::sdk;

/// A plan that was stored; none for the empty one, which has no document.
pub async fn plan(
    installation: &Installation,
    name: &PlatformName,
    number: PlanNumber,
) -> Result<Option<Plan>, Failure> {
    match installation.ledger.plan_head(name, number).await? {
        Some(head) => read(installation, &head.document).await,
        None => Ok(None),
    }
}

/// A document of the state bucket; none if it is not there.
pub async fn read<T: DeserializeOwned>(installation: &Installation, key: &str) -> Result<Option<T>, Failure> {
    let message = format!("`s3://{}/{key}` could not be read", installation.state_bucket);
    let call = installation.s3.get_object().bucket(&installation.state_bucket).key(key);
    let answer = match call.send().await {
        Ok(answer) => answer,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
        Err(error) => return Err(sdk::failure(message, &error)),
    };
    let bytes = answer.body.collect().await.map_err(|error| Failure::new(&message).caused_by(&error))?;
    let value = serde_json::from_slice(&bytes.into_bytes());
    value
        .map(Some)
        .map_err(|error| Failure::new(message).caused_by(&error).hint("Use a `landfall` as new as the installation"))
}

/// Uploads a manifest and returns the id of its version.
pub async fn upload(installation: &Installation, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    let message = format!("The manifest could not be uploaded to `s3://{bucket}/{key}`");
    let call = installation.s3.put_object().bucket(bucket).key(key).content_type("application/yaml");
    let answer = call.body(ByteStream::from(bytes)).send().await.map_err(|error| sdk::failure(&message, &error))?;
    answer.version_id.ok_or_else(|| {
        Failure::new(format!("The bucket `{bucket}` keeps no versions, so no run will follow the upload"))
            .hint("Turn versioning on again, or deploy the installation again")
    })
}
