//! `landfall describe`: everything that is known of one resource, a block a generation.

use domain::{Outputs, Record, ResourceId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::paint::{Paint, Tone, of_state};
use super::table::{Cell, lines};
use super::time::{Clock, exact};

/// One generation of a resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeView {
    /// `component/name`.
    pub id: String,
    /// Which making of it.
    pub generation: u32,
    /// Its type.
    pub kind: String,
    /// One of the words of `status`.
    pub state: String,
    /// Since when, where something is going on.
    pub since: Option<Timestamp>,
    /// What it waits for, or why it failed.
    pub reason: Option<String>,
    /// By what AWS finds it.
    pub locator: Option<String>,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Whether it existed before Landfall: then it is never deleted.
    pub adopted: bool,
    /// When its making began.
    pub created: Timestamp,
    /// When its record last changed.
    pub updated: Timestamp,
    /// What it uses, as `component/name#generation`.
    pub needs: Vec<String>,
    /// What uses it: none of these may be left when it is deleted.
    pub needed_by: Vec<String>,
    /// What it gives to others.
    pub outputs: Outputs,
    /// What was applied last.
    pub spec: Value,
}

/// Every generation of `id` among the records of its platform, the newest first.
pub fn views(id: &ResourceId, records: &[Record]) -> Vec<DescribeView> {
    let mut views: Vec<DescribeView> =
        records.iter().filter(|record| record.id == *id).map(|record| view(record, records)).collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.generation));
    views
}

fn view(record: &Record, all: &[Record]) -> DescribeView {
    let edge = record.edge();
    let state = super::status::resource_view(record);
    DescribeView {
        id: state.id,
        generation: state.generation,
        kind: state.kind,
        state: state.state,
        since: state.since,
        reason: state.reason,
        locator: state.locator,
        account: record.target.account.to_string(),
        region: record.target.region.to_string(),
        adopted: record.adopted,
        created: record.created,
        updated: record.updated,
        needs: record.needs.iter().map(ToString::to_string).collect(),
        needed_by: all
            .iter()
            .filter(|other| other.needs.contains(&edge))
            .map(|other| other.edge().to_string())
            .collect(),
        outputs: record.outputs.clone(),
        spec: record.spec.clone(),
    }
}

/// A block a generation.
pub fn describe(paint: Paint, clock: &Clock, views: &[DescribeView]) -> String {
    views.iter().map(|view| block(paint, clock, view)).collect::<Vec<_>>().join("\n")
}

fn block(paint: Paint, clock: &Clock, view: &DescribeView) -> String {
    let title = format!("{}#{}", view.id, view.generation);
    let mut text =
        format!("{}  {}", paint.paint(Tone::Strong, &title), paint.paint(of_state(&view.state), &view.state));
    if let Some(since) = view.since {
        text.push_str(&format!(" for {}", exact(clock.since(since))));
    }
    text.push('\n');
    let locator = view.locator.clone().unwrap_or_else(|| "not known yet".to_owned());
    let mut rows: Vec<[Cell; 2]> = vec![
        row("kind", &view.kind),
        row("found by", locator),
        row("in", format!("{} of account {}", view.region, view.account)),
        row("created", clock.date(view.created)),
        row("changed", clock.date(view.updated)),
    ];
    rows.extend(view.reason.as_ref().map(|reason| row("reason", reason)));
    rows.extend(view.adopted.then(|| row("adopted", "was there before Landfall and is never deleted")));
    rows.extend((!view.needs.is_empty()).then(|| row("needs", view.needs.join(", "))));
    rows.extend((!view.needed_by.is_empty()).then(|| row("needed by", view.needed_by.join(", "))));
    rows.extend(view.outputs.iter().map(|(name, value)| row(format!("output {name}"), value)));
    text.push_str(&lines(paint, "  ", rows));
    text.push_str(&format!("  {}\n", paint.paint(Tone::Quiet, "spec")));
    for (field, value) in view.spec.as_object().into_iter().flatten() {
        text.push_str(&format!("    {field}: {}\n", short(value)));
    }
    text
}

fn row(name: impl Into<String>, value: impl Into<String>) -> [Cell; 2] {
    [Cell::new(Tone::Quiet, name), Cell::from(value)]
}

/// A value on one line: text bare, anything else as JSON.
pub fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures, look};

    async fn shown(name: &str) -> String {
        let (ledger, _) = fixtures::under_way().await;
        let records = look::records(&ledger, &fixtures::name()).await.unwrap();
        describe(Paint::PLAIN, &fixtures::clock(), &views(&fixtures::id(name), &records))
    }

    #[tokio::test]
    async fn what_is_ready() {
        insta::assert_snapshot!(shown("private-1").await);
    }

    #[tokio::test]
    async fn what_is_replaced_and_not_done() {
        insta::assert_snapshot!(shown("nat-2").await);
    }

    #[tokio::test]
    async fn what_is_only_claimed() {
        insta::assert_snapshot!(shown("address-3").await);
    }
}
