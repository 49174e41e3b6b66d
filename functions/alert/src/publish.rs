//! Sending through SNS.

use aws_sdk_sns::Client;
use domain::Fault;
use lambda::call_fault;

use crate::message::Message;

/// Sends a message to a topic.
pub(crate) async fn publish(client: &Client, topic: &str, message: &Message) -> Result<(), Fault> {
    let request = client.publish().topic_arn(topic).subject(&message.subject).message(&message.body);
    request.send().await.map_err(aws::changing("sns:Publish")).map_err(call_fault)?;
    Ok(())
}

/// The ARN of the topic of that name in the account and region of another.
pub(crate) fn beside(topic: &str, name: &str) -> String {
    match topic.rsplit_once(':') {
        Some((place, _)) => format!("{place}:{name}"),
        None => name.to_owned(),
    }
}
