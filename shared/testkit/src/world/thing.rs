//! One thing in the model: how it comes, shows itself, is bound to others, and goes.

use domain::{Epoch, Kind, Locator, Outputs, Tags};
use engine::{Actual, Observed};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A thing that AWS holds.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    pub(super) tags: Tags,
    pub(super) spec: Value,
    /// From when on it is shown.
    pub(super) visible: Timestamp,
    /// From when on AWS is done with it.
    pub(super) ready: Timestamp,
    /// What AWS gave up on it for, once it is done.
    pub(super) failure: Option<String>,
    /// Whether a second call of its creation is still to be made.
    pub(super) unfinished: bool,
    /// When it is gone, once its deletion has begun.
    pub(super) gone: Option<Timestamp>,
    /// What AWS is changing it to.
    pub(super) change: Option<Update>,
    /// The change that AWS gave up on last, and why.
    pub(super) failed_change: Option<(Update, String)>,
    /// How often it was changed.
    pub(super) changes: u32,
    /// Until when AWS calls it unhealthy, and why.
    pub(super) unhealthy: Option<(Timestamp, String)>,
}

/// A change that AWS takes its time for.
#[derive(Debug, Clone)]
pub(super) struct Update {
    pub(super) began: Timestamp,
    /// In whose name.
    pub(super) epoch: Epoch,
    pub(super) ends: Timestamp,
    pub(super) to: Value,
    pub(super) fails: Option<String>,
}

impl Thing {
    pub(super) fn is_gone(&self, now: Timestamp) -> bool {
        self.gone.is_some_and(|gone| gone <= now)
    }

    /// Whether AWS is done with it, and did not give up on it.
    pub(super) fn is_whole(&self, now: Timestamp) -> bool {
        self.ready <= now && self.failure.is_none()
    }

    /// Whether AWS gave up on it and lets nobody delete it: it is shown until AWS drops it, hours later, and holds nothing.
    pub(super) fn is_dead(&self, now: Timestamp) -> bool {
        self.failure.is_some() && self.ready <= now && cannot_be_deleted_once_failed(self.kind)
    }

    pub(super) fn observed(&self, locator: &str, now: Timestamp) -> Observed {
        let actual = self.actual(locator);
        match &self.failure {
            _ if self.gone.is_some() || self.is_busy(now) => Observed::Pending(actual),
            Some(why) => Observed::Failed(actual, why.clone()),
            None => Observed::Present(self.with_health(actual, now)),
        }
    }

    /// Whether AWS is making or changing it.
    pub(super) fn is_busy(&self, now: Timestamp) -> bool {
        self.ready > now || self.change.is_some()
    }

    /// What AWS calls unhealthy.
    pub(super) fn is_unhealthy(&self, now: Timestamp) -> Option<&str> {
        self.unhealthy.as_ref().filter(|(until, _)| *until > now).map(|(_, why)| why.as_str())
    }

    fn with_health(&self, mut actual: Actual, now: Timestamp) -> Actual {
        if let Some(why) = self.is_unhealthy(now) {
            actual.properties[plan::HEALTH] = json!([why]);
        }
        actual
    }

    /// Ends the change whose time has come.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let Some(update) = self.change.take_if(|update| update.ends <= now) else { return };
        match update.fails.clone() {
            Some(why) => self.failed_change = Some((update, why)),
            None => {
                self.spec = update.to;
                self.changes += 1;
            }
        }
    }

    pub(super) fn actual(&self, locator: &str) -> Actual {
        let mut properties = self.spec.clone();
        if self.unfinished {
            properties[plan::UNFINISHED] = json!(["the second call"]);
        }
        let outputs = outputs(self.kind, locator, &self.spec, self.changes);
        Actual { locator: Locator(locator.to_owned()), properties, outputs }
    }

    /// Whether its spec names that locator anywhere.
    pub(super) fn refers_to(&self, locator: &str) -> bool {
        names(&self.spec, locator)
    }

    /// Of what there may be only one.
    pub(super) fn identity(&self) -> Option<String> {
        identity(self.kind, &self.spec)
    }
}

/// Whether this text stands anywhere in there.
pub(super) fn names(value: &Value, text: &str) -> bool {
    match value {
        Value::String(string) => string == text,
        Value::Array(items) => items.iter().any(|item| names(item, text)),
        Value::Object(map) => map.values().any(|item| names(item, text)),
        _ => false,
    }
}

/// Of what AWS allows only one. An address carries one NAT gateway, a table leads to one destination in one way.
pub(super) fn identity(kind: Kind, spec: &Value) -> Option<String> {
    let fields: &[&str] = match kind {
        Kind::Subnet | Kind::VpcCidr => &["vpc", "cidr"],
        Kind::InternetGateway => &["vpc"],
        Kind::Route => &["table", "destination"],
        Kind::NatGateway => &["address"],
        Kind::SecurityGroup => &["vpc", "name"],
        Kind::GatewayEndpoint | Kind::InterfaceEndpoint => &["vpc", "service"],
        Kind::TransitGatewayAttachment => &["vpc", "transitGateway"],
        Kind::LogGroup | Kind::Role | Kind::ControlPlane | Kind::LaunchTemplate | Kind::Function => &["name"],
        Kind::FlowLog => &["vpc", "logGroup"],
        Kind::OidcProvider => &["issuer"],
        Kind::AccessEntry => &["cluster", "principal"],
        Kind::NodeGroup | Kind::FargateProfile | Kind::Addon => &["cluster", "name"],
        Kind::PodIdentityAssociation => &["cluster", "namespace", "serviceAccount"],
        Kind::Vpc
        | Kind::GivenVpc
        | Kind::GivenSubnet
        | Kind::RouteTable
        | Kind::ElasticIp
        | Kind::Peering
        | Kind::KmsKey => return None,
    };
    let values: Option<Vec<String>> = fields.iter().map(|field| spec.get(field).map(Value::to_string)).collect();
    Some(format!("{kind} {}", values?.join(" ")))
}

