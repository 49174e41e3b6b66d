//! `landfall plan`: what applying a manifest would do, and why.

use facts::Insight;
use plan::cluster::Upgrade;
use plan::{Action, FieldChange, PlannedChange, Problem};
use serde::Serialize;
use serde_json::{Map, Value};

use super::cluster::{upgrade, warning};
use super::describe::short;
use super::paint::{Paint, Tone};

/// What applying would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// The platform.
    pub platform: String,
    /// The revision that is there; 0 for none.
    pub from_revision: u64,
    /// How much of what.
    pub counts: Counts,
    /// What of it needs approval, a line each; empty if nothing does.
    pub approval: Vec<String>,
    /// Each change, in the order in which it is made.
    pub changes: Vec<PlannedChange>,
    /// The upgrade of Kubernetes that this begins, with all its steps; null if the minor stays.
    pub upgrade: Option<Upgrade>,
    /// What EKS has seen that speaks against the upgrade; null if there is none, or EKS could not be asked.
    pub insights: Option<Vec<Insight>>,
    /// What is to be said of the end of support of the minor that the manifest names; null while it is far.
    pub end_of_support: Option<Problem>,
}

impl PlanView {
    /// These changes, of which nothing is known of the cluster's minor.
    pub fn new(
        platform: impl Into<String>,
        from_revision: u64,
        approval: Vec<String>,
        changes: Vec<PlannedChange>,
    ) -> Self {
        Self {
            platform: platform.into(),
            from_revision,
            counts: Counts::of(&changes),
            approval,
            changes,
            upgrade: None,
            insights: None,
            end_of_support: None,
        }
    }
}

/// How many changes of which sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Made.
    pub create: usize,
    /// Changed in place.
    pub change: usize,
    /// Made anew; the old one goes.
    pub replace: usize,
    /// Deleted.
    pub delete: usize,
    /// Used, and never changed or deleted: it existed before.
    #[serde(rename = "use")]
    pub used: usize,
    /// No longer used.
    pub forget: usize,
}

impl Counts {
    /// Counts them.
    pub fn of(changes: &[PlannedChange]) -> Self {
        let mut counts = Self::default();
        for change in changes {
            *match change.action {
                Action::Create => &mut counts.create,
                Action::Update => &mut counts.change,
                Action::Replace => &mut counts.replace,
                Action::Delete => &mut counts.delete,
                Action::Use => &mut counts.used,
                Action::Forget => &mut counts.forget,
            } += 1;
        }
        counts
    }
}

/// `3 to create, 1 to delete`; empty if there is nothing to do.
pub fn summary(counts: &Counts) -> String {
    let parts = [
        (counts.create, "create"),
        (counts.change, "change"),
        (counts.replace, "replace"),
        (counts.delete, "delete"),
        (counts.used, "use"),
        (counts.forget, "forget"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} to {what}"));
    parts.collect::<Vec<_>>().join(", ")
}

/// The heading, each change with its reasons, and what of it needs approval.
pub fn plan(paint: Paint, view: &PlanView) -> String {
    let mut text = format!("{}\n", paint.paint(Tone::Strong, &heading(view)));
    if !view.changes.is_empty() {
        text.push('\n');
    }
    let width = view.changes.iter().map(|change| change.resource.to_string().chars().count()).max().unwrap_or_default();
    for change in &view.changes {
        text.push_str(&lines_of(paint, width, change));
    }
    if view.changes.iter().any(|change| change.destroys) {
        let sign = paint.paint(Tone::Bad, "!");
        text.push_str(&format!("\n{sign} What is marked destroys something that no later run brings back as it was\n"));
    }
    if let Some(way) = &view.upgrade {
        text.push_str(&format!("\n{}", upgrade(paint, way, view.insights.as_deref())));
    }
    if let Some(end) = &view.end_of_support {
        text.push_str(&format!("\n{}", warning(paint, end)));
    }
    if !view.approval.is_empty() {
        let title = paint.paint(Tone::Busy, "needs approval:");
        text.push_str(&format!("\n{title} the guards of revision {} ask for it\n", view.from_revision));
        text.extend(view.approval.iter().map(|line| format!("  {line}\n")));
    }
    text
}

/// One line on the whole.
pub fn heading(view: &PlanView) -> String {
    let name = &view.platform;
    match (view.changes.is_empty(), view.from_revision) {
        (true, _) if !view.approval.is_empty() => format!("`{name}`: no resource changes"),
        (true, _) => format!("`{name}` is as the manifest says"),
        (false, 0) => format!("`{name}` would be new: {}", summary(&view.counts)),
        (false, revision) => format!("`{name}`, compared with revision {revision}: {}", summary(&view.counts)),
    }
}

fn lines_of(paint: Paint, width: usize, change: &PlannedChange) -> String {
    let (tone, sign, word) = match change.action {
        Action::Create => (Tone::Good, "+", "create"),
        Action::Update => (Tone::Busy, "~", "change"),
        Action::Replace => (Tone::Bad, "±", "replace"),
        Action::Delete => (Tone::Bad, "-", "delete"),
        Action::Use => (Tone::Hint, "=", "use"),
        Action::Forget => (Tone::Quiet, "·", "forget"),
    };
    let mark = if change.destroys { format!(" {}", paint.paint(Tone::Bad, "!")) } else { String::new() };
    let kind = paint.paint(Tone::Quiet, change.kind.as_str());
    let sign = paint.paint(tone, sign);
    let mut text = format!("{sign} {word:<7}  {:<width$}  {kind}{mark}\n", change.resource.to_string());
    for reason in change.reasons.iter().flat_map(reasons) {
        text.push_str(&format!("             {reason}\n"));
    }
    text
}

/// The parts of a field that differ, each on a line.
fn reasons(change: &FieldChange) -> Vec<String> {
    let field = &change.field;
    match (&change.old, &change.new) {
        (Value::Object(old), Value::Object(new)) if !is_reference(new) => by_key(field, old, new),
        (Value::Array(old), Value::Array(new)) => by_element(field, old, new),
        (old, new) => vec![format!("{field}: {} → {}", shown(old), shown(new))],
    }
}

fn by_key(field: &str, old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    let keys = old.keys().chain(added).filter(|key| old.get(*key) != new.get(*key));
    let of = |map: &Map<String, Value>, key: &String| shown(map.get(key).unwrap_or(&Value::Null));
    keys.map(|key| format!("{field}.{key}: {} → {}", of(old, key), of(new, key))).collect()
}

fn by_element(field: &str, old: &[Value], new: &[Value]) -> Vec<String> {
    let gone =
        old.iter().filter(|value| !new.contains(value)).map(|value| format!("{field}: without {}", shown(value)));
    let come = new.iter().filter(|value| !old.contains(value)).map(|value| format!("{field}: with {}", shown(value)));
    let changed: Vec<String> = gone.chain(come).collect();
    if changed.is_empty() { vec![format!("{field}: in another order")] } else { changed }
}

/// A value on one line; what only the run will know, by where it comes from.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Object(map) if is_reference(map) => {
            format!("the {} of {}, once it is there", short(&map["output"]), short(&map["$of"]))
        }
        other => short(other),
    }
}

