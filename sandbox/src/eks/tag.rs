//! Tags, of everything that has an ARN.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html>

use serde_json::json;

use super::request::{Refusal, Request};
use super::{Answer, Place};

pub(super) fn tag(request: &Request, place: &mut Place<'_>) -> Answer {
    let given = request.tags();
    let bad = |said: String| Refusal::tags("BadRequestException", said);
    if let Some(key) = given.keys().find(|key| key.to_lowercase().starts_with("aws:")) {
        return Err(bad(format!("Tag key {key} begins with the reserved prefix aws:")));
    }
    let record = place.store.by_arn_mut(arn(request)).ok_or_else(|| not_found(request))?;
    let mut tags = record.document["tags"].as_object().cloned().unwrap_or_default();
    tags.extend(given);
    if tags.len() > 50 {
        return Err(bad("A resource can have at most 50 tags".into()));
    }
    record.set("tags", tags);
    Ok(json!({}))
}

pub(super) fn untag(request: &Request, place: &mut Place<'_>) -> Answer {
    let record = place.store.by_arn_mut(arn(request)).ok_or_else(|| not_found(request))?;
    let mut tags = record.document["tags"].as_object().cloned().unwrap_or_default();
    for key in request.parameters("tagKeys") {
        tags.remove(key);
    }
    record.set("tags", tags);
    Ok(json!({}))
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    let record = place.store.by_arn(arn(request)).ok_or_else(|| not_found(request))?;
    Ok(json!({"tags": record.document["tags"]}))
}

fn arn(request: &Request) -> &str {
    request.names.first().map_or("", String::as_str)
}

fn not_found(request: &Request) -> Refusal {
    Refusal::tags("NotFoundException", format!("Requested resource {} was not found", arn(request)))
}