/// Whether a thing of this kind is found by its name, so that one which is there before may be somebody else's.
pub(super) fn is_named(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::LogGroup
            | Kind::Role
            | Kind::ControlPlane
            | Kind::OidcProvider
            | Kind::AccessEntry
            | Kind::LaunchTemplate
            | Kind::NodeGroup
            | Kind::FargateProfile
            | Kind::Addon
            | Kind::PodIdentityAssociation
            | Kind::Function
    )
}

/// Whether AWS takes its time for a change of such a thing, does one at a time, and may give up on it.
pub(super) fn changes_in_time(kind: Kind) -> bool {
    matches!(kind, Kind::ControlPlane | Kind::NodeGroup | Kind::Addon | Kind::Function)
}

/// In what AWS makes and deletes only one thing of that kind at a time.
pub(super) fn alone_in(kind: Kind, spec: &Value) -> Option<&Value> {
    if kind == Kind::FargateProfile { spec.get("cluster") } else { None }
}

/// Whether what AWS gives up on is there all the same, and unhealthy for a while.
pub(super) fn degrades(kind: Kind) -> bool {
    kind == Kind::Addon
}

/// Whether a create of this kind takes a client token: the same token again answers with what it made, even when that
/// is gone.
pub(super) fn takes_token(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::NatGateway
            | Kind::GatewayEndpoint
            | Kind::InterfaceEndpoint
            | Kind::FlowLog
            | Kind::ControlPlane
            | Kind::AccessEntry
            | Kind::LaunchTemplate
            | Kind::NodeGroup
            | Kind::FargateProfile
            | Kind::Addon
            | Kind::PodIdentityAssociation
    )
}

/// Whether a create of this kind is more than one call, so that it may stop half-way.
pub(super) fn comes_in_two_calls(kind: Kind) -> bool {
    plan::changeable(kind).contains(&plan::UNFINISHED)
}

/// Whether AWS deletes a thing of this kind while others refer to it: a route to it leads nowhere from then on.
pub(super) fn leaves_others_dangling(kind: Kind) -> bool {
    let pointed_at = [Kind::NatGateway, Kind::Peering, Kind::TransitGatewayAttachment, Kind::InternetGateway];
    pointed_at.contains(&kind) || matches!(kind, Kind::LogGroup | Kind::Role)
}

/// Whether nobody can delete a thing of this kind that AWS gave up on.
/// <https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html>
pub(super) fn cannot_be_deleted_once_failed(kind: Kind) -> bool {
    kind == Kind::TransitGatewayAttachment
}

/// How long AWS takes to make or delete a thing of that kind.
pub(super) fn duration(kind: Kind) -> SignedDuration {
    match kind {
        Kind::NatGateway => SignedDuration::from_secs(105),
        Kind::InterfaceEndpoint | Kind::TransitGatewayAttachment | Kind::Function => SignedDuration::from_secs(60),
        Kind::ControlPlane => SignedDuration::from_secs(540),
        Kind::NodeGroup => SignedDuration::from_secs(120),
        Kind::FargateProfile => SignedDuration::from_secs(90),
        Kind::Addon => SignedDuration::from_secs(30),
        _ => SignedDuration::ZERO,
    }
}

/// What others refer to. Whoever writes into a log group names it and its role, and everything else goes by its id. A
/// version is that of the spec, or counts the changes.
pub(super) fn outputs(kind: Kind, locator: &str, spec: &Value, changes: u32) -> Outputs {
    let names: &[&str] = match kind {
        Kind::Vpc | Kind::GivenVpc => &["id", "mainRouteTable"],
        Kind::LogGroup | Kind::Role => &["arn", "name"],
        Kind::ElasticIp => &["id", "address"],
        Kind::KmsKey => &["arn", "id"],
        Kind::ControlPlane => {
            &["name", "arn", "version", "endpoint", "certificateAuthority", "issuer", "securityGroup"]
        }
        Kind::OidcProvider => &["arn", "host"],
        Kind::AccessEntry => &["arn"],
        Kind::LaunchTemplate => &["id", "version"],
        Kind::NodeGroup => &["arn", "name", "version"],
        Kind::FargateProfile | Kind::Function => &["arn", "name"],
        Kind::Addon => &["arn", "version"],
        Kind::PodIdentityAssociation => &["id", "arn"],
        _ => &["id"],
    };
    let version = || match spec.get("version") {
        Some(version) => version.as_str().unwrap_or_default().to_owned(),
        None => (changes + 1).to_string(),
    };
    let value = |name: &str| if name == "version" { version() } else { locator.to_owned() };
    names.iter().map(|name| ((*name).to_owned(), value(name))).collect()
}
