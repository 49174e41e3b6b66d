//! Writes answers in the form of the EC2 query protocol.

use serde_json::Value;
use ulid::Ulid;

use super::request::{Refusal, Request};

/// `<ActionResponse>` with its members; a list becomes `<name><item>…</item></name>`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>
pub(super) fn response(request: &Request, members: &Value) -> String {
    let Request { id, action, .. } = request;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{id}</requestId>"
    );
    for (name, value) in members.as_object().into_iter().flatten() {
        element(&mut text, name, value);
    }
    text.push_str(&format!("</{action}Response>"));
    text
}

impl Refusal {
    /// The error document of EC2, to the request of this id.
    pub(crate) fn document(&self, id: Ulid) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors><RequestID>{id}</RequestID></Response>",
            escape(&self.code),
            escape(&self.message)
        )
    }
}

fn element(text: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    text.push_str(&format!("<{name}>"));
    match value {
        Value::Array(items) => items.iter().for_each(|item| element(text, "item", item)),
        Value::Object(members) => members.iter().for_each(|(name, value)| element(text, name, value)),
        Value::String(content) => text.push_str(&escape(content)),
        other => text.push_str(&other.to_string()),
    }
    text.push_str(&format!("</{name}>"));
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
