//! An object that is not there, to a caller who may not list the bucket.
//!
//! Corrects: S3 tells such a caller `AccessDenied`, not `NoSuchKey`; MiniStack tells everybody.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html> (Permissions),
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::request::Identity;
use super::upstream::{Forwarded, Upstream};
use crate::ec2::Check;

/// The answer, or the denial if the answer is "not found" and the caller may not know that.
pub(super) async fn correct(
    upstream: &Upstream,
    asked: Forwarded,
    identity: &Identity,
    answer: Response<Body>,
) -> Result<Response<Body>, reqwest::Error> {
    let reads = matches!(identity.action.as_str(), "GetObject" | "HeadObject");
    if identity.service != "s3" || !reads || answer.status() != StatusCode::NOT_FOUND {
        return Ok(answer);
    }
    let bucket = asked.uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    let check = Check {
        action: "s3:ListBucket".into(),
        resource: format!("arn:aws:s3:::{bucket}"),
        context: BTreeMap::new(),
        tag_keys: None,
    };
    Ok(upstream.denial(asked, "s3", &[check]).await?.unwrap_or(answer))
}
