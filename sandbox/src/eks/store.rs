//! The records of one region: clusters and all that is in them, and the change that time will bring each.
//!
//! A record keeps the document that its Describe call prints. What is kept beside it (`hidden`) no call prints. All of it
//! is JSON, so that a region is written to a file as it is.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::request::{Refusal, Request};
use crate::durations::Durations;

/// What a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Cluster,
    Update,
    Nodegroup,
    /// A node of EKS Auto Mode, which no call of EKS shows.
    AutoNode,
    FargateProfile,
    Addon,
    AccessEntry,
    Association,
    Provider,
}

/// One resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) kind: Kind,
    /// The cluster that it is, or is in.
    pub(super) cluster: String,
    /// Its name, id or principal; for a cluster its name again.
    pub(super) name: String,
    /// What Describe prints.
    pub(super) document: Value,
    /// What nobody sees.
    pub(super) hidden: Value,
    /// When its pending change ends.
    pub(super) due: Option<Timestamp>,
    /// The code and message with which that change is to fail.
    pub(super) doom: Option<(String, String)>,
}

/// A client token that was used, and the answer that it was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Token {
    action: String,
    token: String,
    request: Value,
    answer: Value,
}

/// One region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Store {
    records: Vec<Record>,
    tokens: Vec<Token>,
    /// The services whose linked role exists by now.
    pub(super) linked_roles: Vec<String>,
    #[serde(skip)]
    latest: Vec<(Kind, String, String)>,
}

impl Kind {
    /// The field of a document that holds its ARN.
    pub(super) fn arn_field(self) -> &'static str {
        match self {
            Self::Cluster => "arn",
            Self::Update | Self::AutoNode => "",
            Self::Nodegroup => "nodegroupArn",
            Self::FargateProfile => "fargateProfileArn",
            Self::Addon => "addonArn",
            Self::AccessEntry => "accessEntryArn",
            Self::Association => "associationArn",
            Self::Provider => "identityProviderConfigArn",
        }
    }

    /// The answer to a name that does not exist.
    pub(super) fn not_found(self, cluster: &str, name: &str) -> Refusal {
        let message = match self {
            Self::Cluster => format!("No cluster found for name: {name}."),
            Self::Update => format!("No update found for ID: {name}"),
            Self::AutoNode => format!("No node found for instance: {name}"),
            Self::Nodegroup => format!("No node group found for name: {name}."),
            Self::FargateProfile => format!("No Fargate Profile found with name: {name}."),
            Self::Addon => format!("No addon: {name} found in cluster: {cluster}"),
            Self::AccessEntry => {
                format!(
                    "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries': {name}"
                )
            }
            Self::Association => format!("Association with id {name} not found in cluster {cluster}"),
            Self::Provider => format!("No identity provider config found for name: {name}"),
        };
        let refusal = Refusal::not_found(message);
        match self {
            Self::Nodegroup => refusal.about("clusterName", cluster).about("nodegroupName", name),
            Self::FargateProfile => refusal.about("clusterName", cluster).about("fargateProfileName", name),
            Self::Addon => refusal.about("clusterName", cluster).about("addonName", name),
            // The other errors of the model have no member for it.
            _ => refusal.about("clusterName", cluster),
        }
    }
}

impl Record {
    pub(super) fn text(&self, field: &str) -> &str {
        self.document[field].as_str().unwrap_or_default()
    }

    pub(super) fn status(&self) -> &str {
        self.text("status")
    }

    pub(super) fn is(&self, status: &str) -> bool {
        self.status() == status
    }

    pub(super) fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.document[field] = value.into();
    }

    /// Sets the time of the last change to now.
    pub(super) fn touch(&mut self) {
        self.set("modifiedAt", now());
    }

    pub(super) fn arn(&self) -> &str {
        self.text(self.kind.arn_field())
    }
}

impl Store {
    /// Adds a record without a pending change.
    pub(super) fn add(&mut self, kind: Kind, cluster: &str, name: &str, document: Value) -> &mut Record {
        self.records.push(Record {
            kind,
            cluster: cluster.to_owned(),
            name: name.to_owned(),
            document,
            hidden: json!({}),
            due: None,
            doom: None,
        });
        let last = self.records.len() - 1;
        &mut self.records[last]
    }

    pub(super) fn find(&self, kind: Kind, cluster: &str, name: &str) -> Option<&Record> {
        self.records.iter().find(|one| one.kind == kind && one.cluster == cluster && one.name == name)
    }

    pub(super) fn get(&self, kind: Kind, cluster: &str, name: &str) -> Result<&Record, Refusal> {
        self.find(kind, cluster, name).ok_or_else(|| kind.not_found(cluster, name))
    }

    pub(super) fn get_mut(&mut self, kind: Kind, cluster: &str, name: &str) -> Result<&mut Record, Refusal> {
        self.records
            .iter_mut()
            .find(|one| one.kind == kind && one.cluster == cluster && one.name == name)
            .ok_or_else(|| kind.not_found(cluster, name))
    }

    pub(super) fn cluster(&self, name: &str) -> Result<&Record, Refusal> {
        self.get(Kind::Cluster, name, name)
    }

