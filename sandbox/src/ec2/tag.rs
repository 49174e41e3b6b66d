//! Tags.
//!
//! Corrects: unknown resources and reserved keys are errors; deletion with a value spares another value; filters.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html>

use serde_json::json;

use super::filter;
use super::request::Refusal;
use super::{Answer, Call};

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let tags = call.request.plain_tags();
    if let Some(key) = tags.keys().find(|key| key.starts_with("aws:")) {
        return Err(Refusal::invalid(format!("Tag keys starting with 'aws:' are reserved for internal use: {key}")));
    }
    let ids = check(call)?;
    for id in ids {
        if let Some(record) = call.store.any_mut(&id) {
            record.tags.extend(tags.clone());
            if record.tags.len() > 50 {
                return Err(Refusal::new("TagLimitExceeded", "The maximum number of tags for a resource is 50."));
            }
        }
    }
    Ok(json!({"return": true}))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let tags = call.request.plain_tags();
    let ids = check(call)?;
    for id in ids {
        let Some(record) = call.store.any_mut(&id) else { continue };
        if tags.is_empty() {
            record.tags.clear();
        }
        record.tags.retain(|key, value| !tags.get(key).is_some_and(|only| only.is_empty() || only == value));
    }
    Ok(json!({"return": true}))
}

pub(super) fn describe(call: &mut Call<'_>) -> Answer {
    let filters = filter::filters(call.request);
    let fields = [("key", "key"), ("resource-id", "resourceId"), ("resource-type", "resourceType"), ("value", "value")];
    let mut set = Vec::new();
    for record in call.store.everything() {
        for (key, value) in &record.tags {
            let tag = json!({
                "resourceId": record.id,
                "resourceType": record.kind.tag_type(),
                "key": key,
                "value": value,
                "tagSet": [{"key": key, "value": value}],
            });
            if filter::passes(&tag, &filters, &fields)? {
                set.push(json!({"resourceId": tag["resourceId"], "resourceType": tag["resourceType"], "key": key, "value": value}));
            }
        }
    }
    Ok(json!({ "tagSet": set }))
}

fn check(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let ids = call.request.list("ResourceId");
    for id in &ids {
        if call.store.any(id).is_none() {
            return Err(Refusal::new("InvalidID", format!("The ID '{id}' is not valid")));
        }
    }
    Ok(ids.into_iter().map(str::to_owned).collect())
}
