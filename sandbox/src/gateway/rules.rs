//! Scripted answers: what a test makes AWS do wrong.

use serde::{Deserialize, Serialize};

use super::faults::Arrived;

/// Makes matching calls fail, hang, or lose their answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Signing name of the service; `*` for all.
    pub service: String,
    /// The action; `*` for all, and at the end for a beginning (`Create*`).
    pub action: String,
    /// Only calls whose caller's ARN contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Only calls about this: the name of a platform, or any other text that stands in the request or is a tag's value
    /// of an EC2 resource or EKS cluster that the request names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How many matching calls pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many matching calls it then takes; 0 for all.
    #[serde(default)]
    pub times: u32,
    /// What happens to them.
    pub effect: Effect,
}

/// What a rule does to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// Answers with this error code, in the protocol of the service; nothing is done.
    Fail {
        /// HTTP status.
        status: u16,
        /// The service's error code.
        code: String,
        /// The error's text.
        message: String,
    },
    /// Answers as IAM does when a permission is missing; nothing is done.
    Deny,
    /// Answers as the service does when it is called too often; nothing is done.
    Throttle,
    /// Answers as AWS does when the caller's temporary credentials have expired; nothing is done.
    Expired,
    /// Answers with an internal error of the service; nothing is done.
    ServerError,
    /// Does what is asked, and answers with an internal error of the service.
    ServerErrorAfter,
    /// Keeps the caller waiting this long, then closes the connection; nothing is done.
    Hang {
        /// For how long.
        milliseconds: u64,
    },
    /// Keeps the caller waiting this long, and only then does what is asked, even if the caller has given up. Closes the
    /// connection without an answer.
    HangThenDo {
        /// For how long.
        milliseconds: u64,
    },
    /// Does what is asked and closes the connection without an answer.
    DropAnswer,
    /// Does what is asked, but Describe does not show what an EC2 create made for this long.
    HideFor {
        /// For how long.
        milliseconds: u64,
    },
    /// Does what is asked, and what it began ends as failed: a NAT gateway, an interface endpoint, a transit gateway
    /// attachment; in EKS whatever takes its time, updates and deletions among it.
    FailLater {
        /// The reason's code.
        code: String,
        /// The reason.
        message: String,
    },
}

impl Rule {
    /// A rule for all calls of this action.
    #[must_use]
    pub fn new(service: &str, action: &str, effect: Effect) -> Self {
        Self { service: service.into(), action: action.into(), caller: None, about: None, skip: 0, times: 0, effect }
    }

    /// Fails the action with this code (HTTP 400).
    #[must_use]
    pub fn fail(service: &str, action: &str, code: &str, message: &str) -> Self {
        Self::new(service, action, Effect::Fail { status: 400, code: code.into(), message: message.into() })
    }

    /// Takes only so many calls.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Lets so many calls pass first.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Takes only calls whose caller's ARN contains this text.
    #[must_use]
    pub fn by(self, caller: &str) -> Self {
        Self { caller: Some(caller.into()), ..self }
    }

    /// Takes only calls about this platform, or whatever else the text is (see [`Rule::about`]).
    #[must_use]
    pub fn about(self, text: &str) -> Self {
        Self { about: Some(text.into()), ..self }
    }

    pub(super) fn takes(&self, call: &Arrived<'_>) -> bool {
        matches(&self.service, &call.identity.service)
            && matches(&self.action, &call.identity.action)
            && self.caller.as_ref().is_none_or(|wanted| call.caller.contains(wanted.as_str()))
            && self.about.as_ref().is_none_or(|text| call.is_about(text))
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => pattern == text,
    }
}
