//! Scripted answers: what a test makes AWS do wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::request::Identity;

/// Makes matching calls fail, hang, or lose their answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Signing name of the service; `*` for all.
    pub service: String,
    /// The action; `*` for all, and at the end for a beginning (`Create*`).
    pub action: String,
    /// Only calls whose caller's ARN contains this.
    #[serde(default)]
    pub caller: Option<String>,
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
    /// Answers with an internal error of the service; nothing is done.
    ServerError,
    /// Keeps the caller waiting this long, then closes the connection; nothing is done.
    Hang {
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
}

impl Rule {
    /// A rule for all calls of this action.
    #[must_use]
    pub fn new(service: &str, action: &str, effect: Effect) -> Self {
        Self { service: service.into(), action: action.into(), caller: None, skip: 0, times: 0, effect }
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

    fn takes(&self, identity: &Identity, caller: &str) -> bool {
        matches(&self.service, &identity.service)
            && matches(&self.action, &identity.action)
            && self.caller.as_ref().is_none_or(|wanted| caller.contains(wanted.as_str()))
    }
}

/// The rules in force, first come first served.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Mutex<Vec<(Rule, u32)>>,
}

impl Rules {
    pub(crate) fn add(&self, rule: Rule) {
        self.lock().push((rule, 0));
    }

    pub(crate) fn all(&self) -> Vec<Rule> {
        self.lock().iter().map(|(rule, _)| rule.clone()).collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// What happens to this call; counts it.
    pub(crate) fn effect(&self, identity: &Identity, caller: &str) -> Option<Effect> {
        for (rule, seen) in self.lock().iter_mut().filter(|(rule, _)| rule.takes(identity, caller)) {
            *seen += 1;
            if *seen > rule.skip && (rule.times == 0 || *seen <= rule.skip + rule.times) {
                return Some(rule.effect.clone());
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Rule, u32)>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_skips_then_takes_then_ends() {
        let rules = Rules::default();
        rules.add(Rule::fail("ec2", "Create*", "Busy", "").after(1).times(2).by("network"));
        let identity = Identity {
            service: "ec2".into(),
            action: "CreateVpc".into(),
            region: "eu-west-1".into(),
            access_key: String::new(),
            mutating: true,
        };
        assert_eq!(rules.effect(&identity, "role/admit"), None);
        let taken: Vec<bool> = (0..4).map(|_| rules.effect(&identity, "role/network").is_some()).collect();
        assert_eq!(taken, [false, true, true, false]);
    }
}
