//! Kubernetes versions: which there are and how long they are supported, upgrades, and going back.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html> (the calendar),
//! <https://docs.aws.amazon.com/eks/latest/userguide/platform-versions.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use super::store::{Kind, window_open};
use super::update::{Change, Effect};
use super::{Answer, Job, Place, fargate, insight};

/// One minor version.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) version: &'static str,
    /// The newest patch of Kubernetes that EKS runs.
    pub(super) patch: &'static str,
    pub(super) platform: &'static str,
    released: &'static str,
    standard_until: &'static str,
    extended_until: &'static str,
}

/// The version of a cluster that names none.
const DEFAULT: &str = "1.36";

/// Newest first. The dates are those of AWS's calendar.
pub(super) const VERSIONS: &[Version] = &[
    new("1.36", "1.36.1", "eks.8", "2026-06-02", "2027-08-02", "2028-08-02"),
    new("1.35", "1.35.4", "eks.14", "2026-01-27", "2027-03-27", "2028-03-27"),
    new("1.34", "1.34.7", "eks.22", "2025-10-02", "2026-12-02", "2027-12-02"),
    new("1.33", "1.33.11", "eks.36", "2025-05-29", "2026-07-29", "2027-07-29"),
    new("1.32", "1.32.13", "eks.43", "2025-01-23", "2026-03-23", "2027-03-23"),
    new("1.31", "1.31.14", "eks.59", "2024-09-26", "2025-11-26", "2026-11-26"),
    new("1.30", "1.30.14", "eks.67", "2024-05-23", "2025-07-23", "2026-07-23"),
    new("1.29", "1.29.15", "eks.70", "2024-01-23", "2025-03-23", "2026-03-23"),
];

const fn new(
    version: &'static str,
    patch: &'static str,
    platform: &'static str,
    released: &'static str,
    standard_until: &'static str,
    extended_until: &'static str,
) -> Version {
    Version { version, patch, platform, released, standard_until, extended_until }
}

impl Version {
    fn status(&self) -> &'static str {
        let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        match today.as_str() {
            today if today < self.standard_until => "STANDARD_SUPPORT",
            today if today < self.extended_until => "EXTENDED_SUPPORT",
            _ => "UNSUPPORTED",
        }
    }

    fn supported(&self) -> bool {
        self.status() != "UNSUPPORTED"
    }

    fn document(&self) -> Value {
        let deprecated = self.status().to_lowercase().replace('_', "-");
        json!({
            "clusterVersion": self.version,
            "clusterType": "eks",
            "defaultPlatformVersion": self.platform,
            "defaultVersion": self.version == DEFAULT,
            "releaseDate": midnight(self.released),
            "endOfStandardSupportDate": midnight(self.standard_until),
            "endOfExtendedSupportDate": midnight(self.extended_until),
            "status": deprecated,
            "versionStatus": self.status(),
            "kubernetesPatchVersion": self.patch,
        })
    }
}

fn midnight(date: &str) -> Value {
    let date = date.parse::<jiff::civil::Date>().ok();
    let at = date.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
    at.map_or(Value::Null, |at| json!(at.timestamp().as_second()))
}

/// The supported version of this name, or the default one.
pub(super) fn wanted(name: Option<&str>, cluster: &str) -> Result<&'static Version, Refusal> {
    let name = name.unwrap_or(DEFAULT);
    find(name).filter(|version| version.supported()).ok_or_else(|| {
        Refusal::parameter(format!("unsupported Kubernetes version {name}")).about("clusterName", cluster)
    })
}

/// The version of this name, supported or not.
pub(super) fn find(name: &str) -> Option<&'static Version> {
    VERSIONS.iter().find(|version| version.version == name)
}

/// The version of the kubelets that come with a version of EKS, as in `v1.35.4-eks-0000000`.
pub(super) fn kubelet(name: &str) -> String {
    format!("v{}-eks-0000000", find(name).map_or("", |version| version.patch))
}

/// The number of a minor version: 35 of `1.35`.
pub(super) fn minor(version: &str) -> u32 {
    version.strip_prefix("1.").and_then(|minor| minor.parse().ok()).unwrap_or_default()
}

pub(super) fn describe(request: &Request, _: &mut Place<'_>) -> Answer {
    let names = request.parameters("clusterVersions");
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        return Err(Refusal::parameter(format!("Invalid cluster version: {unknown}")));
    }
    let flag = |name: &str| request.parameter(name) == Some("true");
    let status = request.parameter("versionStatus").map(str::to_owned);
    let status = status.or_else(|| request.parameter("status").map(|old| old.to_uppercase().replace('-', "_")));
    let asked = |version: &&Version| {
        let named = names.contains(&version.version);
        let supported = version.supported() || flag("includeAll") || named || status.is_some();
        (names.is_empty() || named)
            && supported
            && (!flag("defaultOnly") || version.version == DEFAULT)
            && status.as_ref().is_none_or(|status| status == version.status())
            && request.parameter("clusterType").is_none_or(|kind| kind == "eks")
    };
    request.page("clusterVersions", VERSIONS.iter().filter(asked).map(Version::document).collect())
}

