//! The cluster in `landfall status`: what runs, for how long EKS supports it, and how an upgrade goes in `landfall plan`.

use std::collections::BTreeMap;

use domain::{Kind, Record};
use facts::Insight;
use jiff::civil::Date;
use plan::ClusterFacts;
use plan::Problem;
use plan::cluster::{AddonSpec, ControlPlaneSpec, Upgrade, UpgradeStep, VersionChange, end_of_support};
use serde::Serialize;

use super::paint::{Paint, Tone};
use crate::cluster::{control_plane, there};

/// A cluster as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    /// The Kubernetes minor of the control plane; null before it is there.
    pub version: Option<String>,
    /// `STANDARD` or `EXTENDED`: which support is paid for.
    pub support_type: String,
    /// The last day of standard support; null if it is not known.
    pub end_of_standard_support: Option<Date>,
    /// The last day of extended support; null if it is not known.
    pub end_of_extended_support: Option<Date>,
    /// What is to be said of the end of support; null while it is far.
    pub end_of_support: Option<Problem>,
    /// The versions of the EKS add-ons, by name.
    pub addons: BTreeMap<String, String>,
    /// The Kubernetes minors of the node groups, by name.
    pub node_groups: BTreeMap<String, String>,
}

/// The cluster of these records, with what the last plan knew of EKS; none if there is no control plane.
pub fn cluster_view(records: &[Record], facts: Option<&ClusterFacts>, today: Date) -> Option<ClusterView> {
    let record = control_plane(records)?;
    let version = record.outputs.get("version").cloned();
    let spec: Option<ControlPlaneSpec> = crate::cluster::spec(record).ok();
    let support_type = spec.map(|spec| spec.support_type).unwrap_or_default();
    let known = facts.and_then(|facts| facts.versions.iter().find(|known| Some(&known.version) == version.as_ref()));
    let told = version.as_ref().zip(facts);
    Some(ClusterView {
        end_of_standard_support: known.and_then(|known| known.end_of_standard_support),
        end_of_extended_support: known.and_then(|known| known.end_of_extended_support),
        end_of_support: told
            .and_then(|(version, facts)| end_of_support(version, support_type == "EXTENDED", facts, today)),
        addons: there(records, Kind::Addon).filter_map(addon).collect(),
        node_groups: there(records, Kind::NodeGroup).filter_map(node_group).collect(),
        version,
        support_type,
    })
}

fn addon(record: &Record) -> Option<(String, String)> {
    let spec: AddonSpec = crate::cluster::spec(record).ok()?;
    Some((spec.name, record.outputs.get("version").cloned().unwrap_or(spec.version)))
}

fn node_group(record: &Record) -> Option<(String, String)> {
    let name = record.id.name().strip_prefix("node-group-")?;
    Some((name.to_owned(), record.outputs.get("version").cloned()?))
}

/// The lines of a cluster below the head of a status.
pub fn cluster(paint: Paint, view: &ClusterView) -> String {
    let Some(version) = &view.version else { return "  Kubernetes is being made\n".to_owned() };
    let mut text = format!("  Kubernetes {version}{}\n", support(view));
    let list = |of: &BTreeMap<String, String>| {
        of.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
    };
    if !view.addons.is_empty() {
        text.push_str(&format!("  add-ons {}\n", list(&view.addons)));
    }
    if !view.node_groups.is_empty() {
        text.push_str(&format!("  node groups {}\n", list(&view.node_groups)));
    }
    text.push_str(&view.end_of_support.as_ref().map(|problem| warning(paint, problem)).unwrap_or_default());
    text
}

fn support(view: &ClusterView) -> String {
    match (view.end_of_standard_support, view.end_of_extended_support) {
        (Some(standard), Some(extended)) if view.support_type == "EXTENDED" => {
            format!(", standard support until {standard}, extended support until {extended}")
        }
        (Some(standard), Some(extended)) => {
            format!(", standard support until {standard} (extended until {extended}, not paid for)")
        }
        (Some(standard), None) => format!(", standard support until {standard}"),
        (None, _) => String::new(),
    }
}

/// What is to be looked at, and what to do.
pub fn warning(paint: Paint, problem: &Problem) -> String {
    format!("  {} {}; {}\n", paint.paint(Tone::Busy, "!"), problem.message, problem.fix)
}