fn is_reference(map: &Map<String, Value>) -> bool {
    map.len() == 2 && map.contains_key("$of") && map.contains_key("output")
}

#[cfg(test)]
mod tests {
    use domain::{Component, Kind, ResourceId};
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    fn change(action: Action, name: &str, kind: Kind, reasons: Vec<FieldChange>, destroys: bool) -> PlannedChange {
        PlannedChange { action, resource: ResourceId::new(Component::Network, name), kind, reasons, destroys }
    }

    fn field(field: &str, old: Value, new: Value) -> FieldChange {
        FieldChange { field: field.to_owned(), old, new }
    }

    fn view(from_revision: u64, changes: Vec<PlannedChange>) -> PlanView {
        PlanView::new("demo", from_revision, Vec::new(), changes)
    }

    #[test]
    fn nothing_to_do() {
        insta::assert_snapshot!(plan(Paint::PLAIN, &view(3, vec![])), @"`demo` is as the manifest says");
    }

    #[test]
    fn a_new_platform() {
        let changes = vec![
            change(Action::Use, "given-vpc", Kind::GivenVpc, vec![], false),
            change(Action::Create, "nat-1", Kind::NatGateway, vec![], false),
        ];
        insta::assert_snapshot!(plan(Paint::PLAIN, &view(0, changes)));
    }

    #[test]
    fn an_upgrade_stands_below_the_changes_of_its_first_step() {
        let field = field("version", json!("1.34"), json!("1.35"));
        let mut changes = vec![change(Action::Update, "control-plane", Kind::ControlPlane, vec![field], false)];
        changes[0].resource = ResourceId::new(Component::Cluster, "control-plane");
        let mut view = view(3, changes);
        (view.upgrade, view.insights) = (Some(fixtures::upgrade()), Some(fixtures::insights()));
        insta::assert_snapshot!(plan(Paint::PLAIN, &view));
    }

    #[test]
    fn every_sort_of_change_with_its_reasons() {
        let tags = field("tags", json!({"owner": "me", "team": "a"}), json!({"owner": "you", "cost": "7"}));
        let subnets = field(
            "subnets",
            json!(["subnet-1", "subnet-2"]),
            json!(["subnet-2", {"$of": "network/s", "output": "id"}]),
        );
        let moved = field("vpc", json!("vpc-1"), json!({"$of": "network/vpc", "output": "id"}));
        let changes = vec![
            change(Action::Create, "nat-2", Kind::NatGateway, vec![], false),
            change(Action::Update, "table-1", Kind::RouteTable, vec![tags, subnets], false),
            change(
                Action::Replace,
                "subnet-1",
                Kind::Subnet,
                vec![moved, field("publicAddresses", json!(true), json!(false))],
                true,
            ),
            change(Action::Delete, "endpoint-s3", Kind::GatewayEndpoint, vec![], false),
            change(Action::Forget, "given-a", Kind::GivenSubnet, vec![], false),
        ];
        let approval = vec!["Replace network/subnet-1 because of vpc, publicAddresses".to_owned()];
        insta::assert_snapshot!(plan(Paint::PLAIN, &PlanView { approval, ..view(3, changes) }));
    }
}