    /// The cluster, if it is there and takes changes of what is in it.
    /// <https://docs.aws.amazon.com/eks/latest/APIReference/API_InvalidRequestException.html>
    pub(super) fn active_cluster(&self, name: &str) -> Result<&Record, Refusal> {
        let cluster = self.cluster(name)?;
        if matches!(cluster.status(), "ACTIVE" | "UPDATING") {
            return Ok(cluster);
        }
        Err(Refusal::request(format!("Cluster '{name}' is not in ACTIVE status")).about("clusterName", name))
    }

    /// Everything of a kind in a cluster, by name.
    pub(super) fn within(&self, kind: Kind, cluster: &str) -> Vec<&Record> {
        let mut all: Vec<&Record> =
            self.records.iter().filter(|one| one.kind == kind && one.cluster == cluster).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    pub(super) fn by_arn(&self, arn: &str) -> Option<&Record> {
        self.records.iter().find(|one| !arn.is_empty() && one.arn() == arn)
    }

    pub(super) fn by_arn_mut(&mut self, arn: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|one| !arn.is_empty() && one.arn() == arn)
    }

    pub(super) fn remove(&mut self, kind: Kind, cluster: &str, name: &str) {
        self.records.retain(|one| !(one.kind == kind && one.cluster == cluster && one.name == name));
    }

    /// Forgets a cluster with all that is in it.
    pub(super) fn remove_cluster(&mut self, name: &str) {
        self.records.retain(|one| one.cluster != name);
    }

    /// Lets a change of the record end after so long.
    pub(super) fn schedule(&mut self, kind: Kind, cluster: &str, name: &str, after: Duration) {
        if let Ok(record) = self.get_mut(kind, cluster, name) {
            record.due = Some(later(after));
            self.latest.push((kind, cluster.to_owned(), name.to_owned()));
        }
    }

    /// Puts the end of a change off by a moment.
    pub(super) fn wait(&mut self, kind: Kind, cluster: &str, name: &str) {
        if let Ok(record) = self.get_mut(kind, cluster, name) {
            record.due = Some(later(Duration::from_millis(100)));
        }
    }

    /// The update that a cluster, or one of its node groups or add-ons (`field`, name), has under way.
    pub(super) fn update_in_progress(&self, cluster: &str, of: Option<(&str, &str)>) -> Option<&Record> {
        self.within(Kind::Update, cluster).into_iter().find(|update| {
            let same = match of {
                Some((field, name)) => update.hidden[field] == name,
                None => update.hidden["nodegroup"].is_null() && update.hidden["addon"].is_null(),
            };
            same && update.is("InProgress")
        })
    }

    /// What is due by now.
    pub(super) fn due(&mut self) -> Vec<(Kind, String, String)> {
        let now = Timestamp::now();
        let due = |one: &&mut Record| one.due.is_some_and(|due| due <= now);
        let ended = |one: &mut Record| {
            one.due = None;
            (one.kind, one.cluster.clone(), one.name.clone())
        };
        self.records.iter_mut().filter(due).map(ended).collect()
    }

    /// What was scheduled up to now is not of the call that begins.
    pub(super) fn forget_scheduled(&mut self) {
        self.latest.clear();
    }

    /// Dooms the changes that the call under way has begun.
    pub(super) fn doom(&mut self, code: &str, message: &str) {
        for (kind, cluster, name) in std::mem::take(&mut self.latest) {
            if let Ok(record) = self.get_mut(kind, &cluster, &name) {
                record.doom = Some((code.to_owned(), message.to_owned()));
            }
        }
    }

    /// The answer that a client token was given before. A token stays used after what it made is gone: a call that is
    /// sent again makes nothing new.
    pub(super) fn remembered(&self, request: &Request) -> Result<Option<Value>, Refusal> {
        let Some(token) = request.text("clientRequestToken") else { return Ok(None) };
        match self.tokens.iter().find(|known| known.action == request.action && known.token == token) {
            None => Ok(None),
            Some(known) if known.request == asked(request) => Ok(Some(known.answer.clone())),
            Some(_) => Err(Refusal::parameter("The client request token was used before, with other parameters")
                .about("clusterName", request.cluster())),
        }
    }

    pub(super) fn remember(&mut self, request: &Request, answer: &Value) {
        if let Some(token) = request.text("clientRequestToken") {
            let (action, token) = (request.action.clone(), token.to_owned());
            self.tokens.push(Token { action, token, request: asked(request), answer: answer.clone() });
        }
    }

    /// Sets what is due at once, as if its time were up.
    #[cfg(test)]
    pub(super) fn hasten(&mut self) {
        for record in &mut self.records {
            record.due = record.due.map(|_| Timestamp::UNIX_EPOCH);
        }
    }
}

fn asked(request: &Request) -> Value {
    json!([request.names, request.body])
}

fn later(after: Duration) -> Timestamp {
    let after = jiff::SignedDuration::try_from(after).unwrap_or(jiff::SignedDuration::MAX);
    Timestamp::now().saturating_add(after).unwrap_or(Timestamp::MAX)
}

/// The present as the API prints it: seconds since 1970, with milliseconds.
pub(super) fn now() -> Value {
    let milliseconds = Timestamp::now().as_millisecond();
    serde_json::Number::from_f64(milliseconds as f64 / 1000.0).map_or(Value::Null, Value::Number)
}

/// The time of a change that is about to begin: for durations see [`Durations`].
pub(super) fn window_open(since: &Value, durations: Durations) -> bool {
    let seconds = Timestamp::now().as_millisecond() as f64 / 1000.0;
    since.as_f64().is_some_and(|since| seconds - since <= durations.rollback_window().as_secs_f64())
}
