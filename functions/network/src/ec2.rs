//! What all kinds of EC2 share: finding by tags, tagging, and the calls that may be sent only once.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{Builder, Config};
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification, UnsuccessfulItem};
use domain::Tags;
use engine::{CallError, Subject};
use plan::FieldChange;

/// No retries by the SDK, for a create that takes no client token (see [`aws::once`]).
pub(crate) fn once() -> Builder {
    Config::builder().retry_config(aws::once())
}

/// Finds a resource by its locator, through the filter of that name, or else by its tags. Filters never answer "not
/// found": what is not there is an empty list.
pub(crate) fn find(subject: &Subject, id_filter: &str) -> Vec<Filter> {
    match &subject.locator {
        Some(locator) => vec![filter(id_filter, [locator.0.as_str()])],
        None => {
            subject.find_tags().iter().map(|(key, value)| filter(&format!("tag:{key}"), [value.as_str()])).collect()
        }
    }
}

/// A filter that any of `values` passes.
pub(crate) fn filter<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().map(str::to_owned).collect())).build()
}

/// The tags of a listed thing.
pub(crate) fn tags(listed: &[Tag]) -> Tags {
    listed.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()))).collect()
}

/// The tags of a new thing: the user's and those of its identity.
pub(crate) fn tagged(kind: ResourceType, subject: &Subject, user: &Tags) -> TagSpecification {
    let tags = subject.create_tags(user).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
}

/// Brings the user's tags to what `changes` asks for, if it asks for any. May come any number of times.
///
/// Permissions: `ec2:CreateTags`, `ec2:DeleteTags`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
pub(crate) async fn retag(client: &Client, id: &str, changes: &[FieldChange]) -> Result<(), CallError> {
    let Some(change) = resources::tag_change(changes) else { return Ok(()) };
    put_tags(client, id, change.put).await?;
    remove_tags(client, id, change.remove).await
}

/// Puts tags in the place of what may be there.
pub(crate) async fn put_tags(client: &Client, id: &str, tags: Tags) -> Result<(), CallError> {
    if tags.is_empty() {
        return Ok(());
    }
    let tags = tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let call = client.create_tags().resources(id).set_tags(Some(tags));
    call.send().await.map_err(aws::changing("ec2:CreateTags"))?;
    Ok(())
}

/// Takes tags away, whatever their values.
pub(crate) async fn remove_tags(client: &Client, id: &str, keys: Vec<String>) -> Result<(), CallError> {
    if keys.is_empty() {
        return Ok(());
    }
    let tags = keys.into_iter().map(|key| Tag::builder().key(key).build()).collect();
    let call = client.delete_tags().resources(id).set_tags(Some(tags));
    call.send().await.map_err(aws::changing("ec2:DeleteTags"))?;
    Ok(())
}

/// The main route table of a VPC; none while EC2 does not show it yet.
///
/// Permissions: `ec2:DescribeRouteTables`.
pub(crate) async fn main_route_table(client: &Client, vpc: &str) -> Result<Option<String>, CallError> {
    let filters = vec![filter("vpc-id", [vpc]), filter("association.main", ["true"])];
    let answer = client.describe_route_tables().set_filters(Some(filters)).send().await;
    let answer = answer.map_err(aws::reading("ec2:DescribeRouteTables"))?;
    Ok(answer.route_tables().iter().find_map(|table| table.route_table_id().map(str::to_owned)))
}

/// The error in an answer to a call about several things, of which we ask for one.
pub(crate) fn none_failed(verb: aws::Verb, action: &str, failed: &[UnsuccessfulItem]) -> Result<(), CallError> {
    match failed.iter().find_map(UnsuccessfulItem::error) {
        None => Ok(()),
        Some(error) => Err(aws::refused(
            verb,
            action,
            error.code().unwrap_or("no code"),
            None,
            error.message().unwrap_or("AWS gave no reason"),
        )),
    }
}
