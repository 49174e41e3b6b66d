//! Manifests in S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use domain::{Fault, FaultName};
use engine::CallError;
use lambda::call_fault;
use ledger::ObjectKey;

/// The current version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Current {
    /// Which version it is.
    pub(crate) version_id: String,
    /// What it says.
    pub(crate) bytes: Vec<u8>,
}

/// The most bytes that are read. A manifest of a thousandth of this is a long one.
const LIMIT: i64 = 4 * 1024 * 1024;

/// The current version; none if the object is not there, or is deleted.
///
/// Events arrive twice, late and in any order, so what they say of versions is not used: S3 answers with what is newest
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>).
pub(crate) async fn current(client: &Client, object: &ObjectKey) -> Result<Option<Current>, Fault> {
    let answer = client.get_object().bucket(&object.bucket).key(&object.key).send().await;
    let answer = match answer.map_err(aws::reading("s3:GetObject")) {
        Ok(answer) => answer,
        Err(CallError::NotFound) => return Ok(None),
        Err(error) => return Err(call_fault(error)),
    };
    let size = answer.content_length().unwrap_or_default();
    if size > LIMIT {
        let message = format!("{} has {size} bytes; a manifest has at most {LIMIT}", object.key);
        return Err(Fault::new(FaultName::InvalidManifest, message).next("upload a manifest under this key"));
    }
    let version_id = version(&answer, object)?;
    let lost = |_| Fault::new(FaultName::ConnectionLost, "s3:GetObject: the connection failed half-way");
    let bytes = answer.body.collect().await.map_err(lost)?.to_vec();
    Ok(Some(Current { version_id, bytes }))
}

/// Whether the object is there: a deleted one is not, though its versions are.
pub(crate) async fn is_there(client: &Client, object: &ObjectKey) -> Result<bool, Fault> {
    match client
        .head_object()
        .bucket(&object.bucket)
        .key(&object.key)
        .send()
        .await
        .map_err(aws::reading("s3:HeadObject"))
    {
        Ok(_) => Ok(true),
        Err(CallError::NotFound) => Ok(false),
        Err(error) => Err(call_fault(error)),
    }
}

fn version(answer: &GetObjectOutput, object: &ObjectKey) -> Result<String, Fault> {
    let version = answer.version_id().filter(|version| *version != "null");
    version.map(str::to_owned).ok_or_else(|| {
        let message = format!("the bucket {} keeps no versions", object.bucket);
        Fault::new(FaultName::Internal, message).next("turn its versioning on again, and upload the manifest")
    })
}