pub(super) fn update(request: &Request, place: &mut Place<'_>) -> Answer {
    let name = request.cluster();
    let cluster = place.store.cluster(name)?;
    let from = cluster.text("version").to_owned();
    let to = request.required("version")?;
    let refuse = |message: String| Err(Refusal::parameter(message).about("clusterName", name));
    let version = wanted(Some(to), name)?;
    let back = minor(to) < minor(&from);
    if to == from {
        return refuse(format!("Cluster is already at version {to}"));
    }
    if minor(to).abs_diff(minor(&from)) > 1 {
        return refuse(format!("Unsupported Kubernetes minor version update from {from} to {to}"));
    }
    // Only then, because a wrong request stays wrong when the update under way has ended.
    super::update::check_free(place, name, if back { "VersionRollback" } else { "VersionUpdate" })?;
    let force = request.body["force"].as_bool().unwrap_or(false);
    if back {
        check_back(place, name, to, force)?
    } else {
        check_forth(place, name, &from, to, force)?
    };
    let change = Change {
        kind: if back { "VersionRollback" } else { "VersionUpdate" },
        params: vec![("Version", to.into()), ("PlatformVersion", version.platform.into())],
        effects: vec![Effect::cluster("version", to), Effect::cluster("platformVersion", version.platform)],
        takes: place.durations.control_plane_version(),
    };
    let update = super::update::begin(place, name, change)?;
    restart(place, name, to);
    Ok(json!({"update": update}))
}

/// Has a real control plane run as this version: a new process over the same data. Until it runs, the update goes on.
pub(super) fn restart(place: &mut Place<'_>, name: &str, version: &str) {
    let Ok(cluster) = place.store.get_mut(Kind::Cluster, name, name) else { return };
    if cluster.hidden["plane"].is_object() {
        cluster.hidden["restarting"] = json!(true);
        let (region, cluster) = (place.region.to_owned(), name.to_owned());
        place.jobs.push(Job::Start { region, cluster, version: version.to_owned() });
    }
}

fn check_forth(place: &Place<'_>, name: &str, from: &str, to: &str, force: bool) -> Result<(), Refusal> {
    // "All of your node groups' Kubernetes versions must match the cluster's":
    // <https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateClusterVersion.html>
    let groups = place.store.within(Kind::Nodegroup, name);
    let behind: Vec<&str> =
        groups.iter().filter(|group| group.text("version") != from).map(|group| group.name.as_str()).collect();
    if !behind.is_empty() {
        let names = behind.join(", ");
        let said = format!(
            "Nodegroups {names} must be updated to match cluster version {from} before updating cluster version"
        );
        return Err(Refusal::parameter(said).about("clusterName", name));
    }
    // "… of both the managed nodes and Fargate nodes …": <https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html>;
    // in these words: <https://github.com/eksctl-io/eksctl/issues/2545>
    if fargate::kubelets(place.store.cluster(name)?).iter().any(|(_, kubelet)| kubelet != from) {
        let said = format!(
            "Kubelet version of Fargate pods must be updated to match cluster version {from} before updating cluster \
             version; Please recycle all offending pod replicas"
        );
        return Err(Refusal::request(said).about("clusterName", name));
    }
    insight::must_pass(place, name, "UPGRADE_READINESS", to, force)
}

fn check_back(place: &Place<'_>, name: &str, to: &str, force: bool) -> Result<(), Refusal> {
    let cluster = place.store.cluster(name)?;
    let refuse = |said: String| Err(Refusal::request(said).about("clusterName", name));
    if cluster.hidden["upgradedFrom"] != to || !window_open(&cluster.hidden["upgradedAt"], place.durations) {
        return refuse(format!("Cluster {name} was not upgraded from version {to} within the last 7 days"));
    }
    let standard = find(to).is_some_and(|version| version.status() == "STANDARD_SUPPORT");
    if !standard && cluster.document["upgradePolicy"]["supportType"] != "EXTENDED" {
        return refuse(format!("Version {to} is in extended support, which the cluster's upgrade policy excludes"));
    }
    insight::must_pass(place, name, "ROLLBACK_READINESS", to, force)
}

/// Only the roll-back of an EKS Auto Mode cluster can be canceled, and only while its nodes go back.
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_CancelUpdate.html>
pub(super) fn cancel(request: &Request, place: &mut Place<'_>) -> Answer {
    let name = request.cluster();
    let auto = place.store.cluster(name)?.document["computeConfig"]["enabled"] == true;
    let update = place.store.get_mut(Kind::Update, name, request.member())?;
    if update.text("type") != "VersionRollback" || !auto || !update.is("InProgress") {
        let said = "Only a version rollback of an EKS Auto Mode cluster that is in progress can be cancelled";
        return Err(Refusal::request(said).about("clusterName", name));
    }
    update.due = None;
    update.set("status", "Cancelled");
    update.set("cancellation", json!({"status": "Successful"}));
    let document = update.document.clone();
    let restored = place.store.get_mut(Kind::Cluster, name, name)?;
    restored.set("status", "ACTIVE");
    let version = restored.text("version").to_owned();
    restart(place, name, &version);
    Ok(json!({"update": document}))
}