/// The steps of an upgrade, its risks, and what EKS has against it; `None` if EKS could not be asked.
pub fn upgrade(paint: Paint, upgrade: &Upgrade, insights: Option<&[Insight]>) -> String {
    let minors: Vec<&str> = upgrade.steps.iter().map(|step| step.version.as_str()).collect();
    let title = format!("Kubernetes {} → {}", upgrade.from, minors.join(" → "));
    let mut text = paint.paint(Tone::Strong, &title);
    if upgrade.steps.len() > 1 {
        text.push_str(", with a verification after each minor; the changes above are those of the first");
    }
    text.push('\n');
    text.extend(upgrade.steps.iter().map(step));
    text.extend(upgrade.risks.iter().map(|risk| warning(paint, risk)));
    match insights {
        None => {
            text.push_str("  EKS could not be asked whether the cluster is ready: that takes eks:ListInsights and eks:DescribeInsight\n");
        }
        Some([]) => text.push_str("  EKS has seen nothing that speaks against it\n"),
        Some(insights) => text.extend(insights.iter().map(|insight| self::insight(paint, insight))),
    }
    text
}

fn step(step: &UpgradeStep) -> String {
    let mut parts = vec!["the control plane".to_owned()];
    let changes = step.addons.iter().map(|(name, VersionChange { from, to })| match from {
        Some(from) => format!("{name} {from} → {to}"),
        None => format!("{name} {to}"),
    });
    let addons: Vec<String> = changes.collect();
    if !addons.is_empty() {
        parts.push(addons.join(", "));
    }
    let groups = step.node_groups.iter().map(|id| id.name().trim_start_matches("node-group-"));
    let groups: Vec<&str> = groups.collect();
    if !groups.is_empty() {
        parts.push(format!("the nodes of {}", groups.join(", ")));
    }
    format!("  {}  {}\n", step.version, parts.join("; "))
}

fn insight(paint: Paint, insight: &Insight) -> String {
    let (tone, what) = if insight.refuses { (Tone::Bad, "EKS refuses it") } else { (Tone::Busy, "EKS warns") };
    let Insight { name, reason, recommendation, .. } = insight;
    let mut text = format!("  {} {name}: {reason}\n", paint.paint(tone, &format!("! {what}:")));
    for removal in &insight.removals {
        let by = if removal.clients.is_empty() {
            String::new()
        } else {
            format!(", used by {}", removal.clients.join(", "))
        };
        text.push_str(&format!(
            "      {} goes with {}; use {}{by}\n",
            removal.api, removal.removed_in, removal.replaced_with
        ));
    }
    if insight.removals.is_empty() && !recommendation.is_empty() {
        text.push_str(&format!("      {recommendation}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    const TODAY: Date = Date::constant(2026, 11, 21);

    #[test]
    fn a_cluster_whose_support_ends_soon() {
        let view = cluster_view(&fixtures::cluster_records(), Some(&fixtures::cluster_facts()), TODAY).unwrap();
        insta::assert_snapshot!(cluster(Paint::PLAIN, &view));
        let paid = ClusterView { support_type: "EXTENDED".to_owned(), end_of_support: None, ..view };
        assert!(cluster(Paint::PLAIN, &paid).contains("extended support until 2027-12-02\n"));
    }

    #[test]
    fn without_a_plan_the_dates_are_left_out() {
        let view = cluster_view(&fixtures::cluster_records(), None, TODAY).unwrap();
        assert!(cluster(Paint::PLAIN, &view).starts_with("  Kubernetes 1.34\n  add-ons coredns"));
        assert_eq!(cluster_view(&[], None, TODAY), None);
    }

    #[test]
    fn an_upgrade_with_what_speaks_against_it() {
        let (way, insights) = (fixtures::upgrade(), fixtures::insights());
        let first = Upgrade { steps: way.steps[..1].to_vec(), risks: Vec::new(), ..way.clone() };
        insta::assert_snapshot!(
            [
                upgrade(Paint::PLAIN, &way, Some(&insights)),
                upgrade(Paint::PLAIN, &first, Some(&[])),
                upgrade(Paint::PLAIN, &first, None),
            ]
            .join("\n")
        );
    }
}
